//! What an account sets for this dialect.

use std::{collections::BTreeMap, sync::LazyLock};

use model::Channel;
use serde::{Deserialize, Serialize};

use crate::{Context, Key, support};

/// An account's settings for this dialect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who may sign in.
    pub users: Vec<User>,
    /// Long-lived bearer keys.
    pub keys: Vec<ApiKey>,
    /// Senders that may be used, without `+`, by channel; a channel that is not listed takes any.
    /// Others are accepted and reported as not allowed, as Messangi does.
    pub senders: BTreeMap<Channel, Vec<String>>,
    /// Where callbacks go besides the addresses of the request.
    pub callback_urls: Vec<String>,
    /// Where messages from people go.
    pub inbound_url: Option<String>,
    /// Headers sent with callbacks, such as a shared secret.
    pub callback_headers: BTreeMap<String, Key>,
    /// Whether `DEQUEUED` is told before `SENT`.
    pub report_dequeued: bool,
    /// Whether bodies must be strict JSON even if the account tolerates otherwise.
    pub strict_json: bool,
    /// Request quota told in headers; enforced by the account's limits.
    pub quota: Option<Quota>,
    /// Whether captions of videos and documents are shown; Messangi knows them for images only.
    pub caption_all_media: bool,
    /// Whether media formats are left to the network; Messangi takes few, documents as PDF only.
    pub any_media_format: bool,
    /// Images, videos and documents have at most this many bytes.
    pub max_media_bytes: MediaLimit,
}

/// The largest image, video or document that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaLimit(pub u64);

impl Default for MediaLimit {
    /// Messangi: less than 5 MB.
    fn default() -> Self {
        Self(5 * 1024 * 1024 - 1)
    }
}

/// A user of the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// Name, an email address with the vendor.
    pub username: String,
    /// Password.
    pub password: Key,
}

/// A long-lived key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiKey {
    /// The key.
    pub key: Key,
    /// The user shown as owner of its messages; `None` is the account.
    pub username: Option<String>,
}

/// Requests per fixed window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Requests.
    pub requests: u32,
    /// Length of the window in seconds.
    pub window_seconds: u64,
}

/// The account's settings for this dialect, defaults if it has none.
pub(super) fn own<'a>(context: &Context<'a>) -> &'a Settings {
    static DEFAULTS: LazyLock<Settings> = LazyLock::new(Settings::default);
    context.settings.messangi.as_ref().unwrap_or(&DEFAULTS)
}

/// The user shown as owner of a message.
pub(super) fn username(context: &Context<'_>) -> String {
    let own = own(context);
    let key = own.keys.iter().find(|key| support::key_name(key.key.as_str()) == context.principal);
    match key {
        Some(key) => key.username.clone().unwrap_or_else(|| context.account.to_owned()),
        None => context.principal.to_owned(),
    }
}
