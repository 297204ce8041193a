//! Messages from people: Meta's message object in an envelope, or flat variables.

use model::{Channel, Inbound, network::InboundContent};
use serde_json::{Map, Value, json};

use super::{
    meta,
    profile::{self, Variables},
};
use crate::{
    Callback, Context,
    kaleyra::{
        settings::{Generation, Profile, Settings},
        wire::{Contact, ContactProfile, InboundCallback, InboundInfo, InboundValue, MetaObject, Refs},
    },
    support,
};

/// The vendor has WhatsApp and SMS.
pub(super) fn callback(
    inbound: &Inbound,
    context: &Context<'_>,
    settings: &Settings,
    profile: &Profile,
) -> Option<Callback> {
    let generation = match inbound.channel {
        Channel::Whatsapp => profile.generation,
        Channel::Sms => Generation::V1,
        Channel::Mms
        | Channel::Rcs
        | Channel::Viber
        | Channel::Email
        | Channel::Push
        | Channel::Voice
        | Channel::Messenger
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::AppleMessages
        | Channel::InApp
        | Channel::Unlisted => return None,
    };
    let payload = match generation {
        Generation::V1 => None,
        Generation::V2 => Some(payload(inbound, context, settings)),
    };
    Some(profile::callback(profile, &variables(inbound), payload))
}

fn payload(inbound: &Inbound, context: &Context<'_>, settings: &Settings) -> Vec<u8> {
    let name = inbound.profile_name.clone().unwrap_or_default();
    let value = InboundValue {
        messaging_product: "whatsapp",
        metadata: meta::metadata(inbound.to.clone(), settings),
        contacts: vec![Contact { profile: ContactProfile { name }, wa_id: inbound.from.clone() }],
        messages: vec![message(inbound)],
    };
    let extra_info = InboundInfo {
        media_url: media_url(inbound).unwrap_or_default().to_owned(),
        refs: Refs::default(),
        reply_to: inbound.reply_to.clone().unwrap_or_default(),
        trace_id: context.fresh.uuid(),
        waba_id: settings.waba_id.clone(),
    };
    let body = InboundCallback { meta_object: MetaObject { value, field: "messages" }, extra_info };
    support::json_bytes(&body)
}

fn media_url(inbound: &Inbound) -> Option<&str> {
    match &inbound.content {
        InboundContent::Media { url, .. } => url.as_deref(),
        InboundContent::Text(_)
        | InboundContent::Choice { .. }
        | InboundContent::Location { .. }
        | InboundContent::Other(_) => None,
    }
}

/// Meta's message object.
fn message(inbound: &Inbound) -> Value {
    let mut message = content(&inbound.content);
    message.insert("from".to_owned(), inbound.from.as_str().into());
    message.insert("id".to_owned(), inbound.upstream.as_str().into());
    message.insert("timestamp".to_owned(), inbound.at.as_secs().to_string().into());
    if let Some(id) = &inbound.reply_to {
        message.insert("context".to_owned(), json!({ "from": inbound.to, "id": id }));
    }
    Value::Object(message)
}

fn content(content: &InboundContent) -> Map<String, Value> {
    let typed = |kind: &str, member: Value| {
        Map::from_iter([("type".to_owned(), kind.into()), (kind.to_owned(), member)])
    };
    match content {
        InboundContent::Text(text) => typed("text", json!({ "body": text })),
        InboundContent::Choice { id, title, list: false, .. } => {
            let reply = json!({ "id": id, "title": title });
            typed("interactive", json!({ "type": "button_reply", "button_reply": reply }))
        }
        InboundContent::Choice { id, title, list: true, description } => {
            let reply = some(json!({ "id": id, "title": title, "description": description }));
            typed("interactive", json!({ "type": "list_reply", "list_reply": reply }))
        }
        InboundContent::Media { kind, id, mime, caption, filename, sha256, .. } => {
            let mut media = json!({
                "id": id, "mime_type": mime, "sha256": sha256, "caption": caption, "filename": filename,
            });
            // Meta: a voice note is a sound that says so.
            let kind = if kind == "voice" { "audio" } else { kind };
            if kind == "audio" {
                media["voice"] = is_voice(content).into();
            }
            typed(kind, some(media))
        }
        InboundContent::Location { latitude, longitude, name, address } => {
            let place =
                json!({ "latitude": latitude, "longitude": longitude, "name": name, "address": address });
            typed("location", some(place))
        }
        InboundContent::Other(Value::Object(object)) => object.clone(),
        InboundContent::Other(_) => Map::from_iter([("type".to_owned(), "unsupported".into())]),
    }
}

fn is_voice(content: &InboundContent) -> bool {
    matches!(content, InboundContent::Media { kind, .. } if kind == "voice")
}

/// The object without members that are null.
fn some(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| !member.is_null());
    }
    value
}

/// Kaleyra: the variables of the older generation.
fn variables(inbound: &Inbound) -> Variables {
    let said = Said::of(&inbound.content);
    vec![
        ("body", said.body.clone()),
        ("mime_type", said.mime_type),
        ("media_url", media_url(inbound).unwrap_or_default().to_owned()),
        ("from", inbound.from.clone()),
        ("name", inbound.profile_name.clone().unwrap_or_default()),
        ("type", said.kind),
        ("created_at", inbound.at.as_secs().to_string()),
        ("reply_to", inbound.reply_to.clone().unwrap_or_default()),
        ("wanumber", inbound.to.clone()),
        ("mobile", inbound.from.clone()),
        ("custom_response", said.custom_response),
        ("message", said.body),
        ("contacts", said.contacts),
        ("location", said.location),
    ]
}

/// What was said, in the words of the older generation.
#[derive(Default)]
struct Said {
    kind: String,
    body: String,
    mime_type: String,
    custom_response: String,
    contacts: String,
    location: String,
}

impl Said {
    fn of(content: &InboundContent) -> Self {
        match content {
            InboundContent::Text(text) => Self::new("text", text),
            InboundContent::Choice { id, title, .. } => {
                Self { custom_response: id.clone(), ..Self::new("text", title) }
            }
            InboundContent::Media { kind, mime, caption, .. } => Self {
                mime_type: mime.clone().unwrap_or_default(),
                ..Self::new(kind, caption.as_deref().unwrap_or_default())
            },
            InboundContent::Location { latitude, longitude, name, address } => {
                let place =
                    json!({ "latitude": latitude, "longitude": longitude, "name": name, "address": address });
                Self { location: some(place).to_string(), ..Self::new("location", "") }
            }
            InboundContent::Other(object) => {
                let kind = object.get("type").and_then(Value::as_str).unwrap_or("unsupported");
                let contacts = object.get("contacts").map(Value::to_string).unwrap_or_default();
                Self { contacts, ..Self::new(kind, "") }
            }
        }
    }

    fn new(kind: &str, body: &str) -> Self {
        Self { kind: kind.to_owned(), body: body.to_owned(), ..Self::default() }
    }
}
