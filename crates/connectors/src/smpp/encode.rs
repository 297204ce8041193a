//! The PDUs an ESME sends.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    pdu::{HEADER, command, tag},
    settings::{LongMessages, Settings, TonNpi},
};

/// An address with its type and plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Type and plan.
    pub(super) kind: TonNpi,
    /// Digits or name, without NUL.
    pub(super) text: String,
}

/// A request body, with the places that may have to be cut out to please a picky carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// `command_id`.
    pub(super) command: u32,
    body: Bytes,
    /// Where the optional TLVs begin.
    essential: usize,
    /// Where the validity stands, if one is there.
    validity_at: Option<usize>,
}

impl Request {
    /// The same without the TLVs that can be done without.
    pub(super) fn without_optional_tlvs(&self) -> Self {
        Self { body: self.body.slice(..self.essential), ..self.clone() }
    }

    /// The same without validity, so that the carrier's own counts.
    pub(super) fn without_validity(&self) -> Self {
        let Some(at) = self.validity_at else {
            return self.clone();
        };
        let mut body = BytesMut::with_capacity(self.body.len());
        body.put_slice(&self.body[..at]);
        body.put_slice(&self.body[at + VALIDITY..]);
        Self { body: body.freeze(), essential: self.essential - VALIDITY, validity_at: None, ..self.clone() }
    }

    /// Whether there is something to cut out for a carrier that refused the TLVs.
    pub(super) fn has_optional_tlvs(&self) -> bool {
        self.essential < self.body.len()
    }

    /// Whether a validity is there.
    pub(super) fn has_validity(&self) -> bool {
        self.validity_at.is_some()
    }

    /// Appends the PDU.
    pub(super) fn write(&self, sequence: u32, out: &mut BytesMut) {
        put_header(out, self.body.len(), self.command, 0, sequence);
        out.put_slice(&self.body);
    }
}

/// Characters of a relative time.
const VALIDITY: usize = 16;

/// What all parts of a message share.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    /// Who sends; an empty text lets the carrier choose.
    pub(super) source: Address,
    /// Who gets it.
    pub(super) destination: Address,
    /// `data_coding`.
    pub(super) data_coding: u8,
    /// `priority_flag`.
    pub(super) priority: u8,
    /// `validity_period` in seconds.
    pub(super) validity_s: u64,
    /// TLVs that can be done without.
    pub(super) optional: Vec<(u16, Vec<u8>)>,
}

/// Place of a part in its message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// How parts are marked.
    pub(super) method: LongMessages,
    /// Common reference of the parts.
    pub(super) reference: u16,
    /// How many parts.
    pub(super) total: u8,
    /// Which this is, from 1.
    pub(super) number: u8,
}

