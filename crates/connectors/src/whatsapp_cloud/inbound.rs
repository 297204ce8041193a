//! Message objects and marketing preferences of webhooks. Pure.

use model::{Channel, Inbound, NetworkEvent, Phone, RouteName, network::InboundContent};
use serde_json::Value;

use super::{loose, settings::Numbers};

/// The messages of people in a `messages` change.
pub(crate) fn messages(value: &Value, route: &RouteName, numbers: &Numbers) -> Vec<NetworkEvent> {
    let to = recipient(value, numbers);
    let contacts = loose::list(&value["contacts"]);
    let read = |message| message_of(message, contacts, &to, route).map(NetworkEvent::Inbound);
    loose::list(&value["messages"]).iter().filter_map(read).collect()
}

/// The wishes of people about marketing in a `user_preferences` change.
pub(crate) fn preferences(value: &Value, numbers: &Numbers) -> Vec<NetworkEvent> {
    let to = recipient(value, numbers);
    let read = |preference: &Value| {
        let from = loose::id(&preference["wa_id"]).or_else(|| loose::id(&preference["user_id"]))?;
        let stopped = match preference["value"].as_str()? {
            "stop" => true,
            "resume" => false,
            _ => return None,
        };
        Some(NetworkEvent::MarketingPreference { from, to: to.clone(), stopped })
    };
    loose::list(&value["user_preferences"]).iter().filter_map(read).collect()
}

/// Which of our numbers a change is about: its digits, or Meta's id of it if that is all we know.
fn recipient(value: &Value, numbers: &Numbers) -> String {
    let metadata = &value["metadata"];
    let id = loose::id(&metadata["phone_number_id"]);
    let configured = id.as_deref().and_then(|id| numbers.by_id(id)).map(|entry| entry.display.clone());
    let stated = || metadata["display_phone_number"].as_str().and_then(Phone::parse);
    let digits = configured.or_else(stated).map(|phone| phone.digits().to_owned());
    digits.or(id).unwrap_or_default()
}

fn message_of(message: &Value, contacts: &[Value], to: &str, route: &RouteName) -> Option<Inbound> {
    let sender = sender(message, contacts)?;
    Some(Inbound {
        route: route.clone(),
        channel: Channel::Whatsapp,
        upstream: loose::id(&message["id"])?,
        profile_name: profile_name(&sender, contacts),
        from: sender,
        to: to.to_owned(),
        // A message without a time opens no conversation window.
        at: loose::instant(&message["timestamp"]).unwrap_or_default(),
        content: content(message),
        reply_to: loose::id(&message["context"]["id"]),
    })
}

// Meta: people may hide their number; then only the business-scoped user id tells who wrote.
fn sender(message: &Value, contacts: &[Value]) -> Option<String> {
    let of_contact = || match contacts {
        [contact] => loose::id(&contact["wa_id"]).or_else(|| loose::id(&contact["user_id"])),
        _ => None,
    };
    loose::id(&message["from"]).or_else(|| loose::id(&message["from_user_id"])).or_else(of_contact)
}

fn profile_name(sender: &str, contacts: &[Value]) -> Option<String> {
    let is_sender = |contact: &&Value| {
        [&contact["wa_id"], &contact["user_id"]].into_iter().any(|id| id.as_str() == Some(sender))
    };
    let contact = contacts.iter().find(is_sender)?;
    loose::text(&contact["profile"]["name"])
}

fn content(message: &Value) -> InboundContent {
    let kind = message["type"].as_str().unwrap_or_default();
    let object = &message[kind];
    let understood = match kind {
        "text" => object["body"].as_str().map(|body| InboundContent::Text(body.to_owned())),
        "image" | "video" | "audio" | "document" | "sticker" => media(kind, object),
        "location" => location(object),
        "button" => button(object),
        "interactive" => choice(object),
        _ => None,
    };
    understood.unwrap_or_else(|| InboundContent::Other(message.clone()))
}

fn media(kind: &str, object: &Value) -> Option<InboundContent> {
    let voice = kind == "audio" && object["voice"].as_bool() == Some(true);
    Some(InboundContent::Media {
        kind: if voice { "voice" } else { kind }.to_owned(),
        id: loose::id(&object["id"])?,
        mime: loose::text(&object["mime_type"]),
        caption: loose::text(&object["caption"]),
        filename: loose::text(&object["filename"]),
        sha256: loose::text(&object["sha256"]),
        url: loose::text(&object["url"]),
    })
}

fn location(object: &Value) -> Option<InboundContent> {
    Some(InboundContent::Location {
        latitude: loose::decimal(&object["latitude"])?,
        longitude: loose::decimal(&object["longitude"])?,
        name: loose::text(&object["name"]),
        address: loose::text(&object["address"]),
    })
}

/// A tap on the quick reply of a template.
fn button(object: &Value) -> Option<InboundContent> {
    let title = loose::text(&object["text"]).unwrap_or_default();
    let id = loose::text(&object["payload"]).or_else(|| loose::text(&object["text"]))?;
    Some(InboundContent::Choice { id, title, list: false, description: None })
}

/// A tap on a button or row of an interactive message. Answers of flows stay as they are.
fn choice(object: &Value) -> Option<InboundContent> {
    let (reply, list) = match object["type"].as_str()? {
        "button_reply" => (&object["button_reply"], false),
        "list_reply" => (&object["list_reply"], true),
        _ => return None,
    };
    Some(InboundContent::Choice {
        id: loose::text(&reply["id"])?,
        title: loose::text(&reply["title"]).unwrap_or_default(),
        list,
        description: loose::text(&reply["description"]),
    })
}
