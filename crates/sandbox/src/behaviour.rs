//! How handsets behave: the last four digits of the number decide.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a handset, or the network around it, does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Behaviour {
    /// Receives after about 50 ms, reads WhatsApp after about 200 ms.
    #[serde(rename = "default")]
    Default,
    /// No WhatsApp: accepted, then failed with 131026. SMS works.
    #[serde(rename = "0001")]
    NoWhatsapp,
    /// WhatsApp is sent and never delivered. SMS works.
    #[serde(rename = "0002")]
    Silent,
    /// No WhatsApp, and SMS is undeliverable.
    #[serde(rename = "0003")]
    Unreachable,
    /// WhatsApp is delivered and never read.
    #[serde(rename = "0004")]
    NeverReads,
    /// The conversation window is closed until the person writes.
    #[serde(rename = "0005")]
    WindowClosed,
    /// WhatsApp refuses media.
    #[serde(rename = "0006")]
    MediaRefused,
    /// WhatsApp delivers three seconds after submission.
    #[serde(rename = "0007")]
    Late,
    /// The first two sends on each channel are throttled.
    #[serde(rename = "0008")]
    ThrottledTwice,
    /// The person stopped marketing on WhatsApp.
    #[serde(rename = "0009")]
    MarketingStopped,
    /// Statuses come repeated, out of order, and without `delivered`.
    #[serde(rename = "0010")]
    Disordered,
    /// The send is answered after five seconds; on WhatsApp never on the first try.
    #[serde(rename = "0011")]
    Unanswered,
    /// Every send is answered after two seconds.
    #[serde(rename = "0012")]
    Slow,
    /// The first send on each channel gets a server error.
    #[serde(rename = "0013")]
    FirstFails,
}

impl Behaviour {
    /// All behaviours with the four digits that select them.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::Default, "default"),
        (Self::NoWhatsapp, "0001"),
        (Self::Silent, "0002"),
        (Self::Unreachable, "0003"),
        (Self::NeverReads, "0004"),
        (Self::WindowClosed, "0005"),
        (Self::MediaRefused, "0006"),
        (Self::Late, "0007"),
        (Self::ThrottledTwice, "0008"),
        (Self::MarketingStopped, "0009"),
        (Self::Disordered, "0010"),
        (Self::Unanswered, "0011"),
        (Self::Slow, "0012"),
        (Self::FirstFails, "0013"),
    ];

    /// The behaviour that a number has by its own digits.
    #[must_use]
    pub fn of_number(digits: &str) -> Self {
        // Telesign's sample number tells the story of a WhatsApp that times out into an SMS.
        if digits == "15558675309" {
            return Self::Silent;
        }
        let tail = digits.len().checked_sub(4).and_then(|at| digits.get(at..)).unwrap_or_default();
        tail.parse().unwrap_or(Self::Default)
    }

    /// The four digits, or `default`.
    #[must_use]
    pub fn code(self) -> &'static str {
        Self::ALL.iter().find(|(one, _)| *one == self).map_or("default", |(_, code)| code)
    }
}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().find(|(_, known)| *known == code).map(|(one, _)| *one).ok_or(UnknownBehaviour)
    }
}

/// The code names no behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown behaviour; known are default and 0001 to 0013")]
pub struct UnknownBehaviour;
