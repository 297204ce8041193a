//! Reads a send request as the Graph API does, with its checks.

use serde_json::{Map, Value};

use crate::number;

use super::{error::GraphError, interactive, mime::MediaKind, templates};

const MAX_TEXT: usize = 4096;
const MAX_CAPTION: usize = 1024;
const MAX_OPAQUE: usize = 512;
const MAX_CONTACTS: usize = 257;

type Result<T> = std::result::Result<T, GraphError>;

/// A request to `/{phone number id}/messages`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    /// Marks a message as read, or shows that somebody is typing.
    Read,
    /// Sends a message.
    Send(Box<Send>),
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Send {
    /// The recipient as it was written.
    pub(crate) input: String,
    /// Key of the handset.
    pub(crate) number: String,
    /// The recipient was named by user id instead of number.
    pub(crate) by_user_id: bool,
    pub(crate) kind: String,
    pub(crate) opaque: Option<String>,
    pub(crate) shown: Shown,
    pub(crate) template: bool,
}

/// What the handset is to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shown {
    pub(crate) text: Option<String>,
    pub(crate) media: Option<Media>,
    /// Category of a template, in lower case.
    pub(crate) category: Option<String>,
}

/// A file to be sent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Media {
    pub(crate) kind: MediaKind,
    pub(crate) source: Source,
    pub(crate) caption: Option<String>,
    pub(crate) filename: Option<String>,
}

/// Where a file comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Id(String),
    Link(String),
}

/// Reads a request body.
pub(crate) fn read(body: &Map<String, Value>) -> Result<Request> {
    match text(body, "messaging_product") {
        Some("whatsapp") => {}
        Some(_) => return Err(GraphError::parameter("Param messaging_product must be one of {WHATSAPP}")),
        None => return Err(GraphError::parameter("The parameter messaging_product is required.")),
    }
    if body.contains_key("status") {
        return read_mark(body);
    }
    read_send(body).map(|send| Request::Send(Box::new(send)))
}

fn read_mark(body: &Map<String, Value>) -> Result<Request> {
    if text(body, "status") != Some("read") {
        return Err(GraphError::parameter("Param status must be one of {READ}"));
    }
    text(body, "message_id").map(|_| Request::Read).ok_or_else(|| GraphError::missing("message_id"))
}

fn read_send(body: &Map<String, Value>) -> Result<Send> {
    if !matches!(text(body, "recipient_type"), None | Some("individual" | "group")) {
        return Err(GraphError::parameter("Param recipient_type must be one of {INDIVIDUAL, GROUP}"));
    }
    let (input, by_user_id) = recipient(body)?;
    let number = number::digits(&input)
        .ok_or_else(|| GraphError::parameter("Param to must be a phone number or a user id."))?;
    let kind = text(body, "type").unwrap_or("text").to_owned();
    let shown = shown(&kind, body)?;
    let opaque = text(body, "biz_opaque_callback_data").map(str::to_owned);
    if opaque.as_deref().is_some_and(|opaque| opaque.chars().count() > MAX_OPAQUE) {
        return Err(GraphError::parameter(
            "Param biz_opaque_callback_data must be at most 512 characters long.",
        ));
    }
    let template = kind == "template";
    Ok(Send { input, number, by_user_id, kind, opaque, shown, template })
}

/// `to` wins over `recipient`.
fn recipient(body: &Map<String, Value>) -> Result<(String, bool)> {
    if let Some(to) = body.get("to") {
        return match to {
            Value::String(to) => Ok((to.clone(), false)),
            Value::Number(to) => Ok((to.to_string(), false)),
            _ => Err(GraphError::parameter("Param to must be a string.")),
        };
    }
    let recipient =
        text(body, "recipient").ok_or_else(|| GraphError::parameter("The parameter to is required."))?;
    Ok((recipient.to_owned(), true))
}

