//! Identifiers. Message ids are time-ordered and 128 bits wide, so that every vendor's id shape
//! (32 hex digits, a UUID, an opaque word) is only a spelling of the same number.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::Time;

macro_rules! wide_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u128);

        impl $name {
            /// A new id: 48 bits of milliseconds, then 80 of the given random bits.
            #[must_use]
            pub const fn new(now: Time, random: u128) -> Self {
                let millis = (now.as_millis() as u128) & ((1 << 48) - 1);
                Self(millis << 80 | (random & ((1 << 80) - 1)))
            }

            /// When this id was made, to the millisecond.
            #[must_use]
            pub const fn time(self) -> Time {
                Time::from_millis((self.0 >> 80) as i64)
            }

            /// 32 upper-case hex digits.
            #[must_use]
            pub fn upper_hex(self) -> String {
                format!("{:032X}", self.0)
            }

            /// The 8-4-4-4-12 spelling in lower-case hex.
            #[must_use]
            pub fn uuid(self) -> String {
                let hex = format!("{:032x}", self.0);
                format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
            }

            /// Reads 32 hex digits of any case, with or without the dashes of a UUID.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let bytes = text.as_bytes();
                let mut value: u128 = 0;
                let mut digits = 0;
                for (index, byte) in bytes.iter().enumerate() {
                    match (byte, bytes.len()) {
                        (b'-', 36) if matches!(index, 8 | 13 | 18 | 23) => {}
                        (_, 32 | 36) => {
                            value = value << 4 | u128::from((*byte as char).to_digit(16)?);
                            digits += 1;
                        }
                        _ => return None,
                    }
                }
                (digits == 32).then_some(Self(value))
            }

            /// The 16 bytes of this id, most significant first (so that byte order is time order).
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        /// Hex digits in formats for people, 16 bytes in others.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.to_bytes())
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return deserializer.deserialize_bytes(Wide).map(Self);
                }
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| de::Error::custom("expected 32 hex digits"))
            }
        }
    };
}

wide_id!(
    /// Identifies one message.
    MessageId
);
wide_id!(
    /// Identifies one submission; its messages share it.
    BatchId
);

/// Reads the 16 bytes of an id.
struct Wide;

impl de::Visitor<'_> for Wide {
    type Value = u128;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("16 bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<u128, E> {
        bytes.try_into().map(u128::from_be_bytes).map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}

impl MessageId {
    /// A 128-bit reference for one step of this message, stable and distinct per step, for
    /// dialects that give each channel a reference of its own.
    #[must_use]
    pub const fn step_reference(self, step: u8) -> u128 {
        let mixed = self.0 ^ ((step as u128 + 1) << 64);
        // An odd multiplier keeps the mapping one-to-one; only the low half changes visibly.
        let low = (mixed as u64).wrapping_add(step as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (self.0 & !(u64::MAX as u128)) | low as u128
    }
}

/// Identifies one try of one step of a message. Its text form travels to networks as the opaque
/// reference, so it stays within letters, digits and dots, at most 44 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The message tried.
    pub message: MessageId,
    /// Index of the step in the plan, from 0.
    pub step: u8,
    /// Number of the try within the step, from 0.
    pub attempt: u16,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.message, self.step, self.attempt)
    }
}

/// The text is not an attempt id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an attempt id")]
pub struct NotAnAttemptId;

impl FromStr for AttemptId {
    type Err = NotAnAttemptId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.');
        let (Some(message), Some(step), Some(attempt), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAnAttemptId);
        };
        Ok(Self {
            message: MessageId::parse(message).ok_or(NotAnAttemptId)?,
            step: step.parse().map_err(|_| NotAnAttemptId)?,
            attempt: attempt.parse().map_err(|_| NotAnAttemptId)?,
        })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Name of an account, as configured.
    AccountName
);
name!(
    /// Name of a route, as configured.
    RouteName
);
