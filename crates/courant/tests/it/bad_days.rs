//! Full disks, slow and broken clients, more work than there is room for.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    harness::{PATIENCE, Stand, TELESIGN_BASIC, cascade},
    process::Process,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_refuses_new_work_in_the_vendors_words_loses_nothing_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    courant::cli::install_crypto();
    let client = reqwest::Client::new();
    let process = Process::start(&data, &["store.max_mb=2"]);
    let mut accepted = Vec::new();
    let refused = loop {
        let number = format!("15{:05}0002", 10_000 + accepted.len());
        // The phone is silent, so every message waits for its fallback.
        let body = cascade(&process.url, &number, 1_000_000, "full");
        let request =
            client.post(format!("{}/v1/omnichannel", process.url)).header("authorization", TELESIGN_BASIC);
        let response = request.json(&body).send().await.expect("an answer");
        let status = response.status().as_u16();
        let answer: Value = response.json().await.expect("JSON");
        match status {
            200 => accepted.push(answer["reference_id"].as_str().expect("a reference").to_owned()),
            _ => break (status, answer),
        }
        assert!(accepted.len() < 20_000, "2 MiB hold more than that?");
    };
    assert_eq!((refused.0, &refused.1["status"]["code"]), (503, &json!(3500)), "{}", refused.1);
    assert!(accepted.len() > 50, "only {}", accepted.len());
    let alive = client.get(format!("{}/healthz", process.url)).send().await.expect("an answer");
    assert!(alive.status().is_success());
    for reference in [&accepted[0], &accepted[accepted.len() / 2]] {
        assert_ne!(status(&client, &process.url, reference).await, None, "what is stored can still be read");
    }
    assert_eq!(process.terminate(), Some(0), "it ends cleanly although the store is full");
    let process = Process::start(&data, &[]);
    for reference in &accepted {
        let deadline = std::time::Instant::now() + PATIENCE;
        // Accepted by the network, at least: nothing was lost.
        while status(&client, &process.url, reference).await != Some(3002) {
            assert!(std::time::Instant::now() < deadline, "{reference} does not go on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    process.kill();
}

async fn status(client: &reqwest::Client, url: &str, reference: &str) -> Option<i64> {
    let request =
        client.get(format!("{url}/v1/omnichannel/{reference}")).header("authorization", TELESIGN_BASIC);
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    answer["status"]["code"].as_i64()
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_capacity_it_refuses_at_once_in_the_vendors_words() {
    let stand = Stand::start_with(None, &["server.max_requests=0"]).await;
    let (status, answer) = stand.telesign(&cascade(&stand.url, "15550107777", 600, "b")).await;
    assert_eq!((status, &answer["status"]["code"]), (503, &json!(3500)), "{answer}");
    stand.stop().await;
}

/// Sends raw bytes and reads what comes until the server closes or nothing comes any more.
fn raw(url: &str, bytes: &[u8]) -> String {
    let address = url.strip_prefix("http://").expect("http");
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(8))).expect("set");
    // The server may close before everything is written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..read]);
        if answer.len() > 100_000 {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_http_never_hangs_or_hurts_the_server() {
    let stand =
        Stand::start_with(None, &["server.header_timeout_ms=500", "server.body_timeout_ms=500"]).await;
    let huge = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(200_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("rubbish", b"\x16\x03\x01\x02\x00\x01\x00\x01".to_vec()),
        ("a head that never ends", b"POST /v1/omnichannel HTTP/1.1\r\nhost: x\r\nx-slow: ".to_vec()),
        (
            "a body that never comes",
            b"POST /v1/omnichannel HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc".to_vec(),
        ),
        (
            "a lying length",
            b"POST /v1/omnichannel HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_vec(),
        ),
        (
            "two lengths",
            b"POST /v1/omnichannel HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"
                .to_vec(),
        ),
        ("a huge header", huge.into_bytes()),
        ("invalid UTF-8 in the path", b"GET /v1/omnichannel/\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        ("pipelined requests", b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50)),
    ];
    // A connection that was left idle may be closed by the same short times just when it is used again.
    let fresh = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    for (what, bytes) in cases {
        let url = stand.url.clone();
        let answer = tokio::task::spawn_blocking(move || raw(&url, &bytes)).await.expect("a client");
        assert!(!answer.contains(" 500 "), "{what}: {answer}");
        let health = fresh.get(format!("{}/healthz", stand.url)).send().await.expect("an answer");
        assert_eq!(health.text().await.expect("a text"), "alive\n", "after {what}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_to_private_addresses_are_refused_unless_allowed() {
    let stand = Stand::start_with(None, &["callbacks.allow=[]"]).await;
    let reference = stand.send("15550100004", 5000, "never").await;
    stand.settled(&reference, &[3000]).await;
    stand
        .until("the callback is parked", || async {
            stand
                .text("/metrics")
                .await
                .lines()
                .any(|line| line.starts_with("courant_callbacks_total") && line.contains("failed"))
        })
        .await;
    assert_eq!(stand.bin("never").await.len(), 0);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sms_network_that_goes_down_and_comes_back_gets_what_waited() {
    let stand = Stand::start().await;
    let networks = format!("{}/sandbox/networks/sms", stand.url);
    stand.client.post(&networks).json(&json!({"up": false})).send().await.expect("an answer");
    stand
        .until("the outage is noticed", || async { stand.text("/readyz").await.contains("route sms down") })
        .await;
    let body = json!({
        "channels": [{"channel": "sms"}], "phone_number": "15550107777", "message_type": "OTP",
        "message": {"sms": {"template": "text", "parameters": {"text": "123456"}}},
    });
    let (status, answer) = stand.telesign(&body).await;
    assert_eq!(status, 200, "{answer}");
    stand.client.post(&networks).json(&json!({"up": true})).send().await.expect("an answer");
    stand.settled(answer["reference_id"].as_str().expect("a reference"), &[3000]).await;
    assert_eq!(stand.inbox("15550107777").await.len(), 1);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_more_messages_than_memory_holds_reach_all_of_them() {
    /// More than fit into memory at once, in batches that want both what is there and what is not.
    const MESSAGES: u64 = 6000;
    let stand = Stand::start_with(None, &["limits.cached_messages=1"]).await;
    let destinations: Vec<Value> =
        (0..MESSAGES).map(|n| json!({"to": {"phoneNumber": format!("4179{n:05}7777")}})).collect();
    let at = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48))
        .strftime("%Y-%m-%dT%H:%M:%S.000+0000");
    let message = json!({"destinations": destinations, "sendAt": at.to_string(), "sms": {"text": "hello"}});
    let request = stand.client.post(format!("{}/omni/1/advanced", stand.url)).json(&message);
    let sent = request.basic_auth("Aladdin", Some("open sesame")).send().await.expect("an answer");
    let sent: Value = sent.json().await.expect("JSON");
    let messages = sent["messages"].as_array().unwrap_or_else(|| panic!("{sent}")).iter();
    let ids: Vec<_> = messages.filter_map(|it| model::MessageId::parse(it["messageId"].as_str()?)).collect();
    assert_eq!(ids.len() as u64, MESSAGES);
    // Newest first: those at hand are pushed out by the ones that are read.
    let mut stored = Vec::new();
    for id in ids.into_iter().rev() {
        stored.push(stand.core().shards.event_stored(id, engine::Event::Cancelled).await);
    }
    for stored in stored {
        stored.await.expect("an answer").expect("it is stored");
    }
    let unfinished = stand.core().store.unfinished().await.expect("it counts");
    assert_eq!(unfinished, [], "all are cancelled");
    stand.stop().await;
}
