use model::{
    Cause,
    content::{SmsCoding, SmsOptions, Text},
};
use proptest::prelude::*;

use super::super::{
    alphabet::{decode_gsm, decode_ucs2, septets},
    segment::{Segmented, Shape, segment},
    settings::{Charset, LongMessages},
};

const METHODS: [LongMessages; 3] = [LongMessages::Udh8, LongMessages::Udh16, LongMessages::Sar];

fn shape(method: LongMessages) -> Shape {
    Shape { charset: Charset::Gsm, transliterate: false, method, max_parts: 255 }
}

fn cut(text: &str, method: LongMessages) -> Segmented {
    segment(&Text::new(text), shape(method)).expect("the text is not too long")
}

/// Length unit counts of the parts of a text.
#[track_caller]
fn check(text: &str, method: LongMessages, data_coding: u8, lengths: &[usize]) {
    let segmented = cut(text, method);
    let found: Vec<usize> = segmented.parts.iter().map(Vec::len).collect();
    assert_eq!((segmented.data_coding, &found[..]), (data_coding, lengths));
}

#[test]
fn gsm_texts_break_after_160_septets_into_parts_of_153_or_152() {
    check("", LongMessages::Udh8, 0, &[0]);
    check(&"a".repeat(160), LongMessages::Udh8, 0, &[160]);
    check(&"a".repeat(161), LongMessages::Udh8, 0, &[153, 8]);
    check(&"a".repeat(306), LongMessages::Udh8, 0, &[153, 153]);
    check(&"a".repeat(307), LongMessages::Udh8, 0, &[153, 153, 1]);
    check(&"a".repeat(161), LongMessages::Udh16, 0, &[152, 9]);
    check(&"a".repeat(161), LongMessages::Sar, 0, &[153, 8]);
}

#[test]
fn ucs2_texts_break_after_70_units_into_parts_of_67_or_66() {
    check(&"ж".repeat(70), LongMessages::Udh8, 8, &[140]);
    check(&"ж".repeat(71), LongMessages::Udh8, 8, &[134, 8]);
    check(&"ж".repeat(71), LongMessages::Udh16, 8, &[132, 10]);
}

#[test]
fn an_extension_character_counts_twice_and_is_never_split() {
    check(&"€".repeat(80), LongMessages::Udh8, 0, &[160]);
    check(&format!("{}€", "a".repeat(159)), LongMessages::Udh8, 0, &[153, 8]);
    let on_the_edge = format!("{}€{}", "a".repeat(152), "b".repeat(10));
    check(&on_the_edge, LongMessages::Udh8, 0, &[152, 12]);
}

#[test]
fn a_surrogate_pair_is_never_split() {
    let on_the_edge = format!("{}😀{}", "ж".repeat(66), "ж".repeat(10));
    check(&on_the_edge, LongMessages::Udh8, 8, &[132, 24]);
}

#[test]
fn a_backtick_forces_ucs2_unless_transliterated() {
    check("a`b", LongMessages::Udh8, 8, &[6]);
    let sms = SmsOptions { transliterate: true, ..SmsOptions::default() };
    let text = Text { body: "“a`b”…\u{200B}".into(), sms, ..Text::default() };
    let segmented = segment(&text, shape(LongMessages::Udh8)).expect("short");
    assert_eq!((segmented.data_coding, &segmented.parts[0][..]), (0, &b"\"a'b\"..."[..]));
}

#[test]
fn what_has_no_likeness_stays_as_it_is_in_ucs2() {
    let sms = SmsOptions { transliterate: true, ..SmsOptions::default() };
    let text = Text { body: "“ж”".into(), sms, ..Text::default() };
    let segmented = segment(&text, shape(LongMessages::Udh8)).expect("short");
    assert_eq!(decode_ucs2(&segmented.parts[0]), "“ж”");
}

#[test]
fn flash_unicode_and_binary_have_their_own_coding() {
    let of = |body: &str, coding, flash| {
        let sms = SmsOptions { coding, flash, ..SmsOptions::default() };
        let text = Text { body: body.into(), sms, ..Text::default() };
        segment(&text, shape(LongMessages::Udh8)).map(|s| (s.data_coding, s.parts))
    };
    assert_eq!(of("hi", SmsCoding::Auto, true), Ok((0x10, vec![b"hi".to_vec()])));
    assert_eq!(of("h", SmsCoding::Unicode, true), Ok((0x18, vec![vec![0, b'h']])));
    assert_eq!(of("00ff", SmsCoding::Binary, false), Ok((0x04, vec![vec![0, 0xFF]])));
    assert_eq!(of("xyz", SmsCoding::Binary, false), Err(Cause::InvalidContent));
}

