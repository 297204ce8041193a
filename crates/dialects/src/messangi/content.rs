//! What a request says, by channel and type: the object `request`.

use model::{
    Cause, Content, Refusal,
    content::{Email, Location, Media, MediaKind, MediaSource, Template, Text},
    message::StepDraft,
};
use serde_json::{Map, Value, json};

use super::Settings;
use crate::fields::{Fields, is_http_url, scalar};

/// Longest WhatsApp text, in characters.
const MAX_TEXT: usize = 1024;
/// SMS texts must be shorter than this; longer ones fail as having too many segments.
const SMS_BOUND: usize = 1600;
/// Longest email or RCS text, in characters.
const MAX_LONG_TEXT: usize = 100_000;
/// Longest title of a push message or subject of a mail, in characters.
const MAX_TITLE: usize = 200;
/// Most bytes of a push message.
const MAX_PUSH: usize = 4096;
/// Most bytes of audio: Messangi states no limit of its own, WhatsApp takes 16 MB.
const MAX_AUDIO: u64 = 16 * 1024 * 1024;
/// Most parameters, buttons or components of a template.
const MAX_PARAMETERS: usize = 100;
/// Most contact cards in one message.
const MAX_CONTACTS: usize = 256;

/// Channels of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sms,
    Email,
    Push,
    Rcs,
    Whatsapp,
}

/// The step that an inner request asks for.
pub(super) fn step(request: &Fields<'_>, kind: Kind, own: &Settings) -> Result<StepDraft, Refusal> {
    let sender = sender(request, kind)?;
    let mut step = match kind {
        Kind::Sms => sms(request)?,
        Kind::Email => StepDraft::new(kind.channel(), Content::Email(email(request)?)),
        Kind::Push => StepDraft::new(kind.channel(), push(request)?),
        Kind::Rcs => StepDraft::new(kind.channel(), rcs(request)?),
        Kind::Whatsapp => whatsapp(request, own)?,
    };
    if let (Some(known), Some(sender)) = (own.senders.get(&kind.channel()), &sender)
        && !known.contains(sender)
    {
        // Messangi accepts an unknown sender and reports it afterwards.
        step = StepDraft::void(kind.channel(), Cause::SenderInvalid);
    }
    step.sender = sender;
    Ok(step)
}

fn sender(request: &Fields<'_>, kind: Kind) -> Result<Option<String>, Refusal> {
    let name = if kind == Kind::Sms && request.get("from").is_none() { "shortcode" } else { "from" };
    let Some(sender) = request.scalar(name)? else {
        return match kind {
            Kind::Push => Ok(None),
            Kind::Sms | Kind::Email | Kind::Rcs | Kind::Whatsapp => Err(request.missing("from")),
        };
    };
    let sender = sender.trim();
    let bare = sender.strip_prefix('+').unwrap_or(sender);
    let digits = !bare.is_empty() && bare.len() <= 20 && bare.bytes().all(|byte| byte.is_ascii_digit());
    match kind {
        _ if digits => Ok(Some(bare.to_owned())),
        Kind::Whatsapp => Err(request.invalid("from", "not digits")),
        Kind::Sms | Kind::Email | Kind::Push | Kind::Rcs => Ok(Some(sender.to_owned())),
    }
}

/// A text under the first of these names that has one.
fn any_text<'a>(request: &Fields<'a>, names: &[&str]) -> Result<&'a str, Refusal> {
    for name in names {
        if let Some(text) = request.text(name)? {
            return Ok(text);
        }
    }
    Err(request.missing("message"))
}

fn sms(request: &Fields<'_>) -> Result<StepDraft, Refusal> {
    let text = any_text(request, &["message", "text", "body"])?;
    if text.chars().count() >= SMS_BOUND {
        return Ok(StepDraft::void(Kind::Sms.channel(), Cause::TextTooLong));
    }
    Ok(StepDraft::new(Kind::Sms.channel(), Content::Text(Text::new(text))))
}

