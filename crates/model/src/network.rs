//! What connectors and networks say to us.

use serde::{Deserialize, Serialize};

use crate::{
    cause::Cause,
    channel::Channel,
    id::{AttemptId, RouteName},
    time::{Span, Time},
};

/// A network's own code and words, kept for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkCode {
    /// The code as the network spells it: `131026`, `0x00000058`, `UNDELIV/000`.
    pub code: String,
    /// The network's text, shortened to [`Self::MAX_TEXT`] bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl NetworkCode {
    /// The most bytes of a network's text that are kept.
    pub const MAX_TEXT: usize = 300;

    /// A code with its text, shortened at a character boundary if need be.
    #[must_use]
    pub fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > Self::MAX_TEXT {
            let end = (0..=Self::MAX_TEXT).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
            text.truncate(end);
        }
        Self { code: code.into(), text }
    }
}

/// Why an attempt was not taken, or failed later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Our word for it; it alone decides what happens next.
    pub cause: Cause,
    /// The network's own advice on when to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
    /// The network's code and text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkCode>,
}

impl Fault {
    /// A fault that says nothing but its cause.
    #[must_use]
    pub const fn new(cause: Cause) -> Self {
        Self { cause, retry_after: None, network: None }
    }

    /// The same fault with the network's own words.
    #[must_use]
    pub fn with_network(mut self, code: impl Into<String>, text: impl Into<String>) -> Self {
        self.network = Some(NetworkCode::new(code, text));
        self
    }

    /// The same fault with the network's advice on when to try again.
    #[must_use]
    pub const fn with_retry_after(mut self, span: Span) -> Self {
        self.retry_after = Some(span);
        self
    }
}

impl From<Cause> for Fault {
    fn from(cause: Cause) -> Self {
        Self::new(cause)
    }
}

/// What a network says about an attempt it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The news.
    pub status: ReceiptStatus,
    /// When it happened by the network's clock, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// The network's code and text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkCode>,
}

impl Receipt {
    /// A receipt of this status and nothing else.
    #[must_use]
    pub const fn new(status: ReceiptStatus) -> Self {
        Self { status, at: None, network: None }
    }
}

/// The rungs a network can report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptStatus {
    /// On its way to the handset.
    Sent,
    /// On the handset.
    Delivered,
    /// Seen by the person; implies delivered.
    Read,
    /// A voice note was played; implies read.
    Played,
    /// It will not arrive.
    Failed(Cause),
}

/// How a receipt names the attempt it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Our own id, if the network carried it.
    pub attempt: Option<AttemptId>,
    /// The network's id, in the canonical spelling of the connector.
    pub upstream: Option<String>,
}

/// A message from a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// Route it came in by.
    pub route: RouteName,
    /// Channel of the route.
    pub channel: Channel,
    /// The network's id of it; the same id again is the same message.
    pub upstream: String,
    /// Who wrote: digits of the phone, or the network's user id.
    pub from: String,
    /// Which of our senders it was sent to, in the network's spelling.
    pub to: String,
    /// When, by the network's clock.
    pub at: Time,
    /// Name the person shows, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_name: Option<String>,
    /// What was said.
    pub content: InboundContent,
    /// The network's id of our message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
}

/// What a person said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InboundContent {
    /// Plain text.
    Text(String),
    /// A tap on a button or list row: its id or payload, and its label.
    Choice {
        /// Id or payload.
        id: String,
        /// Label.
        title: String,
        /// A list row rather than a button.
        list: bool,
        /// Second line of a list row.
        description: Option<String>,
    },
    /// Media; `id` is the network's.
    Media {
        /// `image`, `video`, `audio`, `voice`, `document` or `sticker`.
        kind: String,
        /// The network's media id.
        id: String,
        /// MIME type.
        mime: Option<String>,
        /// Caption.
        caption: Option<String>,
        /// File name.
        filename: Option<String>,
        /// SHA-256 as the network spells it.
        sha256: Option<String>,
        /// Where to fetch it, if the network or we offer an address.
        url: Option<String>,
    },
    /// A point on a map.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// Name of the place.
        name: Option<String>,
        /// Street address.
        address: Option<String>,
    },
    /// Anything else, as the network wrote it.
    Other(serde_json::Value),
}

/// Something a network tells us, as its connector understood it.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkEvent {
    /// News of an attempt.
    Receipt {
        /// Which attempt.
        subject: Subject,
        /// The news.
        receipt: Receipt,
    },
    /// A person wrote to us.
    Inbound(Inbound),
    /// A person asked for no more (`true`) or more (`false`) marketing from a sender.
    MarketingPreference {
        /// The person's address.
        from: String,
        /// The sender concerned.
        to: String,
        /// Whether the person opted out.
        stopped: bool,
    },
}
