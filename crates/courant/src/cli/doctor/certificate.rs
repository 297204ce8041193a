//! When a certificate ends: the one thing wanted of it, read without a library for all of X.509.

use std::path::Path;

use model::Time;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::views::Moment;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of the first certificate of a chain.
pub(super) fn not_after(path: &Path) -> Result<Time, String> {
    let explain = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let certificate = CertificateDer::from_pem_file(path).map_err(|error| explain(&error))?;
    end(&certificate).ok_or_else(|| explain(&"not a certificate"))
}

/// Certificate → TBSCertificate → [version], serial, algorithm, issuer, validity → notAfter.
fn end(certificate: &[u8]) -> Option<Time> {
    let (mut body, _) = element(element(certificate, SEQUENCE)?.0, SEQUENCE)?;
    if *body.first()? == VERSION {
        body = element(body, VERSION)?.1;
    }
    for _ in 0..3 {
        body = element(body, *body.first()?)?.1;
    }
    let (validity, _) = element(body, SEQUENCE)?;
    let after_begin = element(validity, *validity.first()?)?.1;
    let kind = *after_begin.first()?;
    let (text, _) = element(after_begin, kind)?;
    instant(kind, std::str::from_utf8(text).ok()?)
}

/// The content of the first element, which must have this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    (found == tag).then_some(())?;
    rest.split_at_checked(length)
}

/// `YYMMDDHHMMSSZ` (until 2049) or `YYYYMMDDHHMMSSZ`.
fn instant(kind: u8, text: &str) -> Option<Time> {
    let text = match kind {
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| text.get(from..to);
    let written = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    Moment::parse(&written).map(|moment| moment.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outline of a certificate: just what is looked at.
    fn outline(time: (u8, &str)) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
        let times = [wrap(UTC_TIME, b"250101000000Z"), wrap(time.0, time.1.as_bytes())].concat();
        let body = [
            wrap(VERSION, &wrap(2, &[2])),
            wrap(2, &[1]),
            wrap(SEQUENCE, &[]),
            wrap(SEQUENCE, &[]),
            wrap(SEQUENCE, &times),
        ]
        .concat();
        wrap(SEQUENCE, &wrap(SEQUENCE, &body))
    }

    #[test]
    fn the_end_is_read_in_both_forms_of_time() {
        let expected = Moment::parse("2031-02-03T04:05:06Z").map(|moment| moment.0);
        assert_eq!(end(&outline((UTC_TIME, "310203040506Z"))), expected);
        assert_eq!(end(&outline((GENERALIZED_TIME, "20310203040506Z"))), expected);
    }

    #[test]
    fn whatever_is_cut_off_or_no_certificate_is_told_so() {
        let whole = outline((UTC_TIME, "310203040506Z"));
        for length in 0..whole.len() {
            assert_eq!(end(&whole[..length]), None, "{length}");
        }
        assert_eq!(end(b"hello"), None);
    }
}
