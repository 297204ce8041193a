//! Alphabets of short messages, in both directions.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

static GSM: LazyLock<Vec<char>> = LazyLock::new(|| GSM_TABLE.chars().collect());

/// The GSM 03.38 default alphabet, one character per septet; the escape stands at 0x1B.
const GSM_TABLE: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// What follows an escape.
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// How the octets of a short message are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Alphabet {
    /// GSM 03.38, one septet per octet.
    Gsm,
    /// Latin-1; ASCII is a part of it.
    Latin1,
    /// UTF-16, big end first.
    Ucs2,
    /// No text.
    Binary,
}

impl Alphabet {
    /// The alphabet of a `data_coding`.
    pub(crate) fn of(data_coding: u8) -> Self {
        match data_coding {
            0x01 | 0x03 => Self::Latin1,
            0x02 | 0x04 | 0x14..=0x17 | 0xF4..=0xF7 => Self::Binary,
            0x08 | 0x18..=0x1B => Self::Ucs2,
            _ => Self::Gsm,
        }
    }

    /// The type that inboxes show.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Gsm | Self::Latin1 | Self::Ucs2 => "text",
            Self::Binary => "binary",
        }
    }

    /// Reads octets; what cannot be read becomes a replacement character, binary becomes hex.
    pub(crate) fn decode(self, octets: &[u8]) -> String {
        match self {
            Self::Gsm => decode_gsm(octets),
            Self::Latin1 => octets.iter().map(|octet| char::from(*octet)).collect(),
            Self::Ucs2 => {
                let units: Vec<u16> = octets
                    .chunks(2)
                    .map(|pair| u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))
                    .collect();
                String::from_utf16_lossy(&units)
            }
            Self::Binary => hex::encode(octets),
        }
    }
}

fn decode_gsm(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    let mut octets = octets.iter();
    while let Some(octet) = octets.next() {
        let read = if *octet == 0x1B {
            // An unknown extension is shown as a space (3GPP 23.038).
            octets.next().map(|next| extension(*next).unwrap_or(' '))
        } else {
            Some(GSM.get(usize::from(*octet)).copied().unwrap_or('\u{fffd}'))
        };
        text.extend(read);
    }
    text
}

fn extension(octet: u8) -> Option<char> {
    EXTENSION.iter().find(|(code, _)| *code == octet).map(|(_, shown)| *shown)
}

/// A text as the handset sends it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) data_coding: u8,
    /// One entry per part, each short enough to travel with a concatenation header.
    pub(crate) parts: Vec<Vec<u8>>,
}

/// Encodes a text in GSM 03.38, or in UCS-2 if it has to be, and splits it if it is long.
pub(crate) fn encode(text: &str) -> Encoded {
    let gsm: Option<Vec<Vec<u8>>> = text.chars().map(gsm_char).collect();
    match gsm {
        Some(characters) => Encoded { data_coding: 0, parts: split(&characters, 160, 153) },
        None => {
            let characters: Vec<Vec<u8>> = text.chars().map(ucs2_char).collect();
            Encoded { data_coding: 8, parts: split(&characters, 140, 134) }
        }
    }
}

fn gsm_char(shown: char) -> Option<Vec<u8>> {
    if let Some(at) = GSM.iter().position(|one| *one == shown && *one != '\u{1b}') {
        return Some(vec![u8::try_from(at).ok()?]);
    }
    EXTENSION.iter().find(|(_, one)| *one == shown).map(|(code, _)| vec![0x1B, *code])
}

fn ucs2_char(shown: char) -> Vec<u8> {
    let mut units = [0; 2];
    shown.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

/// Splits between characters, never within one.
fn split(characters: &[Vec<u8>], single: usize, part: usize) -> Vec<Vec<u8>> {
    let whole: Vec<u8> = characters.concat();
    if whole.len() <= single {
        return vec![whole];
    }
    let mut parts = vec![Vec::new()];
    for character in characters {
        let last = parts.last_mut().expect("there is always a last part");
        if last.len() + character.len() > part {
            parts.push(character.clone());
        } else {
            last.extend(character);
        }
    }
    parts
}