fn email(request: &Fields<'_>) -> Result<Email, Refusal> {
    for name in ["cc", "bcc", "attachments"] {
        match request.get(name) {
            None => {}
            Some(Value::Array(items)) if items.is_empty() => {}
            Some(Value::String(text)) if text.is_empty() => {}
            Some(_) => return Err(request.invalid(name, "not offered here")),
        }
    }
    request.required_text("subject")?;
    let subject = request.bounded_text("subject", MAX_TITLE)?.unwrap_or_default().to_owned();
    let html = request.text("html")?;
    let body = match html {
        Some(_) => request.text("text")?.or(request.text("message")?),
        None => Some(any_text(request, &["message", "text", "body"])?),
    };
    if [body, html].into_iter().flatten().any(|text| text.chars().count() > MAX_LONG_TEXT) {
        return Err(request.invalid("message", format!("longer than {MAX_LONG_TEXT} characters")));
    }
    let is_html = html.is_none() && body.is_some_and(|body| body.trim_start().starts_with('<'));
    let (text, html) = if is_html { (None, body) } else { (body, html) };
    let (text, html) = (text.map(str::to_owned), html.map(str::to_owned));
    Ok(Email { subject, text, html, reply_to: request.text("replyTo")?.map(str::to_owned) })
}

fn push(request: &Fields<'_>) -> Result<Content, Refusal> {
    let message = any_text(request, &["message", "body", "text"])?;
    let mut object = json!({"message": message});
    if let Some(title) = request.bounded_text("title", MAX_TITLE)? {
        object["title"] = json!(title);
    }
    if let Some(image) = request.text("image")? {
        if !is_http_url(image) {
            return Err(request.invalid("image", "not an http(s) address"));
        }
        object["image"] = json!(image);
    }
    if let Some(data) = request.object("data")? {
        object["data"] = Value::Object(data.members().clone());
    }
    if object.to_string().len() > MAX_PUSH {
        return Err(request.invalid("message", format!("over {MAX_PUSH} bytes with all its parts")));
    }
    Ok(Content::Other(object))
}

fn rcs(request: &Fields<'_>) -> Result<Content, Refusal> {
    if let Some(raw) = request.object("rcs")? {
        raw.required_object("contentMessage")?;
        return Ok(Content::Other(Value::Object(raw.members().clone())));
    }
    let suggestions = request.array("suggestions")?.unwrap_or_default();
    let kind = request.text("type")?.unwrap_or("text").to_ascii_lowercase();
    match kind.as_str() {
        "text" if suggestions.is_empty() => {
            request.required_text("message")?;
            let text = request.bounded_text("message", MAX_LONG_TEXT)?.unwrap_or_default();
            Ok(Content::Text(Text::new(text)))
        }
        "image" if suggestions.is_empty() => Ok(Content::Media(Media {
            kind: MediaKind::Image,
            source: MediaSource::Link(link(request)?),
            mime: None,
            caption: None,
            filename: None,
        })),
        "text" | "image" | "card" | "carousel" => {
            let members = request.members().iter();
            let own = members
                .filter(|(name, _)| !matches!(name.as_str(), "from" | "to" | "externalId" | "clientId"));
            let own: Map<String, Value> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
            Ok(Content::Other(Value::Object(own)))
        }
        _ => Err(request.invalid("type", "not a type of RCS message")),
    }
}

fn whatsapp(request: &Fields<'_>, own: &Settings) -> Result<StepDraft, Refusal> {
    let kind = match request.text("type")? {
        Some(kind) => kind.to_ascii_lowercase(),
        None if request.get("template").is_some() || request.get("templateName").is_some() => {
            "template".to_owned()
        }
        None => return Err(request.missing("type")),
    };
    let mut step = match kind.as_str() {
        "image" => media(request, MediaKind::Image, own)?,
        "audio" => media(request, MediaKind::Audio, own)?,
        "video" => media(request, MediaKind::Video, own)?,
        "document" => media(request, MediaKind::Document, own)?,
        "text" => ready(text(request)?),
        "contacts" => ready(contacts(request)?),
        "location" => ready(location(request)?),
        "interactive" => ready(interactive(request)?),
        "template" => ready(Content::Template(template(request)?)),
        _ => return Err(request.invalid("type", "not a type of WhatsApp message")),
    };
    step.extras.reply_to = request.scalar("replyTo")?;
    Ok(step)
}

fn ready(content: Content) -> StepDraft {
    StepDraft::new(Kind::Whatsapp.channel(), content)
}

fn text(request: &Fields<'_>) -> Result<Content, Refusal> {
    request.required_text("message")?;
    let text = request.bounded_text("message", MAX_TEXT)?.unwrap_or_default();
    Ok(Content::Text(Text::new(text)))
}

fn link(request: &Fields<'_>) -> Result<String, Refusal> {
    let url = request.required_text("message")?.trim();
    if is_http_url(url) {
        Ok(url.to_owned())
    } else {
        Err(request.invalid("message", "not an address that starts with http:// or https://"))
    }
}

