//! The simulated SMSC.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    bench::{Bench, until},
    esme::{Esme, RECEIVER, Submit, TRANSCEIVER, TRANSMITTER},
};

/// The fields of a receipt text, dates left out.
fn receipt_fields(text: &str) -> Vec<&str> {
    text.split(' ').filter(|field| field.contains(':') && !field.starts_with("date:")).collect()
}

#[tokio::test]
async fn bad_binds_are_answered_before_the_connection_is_closed() {
    let bench = Bench::start().await;
    for (system_id, password, status) in [("nobody", "sandbox", 0x0F), ("sandbox", "wrong", 0x0E)] {
        let mut esme = Esme::connect(bench.sandbox.smpp_addr()).await;
        let answer = esme.bind(TRANSCEIVER, system_id, password, 0x34).await;
        assert_eq!((answer.command, answer.status), (0x8000_0009, status));
        assert_eq!(esme.read().await, None);
    }
}

#[tokio::test]
async fn a_message_is_delivered_and_receipted() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    let id = esme.accepted(&Submit::text("15551234567", "Hi \u{0}\u{1b}e")).await;
    let receipt = esme.received().await;
    assert_eq!((receipt.source.as_str(), receipt.destination.as_str()), ("15551234567", "Courant"));
    assert_eq!(receipt.esm_class, 0x04);
    assert_eq!(receipt.tlv(0x001E), [id.as_bytes(), &[0]].concat());
    assert_eq!(receipt.tlv(0x0427), [2]);
    assert_eq!(receipt.tlv(0x0423), [3, 0, 0]);
    let text = receipt.text();
    assert_eq!(
        receipt_fields(&text),
        [&*format!("id:{id}"), "sub:001", "dlvrd:001", "stat:DELIVRD", "err:000", "text:Hi"]
    );
    let inbox = bench.inbox("15551234567").await;
    let expected = json!({
        "channel": "sms",
        "network_id": id,
        "from": "Courant",
        "type": "text",
        "text": "Hi @€",
        "media": null,
        "at": inbox[0]["at"],
        "state": "delivered",
    });
    assert_eq!(inbox, [expected]);
}

#[tokio::test]
async fn clients_of_smpp_3_3_get_no_optional_parameters() {
    let bench = Bench::start().await;
    let mut esme = Esme::connect(bench.sandbox.smpp_addr()).await;
    let answer = esme.bind(TRANSCEIVER, "sandbox", "sandbox", 0x33).await;
    assert_eq!(answer.body, b"courant\0");
    esme.accepted(&Submit::text("15551234567", "Hi")).await;
    assert_eq!(esme.received().await.tlvs, []);
}

#[tokio::test]
async fn parts_are_joined_however_they_travel() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    let number = "15551234501";
    let quiet = |octets: Vec<u8>| Submit { registered: 0, octets, ..Submit::text(number, "") };
    // 8-bit reference, second part first, and one part twice.
    for (part, text) in [(2, "world"), (2, "world"), (1, "hello ")] {
        let octets = [&[5, 0, 3, 7, 2, part], text.as_bytes()].concat();
        esme.accepted(&Submit { esm_class: 0x40, ..quiet(octets) }).await;
    }
    // 16-bit reference, with a surrogate pair split between the parts.
    for (part, units) in [(1_u8, [0x00, 0x41, 0xD8, 0x3D]), (2, [0xDE, 0x00, 0x00, 0x42])] {
        let octets = [&[6, 8, 4, 1, 2, 2, part][..], &units].concat();
        esme.accepted(&Submit { esm_class: 0x40, coding: 8, ..quiet(octets) }).await;
    }
    for (part, text) in [(1, "by "), (2, "SAR")] {
        let tlvs = vec![(0x020C, vec![0, 9]), (0x020E, vec![2]), (0x020F, vec![part])];
        esme.accepted(&Submit { tlvs, ..quiet(text.into()) }).await;
    }
    let long = "x".repeat(1000);
    esme.accepted(&Submit { tlvs: vec![(0x0424, long.clone().into())], ..quiet(Vec::new()) }).await;
    esme.accepted(&Submit { coding: 3, ..quiet(vec![0xE9]) }).await;

    let inbox = bench.inbox_of(number, 5).await;
    let mut texts: Vec<&str> = inbox.iter().map(|entry| entry["text"].as_str().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["A😀B", "by SAR", "hello world", &long, "é"]);
}

#[tokio::test]
async fn data_sm_is_a_message_too() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    let mut body = b"\0\x05\0Courant\0\x01\x0115551234502\0".to_vec();
    body.extend([0, 1, 0, 0x04, 0x24, 0, 2, b'o', b'k']);
    assert_eq!(esme.request(0x103, body).await.status, 0);
    esme.received().await;
    assert_eq!(bench.inbox("15551234502").await[0]["text"], "ok");
}