#[test]
fn other_default_charsets_are_coded_in_their_own_octets() {
    let of = |body: &str, charset| {
        let shape = Shape { charset, ..shape(LongMessages::Udh8) };
        segment(&Text::new(body), shape).map(|s| (s.data_coding, s.parts.concat()))
    };
    assert_eq!(of("@é$", Charset::Gsm), Ok((0, vec![0x00, 0x05, 0x02])));
    assert_eq!(of("@é$", Charset::Latin1), Ok((0, vec![0x40, 0xE9, 0x24])));
    assert_eq!(of("@[$", Charset::Ascii), Ok((0, b"@[$".to_vec())));
    assert_eq!(of("é", Charset::Ascii), Ok((8, vec![0x00, 0xE9])));
}

#[test]
fn too_many_parts_are_refused_and_a_payload_stays_whole() {
    let few = Shape { max_parts: 2, ..shape(LongMessages::Udh8) };
    assert_eq!(segment(&Text::new("a".repeat(307)), few), Err(Cause::TextTooLong));
    let payload = cut(&"a".repeat(307), LongMessages::Payload);
    assert_eq!((payload.parts.len(), payload.parts[0].len(), payload.payload), (1, 307, true));
    assert!(!cut("a", LongMessages::Payload).payload);
}

fn gsm_text() -> impl Strategy<Value = String> {
    let alphabet: Vec<char> =
        (0..=0x20AC).filter_map(char::from_u32).filter(|&c| septets(c).is_some()).collect();
    assert_eq!(alphabet.len(), 137);
    proptest::collection::vec(proptest::sample::select(alphabet), 0..700).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn gsm_texts_rejoin_from_their_parts_within_140_octets(text in gsm_text(), method in 0usize..3) {
        let segmented = cut(&text, METHODS[method]);
        let texts: String = segmented.parts.iter().map(|part| decode_gsm(part)).collect();
        prop_assert_eq!(texts, text);
        let header = match (segmented.parts.len(), METHODS[method]) {
            (1, _) => 0,
            (_, LongMessages::Udh16) => 7,
            (_, LongMessages::Udh8 | LongMessages::Sar | LongMessages::Payload) => 6,
        };
        for part in &segmented.parts {
            // The header is padded to a septet; octets are septets packed.
            let septets = (header * 8_usize).div_ceil(7) + part.len();
            prop_assert!((septets * 7).div_ceil(8) <= 140);
        }
    }

    #[test]
    fn any_text_rejoins_from_its_parts(text in "\\PC{0,300}", method in 0usize..3) {
        let segmented = cut(&text, METHODS[method]);
        let decode = if segmented.data_coding == 8 { decode_ucs2 } else { decode_gsm };
        let texts: String = segmented.parts.iter().map(|part| decode(part)).collect();
        prop_assert_eq!(texts, text);
        let most = if segmented.data_coding == 8 { 140 } else { 160 };
        prop_assert!(segmented.parts.iter().all(|part| part.len() <= most));
    }

    #[test]
    fn decoding_never_panics(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        decode_gsm(&octets);
        decode_ucs2(&octets);
    }
}

#[test]
fn parts_are_counted_by_the_usual_rules() {
    let count = |body: &str| crate::smpp::parts(&Text::new(body));
    assert_eq!(count(""), 1);
    assert_eq!((count(&"a".repeat(160)), count(&"a".repeat(161))), (1, 2));
    assert_eq!((count(&"a".repeat(306)), count(&"a".repeat(307))), (2, 3));
    // The euro sign takes two septets, a Cyrillic letter makes the whole text UCS-2.
    assert_eq!((count(&"€".repeat(80)), count(&"€".repeat(81))), (1, 2));
    assert_eq!((count(&"Ж".repeat(70)), count(&"Ж".repeat(71)), count(&"Ж".repeat(135))), (1, 2, 3));
}
