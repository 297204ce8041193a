//! Ids as WhatsApp makes them.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Random octets in upper-case hex.
pub(crate) fn random_upper_hex(octets: usize) -> String {
    hex::encode_upper(random(octets))
}

fn random(octets: usize) -> Vec<u8> {
    let mut random = vec![0; octets];
    getrandom::fill(&mut random).expect("the operating system has random numbers");
    random
}

/// A media id: 16 digits.
pub(crate) fn media_id() -> String {
    let eight: [u8; 8] = random(8).try_into().expect("eight were asked for");
    (1_000_000_000_000_000 + u64::from_le_bytes(eight) % 9_000_000_000_000_000).to_string()
}

/// The id of a message that a business sends: a small binary record that holds the number, the
/// direction and a random part.
pub(crate) fn outbound(wa_id: &str) -> String {
    wamid(wa_id, 0x11, &random_upper_hex(9))
}

/// The id of a message that a person sends.
pub(crate) fn inbound(wa_id: &str) -> String {
    wamid(wa_id, 0x12, &random_upper_hex(10))
}

fn wamid(wa_id: &str, direction: u8, random: &str) -> String {
    let mut record = vec![0x1C];
    for (tag, text) in [(&[0x18][..], wa_id), (&[0x15, 0x02, 0x00, direction, 0x18][..], random)] {
        record.extend(tag);
        record.push(u8::try_from(text.len()).expect("numbers and random parts are short"));
        record.extend(text.as_bytes());
    }
    record.push(0);
    format!("wamid.{}", STANDARD.encode(record))
}
