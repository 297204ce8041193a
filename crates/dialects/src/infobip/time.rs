//! Dates as the vendor writes them, and as its clients do.

use jiff::{civil::DateTime, tz::TimeZone};
use model::{Span, Time};

use super::Offset;
use crate::support::stamp;

/// `2016-02-23T17:41:11.833+0100`: exactly three digits of fraction, no colon in the offset. The
/// vendor's Python client reads the text by fixed columns.
pub(super) fn write(time: Time, offset: Offset) -> String {
    let shift = Span::from_mins(u64::from(offset.minutes().unsigned_abs()));
    let local = if offset.minutes() < 0 { time - shift } else { time + shift };
    format!("{}{offset}", stamp(local, "%Y-%m-%dT%H:%M:%S.%3f"))
}

/// Reads a date with a fraction of up to nine digits and an offset of any form. The vendor's
/// Python client sends no offset at all; that means UTC.
pub(super) fn read(text: &str) -> Option<Time> {
    let clock = text.find(['T', 't', ' '])?;
    let end = text[clock..].find(['+', '-', 'Z', 'z']).map_or(text.len(), |at| clock + at);
    let offset = if end == text.len() { Offset::default() } else { Offset::parse(&text[end..])? };
    let local: DateTime = text[..end].parse().ok()?;
    let micros = local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond();
    micros.checked_sub(i64::from(offset.minutes()) * 60_000_000).map(Time)
}
