//! Alphabets of short messages: GSM 03.38 (unpacked), Latin-1, ASCII, UCS-2.

use super::settings::Charset;

const ESCAPE: u8 = 0x1B;

/// GSM 03.38 default alphabet; the place of the escape is never used for a character.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1B}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à', //
];

/// The extension table: second septet and character.
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{0C}'),
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

/// A character of GSM 03.38.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Septets {
    /// One septet.
    One(u8),
    /// The escape and this.
    Two(u8),
}

impl Septets {
    /// How many septets it takes on air.
    pub(super) const fn cost(self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Two(_) => 2,
        }
    }

    /// Appends its octets, one per septet.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::One(septet) => out.push(septet),
            Self::Two(septet) => out.extend([ESCAPE, septet]),
        }
    }
}

/// The septets of a Latin-1 character, so that the usual text is found by one look-up.
static LATIN: [Option<Septets>; 256] = latin();

const fn latin() -> [Option<Septets>; 256] {
    let mut table = [None; 256];
    let mut septet = 0;
    while septet < 128 {
        let code = BASIC[septet] as usize;
        if code < 256 && septet != ESCAPE as usize {
            table[code] = Some(Septets::One(septet as u8));
        }
        septet += 1;
    }
    let mut index = 0;
    while index < EXTENSION.len() {
        let (septet, character) = EXTENSION[index];
        if (character as usize) < 256 {
            table[character as usize] = Some(Septets::Two(septet));
        }
        index += 1;
    }
    table
}

/// The septets of a character; `None` if GSM 03.38 lacks it.
pub(super) fn septets(character: char) -> Option<Septets> {
    if let Some(known) = LATIN.get(character as usize) {
        return *known;
    }
    if character == '€' {
        return Some(Septets::Two(0x65));
    }
    // Only the Greek capitals remain.
    BASIC[0x10..0x1B].iter().position(|&c| c == character).map(|at| Septets::One(0x10 + at as u8))
}

/// Appends a character in a carrier's default charset and returns its cost in septets on air;
/// `None` if the charset or GSM 03.38, into which the carrier converts, lacks it.
pub(super) fn write_char(charset: Charset, character: char, out: &mut Vec<u8>) -> Option<usize> {
    let septets = septets(character)?;
    match charset {
        Charset::Gsm => septets.write(out),
        Charset::Latin1 => out.push(u8::try_from(u32::from(character)).ok()?),
        Charset::Ascii => out.push(u8::try_from(character).ok().filter(u8::is_ascii)?),
    }
    Some(septets.cost())
}

/// Text of unpacked GSM 03.38. An unknown pair shows its second septet without the escape, as
/// GSM 03.38 demands; octets above 127 show the replacement character.
pub(super) fn decode_gsm(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    let mut escaped = false;
    for &octet in octets {
        if octet == ESCAPE && !escaped {
            escaped = true;
            continue;
        }
        text.push(decode_septet(octet, escaped));
        escaped = false;
    }
    text
}

fn decode_septet(octet: u8, escaped: bool) -> char {
    let extended = EXTENSION.iter().find(|(septet, _)| escaped && *septet == octet);
    match extended {
        Some((_, character)) => *character,
        // A second escape is reserved for a further table; handsets show a space.
        None if octet == ESCAPE => ' ',
        None => BASIC.get(usize::from(octet)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

/// Text of Latin-1.
pub(super) fn decode_latin1(octets: &[u8]) -> String {
    octets.iter().map(|&octet| char::from(octet)).collect()
}

/// Text of UTF-16BE; a lone surrogate or odd octet shows the replacement character.
pub(super) fn decode_ucs2(octets: &[u8]) -> String {
    let (pairs, odd) = octets.as_chunks::<2>();
    let units = pairs.iter().map(|&pair| u16::from_be_bytes(pair));
    let mut text: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if !odd.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

/// Text of a charset.
pub(super) fn decode(charset: Charset, octets: &[u8]) -> String {
    match charset {
        Charset::Gsm => decode_gsm(octets),
        Charset::Latin1 | Charset::Ascii => decode_latin1(octets),
    }
}

/// The text with characters outside GSM 03.38 replaced by similar ones inside it; `None` if one
/// of them has no likeness there.
pub(super) fn transliterate(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match septets(character) {
            Some(_) => out.push(character),
            None => out.push_str(likeness(character)?),
        }
    }
    Some(out)
}

fn likeness(character: char) -> Option<&'static str> {
    Some(match character {
        '‘' | '’' | '‚' | '‛' | '′' | '`' | '´' | 'ʼ' => "'",
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => "-",
        '…' => "...",
        '•' | '·' => "*",
        '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' | '\t' => " ",
        '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}' => "",
        'á' | 'â' | 'ã' | 'ā' | 'ă' | 'ą' => "a",
        'Á' | 'À' | 'Â' | 'Ã' | 'Ā' | 'Ă' | 'Ą' => "A",
        'ç' => "Ç",
        'ć' | 'č' => "c",
        'Ć' | 'Č' => "C",
        'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'È' | 'Ê' | 'Ë' | 'Ē' | 'Ę' | 'Ě' => "E",
        'í' | 'î' | 'ï' | 'ī' => "i",
        'Í' | 'Ì' | 'Î' | 'Ï' | 'Ī' => "I",
        'ł' => "l",
        'Ł' => "L",
        'ń' | 'ň' => "n",
        'Ń' | 'Ň' => "N",
        'ó' | 'ô' | 'õ' | 'ō' | 'ő' => "o",
        'Ó' | 'Ò' | 'Ô' | 'Õ' | 'Ō' | 'Ő' => "O",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'Ś' | 'Š' | 'Ş' | 'Ș' => "S",
        'ť' | 'ț' => "t",
        'ú' | 'û' | 'ū' | 'ű' | 'ů' => "u",
        'Ú' | 'Ù' | 'Û' | 'Ū' | 'Ű' | 'Ů' => "U",
        'ý' | 'ÿ' => "y",
        'Ý' => "Y",
        'ź' | 'ż' | 'ž' => "z",
        'Ź' | 'Ż' | 'Ž' => "Z",
        _ => return None,
    })
}
