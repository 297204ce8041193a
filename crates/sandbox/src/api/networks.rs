//! Outages and limits on demand.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{Network, Shared, network::Change};

use super::refuse;

/// `GET /sandbox/networks`
pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let settings: Map<String, Value> = Network::ALL
        .into_iter()
        .map(|network| (network.name().to_owned(), json!(shared.switches(network).setting())))
        .collect();
    Json(Value::Object(settings))
}

/// `GET /sandbox/networks/{name}`
pub(crate) async fn show(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    match Network::named(&name) {
        Some(network) => Json(shared.switches(network).setting()).into_response(),
        None => unknown(),
    }
}

/// `POST /sandbox/networks/{name}`
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Response {
    let Some(network) = Network::named(&name) else { return unknown() };
    match serde_json::from_slice::<Change>(&body) {
        Ok(change) => {
            shared.switches(network).change(change);
            Json(shared.switches(network).setting()).into_response()
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, error),
    }
}

fn unknown() -> Response {
    refuse(StatusCode::NOT_FOUND, "no such network; there are whatsapp and sms")
}
