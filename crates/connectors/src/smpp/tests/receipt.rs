use bytes::Bytes;
use model::Time;
use proptest::prelude::*;

use super::super::{
    pdu::{Delivery, Tlvs, tag},
    receipt::{RawReceipt, is_acknowledgement, is_receipt, read, read_text, to_utc},
    status::State,
};

fn text(text: &str) -> RawReceipt {
    read_text(text.as_bytes(), 0)
}

/// Id, state and `err` of a text.
#[track_caller]
fn check(receipt: &str, id: Option<&str>, state: Option<State>, err: Option<&str>) {
    let found = text(receipt);
    assert_eq!((found.text_id.as_deref(), found.state, found.err.as_deref()), (id, state, err), "{receipt}");
}

#[test]
fn the_usual_text_is_read_in_full() {
    let receipt = text(
        "id:1A36-b sub:001 dlvrd:001 submit date:2611201230 done date:261120123145 stat:DELIVRD err:000 text:Hi",
    );
    let expected = RawReceipt {
        text_id: Some("1A36-b".into()),
        state: Some(State::Delivered),
        stat: Some("DELIVRD".into()),
        err: Some("000".into()),
        done: Some(Time::from_secs(1_795_177_905)),
        ..RawReceipt::default()
    };
    assert_eq!(receipt, expected);
}

#[test]
fn variants_of_the_text_are_understood() {
    use State::{Delivered, Expired, Undeliverable};
    check("id:7 stat:DELIVRD", Some("7"), Some(Delivered), None);
    check("ID: 7 STAT:delivrd ERR:0A", Some("7"), Some(Delivered), Some("0A"));
    check("stat:UNDELIV err:27 id:42", Some("42"), Some(Undeliverable), Some("27"));
    check("id:7 stat:EXPIRED err: text:id:9 stat:DELIVRD", Some("7"), Some(Expired), None);
    check("id:7 stat:UNDELIVERABLE Text:a:b", Some("7"), Some(Undeliverable), None);
    check("id:7, stat:EXPIRED; err:1", Some("7"), Some(Expired), Some("1"));
    check("id:7\0stat:EXPIRED", Some("7"), Some(Expired), None);
    check("id: sub:001 stat:NONSENSE", None, None, None);
    check("hello", None, None, None);
    check("", None, None, None);
    let uuid = "0b0c9f6e-0f43-4d3e-8d26-0a3f6e7f3a11";
    check(&format!("id:{uuid} stat:DELIVRD"), Some(uuid), Some(Delivered), None);
}

#[test]
fn binary_quotes_and_wide_texts_do_not_disturb() {
    let mut octets = b"id:7 stat:DELIVRD err:000 text:".to_vec();
    octets.extend([0xD8, 0x3D, 0x00, 0xFF]);
    assert_eq!(read_text(&octets, 0).text_id.as_deref(), Some("7"));
    let wide: Vec<u8> = "id:7 stat:DELIVRD".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(read_text(&wide, 8).state, Some(State::Delivered));
}

#[test]
fn dates_may_have_10_12_or_14_digits_and_an_offset() {
    let done = |date: &str| text(&format!("id:1 done date:{date} stat:DELIVRD")).done;
    assert_eq!(done("7001010000"), Some(Time::from_secs(3_155_760_000)));
    assert_eq!(done("261120123145"), Some(Time::from_secs(1_795_177_905)));
    assert_eq!(done("20261120123145"), Some(Time::from_secs(1_795_177_905)));
    assert_eq!(done("2402292359"), Some(Time::from_secs(1_709_251_140)));
    assert_eq!(done("2613202359"), None);
    assert_eq!(done("26112"), None);
    assert_eq!(to_utc(Time::from_secs(7200), 120), Time::from_secs(0));
    assert_eq!(to_utc(Time::from_secs(0), -60), Time::from_secs(3600));
}

fn delivery(esm_class: u8, tlvs: &[(u16, &[u8])], text: &str) -> Delivery {
    let tlvs: Tlvs = tlvs.iter().map(|(tag, value)| (*tag, Bytes::copy_from_slice(value))).collect();
    Delivery { esm_class, tlvs, message: Bytes::copy_from_slice(text.as_bytes()), ..Delivery::default() }
}

#[test]
fn tlvs_win_over_the_text() {
    let tlvs: &[(u16, &[u8])] = &[
        (tag::RECEIPTED_MESSAGE_ID, b"TLV-9\0"),
        (tag::MESSAGE_STATE, &[5]),
        (tag::NETWORK_ERROR_CODE, &[3, 0, 27]),
    ];
    let receipt = read(&delivery(0x04, tlvs, "id:1 stat:DELIVRD err:000"));
    assert_eq!(receipt.tlv_id.as_deref(), Some("TLV-9"));
    assert_eq!(receipt.state, Some(State::Undeliverable));
    assert_eq!(receipt.network_error, Some((3, 27)));
}

#[test]
fn a_receipt_is_known_by_class_or_by_tlvs() {
    let tlvs: &[(u16, &[u8])] = &[(tag::RECEIPTED_MESSAGE_ID, b"1"), (tag::MESSAGE_STATE, &[2])];
    assert!(is_receipt(&delivery(0x04, &[], "")));
    assert!(is_receipt(&delivery(0x20, &[], "")));
    assert!(is_receipt(&delivery(0x00, tlvs, "")));
    assert!(!is_receipt(&delivery(0x00, &tlvs[..1], "")));
    assert!(!is_receipt(&delivery(0x40, &[], "")));
    assert!(is_acknowledgement(&delivery(0x08, &[], "")));
    assert!(!is_acknowledgement(&delivery(0x00, &[], "")));
}

proptest! {
    #[test]
    fn no_text_panics_the_parser(octets in proptest::collection::vec(any::<u8>(), 0..400), coding in any::<u8>()) {
        read_text(&octets, coding);
    }

    #[test]
    fn near_receipts_do_not_panic_the_parser(
        words in proptest::collection::vec(
            prop_oneof!["id:", "stat:", "err:", "done date:", "text:", "[0-9]{0,14}", "\\PC{0,8}", " "], 0..20),
    ) {
        read_text(words.concat().as_bytes(), 0);
    }
}
