//! The place of a request in a trace that its caller began (W3C Trace Context).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a `traceparent` header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The trace; never zero.
    pub trace: u128,
    /// The caller's span; never zero.
    pub span: u64,
    /// Whether the caller records this trace.
    pub sampled: bool,
}

impl TraceParent {
    /// Reads a header of version 00, or the like beginning of a later version.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let known = version != "ff" && (version != "00" || parts.next().is_none());
        let version = hex(version, 2)?;
        let (trace, span, flags) = (hex(trace, 32)?, hex(span, 16)?, hex(flags, 2)?);
        let valid = known && version < 255 && trace != 0 && span != 0;
        valid.then_some(Self { trace, span: span as u64, sampled: flags & 1 == 1 })
    }
}

/// Exactly so many lower-case hex digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let fits = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    fits.then(|| u128::from_str_radix(text, 16).ok())?
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl Serialize for TraceParent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceParent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected a traceparent"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read_and_written_the_same() {
        let parent = TraceParent::parse(HEADER).expect("it is right");
        assert_eq!((parent.span, parent.sampled), (0x00f0_67aa_0ba9_02b7, true));
        assert_eq!(parent.to_string(), HEADER);
        assert!(!TraceParent::parse(&HEADER.replace("-01", "-00")).expect("it is right").sampled);
    }

    #[test]
    fn a_later_version_may_say_more() {
        assert!(TraceParent::parse(&HEADER.replacen("00", "01", 1)).is_some());
        assert!(TraceParent::parse(&format!("{}-more", HEADER.replacen("00", "01", 1))).is_some());
        assert!(TraceParent::parse(&format!("{HEADER}-more")).is_none());
    }

    #[test]
    fn what_is_not_a_header_is_not_read() {
        let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let zero_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        let upper = HEADER.to_uppercase();
        let wrong = [
            "",
            "00",
            zero_trace,
            zero_span,
            &upper,
            &HEADER.replacen("00", "ff", 1),
            &HEADER[..54],
            "00-+1-2-3",
        ];
        for text in wrong {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }
}