fn shown(kind: &str, body: &Map<String, Value>) -> Result<Shown> {
    if let Some(media) = MediaKind::named(kind) {
        let media = Some(media_of(media, object(body, kind)?)?);
        return Ok(Shown { media, ..Shown::default() });
    }
    match kind {
        "text" => {
            let text = limited(object(body, "text")?, "body", MAX_TEXT)?;
            Ok(Shown { text: Some(text.to_owned()), ..Shown::default() })
        }
        "location" => location(object(body, kind)?),
        "contacts" => contacts(body.get("contacts")),
        "reaction" => reaction(object(body, kind)?),
        "template" => template(object(body, kind)?),
        "interactive" => interactive::shown(object(body, kind)?),
        _ => Err(GraphError::parameter(
            "Param type must be one of {AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, REACTION, \
             STICKER, TEMPLATE, TEXT, VIDEO}",
        )),
    }
}

/// A media object: exactly one of `id` and `link`.
pub(crate) fn media_of(kind: MediaKind, media: &Map<String, Value>) -> Result<Media> {
    let source = match (text(media, "id"), text(media, "link")) {
        (Some(id), None) => Source::Id(id.to_owned()),
        (None, Some(link)) => Source::Link(checked_link(link)?),
        (Some(_), Some(_)) => return Err(GraphError::parameter("Exactly one of id and link must be given.")),
        (None, None) => return Err(GraphError::parameter("One of id and link is required.")),
    };
    let caption = text(media, "caption").map(str::to_owned);
    if caption.as_deref().is_some_and(|caption| caption.chars().count() > MAX_CAPTION) {
        return Err(GraphError::parameter("Param caption must be at most 1024 characters long."));
    }
    let filename =
        (kind == MediaKind::Document).then(|| text(media, "filename").map(str::to_owned)).flatten();
    Ok(Media { kind, source, caption, filename })
}

fn checked_link(link: &str) -> Result<String> {
    let valid = reqwest::Url::parse(link)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && link.len() <= 4096);
    if valid { Ok(link.to_owned()) } else { Err(GraphError::value("Param link is not a valid URL.")) }
}

fn location(location: &Map<String, Value>) -> Result<Shown> {
    let latitude = coordinate(location, "latitude", 90.0)?;
    let longitude = coordinate(location, "longitude", 180.0)?;
    let named = ["name", "address"].into_iter().filter_map(|name| text(location, name));
    let parts: Vec<String> =
        std::iter::once(format!("{latitude},{longitude}")).chain(named.map(str::to_owned)).collect();
    Ok(Shown { text: Some(parts.join(" ")), ..Shown::default() })
}

/// Numbers and strings both occur.
fn coordinate(location: &Map<String, Value>, name: &str, most: f64) -> Result<f64> {
    let value = location.get(name).ok_or_else(|| GraphError::missing(name))?;
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number
        .filter(|number| number.abs() <= most)
        .ok_or_else(|| GraphError::value(format!("Param {name} must be between -{most} and {most}.")))
}

fn contacts(contacts: Option<&Value>) -> Result<Shown> {
    let contacts = contacts.and_then(Value::as_array).ok_or_else(|| GraphError::missing("contacts"))?;
    if contacts.is_empty() || contacts.len() > MAX_CONTACTS {
        return Err(GraphError::parameter("Param contacts must hold between 1 and 257 contacts."));
    }
    let names: Vec<&str> = contacts.iter().map(contact_name).collect::<Result<_>>()?;
    Ok(Shown { text: Some(names.join(", ")), ..Shown::default() })
}

fn contact_name(contact: &Value) -> Result<&str> {
    let name = contact.get("name").and_then(Value::as_object).ok_or_else(|| GraphError::missing("name"))?;
    let formatted = text(name, "formatted_name").ok_or_else(|| GraphError::missing("name.formatted_name"))?;
    let parts = ["first_name", "last_name", "middle_name", "suffix", "prefix"];
    if !parts.into_iter().any(|part| text(name, part).is_some()) {
        return Err(GraphError::parameter(
            "At least one part of the name besides formatted_name is required.",
        ));
    }
    Ok(formatted)
}

