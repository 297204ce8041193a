//! Settings of media: checks, uploads, conversion.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

/// Media of the whole gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// Address ranges that are allowed although they are private, loopback or the like.
    pub allow: Vec<IpNet>,
    /// Longest wait for a connection to a link's server, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Longest fetch of a link, in milliseconds; well under `cascade.answer_within_ms`.
    pub fetch_timeout_ms: u64,
    /// Who sends less than 16 KB in this time is given up, in milliseconds.
    pub slow_after_ms: u64,
    /// Links fetched at once; one account gets at most half of what others leave.
    pub fetches: usize,
    /// Uploads received at once; others wait a little, then are refused as overload.
    pub uploads: usize,
    /// An upload of which nothing comes for so long is given up, in milliseconds.
    pub upload_idle_ms: u64,
    /// The largest file that is kept, in bytes.
    pub max_file_bytes: u64,
    /// All kept files of one account, in bytes.
    pub account_bytes: u64,
    /// Kept files of one account.
    pub account_files: u64,
    /// Kept files of all accounts.
    pub files: usize,
    /// How long an upload is kept, in hours.
    pub keep_hours: u64,
    /// The program that makes sounds and videos fit, for accounts with `media.fit`; none is run
    /// without it.
    pub ffmpeg: Option<PathBuf>,
    /// Longest run of it, in milliseconds.
    pub ffmpeg_timeout_ms: u64,
    /// An object store that keeps the contents of uploads; without it, the data folder does.
    pub store: Option<MediaStoreConfig>,
}

/// An object store.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaStoreConfig {
    /// Kind, bucket and prefix: `s3://bucket/prefix`, `gs://…`, `az://…` or `file:///folder`.
    pub url: String,
    /// Region, endpoint, credentials and the like.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

impl MediaStoreConfig {
    /// The store. Nothing is connected to.
    ///
    /// # Errors
    /// What is wrong with it, in words for the operator.
    pub fn objects(&self) -> Result<media::library::Objects, String> {
        let options: Vec<(&str, &str)> =
            self.options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        media::library::Objects::new(&self.url, &options).map_err(|error| format!("media.store: {error}"))
    }
}

impl fmt::Debug for MediaStoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may be secret.
        let options: Vec<&String> = self.options.keys().collect();
        f.debug_struct("MediaStoreConfig").field("url", &self.url).field("options", &options).finish()
    }
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            connect_timeout_ms: 5_000,
            fetch_timeout_ms: 20_000,
            slow_after_ms: 5_000,
            fetches: 32,
            uploads: 4,
            upload_idle_ms: 10_000,
            max_file_bytes: 100 * 1024 * 1024,
            account_bytes: 10 * 1024 * 1024 * 1024,
            account_files: 100_000,
            files: 250_000,
            keep_hours: 30 * 24,
            ffmpeg: None,
            ffmpeg_timeout_ms: 60_000,
            store: None,
        }
    }
}

/// How media reach a route's network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaMode {
    /// Links as links, uploads by an id of the network.
    #[default]
    Auto,
    /// Always by link; uploads by their public address.
    Link,
    /// Always by an id of the network: links are fetched and handed over.
    Id,
}

/// How strictly an account's links are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckMedia {
    /// What cannot be checked is taken for bad.
    Strict,
    /// What cannot be checked passes.
    #[default]
    Lenient,
    /// Nothing is checked.
    Off,
}

/// Media of one account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountMedia {
    /// How strictly links and uploads are checked before they are sent.
    pub policy: CheckMedia,
    /// Whether media that do not fit are changed so that they do.
    pub fit: bool,
    /// Address that is told when a person first opens a link made by `{media_link}`.
    pub open_callback: Option<String>,
    /// A tighter limit on one upload, in bytes.
    pub max_file_bytes: Option<u64>,
    /// A tighter limit on all uploads, in bytes.
    pub max_bytes: Option<u64>,
    /// A tighter limit on the number of uploads.
    pub max_files: Option<u64>,
}
