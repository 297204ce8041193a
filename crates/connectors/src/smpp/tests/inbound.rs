use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{RouteName, Time, network::InboundContent};
use serde_json::json;

use super::super::{
    inbound::{Reassembly, Whole, read},
    pdu::{Delivery, Tlvs},
    settings::Charset,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn delivery(esm_class: u8, data_coding: u8, message: &[u8]) -> Delivery {
    Delivery {
        source: "+491701234567".into(),
        destination: "12345".into(),
        esm_class,
        data_coding,
        message: Bytes::copy_from_slice(message),
        tlvs: Tlvs::default(),
    }
}

/// Part `number` of two with this header element.
fn part(reference: u8, number: u8, text: &str) -> Delivery {
    delivery(0x40, 0, &[&[5, 0, 3, reference, 2, number], text.as_bytes()].concat())
}

fn content(whole: Whole) -> InboundContent {
    whole.into_inbound(&RouteName::from("sms"), Charset::Gsm, Time(5)).content
}

fn text(text: &str) -> InboundContent {
    InboundContent::Text(text.into())
}

/// What a delivery in one piece says.
fn said(data_coding: u8, message: &[u8]) -> InboundContent {
    let reassembly = Reassembly::new(PATIENCE);
    content(reassembly.offer(read(&delivery(0, data_coding, message)), Instant::now()).expect("whole"))
}

#[test]
fn each_coding_is_read_in_its_alphabet() {
    assert_eq!(said(0, b"\x00\x1B\x65"), text("@€"));
    assert_eq!(said(1, b"@"), text("@"));
    assert_eq!(said(3, b"\xE9"), text("é"));
    assert_eq!(said(8, &[0x04, 0x36, 0xD8, 0x3D, 0xDE, 0x00]), text("ж😀"));
    assert_eq!(said(0xF1, b"\x11"), text("_"));
    assert_eq!(said(4, &[0, 255]), InboundContent::Other(json!({"data_coding": 4, "binary": "00ff"})));
}

#[test]
fn a_message_names_its_people_and_gets_an_id_of_its_own() {
    let reassembly = Reassembly::new(PATIENCE);
    let inbound = || {
        let whole = reassembly.offer(read(&delivery(0, 0, b"STOP")), Instant::now()).expect("whole");
        whole.into_inbound(&RouteName::from("sms"), Charset::Gsm, Time(5))
    };
    let (first, second) = (inbound(), inbound());
    assert_eq!((&first.from[..], &first.to[..], first.at), ("491701234567", "12345", Time(5)));
    assert_ne!(first.upstream, second.upstream);
}

#[test]
fn parts_join_in_any_order_and_repeats_change_nothing() {
    let (reassembly, now) = (Reassembly::new(PATIENCE), Instant::now());
    let offer = |delivery: &Delivery| reassembly.offer(read(delivery), now);
    assert_eq!(offer(&part(9, 2, "world")), None);
    assert_eq!(offer(&part(9, 2, "world")), None);
    assert_eq!(offer(&part(8, 1, "other ")), None);
    let whole = offer(&part(9, 1, "hello ")).expect("complete");
    let key = whole.key.clone().expect("of several parts");
    assert_eq!(content(whole), text("hello world"));
    reassembly.settle(&key, true);
    assert_eq!(offer(&part(9, 1, "hello ")), None);
    assert_eq!(offer(&part(9, 2, "world")), None);
}

#[test]
fn a_reference_used_again_begins_another_message() {
    let (reassembly, now) = (Reassembly::new(PATIENCE), Instant::now());
    let offer = |delivery: &Delivery| reassembly.offer(read(delivery), now);
    offer(&part(9, 1, "a"));
    let first = offer(&part(9, 2, "b")).expect("complete");
    reassembly.settle(&first.key.expect("of several parts"), true);
    assert_eq!(offer(&part(9, 1, "c")), None);
    assert_eq!(offer(&part(9, 2, "d")).map(content), Some(text("cd")));
}

#[test]
fn a_message_that_was_not_stored_is_completed_again_by_its_last_part() {
    let (reassembly, now) = (Reassembly::new(PATIENCE), Instant::now());
    reassembly.offer(read(&part(9, 1, "hello ")), now);
    let whole = reassembly.offer(read(&part(9, 2, "world")), now).expect("complete");
    reassembly.settle(&whole.key.expect("of several parts"), false);
    let again = reassembly.offer(read(&part(9, 2, "world")), now).expect("complete again");
    assert_eq!(content(again), text("hello world"));
}

#[test]
fn missing_parts_show_as_a_gap_once_patience_is_over() {
    let (reassembly, now) = (Reassembly::new(PATIENCE), Instant::now());
    reassembly.offer(read(&part(9, 2, "world")), now);
    assert_eq!(reassembly.expired(now + PATIENCE / 2), Vec::new());
    let expired = reassembly.expired(now + PATIENCE);
    reassembly.settle(expired[0].key.as_ref().expect("of several parts"), true);
    assert_eq!(expired.into_iter().map(content).collect::<Vec<_>>(), [text("…world")]);
    assert_eq!(reassembly.expired(now + PATIENCE), Vec::new());
}

#[test]
fn wide_references_and_segment_tlvs_mark_parts_too() {
    let (reassembly, now) = (Reassembly::new(PATIENCE), Instant::now());
    let wide = |number, text: &[u8]| delivery(0x40, 0, &[&[6, 8, 4, 1, 2, 2, number], text].concat());
    assert_eq!(reassembly.offer(read(&wide(1, b"a")), now), None);
    assert_eq!(reassembly.offer(read(&wide(2, b"b")), now).map(content), Some(text("ab")));
    let sar = |number: u8, text: &[u8]| {
        let values: [(u16, &[u8]); 3] = [(0x020C, &[0, 7]), (0x020E, &[2]), (0x020F, &[number])];
        let tlvs = values.into_iter().map(|(tag, value)| (tag, Bytes::copy_from_slice(value))).collect();
        Delivery { tlvs, ..delivery(0, 0, text) }
    };
    assert_eq!(reassembly.offer(read(&sar(2, b"d")), now), None);
    assert_eq!(reassembly.offer(read(&sar(1, b"c")), now).map(content), Some(text("cd")));
}

#[test]
fn senseless_headers_leave_a_message_of_its_own() {
    let (reassembly, now) = (Reassembly::new(PATIENCE), Instant::now());
    for header in [&[5, 0, 3, 1, 0, 0][..], &[5, 0, 3, 1, 2, 3], &[5, 0, 9, 1, 2, 1], &[2, 0x70, 0]] {
        let message = [header, b"x"].concat();
        let whole = reassembly.offer(read(&delivery(0x40, 0, &message)), now).expect("whole");
        assert_eq!(content(whole), text("x"), "{header:?}");
    }
    assert_eq!(reassembly.offer(read(&delivery(0x40, 0, &[200])), now).map(|whole| whole.key), Some(None));
}
