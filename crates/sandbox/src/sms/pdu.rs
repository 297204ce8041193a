//! SMPP 3.4 PDUs, read and written by hand.
//!
//! The connectors use a library for this; the simulated SMSC does not, so that the two do not
//! agree on a mistake.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// Longest PDU taken: a full `message_payload` and its header fit.
const MAX_LENGTH: usize = 128 * 1024;
const HEADER: usize = 16;

pub(crate) const GENERIC_NACK: u32 = 0x8000_0000;
pub(crate) const BIND_RECEIVER: u32 = 0x01;
pub(crate) const BIND_TRANSMITTER: u32 = 0x02;
pub(crate) const QUERY_SM: u32 = 0x03;
pub(crate) const SUBMIT_SM: u32 = 0x04;
pub(crate) const DELIVER_SM: u32 = 0x05;
pub(crate) const UNBIND: u32 = 0x06;
pub(crate) const CANCEL_SM: u32 = 0x08;
pub(crate) const BIND_TRANSCEIVER: u32 = 0x09;
pub(crate) const ENQUIRE_LINK: u32 = 0x15;
pub(crate) const DATA_SM: u32 = 0x103;
/// Set in the ids of answers.
pub(crate) const RESPONSE: u32 = 0x8000_0000;

pub(crate) const ROK: u32 = 0x00;
pub(crate) const RINVMSGLEN: u32 = 0x01;
pub(crate) const RINVCMDLEN: u32 = 0x02;
pub(crate) const RINVCMDID: u32 = 0x03;
pub(crate) const RINVBNDSTS: u32 = 0x04;
pub(crate) const RALYBND: u32 = 0x05;
pub(crate) const RSYSERR: u32 = 0x08;
pub(crate) const RINVDSTADR: u32 = 0x0B;
pub(crate) const RINVMSGID: u32 = 0x0C;
pub(crate) const RBINDFAIL: u32 = 0x0D;
pub(crate) const RINVPASWD: u32 = 0x0E;
pub(crate) const RINVSYSID: u32 = 0x0F;
pub(crate) const RCANCELFAIL: u32 = 0x11;
pub(crate) const RINVESMCLASS: u32 = 0x43;
pub(crate) const RTHROTTLED: u32 = 0x58;
pub(crate) const RX_P_APPN: u32 = 0x65;
pub(crate) const RX_R_APPN: u32 = 0x66;

pub(crate) const TLV_RECEIPTED_MESSAGE_ID: u16 = 0x001E;
pub(crate) const TLV_USER_MESSAGE_REFERENCE: u16 = 0x0204;
pub(crate) const TLV_SAR_REF: u16 = 0x020C;
pub(crate) const TLV_SAR_TOTAL: u16 = 0x020E;
pub(crate) const TLV_SAR_NUMBER: u16 = 0x020F;
pub(crate) const TLV_INTERFACE_VERSION: u16 = 0x0210;
pub(crate) const TLV_NETWORK_ERROR_CODE: u16 = 0x0423;
pub(crate) const TLV_MESSAGE_PAYLOAD: u16 = 0x0424;
pub(crate) const TLV_MESSAGE_STATE: u16 = 0x0427;

/// A PDU: its header, and its body unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pdu {
    pub(crate) command: u32,
    pub(crate) status: u32,
    pub(crate) sequence: u32,
    pub(crate) body: Bytes,
}

impl Pdu {
    /// A request or a successful answer.
    pub(crate) fn new(command: u32, sequence: u32, body: impl Into<Bytes>) -> Self {
        Self { command, status: ROK, sequence, body: body.into() }
    }

    /// The answer to this PDU, without a body.
    pub(crate) fn answer(&self, status: u32) -> Self {
        Self { command: self.command | RESPONSE, status, sequence: self.sequence, body: Bytes::new() }
    }

    /// The answer to this PDU with one text in its body.
    pub(crate) fn answer_with(&self, status: u32, text: &str) -> Self {
        let mut body = BytesMut::new();
        put_text(&mut body, text);
        Self { body: body.freeze(), ..self.answer(status) }
    }
}

/// Writes a NUL-terminated text; a NUL within ends it.
pub(crate) fn put_text(to: &mut BytesMut, text: &str) {
    to.put_slice(text.split('\0').next().unwrap_or_default().as_bytes());
    to.put_u8(0);
}

/// Writes an optional parameter.
pub(crate) fn put_tlv(to: &mut BytesMut, tag: u16, value: &[u8]) {
    to.put_u16(tag);
    to.put_u16(u16::try_from(value.len()).expect("we write short values only"));
    to.put_slice(value);
}

/// The body of a PDU ended too early, or a text in it is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads the body of a PDU from front to back.
#[derive(Debug)]
pub(crate) struct Reader(Bytes);

impl Reader {
    pub(crate) fn new(body: &Bytes) -> Self {
        Self(body.clone())
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        self.0.try_get_u8().map_err(|_| Malformed)
    }

    /// A NUL-terminated text of at most `most` characters.
    pub(crate) fn text(&mut self, most: usize) -> Result<String, Malformed> {
        let end = self.0.iter().take(most + 1).position(|byte| *byte == 0).ok_or(Malformed)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    pub(crate) fn octets(&mut self, count: usize) -> Result<Bytes, Malformed> {
        if self.0.len() < count {
            return Err(Malformed);
        }
        Ok(self.0.split_to(count))
    }

    /// The optional parameters at the end.
    pub(crate) fn tlvs(mut self) -> Result<Vec<(u16, Bytes)>, Malformed> {
        let mut tlvs = Vec::new();
        while !self.0.is_empty() {
            let tag = self.0.try_get_u16().map_err(|_| Malformed)?;
            let length = self.0.try_get_u16().map_err(|_| Malformed)?;
            tlvs.push((tag, self.octets(length.into())?));
        }
        Ok(tlvs)
    }
}

/// Frames of a session.
#[derive(Debug, Default)]
pub(crate) struct Framing;

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FramingError {
    #[error("a command_length of {0}")]
    Length(usize),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Decoder for Framing {
    type Item = Pdu;
    type Error = FramingError;

    fn decode(&mut self, from: &mut BytesMut) -> Result<Option<Pdu>, FramingError> {
        let Some(length) = from.first_chunk::<4>().map(|octets| u32::from_be_bytes(*octets) as usize) else {
            return Ok(None);
        };
        if !(HEADER..=MAX_LENGTH).contains(&length) {
            return Err(FramingError::Length(length));
        }
        if from.len() < length {
            from.reserve(length - from.len());
            return Ok(None);
        }
        let mut pdu = from.split_to(length).freeze();
        pdu.advance(4);
        Ok(Some(Pdu { command: pdu.get_u32(), status: pdu.get_u32(), sequence: pdu.get_u32(), body: pdu }))
    }
}

impl Encoder<Pdu> for Framing {
    type Error = FramingError;

    fn encode(&mut self, pdu: Pdu, to: &mut BytesMut) -> Result<(), FramingError> {
        let length = HEADER + pdu.body.len();
        to.reserve(length);
        to.put_u32(u32::try_from(length).map_err(|_| FramingError::Length(length))?);
        to.put_u32(pdu.command);
        to.put_u32(pdu.status);
        to.put_u32(pdu.sequence);
        to.put_slice(&pdu.body);
        Ok(())
    }
}
