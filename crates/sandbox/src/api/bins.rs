//! Webhook bins: they keep what they get, and fail on demand.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, Query, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, request::Parts};
use serde_json::{Map, Value, json};

use crate::{
    Shared,
    clock::rfc3339,
    world::record::{Caught, Record},
};

use super::{MAX_BODY, refuse};

/// Longest name of a bin.
const MAX_NAME: usize = 100;

/// Any method on `/sandbox/bin/{name}`. `GET` without a query shows the bin and `DELETE` empties
/// it; everything else is caught, `GET` with a query included, because some webhooks are called
/// that way.
pub(crate) async fn bin(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    query: Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    let no_query = request.uri().query().is_none_or(str::is_empty);
    match *request.method() {
        Method::GET if no_query => Json(shown(&shared, &name)).into_response(),
        Method::DELETE if no_query => {
            shared.world.commit(vec![Record::Emptied { bin: name }]);
            Json(json!({ "requests": [] })).into_response()
        }
        _ => catch(&shared, name, &query, request).await,
    }
}

/// Any method below `/sandbox/bin/{name}/`.
pub(crate) async fn below(
    State(shared): State<Arc<Shared>>,
    Path((name, _)): Path<(String, String)>,
    query: Query<HashMap<String, String>>,
    request: Request,
) -> Response {
    catch(&shared, name, &query, request).await
}

fn shown(shared: &Shared, name: &str) -> Value {
    shared.world.read(|state| {
        let requests: Vec<Value> =
            state.bins.get(name).into_iter().flat_map(|bin| &bin.requests).map(request).collect();
        json!({ "requests": requests })
    })
}

fn request(caught: &Caught) -> Value {
    json!({
        "method": caught.method,
        "path": caught.path,
        "query": caught.query,
        "headers": caught.headers,
        "body": caught.body,
        "at": rfc3339(caught.at),
    })
}

async fn catch(shared: &Shared, name: String, query: &HashMap<String, String>, request: Request) -> Response {
    if name.len() > MAX_NAME {
        return refuse(StatusCode::BAD_REQUEST, "the name of a bin has at most 100 characters");
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large for a bin");
    };
    let caught = caught(&parts, &body, shared.world.clock.now());
    let before = shared.world.change(|state| {
        let before = state.bins.get(&name).map_or(0, |bin| bin.count);
        (vec![Record::Caught { bin: name, request: caught }], before)
    });
    answer(query, before).into_response()
}

fn caught(parts: &Parts, body: &[u8], at: crate::clock::Millis) -> Caught {
    Caught {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: headers(&parts.headers),
        body: String::from_utf8_lossy(body).into_owned(),
        at,
    }
}

fn headers(headers: &HeaderMap) -> Value {
    let mut shown = Map::new();
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        shown.insert(name.to_string(), values.join(", ").into());
    }
    Value::Object(shown)
}

/// `fail=N` fails the first N requests since the bin was emptied, with `status` or 500; without
/// it, `status` is the answer to every request.
fn answer(query: &HashMap<String, String>, before: u64) -> StatusCode {
    let status = query.get("status").and_then(|text| StatusCode::from_bytes(text.as_bytes()).ok());
    let fail: Option<u64> = query.get("fail").and_then(|text| text.parse().ok());
    match fail {
        Some(first) if before < first => status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        Some(_) => StatusCode::OK,
        None => status.unwrap_or(StatusCode::OK),
    }
}
