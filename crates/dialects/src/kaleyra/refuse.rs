//! Refusals as the vendor's error bodies. Texts, spacing and the two spellings `WA401` and
//! `WA-401` are the vendor's.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use model::{
    Refusal,
    call::{AuthFault, Feature},
};
use serde_json::{Value, json};

use super::{path::Surface, wire::Envelope};
use crate::support;

const BAD_KEY: &str = "Incorrect SID or API key.";
const UNKNOWN_SENDER: &str = "Phone number is not present or does not belong to the account.";
const LOW_BALANCE: &str = "Please check your balance, You have a low balance!";
const NOT_AVAILABLE: &str = "API is not available for given customer.Please contact support for more info";
const OTHER_VERSION: &str = "The phone number you're using is associated with different Version of our WA API. Please use the appropriate endpoint.";
const TOO_MANY: &str = "Too many requests";

/// HTTP status and body.
type Answer = (StatusCode, Envelope<Value, Value>);

pub(super) fn refuse(request: &Request<Bytes>, refusal: &Refusal) -> Response<Bytes> {
    let by_member = Surface::of(request.uri().path()).names_members();
    let (http, body) = if by_member { by_member_body(refusal) } else { body(refusal) };
    let mut response = support::json(http, &body);
    support::add_refusal_headers(&mut response, refusal);
    response
}

/// The bodies of version 2.
fn body(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::Unauthenticated(fault) => unauthenticated(*fault),
        Refusal::Forbidden => not_available(),
        Refusal::NotEnabled(feature) => not_enabled(*feature),
        Refusal::UnknownSender => {
            same(StatusCode::UNAUTHORIZED, "WA401", UNKNOWN_SENDER, "phone_number", UNKNOWN_SENDER)
        }
        Refusal::UnsupportedType
        | Refusal::Malformed(_)
        | Refusal::MissingField(_)
        | Refusal::InvalidField { .. }
        | Refusal::TooManyRecipients { .. } => bad_payload(StatusCode::BAD_REQUEST),
        // The vendor has no codes for these; its nearest, with the HTTP status that fits.
        Refusal::TooLarge { .. } => bad_payload(StatusCode::PAYLOAD_TOO_LARGE),
        Refusal::KeyConflict => bad_payload(StatusCode::CONFLICT),
        Refusal::NotFound(_) | Refusal::UnknownPath => {
            same(StatusCode::NOT_FOUND, "WA404", "Not found", "error", "Not found")
        }
        Refusal::MethodNotAllowed { .. } => {
            let text = "Method not allowed";
            same(StatusCode::METHOD_NOT_ALLOWED, "WA405", text, "error", text)
        }
        Refusal::LowBalance => same(StatusCode::BAD_REQUEST, "E110", LOW_BALANCE, "balance", LOW_BALANCE),
        Refusal::RateLimited { .. } => {
            same(StatusCode::TOO_MANY_REQUESTS, "WA429", TOO_MANY, "error", TOO_MANY)
        }
        // Kaleyra: clients try again on `WA500`. It has no status for overload; 503 is what the
        // word calls for, and what proxies on the way understand.
        Refusal::Overloaded => later(StatusCode::SERVICE_UNAVAILABLE),
        Refusal::Internal => later(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The bodies of the older calls: as above, but what is wrong with the payload is told by member.
fn by_member_body(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::MissingField(field) => wrong_member(field, "missing"),
        // Clients match these words.
        Refusal::InvalidField { field, .. } if field == "to" => wrong_member("to", "invalid number"),
        Refusal::InvalidField { field, reason, .. } => wrong_member(field, reason),
        Refusal::TooManyRecipients { .. } => wrong_member("to", "too many numbers"),
        Refusal::UnknownSender => wrong_member("from", UNKNOWN_SENDER),
        Refusal::UnsupportedType | Refusal::Malformed(_) => {
            wrong_member("payload", "Incorrect payload format")
        }
        Refusal::TooLarge { .. }
        | Refusal::Unauthenticated(_)
        | Refusal::Forbidden
        | Refusal::NotEnabled(_)
        | Refusal::NotFound(_)
        | Refusal::UnknownPath
        | Refusal::MethodNotAllowed { .. }
        | Refusal::LowBalance
        | Refusal::RateLimited { .. }
        | Refusal::Overloaded
        | Refusal::KeyConflict
        | Refusal::Internal => body(refusal),
    }
}

fn answer(http: StatusCode, code: &'static str, message: &'static str, error: Value) -> Answer {
    (http, Envelope { code, message, data: json!({}), error })
}

fn same(
    http: StatusCode,
    code: &'static str,
    message: &'static str,
    member: &'static str,
    text: &'static str,
) -> Answer {
    answer(http, code, message, json!({ member: text }))
}

/// Kaleyra: `E13001` is a missing or invalid member.
fn wrong_member(field: &str, reason: &str) -> Answer {
    answer(StatusCode::BAD_REQUEST, "E13001", "Missing or invalid parameter", json!({ field: reason }))
}

fn bad_payload(http: StatusCode) -> Answer {
    same(http, "WA400", "Refer to correct payload format", "payload", "Incorrect payload format")
}

fn later(http: StatusCode) -> Answer {
    same(http, "WA500", "Please try again later", "error", "Internal server error")
}

fn not_available() -> Answer {
    same(StatusCode::UNAUTHORIZED, "WA-401", NOT_AVAILABLE, "account", NOT_AVAILABLE)
}

/// One body for a wrong SID and a wrong key, so that SIDs cannot be found out.
fn unauthenticated(fault: AuthFault) -> Answer {
    match fault {
        AuthFault::Suspended => not_available(),
        AuthFault::Absent
        | AuthFault::Malformed
        | AuthFault::UnknownPrincipal
        | AuthFault::WrongSecret
        | AuthFault::WrongSignature
        | AuthFault::Replayed
        | AuthFault::ClockSkew => {
            let error = json!({ "error": BAD_KEY });
            // Kaleyra: `data` is an array here and an object everywhere else.
            let body = Envelope { code: "RBC001", message: BAD_KEY, data: json!([]), error };
            (StatusCode::UNAUTHORIZED, body)
        }
    }
}

fn not_enabled(feature: Feature) -> Answer {
    match feature {
        Feature::ApiVersion => {
            same(StatusCode::UNAUTHORIZED, "WA-401", OTHER_VERSION, "phone_number", OTHER_VERSION)
        }
        Feature::Dialect
        | Feature::CallbackUrl
        | Feature::Templates
        | Feature::Capability
        | Feature::GeneratedCodes
        | Feature::Upload => not_available(),
    }
}
