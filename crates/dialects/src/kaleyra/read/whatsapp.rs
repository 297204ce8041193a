//! WhatsApp, version 2: Meta's message object in an envelope, passed on.

use model::{
    Call, Channel, Content, Refusal,
    content::{Media, MediaKind, MediaSource},
    message::{Body, Brief, Extras, PlanSource, StepDraft, Submission},
};
use serde_json::{Map, Value};

use super::{Asked, cut, stringify};
use crate::{
    kaleyra::wire::{Kind, Memo, Refs},
    memo::remember,
    support,
};

/// The types of Meta's message objects, each the name of a member too.
const TYPES: [&str; 11] = [
    "text",
    "image",
    "audio",
    "video",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "interactive",
    "template",
];
/// Kaleyra: the sources it knows; any other is told as `API`.
const SOURCES: [&str; 13] = [
    "api",
    "clevertap",
    "zoho",
    "webengage",
    "shopify",
    "leadsquared",
    "responsys",
    "braze",
    "hubspot",
    "salesforce",
    "zapier",
    "eloqua",
    "moengage",
];

type Object = Map<String, Value>;

pub(super) fn submission(asked: &Asked<'_>, sender: &str) -> Result<Call, Refusal> {
    let sender = asked.sender(sender)?;
    let body = support::parse_json(asked.request.body(), &asked.tolerance())?;
    let object = body.get("messaging_object").and_then(Value::as_object);
    let object = object.ok_or_else(|| Refusal::missing("messaging_object"))?;
    check_product(object)?;
    let recipients = asked.recipients(&to(object)?, "")?;
    let mut step = StepDraft::new(Channel::Whatsapp, content(object)?);
    step.sender = Some(sender.digits().to_owned());
    step.extras = extras(object, &step.body);
    let memo = memo(asked, &body)?;
    Ok(Call::Submit(Box::new(Submission {
        brief: Brief { memo: Some(remember(&memo)), ..Brief::default() },
        plan: PlanSource::Steps { steps: vec![step], extend: Some(sender.digits().to_owned()) },
        recipients,
        bulk: None,
    })))
}

fn check_product(object: &Object) -> Result<(), Refusal> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    if text("messaging_product") != Some("whatsapp") {
        return Err(Refusal::invalid("messaging_product", "", "only whatsapp"));
    }
    // Kaleyra: groups came with another API.
    match object.get("recipient_type") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(kind)) if kind == "individual" => Ok(()),
        Some(_) => Err(Refusal::invalid("recipient_type", "", "only individual")),
    }
}

fn to(object: &Object) -> Result<String, Refusal> {
    match object.get("to") {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => {
            Err(Refusal::missing("to"))
        }
    }
}

/// The type, told by the one member that is there where it is missing or `media`.
fn kind(object: &Object) -> Result<&'static str, Refusal> {
    let present = |kind: &&'static str| object.get(*kind).is_some_and(|member| !member.is_null());
    match object.get("type") {
        Some(Value::String(word)) if word != "media" => TYPES
            .into_iter()
            .find(|kind| kind == word)
            .ok_or_else(|| Refusal::invalid("type", word, "no such type")),
        None | Some(Value::Null | Value::String(_)) => {
            let mut given = TYPES.into_iter().filter(present);
            match (given.next(), given.next()) {
                (Some(kind), None) => Ok(kind),
                (None, _) | (Some(_), Some(_)) => Err(Refusal::missing("type")),
            }
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(Refusal::invalid("type", "", "not a text"))
        }
    }
}

fn content(object: &Object) -> Result<Content, Refusal> {
    let kind = kind(object)?;
    let member = match object.get(kind) {
        Some(member @ Value::Object(_)) if kind != "contacts" => member.clone(),
        Some(member @ Value::Array(_)) if kind == "contacts" => member.clone(),
        Some(_) | None => return Err(Refusal::missing(kind)),
    };
    let member = match (MediaKind::parse(kind), member) {
        (Some(media), Value::Object(member)) => match self::media(media, member)? {
            Asset::Plain(media) => return Ok(Content::Media(media)),
            Asset::Passed(member) => Value::Object(member),
        },
        (None, Value::Object(member)) if kind == "text" => Value::Object(with_bool(member)),
        (_, member) => member,
    };
    Ok(passed(kind, member, object.get("context")))
}