fn reaction(reaction: &Map<String, Value>) -> Result<Shown> {
    text(reaction, "message_id").ok_or_else(|| GraphError::missing("message_id"))?;
    let emoji = text(reaction, "emoji").ok_or_else(|| GraphError::missing("emoji"))?;
    Ok(Shown { text: Some(emoji.to_owned()), ..Shown::default() })
}

fn template(template: &Map<String, Value>) -> Result<Shown> {
    let name = text(template, "name").ok_or_else(|| GraphError::missing("template.name"))?;
    let language = object(template, "language")?;
    let code = text(language, "code").ok_or_else(|| GraphError::missing("template.language.code"))?;
    if !matches!(text(language, "policy"), None | Some("deterministic")) {
        return Err(GraphError::parameter("Param policy must be one of {DETERMINISTIC}"));
    }
    let components = match template.get("components") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(components)) => components.as_slice(),
        Some(_) => return Err(GraphError::parameter("Param components must be an array.")),
    };
    let mut media = None;
    let mut parameters = Vec::new();
    for component in components.iter().filter_map(Value::as_object) {
        let given = component.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        match text(component, "type").map(str::to_ascii_lowercase).as_deref() {
            Some("header") => media = header_media(given)?,
            Some("body") => parameters = given.iter().map(parameter_text).collect::<Result<_>>()?,
            Some("button") => check_button(component)?,
            Some(_) => {}
            None => return Err(GraphError::missing("template.components.type")),
        }
    }
    let hydrated = templates::hydrate(name, code, &parameters)?;
    Ok(Shown { text: Some(hydrated.text), media, category: Some(hydrated.category) })
}

fn header_media(parameters: &[Value]) -> Result<Option<Media>> {
    let Some(parameter) = parameters.first().and_then(Value::as_object) else { return Ok(None) };
    let Some(kind) = text(parameter, "type") else { return Err(GraphError::missing("type")) };
    match MediaKind::named(kind) {
        Some(media @ (MediaKind::Image | MediaKind::Video | MediaKind::Document)) => {
            media_of(media, object(parameter, kind)?).map(Some)
        }
        Some(MediaKind::Audio | MediaKind::Sticker) => {
            Err(GraphError::parameter("A header cannot have a parameter of this type."))
        }
        None => Ok(None),
    }
}

fn parameter_text(parameter: &Value) -> Result<String> {
    let kind = parameter.get("type").and_then(Value::as_str).unwrap_or("text");
    let value = match kind {
        "text" => parameter.get("text"),
        "currency" | "date_time" => parameter.get(kind).and_then(|value| value.get("fallback_value")),
        _ => return Err(GraphError::parameter("Parameters of a body are text, currency or date_time.")),
    };
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(GraphError::missing("text")),
    }
}

fn check_button(button: &Map<String, Value>) -> Result<()> {
    text(button, "sub_type").ok_or_else(|| GraphError::missing("sub_type"))?;
    let index = button.get("index").ok_or_else(|| GraphError::missing("index"))?;
    let index = index.as_u64().or_else(|| index.as_str()?.parse().ok());
    match index {
        Some(0..=9) => Ok(()),
        _ => Err(GraphError::parameter("Param index must be between 0 and 9.")),
    }
}

/// A text in an object; `None` for anything else.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// An object in an object.
pub(crate) fn object<'a>(from: &'a Map<String, Value>, name: &str) -> Result<&'a Map<String, Value>> {
    match from.get(name) {
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(GraphError::parameter(format!("Param {name} must be a JSON object."))),
        None => Err(GraphError::missing(name)),
    }
}

/// A required text of limited length.
pub(crate) fn limited<'a>(from: &'a Map<String, Value>, name: &str, most: usize) -> Result<&'a str> {
    let value =
        text(from, name).filter(|value| !value.is_empty()).ok_or_else(|| GraphError::missing(name))?;
    if value.chars().count() > most {
        let details = format!("Param {name} must be at most {most} characters long.");
        return Err(GraphError::parameter(details));
    }
    Ok(value)
}
