//! Parcels, written as the API wants them: path and JSON body. Pure.

use model::{
    Cause, Content, Fault, Recipient,
    content::{Location, Media, MediaKind, MediaSource, Template, Text},
    message::Priority,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::settings::Numbers;
use crate::Parcel;

/// Meta's limits, in characters.
const MAX_TEXT_CHARS: usize = 4096;
const MAX_CAPTION_CHARS: usize = 1024;

/// Members of the envelope, which content cannot be named after.
const ENVELOPE: [&str; 8] = [
    "messaging_product",
    "recipient_type",
    "to",
    "recipient",
    "recipient_identity_key_hash",
    "biz_opaque_callback_data",
    "product_policy",
    "context",
];

/// What encoding needs to know of the settings.
#[derive(Clone, Debug)]
pub(crate) struct Dialing {
    /// Version segment, possibly empty.
    pub(crate) version: String,
    /// The numbers to send from.
    pub(crate) numbers: Numbers,
    /// Language of templates that name none.
    pub(crate) default_language: String,
    /// Whether marketing templates have an endpoint of their own.
    pub(crate) marketing_endpoint: bool,
}

/// A request to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Path below the base address, without leading slash.
    pub(crate) path: String,
    /// JSON.
    pub(crate) body: Vec<u8>,
}

/// The members that every message has, around the content's own.
#[derive(Serialize)]
struct Envelope<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_identity_key_hash: Option<&'a str>,
    biz_opaque_callback_data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_policy: Option<&'static str>,
    #[serde(flatten)]
    message: Map<String, Value>,
}

/// The request that sends a parcel.
///
/// # Errors
/// If the sender is none of ours, the recipient has no WhatsApp address, or WhatsApp cannot
/// carry the content.
pub(crate) fn message(parcel: &Parcel, dialing: &Dialing) -> Result<Call, Fault> {
    let number = dialing.numbers.find(parcel.sender.as_deref()).ok_or(Cause::SenderInvalid)?;
    let (to, recipient) = address(&parcel.recipient)?;
    let marketing = is_marketing(parcel, dialing);
    let envelope = Envelope {
        messaging_product: "whatsapp",
        recipient_type: "individual",
        to,
        recipient,
        recipient_identity_key_hash: parcel.extras.identity_hash.as_deref(),
        biz_opaque_callback_data: parcel.attempt.to_string(),
        product_policy: marketing.then_some("CLOUD_API_FALLBACK"),
        message: with_context(body(&parcel.content, dialing)?, parcel.extras.reply_to.as_deref()),
    };
    let edge = if marketing { "marketing_messages" } else { "messages" };
    let body = serde_json::to_vec(&envelope).map_err(|_| Cause::InvalidContent)?;
    Ok(Call { path: path(dialing, &number.id, edge), body })
}

/// Path of an upload for the number that `sender` names.
///
/// # Errors
/// If it is none of ours.
pub(crate) fn upload_path(sender: Option<&str>, dialing: &Dialing) -> Result<String, Fault> {
    let number = dialing.numbers.find(sender).ok_or(Cause::SenderInvalid)?;
    Ok(path(dialing, &number.id, "media"))
}

/// Whether WhatsApp can carry the content at all.
///
/// # Errors
/// The cause with which an attempt to send it would fail.
pub(crate) fn check(content: &Content) -> Result<(), Fault> {
    match content {
        Content::Text(text) => check_length(&text.body, MAX_TEXT_CHARS),
        Content::Media(media) => check_length(media.caption.as_deref().unwrap_or("-"), MAX_CAPTION_CHARS),
        Content::Location(_) => Ok(()),
        Content::Template(template) => refuse_if(template.name.is_empty(), Cause::TemplateMissing),
        Content::Contacts(contacts) => {
            refuse_if(contacts.as_array().is_none_or(Vec::is_empty), Cause::InvalidContent)
        }
        Content::Interactive(interactive) => refuse_if(!interactive.is_object(), Cause::InvalidContent),
        Content::Whatsapp(message) => passed_on(message).map(drop),
        Content::Email(_) | Content::Other(_) => Err(Cause::UnsupportedContent.into()),
    }
}

fn refuse_if(wrong: bool, cause: Cause) -> Result<(), Fault> {
    if wrong { Err(cause.into()) } else { Ok(()) }
}

fn check_length(text: &str, max_chars: usize) -> Result<(), Fault> {
    refuse_if(text.is_empty(), Cause::MissingContent)?;
    refuse_if(text.chars().nth(max_chars).is_some(), Cause::TextTooLong)
}

