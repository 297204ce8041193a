//! The PDUs an ESME receives, and their framing.
//!
//! A codec of our own for the subset we need, because peers do not keep to the letter: over-long
//! names, ids without NUL, TLVs of odd lengths and cut-off bodies are read as far as they make
//! sense instead of failing the whole stream as a strictly typed codec does. Bodies are slices of
//! the receive buffer, so that reading a PDU copies nothing.

use bytes::{Buf, Bytes, BytesMut};

/// Length of a PDU header.
pub(super) const HEADER: usize = 16;
/// Longest PDU: a payload of 64 KiB with all that can stand around it.
pub(super) const MAX_PDU: usize = 128 * 1024;
/// Most TLVs read of one PDU.
const MAX_TLVS: usize = 64;

/// `command_id` values.
pub(super) mod command {
    pub(in super::super) const GENERIC_NACK: u32 = 0x8000_0000;
    pub(in super::super) const BIND_RECEIVER: u32 = 0x01;
    pub(in super::super) const BIND_TRANSMITTER: u32 = 0x02;
    pub(in super::super) const SUBMIT_SM: u32 = 0x04;
    pub(in super::super) const DELIVER_SM: u32 = 0x05;
    pub(in super::super) const UNBIND: u32 = 0x06;
    pub(in super::super) const CANCEL_SM: u32 = 0x08;
    pub(in super::super) const BIND_TRANSCEIVER: u32 = 0x09;
    pub(in super::super) const OUTBIND: u32 = 0x0B;
    pub(in super::super) const ENQUIRE_LINK: u32 = 0x15;
    pub(in super::super) const ALERT_NOTIFICATION: u32 = 0x102;
    pub(in super::super) const DATA_SM: u32 = 0x103;
    /// Set in the id of every response.
    pub(in super::super) const RESPONSE: u32 = 0x8000_0000;
}

/// TLV tags.
pub(super) mod tag {
    pub(in super::super) const RECEIPTED_MESSAGE_ID: u16 = 0x001E;
    pub(in super::super) const SAR_MSG_REF_NUM: u16 = 0x020C;
    pub(in super::super) const SAR_TOTAL_SEGMENTS: u16 = 0x020E;
    pub(in super::super) const SAR_SEGMENT_SEQNUM: u16 = 0x020F;
    pub(in super::super) const SC_INTERFACE_VERSION: u16 = 0x0210;
    pub(in super::super) const NETWORK_ERROR_CODE: u16 = 0x0423;
    pub(in super::super) const MESSAGE_PAYLOAD: u16 = 0x0424;
    pub(in super::super) const MESSAGE_STATE: u16 = 0x0427;
    pub(in super::super) const CONGESTION_STATE: u16 = 0x0428;
}

/// A PDU cut out of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// `command_id`.
    pub(super) id: u32,
    /// `command_status`.
    pub(super) status: u32,
    /// `sequence_number`.
    pub(super) sequence: u32,
    /// All after the header.
    pub(super) body: Bytes,
}

/// The stream cannot be understood any more; holds the sequence number to complain about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadLength(pub(super) u32);

/// Cuts the next PDU off the stream; `None` until more octets come.
pub(super) fn next_frame(stream: &mut BytesMut) -> Result<Option<Frame>, BadLength> {
    let Some(header) = stream.first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let mut fields = &header[..];
    let length = fields.get_u32() as usize;
    let (id, status, sequence) = (fields.get_u32(), fields.get_u32(), fields.get_u32());
    if !(HEADER..=MAX_PDU).contains(&length) {
        return Err(BadLength(sequence));
    }
    if stream.len() < length {
        stream.reserve(length - stream.len());
        return Ok(None);
    }
    let mut body = stream.split_to(length).freeze();
    body.advance(HEADER);
    Ok(Some(Frame { id, status, sequence, body }))
}

/// A body is shorter than its mandatory fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Truncated;

/// `deliver_sm` or `data_sm`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Delivery {
    /// `source_addr`.
    pub(super) source: String,
    /// `destination_addr`.
    pub(super) destination: String,
    /// `esm_class`.
    pub(super) esm_class: u8,
    /// `data_coding`.
    pub(super) data_coding: u8,
    /// `short_message`, or `message_payload` if that is empty.
    pub(super) message: Bytes,
    /// The TLVs, in order.
    pub(super) tlvs: Tlvs,
}

impl Delivery {
    /// Reads the body of a `deliver_sm`.
    pub(super) fn read_deliver(body: &Bytes) -> Result<Self, Truncated> {
        let mut reader = Reader { body, at: 0 };
        reader.c_octets()?;
        let source = reader.address()?;
        let destination = reader.address()?;
        let esm_class = reader.octet()?;
        reader.skip(2)?; // protocol_id, priority_flag
        reader.c_octets()?; // schedule_delivery_time
        reader.c_octets()?; // validity_period
        reader.skip(2)?; // registered_delivery, replace_if_present_flag
        let data_coding = reader.octet()?;
        reader.skip(1)?; // sm_default_msg_id
        let length = usize::from(reader.octet()?);
        let short = reader.octets(length)?;
        let tlvs = reader.tlvs();
        let message = if short.is_empty() { tlvs.payload() } else { short };
        Ok(Self { source, destination, esm_class, data_coding, message, tlvs })
    }

