//! Requests that Meta makes to us: the handshake that sets up a webhook, and the webhooks. Pure.
//!
//! This file answers the HTTP side and walks through the envelope; what the single objects mean
//! is in `status.rs` and `inbound.rs`.

use ::http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use model::{NetworkEvent, RouteName};
use serde_json::Value;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

use super::{
    errors::MetaError,
    inbound, loose,
    settings::{Numbers, Secret},
    status,
};
use crate::Received;

/// The largest webhook Meta sends.
const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;
/// The longest challenge that is echoed; real ones have about ten digits.
const MAX_CHALLENGE_BYTES: usize = 1024;

/// What is needed to understand webhooks.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// The route, for inbound messages.
    pub(crate) route: RouteName,
    /// Our numbers.
    pub(crate) numbers: Numbers,
    /// Signing secret; `None` takes everything unchecked.
    pub(crate) app_secret: Option<Secret>,
    /// Word of the handshake; `None` refuses every handshake.
    pub(crate) verify_token: Option<Secret>,
}

/// Why a webhook is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    #[error("the signature is missing or wrong")]
    Signature,
    #[error("not JSON")]
    NotJson,
}

impl Refusal {
    const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Signature => StatusCode::UNAUTHORIZED,
            // Meta repeats what was not answered with 200 for days. 200 would lose it at once.
            Self::NotJson => StatusCode::BAD_REQUEST,
        }
    }
}

/// Answers a request of Meta's.
pub(crate) fn receive(request: &Request<Bytes>, listener: &Listener) -> Received {
    match *request.method() {
        Method::GET => handshake(request, listener),
        Method::POST => events(request, listener),
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, ""),
    }
}

fn handshake(request: &Request<Bytes>, listener: &Listener) -> Received {
    let query = request.uri().query().unwrap_or_default();
    let value = |name: &str| {
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
    };
    let subscribes = value("hub.mode").is_some_and(|mode| mode == "subscribe");
    let known = match (&listener.verify_token, value("hub.verify_token")) {
        (Some(ours), Some(theirs)) => bool::from(ours.expose().as_bytes().ct_eq(theirs.as_bytes())),
        (Some(_), None) | (None, _) => false,
    };
    match value("hub.challenge") {
        Some(challenge) if subscribes && known && challenge.len() <= MAX_CHALLENGE_BYTES => {
            plain(StatusCode::OK, &challenge)
        }
        Some(_) | None => plain(StatusCode::FORBIDDEN, ""),
    }
}

fn events(request: &Request<Bytes>, listener: &Listener) -> Received {
    match read(request, listener) {
        Ok(events) => Received { events, ..plain(StatusCode::OK, "") },
        Err(refusal) => {
            tracing::warn!(route = %listener.route, reason = %refusal, "webhook refused");
            plain(refusal.status(), "")
        }
    }
}

fn read(request: &Request<Bytes>, listener: &Listener) -> Result<Vec<NetworkEvent>, Refusal> {
    let body = request.body();
    if body.len() > MAX_BODY_BYTES {
        return Err(Refusal::TooLarge);
    }
    if let Some(secret) = &listener.app_secret {
        check_signature(request.headers().get("x-hub-signature-256"), body, secret)?;
    }
    let payload = serde_json::from_slice(body).map_err(|_| Refusal::NotJson)?;
    Ok(walk(&payload, listener))
}

// Meta signs the bytes it sends, with non-ASCII and slashes escaped: parsing and writing them
// again would give other bytes.
fn check_signature(header: Option<&HeaderValue>, body: &[u8], secret: &Secret) -> Result<(), Refusal> {
    let claimed = header
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().strip_prefix("sha256="))
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or(Refusal::Signature)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    mac.verify_slice(&claimed).map_err(|_| Refusal::Signature)
}

/// Everything in the payload that we understand; the rest is left out.
fn walk(payload: &Value, listener: &Listener) -> Vec<NetworkEvent> {
    let changes = loose::list(&payload["entry"]).iter().flat_map(|entry| loose::list(&entry["changes"]));
    let mut events = Vec::new();
    for change in changes {
        let value = &change["value"];
        match change["field"].as_str() {
            Some("messages") => messages(value, listener, &mut events),
            Some("user_preferences") => events.extend(inbound::preferences(value, &listener.numbers)),
            Some(_) | None => tracing::debug!(route = %listener.route, "webhook field ignored"),
        }
    }
    events
}

fn messages(value: &Value, listener: &Listener, events: &mut Vec<NetworkEvent>) {
    for error in loose::list(&value["errors"]) {
        let code = MetaError::read(error).network_code().code;
        tracing::warn!(route = %listener.route, code, "the network reports an error of the number");
    }
    events.extend(loose::list(&value["statuses"]).iter().filter_map(status::receipt));
    events.extend(inbound::messages(value, &listener.route, &listener.numbers));
}

fn plain(status: StatusCode, text: &str) -> Received {
    let mut response = Response::new(Bytes::copy_from_slice(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Received { response, events: Vec::new() }
}
