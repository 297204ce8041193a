//! The WhatsApp Cloud API client against servers that behave and misbehave.

use std::{
    io::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Multipart, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::IntoResponse,
    routing::{any, post},
};
use connectors::{
    Connector, Parcel, Submitted, UploadFile, UploadedId,
    whatsapp_cloud::{Settings, WhatsappCloud},
};
use model::{
    AttemptId, Cause, Content, Fault, MessageId, Phone, Recipient, RouteName, Span, Time,
    content::Text,
    message::{Extras, Priority},
};
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

type Seen = Arc<Mutex<Vec<(String, Option<String>, Value)>>>;

fn connector(address: SocketAddr, timeout_ms: u64) -> WhatsappCloud {
    connector_at(&format!("http://{address}/"), timeout_ms)
}

fn connector_at(base_url: &str, timeout_ms: u64) -> WhatsappCloud {
    let settings: Settings = serde_json::from_value(json!({
        "base_url": base_url,
        "numbers": [{"sender": "shop", "phone_number_id": "1065", "display": "15550783881"}],
        "token": "TOKEN-1",
        "verify_signature": false,
        "timeout_ms": timeout_ms
    }))
    .expect("settings");
    WhatsappCloud::new(settings, RouteName::from("wa")).expect("good settings")
}

fn parcel() -> Parcel {
    Parcel {
        attempt: AttemptId { message: MessageId(7), step: 0, attempt: 0 },
        recipient: Recipient::phone(Phone::parse("16505551234").expect("a number")),
        sender: Some("shop".to_owned()),
        content: Content::Text(Text::new("Hello")),
        extras: Extras::default(),
        priority: Priority::Notice,
        now: Time::from_secs(0),
        give_up_at: Time::from_secs(60),
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A server that does `act` with every connection after reading a whole request.
async fn serve_raw<F>(act: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_request(&mut stream).await;
            act(stream).await;
        }
    });
    address
}

/// Reads until the end of a JSON or multipart body.
async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !(request.ends_with(b"}") || request.ends_with(b"--\r\n")) {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&chunk[..length]),
        }
    }
}

async fn fault(connector: &WhatsappCloud) -> Fault {
    connector.send(&parcel()).await.expect_err("refused")
}

async fn accept(
    State(seen): State<Seen>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Json<Value> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    seen.lock().expect("unpoisoned").push((uri.path().to_owned(), token, body));
    Json(json!({"messaging_product": "whatsapp", "messages": [{"id": "wamid.1"}]}))
}

#[tokio::test]
async fn a_message_is_posted_to_its_number_with_the_token() {
    let seen = Seen::default();
    let address = serve(Router::new().fallback(post(accept)).with_state(seen.clone())).await;
    let connector = connector(address, 5_000);
    assert_eq!(connector.send(&parcel()).await, Ok(Submitted { upstream: vec!["wamid.1".to_owned()] }));
    let body = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "16505551234",
        "biz_opaque_callback_data": "00000000000000000000000000000007.0.0",
        "type": "text", "text": {"body": "Hello", "preview_url": false}
    });
    let expected = ("/v23.0/1065/messages".to_owned(), Some("Bearer TOKEN-1".to_owned()), body);
    assert_eq!(*seen.lock().expect("unpoisoned"), [expected]);
    assert_eq!((connector.health().up, connector.health().last_error), (true, None));
}

#[tokio::test]
async fn an_unknown_sender_is_refused_without_asking_the_network() {
    let seen = Seen::default();
    let address = serve(Router::new().fallback(post(accept)).with_state(seen.clone())).await;
    let stranger = Parcel { sender: Some("stranger".to_owned()), ..parcel() };
    let fault = connector(address, 5_000).send(&stranger).await.expect_err("refused");
    assert_eq!((fault.cause, seen.lock().expect("unpoisoned").len()), (Cause::SenderInvalid, 0));
}

#[tokio::test]
async fn a_refused_connection_means_the_provider_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let connector = connector(address, 5_000);
    assert_eq!(fault(&connector).await.cause, Cause::ProviderDown);
    let health = connector.health();
    assert!(!health.up);
    let text = health.last_error.expect("an error");
    assert!(text.starts_with("not connected:") && !text.contains("127.0.0.1"), "{text}");
}

#[tokio::test]
async fn a_failed_tls_handshake_means_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let connector = connector_at(&format!("https://{address}"), 5_000);
    assert_eq!(fault(&connector).await.cause, Cause::ProviderDown);
}

#[tokio::test]
async fn a_tls_handshake_that_hangs_means_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let connector = connector_at(&format!("https://{address}"), 200);
    assert_eq!(fault(&connector).await.cause, Cause::ProviderDown);
}

#[tokio::test]
async fn an_answer_that_does_not_come_leaves_the_outcome_unknown() {
    let address = serve(Router::new().fallback(any(std::future::pending::<StatusCode>))).await;
    let fault = fault(&connector(address, 100)).await;
    assert_eq!(fault.cause, Cause::OutcomeUnknown);
    assert_eq!(fault.network.expect("words").text, "no answer: timed out");
}

