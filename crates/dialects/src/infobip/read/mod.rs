//! Requests, understood: which operation here, bodies in the files beside.

mod advanced;
mod node;
mod other;
mod query;
mod scenario;
mod session;
mod validity;
mod whatsapp;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use model::{Call, Refusal};
use serde_json::Value;

use self::node::Node;
use crate::{
    Context,
    infobip::path::{Operation, operation},
    support::{self, media_type, text_header},
};

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
