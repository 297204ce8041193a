//! What a step says. Structured WhatsApp objects keep the shape of Meta's Cloud API, which all
//! five dialects imitate or pass through.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The content of a step, in a form its channel's connectors understand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Plain text, on any channel.
    Text(Text),
    /// A picture, video, sound, document or sticker.
    Media(Media),
    /// A point on a map.
    Location(Location),
    /// Contact cards: the Cloud API's `contacts` array.
    Contacts(Value),
    /// Buttons, lists and the like: the Cloud API's `interactive` object.
    Interactive(Value),
    /// A registered template.
    Template(Template),
    /// A WhatsApp message passed on as the caller wrote it: a Cloud API message object with
    /// `type` and the member of that name (and `context` if given), without recipient.
    Whatsapp(Value),
    /// An internet mail.
    Email(Email),
    /// Content for a channel without a connector of its own yet, as the caller wrote it; it is
    /// validated by the dialect and waits for a route.
    Other(Value),
}

/// Plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The text itself.
    pub body: String,
    /// Whether WhatsApp may show a preview of the first link.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview_url: bool,
    /// How an SMS is to be coded; other channels ignore it.
    #[serde(default, skip_serializing_if = "SmsOptions::is_default")]
    pub sms: SmsOptions,
}

impl Text {
    /// A text without options.
    #[must_use]
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }
}

/// How an SMS is to be coded and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsOptions {
    /// Which alphabet to use.
    #[serde(default)]
    pub coding: SmsCoding,
    /// Shown at once and not stored (class 0).
    #[serde(default)]
    pub flash: bool,
    /// Replace characters outside GSM 03.38 by similar ones inside it before choosing.
    #[serde(default)]
    pub transliterate: bool,
    /// India DLT: principal entity id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dlt_entity: Option<String>,
    /// India DLT: content template id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dlt_template: Option<String>,
}

impl SmsOptions {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Alphabet of an SMS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsCoding {
    /// GSM 03.38 if the text fits it, else UCS-2.
    #[default]
    Auto,
    /// UCS-2 always.
    Unicode,
    /// The body is hex digits of 8-bit data.
    Binary,
}

/// Kinds of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A still picture.
    Image,
    /// A moving picture.
    Video,
    /// A sound file.
    Audio,
    /// Any document.
    Document,
    /// A WhatsApp sticker.
    Sticker,
}

impl MediaKind {
    /// The Cloud API's word, which is also ours.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Image, Self::Video, Self::Audio, Self::Document, Self::Sticker];

    /// The kind of a Cloud API word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A media message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// What it is shown as.
    pub kind: MediaKind,
    /// Where the bytes are.
    pub source: MediaSource,
    /// The type the caller declared, lower case, without parameters the caller did not give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Text shown under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// Name shown for a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// Where media bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaSource {
    /// A link given by the caller.
    Link(String),
    /// An id given by the caller: of a file uploaded to Courant, else an id of the network.
    Id(String),
}

/// A point on a map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
    /// Name of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its street address, shown by WhatsApp only with a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// A registered template and what to fill in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Registered name.
    pub name: String,
    /// `en`, `en_US`; `None` takes the sender's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The Cloud API's `components` array; empty for a template without parameters.
    #[serde(default)]
    pub components: Vec<Value>,
}

/// An internet mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// Subject line.
    pub subject: String,
    /// Plain body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// HTML body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// Where answers go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
}

impl Content {
    /// A short word for logs and metrics; never content.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Media(media) => media.kind.as_str(),
            Self::Location(_) => "location",
            Self::Contacts(_) => "contacts",
            Self::Interactive(_) => "interactive",
            Self::Template(_) => "template",
            Self::Whatsapp(_) => "whatsapp",
            Self::Email(_) => "email",
            Self::Other(_) => "other",
        }
    }
}
