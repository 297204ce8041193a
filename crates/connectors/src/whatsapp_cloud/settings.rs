//! What the operator says about a WhatsApp Cloud API route.

use std::fmt;

use model::Phone;
use serde::Deserialize;
use url::Url;

/// Settings of a route. Only `numbers`, `token` and (for webhooks) `app_secret` and
/// `verify_token` have to be given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the Graph API is; without version and without a query.
    #[serde(default = "graph")]
    pub base_url: Url,
    /// Version segment of the path, `v23.0`; empty leaves it out.
    #[serde(default = "version")]
    pub version: String,
    /// The business phone numbers to send from; the first is the default.
    pub numbers: Vec<Number>,
    /// Access token with the permission `whatsapp_business_messaging`.
    pub token: Secret,
    /// Secret of the app, with which Meta signs webhooks.
    #[serde(default)]
    pub app_secret: Option<Secret>,
    /// Whether webhooks without a valid signature are refused.
    #[serde(default = "yes")]
    pub verify_signature: bool,
    /// The word agreed with Meta for setting up the webhook.
    #[serde(default)]
    pub verify_token: Option<Secret>,
    /// Milliseconds to wait for the answer to a send, 50 to 30000.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// Milliseconds to wait for an upload, up to ten minutes.
    #[serde(default = "upload_timeout_ms")]
    pub upload_timeout_ms: u64,
    /// The most sends under way at once.
    #[serde(default = "window")]
    pub window: usize,
    /// Messages per second and number; Meta allows 80, later 1000.
    #[serde(default = "messages_per_second")]
    pub messages_per_second: f64,
    /// Milliseconds between two messages to the same person; 0 for no such limit.
    #[serde(default = "pair_interval_ms")]
    pub pair_interval_ms: u64,
    /// Messages to the same person that may go at once before the interval counts.
    #[serde(default = "pair_burst")]
    pub pair_burst: u32,
    /// Whether templates of marketing priority go to `marketing_messages` rather than `messages`.
    #[serde(default)]
    pub marketing_endpoint: bool,
    /// Language of templates that name none.
    #[serde(default = "default_language")]
    pub default_language: String,
}

/// The name of a number that sends for every sender no number answers to.
const ANY: &str = "*";

/// A business phone number.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// Names by which accounts call it; its digits and its id always work too. `*` makes it send
    /// for every name that no number answers to.
    #[serde(default, alias = "senders")]
    pub sender: Labels,
    /// Meta's id of the number: digits.
    pub phone_number_id: String,
    /// The number itself, in any human spelling.
    pub display: String,
    /// Id of the business account it belongs to; only for people.
    #[serde(default)]
    pub waba_id: Option<String>,
}

/// One name or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Labels {
    /// One.
    One(String),
    /// Several, or none.
    Many(Vec<String>),
}

impl Default for Labels {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Labels {
    fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// A text that is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Wrong scheme, or an address with a query.
    #[error("base_url must be http or https, without query and fragment")]
    BaseUrl,
    /// Not of the form `v23.0`.
    #[error("version must look like v23.0, or be empty")]
    Version,
    /// There is nothing to send from.
    #[error("numbers: at least one is needed")]
    NoNumbers,
    /// An id that is not digits.
    #[error("numbers: phone_number_id must be digits, not {0:?}")]
    PhoneNumberId(String),
    /// A display number that is no phone number.
    #[error("numbers: display must be a phone number, not {0:?}")]
    Display(String),
    /// Two numbers answer to the same name.
    #[error("numbers: {0:?} names two numbers")]
    SameName(String),
    /// A token that cannot travel in a header.
    #[error("token must not be empty, and only visible ASCII")]
    Token,
    /// Webhooks could not be checked.
    #[error("app_secret is missing; with verify_signature = false webhooks are taken unchecked")]
    AppSecret,
    /// A number out of range.
    #[error("{0} must be within {1}")]
    Range(&'static str, &'static str),
    /// The HTTP client could not be built.
    #[error(transparent)]
    Client(#[from] crate::http::ClientSetupError),
}

/// The numbers of a route, checked.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(Vec<Entry>);

/// One number, checked.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Meta's id of it.
    pub(crate) id: String,
    /// Its digits.
    pub(crate) display: Phone,
    names: Vec<String>,
}

impl Settings {
    /// Checks everything that can be checked without the network.
    pub(crate) fn check(&self) -> Result<Numbers, SettingsError> {
        self.check_address()?;
        self.check_secrets()?;
        self.check_ranges()?;
        Numbers::new(&self.numbers)
    }