/// Members `to` and `recipient`; Meta lets `to` win if both are there.
fn address(recipient: &Recipient) -> Result<(Option<&str>, Option<&str>), Fault> {
    match (&recipient.phone, &recipient.whatsapp_user) {
        (Some(phone), _) => Ok((Some(phone.digits()), None)),
        (None, Some(user)) => Ok((None, Some(user))),
        (None, None) => Err(Cause::MissingAddress.into()),
    }
}

fn is_marketing(parcel: &Parcel, dialing: &Dialing) -> bool {
    let template = matches!(parcel.content, Content::Template(_));
    dialing.marketing_endpoint && template && parcel.priority == Priority::Marketing
}

fn path(dialing: &Dialing, number: &str, edge: &str) -> String {
    if dialing.version.is_empty() {
        format!("{number}/{edge}")
    } else {
        format!("{}/{number}/{edge}", dialing.version)
    }
}

/// `type`, the member of that name, and what belongs to it.
fn body(content: &Content, dialing: &Dialing) -> Result<Map<String, Value>, Fault> {
    check(content)?;
    match content {
        Content::Text(text) => Ok(typed("text", text_object(text))),
        Content::Media(media) => Ok(typed(media.kind.as_str(), media_object(media))),
        Content::Location(location) => Ok(typed("location", location_object(location))),
        Content::Contacts(contacts) => Ok(typed("contacts", contacts.clone())),
        Content::Interactive(interactive) => Ok(typed("interactive", interactive.clone())),
        Content::Template(template) => Ok(typed("template", template_object(template, dialing))),
        Content::Whatsapp(message) => passed_on(message),
        Content::Email(_) | Content::Other(_) => Err(Cause::UnsupportedContent.into()),
    }
}

fn typed(kind: &str, object: Value) -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), kind.into()), (kind.to_owned(), object)])
}

fn text_object(text: &Text) -> Value {
    json!({ "body": text.body, "preview_url": text.preview_url })
}

fn media_object(media: &Media) -> Value {
    let mut object = Map::new();
    match &media.source {
        MediaSource::Link(link) => object.insert("link".to_owned(), link.as_str().into()),
        MediaSource::Id(id) => object.insert("id".to_owned(), id.as_str().into()),
    };
    let (captioned, named) = match media.kind {
        MediaKind::Image | MediaKind::Video => (true, false),
        MediaKind::Document => (true, true),
        MediaKind::Audio | MediaKind::Sticker => (false, false),
    };
    insert_some(&mut object, "caption", media.caption.as_deref().filter(|_| captioned));
    insert_some(&mut object, "filename", media.filename.as_deref().filter(|_| named));
    object.into()
}

fn location_object(location: &Location) -> Value {
    let mut object = Map::new();
    object.insert("latitude".to_owned(), location.latitude.into());
    object.insert("longitude".to_owned(), location.longitude.into());
    insert_some(&mut object, "name", location.name.as_deref());
    insert_some(&mut object, "address", location.address.as_deref());
    object.into()
}

// Meta: `deterministic` is the only language policy the Cloud API knows, and its default.
fn template_object(template: &Template, dialing: &Dialing) -> Value {
    let language = template.language.as_deref().unwrap_or(&dialing.default_language);
    let mut object = Map::new();
    object.insert("name".to_owned(), template.name.as_str().into());
    object.insert("language".to_owned(), json!({ "code": language }));
    if !template.components.is_empty() {
        object.insert("components".to_owned(), template.components.clone().into());
    }
    object.into()
}

/// The part of a caller's own message object that is content; who gets it from whom is ours.
fn passed_on(message: &Value) -> Result<Map<String, Value>, Fault> {
    let fields = message.as_object().ok_or(Cause::InvalidContent)?;
    // Meta: a message without a type is a text.
    let kind = fields.get("type").map_or(Some("text"), Value::as_str).ok_or(Cause::InvalidContent)?;
    refuse_if(ENVELOPE.contains(&kind), Cause::InvalidContent)?;
    let content = fields.get(kind).filter(|content| content.is_object() || content.is_array());
    let mut body = typed(kind, content.ok_or(Cause::InvalidContent)?.clone());
    if let Some(context) = fields.get("context").filter(|context| context.is_object()) {
        body.insert("context".to_owned(), context.clone());
    }
    Ok(body)
}

fn with_context(mut body: Map<String, Value>, reply_to: Option<&str>) -> Map<String, Value> {
    if let Some(id) = reply_to {
        body.entry("context").or_insert_with(|| json!({ "message_id": id }));
    }
    body
}

fn insert_some(object: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}
