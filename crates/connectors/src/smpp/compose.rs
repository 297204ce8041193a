//! From a parcel to the PDUs that carry it.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicU16, Ordering},
};

use model::{Cause, Content, Phone, content::Text, message::Priority};

use super::{
    alphabet,
    encode::{self, Address, Envelope, Place, Request, UserData},
    segment::{self, Segmented, Shape},
    settings::{LongMessages, Settings},
};
use crate::Parcel;

/// Most characters of an alphanumeric sender.
const ALPHANUMERIC: usize = 11;
/// How many counters of references there are; pairs of sender and recipient share them.
const COUNTERS: usize = 1024;

/// Counters for the references of long messages, so that two messages of one sender to one
/// recipient do not get the same reference soon after each other.
#[derive(Debug)]
pub(super) struct References(Box<[AtomicU16]>);

impl Default for References {
    fn default() -> Self {
        Self((0..COUNTERS).map(|_| AtomicU16::new(1)).collect())
    }
}

impl References {
    fn next(&self, source: &Address, destination: &Address) -> u16 {
        let mut hasher = DefaultHasher::new();
        (&source.text, &destination.text).hash(&mut hasher);
        let slot = (hasher.finish() % COUNTERS as u64) as usize;
        self.0[slot].fetch_add(1, Ordering::Relaxed)
    }
}

/// The text of a content; other kinds do not travel by SMS.
pub(super) fn text(content: &Content) -> Result<&Text, Cause> {
    match content {
        Content::Text(text) => Ok(text),
        Content::Media(_)
        | Content::Location(_)
        | Content::Contacts(_)
        | Content::Interactive(_)
        | Content::Template(_)
        | Content::Whatsapp(_)
        | Content::Email(_)
        | Content::Other(_) => Err(Cause::UnsupportedContent),
    }
}

/// How texts are cut for this carrier; a peer without TLVs gets headers instead.
pub(super) fn shape(settings: &Settings, tlvs: bool) -> Shape {
    let method = match settings.long_messages {
        LongMessages::Sar | LongMessages::Payload if !tlvs => LongMessages::Udh8,
        method => method,
    };
    Shape {
        charset: settings.default_charset,
        transliterate: settings.transliterate,
        method,
        max_parts: settings.max_parts,
    }
}

/// The submits of a parcel, in order.
pub(super) fn submits(
    settings: &Settings,
    references: &References,
    parcel: &Parcel,
    tlvs: bool,
) -> Result<Vec<Request>, Cause> {
    let text = text(&parcel.content)?;
    let shape = shape(settings, tlvs);
    let segmented = segment::segment(text, shape)?;
    let envelope = Envelope {
        source: source(settings, parcel.sender.as_deref())?,
        destination: destination(settings, parcel)?,
        data_coding: segmented.data_coding,
        priority: priority(parcel.priority),
        validity_s: validity(settings, parcel),
        optional: if tlvs { dlt(settings, text) } else { Vec::new() },
    };
    Ok(requests(settings, references, &envelope, &segmented, shape.method))
}

fn requests(
    settings: &Settings,
    references: &References,
    envelope: &Envelope,
    segmented: &Segmented,
    method: LongMessages,
) -> Vec<Request> {
    if let [whole] = &segmented.parts[..] {
        let data = if segmented.payload { UserData::Payload(whole) } else { UserData::Whole(whole) };
        return vec![encode::submit(settings, envelope, data)];
    }
    let reference = match method {
        LongMessages::Udh16 => references.next(&envelope.source, &envelope.destination),
        // Carriers that turn TLVs into a header keep only what fits one octet.
        LongMessages::Udh8 | LongMessages::Sar | LongMessages::Payload => {
            references.next(&envelope.source, &envelope.destination) & 0xFF
        }
    };
    let total = u8::try_from(segmented.parts.len()).expect("the settings allow at most 255 parts");
    (1..=total)
        .zip(&segmented.parts)
        .map(|(number, part)| {
            let place = Place { method, reference, total, number };
            encode::submit(settings, envelope, UserData::Part(place, part))
        })
        .collect()
}

/// The cancellations of a parcel's parts.
pub(super) fn cancels(settings: &Settings, parcel: &Parcel, ids: &[String]) -> Result<Vec<Request>, Cause> {
    let source = source(settings, parcel.sender.as_deref())?;
    let destination = destination(settings, parcel)?;
    Ok(ids.iter().map(|id| encode::cancel(settings, id, &source, &destination)).collect())
}

/// A sender's address: its shape tells whether it is a name, a full number or a short code.
fn source(settings: &Settings, sender: Option<&str>) -> Result<Address, Cause> {
    let Some(name) = sender.or(settings.sender.as_deref()).map(str::trim) else {
        return Ok(Address { kind: super::settings::TonNpi { ton: 0, npi: 0 }, text: String::new() });
    };
    if let Some(number) = Phone::parse(name) {
        let short = number.digits().len() <= Settings::SHORT_CODE_DIGITS && !name.starts_with('+');
        let kind = if short { settings.source_short } else { settings.source_long };
        return Ok(Address { kind, text: number.digits().to_owned() });
    }
    let carried = |character: char| character.is_ascii_graphic() || character == ' ';
    let known = name.chars().all(|character| carried(character) && alphabet::septets(character).is_some());
    if name.is_empty() || name.len() > ALPHANUMERIC || !known {
        return Err(Cause::SenderInvalid);
    }
    Ok(Address { kind: settings.source_alphanumeric, text: name.to_owned() })
}

fn destination(settings: &Settings, parcel: &Parcel) -> Result<Address, Cause> {
    let phone = parcel.recipient.phone.as_ref().ok_or(Cause::MissingAddress)?;
    Ok(Address { kind: settings.destination, text: phone.digits().to_owned() })
}

const fn priority(priority: Priority) -> u8 {
    match priority {
        Priority::OneTime => 2,
        Priority::Notice => 1,
        Priority::Marketing => 0,
    }
}

/// The network shall give up when we do: from now until then, within what the carrier takes.
fn validity(settings: &Settings, parcel: &Parcel) -> u64 {
    let most = u64::from(settings.max_validity_hours.clamp(1, 99 * 24)) * 3600;
    parcel.give_up_at.since(parcel.now).as_secs().clamp(1, most)
}

/// India DLT: ids travel as NUL-terminated texts.
fn dlt(settings: &Settings, text: &Text) -> Vec<(u16, Vec<u8>)> {
    let entity = text.sms.dlt_entity.as_deref().map(|id| (settings.dlt_entity_tag, id));
    let template = text.sms.dlt_template.as_deref().map(|id| (settings.dlt_template_tag, id));
    entity.into_iter().chain(template).map(|(tag, id)| (tag, c_octets(id))).collect()
}

fn c_octets(id: &str) -> Vec<u8> {
    let mut octets: Vec<u8> = id.bytes().filter(|&octet| octet != 0).take(64).collect();
    octets.push(0);
    octets
}