#[tokio::test]
async fn a_connection_closed_after_the_request_leaves_the_outcome_unknown() {
    let address = serve_raw(|stream| async { drop(stream) }).await;
    assert_eq!(fault(&connector(address, 5_000)).await.cause, Cause::OutcomeUnknown);
}

#[tokio::test]
async fn a_connection_reset_after_the_request_leaves_the_outcome_unknown() {
    let address = serve_raw(|stream| async move {
        stream.set_zero_linger().expect("a socket option");
    })
    .await;
    assert_eq!(fault(&connector(address, 5_000)).await.cause, Cause::OutcomeUnknown);
}

#[tokio::test]
async fn a_success_cut_off_in_its_body_leaves_the_outcome_unknown() {
    let address = serve_raw(|mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"messages\":[{\"id\":\"wam";
        tokio::io::AsyncWriteExt::write_all(&mut stream, head).await.expect("written");
    })
    .await;
    assert_eq!(fault(&connector(address, 5_000)).await.cause, Cause::OutcomeUnknown);
}

#[tokio::test]
async fn throttling_carries_the_networks_advice() {
    let answer = || async {
        let body = Json(json!({"error": {"code": 130429, "message": "(#130429) Rate limit hit"}}));
        (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "12")], body)
    };
    let address = serve(Router::new().fallback(any(answer))).await;
    let fault = fault(&connector(address, 5_000)).await;
    assert_eq!((fault.cause, fault.retry_after), (Cause::Throttled, Some(Span::from_secs(12))));
}

#[tokio::test]
async fn a_refused_token_shows_in_the_health_without_its_value() {
    let answer =
        || async { (StatusCode::UNAUTHORIZED, Json(json!({"error": {"code": 190, "message": "TOKEN-1"}}))) };
    let address = serve(Router::new().fallback(any(answer))).await;
    let connector = connector(address, 5_000);
    assert_eq!(fault(&connector).await.cause, Cause::ProviderAccount);
    let health = connector.health();
    assert_eq!((health.up, health.text.as_str()), (false, "token refused"));
    assert_eq!(health.last_error.as_deref(), Some("HTTP 401, code 190: provider_account"));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let answer = || async {
        let chunks = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(64 * 1024)));
        (StatusCode::INTERNAL_SERVER_ERROR, Body::from_stream(chunks)).into_response()
    };
    let address = serve(Router::new().fallback(any(answer))).await;
    assert_eq!(fault(&connector(address, 30_000)).await.cause, Cause::ProviderDown);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let seen = Seen::default();
    let redirect = || async { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]) };
    let router = Router::new().route("/elsewhere", post(accept)).fallback(any(redirect));
    let address = serve(router.with_state(seen.clone())).await;
    assert_eq!(fault(&connector(address, 5_000)).await.cause, Cause::ProviderError);
    assert_eq!(seen.lock().expect("unpoisoned").len(), 0);
}

async fn keep_parts(State(seen): State<Seen>, uri: Uri, mut form: Multipart) -> Json<Value> {
    while let Ok(Some(part)) = form.next_field().await {
        let name = part.name().unwrap_or_default().to_owned();
        let mime = part.content_type().map(str::to_owned);
        let bytes = part.bytes().await.expect("a part");
        seen.lock().expect("unpoisoned").push((name, mime, String::from_utf8_lossy(&bytes).into()));
    }
    Json(json!({"id": uri.path().replace('/', "-")}))
}

fn upload_of(content: &[u8]) -> (tempfile::NamedTempFile, UploadFile) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(content).expect("written");
    let path = file.path().to_owned();
    let size = content.len() as u64;
    let sender = Some("15550783881".to_owned());
    (file, UploadFile { path, size, mime: "image/png".to_owned(), sender })
}

#[tokio::test]
async fn an_upload_streams_the_file_and_returns_its_id() {
    let seen = Seen::default();
    let address = serve(Router::new().fallback(post(keep_parts)).with_state(seen.clone())).await;
    let (_kept, upload) = upload_of(b"PNG bytes");
    let uploaded = connector(address, 5_000).upload(&upload).await;
    let keeps_for = Span::from_hours(720);
    assert_eq!(uploaded, Ok(UploadedId { id: "-v23.0-1065-media".to_owned(), keeps_for }));
    let part =
        |name: &str, mime: Option<&str>, text: &str| (name.to_owned(), mime.map(str::to_owned), text.into());
    assert_eq!(
        *seen.lock().expect("unpoisoned"),
        [
            part("messaging_product", None, "whatsapp"),
            part("type", None, "image/png"),
            part("file", Some("image/png"), "PNG bytes"),
        ]
    );
}

#[tokio::test]
async fn an_upload_whose_fate_is_unknown_may_be_repeated() {
    let address = serve_raw(|stream| async { drop(stream) }).await;
    let (_kept, upload) = upload_of(b"{}");
    let fault = connector(address, 5_000).upload(&upload).await.expect_err("lost");
    assert_eq!(fault.cause, Cause::ProviderDown);
}

#[tokio::test]
async fn a_missing_file_cannot_be_uploaded() {
    let (kept, upload) = upload_of(b"");
    drop(kept);
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let fault = connector(address, 5_000).upload(&upload).await.expect_err("no file");
    assert_eq!(fault.cause, Cause::MediaUnreachable);
}
