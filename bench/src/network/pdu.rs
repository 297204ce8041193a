//! As much of SMPP 3.4 as an SMS centre under load needs: reading `submit_sm`, writing answers
//! and receipts.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// SMPP: `command_status` of success.
pub(crate) const OK: u32 = 0;
/// SMPP: `ESME_RTHROTTLED`.
pub(crate) const THROTTLED: u32 = 0x58;
/// SMPP: `ESME_RINVCMDID`.
const UNKNOWN_COMMAND: u32 = 0x03;

const HEADER: usize = 16;
/// Larger is not SMPP.
const MAX_LENGTH: usize = 64 * 1024;

/// What an ESME says.
#[derive(Debug)]
pub(crate) enum Said {
    /// It wants to bind: under this name, and to be told receipts or not.
    Bind { answer: u32, system_id: Bytes, receives: bool },
    /// A message.
    Submit(Submit),
    /// Is the link alive?
    EnquireLink,
    /// Goodbye.
    Unbind,
    /// An answer to one of our requests.
    Answer,
    /// Anything else.
    Unknown,
}

/// A `submit_sm`, as far as it matters.
#[derive(Debug)]
pub(crate) struct Submit {
    /// Sender.
    pub(crate) source: Bytes,
    /// Recipient.
    pub(crate) destination: Bytes,
    /// Whether a receipt is wanted.
    pub(crate) receipt: bool,
}

/// The stream is not SMPP.
#[derive(Debug)]
pub(crate) struct NotSmpp;

