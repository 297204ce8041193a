use super::{
    alphabet::{Alphabet, encode},
    pdu::{Framing, Pdu, SUBMIT_SM},
    submit::Submission,
};
use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

#[test]
fn the_whole_gsm_alphabet_survives_a_round_trip() {
    let text = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡AZÄÖÑÜ§¿azäöñüà^{}\\[~]|€";
    let encoded = encode(text);
    assert_eq!((encoded.data_coding, encoded.parts.len()), (0, 1));
    assert_eq!(Alphabet::Gsm.decode(&encoded.parts[0]), text);
}

#[test]
fn replies_are_split_between_characters_at_the_documented_lengths() {
    let lengths = |text: &str| encode(text).parts.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(&"a".repeat(160)), [160]);
    assert_eq!(lengths(&"a".repeat(161)), [153, 8]);
    assert_eq!(lengths(&format!("{}€{}", "a".repeat(152), "a".repeat(10))), [152, 12]);
    assert_eq!(lengths(&"日".repeat(70)), [140]);
    assert_eq!(lengths(&"日".repeat(71)), [134, 8]);
    assert_eq!(lengths(&format!("{}😀{}", "日".repeat(66), "日".repeat(10))), [132, 24]);
}

#[test]
fn what_cannot_be_read_is_shown_as_such() {
    assert_eq!(Alphabet::Gsm.decode(&[0x80, 0x1B, 0x00, 0x1B]), "\u{fffd} ");
    assert_eq!(Alphabet::Ucs2.decode(&[0xD8, 0x00, 0x41]), "\u{fffd}\u{4100}");
    assert_eq!(Alphabet::Binary.decode(&[0xCA, 0xFE]), "cafe");
}

#[test]
fn frames_of_impossible_length_end_a_session() {
    for length in [0_u32, 15, 1 << 20] {
        let mut octets = BytesMut::from(&length.to_be_bytes()[..]);
        assert!(Framing.decode(&mut octets).is_err(), "{length}");
    }
    let mut octets = BytesMut::new();
    let pdu = Pdu::new(SUBMIT_SM, 7, vec![1, 2, 3]);
    Framing.encode(pdu.clone(), &mut octets).expect("a short PDU");
    let last = octets.split_off(18);
    assert_eq!(Framing.decode(&mut octets).expect("no error yet"), None);
    octets.unsplit(last);
    assert_eq!(Framing.decode(&mut octets).expect("a whole frame"), Some(pdu));
}

#[test]
fn no_truncated_message_is_read() {
    let mut body = b"\0\x05\0Courant\0\x01\x0115551234567\0\x40\0\0\0\0\x01\0\0\0\x08".to_vec();
    body.extend([5, 0, 3, 1, 2, 1, b'h', b'i']);
    let whole = Submission::read(&Pdu::new(SUBMIT_SM, 1, body.clone())).expect("it is whole");
    assert_eq!((whole.place.total, whole.place.number, &*whole.octets), (2, 1, &b"hi"[..]));
    for length in 0..body.len() {
        let cut = Pdu::new(SUBMIT_SM, 1, body[..length].to_vec());
        assert!(Submission::read(&cut).is_err(), "{length}");
    }
}
