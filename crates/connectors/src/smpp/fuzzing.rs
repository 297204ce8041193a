//! What the fuzz targets do with octets of carriers and with texts for them.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use model::{
    Cause, Time,
    content::{SmsCoding, SmsOptions, Text},
};

use super::{
    alphabet, encode,
    inbound::{self, Reassembly},
    pdu::{Delivery, MAX_PDU, command},
    receipt,
    segment::{self, Shape},
    session::{Outcome, Role, Session},
    settings::{Charset, LongMessages, Settings},
    status,
};

/// A year of four digits at most.
const LAST_DATE: Time = Time::from_secs(253_402_300_800);

static SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(|| {
    let settings =
        serde_json::json!({"host": "127.0.0.1", "port": 2775, "system_id": "esme", "password": "secret"});
    Arc::new(serde_json::from_value(settings).expect("the settings are right"))
});

/// A stream of octets after the bind, in pieces: each delivery is answered, what waits is bounded,
/// and after the end nothing more is said.
pub fn session(data: &[u8]) {
    let now = Instant::now();
    let mut session: Session<u8> = Session::open(Arc::clone(&SETTINGS), Role::Transceiver, now);
    let mut bound = BytesMut::new();
    encode::put_plain(&mut bound, command::BIND_TRANSCEIVER | command::RESPONSE, 0, 1);
    session.receive(now, &bound);
    let Some((&size, octets)) = data.split_first() else { return };
    let mut closed = false;
    for (piece, second) in octets.chunks(usize::from(size) + 1).zip(0..) {
        let now = now + Duration::from_secs(second);
        session.receive(now, piece);
        session.tick(now);
        closed |= drain(&mut session);
    }
    let mut out = BytesMut::new();
    session.move_output(&mut out);
    // A request of the peer has 16 octets at least, its answer 17; the bind and a probe are ours.
    assert!(
        out.len() <= 1024 + 2 * octets.len() + 64 * octets.len().div_ceil(usize::from(size) + 1),
        "{}",
        out.len()
    );
    session.connection_lost();
    closed |= drain(&mut session);
    assert!(closed, "a session without a connection is over");
}

fn drain(session: &mut Session<u8>) -> bool {
    let mut closed = false;
    while let Some(outcome) = session.next_outcome() {
        assert!(!closed, "nothing comes after the end");
        match outcome {
            Outcome::Delivered { call, delivery } => {
                read(&delivery);
                session.answer(call, 0);
            }
            Outcome::Closed(_) => closed = true,
            Outcome::Bound { .. } | Outcome::Finished { .. } => {}
        }
    }
    closed
}

/// The body of a delivery, however it comes: read as a receipt and as a message of a person.
pub fn receipts(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    for delivery in [Delivery::read_deliver(&body), Delivery::read_data(&body)].into_iter().flatten() {
        read(&delivery);
    }
    // The text of a receipt as it stands.
    for (esm_class, data_coding) in [(4, 0), (4, 8), (0x40, 0), (0x40, 8)] {
        read(&Delivery { esm_class, data_coding, message: body.clone(), ..Delivery::default() });
    }
}

fn read(delivery: &Delivery) {
    let receipt = receipt::read(delivery);
    for id in [&receipt.tlv_id, &receipt.text_id].into_iter().flatten() {
        assert!(!id.is_empty() && id.len() <= 2 * MAX_PDU, "an id of {} octets", id.len());
    }
    if let Some(date) = receipt.done {
        assert!(date < LAST_DATE, "{date:?}");
    }
    let told = status::receipt(&receipt, &SETTINGS);
    assert_eq!(told, status::receipt(&receipt::read(delivery), &SETTINGS), "the same again");
    let now = Instant::now();
    let reassembly = Reassembly::new(Duration::from_secs(60));
    let whole = reassembly.offer(inbound::read(delivery), now);
    let late = reassembly.expired(now + Duration::from_secs(61));
    let mut told = 0;
    for whole in whole.into_iter().chain(late) {
        let inbound = whole.into_inbound(&"sms".into(), Charset::Gsm, Time::from_secs(0));
        let octets = serde_json::to_vec(&inbound.content).expect("our own types serialise").len();
        assert!(octets <= 256 + 8 * delivery.message.len() + 3 * 255, "{octets} octets of content");
        told += 1;
    }
    assert_eq!(told, 1, "every message of a person is told once");
}

/// A text for a carrier: its segments fit, and joined they are the text again.
pub fn texts(data: &[u8]) {
    let Some((&choice, octets)) = data.split_first() else { return };
    for charset in [Charset::Gsm, Charset::Latin1, Charset::Ascii] {
        let text = alphabet::decode(charset, octets);
        assert!(text.chars().count() <= octets.len());
    }
    assert!(alphabet::decode_ucs2(octets).chars().count() <= octets.len().div_ceil(2));
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let coding = [SmsCoding::Auto, SmsCoding::Unicode, SmsCoding::Binary][usize::from(choice & 3) % 3];
    let method = [LongMessages::Udh8, LongMessages::Udh16, LongMessages::Sar, LongMessages::Payload]
        [usize::from(choice >> 2 & 3)];
    let shape = Shape { charset: Charset::Gsm, transliterate: choice & 16 != 0, method, max_parts: 255 };
    let sms = SmsOptions { coding, flash: choice & 32 != 0, ..SmsOptions::default() };
    let text = Text { body: text.to_owned(), sms, ..Text::default() };
    let segmented = match segment::segment(&text, shape) {
        Ok(segmented) => segmented,
        Err(cause) => {
            assert!(matches!(cause, Cause::TextTooLong | Cause::InvalidContent), "{cause:?}");
            return;
        }
    };
    assert!((1..=255).contains(&segmented.parts.len()));
    assert_eq!(segmented.parts.len(), segment::segment(&text, shape).expect("the same again").parts.len());
    for part in &segmented.parts {
        // 160 septets may take twice as many octets where each is escaped.
        assert!(segmented.payload || part.len() <= 160, "{} octets", part.len());
    }
    let joined = segmented.parts.concat();
    let meant = if shape.transliterate && segmented.data_coding & 0x0F == 0 {
        alphabet::transliterate(&text.body).unwrap_or_else(|| text.body.clone())
    } else {
        text.body.clone()
    };
    match segmented.data_coding & 0x0F {
        0x00 => assert_eq!(alphabet::decode_gsm(&joined), meant),
        0x08 => assert_eq!(alphabet::decode_ucs2(&joined), text.body),
        _ => assert_eq!(hex::encode(joined), text.body.to_ascii_lowercase()),
    }
    for part in &segmented.parts {
        if segmented.data_coding & 0x0F == 0x08 {
            assert!(
                !alphabet::decode_ucs2(part).contains(char::REPLACEMENT_CHARACTER)
                    || text.body.contains(char::REPLACEMENT_CHARACTER),
                "a character is cut in two"
            );
        }
    }
}