/// Takes the next complete PDU and its sequence number from the buffer.
pub(crate) fn next(buffer: &mut BytesMut) -> Result<Option<(u32, Said)>, NotSmpp> {
    let Some(length) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if !(HEADER..=MAX_LENGTH).contains(&length) {
        return Err(NotSmpp);
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let mut pdu = buffer.split_to(length).freeze();
    pdu.advance(4);
    let command = pdu.get_u32();
    pdu.advance(4);
    let sequence = pdu.get_u32();
    Ok(Some((sequence, said(command, pdu).ok_or(NotSmpp)?)))
}

fn said(command: u32, mut body: Bytes) -> Option<Said> {
    Some(match command {
        0x01 | 0x02 | 0x09 => Said::Bind {
            answer: command | 0x8000_0000,
            system_id: text(&mut body)?,
            receives: command != 0x02,
        },
        0x04 => Said::Submit(submit(body)?),
        0x06 => Said::Unbind,
        0x15 => Said::EnquireLink,
        0x8000_0000.. => Said::Answer,
        _ => Said::Unknown,
    })
}

fn submit(mut body: Bytes) -> Option<Submit> {
    text(&mut body)?;
    let source = address(&mut body)?;
    let destination = address(&mut body)?;
    skip(&mut body, 3)?;
    text(&mut body)?;
    text(&mut body)?;
    let registered = body.first().copied()?;
    Some(Submit { source, destination, receipt: registered & 1 != 0 })
}

fn address(body: &mut Bytes) -> Option<Bytes> {
    skip(body, 2)?;
    text(body)
}

fn skip(body: &mut Bytes, count: usize) -> Option<()> {
    (body.len() >= count).then(|| body.advance(count))
}

/// A text that ends with NUL.
fn text(body: &mut Bytes) -> Option<Bytes> {
    let end = body.iter().position(|&byte| byte == 0)?;
    let text = body.split_to(end);
    body.advance(1);
    Some(text)
}

/// Answers a bind.
pub(crate) fn put_bound(out: &mut BytesMut, answer: u32, sequence: u32) {
    const NAME: &[u8] = b"bench\0";
    put_header(out, NAME.len(), answer, OK, sequence);
    out.put_slice(NAME);
}

/// Answers a submit with the id of the message.
pub(crate) fn put_submitted(out: &mut BytesMut, sequence: u32, id: u64) {
    put_header(out, 11, 0x8000_0004, OK, sequence);
    out.put_slice(spell(id).as_bytes());
    out.put_u8(0);
}

/// Refuses a submit.
pub(crate) fn put_refused(out: &mut BytesMut, sequence: u32, status: u32) {
    put_header(out, 0, 0x8000_0004, status, sequence);
}

/// Answers `enquire_link`.
pub(crate) fn put_alive(out: &mut BytesMut, sequence: u32) {
    put_header(out, 0, 0x8000_0015, OK, sequence);
}

/// Answers `unbind`.
pub(crate) fn put_unbound(out: &mut BytesMut, sequence: u32) {
    put_header(out, 0, 0x8000_0006, OK, sequence);
}

/// Answers anything unknown.
pub(crate) fn put_nack(out: &mut BytesMut, sequence: u32) {
    put_header(out, 0, 0x8000_0000, UNKNOWN_COMMAND, sequence);
}

/// A `deliver_sm` with the receipt of a delivered message, in the text and in TLVs.
pub(crate) fn put_receipt(out: &mut BytesMut, sequence: u32, id: u64, submit: &Submit, stamp: &str) {
    let id = spell(id);
    let text =
        format!("id:{id} sub:001 dlvrd:001 submit date:{stamp} done date:{stamp} stat:DELIVRD err:000 text:");
    let start = out.len();
    put_header(out, 0, 0x05, OK, sequence);
    out.put_u8(0);
    put_address(out, 1, &submit.destination);
    put_address(out, 5, &submit.source);
    // esm_class: a receipt; then protocol, priority, two empty times, registered delivery,
    // replacement, coding, canned message.
    out.put_slice(&[0x04, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.put_u8(text.len() as u8);
    out.put_slice(text.as_bytes());
    // receipted_message_id, message_state (2: delivered).
    put_tlv(out, 0x001E, &[id.as_bytes(), b"\0"].concat());
    put_tlv(out, 0x0427, &[2]);
    let length = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_address(out: &mut BytesMut, ton: u8, address: &[u8]) {
    out.put_slice(&[ton, 1]);
    out.put_slice(address);
    out.put_u8(0);
}

fn put_tlv(out: &mut BytesMut, tag: u16, value: &[u8]) {
    out.put_u16(tag);
    out.put_u16(value.len() as u16);
    out.put_slice(value);
}

fn put_header(out: &mut BytesMut, body: usize, command: u32, status: u32, sequence: u32) {
    out.put_u32((HEADER + body) as u32);
    out.put_u32(command);
    out.put_u32(status);
    out.put_u32(sequence);
}

/// Ten digits: the same in every reading, decimal or text.
fn spell(id: u64) -> String {
    format!("{id:010}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit_sm() -> BytesMut {
        let mut body = BytesMut::new();
        body.put_slice(b"\0\x05\0SHOP\0\x01\x0115550000001\0\0\0\0\0\0\x01\0\0\0\x02Hi");
        let mut pdu = BytesMut::new();
        put_header(&mut pdu, body.len(), 0x04, OK, 7);
        pdu.put_slice(&body);
        pdu
    }

    #[test]
    fn a_submit_is_read_when_it_is_complete() {
        let whole = submit_sm();
        let mut buffer = BytesMut::from(&whole[..whole.len() - 1]);
        assert!(matches!(next(&mut buffer), Ok(None)));
        buffer.put_slice(&whole[whole.len() - 1..]);
        let Ok(Some((7, Said::Submit(submit)))) = next(&mut buffer) else { panic!("a submit is there") };
        assert_eq!((&submit.source[..], &submit.destination[..]), (&b"SHOP"[..], &b"15550000001"[..]));
        assert!(submit.receipt);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_submit_cut_short_within_its_length_is_not_smpp() {
        let mut pdu = BytesMut::new();
        put_header(&mut pdu, 3, 0x04, OK, 7);
        pdu.put_slice(b"\0\x05\0");
        assert!(next(&mut pdu).is_err());
        assert!(next(&mut BytesMut::from(&[0xFF; 16][..])).is_err());
    }

    #[test]
    fn a_receipt_has_the_length_it_says_and_names_its_message() {
        let Ok(Some((_, Said::Submit(submit)))) = next(&mut submit_sm()) else { panic!("a submit is there") };
        let mut out = BytesMut::new();
        put_receipt(&mut out, 9, 42, &submit, "2611202133");
        assert_eq!(u32::from_be_bytes(out[..4].try_into().expect("four bytes")) as usize, out.len());
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(text.contains("id:0000000042 sub:001 dlvrd:001"), "{text}");
        assert_eq!(text.matches("0000000042").count(), 2);
    }
}