    fn check_address(&self) -> Result<(), SettingsError> {
        let url = &self.base_url;
        let plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
        if !matches!(url.scheme(), "http" | "https") || !plain {
            return Err(SettingsError::BaseUrl);
        }
        if self.version.is_empty() || is_version(&self.version) {
            Ok(())
        } else {
            Err(SettingsError::Version)
        }
    }

    fn check_secrets(&self) -> Result<(), SettingsError> {
        let token = self.token.expose();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SettingsError::Token);
        }
        let secret = self.app_secret.as_ref().is_some_and(|secret| !secret.expose().is_empty());
        if self.verify_signature && !secret { Err(SettingsError::AppSecret) } else { Ok(()) }
    }

    fn check_ranges(&self) -> Result<(), SettingsError> {
        let checks = [
            ((50..=30_000).contains(&self.timeout_ms), "timeout_ms", "50 to 30000"),
            ((50..=600_000).contains(&self.upload_timeout_ms), "upload_timeout_ms", "50 to 600000"),
            ((1..=10_000).contains(&self.window), "window", "1 to 10000"),
            ((0.01..=10_000.0).contains(&self.messages_per_second), "messages_per_second", "0.01 to 10000"),
            (self.pair_interval_ms <= 3_600_000, "pair_interval_ms", "0 to 3600000"),
            ((1..=10_000).contains(&self.pair_burst), "pair_burst", "1 to 10000"),
        ];
        match checks.into_iter().find(|(fine, ..)| !fine) {
            Some((_, name, range)) => Err(SettingsError::Range(name, range)),
            None => Ok(()),
        }
    }
}

impl Numbers {
    fn new(numbers: &[Number]) -> Result<Self, SettingsError> {
        let entries = numbers.iter().map(Entry::new).collect::<Result<Vec<_>, _>>()?;
        if entries.is_empty() {
            return Err(SettingsError::NoNumbers);
        }
        let checked = Self(entries);
        match checked.ambiguous() {
            Some(name) => Err(SettingsError::SameName(name)),
            None => Ok(checked),
        }
    }

    /// The number an account means; the first if it names none.
    pub(crate) fn find(&self, sender: Option<&str>) -> Option<&Entry> {
        match sender {
            None => self.0.first(),
            Some(name) => {
                let named = self.0.iter().find(|entry| entry.answers_to(name));
                named.or_else(|| self.0.iter().find(|entry| entry.answers_to(ANY)))
            }
        }
    }

    /// The number with this id of Meta's.
    pub(crate) fn by_id(&self, id: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.id == id)
    }

    fn ambiguous(&self) -> Option<String> {
        let taken = |name: &str| self.0.iter().filter(|entry| entry.answers_to(name)).count() > 1;
        let mut names = self.0.iter().flat_map(Entry::all_names);
        names.find(|name| taken(name)).map(str::to_owned)
    }
}

impl Entry {
    fn new(number: &Number) -> Result<Self, SettingsError> {
        let id = number.phone_number_id.clone();
        if id.is_empty() || id.len() > 32 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SettingsError::PhoneNumberId(id));
        }
        let display =
            Phone::parse(&number.display).ok_or_else(|| SettingsError::Display(number.display.clone()))?;
        Ok(Self { id, display, names: number.sender.names().to_vec() })
    }

    fn all_names(&self) -> impl Iterator<Item = &str> {
        let own = [self.id.as_str(), self.display.digits()];
        self.names.iter().map(String::as_str).chain(own)
    }

    fn answers_to(&self, name: &str) -> bool {
        let digits = Phone::parse(name);
        self.all_names().any(|own| own == name)
            || digits.is_some_and(|digits| digits == self.display || digits.digits() == self.id)
    }
}

/// Whether it looks like `v23.0`.
fn is_version(text: &str) -> bool {
    let number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = text.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(major, minor)| number(major) && number(minor))
}

fn graph() -> Url {
    Url::parse("https://graph.facebook.com").expect("a constant address")
}

fn version() -> String {
    "v23.0".to_owned()
}

const fn yes() -> bool {
    true
}

const fn timeout_ms() -> u64 {
    20_000
}

const fn upload_timeout_ms() -> u64 {
    120_000
}

const fn window() -> usize {
    64
}

const fn messages_per_second() -> f64 {
    80.0
}

// Meta: one message per six seconds to the same person, with bursts of up to 45 lent in advance.
const fn pair_interval_ms() -> u64 {
    6_000
}

const fn pair_burst() -> u32 {
    45
}

fn default_language() -> String {
    "en_US".to_owned()
}
