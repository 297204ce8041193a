//! The built-in templates of each channel, and what they become.
//!
//! WhatsApp and email take names of templates registered elsewhere; the other channels' lists are
//! closed.

use std::collections::BTreeMap;

use model::{
    Cause, Channel, Content,
    content::{Location, Media, MediaKind, MediaSource, Template, Text},
};
use serde_json::{Value, json};

/// Parameters of a template.
pub(super) type Parameters = BTreeMap<String, String>;

/// Telesign: characters of an email template's name.
const MAX_EMAIL_TEMPLATE: usize = 64;
/// Name shown for a WhatsApp document that was given none.
const DEFAULT_FILE_NAME: &str = "file";

/// The channel of a name, if the API has it.
pub(super) fn channel(name: &str) -> Option<Channel> {
    match name {
        "rcs" => Some(Channel::Rcs),
        "whatsapp" => Some(Channel::Whatsapp),
        "sms" => Some(Channel::Sms),
        "mms" => Some(Channel::Mms),
        "viber" => Some(Channel::Viber),
        "email" => Some(Channel::Email),
        _ => None,
    }
}

/// Whether the gateway would have to make a one-time code for this template.
pub(super) fn is_generated_code(channel: Channel, template: &str) -> bool {
    // Telesign: WhatsApp templates for generated codes have the word anywhere in their name.
    template == "telesign_otp" || channel == Channel::Whatsapp && template.contains("telesign_otp")
}

/// The content that a template makes of its parameters. `is_default` says that it stands under
/// `default`, for all channels, where only plain text may stand.
pub(super) fn content(
    channel: Channel,
    template: &str,
    parameters: &Parameters,
    is_default: bool,
) -> Result<Content, Cause> {
    let values = Values(parameters);
    if is_default {
        return match template {
            "text" if channel != Channel::Email => values.text(),
            _ => Err(Cause::TemplateMissing),
        };
    }
    match channel {
        Channel::Whatsapp => whatsapp(template, values),
        Channel::Sms if template == "text" => values.text(),
        Channel::Mms => mms(template, values),
        Channel::Viber => viber(template, values),
        Channel::Rcs => rcs(template, values),
        Channel::Email => email(template, values),
        Channel::Sms
        | Channel::Push
        | Channel::Voice
        | Channel::Messenger
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::AppleMessages
        | Channel::InApp
        | Channel::Unlisted => Err(Cause::TemplateMissing),
    }
}

/// The content, if its text is not too long for an SMS.
pub(super) fn check_text(channel: Channel, content: Content, limit: usize) -> Result<Content, Cause> {
    let is_too_long = match &content {
        Content::Text(text) => channel == Channel::Sms && text.body.chars().count() > limit,
        Content::Media(_)
        | Content::Location(_)
        | Content::Contacts(_)
        | Content::Interactive(_)
        | Content::Template(_)
        | Content::Whatsapp(_)
        | Content::Email(_)
        | Content::Other(_) => false,
    };
    if is_too_long { Err(Cause::TextTooLong) } else { Ok(content) }
}

/// Whether this is an absolute web address.
pub(super) fn is_link(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty() && !rest.contains(char::is_whitespace))
}

#[derive(Clone, Copy)]
struct Values<'a>(&'a Parameters);

impl<'a> Values<'a> {
    fn optional(self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first of these that is there: the name, then its older spellings.
    fn required(self, names: &[&str]) -> Result<&'a str, Cause> {
        names.iter().find_map(|name| self.optional(name)).ok_or(Cause::MissingParameter)
    }

    fn text(self) -> Result<Content, Cause> {
        Ok(Content::Text(Text::new(self.required(&["text"])?)))
    }

    fn link(self, names: &[&str]) -> Result<String, Cause> {
        let url = self.required(names)?;
        if is_link(url) { Ok(url.to_owned()) } else { Err(Cause::InvalidContent) }
    }

    fn media(self, kind: MediaKind, names: &[&str]) -> Result<Content, Cause> {
        Ok(Content::Media(media(kind, self.link(names)?)))
    }

    fn location(self) -> Result<Content, Cause> {
        let latitude = degrees(self.required(&["latitude"])?, 90.0)?;
        let longitude = degrees(self.required(&["longitude"])?, 180.0)?;
        Ok(Content::Location(Location { latitude, longitude, name: None, address: None }))
    }

