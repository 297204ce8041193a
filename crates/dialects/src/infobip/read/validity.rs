//! Validity periods: how long a channel may try before the next one starts.

use model::{Channel, Refusal, Span};

use super::node::Node;
use crate::infobip::Settings;

/// Infobip: the units of the later specification; the OMNI pages know the middle three.
const UNITS: [(&str, u64); 7] = [
    ("NANOSECONDS", 1),
    ("MICROSECONDS", 1_000),
    ("MILLISECONDS", 1_000_000),
    ("SECONDS", 1_000_000_000),
    ("MINUTES", 60 * 1_000_000_000),
    ("HOURS", 3600 * 1_000_000_000),
    ("DAYS", 24 * 3600 * 1_000_000_000),
];

/// The validity period of a channel object: what it says, within the vendor's bounds, or the
/// account's default.
pub(super) fn validity(content: &Node<'_>, channel: Channel, settings: &Settings) -> Result<Span, Refusal> {
    let unit = content.word("validityPeriodTimeUnit", &UNITS.map(|(name, _)| name))?;
    let Some(period) = content.whole("validityPeriod")? else {
        return Ok(default_validity(channel, settings));
    };
    let asked = Span::from_micros(period.saturating_mul(nanoseconds(unit.as_deref())) / 1000);
    if settings.strict_validity && asked < minimum(channel) {
        let reason = format!("must be at least {} seconds", minimum(channel).as_secs());
        return Err(content.invalid("validityPeriod", reason));
    }
    Ok(bounded(asked, channel))
}

/// The validity period of a channel for which the request names none.
pub(super) fn default_validity(channel: Channel, settings: &Settings) -> Span {
    bounded(settings.default_validity(), channel)
}

/// Infobip: the unit is minutes if none is given.
fn nanoseconds(unit: Option<&str>) -> u64 {
    let unit = unit.unwrap_or("MINUTES");
    UNITS.iter().find(|(name, _)| *name == unit).map_or(60 * 1_000_000_000, |(_, nanoseconds)| *nanoseconds)
}

/// Infobip: a longer period than the maximum is cut without an error. What becomes of one under
/// the minimum is not said; we raise it.
fn bounded(span: Span, channel: Channel) -> Span {
    span.clamp(minimum(channel), maximum(channel))
}

/// Infobip: a period should be longer than 30 seconds, on Viber than 35.
const fn minimum(channel: Channel) -> Span {
    match channel {
        Channel::Viber => Span::from_secs(35),
        Channel::Whatsapp
        | Channel::Sms
        | Channel::Mms
        | Channel::Rcs
        | Channel::Email
        | Channel::Push
        | Channel::Voice
        | Channel::Messenger
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::AppleMessages
        | Channel::InApp
        | Channel::Unlisted => Span::from_secs(30),
    }
}

/// Infobip: 48 hours, on Viber 14 days.
const fn maximum(channel: Channel) -> Span {
    match channel {
        Channel::Viber => Span::from_hours(14 * 24),
        Channel::Whatsapp
        | Channel::Sms
        | Channel::Mms
        | Channel::Rcs
        | Channel::Email
        | Channel::Push
        | Channel::Voice
        | Channel::Messenger
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::AppleMessages
        | Channel::InApp
        | Channel::Unlisted => Span::from_hours(48),
    }
}
