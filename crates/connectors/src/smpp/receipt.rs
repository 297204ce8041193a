//! Delivery receipts: what a `deliver_sm` or `data_sm` tells about a message we submitted.

use model::{Span, Time};

use super::{
    pdu::{Delivery, tag},
    status::State,
};

/// `esm_class`: the bits that tell what kind of message it is.
const KIND: u8 = 0x3C;
const KIND_RECEIPT: u8 = 0x04;
const KIND_INTERMEDIATE: u8 = 0x20;
/// Longest text that is looked at; receipts quote at most 20 characters of the message.
const MAX_TEXT: usize = 1024;

/// A receipt as the carrier wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawReceipt {
    /// The id in the TLV.
    pub(super) tlv_id: Option<String>,
    /// The id in the text.
    pub(super) text_id: Option<String>,
    /// The state, of the TLV if there is one, else of the text.
    pub(super) state: Option<State>,
    /// `network_error_code`: type of network and code.
    pub(super) network_error: Option<(u8, u16)>,
    /// `stat` as spelled.
    pub(super) stat: Option<String>,
    /// `err` as spelled.
    pub(super) err: Option<String>,
    /// `done date`, as if it were UTC.
    pub(super) done: Option<Time>,
}

/// Whether a delivery is about a message of ours rather than from a person. Some carriers forget
/// the class and are known by their TLVs.
pub(super) fn is_receipt(delivery: &Delivery) -> bool {
    matches!(delivery.esm_class & KIND, KIND_RECEIPT | KIND_INTERMEDIATE)
        || delivery.tlvs.value(tag::RECEIPTED_MESSAGE_ID).is_some()
            && delivery.tlvs.value(tag::MESSAGE_STATE).is_some()
}

/// Whether a delivery is an acknowledgement by an application on the handset (of kinds that we
/// never ask for).
pub(super) fn is_acknowledgement(delivery: &Delivery) -> bool {
    matches!(delivery.esm_class & KIND, 0x08 | 0x10 | 0x18)
}

/// Reads a receipt: TLVs win over the text.
pub(super) fn read(delivery: &Delivery) -> RawReceipt {
    let mut receipt = read_text(&delivery.message, delivery.data_coding);
    receipt.tlv_id = delivery.tlvs.text(tag::RECEIPTED_MESSAGE_ID).filter(|id| !id.is_empty());
    let state = delivery.tlvs.octet(tag::MESSAGE_STATE).and_then(State::from_octet);
    receipt.state = state.or(receipt.state);
    receipt.network_error = delivery.tlvs.value(tag::NETWORK_ERROR_CODE).and_then(|value| match value[..] {
        [network, high, low] => Some((network, u16::from_be_bytes([high, low]))),
        _ => None,
    });
    receipt
}

/// Reads the text that carriers have agreed on without a standard:
/// `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`, in any order and case,
/// with any of them missing. What stands behind `text:` is the message and is not looked at.
pub(super) fn read_text(octets: &[u8], data_coding: u8) -> RawReceipt {
    let text = plain(&octets[..octets.len().min(MAX_TEXT)], data_coding);
    let lower = text.to_ascii_lowercase();
    let head = find(&lower, "text:").unwrap_or(lower.len());
    let field = |name: &str| value(&text[..head], &lower[..head], name);
    let stat = field("stat:");
    RawReceipt {
        text_id: field("id:"),
        state: stat.as_deref().and_then(State::from_word),
        stat,
        err: field("err:"),
        done: field("done date:").and_then(|date| parse_date(&date)),
        ..RawReceipt::default()
    }
}

/// Octets as characters, so that case and positions are those of the octets. Some carriers write
/// receipts in UCS-2; their text is ASCII with a zero before each octet.
fn plain(octets: &[u8], data_coding: u8) -> String {
    let wide = data_coding == 0x08 && octets.first() == Some(&0);
    let step = if wide { 2 } else { 1 };
    octets
        .iter()
        .skip(usize::from(wide))
        .step_by(step)
        .map(|&octet| if octet.is_ascii() { char::from(octet) } else { '?' })
        .collect()
}

/// Where a field name stands at the beginning of a word.
fn find(lower: &str, name: &str) -> Option<usize> {
    lower.match_indices(name).map(|(at, _)| at).find(|&at| {
        at == 0 || !lower.as_bytes()[at - 1].is_ascii_alphanumeric() && lower.as_bytes()[at - 1] != b':'
    })
}

fn value(text: &str, lower: &str, name: &str) -> Option<String> {
    let start = find(lower, name)? + name.len();
    let rest = text[start..].trim_start_matches(' ');
    let end = rest.find(|character: char| character.is_ascii_whitespace() || character == '\0');
    let word = rest[..end.unwrap_or(rest.len())].trim_end_matches([',', ';']);
    // An empty value shows the next field's name in its place.
    (!word.is_empty() && !word.contains(':')).then(|| word.chars().take(64).collect())
}

/// `YYMMDDhhmm`, `YYMMDDhhmmss`, or the same with four digits of the year.
fn parse_date(digits: &str) -> Option<Time> {
    if !digits.is_ascii() || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match digits.len() {
        10 | 12 => (2000 + number(&digits[..2])?, &digits[2..]),
        14 => (number(&digits[..4])?, &digits[4..]),
        _ => return None,
    };
    let field = |at: usize| rest.get(at..at + 2).and_then(number);
    let (month, day, hour, minute) = (field(0)?, field(2)?, field(4)?, field(6)?);
    let second = field(8).unwrap_or(0);
    let sensible = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    (sensible && second < 61).then(|| {
        Time::from_secs(days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
    })
}

fn number(digits: &str) -> Option<i64> {
    digits.parse().ok()
}

/// Days since 1970-01-01 of a date of the Gregorian calendar. The year is counted from March, so
/// that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// Turns a carrier's local time into UTC.
pub(super) fn to_utc(local: Time, offset_minutes: i32) -> Time {
    let offset = Span::from_mins(u64::from(offset_minutes.unsigned_abs()));
    if offset_minutes < 0 { local + offset } else { local - offset }
}
