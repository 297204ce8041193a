//! `Idempotency-Key` on every dialect: the same key with the same request gets the first answer,
//! with another request a conflict; remembered for a day, across crashes, because it is stored in
//! the commit of the submission itself.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use model::{AccountName, Refusal, Span, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Remembered;

const KIND: &str = "idempotency";
const MEMORY: Span = Span::from_hours(24);
/// Longest key that is taken.
const MAX_KEY: usize = 255;

/// A request's key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    account: AccountName,
    key: String,
    digest: String,
}

/// An answer as it is remembered.
#[derive(Serialize, Deserialize)]
struct Kept {
    digest: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Key {
    /// The key of a request, if it has one.
    pub(crate) fn of(
        request: &Request<Bytes>,
        account: &AccountName,
        dialect: &str,
    ) -> Result<Option<Self>, Refusal> {
        let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
        let text =
            value.to_str().ok().map(str::trim).filter(|text| !text.is_empty() && text.len() <= MAX_KEY);
        let Some(text) = text else {
            return Err(Refusal::invalid("Idempotency-Key", "", "1 to 255 printable characters"));
        };
        let mut hash = Sha256::new();
        hash.update(request.method().as_str());
        hash.update([0]);
        hash.update(request.uri().path());
        hash.update([0]);
        hash.update(request.body());
        let digest = hex::encode(hash.finalize());
        Ok(Some(Self { account: account.clone(), key: format!("{dialect}/{text}"), digest }))
    }

    /// Where to look it up.
    pub(crate) fn place(&self) -> (AccountName, &'static str, String) {
        (self.account.clone(), KIND, self.key.clone())
    }

    /// What to remember with this answer.
    pub(crate) fn remember(&self, response: &Response<Bytes>, now: Time) -> Remembered {
        let headers = response.headers().iter();
        let kept = Kept {
            digest: self.digest.clone(),
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
            body: String::from_utf8_lossy(response.body()).into_owned(),
        };
        let value = serde_json::to_vec(&kept).expect("our own types serialise");
        Remembered {
            account: self.account.clone(),
            kind: KIND,
            key: self.key.clone(),
            value,
            until: now + MEMORY,
        }
    }

    /// The first answer, if the request is the same.
    pub(crate) fn replay(&self, known: &Remembered) -> Result<Response<Bytes>, Refusal> {
        let kept: Kept = serde_json::from_slice(&known.value).map_err(|_| Refusal::Internal)?;
        if kept.digest != self.digest {
            return Err(Refusal::KeyConflict);
        }
        let mut response = Response::new(Bytes::from(kept.body));
        *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
        for (name, value) in kept.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                response.headers_mut().append(name, value);
            }
        }
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        Ok(response)
    }
}