fn media(request: &Fields<'_>, kind: MediaKind, own: &Settings) -> Result<StepDraft, Refusal> {
    let link = link(request)?;
    if !own.any_media_format && is_foreign_format(kind, &link) {
        return Ok(StepDraft::void(Kind::Whatsapp.channel(), Cause::MediaUnsupported));
    }
    // Messangi: the caption applies to images, the file name to documents; elsewhere they are ignored.
    let captioned = match kind {
        MediaKind::Image => true,
        MediaKind::Video | MediaKind::Document => own.caption_all_media,
        MediaKind::Audio | MediaKind::Sticker => false,
    };
    let caption = if captioned { request.bounded_text("caption", MAX_TEXT)? } else { None };
    let filename = if kind == MediaKind::Document { request.text("fileName")? } else { None };
    let mut step = ready(Content::Media(Media {
        kind,
        source: MediaSource::Link(link),
        mime: None,
        caption: caption.map(str::to_owned),
        filename: filename.map(str::to_owned),
    }));
    step.extras.no_redirects = true;
    step.extras.max_media_bytes =
        Some(if kind == MediaKind::Audio { MAX_AUDIO } else { own.max_media_bytes.0 });
    Ok(step)
}

/// Whether an address ends in the name of a media format that Messangi does not take as this
/// kind. Addresses without such an ending are judged by what they serve.
fn is_foreign_format(kind: MediaKind, url: &str) -> bool {
    const KNOWN: &[&str] = &[
        "3gp", "3gpp", "aac", "acc", "amr", "avi", "bmp", "csv", "doc", "docx", "flac", "gif", "heic",
        "jpeg", "jpg", "m4a", "mkv", "mov", "mp3", "mp4", "mpeg", "ogg", "opus", "pdf", "png", "ppt", "pptx",
        "rtf", "svg", "tif", "tiff", "txt", "wav", "webm", "webp", "wmv", "xls", "xlsx", "zip",
    ];
    // Messangi prints `.acc` and means `.aac`.
    let taken: &[&str] = match kind {
        MediaKind::Image => &["jpg", "jpeg", "png"],
        MediaKind::Audio => &["acc", "aac", "mp3", "amr", "mpeg", "mp4", "m4a", "ogg", "opus"],
        MediaKind::Video => &["mp4", "3gp", "3gpp"],
        MediaKind::Document => &["pdf"],
        MediaKind::Sticker => &["webp"],
    };
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((_, ending)) = name.rsplit_once('.') else { return false };
    let ending = ending.to_ascii_lowercase();
    KNOWN.contains(&ending.as_str()) && !taken.contains(&ending.as_str())
}

/// Cards in the Cloud API's own form.
fn contacts(request: &Fields<'_>) -> Result<Content, Refusal> {
    let items = request.required_array("contacts")?;
    if items.len() > MAX_CONTACTS {
        return Err(request.invalid("contacts", format!("more than {MAX_CONTACTS}")));
    }
    for contact in request.objects("contacts", items)? {
        contact.required_object("name")?.required_text("formatted_name")?;
    }
    Ok(Content::Contacts(Value::Array(items.to_vec())))
}

/// A place, as an object of its own or flat in the request.
fn location(request: &Fields<'_>) -> Result<Content, Refusal> {
    let place = match request.object("location")? {
        Some(place) => place,
        None => request.clone(),
    };
    Ok(Content::Location(Location {
        latitude: degrees(&place, "latitude", 90.0)?,
        longitude: degrees(&place, "longitude", 180.0)?,
        name: place.text("name")?.map(str::to_owned),
        address: place.text("address")?.map(str::to_owned),
    }))
}

fn degrees(place: &Fields<'_>, name: &str, most: f64) -> Result<f64, Refusal> {
    let degrees = place.number(name)?.ok_or_else(|| place.missing(name))?;
    if degrees.abs() <= most { Ok(degrees) } else { Err(place.invalid(name, "out of range")) }
}

/// Buttons or a list in the Cloud API's own form.
fn interactive(request: &Fields<'_>) -> Result<Content, Refusal> {
    let object = request.required_object("interactive")?;
    object.required_object("body")?.required_text("text")?;
    let action = object.required_object("action")?;
    match object.required_text("type")? {
        "button" => {
            if action.required_array("buttons")?.len() > 3 {
                return Err(action.invalid("buttons", "more than 3"));
            }
        }
        "list" => {
            action.required_text("button")?;
            let sections = action.objects("sections", action.required_array("sections")?)?;
            let rows = sections.iter().map(|section| section.required_array("rows").map(<[Value]>::len));
            if rows.sum::<Result<usize, _>>()? > 10 {
                return Err(action.invalid("sections", "more than 10 rows in all"));
            }
        }
        _ => return Err(object.invalid("type", "neither button nor list")),
    }
    Ok(Content::Interactive(Value::Object(object.members().clone())))
}

