//! Who a message is for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A phone number in international form: digits only, country code first, no `+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(Box<str>);

impl Phone {
    /// The most digits kept; E.164 allows 15, numbers of test ranges and short codes vary.
    pub const MAX_DIGITS: usize = 20;

    /// Reads a number as people write it: one leading `+` and the separators space, `-`, `.`,
    /// `(` and `)` are dropped. `None` if anything else is in it, or no digit, or more than
    /// [`Self::MAX_DIGITS`]. Whether a number plan knows it is nobody's business here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let body = text.strip_prefix('+').unwrap_or(text);
        let mut digits = String::with_capacity(body.len().min(Self::MAX_DIGITS + 1));
        for character in body.chars() {
            match character {
                '0'..='9' if digits.len() < Self::MAX_DIGITS => digits.push(character),
                ' ' | '-' | '.' | '(' | ')' => {}
                _ => return None,
            }
        }
        (!digits.is_empty()).then(|| Self(digits.into()))
    }

    /// The digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The addresses at which one person or device can be reached. At least one is given in any
/// message that reaches a network; a step whose channel has no address here is skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// For SMS, MMS, voice, RCS, Viber and WhatsApp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// For email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Registration id of an app on a device, for push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<String>,
    /// WhatsApp's business-scoped user id, for people who hide their number. The phone wins if
    /// both are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whatsapp_user: Option<String>,
    /// An id that only another channel understands (Facebook, LINE, Apple and the like).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
}

impl Recipient {
    /// A recipient known by phone number alone.
    #[must_use]
    pub fn phone(phone: Phone) -> Self {
        Self { phone: Some(phone), ..Self::default() }
    }

    /// The address for people: the first that is there, or an empty text.
    #[must_use]
    pub fn display(&self) -> &str {
        self.phone
            .as_ref()
            .map(Phone::digits)
            .or(self.email.as_deref())
            .or(self.whatsapp_user.as_deref())
            .or(self.push.as_deref())
            .or(self.other.as_deref())
            .unwrap_or_default()
    }
}
