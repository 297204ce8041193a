//! Requests as they were received, with their answers: kept beside their messages for people who
//! have to know what a caller really sent. Off unless the configuration says for how long.
//!
//! They are written after the answer, never wait and are never waited for: under load some are
//! left out rather than slowing anything down. What proves who the caller is, is left out always.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use model::{AccountName, BatchId, Span};
use serde::{Deserialize, Serialize};
use store::{Change, Remembered, StoreError};
use tokio::sync::Semaphore;

use crate::{clock, core::Core};

const KIND: &str = "exchange";
/// Bytes kept of a body.
const MAX_BODY: usize = 16 * 1024;
/// Bytes kept of a header's value.
const MAX_VALUE: usize = 512;
/// Exchanges being written at once; those that come while so many are, are left out.
const AT_ONCE: usize = 32;

/// The headers that are kept: those that say something about the request and prove nothing.
const HEADERS: [&str; 9] = [
    "content-type",
    "content-length",
    "accept",
    "accept-language",
    "user-agent",
    "date",
    "idempotency-key",
    "x-request-id",
    "traceparent",
];

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Method and path; of a query only the names.
    pub line: String,
    /// Headers of the request, without credentials.
    pub headers: Vec<(String, String)>,
    /// Its body as text, shortened if need be.
    pub body: String,
    /// Status of the answer.
    pub status: u16,
    /// Headers of the answer.
    pub answer_headers: Vec<(String, String)>,
    /// Its body as text, shortened if need be.
    pub answer: String,
}

impl Exchange {
    fn of(request: &Request<Bytes>, response: &Response<Bytes>) -> Self {
        Self {
            line: line(request),
            headers: headers(request.headers()),
            body: text(request.body()),
            status: response.status().as_u16(),
            answer_headers: headers(response.headers()),
            answer: text(response.body()),
        }
    }
}

/// Values of a query may be credentials.
fn line(request: &Request<Bytes>) -> String {
    let mut line = format!("{} {}", request.method(), request.uri().path());
    let names = request.uri().query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    for (index, pair) in names.take(20).enumerate() {
        line.push(if index == 0 { '?' } else { '&' });
        line += pair.split('=').next().unwrap_or_default();
        line += "=…";
    }
    line
}

fn headers(all: &HeaderMap) -> Vec<(String, String)> {
    let known = HEADERS.iter().filter_map(|name| Some((*name, all.get(*name)?)));
    known
        .map(|(name, value)| (name.to_owned(), cut(&String::from_utf8_lossy(value.as_bytes()), MAX_VALUE)))
        .collect()
}

fn text(body: &Bytes) -> String {
    cut(&String::from_utf8_lossy(&body[..body.len().min(MAX_BODY + 4)]), MAX_BODY)
}

fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// Keeps the exchange that made a submission, if the configuration says so and there is a place.
pub fn keep(
    core: &Arc<Core>,
    account: &AccountName,
    batch: BatchId,
    request: &Request<Bytes>,
    response: &Response<Bytes>,
) {
    let hours = core.config.store.keep_requests_hours;
    if hours == 0 {
        return;
    }
    let Ok(place) = PLACES.try_acquire() else { return };
    let exchange = Exchange::of(request, response);
    let remembered = Remembered {
        account: account.clone(),
        kind: KIND,
        key: batch.to_string(),
        value: serde_json::to_vec(&exchange).expect("our own types serialise"),
        until: clock::now() + Span::from_hours(hours),
    };
    let core = Arc::clone(core);
    tokio::spawn(async move {
        if let Err(error) = core.store.commit(vec![Change::Remember(remembered)]).await {
            tracing::debug!(%error, "a request was not kept");
        }
        drop(place);
    });
}

/// The exchange that made a submission; `None` if it was not kept, or is not any more.
///
/// # Errors
/// If the store cannot answer.
pub async fn find(
    core: &Core,
    account: &AccountName,
    batch: BatchId,
) -> Result<Option<Exchange>, StoreError> {
    if core.config.store.keep_requests_hours == 0 {
        return Ok(None);
    }
    let known = core.store.recall(account.clone(), KIND, batch.to_string()).await?;
    let known = known.filter(|known| known.until > clock::now());
    Ok(known.and_then(|known| serde_json::from_slice(&known.value).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_left_out_and_bodies_are_cut() {
        let request = Request::post("/v1/x?key=secret&to=1")
            .header("authorization", "Basic c2VjcmV0")
            .header("api-key", "secret")
            .header("cookie", "secret")
            .header("content-type", "application/json")
            .body(Bytes::from("é".repeat(MAX_BODY)))
            .expect("a request");
        let response = Response::new(Bytes::from_static(b"{}"));
        let kept = Exchange::of(&request, &response);
        assert_eq!(kept.line, "POST /v1/x?key=…&to=…");
        assert_eq!(kept.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        assert!(!serde_json::to_string(&kept).expect("JSON").contains("secret"));
        assert_eq!((kept.body.len(), kept.body.ends_with("é…")), (MAX_BODY + '…'.len_utf8(), true));
        assert_eq!((kept.status, kept.answer.as_str()), (200, "{}"));
    }
}