/// A template, in the Cloud API's own form or flat. Messangi shows only the namespace's name.
fn template(request: &Fields<'_>) -> Result<Template, Refusal> {
    let Some(template) = request.object("template")? else { return flat_template(request) };
    let language = match template.get("language") {
        Some(Value::Object(_)) => template.required_object("language")?.text("code")?,
        _ => template.text("language")?,
    };
    let components = template.array("components")?.unwrap_or_default();
    if components.len() > MAX_PARAMETERS {
        return Err(template.invalid("components", format!("more than {MAX_PARAMETERS}")));
    }
    template.objects("components", components)?;
    Ok(Template {
        name: template.required_text("name")?.to_owned(),
        language: language.map(str::to_owned),
        components: components.to_vec(),
    })
}

fn flat_template(request: &Fields<'_>) -> Result<Template, Refusal> {
    let language = request.text("templateLanguage")?.or(request.text("language")?);
    let mut components = Vec::new();
    if let Some(header) = request.object("header")? {
        components.push(json!({"type": "header", "parameters": [header_parameter(&header)?]}));
    }
    let name = if request.get("params").is_some() { "params" } else { "parameters" };
    let body = body_parameters(request, name)?;
    if !body.is_empty() {
        components.push(json!({"type": "body", "parameters": body}));
    }
    let buttons = request.array("buttons")?.unwrap_or_default();
    if buttons.len() > MAX_PARAMETERS {
        return Err(request.invalid("buttons", format!("more than {MAX_PARAMETERS}")));
    }
    for (place, button) in request.objects("buttons", buttons)?.iter().enumerate() {
        components.push(template_button(button, place)?);
    }
    Ok(Template {
        name: request.required_text("templateName")?.to_owned(),
        language: language.map(str::to_owned),
        components,
    })
}

fn header_parameter(header: &Fields<'_>) -> Result<Value, Refusal> {
    let kind = header.text("type")?.unwrap_or("text").to_ascii_lowercase();
    match kind.as_str() {
        "text" => Ok(json!({"type": "text", "text": header.required_text("text")?})),
        "image" | "video" | "document" => {
            let link = header.required_text("link")?;
            if !is_http_url(link) {
                return Err(header.invalid("link", "not an http(s) address"));
            }
            Ok(Value::Object(Map::from_iter([
                ("type".to_owned(), json!(kind)),
                (kind.clone(), json!({"link": link})),
            ])))
        }
        _ => Err(header.invalid("type", "not a type of header")),
    }
}

/// Values in order, or by name.
fn body_parameters(request: &Fields<'_>, name: &str) -> Result<Vec<Value>, Refusal> {
    let wrong = || request.invalid(name, "not single values in an array or object");
    let parameters: Option<Vec<Value>> = match request.get(name) {
        None => Some(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| Some(json!({"type": "text", "text": scalar(item)?}))).collect()
        }
        Some(Value::Object(members)) => members
            .iter()
            .map(|(key, item)| Some(json!({"type": "text", "parameter_name": key, "text": scalar(item)?})))
            .collect(),
        Some(_) => None,
    };
    parameters.filter(|parameters| parameters.len() <= MAX_PARAMETERS).ok_or_else(wrong)
}

fn template_button(button: &Fields<'_>, place: usize) -> Result<Value, Refusal> {
    let kind = button.text("sub_type")?.or(button.text("type")?).unwrap_or("quick_reply");
    let place = button.scalar("index")?.unwrap_or_else(|| place.to_string());
    let parameter = match kind.to_ascii_lowercase().as_str() {
        "url" => {
            let suffix = button.scalar("text")?.or(button.scalar("payload")?);
            json!({"type": "text", "text": suffix.ok_or_else(|| button.missing("text"))?})
        }
        "quick_reply" => {
            let payload = button.scalar("payload")?.ok_or_else(|| button.missing("payload"))?;
            json!({"type": "payload", "payload": payload})
        }
        _ => return Err(button.invalid("type", "neither url nor quick_reply")),
    };
    let kind = kind.to_ascii_lowercase();
    Ok(json!({"type": "button", "sub_type": kind, "index": place, "parameters": [parameter]}))
}
