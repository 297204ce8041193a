//! The paths of the API.

use bytes::Bytes;
use http::{Method, Request};
use model::Refusal;

use crate::support::segments;

/// Most bytes of a request to send: room for 10,000 destinations.
const SEND_LIMIT: u64 = 4 * 1024 * 1024;
/// Most bytes of any other request.
const OTHER_LIMIT: u64 = 64 * 1024;

/// An operation of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    CreateScenario,
    ListScenarios,
    ReadScenario(String),
    UpdateScenario(String),
    Advanced,
    Text,
    Reports,
    Logs,
    OpenSession,
    CloseSession,
    Token,
}

/// The operation of method and path.
pub(super) fn operation(request: &Request<Bytes>) -> Result<Operation, Refusal> {
    // Only the path counts: the vendor's Python client sends the absolute form of the target.
    let segments = segments(request.uri().path());
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    match segments.as_slice() {
        ["omni", "1", "scenarios"] => match *request.method() {
            Method::POST => Ok(Operation::CreateScenario),
            Method::GET => Ok(Operation::ListScenarios),
            _ => Err(Refusal::MethodNotAllowed { allow: "GET, POST" }),
        },
        ["omni", "1", "scenarios", key] => match *request.method() {
            Method::GET => Ok(Operation::ReadScenario((*key).to_owned())),
            Method::PUT => Ok(Operation::UpdateScenario((*key).to_owned())),
            // Infobip: scenarios cannot be deleted through the API.
            _ => Err(Refusal::MethodNotAllowed { allow: "GET, PUT" }),
        },
        ["omni", "1", "advanced"] => only(request, Method::POST, "POST", Operation::Advanced),
        ["omni", "1", "text"] => only(request, Method::POST, "POST", Operation::Text),
        ["omni", "1", "reports"] => only(request, Method::GET, "GET", Operation::Reports),
        ["omni", "1", "logs"] => only(request, Method::GET, "GET", Operation::Logs),
        ["auth", "1", "session"] => match *request.method() {
            Method::POST => Ok(Operation::OpenSession),
            Method::DELETE => Ok(Operation::CloseSession),
            _ => Err(Refusal::MethodNotAllowed { allow: "POST, DELETE" }),
        },
        ["auth", "1", "oauth2", "token"] => only(request, Method::POST, "POST", Operation::Token),
        _ => Err(Refusal::UnknownPath),
    }
}

fn only(
    request: &Request<Bytes>,
    method: Method,
    allow: &'static str,
    operation: Operation,
) -> Result<Operation, Refusal> {
    if request.method() == method { Ok(operation) } else { Err(Refusal::MethodNotAllowed { allow }) }
}

/// Whether the request asks for a token, which needs no credentials.
pub(super) fn signs_in(request: &Request<Bytes>) -> bool {
    matches!(operation(request), Ok(Operation::OpenSession | Operation::Token))
}

/// Most bytes of body by path.
pub(super) fn body_limit(path: &str) -> u64 {
    let segments = segments(path);
    match segments.iter().map(AsRef::as_ref).collect::<Vec<&str>>().as_slice() {
        ["omni", "1", "advanced" | "text"] => SEND_LIMIT,
        _ => OTHER_LIMIT,
    }
}