    /// Rich content as the caller wrote it, under canonical names, once everything needed is there.
    fn rich(self, template: &str, needed: &[&[&str]], optional: &[&str]) -> Result<Content, Cause> {
        let mut parameters = serde_json::Map::new();
        for names in needed {
            let value = self.required(names)?;
            if is_link_parameter(names[0]) && !is_link(value) {
                return Err(Cause::InvalidContent);
            }
            parameters.insert(names[0].to_owned(), value.into());
        }
        let extra = optional.iter().filter_map(|name| Some((*name, self.optional(name)?)));
        parameters.extend(extra.map(|(name, value)| (name.to_owned(), value.into())));
        Ok(Content::Other(json!({ "template": template, "parameters": parameters })))
    }
}

fn is_link_parameter(name: &str) -> bool {
    matches!(name, "url" | "url_thumbnail" | "media_url")
}

fn media(kind: MediaKind, url: String) -> Media {
    Media { kind, source: MediaSource::Link(url), mime: None, caption: None, filename: None }
}

fn degrees(text: &str, most: f64) -> Result<f64, Cause> {
    let degrees: f64 = text.trim().parse().map_err(|_| Cause::InvalidContent)?;
    if degrees.abs() <= most { Ok(degrees) } else { Err(Cause::InvalidContent) }
}

fn whatsapp(template: &str, values: Values<'_>) -> Result<Content, Cause> {
    // Telesign: the guides call the link `url`, the reference `header_url`.
    let names = ["url", "header_url"];
    match template {
        "" => Err(Cause::TemplateMissing),
        "text" => values.text(),
        "image" => values.media(MediaKind::Image, &names),
        "video" => values.media(MediaKind::Video, &names),
        "audio" => values.media(MediaKind::Audio, &names),
        "file" => {
            let mut media = media(MediaKind::Document, values.link(&names)?);
            media.filename = Some(values.optional("file_name").unwrap_or(DEFAULT_FILE_NAME).to_owned());
            Ok(Content::Media(media))
        }
        "location" => values.location(),
        name => registered(name, values),
    }
}

fn mms(template: &str, values: Values<'_>) -> Result<Content, Cause> {
    match template {
        "image" => values.media(MediaKind::Image, &["url"]),
        "video" => values.media(MediaKind::Video, &["url"]),
        "audio" => values.media(MediaKind::Audio, &["url"]),
        _ => Err(Cause::TemplateMissing),
    }
}

fn viber(template: &str, values: Values<'_>) -> Result<Content, Cause> {
    let text: &[&[&str]] = &[&["text"]];
    match template {
        "text" | "text_session" | "text_2way" if values.optional("reply_id").is_none() => values.text(),
        "text" | "text_session" | "text_2way" => values.rich(template, text, &["reply_id"]),
        "image" | "image_session" => values.media(MediaKind::Image, &["url"]),
        "video" => values.media(MediaKind::Video, &["url"]),
        "url_action" => values.rich(template, &[&["text"], &["url"], &["url_id"], &["url_text"]], &[]),
        "text_video" => values.rich(template, &[&["text"], &["url"], &["url_thumbnail"]], &[]),
        "url_action_video" => {
            values.rich(template, &[&["text"], &["url"], &["open_url"], &["button_text"]], &[])
        }
        "otp_verify" => values.rich(template, &[&["otp_code"]], &["language"]),
        _ => Err(Cause::TemplateMissing),
    }
}

fn rcs(template: &str, values: Values<'_>) -> Result<Content, Cause> {
    // Telesign: the second names are those of the first generation of the pages.
    let url: [&[&str]; 3] = [&["url"], &["url_text"], &["url_payload", "url_id"]];
    let dial: [&[&str]; 3] = [&["dial_text"], &["phone_number_to_dial"], &["dial_payload", "dial_id"]];
    let replies: [&[&str]; 7] = [
        &["text"],
        &["button_text_1", "reply1"],
        &["button_payload_1", "reply1_id"],
        &["button_text_2", "reply2"],
        &["button_payload_2", "reply2_id"],
        &["button_text_3", "reply3"],
        &["button_payload_3", "reply3_id"],
    ];
    let with = |first: &'static str, rest: &[&'static [&'static str]]| {
        let mut needed: Vec<&[&str]> = Vec::with_capacity(rest.len() + 1);
        let first: &'static [&'static str] = if first == "text" { &["text"] } else { &["media_url"] };
        needed.push(first);
        needed.extend(rest);
        values.rich(template, &needed, &[])
    };
    match template {
        "text" => values.text(),
        "media" | "file" => {
            let url = values.link(&["url"])?;
            Ok(Content::Media(media(kind_of(&url, MediaKind::Document), url)))
        }
        "location" => values.location(),
        "url_action" => with("text", &url),
        "dial_action" => with("text", &dial),
        "2_suggested_replies" => values.rich(template, &replies[..5], &[]),
        "3_suggested_replies" => values.rich(template, &replies, &[]),
        "rc_url_action_vertical" | "rc_url_action_horizontal" => with("media_url", &url),
        "rc_dial_action_vertical" | "rc_dial_action_horizontal" => with("media_url", &dial),
        _ => Err(Cause::TemplateMissing),
    }
}

