//! What the fuzz targets do with bytes of networks, and what must hold of the outcome. Here,
//! because the parsers are private; only with the feature `fuzzing`.

use std::sync::LazyLock;

use ::http::{Method, Request, StatusCode};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

pub use crate::smpp::fuzzing::{receipts, session, texts};
use crate::{Connector, whatsapp_cloud::WhatsappCloud};

const SECRET: &str = "app-secret";

static META: LazyLock<WhatsappCloud> = LazyLock::new(|| {
    let settings = json!({
        "base_url": "https://graph.example",
        "token": "token",
        "app_secret": SECRET,
        "verify_token": "word",
        "numbers": [{"phone_number_id": "106540352242922", "display": "15550783881"}],
    });
    let settings = serde_json::from_value(settings).expect("the settings are right");
    WhatsappCloud::new(settings, "whatsapp".into()).expect("the settings are right")
});

/// A webhook of Meta's, signed and then not: whatever it says is understood or left out, and
/// nothing of it counts without its signature.
pub fn webhooks(data: &[u8]) {
    handshake(data);
    let received = META.receive(&post(data, &signature(data)));
    assert!(matches!(received.response.status(), StatusCode::OK | StatusCode::BAD_REQUEST));
    // Each event is an object of its own in the text.
    assert!(received.events.len() <= data.len() / 2, "{} events", received.events.len());
    let again = META.receive(&post(data, &signature(data)));
    assert_eq!(again.events.len(), received.events.len(), "the same again");
    let mut tampered = data.to_vec();
    match tampered.first_mut() {
        Some(first) => *first ^= 1,
        None => tampered.push(b' '),
    }
    for forged in [post(&tampered, &signature(data)), post(data, &String::from_utf8_lossy(data))] {
        let refused = META.receive(&forged);
        assert_eq!(refused.response.status(), StatusCode::UNAUTHORIZED, "a forged webhook");
        assert!(refused.events.is_empty(), "a forged webhook");
    }
}

/// Nothing is echoed to who does not know the word.
fn handshake(data: &[u8]) {
    let query: String = ::url::form_urlencoded::byte_serialize(data).collect();
    for target in [
        format!("/hook?{query}"),
        format!("/hook?hub.mode=subscribe&hub.challenge=c&hub.verify_token={query}"),
    ] {
        let request = Request::builder().uri(target).body(Bytes::new());
        let Ok(request) = request else { return };
        let knows = data == b"word";
        assert_eq!(
            META.receive(&request).response.status() == StatusCode::OK,
            knows && request.uri().query().is_some_and(|query| query.contains("challenge"))
        );
    }
}

fn post(body: &[u8], signature: &str) -> Request<Bytes> {
    let request = Request::builder().method(Method::POST).uri("/hook");
    let request = request.header("x-hub-signature-256", signature).body(Bytes::copy_from_slice(body));
    // Not every text is a header.
    request.unwrap_or_else(|_| {
        let request = Request::builder().method(Method::POST).uri("/hook");
        request.body(Bytes::copy_from_slice(body)).expect("a request")
    })
}

fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
