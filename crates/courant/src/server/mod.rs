//! The HTTP side: one port for the dialects, the networks' webhooks, health, metrics and the console.

pub mod admission;
pub mod body;
mod descriptors;
mod hooks;
pub(crate) mod idempotency;
mod idle;
mod listen;
mod northbound;
pub(crate) mod pace;
mod tls;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

pub use listen::Listener;

use crate::{admin, app::App, console, mediadesk::web};

/// All paths. What no other route takes belongs to the dialects.
pub fn router(app: Arc<App>) -> Router {
    let console = console::router(Arc::clone(&app));
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/hooks/{route}", axum::routing::any(hook))
        .merge(admin::router())
        .route("/media/{id}/{file}", axum::routing::any(media))
        .route("/m/{token}", axum::routing::any(media_page))
        .fallback(northbound)
        .with_state(app)
        .merge(console)
}

/// Answers a request as if it had come from a caller, credentials and all.
pub(crate) async fn ask(app: &Arc<App>, request: Request) -> Response {
    northbound::answer(app, request).await
}

async fn ready(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let readiness = app.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("json") {
        return (status, Json(readiness)).into_response();
    }
    (status, readiness.text()).into_response()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (headers, app.core.metrics.text(&app.core).await).into_response()
}

async fn hook(State(app): State<Arc<App>>, Path(route): Path<String>, request: Request) -> Response {
    hooks::receive(&app.core, &route, request).await
}

async fn media(State(app): State<Arc<App>>, request: Request) -> Response {
    web::file(&app.core, &request.into_parts().0).await
}

async fn media_page(State(app): State<Arc<App>>, Path(token): Path<String>, request: Request) -> Response {
    web::page(&app.core, &token, &request.into_parts().0).await
}

async fn northbound(State(app): State<Arc<App>>, request: Request) -> Response {
    northbound::answer(&app, request).await
}
