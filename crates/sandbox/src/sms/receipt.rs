//! What the SMSC sends to its clients: delivery receipts, and messages that handsets wrote.

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};

use crate::{
    clock::{Millis, receipt_date},
    world::record::Id,
};

use super::{
    alphabet,
    pdu::{
        TLV_MESSAGE_STATE, TLV_NETWORK_ERROR_CODE, TLV_RECEIPTED_MESSAGE_ID, TLV_USER_MESSAGE_REFERENCE,
        put_text, put_tlv,
    },
    submit::{Address, Submission},
};

pub(crate) const ENROUTE: u8 = 1;
pub(crate) const DELIVERED: u8 = 2;
pub(crate) const DELETED: u8 = 4;
pub(crate) const UNDELIVERABLE: u8 = 5;

/// GSM: absent subscriber for short messages.
const ABSENT_SUBSCRIBER: u16 = 27;

/// A `deliver_sm` on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) system_id: String,
    source: Address,
    destination: Address,
    esm_class: u8,
    data_coding: u8,
    /// In hex.
    short_message: String,
    /// Tags and values in hex; left out for clients of SMPP 3.3.
    tlvs: Vec<(u16, String)>,
}

/// The id of a message, as `submit_sm_resp` and receipts give it.
pub(crate) fn message_id(id: Id) -> String {
    format!("{id:010}")
}

/// The number of a message id.
pub(crate) fn parse_message_id(text: &str) -> Option<Id> {
    text.parse().ok()
}

/// Whether a receipt for this final state was asked for.
pub(crate) fn wanted(registered_delivery: u8, state: u8) -> bool {
    match registered_delivery & 0x03 {
        1 => true,
        2 => state != DELIVERED,
        3 => state == DELIVERED,
        _ => false,
    }
}

/// Whether intermediate notifications were asked for.
pub(crate) fn wants_intermediate(registered_delivery: u8) -> bool {
    registered_delivery & 0x10 != 0
}

/// The receipt for a message.
pub(crate) fn receipt(
    system_id: &str,
    id: Id,
    submission: &Submission,
    state: u8,
    submitted_at: Millis,
    done_at: Millis,
) -> Delivery {
    let error = if state == UNDELIVERABLE { ABSENT_SUBSCRIBER } else { 0 };
    let shown: String = submission
        .alphabet()
        .decode(&submission.octets)
        .chars()
        .map(|c| if c.is_ascii() && !c.is_ascii_control() { c } else { '?' })
        .take(20)
        .collect();
    let text = format!(
        "id:{} sub:001 dlvrd:{} submit date:{} done date:{} stat:{} err:{error:03} text:{shown}",
        message_id(id),
        if state == DELIVERED { "001" } else { "000" },
        receipt_date(submitted_at),
        receipt_date(done_at),
        stat(state),
    );
    let mut identity = message_id(id).into_bytes();
    identity.push(0);
    let [high, low] = error.to_be_bytes();
    let mut tlvs = vec![
        (TLV_RECEIPTED_MESSAGE_ID, hex::encode(identity)),
        (TLV_MESSAGE_STATE, hex::encode([state])),
        // 3: an error of a GSM network.
        (TLV_NETWORK_ERROR_CODE, hex::encode([3, high, low])),
    ];
    if let Some(reference) = &submission.user_reference {
        tlvs.push((TLV_USER_MESSAGE_REFERENCE, hex::encode(reference)));
    }
    Delivery {
        system_id: system_id.to_owned(),
        source: submission.destination.clone(),
        destination: Address { ton: 0, npi: 0, digits: submission.source.clone() },
        esm_class: if state == ENROUTE { 0x20 } else { 0x04 },
        data_coding: 0,
        short_message: hex::encode(text),
        tlvs,
    }
}

fn stat(state: u8) -> &'static str {
    match state {
        ENROUTE => "ENROUTE",
        DELIVERED => "DELIVRD",
        DELETED => "DELETED",
        UNDELIVERABLE => "UNDELIV",
        _ => "UNKNOWN",
    }
}

/// A text that a handset sends, in as many parts as it takes.
pub(crate) fn from_handset(
    system_id: &str,
    number: &str,
    business: &str,
    text: &str,
    reference: u8,
) -> Vec<Delivery> {
    let encoded = alphabet::encode(text);
    let total = u8::try_from(encoded.parts.len()).unwrap_or(u8::MAX);
    let parts = encoded.parts.into_iter().zip(1..=total);
    parts
        .map(|(octets, place)| {
            let header = [5, 0, 3, reference, total, place];
            let (esm_class, octets) =
                if total > 1 { (0x40, [&header[..], &octets].concat()) } else { (0, octets) };
            Delivery {
                system_id: system_id.to_owned(),
                source: Address { ton: 1, npi: 1, digits: number.to_owned() },
                destination: Address { ton: 0, npi: 1, digits: business.to_owned() },
                esm_class,
                data_coding: encoded.data_coding,
                short_message: hex::encode(octets),
                tlvs: Vec::new(),
            }
        })
        .collect()
}

impl Delivery {
    /// The body of the `deliver_sm`.
    pub(crate) fn body(&self, with_tlvs: bool) -> BytesMut {
        let mut body = BytesMut::new();
        put_text(&mut body, "");
        for address in [&self.source, &self.destination] {
            body.put_u8(address.ton);
            body.put_u8(address.npi);
            put_text(&mut body, &address.digits);
        }
        body.put_slice(&[self.esm_class, 0, 0]);
        put_text(&mut body, "");
        put_text(&mut body, "");
        body.put_slice(&[0, 0, self.data_coding, 0]);
        let octets = hex::decode(&self.short_message).unwrap_or_default();
        body.put_u8(u8::try_from(octets.len()).expect("texts of receipts and parts are short"));
        body.put_slice(&octets);
        for (tag, value) in self.tlvs.iter().filter(|_| with_tlvs) {
            put_tlv(&mut body, *tag, &hex::decode(value).unwrap_or_default());
        }
        body
    }
}
