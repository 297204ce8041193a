//! Networks that hang, answer rubbish, answer without end, or break their protocol.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::harness::{Stand, cascade};

/// What the false Graph API does, by the last digit of the number written to.
const HANG: char = '1';
const DRIP: char = '2';
const RUBBISH: char = '3';
const ENDLESS: char = '4';

/// Requests by number.
type Counts = Arc<Mutex<HashMap<String, usize>>>;

/// A false Graph API.
async fn graph() -> (SocketAddr, Counts) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let (address, counts) = (listener.local_addr().expect("an address"), Counts::default());
    let shared = Arc::clone(&counts);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&shared)));
        }
    });
    (address, counts)
}

async fn answer(mut stream: TcpStream, counts: Counts) {
    let mut request = Vec::new();
    let number = loop {
        let Ok(1..) = stream.read_buf(&mut request).await else { return };
        let text = String::from_utf8_lossy(&request);
        if let Some((_, rest)) = text.split_once("\"to\":\"")
            && let Some((number, _)) = rest.split_once('"')
        {
            break number.to_owned();
        }
    };
    *counts.lock().expect("not poisoned").entry(number.clone()).or_default() += 1;
    match number.chars().last() {
        Some(DRIP) => {
            let mut tick = tokio::time::interval(std::time::Duration::from_millis(200));
            while stream.write_all(b"H").await.is_ok() {
                tick.tick().await;
            }
        }
        Some(RUBBISH) => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n}{\"\xff\x00[[[").await;
        }
        Some(ENDLESS) => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"x\":\"";
            let _ = stream.write_all(head).await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        }
        Some(HANG) => std::future::pending().await,
        // Closes early.
        Some(_) | None => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_api_that_misbehaves_gets_each_message_once_and_the_sms_goes_its_way() {
    let (address, counts) = graph().await;
    let base = format!("route[whatsapp].whatsapp_cloud.base_url=\"http://{address}\"");
    let set = [base.as_str(), "route[whatsapp].whatsapp_cloud.timeout_ms=1000", "cascade.grace_ms=300"];
    let stand = Stand::start_with(None, &set).await;
    let numbers: Vec<String> = (1..=5).map(|kind| format!("1555010777{kind}")).collect();
    let mut references = Vec::new();
    for number in &numbers {
        references.push(stand.send(number, 60_000, "b").await);
    }
    for (reference, number) in references.iter().zip(&numbers) {
        let status = stand.settled(reference, &[3000]).await;
        assert_eq!(status["status"]["last_channel"], "sms", "{status}");
        let inbox = stand.inbox(number).await;
        assert_eq!(inbox.len(), 1, "{number} got {inbox:?}");
        // Nobody knows whether WhatsApp took it, so it is not asked again.
        assert_eq!(counts.lock().expect("not poisoned").get(number), Some(&1), "{number}");
    }
    stand.stop().await;
}

const BIND_TRANSCEIVER: u32 = 9;
const SUBMIT: u32 = 4;
const ANSWER: u32 = 0x8000_0000;

/// What the false SMSC does with the first submission of each session, in this order; later
/// sessions are in order.
#[derive(Clone, Copy, Debug)]
enum Breach {
    /// Claims a PDU of two gigabytes.
    Oversize,
    /// A PDU shorter than its own header.
    Undersize,
    /// Bytes that are no PDU.
    Rubbish,
    /// Says nothing, and reads nothing any more.
    Deaf,
}

const BREACHES: [Breach; 4] = [Breach::Oversize, Breach::Undersize, Breach::Rubbish, Breach::Deaf];

/// What it saw.
#[derive(Debug, Default)]
struct Seen {
    sessions: AtomicUsize,
    submits: AtomicUsize,
    answered: AtomicUsize,
}

