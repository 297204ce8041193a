//! Requests, understood: paths here, bodies in the files beside.

mod advanced;
mod node;
mod other;
mod query;
mod scenario;
mod session;
mod validity;
mod whatsapp;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use model::{Call, Refusal};
use serde_json::Value;

use self::node::Node;
use crate::{
    Context,
    support::{self, media_type, segments, text_header},
};

/// Most bytes of a request to send: room for [`advanced::MAX_DESTINATIONS`] destinations.
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

/// What the request asks for.
pub(super) fn read(request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
    let operation = operation(request)?;
    if !wants_json(request.headers()) {
        return Err(Refusal::UnsupportedType);
    }
    match operation {
        Operation::CreateScenario => {
            Ok(Call::CreateScenario(scenario::draft(&Node::root(&body(request, context)?)?)?))
        }
        Operation::ListScenarios => Ok(Call::ListScenarios(query::scenarios(&support::query(request))?)),
        Operation::ReadScenario(key) => Ok(Call::ReadScenario(key)),
        Operation::UpdateScenario(key) => {
            Ok(Call::UpdateScenario(key, scenario::draft(&Node::root(&body(request, context)?)?)?))
        }
        Operation::Advanced => {
            let body = body(request, context)?;
            Ok(Call::Submit(Box::new(advanced::submission(&Node::root(&body)?, context)?)))
        }
        Operation::Text => {
            let body = body(request, context)?;
            Ok(Call::Submit(Box::new(advanced::plain_submission(&Node::root(&body)?, context)?)))
        }
        Operation::Reports => Ok(Call::TakeReports(query::reports(&support::query(request), context.now)?)),
        Operation::Logs => Ok(Call::ReadLogs(query::logs(&support::query(request), context)?)),
        Operation::OpenSession => session::open(&Node::root(&body(request, context)?)?),
        Operation::CloseSession => Ok(Call::SignOut),
        Operation::Token => session::token(request),
    }
}

/// The body as JSON. A body of unknown type is tried as JSON.
fn body(request: &Request<Bytes>, context: &Context<'_>) -> Result<Value, Refusal> {
    if !is_json(media_type(request.headers()).as_deref()) {
        return Err(Refusal::UnsupportedType);
    }
    if request.body().is_empty() {
        return Err(Refusal::malformed("the body is empty"));
    }
    support::parse_json(request.body(), context.settings)
}

fn is_json(media_type: Option<&str>) -> bool {
    match media_type {
        None | Some("") => true,
        Some(name) => name.ends_with("/json") || name.ends_with("+json"),
    }
}

/// Whether JSON is among what the client takes. Only a client that asks for XML and nothing else
/// is turned away; clients with other wishes get JSON, as upstream.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let accept = text_header(headers, header::ACCEPT.as_str()).unwrap_or_default().to_ascii_lowercase();
    !accept.contains("xml")
        || accept.contains("json")
        || accept.contains("*/*")
        || accept.contains("application/*")
}