/// User data of one submit.
#[derive(Clone, Copy, Debug)]
pub(super) enum UserData<'a> {
    /// The whole message in `short_message`.
    Whole(&'a [u8]),
    /// The whole message in `message_payload`.
    Payload(&'a [u8]),
    /// A part of it.
    Part(Place, &'a [u8]),
}

/// `esm_class` bit: a user data header stands before the text.
const UDHI: u8 = 0x40;

/// A `submit_sm`.
pub(super) fn submit(settings: &Settings, envelope: &Envelope, data: UserData<'_>) -> Request {
    let mut body = BytesMut::with_capacity(320);
    put_c(&mut body, &settings.service_type);
    put_address(&mut body, &envelope.source);
    put_address(&mut body, &envelope.destination);
    body.put_u8(esm_class(data));
    body.put_slice(&[0, envelope.priority]); // protocol_id, priority_flag
    put_c(&mut body, ""); // schedule_delivery_time
    let validity_at = body.len();
    put_c(&mut body, &relative_time(envelope.validity_s));
    body.put_slice(&[registered_delivery(settings), 0, envelope.data_coding, 0]);
    put_user_data(&mut body, data);
    let essential = body.len();
    for (tag, value) in &envelope.optional {
        put_tlv(&mut body, *tag, value);
    }
    Request { command: command::SUBMIT_SM, body: body.freeze(), essential, validity_at: Some(validity_at) }
}

fn esm_class(data: UserData<'_>) -> u8 {
    match data {
        UserData::Part(Place { method: LongMessages::Udh8 | LongMessages::Udh16, .. }, _) => UDHI,
        UserData::Part(Place { method: LongMessages::Sar | LongMessages::Payload, .. }, _)
        | UserData::Whole(_)
        | UserData::Payload(_) => 0,
    }
}

/// Final receipts always, intermediate ones if asked for.
const fn registered_delivery(settings: &Settings) -> u8 {
    if settings.intermediate_receipts { 0x11 } else { 0x01 }
}

fn put_user_data(body: &mut BytesMut, data: UserData<'_>) {
    match data {
        UserData::Whole(text) => put_short_message(body, &[], text),
        UserData::Payload(text) => {
            put_short_message(body, &[], &[]);
            put_tlv(body, tag::MESSAGE_PAYLOAD, text);
        }
        UserData::Part(place, text) => put_part(body, place, text),
    }
}

fn put_part(body: &mut BytesMut, place: Place, text: &[u8]) {
    let Place { method, reference, total, number } = place;
    let [high, low] = reference.to_be_bytes();
    match method {
        LongMessages::Udh8 => put_short_message(body, &[5, 0, 3, low, total, number], text),
        LongMessages::Udh16 => put_short_message(body, &[6, 8, 4, high, low, total, number], text),
        LongMessages::Sar | LongMessages::Payload => {
            put_short_message(body, &[], text);
            put_tlv(body, tag::SAR_MSG_REF_NUM, &[high, low]);
            put_tlv(body, tag::SAR_TOTAL_SEGMENTS, &[total]);
            put_tlv(body, tag::SAR_SEGMENT_SEQNUM, &[number]);
        }
    }
}

fn put_short_message(body: &mut BytesMut, header: &[u8], text: &[u8]) {
    let length = u8::try_from(header.len() + text.len()).expect("a segment has at most 160 octets");
    body.put_u8(length);
    body.put_slice(header);
    body.put_slice(text);
}

/// SMPP: relative times are `YYMMDDhhmmss000R`; months and years have no fixed length, so days
/// are the largest unit used.
fn relative_time(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    format!("0000{days:02}{hours:02}{:02}{:02}000R", seconds / 60 % 60, seconds % 60)
}

/// A `cancel_sm` for one part.
pub(super) fn cancel(settings: &Settings, id: &str, source: &Address, destination: &Address) -> Request {
    let mut body = BytesMut::with_capacity(96);
    put_c(&mut body, &settings.service_type);
    put_c(&mut body, id);
    put_address(&mut body, source);
    put_address(&mut body, destination);
    let essential = body.len();
    Request { command: command::CANCEL_SM, body: body.freeze(), essential, validity_at: None }
}

/// A bind; `command` tells which.
pub(super) fn bind(settings: &Settings, command: u32) -> Request {
    let mut body = BytesMut::with_capacity(64);
    put_c(&mut body, &settings.system_id);
    put_c(&mut body, &settings.password);
    put_c(&mut body, &settings.system_type);
    body.put_slice(&[settings.interface_version.octet(), 0, 0]); // addr_ton, addr_npi
    put_c(&mut body, ""); // address_range
    let essential = body.len();
    Request { command, body: body.freeze(), essential, validity_at: None }
}

/// Appends a PDU that is nothing but a header.
pub(super) fn put_plain(out: &mut BytesMut, id: u32, status: u32, sequence: u32) {
    put_header(out, 0, id, status, sequence);
}

/// Appends the answer to a `deliver_sm` or `data_sm`: its `message_id` is always empty.
pub(super) fn put_delivery_answer(out: &mut BytesMut, request: u32, status: u32, sequence: u32) {
    put_header(out, 1, request | command::RESPONSE, status, sequence);
    out.put_u8(0);
}

fn put_header(out: &mut BytesMut, body: usize, id: u32, status: u32, sequence: u32) {
    out.reserve(HEADER + body);
    out.put_u32(u32::try_from(HEADER + body).expect("bodies are bounded by the settings"));
    out.put_u32(id);
    out.put_u32(status);
    out.put_u32(sequence);
}

fn put_address(body: &mut BytesMut, address: &Address) {
    body.put_slice(&[address.kind.ton, address.kind.npi]);
    put_c(body, &address.text);
}

fn put_c(body: &mut BytesMut, text: &str) {
    body.put_slice(text.as_bytes());
    body.put_u8(0);
}

fn put_tlv(body: &mut BytesMut, tag: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).expect("values are bounded where they are made");
    body.put_u16(tag);
    body.put_u16(length);
    body.put_slice(value);
}