/// Kaleyra: documentation and clients write `preview_url` as a text.
fn with_bool(mut text: Object) -> Object {
    if let Some(preview) = text.get_mut("preview_url")
        && let Some(flag) =
            preview.as_str().and_then(|text| text.trim().to_ascii_lowercase().parse::<bool>().ok())
    {
        *preview = flag.into();
    }
    text
}

/// Meta's object as it was given, without envelope and recipient.
fn passed(kind: &str, member: Value, context: Option<&Value>) -> Content {
    let mut message = Object::from_iter([("type".to_owned(), kind.into()), (kind.to_owned(), member)]);
    if let Some(context) = context.filter(|context| context.is_object()) {
        message.insert("context".to_owned(), context.clone());
    }
    Content::Whatsapp(Value::Object(message))
}

/// Media: in our own words where nothing is lost by it, else as given.
enum Asset {
    Plain(Media),
    Passed(Object),
}

fn media(kind: MediaKind, mut member: Object) -> Result<Asset, Refusal> {
    let text = |member: &Object, name: &str| member.get(name).map(stringify).filter(|text| !text.is_empty());
    let source = match (text(&member, "id"), text(&member, "link")) {
        // Kaleyra's sample has both, with a placeholder for an id: ids are digits.
        (Some(id), Some(link)) if !id.bytes().all(|byte| byte.is_ascii_digit()) => {
            member.remove("id");
            MediaSource::Link(link)
        }
        (Some(id), _) => MediaSource::Id(id),
        (None, Some(link)) => MediaSource::Link(link),
        (None, None) => return Err(Refusal::missing("link")),
    };
    let known: &[&str] = match kind {
        MediaKind::Image | MediaKind::Video => &["caption"],
        MediaKind::Document => &["caption", "filename"],
        MediaKind::Audio | MediaKind::Sticker => &[],
    };
    let is_plain = |(name, value): (&String, &Value)| match name.as_str() {
        "id" | "link" => true,
        name => known.contains(&name) && (value.is_string() || value.is_null()),
    };
    if member.iter().all(is_plain) {
        let (caption, filename) = (text(&member, "caption"), text(&member, "filename"));
        return Ok(Asset::Plain(Media { kind, source, mime: None, caption, filename }));
    }
    if matches!(source, MediaSource::Id(_)) {
        member.remove("link");
    }
    Ok(Asset::Passed(member))
}

/// What is beside the content. What is passed on keeps its context itself.
fn extras(object: &Object, body: &Body) -> Extras {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let passed = matches!(body, Body::Ready(Content::Whatsapp(_)));
    let reply_to = text(object.get("context").and_then(|context| context.get("message_id")));
    Extras {
        reply_to: reply_to.filter(|_| !passed),
        identity_hash: text(object.get("recipient_identity_key_hash")),
        ..Extras::default()
    }
}

fn memo(asked: &Asked<'_>, body: &Value) -> Result<Memo, Refusal> {
    let info = match body.get("extra_info") {
        None | Some(Value::Null) => &Object::new(),
        Some(Value::Object(info)) => info,
        Some(_) => return Err(Refusal::invalid("extra_info", "", "not an object")),
    };
    let text = |name: &str| info.get(name).map(stringify).unwrap_or_default();
    let profile = info.get("callback_profile_id").or_else(|| body.get("callback_profile_id"));
    Ok(Memo {
        kind: Kind::Whatsapp,
        refs: Refs { r#ref: cut(&text("ref")), ref1: cut(&text("ref1")), ref2: cut(&text("ref2")) },
        wa_source: Some(source(&text("wa_source"))),
        profile: asked.profile(profile.map(stringify))?,
        ..Memo::default()
    })
}

fn source(given: &str) -> String {
    let known = SOURCES.iter().any(|source| source.eq_ignore_ascii_case(given));
    if known { given.to_owned() } else { "API".to_owned() }
}
