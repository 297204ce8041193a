//! v1 WhatsApp content: the object `channels."OTT-Messaging".wa`.

use model::{
    Channel, Content, Refusal,
    cause::Cause,
    content::{Location, Media, MediaKind, MediaSource, Text},
    message::StepDraft,
};
use serde_json::{Map, Value, json};

use super::templates;
use crate::fields::{Fields, is_http_url};

/// Longest text body in characters; longer ones fail with a delivery status, as the vendor does.
const MAX_TEXT: usize = 4096;
const MAX_HEADER: usize = 60;
const MAX_BODY: usize = 1024;
const MAX_FOOTER: usize = 60;
/// Webex Connect: the page says 20, the flow builder takes 24.
const MAX_LIST_BUTTON: usize = 24;
const MAX_SECTIONS: usize = 10;
const MAX_ROWS: usize = 10;
const MAX_TITLE: usize = 24;
const MAX_ROW_DESCRIPTION: usize = 72;
const MAX_ID: usize = 200;
const MAX_BUTTONS: usize = 3;
const MAX_BUTTON_TITLE: usize = 20;
/// Most contact cards in one message.
const MAX_CONTACTS: usize = 256;

/// The step that a `wa` object with a `type` asks for.
pub(super) fn step(wa: &Fields<'_>) -> Result<StepDraft, Refusal> {
    let kind = wa.required_text("type")?.to_ascii_lowercase();
    if let Some(kind) = MediaKind::parse(&kind) {
        return Ok(ready(Content::Media(media(wa, kind)?)));
    }
    match kind.as_str() {
        "text" => text(wa),
        "location" => Ok(ready(Content::Location(location(&wa.required_object("location")?)?))),
        "contacts" => Ok(ready(Content::Contacts(contacts(wa)?))),
        "list" => Ok(ready(Content::Interactive(list(&wa.required_object("list")?)?))),
        "reply" => Ok(ready(Content::Interactive(reply(&wa.required_object("reply")?)?))),
        "hsm" => Ok(ready(templates::hsm(&wa.required_object("hsm")?)?)),
        _ => Err(wa.invalid("type", "not a type of WhatsApp message")),
    }
}

fn ready(content: Content) -> StepDraft {
    StepDraft::new(Channel::Whatsapp, content)
}

fn text(wa: &Fields<'_>) -> Result<StepDraft, Refusal> {
    let text = wa.required_object("text")?;
    let body = text.required_text("body")?;
    if body.chars().count() > MAX_TEXT {
        return Ok(StepDraft::void(Channel::Whatsapp, Cause::TextTooLong));
    }
    let preview_url = text.flag("preview_url")? || wa.flag("preview_url")?;
    Ok(ready(Content::Text(Text { preview_url, ..Text::new(body) })))
}

fn media(wa: &Fields<'_>, kind: MediaKind) -> Result<Media, Refusal> {
    let object = wa.required_object(kind.as_str())?;
    let link = link(&object, "url")?;
    let mime = mime(object.required_text("mimeType")?);
    if !mime.contains('/') {
        return Err(object.invalid("mimeType", "not a MIME type"));
    }
    let caption = object.bounded_text("caption", MAX_BODY)?;
    if caption.is_some() && matches!(kind, MediaKind::Audio | MediaKind::Sticker) {
        return Err(object.invalid("caption", "audio and stickers have no caption"));
    }
    let filename = if kind == MediaKind::Document { object.text("filename")? } else { None };
    Ok(Media {
        kind,
        source: MediaSource::Link(link),
        mime: Some(mime),
        caption: caption.map(str::to_owned),
        filename: filename.map(str::to_owned),
    })
}

fn link(object: &Fields<'_>, name: &str) -> Result<String, Refusal> {
    let url = object.required_text(name)?.trim();
    if is_http_url(url) { Ok(url.to_owned()) } else { Err(object.invalid(name, "not an http(s) address")) }
}

/// Webex Connect's samples print types in any case, `image/jpg` for JPEG, and angle brackets
/// around placeholders.
fn mime(text: &str) -> String {
    let text = text.trim().trim_start_matches('<').trim_end_matches('>').to_ascii_lowercase();
    match text.as_str() {
        "image/jpg" => "image/jpeg".to_owned(),
        _ => text,
    }
}

fn location(object: &Fields<'_>) -> Result<Location, Refusal> {
    Ok(Location {
        latitude: degrees(object, "latitude", 90.0)?,
        longitude: degrees(object, "longitude", 180.0)?,
        name: object.text("name")?.map(str::to_owned),
        address: object.text("address")?.map(str::to_owned),
    })
}

fn degrees(object: &Fields<'_>, name: &str, most: f64) -> Result<f64, Refusal> {
    let degrees = object.number(name)?.ok_or_else(|| object.missing(name))?;
    if degrees.abs() <= most { Ok(degrees) } else { Err(object.invalid(name, "out of range")) }
}

