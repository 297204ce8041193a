//! The API under `/api/v1`: for operators, for the command line, and for programs that want
//! Courant's own words rather than a vendor's.
//!
//! [`operations`] is the one table of what there is: the router is built from it, requests are
//! checked against it, and `openapi` describes it; so what is described is what is done. `ask`
//! takes a request through token, scope, parameters, body and idempotency key; the other modules
//! do the work.

mod ask;
mod backup;
mod callbacks;
mod chart;
mod events;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod media;
mod messages;
mod money;
mod openapi;
mod operations;
mod plans;
mod problem;
mod routes;
mod scenarios;
mod send;
pub mod tokens;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{RawPathParams, Request, State, rejection::RawPathParamsRejection},
    response::Response,
    routing::{MethodFilter, on},
};

pub use backup::BackupView;
pub use chart::{Chart, Point, Series, chart};
pub use events::EventView;
pub use messages::Page;
pub use openapi::document;
pub use operations::{OPERATIONS, Operation};
pub use problem::Problem;
pub use send::{NewChannel, NewMessage, NewStep, Sent, To};
pub use tokens::{Grant, MadeToken, NewToken, Scope, TokenView, grant};

use crate::app::App;

/// Where the API is.
pub const ROOT: &str = "/api/v1";

/// All paths of the API.
pub fn router() -> Router<Arc<App>> {
    let mut router = Router::new();
    for operation in OPERATIONS {
        let filter = match operation.method {
            operations::Method::Get => MethodFilter::GET,
            operations::Method::Post => MethodFilter::POST,
            operations::Method::Delete => MethodFilter::DELETE,
        };
        let handler = move |State(app): State<Arc<App>>,
                            parameters: Result<RawPathParams, RawPathParamsRejection>,
                            request: Request| async move {
            ask::answer(&app, operation, parameters, request).await
        };
        router = router.route(&format!("{ROOT}{}", operation.path), on(filter, handler));
    }
    router
        .method_not_allowed_fallback(|| async { reply(&Problem::wrong_method()) })
        .route(&format!("{ROOT}/{{*rest}}"), axum::routing::any(|| async { reply(&no_such_path()) }))
}

fn no_such_path() -> Problem {
    Problem::missing(format!("the API has no such path; {ROOT}/openapi.json lists what it has"))
}

fn reply(problem: &Problem) -> Response {
    problem.response().map(Body::from)
}
