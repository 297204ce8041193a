use proptest::prelude::*;

use super::super::{
    ids::{Ids, dec_to_hex, hex_to_dec},
    settings::IdRule,
};

/// Whether the ids of a submit and of its receipt come to the same spelling.
#[track_caller]
fn check(rule: IdRule, submitted: &str, receipted: &str) {
    let ids = Ids::new(rule);
    assert_eq!(ids.of_submit(submitted), ids.of_receipt(receipted), "{rule:?}");
}

#[test]
fn each_rule_brings_its_quirk_to_one_spelling() {
    check(IdRule::String, "Ab-01", "Ab-01");
    check(IdRule::Trim0, "000123", "123");
    check(IdRule::Trim0, "000", "0");
    check(IdRule::CaseFold, "ABCDEF-01", "abcdef-01");
    check(IdRule::First10, "12345678901234", "1234567890");
    check(IdRule::HexToDec, "1A36", "6710");
    check(IdRule::HexToDec, "00001a36", "0000006710");
    check(IdRule::DecToHex, "6710", "1A36");
    check(IdRule::HexToDec, "not a number", "not a number");
}

#[test]
fn ids_beyond_any_integer_convert() {
    check(IdRule::HexToDec, &"F".repeat(40), &hex_to_dec(&"f".repeat(40)).expect("hex"));
    assert_eq!(hex_to_dec("10000000000000000").as_deref(), Some("18446744073709551616"));
    assert_eq!(dec_to_hex("18446744073709551616").as_deref(), Some("10000000000000000"));
    assert_eq!(hex_to_dec(""), None);
    assert_eq!(hex_to_dec("+1"), None);
    assert_eq!(dec_to_hex("1a"), None);
}

#[test]
fn the_learner_recognises_each_quirk_by_recent_submits() {
    for (submitted, receipted) in
        [("1A36", "6710"), ("6710", "1a36"), ("0042", "42"), ("ABC-1", "abc-1"), ("same", "same")]
    {
        check(IdRule::Auto, submitted, receipted);
    }
}

#[test]
fn the_learner_spells_unremembered_ids_by_what_it_learned() {
    let ids = Ids::new(IdRule::Auto);
    ids.of_submit("0001A36F");
    assert_eq!(ids.of_receipt("107375"), "0001A36F");
    assert_eq!(ids.of_receipt("107376"), "0001A370");
}

#[test]
fn the_learner_forgets_old_submits_and_takes_unknown_ids_as_they_are() {
    let ids = Ids::new(IdRule::Auto);
    ids.of_submit("AA0000");
    for number in 0..40_000 {
        ids.of_submit(&format!("n{number}"));
    }
    assert_eq!(ids.of_receipt("aa0000"), "aa0000");
    assert_eq!(ids.of_receipt("N39999"), "n39999");
}

#[test]
fn a_recalled_id_is_spelled_for_the_carrier_again() {
    let ids = Ids::new(IdRule::HexToDec);
    assert_eq!(ids.as_submitted(&ids.of_submit("1a36")), "1a36");
}

proptest! {
    #[test]
    fn conversions_are_inverse(number in any::<u128>()) {
        let (decimal, hexadecimal) = (number.to_string(), format!("{number:x}"));
        prop_assert_eq!(dec_to_hex(&decimal), Some(hexadecimal.clone()));
        prop_assert_eq!(hex_to_dec(&hexadecimal), Some(decimal));
    }

    #[test]
    fn no_id_panics_any_rule(id in "\\PC{0,80}") {
        for rule in [IdRule::String, IdRule::Trim0, IdRule::CaseFold, IdRule::First10,
            IdRule::HexToDec, IdRule::DecToHex, IdRule::Auto] {
            let ids = Ids::new(rule);
            ids.of_submit(&id);
            ids.of_receipt(&id);
        }
    }
}
