//! Handsets: looking at them, and answering in the name of their owners.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Behaviour, Network, Shared,
    clock::rfc3339,
    number,
    world::record::{Entry, Record},
};

use super::refuse;

/// Longest reply, in characters.
const MAX_REPLY: usize = 4096;

/// `GET /sandbox/handsets`
pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Json<Vec<String>> {
    Json(shared.world.read(|state| state.numbers()))
}

/// `GET /sandbox/handsets/{number}`
pub(crate) async fn show(State(shared): State<Arc<Shared>>, Path(number): Path<String>) -> Response {
    match number::digits(&number) {
        Some(number) => Json(shown(&shared, &number)).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "not a phone number"),
    }
}

fn shown(shared: &Shared, number: &str) -> Value {
    shared.world.read(|state| {
        let inbox: Vec<Value> =
            state.handset(number).into_iter().flat_map(|one| &one.inbox).map(entry).collect();
        json!({ "number": number, "behaviour": state.behaviour(number).code(), "inbox": inbox })
    })
}

fn entry(entry: &Entry) -> Value {
    let mut shown = json!({
        "channel": entry.channel,
        "network_id": entry.network_id,
        "from": entry.from,
        "type": entry.kind,
        "text": entry.text,
        "media": entry.media,
        "at": rfc3339(entry.at),
        "state": entry.state,
    });
    if entry.media.as_ref().is_some_and(|media| media.unverified) {
        shown["unverified"] = true.into();
    }
    shown
}

#[derive(Deserialize)]
struct NewBehaviour {
    behaviour: String,
}

/// `PUT /sandbox/handsets/{number}`
pub(crate) async fn behave(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Response {
    let Some(number) = number::digits(&number) else {
        return refuse(StatusCode::NOT_FOUND, "not a phone number");
    };
    let wanted = serde_json::from_slice::<NewBehaviour>(&body).map_err(|error| error.to_string());
    let behaviour =
        wanted.and_then(|new| new.behaviour.parse::<Behaviour>().map_err(|error| error.to_string()));
    match behaviour {
        Ok(behaviour) => {
            shared.world.commit(vec![Record::Behaves { number: number.clone(), behaviour }]);
            Json(shown(&shared, &number)).into_response()
        }
        Err(reason) => refuse(StatusCode::BAD_REQUEST, reason),
    }
}

#[derive(Deserialize)]
struct Reply {
    channel: Network,
    to: Option<String>,
    text: String,
}

/// `POST /sandbox/handsets/{number}/reply`
pub(crate) async fn reply(
    State(shared): State<Arc<Shared>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Response {
    let Some(number) = number::digits(&number) else {
        return refuse(StatusCode::NOT_FOUND, "not a phone number");
    };
    let reply: Reply = match serde_json::from_slice(&body) {
        Ok(reply) => reply,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error),
    };
    if reply.text.is_empty() || reply.text.chars().count() > MAX_REPLY {
        return refuse(StatusCode::BAD_REQUEST, "text must have 1 to 4096 characters");
    }
    let sent = match reply.channel {
        Network::Whatsapp => shared.graph.reply(&number, reply.to.as_deref(), &reply.text),
        Network::Sms => shared.smsc.reply(&number, reply.to.as_deref(), &reply.text),
    };
    match sent {
        Some(network_id) => {
            Json(json!({ "channel": reply.channel, "network_id": network_id })).into_response()
        }
        None => refuse(StatusCode::NOT_FOUND, "no business has this number"),
    }
}
