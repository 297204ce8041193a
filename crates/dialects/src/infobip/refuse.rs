//! Refusals in the vendor's error envelope.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{
    Request, Response, StatusCode,
    header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use model::{Call, Cause, Refusal, call::Missing};

use super::{
    path::{self, Operation},
    read,
    wire::{ErrorBody, RequestError, ServiceException},
    write,
};
use crate::{Context, support::json};

/// An error of the vendor: HTTP status, `messageId`, `text`.
type Words = (StatusCode, &'static str, &'static str);

const BAD_REQUEST: Words = (StatusCode::BAD_REQUEST, "BAD_REQUEST", "Bad request");
const UNAUTHORIZED: Words = (StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Unauthorized");
const FORBIDDEN: Words = (StatusCode::FORBIDDEN, "FORBIDDEN", "Forbidden");
const NOT_FOUND: Words = (StatusCode::NOT_FOUND, "NOT_FOUND", "Not found");
const TOO_MANY_REQUESTS: Words = (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", "Too many requests");
const GENERAL_ERROR: Words =
    (StatusCode::INTERNAL_SERVER_ERROR, "GENERAL_ERROR", "Something went wrong. Please contact support.");
// The vendor names no words for what follows; these are ours, in its shape.
const METHOD_NOT_ALLOWED: Words =
    (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "Method not allowed");
const NOT_ACCEPTABLE: Words =
    (StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", "Only application/json can be answered");
const CONFLICT: Words = (StatusCode::CONFLICT, "CONFLICT", "Conflict");
const TOO_LARGE: Words =
    (StatusCode::PAYLOAD_TOO_LARGE, "REQUEST_ENTITY_TOO_LARGE", "Request entity too large");
const UNSUPPORTED_TYPE: Words =
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", "Only JSON bodies are supported");
const UNAVAILABLE: Words =
    (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", "Service unavailable. Please try again later.");

/// The refusal as a response. Infobip: errors are always JSON, else clients do not read them.
pub(super) fn refuse(request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Response<Bytes> {
    // Infobip: want of credit is told per message, by status 12, not as an error of the request.
    if *refusal == Refusal::LowBalance
        && let Ok(Call::Submit(submission)) = read::read(request, context)
    {
        return write::rejected(&submission, Cause::NoBalance, context);
    }
    let (status, message_id, text) = words(request, refusal);
    let validation_errors =
        if status == StatusCode::BAD_REQUEST { validation_errors(refusal) } else { BTreeMap::new() };
    let exception = ServiceException { message_id, text, validation_errors };
    let mut response =
        json(status, &ErrorBody { request_error: RequestError { service_exception: exception } });
    if let Some((name, value)) = header(refusal) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn words(request: &Request<Bytes>, refusal: &Refusal) -> Words {
    match refusal {
        Refusal::TooLarge { .. } => TOO_LARGE,
        Refusal::Unauthenticated(_) => UNAUTHORIZED,
        Refusal::Forbidden | Refusal::NotEnabled(_) => FORBIDDEN,
        Refusal::NotFound(missing) => not_found(request, *missing),
        Refusal::UnknownPath => NOT_FOUND,
        Refusal::MethodNotAllowed { .. } => METHOD_NOT_ALLOWED,
        Refusal::UnsupportedType if asks_for_xml_only(request) => NOT_ACCEPTABLE,
        Refusal::UnsupportedType => UNSUPPORTED_TYPE,
        Refusal::Malformed(_)
        | Refusal::MissingField(_)
        | Refusal::InvalidField { .. }
        | Refusal::TooManyRecipients { .. }
        | Refusal::UnknownSender
        | Refusal::LowBalance => BAD_REQUEST,
        Refusal::RateLimited { .. } => TOO_MANY_REQUESTS,
        Refusal::Overloaded => UNAVAILABLE,
        Refusal::KeyConflict => CONFLICT,
        Refusal::Internal => GENERAL_ERROR,
    }
}

/// A scenario that a request to send names, and that is not there, is a fault of that request.
fn not_found(request: &Request<Bytes>, missing: Missing) -> Words {
    let sends = matches!(path::operation(request), Ok(Operation::Advanced | Operation::Text));
    match missing {
        Missing::DefaultScenario => BAD_REQUEST,
        Missing::Scenario if sends => BAD_REQUEST,
        Missing::Scenario | Missing::Message | Missing::MessageExpired | Missing::Media => NOT_FOUND,
    }
}

fn asks_for_xml_only(request: &Request<Bytes>) -> bool {
    !read::wants_json(request.headers())
}

/// Infobip: a map from member to what is wrong with it.
fn validation_errors(refusal: &Refusal) -> BTreeMap<String, Vec<String>> {
    let (member, fault) = match refusal {
        Refusal::Malformed(detail) => ("request", detail.to_string()),
        Refusal::MissingField(field) => (field.as_ref(), "must not be null".to_owned()),
        Refusal::InvalidField { field, reason, .. } => (field.as_ref(), reason.to_string()),
        Refusal::TooManyRecipients { limit } => {
            ("destinations", format!("size must be between 1 and {limit}"))
        }
        Refusal::NotFound(Missing::Scenario) => ("scenarioKey", "is not known".to_owned()),
        Refusal::NotFound(Missing::DefaultScenario) => {
            ("scenarioKey", "must not be null while there is no default scenario".to_owned())
        }
        Refusal::UnknownSender => ("from", "is not a sender of the account".to_owned()),
        Refusal::TooLarge { .. }
        | Refusal::Unauthenticated(_)
        | Refusal::Forbidden
        | Refusal::NotEnabled(_)
        | Refusal::NotFound(Missing::Message | Missing::MessageExpired | Missing::Media)
        | Refusal::UnknownPath
        | Refusal::MethodNotAllowed { .. }
        | Refusal::UnsupportedType
        | Refusal::LowBalance
        | Refusal::RateLimited { .. }
        | Refusal::Overloaded
        | Refusal::KeyConflict
        | Refusal::Internal => return BTreeMap::new(),
    };
    BTreeMap::from([(member.to_owned(), vec![fault])])
}

fn header(refusal: &Refusal) -> Option<(HeaderName, HeaderValue)> {
    match refusal {
        Refusal::Unauthenticated(_) => {
            Some((WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"api\"")))
        }
        Refusal::MethodNotAllowed { allow } => Some((ALLOW, HeaderValue::from_static(allow))),
        Refusal::RateLimited { retry_after } => {
            // Rounded up, so that who waits as told is let in.
            let seconds = retry_after.as_millis().div_ceil(1000);
            Some((RETRY_AFTER, HeaderValue::from(seconds)))
        }
        Refusal::Overloaded => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
        Refusal::TooLarge { .. }
        | Refusal::Forbidden
        | Refusal::NotEnabled(_)
        | Refusal::NotFound(_)
        | Refusal::UnknownPath
        | Refusal::UnsupportedType
        | Refusal::Malformed(_)
        | Refusal::MissingField(_)
        | Refusal::InvalidField { .. }
        | Refusal::TooManyRecipients { .. }
        | Refusal::UnknownSender
        | Refusal::LowBalance
        | Refusal::KeyConflict
        | Refusal::Internal => None,
    }
}
