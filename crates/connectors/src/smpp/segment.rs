//! From a text to segments: which alphabet, and where to cut.

use model::{
    Cause,
    content::{SmsCoding, Text},
};

use super::{
    alphabet,
    settings::{Charset, LongMessages},
};

/// How a carrier wants texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Meaning of `data_coding` 0.
    pub(super) charset: Charset,
    /// Whether similar characters may stand in for those outside GSM 03.38.
    pub(super) transliterate: bool,
    /// How long texts travel.
    pub(super) method: LongMessages,
    /// Most segments.
    pub(super) max_parts: usize,
}

/// A text ready to be submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segmented {
    /// `data_coding` of every part.
    pub(super) data_coding: u8,
    /// User data of the parts without any header; at least one.
    pub(super) parts: Vec<Vec<u8>>,
    /// Whether the single part is too long for one segment and has to travel as payload.
    pub(super) payload: bool,
}

/// How much fits, by length unit.
#[derive(Clone, Copy)]
enum Unit {
    Septet,
    Octet,
}

const CODING_DEFAULT: u8 = 0x00;
const CODING_BINARY: u8 = 0x04;
const CODING_UCS2: u8 = 0x08;
/// Message class 0 of the general data coding group: shown at once.
const CLASS_ZERO: u8 = 0x10;
/// Longest content of a `message_payload` TLV.
const MAX_PAYLOAD: usize = 0xFFFF;

/// Codes and cuts a text.
///
/// # Errors
/// [`Cause::TextTooLong`] beyond the most parts, [`Cause::InvalidContent`] if binary data is not
/// in hex.
pub(super) fn segment(text: &Text, shape: Shape) -> Result<Segmented, Cause> {
    let flash = if text.sms.flash { CLASS_ZERO } else { 0 };
    match text.sms.coding {
        SmsCoding::Auto => segment_auto(text, shape, flash),
        SmsCoding::Unicode => segment_ucs2(&text.body, shape, flash),
        SmsCoding::Binary => segment_binary(&text.body, shape),
    }
}

/// How many segments a text takes by the usual rules: GSM 03.38 if it fits, else UCS-2, headers
/// with an 8-bit reference. What no carrier would take counts as one.
pub(super) fn parts(text: &Text) -> usize {
    let shape = Shape {
        charset: Charset::Gsm,
        transliterate: false,
        method: LongMessages::Udh8,
        max_parts: usize::MAX,
    };
    segment(text, shape).map_or(1, |segmented| segmented.parts.len())
}

fn segment_auto(text: &Text, shape: Shape, flash: u8) -> Result<Segmented, Cause> {
    let coded = code_default(&text.body, shape.charset).or_else(|| {
        let allowed = shape.transliterate || text.sms.transliterate;
        let likeness = allowed.then(|| alphabet::transliterate(&text.body)).flatten()?;
        code_default(&likeness, shape.charset)
    });
    match coded {
        Some(coded) => coded.cut(Unit::Septet, CODING_DEFAULT | flash, shape),
        None => segment_ucs2(&text.body, shape, flash),
    }
}

fn segment_ucs2(text: &str, shape: Shape, flash: u8) -> Result<Segmented, Cause> {
    let mut coded = Coded::with_capacity(text.len() * 2, text.len());
    let mut units = [0; 2];
    for character in text.chars() {
        let pair = character.encode_utf16(&mut units);
        coded.octets.extend(pair.iter().flat_map(|unit| unit.to_be_bytes()));
        coded.marks.push((coded.octets.len(), 2 * pair.len()));
    }
    coded.cut(Unit::Octet, CODING_UCS2 | flash, shape)
}

fn segment_binary(hex: &str, shape: Shape) -> Result<Segmented, Cause> {
    let octets = hex::decode(hex).map_err(|_| Cause::InvalidContent)?;
    let marks = (1..=octets.len()).map(|end| (end, 1)).collect();
    Coded { octets, marks }.cut(Unit::Octet, CODING_BINARY, shape)
}

fn code_default(text: &str, charset: Charset) -> Option<Coded> {
    let mut coded = Coded::with_capacity(text.len() + 8, text.len());
    for character in text.chars() {
        let cost = alphabet::write_char(charset, character, &mut coded.octets)?;
        coded.marks.push((coded.octets.len(), cost));
    }
    Some(coded)
}

/// A text in octets, and where its characters end: what must stay together.
struct Coded {
    octets: Vec<u8>,
    /// End of each character in `octets`, and what it costs on air.
    marks: Vec<(usize, usize)>,
}

impl Coded {
    fn with_capacity(octets: usize, marks: usize) -> Self {
        Self { octets: Vec::with_capacity(octets), marks: Vec::with_capacity(marks) }
    }

    fn cut(self, unit: Unit, data_coding: u8, shape: Shape) -> Result<Segmented, Cause> {
        let cost: usize = self.marks.iter().map(|(_, cost)| cost).sum();
        if cost <= single(unit) {
            return Ok(Segmented { data_coding, parts: vec![self.octets], payload: false });
        }
        let parts = self.pieces(several(unit, shape.method));
        if parts.len() > shape.max_parts {
            return Err(Cause::TextTooLong);
        }
        match shape.method {
            LongMessages::Payload if self.octets.len() > MAX_PAYLOAD => Err(Cause::TextTooLong),
            LongMessages::Payload => Ok(Segmented { data_coding, parts: vec![self.octets], payload: true }),
            LongMessages::Udh8 | LongMessages::Udh16 | LongMessages::Sar => {
                Ok(Segmented { data_coding, parts, payload: false })
            }
        }
    }

    fn pieces(&self, capacity: usize) -> Vec<Vec<u8>> {
        let (mut pieces, mut start, mut end, mut used) = (Vec::new(), 0, 0, 0);
        for &(next, cost) in &self.marks {
            if used + cost > capacity {
                pieces.push(self.octets[start..end].to_vec());
                (start, used) = (end, 0);
            }
            (end, used) = (next, used + cost);
        }
        pieces.push(self.octets[start..end].to_vec());
        pieces
    }
}

const fn single(unit: Unit) -> usize {
    match unit {
        Unit::Septet => 160,
        Unit::Octet => 140,
    }
}

/// The header takes 6 octets with an 8-bit reference, 7 with a 16-bit one; carriers make one of
/// 8 bits from TLVs and payloads.
const fn several(unit: Unit, method: LongMessages) -> usize {
    match (unit, method) {
        (Unit::Septet, LongMessages::Udh16) => 152,
        (Unit::Septet, LongMessages::Udh8 | LongMessages::Sar | LongMessages::Payload) => 153,
        (Unit::Octet, LongMessages::Udh16) => 133,
        (Unit::Octet, LongMessages::Udh8 | LongMessages::Sar | LongMessages::Payload) => 134,
    }
}
