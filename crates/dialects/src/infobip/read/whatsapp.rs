//! The `whatsApp` object: its kinds, as the Cloud API wants them.

use model::{
    Content, Refusal,
    content::{Location, Media, MediaKind, MediaSource, Template, Text},
};
use serde_json::{Map, Value, json};

use super::node::Node;
use crate::infobip::Settings;

/// Infobip: most characters of a text.
const MAX_TEXT: usize = 4096;
/// Infobip: most characters of a media address.
const MAX_URL: usize = 2048;
/// Infobip: most characters of the names of a place.
const MAX_PLACE: usize = 1000;
/// Most characters of a name of a template or a file; ours.
const MAX_NAME: usize = 1000;

/// The content. The kind is told by the members that are there; the more special one wins.
pub(super) fn content(object: &Node<'_>, settings: &Settings) -> Result<Content, Refusal> {
    if object.has("mediaTemplateData") {
        return media_template(object, settings);
    }
    if object.has("templateName") {
        return text_template(object, settings);
    }
    if object.has("contacts") {
        return contacts(object);
    }
    if object.has("latitude") || object.has("longitude") {
        return location(object);
    }
    let media = [
        ("fileUrl", MediaKind::Document),
        ("videoUrl", MediaKind::Video),
        ("audioUrl", MediaKind::Audio),
        ("imageUrl", MediaKind::Image),
    ];
    match media.into_iter().find(|(name, _)| object.has(name)) {
        Some((name, kind)) => self::media(object, name, kind),
        None => text(object),
    }
}

fn text(object: &Node<'_>) -> Result<Content, Refusal> {
    Ok(Content::Text(Text {
        body: object.filled_to("text", MAX_TEXT)?,
        preview_url: object.boolean("previewUrl")?.unwrap_or_default(),
        ..Text::default()
    }))
}

fn media(object: &Node<'_>, name: &str, kind: MediaKind) -> Result<Content, Refusal> {
    let link = object.given_url(name, MAX_URL)?;
    let text = object.text_to("text", MAX_TEXT)?.filter(|text| !text.is_empty());
    Ok(Content::Media(Media {
        kind,
        source: MediaSource::Link(link),
        mime: None,
        // WhatsApp shows no caption under a sound.
        caption: text.filter(|_| kind != MediaKind::Audio),
        filename: None,
    }))
}

fn location(object: &Node<'_>) -> Result<Content, Refusal> {
    Ok(Content::Location(Location {
        latitude: object.degrees("latitude", 90.0)?,
        longitude: object.degrees("longitude", 180.0)?,
        name: object.id("locationName", MAX_PLACE)?,
        address: object.id("address", MAX_PLACE)?,
    }))
}

fn text_template(object: &Node<'_>, settings: &Settings) -> Result<Content, Refusal> {
    if !object.has("templateData") {
        return Err(object.missing("templateData"));
    }
    let placeholders = object.texts("templateData")?;
    template(object, body_component(placeholders).into_iter().collect(), settings)
}

fn media_template(object: &Node<'_>, settings: &Settings) -> Result<Content, Refusal> {
    let data = object.given_object("mediaTemplateData")?;
    let mut components = Vec::new();
    if let Some(header) = data.object("header")? {
        components.push(json!({"type": "header", "parameters": [header_parameter(&header)?]}));
    }
    let body = data.given_object("body")?;
    if !body.has("placeholders") {
        return Err(body.missing("placeholders"));
    }
    components.extend(body_component(body.texts("placeholders")?));
    for (index, button) in data.objects("buttons")?.iter().enumerate() {
        components.push(button_component(button, index)?);
    }
    template(object, components, settings)
}

/// Name, language and the rest that both kinds of template have.
fn template(object: &Node<'_>, components: Vec<Value>, settings: &Settings) -> Result<Content, Refusal> {
    let name = object.filled_to("templateName", MAX_NAME)?;
    // Infobip: mandatory on the OMNI page, gone from the later specification. WhatsApp itself no
    // longer asks for it, so it is checked and not used.
    object.filled_if_given("templateNamespace")?;
    // WhatsApp: only `deterministic` is left of the policies; `fallback` is treated like it.
    object.word("policy", &["deterministic", "fallback"])?;
    let language = match object.filled_if_given("language")? {
        Some(language) => language,
        None => settings.template_language.clone().ok_or_else(|| object.missing("language"))?,
    };
    Ok(Content::Template(Template { name, language: Some(language), components }))
}

fn body_component(placeholders: Vec<String>) -> Option<Value> {
    let parameters: Vec<Value> = placeholders.into_iter().map(text_parameter).collect();
    (!parameters.is_empty()).then(|| json!({"type": "body", "parameters": parameters}))
}

fn text_parameter(text: String) -> Value {
    json!({"type": "text", "text": text})
}