    /// Reads the body of a `data_sm`.
    pub(super) fn read_data(body: &Bytes) -> Result<Self, Truncated> {
        let mut reader = Reader { body, at: 0 };
        reader.c_octets()?;
        let source = reader.address()?;
        let destination = reader.address()?;
        let esm_class = reader.octet()?;
        reader.skip(1)?; // registered_delivery
        let data_coding = reader.octet()?;
        let tlvs = reader.tlvs();
        Ok(Self { source, destination, esm_class, data_coding, message: tlvs.payload(), tlvs })
    }
}

/// The answer to a bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BindAnswer {
    /// `sc_interface_version`; a peer that does not tell it speaks 3.3, which has no TLVs.
    pub(super) version: Option<u8>,
}

impl BindAnswer {
    /// Reads the body of a `bind_*_resp`, which may be missing altogether.
    pub(super) fn read(body: &Bytes) -> Self {
        let mut reader = Reader { body, at: 0 };
        let tlvs = reader.c_octets().map(|_| reader.tlvs()).unwrap_or_default();
        Self { version: tlvs.octet(tag::SC_INTERFACE_VERSION) }
    }
}

/// The answer to a submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SubmitAnswer {
    /// `message_id`; empty if the carrier gave none.
    pub(super) message_id: String,
    /// `congestion_state` of SMPP 5.0, 0 to 100.
    pub(super) congestion: Option<u8>,
}

impl SubmitAnswer {
    /// Reads the body of a `submit_sm_resp`; an id without its NUL is taken as it is.
    pub(super) fn read(body: &Bytes) -> Self {
        let mut reader = Reader { body, at: 0 };
        let Ok(id) = reader.c_octets() else {
            return Self { message_id: text(body), congestion: None };
        };
        Self { message_id: text(&id), congestion: reader.tlvs().octet(tag::CONGESTION_STATE) }
    }
}

/// Optional parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tlvs(Vec<(u16, Bytes)>);

impl Tlvs {
    /// Value of a tag.
    pub(super) fn value(&self, tag: u16) -> Option<&Bytes> {
        self.0.iter().find(|(known, _)| *known == tag).map(|(_, value)| value)
    }

    /// Value of a tag as an integer of at most two octets; longer ones are not what they claim.
    pub(super) fn number(&self, tag: u16) -> Option<u16> {
        match self.value(tag)?.as_ref() {
            [low] => Some(u16::from(*low)),
            [high, low] => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    /// Value of a tag as an octet.
    pub(super) fn octet(&self, tag: u16) -> Option<u8> {
        self.value(tag)?.first().copied()
    }

    /// Value of a tag as text, with or without a final NUL.
    pub(super) fn text(&self, tag: u16) -> Option<String> {
        let value = self.value(tag)?;
        let end = value.iter().position(|&octet| octet == 0).unwrap_or(value.len());
        Some(text(&value[..end]))
    }

    fn payload(&self) -> Bytes {
        self.value(tag::MESSAGE_PAYLOAD).cloned().unwrap_or_default()
    }
}

impl FromIterator<(u16, Bytes)> for Tlvs {
    fn from_iter<I: IntoIterator<Item = (u16, Bytes)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// Names, numbers and ids are ASCII by rule and Latin-1 by habit.
fn text(octets: &[u8]) -> String {
    octets.iter().map(|&octet| char::from(octet)).collect()
}

struct Reader<'a> {
    body: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn octets(&mut self, length: usize) -> Result<Bytes, Truncated> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.body.len()).ok_or(Truncated)?;
        let octets = self.body.slice(self.at..end);
        self.at = end;
        Ok(octets)
    }

    fn skip(&mut self, length: usize) -> Result<(), Truncated> {
        self.octets(length).map(|_| ())
    }

    fn octet(&mut self) -> Result<u8, Truncated> {
        let octet = self.body.get(self.at).copied().ok_or(Truncated)?;
        self.at += 1;
        Ok(octet)
    }

    fn number(&mut self) -> Result<u16, Truncated> {
        Ok(u16::from_be_bytes([self.octet()?, self.octet()?]))
    }

    /// A text ended by NUL, without it.
    fn c_octets(&mut self) -> Result<Bytes, Truncated> {
        let length = self.body[self.at..].iter().position(|&octet| octet == 0).ok_or(Truncated)?;
        let octets = self.octets(length)?;
        self.at += 1;
        Ok(octets)
    }

    /// An address behind its type and plan.
    fn address(&mut self) -> Result<String, Truncated> {
        self.skip(2)?;
        Ok(text(&self.c_octets()?))
    }

    /// All TLVs that are complete; a cut-off one ends the list.
    fn tlvs(&mut self) -> Tlvs {
        let mut tlvs = Vec::new();
        while let (true, Ok(tlv)) = (tlvs.len() < MAX_TLVS, self.tlv()) {
            tlvs.push(tlv);
        }
        Tlvs(tlvs)
    }

    fn tlv(&mut self) -> Result<(u16, Bytes), Truncated> {
        let tag = self.number()?;
        let length = usize::from(self.number()?);
        Ok((tag, self.octets(length)?))
    }
}
