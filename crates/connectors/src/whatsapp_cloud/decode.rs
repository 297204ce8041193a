//! The API's answers, understood: status and body to what came of the send. Pure.

use ::http::StatusCode;
use model::{Cause, Fault, Span};
use serde_json::Value;

use super::{errors::MetaError, loose};
use crate::{
    Submitted,
    http::{Answer, MAX_RETRY_AFTER},
};

/// What came of a send.
///
/// # Errors
/// The fault Meta names; [`Cause::OutcomeUnknown`] if the request got through but the answer
/// does not tell the message's id.
pub(crate) fn sent(answer: &Answer) -> Result<Submitted, Fault> {
    let body = parse(answer);
    match error_of(body.as_ref()) {
        Some(error) => Err(refusal(answer, &error)),
        None if answer.status.is_success() => taken(answer, body.as_ref()),
        None => Err(foreign(answer)),
    }
}

/// The id of an uploaded file.
///
/// # Errors
/// The fault Meta names. An upload may always be repeated, so none is of unknown outcome.
pub(crate) fn uploaded(answer: &Answer) -> Result<String, Fault> {
    let body = parse(answer);
    if let Some(error) = error_of(body.as_ref()) {
        return Err(refusal(answer, &error));
    }
    let id = body.as_ref().and_then(|body| loose::id(&body["id"]));
    match id {
        Some(id) if answer.status.is_success() => Ok(id),
        Some(_) | None => Err(foreign(answer)),
    }
}

/// Whether the answer says that our token is not taken.
pub(crate) fn is_token_refused(answer: &Answer) -> bool {
    let error = error_of(parse(answer).as_ref());
    answer.status == StatusCode::UNAUTHORIZED || error.is_some_and(|error| error.is_token_refused())
}

fn parse(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(&answer.body).ok()
}

fn error_of(body: Option<&Value>) -> Option<MetaError> {
    body.and_then(|body| body.get("error")).filter(|error| error.is_object()).map(MetaError::read)
}

fn taken(answer: &Answer, body: Option<&Value>) -> Result<Submitted, Fault> {
    let id = body.and_then(|body| loose::id(&loose::list(&body["messages"]).first()?["id"]));
    match id {
        Some(id) => Ok(Submitted { upstream: vec![id] }),
        // Meta did take something; the status webhook will name it by our reference.
        None => Err(http_fault(answer, Cause::OutcomeUnknown, "accepted without a message id")),
    }
}

fn refusal(answer: &Answer, error: &MetaError) -> Fault {
    let fault = error.fault(answer.status);
    let retry_after = advice(answer).or(fault.retry_after);
    Fault { retry_after, ..fault }
}

/// An answer that is not the API's own: of a proxy, a load balancer, a wrong address.
fn foreign(answer: &Answer) -> Fault {
    let (cause, text) = match answer.status.as_u16() {
        401 => (Cause::ProviderAccount, "the token was refused"),
        429 => (Cause::Throttled, "too many requests"),
        // A gateway that gave up waiting had passed the request on.
        504 => (Cause::OutcomeUnknown, "a gateway gave up waiting"),
        500..=599 => (Cause::ProviderDown, "the server failed"),
        300..=399 => (Cause::ProviderError, "a redirect, which is not followed"),
        _ => (Cause::ProviderError, "not an answer of the API"),
    };
    let fault = http_fault(answer, cause, text);
    Fault { retry_after: advice(answer), ..fault }
}

fn http_fault(answer: &Answer, cause: Cause, text: &str) -> Fault {
    Fault::new(cause).with_network(format!("HTTP {}", answer.status.as_u16()), text)
}

fn advice(answer: &Answer) -> Option<Span> {
    answer.retry_after().or_else(|| usage_advice(answer))
}

// Meta: X-Business-Use-Case-Usage is {"<business id>": [{"estimated_time_to_regain_access":
// minutes, ...}]}; zero while there is no limit in force.
fn usage_advice(answer: &Answer) -> Option<Span> {
    let header = answer.headers.get("x-business-use-case-usage")?.to_str().ok()?;
    let usage: Value = serde_json::from_str(header).ok()?;
    let entries = usage.as_object()?.values().flat_map(loose::list);
    let minutes =
        entries.filter_map(|entry| loose::integer(&entry["estimated_time_to_regain_access"])).max()?;
    let minutes = u64::try_from(minutes).ok().filter(|&minutes| minutes > 0)?;
    Some(Span::from_mins(minutes).min(MAX_RETRY_AFTER))
}