#[tokio::test]
async fn an_absent_subscriber_is_undeliverable() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    esme.accepted(&Submit::text("15551230003", "Hi")).await;
    let receipt = esme.received().await;
    assert!(receipt.text().contains("stat:UNDELIV err:027"), "{}", receipt.text());
    assert_eq!((receipt.tlv(0x0427), receipt.tlv(0x0423)), (&[5][..], &[3, 0, 27][..]));
    assert!(bench.inbox("15551230003").await.is_empty());
}

#[tokio::test]
async fn sms_works_where_only_whatsapp_does_not() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    for tail in ["0001", "0002", "0004", "0005", "0006", "0007", "0009"] {
        let number = format!("1555123{tail}");
        esme.accepted(&Submit::text(&number, "Hi")).await;
        assert!(esme.received().await.text().contains("stat:DELIVRD"), "{tail}");
        assert_eq!(bench.inbox(&number).await.len(), 1);
    }
}

#[tokio::test]
async fn throttling_ends_after_two_tries_and_system_errors_after_one() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    for (number, refusals) in [("15551230008", vec![0x58, 0x58]), ("15551230013", vec![0x08])] {
        for status in refusals {
            assert_eq!(esme.submit(&Submit::text(number, "Hi")).await.status, status);
        }
        esme.accepted(&Submit::text(number, "Hi")).await;
        esme.received().await;
        assert_eq!(bench.inbox(number).await.len(), 1);
    }
}

#[tokio::test]
async fn slow_answers_take_their_time_and_do_not_block_others() {
    let bench = Bench::scaled(0.1).await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    for (number, least) in [("15551230012", 200), ("15551230011", 500)] {
        let start = Instant::now();
        esme.accepted(&Submit::text(number, "Hi")).await;
        assert!(start.elapsed() >= Duration::from_millis(least));
        esme.received().await;
    }
}

#[tokio::test]
async fn receipts_can_be_repeated_and_out_of_order() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    esme.accepted(&Submit::text("15551230010", "Hi")).await;
    let mut states = Vec::new();
    for _ in 0..3 {
        states.push(esme.received().await.tlv(0x0427)[0]);
    }
    assert_eq!(states, [2, 1, 2]);
}

#[tokio::test]
async fn receipts_are_held_while_nobody_receives() {
    let bench = Bench::start().await;
    let mut sender = Esme::bound(bench.sandbox.smpp_addr(), TRANSMITTER).await;
    let id = sender.accepted(&Submit::text("15551234567", "Hi")).await;
    bench.inbox_of("15551234567", 1).await;
    let mut receiver = Esme::bound(bench.sandbox.smpp_addr(), RECEIVER).await;
    assert!(receiver.received().await.text().starts_with(&format!("id:{id} ")));
    assert_eq!(receiver.submit(&Submit::text("15551234567", "Hi")).await.status, 0x04);
}

#[tokio::test]
async fn unacknowledged_receipts_come_again() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    esme.accepted(&Submit::text("15551234567", "Hi")).await;
    let first = esme.delivered().await;
    esme.acknowledge(&first, 0x64).await;
    let second = esme.delivered().await;
    assert_eq!(second.text(), first.text());
    drop(esme);
    let mut next = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    assert_eq!(next.received().await.text(), first.text());
}

#[tokio::test]
async fn receipts_come_only_if_asked_for() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    esme.accepted(&Submit { registered: 0, ..Submit::text("15551234567", "none") }).await;
    esme.accepted(&Submit { registered: 2, ..Submit::text("15551234567", "failure only") }).await;
    esme.accepted(&Submit { registered: 0x11, ..Submit::text("15551234568", "all") }).await;
    let (first, second) = (esme.received().await, esme.received().await);
    assert_eq!((first.esm_class, first.tlv(0x0427)), (0x20, &[1][..]));
    assert_eq!((second.esm_class, second.tlv(0x0427)), (0x04, &[2][..]));
    assert_eq!((first.source.as_str(), second.source.as_str()), ("15551234568", "15551234568"));
}

