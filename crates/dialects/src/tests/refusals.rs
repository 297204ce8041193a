//! Every refusal, in every dialect, on every path.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use model::Refusal;
use serde_json::Value;

use super::{RATE, claims::PATHS, settings};
use crate::{
    Context, by_name,
    testkit::{context, every_refusal},
};

/// The statuses that tell a refusal sensibly, whatever the vendor.
fn sensible(refusal: &Refusal) -> &'static [u16] {
    match refusal {
        Refusal::TooLarge { .. } => &[413, 400],
        Refusal::Unauthenticated(_) => &[401, 403],
        Refusal::Forbidden => &[403, 401],
        Refusal::NotEnabled(_) => &[403, 401, 400],
        Refusal::NotFound(_) => &[404, 400],
        Refusal::UnknownPath => &[404],
        Refusal::MethodNotAllowed { .. } => &[405],
        Refusal::UnsupportedType => &[415, 406, 400],
        Refusal::Malformed(_)
        | Refusal::MissingField(_)
        | Refusal::InvalidField { .. }
        | Refusal::TooManyRecipients { .. } => &[400],
        Refusal::UnknownSender => &[400, 401, 403],
        Refusal::LowBalance => &[402, 403, 400],
        Refusal::RateLimited { .. } => &[429],
        Refusal::Overloaded => &[503],
        Refusal::KeyConflict => &[409, 400],
        Refusal::Internal => &[500],
    }
}

/// What a vendor answers although it is not what the status is for.
fn is_the_vendors_way(name: &str, path: &str, refusal: &Refusal, status: StatusCode) -> bool {
    match (name, refusal) {
        // Telesign: what the account lacks is 429 for submissions; so is an empty SMS account.
        ("telesign", Refusal::NotEnabled(_) | Refusal::LowBalance) => status == StatusCode::TOO_MANY_REQUESTS,
        // Webex Connect: v1 answers 200 to whatever is wrong with a request. A path that it does
        // not have, and trouble of ours, have their own.
        (
            "webex_connect",
            Refusal::UnknownPath | Refusal::MethodNotAllowed { .. } | Refusal::Overloaded | Refusal::Internal,
        ) => false,
        ("webex_connect", _) => path.starts_with("/resources/") && status == StatusCode::OK,
        _ => false,
    }
}

/// Webex Connect: v2 answers a wrong key with an empty body.
fn may_be_empty(path: &str, refusal: &Refusal) -> bool {
    path.starts_with("/v2/messages") && matches!(refusal, Refusal::Unauthenticated(_))
}

fn check(name: &str, path: &str, refusal: &Refusal, response: &Response<Bytes>) {
    let status = response.status();
    let is_sensible = sensible(refusal).contains(&status.as_u16());
    assert!(is_sensible || is_the_vendors_way(name, path, refusal, status), "{path} {refusal:?} {status}");
    if response.body().is_empty() {
        assert!(may_be_empty(path, refusal), "{path} {refusal:?}");
    } else {
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert!(body.is_object(), "{path} {refusal:?} {body}");
        assert_eq!(response.headers()["content-type"], "application/json", "{path} {refusal:?}");
    }
    match refusal {
        Refusal::MethodNotAllowed { .. } => assert_eq!(response.headers()["allow"], "GET", "{path}"),
        Refusal::RateLimited { .. } => assert_eq!(response.headers()["retry-after"], "2", "{path}"),
        _ => {}
    }
}

#[test]
fn every_refusal_has_its_body_and_a_sensible_status_on_every_path() {
    let settings = settings();
    for (name, paths) in PATHS {
        let dialect = by_name(name).expect("a dialect");
        for path in paths {
            for (method, body) in [("GET", ""), ("POST", "{}"), ("POST", "[not json")] {
                let request = Request::builder().method(method).uri(*path);
                let request = request.body(Bytes::from(body)).expect("a request");
                for refusal in every_refusal() {
                    for rate in [None, Some(RATE)] {
                        let context = Context { rate, ..context(&settings, "") };
                        check(name, path, &refusal, &dialect.refuse(&request, &refusal, &context));
                    }
                }
            }
        }
    }
}

/// The place of a refusal's kind, so that a new kind cannot be forgotten in the list.
fn kind(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::TooLarge { .. } => 0,
        Refusal::Unauthenticated(_) => 1,
        Refusal::Forbidden => 2,
        Refusal::NotEnabled(_) => 3,
        Refusal::NotFound(_) => 4,
        Refusal::UnknownPath => 5,
        Refusal::MethodNotAllowed { .. } => 6,
        Refusal::UnsupportedType => 7,
        Refusal::Malformed(_) => 8,
        Refusal::MissingField(_) => 9,
        Refusal::InvalidField { .. } => 10,
        Refusal::TooManyRecipients { .. } => 11,
        Refusal::UnknownSender => 12,
        Refusal::LowBalance => 13,
        Refusal::RateLimited { .. } => 14,
        Refusal::Overloaded => 15,
        Refusal::KeyConflict => 16,
        Refusal::Internal => 17,
    }
}

#[test]
fn the_list_of_refusals_has_every_kind() {
    let mut kinds: Vec<usize> = every_refusal().iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, (0..18).collect::<Vec<_>>());
}
