//! Events of the webhook, in the shape of API version 23.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::clock::Millis;

use super::{error::GraphError, script::Outbound};

/// A business phone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Business {
    /// Phone number id.
    pub(crate) id: String,
    /// Digits of the number.
    pub(crate) number: String,
    /// WhatsApp business account.
    pub(crate) waba: String,
}

/// An event for the webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    business: Business,
    kind: Kind,
    contact: Value,
    body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Status,
    Message,
}

impl Kind {
    fn list(self) -> &'static str {
        match self {
            Self::Status => "statuses",
            Self::Message => "messages",
        }
    }
}

/// A rung of the ladder of statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    Sent,
    Delivered,
    Read,
}

/// A status of a message.
pub(crate) fn status(outbound: &Outbound, rung: Rung, at: Millis) -> Event {
    let name = match rung {
        Rung::Sent => "sent",
        Rung::Delivered => "delivered",
        Rung::Read => "read",
    };
    let mut body = status_body(outbound, name, at);
    if rung != Rung::Read {
        let mut conversation =
            json!({ "id": outbound.conversation, "origin": { "type": outbound.category } });
        if rung == Rung::Sent {
            conversation["expiration_timestamp"] = (at / 1000 + 24 * 60 * 60).to_string().into();
        }
        body["conversation"] = conversation;
        body["pricing"] = json!({
            "billable": outbound.category != "service",
            "pricing_model": "PMP",
            "type": if outbound.category == "service" { "free_customer_service" } else { "regular" },
            "category": outbound.category,
        });
    }
    event(outbound, body)
}

/// The status of a message that failed.
pub(crate) fn failed(outbound: &Outbound, error: &GraphError, at: Millis) -> Event {
    let mut body = status_body(outbound, "failed", at);
    body["errors"] = json!([error.in_status()]);
    event(outbound, body)
}

fn status_body(outbound: &Outbound, name: &str, at: Millis) -> Value {
    let mut body = json!({
        "id": outbound.entry.network_id,
        "status": name,
        "timestamp": (at / 1000).to_string(),
    });
    match &outbound.user_id {
        Some(user_id) => body["recipient_user_id"] = user_id.as_str().into(),
        None => body["recipient_id"] = outbound.number.as_str().into(),
    }
    if let Some(opaque) = &outbound.opaque {
        body["biz_opaque_callback_data"] = opaque.as_str().into();
    }
    body
}

fn event(outbound: &Outbound, body: Value) -> Event {
    let mut contact = json!({ "profile": { "name": profile_name(&outbound.number) } });
    match &outbound.user_id {
        Some(user_id) => contact["user_id"] = user_id.as_str().into(),
        None => contact["wa_id"] = outbound.number.as_str().into(),
    }
    Event { business: outbound.business.clone(), kind: Kind::Status, contact, body }
}

fn profile_name(number: &str) -> String {
    let tail = number.len().checked_sub(4).and_then(|at| number.get(at..)).unwrap_or(number);
    format!("Handset {tail}")
}

/// A text that a person wrote.
pub(crate) fn text_from(number: &str, business: Business, id: &str, text: &str, at: Millis) -> Event {
    Event {
        business,
        kind: Kind::Message,
        contact: json!({ "profile": { "name": profile_name(number) }, "wa_id": number }),
        body: json!({
            "from": number,
            "id": id,
            "timestamp": (at / 1000).to_string(),
            "type": "text",
            "text": { "body": text },
        }),
    }
}

/// One body for several events: neighbours of one business and kind share a change.
pub(crate) fn body(events: &[Event]) -> String {
    let same = |a: &Event, b: &Event| a.business == b.business && a.kind == b.kind;
    let entries: Vec<Value> = events
        .chunk_by(same)
        .map(|run| {
            let (business, kind) = (&run[0].business, run[0].kind);
            let mut contacts: Vec<&Value> = Vec::new();
            run.iter().for_each(|event| {
                if !contacts.contains(&&event.contact) {
                    contacts.push(&event.contact);
                }
            });
            let mut value = json!({
                "messaging_product": "whatsapp",
                "metadata": {
                    "display_phone_number": business.number,
                    "phone_number_id": business.id,
                },
                "contacts": contacts,
            });
            value[kind.list()] = run.iter().map(|event| event.body.clone()).collect();
            json!({ "id": business.waba, "changes": [{ "value": value, "field": "messages" }] })
        })
        .collect();
    escape(&json!({ "object": "whatsapp_business_account", "entry": entries }).to_string())
}

/// Escapes as Meta does before signing: everything outside ASCII as `\uXXXX` in lower case, and
/// the slash too. Whoever verifies a re-serialised body finds out here.
fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len() + json.len() / 8);
    for shown in json.chars() {
        match shown {
            '/' => escaped.push_str("\\/"),
            ascii if ascii.is_ascii() => escaped.push(ascii),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    escaped
}

/// The value of `X-Hub-Signature-256`.
pub(crate) fn signature(secret: &str, body: &str) -> String {
    format!("sha256={}", hex::encode(keyed_hash(secret, body)))
}

/// HMAC-SHA-256.
pub(crate) fn keyed_hash(secret: &str, text: &str) -> Vec<u8> {
    let mut hash = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("keys of any length are taken");
    hash.update(text.as_bytes());
    hash.finalize().into_bytes().to_vec()
}