async fn smsc() -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let (address, seen) = (listener.local_addr().expect("an address"), Arc::new(Seen::default()));
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let session = shared.sessions.fetch_add(1, Relaxed);
            let seen = Arc::clone(&shared);
            tokio::spawn(async move {
                // An error is the end of the session.
                let _ = converse(stream, BREACHES.get(session).copied(), &seen).await;
            });
        }
    });
    (address, seen)
}

async fn converse(mut stream: TcpStream, breach: Option<Breach>, seen: &Seen) -> std::io::Result<()> {
    loop {
        let mut header = [0; 16];
        stream.read_exact(&mut header).await?;
        let word = |place: usize| u32::from_be_bytes(header[place..place + 4].try_into().expect("four"));
        let (length, command, sequence) = (word(0), word(4), word(12));
        let mut body = vec![0; length as usize - header.len()];
        stream.read_exact(&mut body).await?;
        match (command, breach) {
            (BIND_TRANSCEIVER, _) => stream.write_all(&pdu(command, sequence, b"false\0")).await?,
            (SUBMIT, Some(breach)) => {
                seen.submits.fetch_add(1, Relaxed);
                break_off(&mut stream, breach).await?;
            }
            (SUBMIT, None) => {
                seen.submits.fetch_add(1, Relaxed);
                seen.answered.fetch_add(1, Relaxed);
                stream.write_all(&pdu(command, sequence, b"id-1\0")).await?;
            }
            (_, _) => stream.write_all(&pdu(command, sequence, b"")).await?,
        }
    }
}

async fn break_off(stream: &mut TcpStream, breach: Breach) -> std::io::Result<()> {
    match breach {
        Breach::Oversize => {
            stream.write_all(&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1]).await
        }
        Breach::Undersize => stream.write_all(&[0, 0, 0, 3, 0x80, 0, 0, 4]).await,
        Breach::Rubbish => stream.write_all(&[0xff; 64]).await,
        Breach::Deaf => std::future::pending().await,
    }
}

fn pdu(command: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = 16 + body.len() as u32;
    let words = [length, command | ANSWER, 0, sequence];
    words.iter().flat_map(|word| word.to_be_bytes()).chain(body.iter().copied()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_smsc_that_breaks_the_protocol_is_left_and_asked_again_while_whatsapp_goes_on() {
    let (address, seen) = smsc().await;
    let port = format!("route[sms].smpp.port={}", address.port());
    let set = [
        port.as_str(),
        "route[sms].smpp.sessions=1",
        "route[sms].smpp.response_timeout_ms=1000",
        "route[sms].smpp.enquire_link_s=1",
        "route[sms].smpp.enquire_timeout_ms=500",
        "cascade.grace_ms=200",
    ];
    let stand = Stand::start_with(None, &set).await;
    let body = json!({
        "channels": [{"channel": "sms"}], "phone_number": "15550107777", "message_type": "OTP",
        "message": {"sms": {"template": "text", "parameters": {"text": "123456"}}},
    });
    let (status, answer) = stand.telesign(&body).await;
    assert_eq!(status, 200, "{answer}");
    let mut other = 0;
    while seen.answered.load(Relaxed) == 0 {
        let number = format!("1555{other:03}0004");
        let (status, answer) = stand.telesign(&cascade(&stand.url, &number, 60_000, "b")).await;
        assert_eq!(status, 200, "{answer}");
        let reference = answer["reference_id"].as_str().expect("a reference").to_owned();
        stand.settled(&reference, &[3000]).await;
        assert_eq!(stand.inbox(&number).await[0]["channel"], "whatsapp");
        other += 1;
        assert!(other < 990, "the SMS is never submitted: {seen:?}");
    }
    let reference = answer["reference_id"].as_str().expect("a reference");
    stand.settled(reference, &[3002]).await;
    // Once for each breach, whose outcome nobody knows, and once in order.
    assert_eq!(seen.submits.load(Relaxed), BREACHES.len() + 1, "{seen:?}");
    assert_eq!(seen.answered.load(Relaxed), 1);
    stand.stop().await;
}