fn email(template: &str, values: Values<'_>) -> Result<Content, Cause> {
    if template.is_empty() || template.chars().count() > MAX_EMAIL_TEMPLATE {
        return Err(Cause::TemplateMissing);
    }
    Ok(Content::Other(json!({ "template": template, "parameters": values.0 })))
}

/// What the ending of a link says that it leads to.
fn kind_of(url: &str, otherwise: MediaKind) -> MediaKind {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
    match ending.unwrap_or_default().to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" | "png" | "gif" | "webp" => MediaKind::Image,
        "mp4" | "3gp" | "3gpp" | "webm" | "mpeg" => MediaKind::Video,
        "aac" | "amr" | "mp3" | "ogg" | "m4a" => MediaKind::Audio,
        "pdf" | "doc" | "docx" | "xls" | "xlsx" | "ppt" | "pptx" | "txt" => MediaKind::Document,
        _ => otherwise,
    }
}

/// A template registered with WhatsApp.
fn registered(name: &str, values: Values<'_>) -> Result<Content, Cause> {
    let mut components = Vec::new();
    components.extend(header(values)?);
    components.extend(body(values));
    components.extend(url_buttons(values));
    Ok(Content::Template(Template { name: name.to_owned(), language: None, components }))
}

fn header(values: Values<'_>) -> Result<Option<Value>, Cause> {
    if values.optional("header_url").is_some() {
        let url = values.link(&["header_url"])?;
        let kind = kind_of(&url, MediaKind::Image);
        let mut object = json!({ "link": url });
        if let (MediaKind::Document, Some(name)) = (kind, values.optional("file_name")) {
            object["filename"] = name.into();
        }
        let parameter = json!({ "type": kind.as_str(), kind.as_str(): object });
        return Ok(Some(json!({ "type": "header", "parameters": [parameter] })));
    }
    let texts: Vec<Value> =
        numbered(values, "header_text_").map(|(_, value)| text_parameter(value)).collect();
    Ok((!texts.is_empty()).then(|| json!({ "type": "header", "parameters": texts })))
}

fn body(values: Values<'_>) -> Option<Value> {
    let mut parameters: Vec<Value> =
        numbered(values, "body_text_").map(|(_, value)| text_parameter(value)).collect();
    let named = values.0.iter().filter(|(name, _)| !is_positional(name));
    parameters
        .extend(named.map(|(name, value)| json!({ "type": "text", "parameter_name": name, "text": value })));
    (!parameters.is_empty()).then(|| json!({ "type": "body", "parameters": parameters }))
}

fn url_buttons(values: Values<'_>) -> impl Iterator<Item = Value> {
    numbered(values, "url_dynamic_").map(|(number, value)| {
        let index = number.saturating_sub(1).to_string();
        json!({ "type": "button", "sub_type": "url", "index": index, "parameters": [text_parameter(value)] })
    })
}

fn text_parameter(value: &str) -> Value {
    json!({ "type": "text", "text": value })
}

/// The values of `{prefix}{n}` in the order of `n`.
fn numbered<'a>(values: Values<'a>, prefix: &str) -> impl Iterator<Item = (u32, &'a str)> + use<'a> {
    let mut found: Vec<(u32, &str)> =
        values.0.iter().filter_map(|(name, value)| Some((number(name, prefix)?, value.as_str()))).collect();
    found.sort_unstable();
    found.into_iter()
}

fn number(name: &str, prefix: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.parse().ok()
}

fn is_positional(name: &str) -> bool {
    matches!(name, "header_url" | "file_name")
        || ["header_text_", "body_text_", "url_dynamic_"].iter().any(|prefix| number(name, prefix).is_some())
}
