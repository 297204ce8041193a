//! Clients that break HTTP, lie, drip, flood or ask for absurd things: answered in the dialect's
//! words where there is a request, cut off otherwise, in bounded memory, while others are served.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{PATIENCE, Stand, TELESIGN_BASIC, cascade};

/// Short times, so that the slow are found out soon.
const IMPATIENT: [&str; 2] = ["server.header_timeout_ms=400", "server.body_timeout_ms=400"];

async fn connect(stand: &Stand) -> TcpStream {
    TcpStream::connect(stand.url.strip_prefix("http://").expect("http")).await.expect("connected")
}

/// All that comes until the server closes; it must do so.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A connection cut with unread octets is reset.
    let _cut = reading.expect("the server closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends octets and returns all that comes until the server closes.
async fn exchange(stand: &Stand, octets: &[u8]) -> String {
    let mut stream = connect(stand).await;
    // The server may close before all is written.
    let _ = stream.write_all(octets).await;
    until_closed(&mut stream).await
}

/// Octet by octet, until the server closes; how long it took.
async fn drip(stand: &Stand, head: &[u8], more: u8) -> (Duration, String) {
    let began = Instant::now();
    let mut stream = connect(stand).await;
    stream.write_all(head).await.expect("written");
    let (mut reader, mut writer) = stream.into_split();
    let reading = tokio::spawn(async move {
        let mut answer = Vec::new();
        let _cut = reader.read_to_end(&mut answer).await;
        answer
    });
    let mut beat = tokio::time::interval(Duration::from_millis(40));
    while !reading.is_finished() {
        assert!(began.elapsed() < PATIENCE, "the server waits for ever");
        beat.tick().await;
        if writer.write_all(&[more]).await.is_err() {
            break;
        }
    }
    (began.elapsed(), String::from_utf8_lossy(&reading.await.expect("read")).into_owned())
}

async fn is_served(stand: &Stand) {
    let (status, answer) = stand.telesign(&cascade(&stand.url, "15550107777", 60_000, "served")).await;
    assert_eq!((status, &answer["status"]["code"]), (200, &json!(3001)), "another client is served");
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {TELESIGN_BASIC}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn dripping_heads_are_cut_off_and_dripping_bodies_are_answered() {
    let stand = Stand::start_with(None, &IMPATIENT).await;
    for head in ["G", "PRI * HTTP/2.0\r\n", "POST /v1/omnichannel HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let (took, answer) = drip(&stand, head.as_bytes(), b'y').await;
        assert!(took < Duration::from_secs(20), "{head:?} took {took:?}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{head:?}: {answer}");
    }
    let body = format!(
        "POST /v1/omnichannel HTTP/1.1\r\nhost: x\r\nauthorization: {TELESIGN_BASIC}\r\ncontent-length: 9000\r\n\r\n{{"
    );
    let (_, answer) = drip(&stand, body.as_bytes(), b' ').await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("\"code\":3"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    is_served(&stand).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_connect_and_say_nothing_make_room_for_others_in_time() {
    let stand = Stand::start_with(None, &[IMPATIENT[0], IMPATIENT[1], "server.max_connections=12"]).await;
    let mut silent = Vec::new();
    for index in 0..40 {
        let mut stream = connect(&stand).await;
        // The first octets of HTTP/2, and no more.
        if index % 2 == 0 {
            let _ = stream.write_all(b"PRI *").await;
        }
        silent.push(stream);
    }
    let began = Instant::now();
    let client = reqwest::Client::new();
    let answer = client.get(format!("{}/healthz", stand.url)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    for stream in &mut silent {
        assert_eq!(until_closed(stream).await, "");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_too_large_or_have_too_many_lines_are_refused() {
    let stand = Stand::start().await;
    let many: String = (0..300).map(|n| format!("x-{n}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(300_000));
    let target = "a".repeat(100_000);
    for (what, octets) in [
        ("many", post("/v1/omnichannel", &many, "{}")),
        ("long", post("/v1/omnichannel", &long, "{}")),
        ("target", post(&format!("/v1/omnichannel/{target}"), "", "{}")),
    ] {
        let answer = exchange(&stand, &octets).await;
        let refused = ["HTTP/1.1 431", "HTTP/1.1 414"].iter().any(|line| answer.starts_with(line));
        // A client that is still writing may only see the reset.
        assert!(refused || answer.is_empty(), "{what}: {answer}");
    }
    is_served(&stand).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_each_and_in_order() {
    let stand = Stand::start().await;
    let numbers: Vec<String> = (0..60).map(|n| format!("1555040{n:04}")).collect();
    let mut octets = Vec::new();
    for (index, number) in numbers.iter().enumerate() {
        let end = if index + 1 == numbers.len() { "connection: close\r\n" } else { "" };
        octets
            .extend(format!("GET /sandbox/handsets/{number} HTTP/1.1\r\nhost: x\r\n{end}\r\n").into_bytes());
    }
    let answer = exchange(&stand, &octets).await;
    let told: Vec<&str> =
        answer.match_indices("\"number\":\"").map(|(at, name)| &answer[at + name.len()..][..11]).collect();
    assert_eq!(told, numbers);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_about_the_length_are_refused_and_smuggle_nothing() {
    let stand = Stand::start_with(None, &IMPATIENT).await;
    let request = |lengths: &str, body: &str| {
        format!(
            "POST /v1/omnichannel HTTP/1.1\r\nhost: x\r\nauthorization: {TELESIGN_BASIC}\r\n{lengths}\r\n{body}"
        )
    };
    let good = cascade(&stand.url, "15550107776", 60_000, "lies").to_string();
    let smuggled = "GET /sandbox/handsets/15550409999 HTTP/1.1\r\nhost: x\r\n\r\n";
    for (what, text) in [
        ("negative", request("content-length: -1\r\n", &good)),
        ("no number", request("content-length: 1e3\r\n", &good)),
        ("plus", request("content-length: +5\r\n", &good)),
        ("two", request("content-length: 5\r\ncontent-length: 6\r\n", &good)),
        ("list", request("content-length: 5, 6\r\n", &good)),
        ("beyond all", request("content-length: 99999999999999999999999\r\n", &good)),
        ("unknown coding", request("transfer-encoding: chunked, x\r\n", &good)),
        ("bad chunk", request("transfer-encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n")),
        ("huge chunk", request("transfer-encoding: chunked\r\n", "ffffffffffffffffff\r\nabc\r\n0\r\n\r\n")),
        ("too long", request(&format!("content-length: {}\r\n", good.len() + 9), &good)),
        ("obsolete fold", request("x: a\r\n b\r\ncontent-length: 2\r\n", "{}")),
        ("space before colon", request("content-length : 2\r\n", "{}")),
    ] {
        let answer = exchange(&stand, text.as_bytes()).await;
        assert!(!answer.contains(" 200 ") && !answer.contains(" 500 "), "{what}: {answer}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
    }
    // With both, the chunks count: what stands behind them is a request of its own, what stands in
    // them is none.
    let inside = format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len());
    for both in [
        request("content-length: 4\r\ntransfer-encoding: chunked\r\n", &inside),
        request("transfer-encoding: chunked\r\ncontent-length: 4\r\n", &inside),
    ] {
        let answer = exchange(&stand, both.as_bytes()).await;
        assert!(!answer.contains("15550409999"), "{answer}");
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(stand.inbox("15550107776").await.len(), 0, "nothing was sent");
    is_served(&stand).await;
    stand.stop().await;
}

/// A submission's place in each dialect: path and header.
const PLACES: [(&str, &str, &str); 5] = [
    ("/v1/omnichannel", "authorization", TELESIGN_BASIC),
    ("/omni/1/advanced", "authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    ("/resources/v1/messaging", "key", "5c0f1e2a-3b4d-11ee-be56-0242ac120002"),
    ("/notification", "authorization", "Bearer sandbox"),
    ("/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX/messages", "api-key", "A0123456789abcdef0123456789abcdef"),
];

/// Every dialect answers this body with a refusal of its own, in JSON, without failing.
async fn is_refused_by_all(stand: &Stand, what: &str, body: &[u8]) {
    for (path, name, value) in PLACES {
        let request = stand.client.post(format!("{}{path}", stand.url)).header(name, value);
        let request = request.header("content-type", "application/json").body(body.to_vec());
        let began = Instant::now();
        let response = match request.send().await {
            Ok(response) => response,
            // What is too large is refused while it is still being written.
            Err(error) => {
                assert!(body.len() > 60_000, "{what} {path}: {error:?}");
                continue;
            }
        };
        let status = response.status().as_u16();
        let answer = response.text().await.expect("a text");
        // Webex Connect tells most refusals with 200 and a code of its own.
        let refused = (400..500).contains(&status)
            || path.starts_with("/resources") && status == 200 && answer.contains(r#""code":"7"#);
        assert!(refused, "{what} {path}: {status} {answer}");
        assert!(
            serde_json::from_str::<Value>(&answer).is_ok_and(|json| json.is_object()),
            "{what} {path}: {answer}"
        );
        assert!(answer.len() < 100_000, "{what} {path}: {} bytes", answer.len());
        assert!(began.elapsed() < Duration::from_secs(20), "{what} {path}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_are_refused_by_every_dialect_in_its_own_words() {
    let stand = Stand::start().await;
    let deep = "[".repeat(100_000);
    let deeper = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let wide: String = (0..1_000_000).map(|n| format!("\"k{n}\":1,")).collect();
    let flood: String = (0..60_000).map(|n| format!("\"{}\":{n},", "\\u0000".repeat(n % 7))).collect();
    for (what, body) in [
        ("deep lists", deep.into_bytes()),
        ("deep objects", deeper.into_bytes()),
        ("a million members", format!("{{{wide}\"z\":1}}").into_bytes()),
        ("the same members", format!("{{{flood}\"z\":1}}").into_bytes()),
        ("not UTF-8", b"{\"phone_number\":\"\xff\xfe\xc0\"}".to_vec()),
        ("NUL", b"{\"a\":\0}\0\0".to_vec()),
        ("lone surrogates", br#"{"a":"\ud800","b":"\udfff\ud800"}"#.to_vec()),
        ("beyond numbers", format!("{{\"a\":1e999,\"b\":{}}}", "9".repeat(10_000)).into_bytes()),
        ("nothing", Vec::new()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
    ] {
        is_refused_by_all(&stand, what, &body).await;
    }
    is_served(&stand).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_values_in_a_sound_request_are_refused_or_harmless() {
    let stand = Stand::start().await;
    let absurd = [
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!("\u{0}"),
        json!("\u{202e}\u{feff}"),
        json!("9".repeat(5000)),
        json!([[]]),
        json!({"$ref": "#"}),
        json!(null),
        json!(true),
    ];
    for value in absurd {
        for place in [
            "/channels/0/fallback_time",
            "/phone_number",
            "/message_type",
            "/message",
            "/callback_url",
            "/channels",
        ] {
            let mut body = cascade(&stand.url, "15550107775", 60_000, "absurd");
            *body.pointer_mut(place).expect("a member") = value.clone();
            let (status, answer) = stand.telesign(&body).await;
            assert!(status < 500, "{place} = {value}: {status} {answer}");
        }
    }
    is_served(&stand).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_that_are_no_text_are_answered_wherever_they_stand() {
    let stand = Stand::start().await;
    let head = |target: &[u8], header: &[u8]| {
        let mut octets = b"GET ".to_vec();
        octets.extend_from_slice(target);
        octets.extend_from_slice(b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        octets.extend_from_slice(header);
        octets.extend_from_slice(b"\r\n\r\n");
        octets
    };
    for target in [
        "/v1/omnichannel/%ff%fe",
        "/v1/omnichannel/%00",
        "/v1/omnichannel/x?%ff=%c0&a=%zz",
        "/omni/1/logs?bulkId=%ff",
        "/v1/omnichannel/..%2f..%2fetc%2fpasswd",
    ] {
        let answer = exchange(&stand, &head(target.as_bytes(), b"authorization: Basic x")).await;
        assert!(answer.starts_with("HTTP/1.1 4") && answer.contains('{'), "{target}: {answer}");
    }
    for header in
        [&b"authorization: Basic \xff\xfe"[..], b"authorization: \xc3\xa9", b"idempotency-key: \xff\xff"]
    {
        let answer = exchange(&stand, &head(b"/v1/omnichannel/x", header)).await;
        assert!(answer.starts_with("HTTP/1.1 4") && answer.contains('{'), "{header:?}: {answer}");
    }
    for octets in [
        head(b"/v1/omnichannel/\xff", b"a: b"),
        head(b"/v1/\0", b"a: b"),
        head(b"/x", b"a: \0"),
        head(b"/x", b"a\xff: b"),
    ] {
        let answer = exchange(&stand, &octets).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    is_served(&stand).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_beyond_the_room_for_them_are_refused_as_overload_and_the_room_comes_back() {
    let stand = Stand::start_with(None, &["server.body_memory_mb=1"]).await;
    let head = "POST /omni/1/advanced HTTP/1.1\r\nhost: x\r\nauthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\ncontent-length: 900000\r\n\r\n";
    let mut first = connect(&stand).await;
    first.write_all(head.as_bytes()).await.expect("written");
    first.write_all(&vec![b' '; 700_000]).await.expect("written");
    // Whatever comes first fills the room; the other has none.
    let answer = stand
        .find("a refusal", || async {
            let mut second = connect(&stand).await;
            let _ = second.write_all(head.as_bytes()).await;
            let _ = second.write_all(&vec![b' '; 600_000]).await;
            let mut answer = [0; 4096];
            let read = tokio::time::timeout(Duration::from_millis(500), second.read(&mut answer)).await;
            let read = read.ok()?.ok()?;
            Some(String::from_utf8_lossy(&answer[..read]).into_owned()).filter(|text| !text.is_empty())
        })
        .await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("requestError"), "{answer}");
    drop(first);
    stand
        .until("there is room again", || async {
            let request = stand.client.post(format!("{}/omni/1/advanced", stand.url));
            let request = request.header("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
            request.body(vec![b' '; 900_000]).send().await.is_ok_and(|answer| answer.status() == 400)
        })
        .await;
    stand.stop().await;
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut octets = length[1..].to_vec();
    octets.extend([kind, flags]);
    octets.extend(stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_opened_and_reset_in_a_flood_end_the_connection_and_hurt_nobody() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let stand = Stand::start().await;
    let mut octets = PREFACE.to_vec();
    octets.extend(frame(4, 0, 0, &[]));
    for stream in (1..20_000).step_by(2) {
        // GET http://x/ by the static table, then CANCEL.
        octets.extend(frame(1, 5, stream, &[0x82, 0x84, 0x86, 0x41, 1, b'x']));
        octets.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
    }
    let mut stream = connect(&stand).await;
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut answer));
    let (_written, read) = tokio::join!(writer.write_all(&octets), reading);
    assert!(read.is_ok(), "the server ends the connection");
    is_served(&stand).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_without_end_on_http2_end_the_connection() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let stand = Stand::start().await;
    let mut octets = PREFACE.to_vec();
    octets.extend(frame(4, 0, 0, &[]));
    octets.extend(frame(1, 0, 1, &[0x82, 0x84, 0x86]));
    let mut field = vec![0, 1, b'a', 0x7f, 0x81, 0x7e];
    field.extend(vec![b'y'; 16_000]);
    for _ in 0..200 {
        octets.extend(frame(9, 0, 1, &field));
    }
    let mut stream = connect(&stand).await;
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut answer));
    let (_written, read) = tokio::join!(writer.write_all(&octets), reading);
    assert!(read.is_ok(), "the server ends the connection");
    is_served(&stand).await;
    stand.stop().await;
}