fn header_parameter(header: &Node<'_>) -> Result<Value, Refusal> {
    if header.has("textPlaceholder") {
        return Ok(text_parameter(header.filled("textPlaceholder")?));
    }
    if header.has("documentUrl") {
        let link = header.given_url("documentUrl", MAX_URL)?;
        let mut document = json!({"link": link});
        if let Some(name) = header.id("documentFilename", MAX_NAME)? {
            document["filename"] = Value::String(name);
        }
        return Ok(json!({"type": "document", "document": document}));
    }
    if header.has("imageUrl") {
        return Ok(json!({"type": "image", "image": {"link": header.given_url("imageUrl", MAX_URL)?}}));
    }
    if header.has("videoUrl") {
        return Ok(json!({"type": "video", "video": {"link": header.given_url("videoUrl", MAX_URL)?}}));
    }
    let (latitude, longitude) = (header.degrees("latitude", 90.0)?, header.degrees("longitude", 180.0)?);
    Ok(json!({"type": "location", "location": {"latitude": latitude, "longitude": longitude}}))
}

fn button_component(button: &Node<'_>, index: usize) -> Result<Value, Refusal> {
    let (kind, parameter) = if button.has("quickReplyPayload") {
        let payload = button.filled_to("quickReplyPayload", 128)?;
        ("quick_reply", json!({"type": "payload", "payload": payload}))
    } else if button.has("urlPlaceholder") {
        ("url", text_parameter(button.filled_to("urlPlaceholder", 1500)?))
    } else {
        return Err(button.missing("quickReplyPayload"));
    };
    Ok(json!({"type": "button", "sub_type": kind, "index": index.to_string(), "parameters": [parameter]}))
}

/// Members of a part of a contact card: our client's name, the Cloud API's name.
type Names = [(&'static str, &'static str)];

const NAME: &Names = &[
    ("formattedName", "formatted_name"),
    ("firstName", "first_name"),
    ("lastName", "last_name"),
    ("middleName", "middle_name"),
    ("nameSuffix", "suffix"),
    ("namePrefix", "prefix"),
];
const ADDRESS: &Names = &[
    ("street", "street"),
    ("city", "city"),
    ("state", "state"),
    ("zip", "zip"),
    ("country", "country"),
    ("countryCode", "country_code"),
];
const ORGANISATION: &Names = &[("company", "company"), ("department", "department"), ("title", "title")];
const PLACES: &[&str] = &["HOME", "WORK"];
const PHONES: &[&str] = &["CELL", "MAIN", "IPHONE", "HOME", "WORK"];

fn contacts(object: &Node<'_>) -> Result<Content, Refusal> {
    let cards = object.objects("contacts")?;
    if cards.is_empty() {
        return Err(object.invalid("contacts", "must not be empty"));
    }
    let cards = cards.iter().map(card).collect::<Result<Vec<_>, _>>()?;
    Ok(Content::Contacts(Value::Array(cards)))
}

fn card(card: &Node<'_>) -> Result<Value, Refusal> {
    let name = card.given_object("name")?;
    name.filled("firstName")?;
    name.filled("formattedName")?;
    let mut members = Map::new();
    members.insert("name".to_owned(), Value::Object(renamed(&name, NAME)?));
    if let Some(birthday) = card.filled_if_given("birthday")? {
        birthday.parse::<jiff::civil::Date>().map_err(|_| card.invalid("birthday", "must be YYYY-MM-DD"))?;
        members.insert("birthday".to_owned(), Value::String(birthday));
    }
    if let Some(organisation) = card.object("org")? {
        members.insert("org".to_owned(), Value::Object(renamed(&organisation, ORGANISATION)?));
    }
    let lists: [(&str, &Names, &[&str]); 4] = [
        ("addresses", ADDRESS, PLACES),
        ("emails", &[("email", "email")], PLACES),
        ("phones", &[("phone", "phone"), ("waId", "wa_id")], PHONES),
        ("urls", &[("url", "url")], PLACES),
    ];
    for (list, names, types) in lists {
        let parts = card.objects(list)?;
        if !parts.is_empty() {
            let parts = parts.iter().map(|part| typed(part, names, types)).collect::<Result<_, _>>()?;
            members.insert(list.to_owned(), Value::Array(parts));
        }
    }
    Ok(Value::Object(members))
}

fn typed(part: &Node<'_>, names: &Names, types: &[&str]) -> Result<Value, Refusal> {
    let mut members = renamed(part, names)?;
    if let Some(word) = part.word("type", types)? {
        members.insert("type".to_owned(), Value::String(word));
    }
    Ok(Value::Object(members))
}

fn renamed(part: &Node<'_>, names: &Names) -> Result<Map<String, Value>, Refusal> {
    let mut members = Map::new();
    for (ours, theirs) in names {
        if let Some(text) = part.text(ours)? {
            members.insert((*theirs).to_owned(), Value::String(text));
        }
    }
    Ok(members)
}