fn contacts(wa: &Fields<'_>) -> Result<Value, Refusal> {
    let items = wa.required_array("contacts")?;
    if items.len() > MAX_CONTACTS {
        return Err(wa.invalid("contacts", format!("more than {MAX_CONTACTS}")));
    }
    for contact in wa.objects("contacts", items)? {
        let name = contact.required_object("name")?;
        name.required_text("formatted_name")?;
        let parts = ["first_name", "last_name", "middle_name", "prefix", "suffix"];
        if !parts.iter().any(|part| name.get(part).is_some()) {
            return Err(name.missing("first_name"));
        }
    }
    Ok(Value::Array(items.to_vec()))
}

/// `list` as the Cloud API's interactive list.
fn list(list: &Fields<'_>) -> Result<Value, Refusal> {
    let action = list.required_object("action")?;
    action.required_text("button")?;
    let button = action.bounded_text("button", MAX_LIST_BUTTON)?;
    let items = action.required_array("sections")?;
    if items.len() > MAX_SECTIONS {
        return Err(action.invalid("sections", format!("more than {MAX_SECTIONS}")));
    }
    let sections = action.objects("sections", items)?;
    let mut rows = 0;
    let sections = sections
        .iter()
        .map(|item| section(item, items.len() > 1, &mut rows))
        .collect::<Result<Vec<_>, _>>()?;
    let mut object = frame(list, "list")?;
    object.insert("action".to_owned(), json!({"button": button, "sections": sections}));
    Ok(Value::Object(object))
}

fn section(section: &Fields<'_>, titled: bool, count: &mut usize) -> Result<Value, Refusal> {
    let title = section.bounded_text("title", MAX_TITLE)?;
    if titled && title.is_none() {
        return Err(section.missing("title"));
    }
    let items = section.required_array("rows")?;
    *count += items.len();
    if *count > MAX_ROWS {
        return Err(section.invalid("rows", format!("more than {MAX_ROWS} in all")));
    }
    let rows = section.objects("rows", items)?.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    Ok(with("title", title, json!({"rows": rows})))
}

fn row(row: &Fields<'_>) -> Result<Value, Refusal> {
    row.required_text("id")?;
    row.required_text("title")?;
    let id = row.bounded_text("id", MAX_ID)?;
    let title = row.bounded_text("title", MAX_TITLE)?;
    let description = row.bounded_text("description", MAX_ROW_DESCRIPTION)?;
    Ok(with("description", description, json!({"id": id, "title": title})))
}

/// `reply` as the Cloud API's interactive reply buttons.
fn reply(reply: &Fields<'_>) -> Result<Value, Refusal> {
    let action = reply.required_object("action")?;
    let items = action.required_array("buttons")?;
    if items.len() > MAX_BUTTONS {
        return Err(action.invalid("buttons", format!("more than {MAX_BUTTONS}")));
    }
    let buttons = action.objects("buttons", items)?.iter().map(button).collect::<Result<Vec<_>, _>>()?;
    let mut object = frame(reply, "button")?;
    object.insert("action".to_owned(), json!({"buttons": buttons}));
    Ok(Value::Object(object))
}

fn button(button: &Fields<'_>) -> Result<Value, Refusal> {
    let reply = button.required_object("reply")?;
    reply.required_text("id")?;
    reply.required_text("title")?;
    let id = reply.bounded_text("id", MAX_ID)?;
    let title = reply.bounded_text("title", MAX_BUTTON_TITLE)?;
    Ok(json!({"type": "reply", "reply": {"id": id, "title": title}}))
}

/// Type, header, body and footer of an interactive message.
fn frame(object: &Fields<'_>, kind: &str) -> Result<Map<String, Value>, Refusal> {
    let mut frame = Map::new();
    frame.insert("type".to_owned(), json!(kind));
    if let Some(part) = object.object("header")? {
        frame.insert("header".to_owned(), header(&part, kind)?);
    }
    let body = object.required_object("body")?;
    body.required_text("text")?;
    frame.insert("body".to_owned(), json!({"text": body.bounded_text("text", MAX_BODY)?}));
    if let Some(footer) = object.object("footer")?
        && let Some(text) = footer.bounded_text("text", MAX_FOOTER)?
    {
        frame.insert("footer".to_owned(), json!({"text": text}));
    }
    Ok(frame)
}

fn header(header: &Fields<'_>, interactive: &str) -> Result<Value, Refusal> {
    let kind = header.text("type")?.unwrap_or("text").to_ascii_lowercase();
    match kind.as_str() {
        "text" => {
            header.required_text("text")?;
            Ok(json!({"type": "text", "text": header.bounded_text("text", MAX_HEADER)?}))
        }
        "image" | "video" | "document" if interactive == "button" => {
            let media = header.required_object(&kind)?;
            let mut object = json!({"link": link(&media, "url")?});
            object = with("filename", media.text("filename")?, object);
            if let Some(provider) = media.object("provider")? {
                object = with("provider", Some(json!({"name": provider.required_text("name")?})), object);
            }
            Ok(Value::Object(Map::from_iter([("type".to_owned(), json!(kind)), (kind.clone(), object)])))
        }
        _ => Err(header.invalid("type", "not a type of header for this message")),
    }
}

/// An object with one more member, if it has a value.
fn with(name: &str, value: Option<impl Into<Value>>, mut object: Value) -> Value {
    if let (Some(value), Value::Object(members)) = (value, &mut object) {
        members.insert(name.to_owned(), value.into());
    }
    object
}
