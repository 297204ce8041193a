//! `/v1/{sid}/messages`: WhatsApp in a form, or SMS if no channel is named.

use model::{
    Call, Channel, Content, Refusal,
    content::{Media, MediaKind, MediaSource, Template, Text},
    message::{Brief, PlanSource, StepDraft, Submission},
};
use serde_json::{Map, Value, json};

use super::{Asked, Fields, sms};
use crate::kaleyra::wire::{Kind, Memo};
use crate::memo::remember;

pub(super) fn submission(asked: &Asked<'_>) -> Result<Call, Refusal> {
    let fields = asked.fields()?;
    match fields.text("channel").unwrap_or("sms").to_ascii_lowercase().as_str() {
        "whatsapp" => whatsapp(asked, &fields),
        "sms" => sms::from_fields(asked, &fields),
        other => Err(Refusal::invalid("channel", other, "neither WhatsApp nor SMS")),
    }
}

fn whatsapp(asked: &Asked<'_>, fields: &Fields) -> Result<Call, Refusal> {
    let recipients = asked.recipients(fields.required("to")?, "")?;
    let sender = fields.text("from").map(|from| asked.own_number(from)).transpose()?;
    let sender = sender.map(|phone| phone.digits().to_owned());
    let mut step = StepDraft::new(Channel::Whatsapp, content(fields)?);
    step.sender.clone_from(&sender);
    let memo = Memo { kind: Kind::FormWhatsapp, ..asked.memo(fields)? };
    Ok(Call::Submit(Box::new(Submission {
        brief: Brief { memo: Some(remember(&memo)), ..Brief::default() },
        plan: PlanSource::Steps { steps: vec![step], extend: sender },
        recipients,
        bulk: None,
    })))
}

fn content(fields: &Fields) -> Result<Content, Refusal> {
    let kind = fields.text("type").unwrap_or("text").to_ascii_lowercase();
    match kind.as_str() {
        "order_details" => interactive("order_details", fields),
        "interactive" | "button" => interactive("button", fields),
        // Buttons come under the type of what they hang on, too.
        "text" | "media" if fields.text("action").is_some() => interactive("button", fields),
        "text" => text(fields),
        "media" => media(fields),
        "template" => template(fields, None),
        "mediatemplate" => template(fields, header(fields)),
        other => Err(Refusal::invalid("type", other, "no such type")),
    }
}

fn text(fields: &Fields) -> Result<Content, Refusal> {
    let preview_url = fields.text("preview_url").is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
    Ok(Content::Text(Text { preview_url, ..Text::new(fields.required("body")?) }))
}

fn media(fields: &Fields) -> Result<Content, Refusal> {
    if fields.file("media").is_some() {
        return Err(Refusal::invalid("media", "", "files are taken by the upload call only; use media_url"));
    }
    let url = fields.required("media_url")?;
    Ok(Content::Media(Media {
        kind: kind_of(url),
        source: MediaSource::Link(url.to_owned()),
        mime: None,
        caption: fields.text("caption").map(str::to_owned),
        filename: None,
    }))
}

/// The kind by the ending of the address: the call does not name it. What has none is a document.
fn kind_of(url: &str) -> MediaKind {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "jpg" | "jpeg" | "png" => MediaKind::Image,
        "mp4" | "3gp" | "3gpp" => MediaKind::Video,
        "aac" | "amr" | "mp3" | "m4a" | "ogg" | "opus" => MediaKind::Audio,
        "webp" => MediaKind::Sticker,
        _ => MediaKind::Document,
    }
}

fn template(fields: &Fields, header: Option<Value>) -> Result<Content, Refusal> {
    let values: Vec<Value> =
        list(fields.text("params").unwrap_or_default()).into_iter().map(text_parameter).collect();
    let body = (!values.is_empty()).then(|| json!({ "type": "body", "parameters": values }));
    let button = fields.text("param_url").map(|url| {
        let parameters = [text_parameter(url.to_owned())];
        json!({ "type": "button", "sub_type": "url", "index": "0", "parameters": parameters })
    });
    Ok(Content::Template(Template {
        name: fields.required("template_name")?.to_owned(),
        language: fields.text("lang_code").map(str::to_owned),
        components: header.into_iter().chain(body).chain(button).collect(),
    }))
}

fn text_parameter(text: String) -> Value {
    json!({ "type": "text", "text": text })
}

/// The header of a template: media, a place, or a text.
fn header(fields: &Fields) -> Option<Value> {
    let parameter = if let Some(url) = fields.text("media_url") {
        let kind = kind_of(url).as_str();
        json!({ "type": kind, kind: { "link": url } })
    } else if let (Some(latitude), Some(longitude)) = (fields.text("param_lat"), fields.text("param_long")) {
        let mut place = json!({ "latitude": latitude, "longitude": longitude });
        for (member, field) in [("name", "param_name"), ("address", "param_address")] {
            if let Some(text) = fields.text(field) {
                place[member] = text.into();
            }
        }
        json!({ "type": "location", "location": place })
    } else {
        text_parameter(fields.text("param_header")?.to_owned())
    };
    Some(json!({ "type": "header", "parameters": [parameter] }))
}

fn interactive(kind: &str, fields: &Fields) -> Result<Content, Refusal> {
    let action = fields.object("action")?.ok_or_else(|| Refusal::missing("action"))?;
    let mut object = Map::new();
    object.insert("type".to_owned(), kind.into());
    if let Some(header) = fields.text("header") {
        object.insert("header".to_owned(), json!({ "type": "text", "text": header }));
    }
    object.insert("body".to_owned(), json!({ "text": fields.required("body")? }));
    if let Some(footer) = fields.text("footer") {
        object.insert("footer".to_owned(), json!({ "text": footer }));
    }
    object.insert("action".to_owned(), Value::Object(action));
    Ok(Content::Interactive(Value::Object(object)))
}

/// Kaleyra: values in quotes, with commas between. Values without quotes and a JSON array are
/// taken too.
pub(super) fn list(text: &str) -> Vec<String> {
    if let Ok(values) = serde_json::from_str::<Vec<String>>(text) {
        return values;
    }
    let (mut values, mut value, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for character in text.chars() {
        match character {
            _ if escaped => {
                escaped = false;
                value.push(character);
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => values.push(std::mem::take(&mut value).trim().to_owned()),
            _ => value.push(character),
        }
    }
    if !text.trim().is_empty() {
        values.push(value.trim().to_owned());
    }
    values
}
