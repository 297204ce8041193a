//! `Idempotency-Key` on every dialect: the same key with the same request gets the first answer,
//! with another request a conflict; remembered for a day, across crashes, because it is stored in
//! the commit of the submission itself.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use model::{AccountName, Refusal, Span, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Remembered;

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;

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
    /// The key of a request, if it has one. `scope` is what keys are told apart by within the
    /// account: a dialect's name, or what [`Self::scope_of`] makes.
    pub(crate) fn of(
        request: &Request<Bytes>,
        account: &AccountName,
        scope: &str,
    ) -> Result<Option<Self>, Refusal> {
        let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
        let text =
            value.to_str().ok().map(str::trim).filter(|text| !text.is_empty() && text.len() <= MAX_KEY);
        let Some(text) = text else {
            return Err(Refusal::invalid("Idempotency-Key", "", "1 to 255 printable characters"));
        };
        Ok(Some(Self { account: account.clone(), key: format!("{scope}/{text}"), digest: digest(request) }))
    }

    /// The scope of a token of the operators' API: its name, and the accounts that it is for,
    /// because a later token of the same name may be for others. Names have any characters: as a
    /// list in JSON, it is plain where the scope ends and the key begins.
    pub(crate) fn scope_of(token: &str, accounts: &[String]) -> String {
        let names: Vec<&str> = std::iter::once(token).chain(accounts.iter().map(String::as_str)).collect();
        format!("admin/{}", serde_json::json!(names))
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

/// What a request asks for, as a fingerprint. Some submissions are all query and no body.
fn digest(request: &Request<Bytes>) -> String {
    let mut hash = Sha256::new();
    hash.update(request.method().as_str());
    hash.update([0]);
    hash.update(request.uri().path());
    if let Some(query) = request.uri().query() {
        hash.update("?");
        hash.update(query);
    }
    hash.update([0]);
    hash.update(request.body());
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, body: &'static str) -> Request<Bytes> {
        let request = Request::builder().method(method).uri(target).header("idempotency-key", "a/b");
        request.body(Bytes::from_static(body.as_bytes())).expect("a request")
    }

    fn key(request: &Request<Bytes>, scope: &str) -> Key {
        Key::of(request, &"acme".into(), scope).expect("a good key").expect("a key")
    }

    #[test]
    fn requests_that_differ_in_anything_are_other_requests() {
        let first = key(&request("GET", "/v1/x?to=1", ""), "kaleyra");
        let known = first.remember(&Response::new(Bytes::from_static(b"{}")), Time(0));
        let others = [("GET", "/v1/x?to=2", ""), ("GET", "/v1/x", ""), ("POST", "/v1/x?to=1", "")];
        for (method, target, body) in others.into_iter().chain([("GET", "/v1/x?to=1", "{}")]) {
            let refused = key(&request(method, target, body), "kaleyra").replay(&known);
            assert!(matches!(refused, Err(Refusal::KeyConflict)), "{method} {target} {body}: {refused:?}");
        }
        let again = key(&request("GET", "/v1/x?to=1", ""), "kaleyra").replay(&known).expect("the answer");
        assert_eq!(again.body(), "{}");
    }

    #[test]
    fn tokens_and_accounts_with_slashes_in_their_names_have_keys_of_their_own() {
        let place = |token: &str, accounts: &[&str]| {
            let accounts: Vec<String> = accounts.iter().map(|name| (*name).to_owned()).collect();
            key(&request("POST", "/", ""), &Key::scope_of(token, &accounts)).place()
        };
        let places = [
            place("ops", &[]),
            place("ops/a", &[]),
            place("ops", &["a"]),
            place("ops", &["a/a"]),
            place("ops", &["a", "b"]),
            place("ops", &["a\nb"]),
        ];
        for (index, place) in places.iter().enumerate() {
            assert!(!places[..index].contains(place), "{place:?}");
        }
        let one = Request::builder().header("idempotency-key", "x").body(Bytes::new()).expect("a request");
        let other =
            Request::builder().header("idempotency-key", "b/x").body(Bytes::new()).expect("a request");
        let deeper = key(&one, &Key::scope_of("a/b", &[])).place();
        assert_ne!(deeper, key(&other, &Key::scope_of("a", &[])).place());
    }
}
