//! The routes with which people look at the sandbox and act in it. No authentication: they exist
//! only in the sandbox.

mod bins;
mod handsets;
pub(crate) mod http;
mod networks;
mod samples;

use std::sync::Arc;

use ::http::StatusCode;
use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use serde_json::json;

use crate::Shared;

/// Most bytes of a request, webhooks included.
const MAX_BODY: usize = 8 << 20;

/// All routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/sandbox/handsets", get(handsets::list))
        .route("/sandbox/handsets/{number}", get(handsets::show).put(handsets::behave))
        .route("/sandbox/handsets/{number}/reply", post(handsets::reply))
        .route("/sandbox/bin/{name}", any(bins::bin))
        .route("/sandbox/bin/{name}/", any(bins::bin))
        .route("/sandbox/bin/{name}/{*rest}", any(bins::below))
        .route("/sandbox/networks", get(networks::list))
        .route("/sandbox/networks/{name}", get(networks::show).post(networks::change))
        .route("/sandbox/media/{file}", get(samples::sample))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(shared)
}

/// An error for people.
fn refuse(status: StatusCode, reason: impl std::fmt::Display) -> Response {
    (status, Json(json!({ "error": reason.to_string() }))).into_response()
}
