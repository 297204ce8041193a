//! What an account sets for this dialect.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::Channel;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{Context, Key};

/// Settings of an account for the Telesign dialect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The customer id; its case does not matter.
    pub customer_id: String,
    /// API keys as base64 text, at least one. Any opens the API; the first signs callbacks.
    #[serde(deserialize_with = "api_keys")]
    pub api_keys: Vec<Key>,
    /// Where reports go: none, one or two addresses, each of which gets every report.
    #[serde(default, deserialize_with = "callback_urls")]
    pub callback_url: Vec<String>,
    /// Method of callbacks.
    #[serde(default)]
    pub callback_method: CallbackMethod,
    /// Whether times in callbacks are spelled `2020-05-04 22:07:01:226`.
    #[serde(default)]
    pub legacy_timestamps: bool,
    /// Unit of `fallback_time`.
    #[serde(default)]
    pub fallback_time_unit: FallbackTimeUnit,
    /// Whether a `fallback_time` out of range is refused rather than moved into the range.
    #[serde(default)]
    pub strict_fallback_time: bool,
    /// Whether requests may name a `callback_url` of their own.
    #[serde(default = "yes")]
    pub allow_callback_url_override: bool,
    /// The channels the account may use; all if not given.
    #[serde(default)]
    pub channels: Option<Vec<Channel>>,
    /// Whether channels after the first are tried.
    #[serde(default = "yes")]
    pub fallback_enabled: bool,
    /// Whether `Basic customer:key` without base64 is taken, as the vendor's samples print it.
    #[serde(default)]
    pub accept_unencoded_basic: bool,
    /// Whether hand-over to a network is reported too (code 3002).
    #[serde(default)]
    pub intermediate_callbacks: bool,
    /// Where messages from people go.
    #[serde(default)]
    pub inbound_url: Option<String>,
    /// The most characters of an SMS text.
    #[serde(default = "default_sms_text_limit")]
    pub default_sms_text_limit: usize,
    /// Values of `sender_id` that are used; any other gives way to the account's default sender.
    #[serde(default)]
    pub sender_ids: Vec<String>,
}

/// Method of callbacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CallbackMethod {
    /// `POST`.
    #[default]
    Post,
    /// `GET`, with the same body.
    Get,
}

/// Unit of `fallback_time`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackTimeUnit {
    /// As the first generation of the vendor's pages says.
    #[default]
    Milliseconds,
    /// As its later pages say.
    Seconds,
}

impl Settings {
    /// Settings with nothing but credentials.
    #[must_use]
    pub fn new(customer_id: impl Into<String>, api_key: &str) -> Self {
        Self {
            customer_id: customer_id.into(),
            api_keys: vec![api_key.into()],
            callback_url: Vec::new(),
            callback_method: CallbackMethod::default(),
            legacy_timestamps: false,
            fallback_time_unit: FallbackTimeUnit::default(),
            strict_fallback_time: false,
            allow_callback_url_override: true,
            channels: None,
            fallback_enabled: true,
            accept_unencoded_basic: false,
            intermediate_callbacks: false,
            inbound_url: None,
            default_sms_text_limit: default_sms_text_limit(),
            sender_ids: Vec::new(),
        }
    }

    /// Whether the account may use a channel.
    pub(super) fn enables(&self, channel: Channel) -> bool {
        self.channels.as_ref().is_none_or(|channels| channels.contains(&channel))
    }
}

/// The account's settings for this dialect.
pub(super) fn of<'a>(context: &Context<'a>) -> Option<&'a Settings> {
    context.settings.telesign.as_ref()
}

const fn yes() -> bool {
    true
}

/// Telesign: an SMS has at most 1600 characters.
const fn default_sms_text_limit() -> usize {
    1600
}

fn api_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Key>, D::Error> {
    let keys = Vec::<Key>::deserialize(deserializer)?;
    if keys.is_empty() {
        return Err(D::Error::custom("at least one API key is needed"));
    }
    if keys.iter().any(|key| key.as_str().is_empty() || STANDARD.decode(key.as_str()).is_err()) {
        return Err(D::Error::custom("an API key is base64 text"));
    }
    Ok(keys)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn callback_urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let urls = match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(url) => vec![url],
        OneOrMany::Many(urls) => urls,
    };
    // Telesign: a second address is for redundancy; there is no third.
    if urls.len() > 2 {
        return Err(D::Error::custom("at most two callback addresses"));
    }
    Ok(urls)
}
