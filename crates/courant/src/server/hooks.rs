//! `/hooks/{route}`: what networks send us over HTTP.

use std::sync::Arc;

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use connectors::Sink;
use http::StatusCode;
use model::{RouteName, Span};

use super::body::{self, BodyFault};
use crate::{core::Core, desk::sink::Desk};

/// Meta's webhooks carry up to 3 MB.
const MAX_BODY: u64 = 4 * 1024 * 1024;
const TIMEOUT: Span = Span::from_secs(10);

/// Lets the route's connector understand the request, stores what it tells, then answers.
pub(super) async fn receive(core: &Arc<Core>, route: &str, request: Request) -> Response {
    let name = RouteName::from(route);
    let Some(route) = core.routes.get(&name) else { return plain(StatusCode::NOT_FOUND) };
    let (head, body) = request.into_parts();
    let declared = body::declared(&head.headers);
    let held = match body::read(body, declared, MAX_BODY, TIMEOUT, Some(&core.room)).await {
        Ok(held) => held,
        Err(BodyFault::TooLarge) => return plain(StatusCode::PAYLOAD_TOO_LARGE),
        Err(BodyFault::Slow) => return plain(StatusCode::REQUEST_TIMEOUT),
        Err(BodyFault::Broken) => return plain(StatusCode::BAD_REQUEST),
        Err(BodyFault::NoRoom) => return plain(StatusCode::SERVICE_UNAVAILABLE),
    };
    let received = route.connector.receive(&http::Request::from_parts(head, held.bytes.clone()));
    if !received.events.is_empty() && Desk(Arc::clone(core)).deliver(&name, received.events).await.is_err() {
        return plain(StatusCode::SERVICE_UNAVAILABLE);
    }
    received.response.map(Body::from)
}

fn plain(status: StatusCode) -> Response {
    let mut response = http::Response::new(Body::from(Bytes::new()));
    *response.status_mut() = status;
    response
}