#[tokio::test]
async fn people_answer_over_the_network() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    esme.accepted(&Submit { registered: 0, ..Submit::text("15551234567", "Hi") }).await;
    bench.inbox_of("15551234567", 1).await;
    let reply =
        |text: &str| bench.post("handsets/15551234567/reply", json!({ "channel": "sms", "text": text }));
    reply("ok").await;
    let short = esme.received().await;
    assert_eq!((short.source.as_str(), short.destination.as_str()), ("15551234567", "Courant"));
    assert_eq!((short.esm_class, short.coding, short.text().as_str()), (0, 0, "ok"));

    let long = "ü".repeat(200);
    reply(&long).await;
    let mut parts = [esme.received().await, esme.received().await];
    parts.sort_by_key(|part| part.octets[5]);
    assert_eq!(parts[0].octets[..3], [5, 0, 3]);
    assert_eq!((parts[0].octets[4..6].to_vec(), parts[1].octets[4..6].to_vec()), (vec![2, 1], vec![2, 2]));
    assert_eq!(parts.iter().map(|part| part.octets.len() - 6).sum::<usize>(), 200);

    reply("日本").await;
    let wide = esme.received().await;
    assert_eq!((wide.coding, wide.octets), (8, vec![0x65, 0xE5, 0x67, 0x2C]));
}

#[tokio::test]
async fn messages_can_be_queried_and_cancelled_while_under_way() {
    let bench = Bench::scaled(20.0).await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    let id = esme.accepted(&Submit::text("15551234567", "Hi")).await;
    let query = format!("{id}\0\0\0\0").into_bytes();
    assert_eq!(esme.request(3, query.clone()).await.body, [id.as_bytes(), &[0, 0, 1, 0]].concat());
    let cancel = format!("\0{id}\0\0\0Courant\0\x01\x0115551234567\0").into_bytes();
    assert_eq!(esme.request(8, cancel.clone()).await.status, 0);
    assert_eq!(esme.request(8, cancel).await.status, 0x11);
    assert_eq!(esme.request(3, query).await.body.iter().rev().nth(1), Some(&4));
    assert_eq!(esme.request(3, b"unknown\0\0\0\0".to_vec()).await.status, 0x0C);
}

#[tokio::test]
async fn sessions_keep_to_the_protocol() {
    let bench = Bench::start().await;
    let mut esme = Esme::connect(bench.sandbox.smpp_addr()).await;
    assert_eq!(esme.submit(&Submit::text("15551234567", "Hi")).await.status, 0x04);
    esme.bind(TRANSCEIVER, "sandbox", "sandbox", 0x34).await;
    assert_eq!(esme.request(0x15, Vec::new()).await.command, 0x8000_0015);
    assert_eq!(esme.bind(TRANSCEIVER, "sandbox", "sandbox", 0x34).await.status, 0x05);
    assert_eq!(esme.submit(&Submit::text("nobody", "Hi")).await.status, 0x0B);
    let unknown = esme.request(0x77, Vec::new()).await;
    assert_eq!((unknown.command, unknown.status), (0x8000_0000, 0x03));
    // One octet at a time.
    for octet in [0, 0, 0, 16, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 99] {
        esme.write(&[octet]).await;
    }
    assert_eq!(esme.read().await.unwrap().sequence, 99);
    assert_eq!(esme.request(6, Vec::new()).await.command, 0x8000_0006);
    assert_eq!(esme.read().await, None);

    let mut broken = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    broken.write(&[0, 0, 0, 3]).await;
    let nack = broken.read().await.unwrap();
    assert_eq!((nack.command, nack.status), (0x8000_0000, 0x02));
    assert_eq!(broken.read().await, None);
}

#[tokio::test]
async fn an_outage_cuts_sessions_and_holds_receipts() {
    let bench = Bench::start().await;
    let address = bench.sandbox.smpp_addr();
    let mut esme = Esme::bound(address, TRANSCEIVER).await;
    let id = esme.accepted(&Submit::text("15551234567", "Hi")).await;
    bench.post("networks/sms", json!({ "up": false })).await;
    while esme.read().await.is_some() {}
    until(async || tokio::net::TcpStream::connect(address).await.err()).await;
    bench.post("networks/sms", json!({ "up": true })).await;
    until(async || tokio::net::TcpStream::connect(address).await.ok()).await;
    let mut esme = Esme::bound(address, TRANSCEIVER).await;
    assert!(esme.received().await.text().contains(&id));
}

#[tokio::test]
async fn limits_and_latency_can_be_set() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    bench.post("networks/sms", json!({ "throttle_mps": 1, "latency_ms": 50 })).await;
    let start = Instant::now();
    esme.accepted(&Submit::text("15551234567", "Hi")).await;
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(esme.submit(&Submit::text("15551234567", "Hi")).await.status, 0x58);
}

#[tokio::test]
async fn sessions_are_unbound_when_the_sandbox_ends() {
    let bench = Bench::start().await;
    let mut esme = Esme::bound(bench.sandbox.smpp_addr(), TRANSCEIVER).await;
    let ending = tokio::spawn(bench.sandbox.shutdown());
    let unbind = esme.read().await.unwrap();
    assert_eq!(unbind.command, 6);
    esme.send(0x8000_0006, 0, unbind.sequence, &[]).await;
    assert_eq!(esme.read().await, None);
    ending.await.unwrap();
}
