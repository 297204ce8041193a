//! The configuration: one TOML file. Unknown keys, missing secrets and contradictions are errors
//! that name file, line and key.

use std::{collections::BTreeMap, fmt, fs, net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use model::{Channel, Span, message::OnUnknown};
use serde::{Deserialize, Serialize};

use crate::people::{Role, directory, password};

mod bounds;
mod load;
mod media;
mod money;
mod telemetry;

pub use load::{ConfigError, Source};
pub use media::{AccountMedia, CheckMedia, MediaConfig, MediaMode, MediaStoreConfig};
pub use money::{
    Amount, BalanceConfig, ChargeOn, Day, NumberPlanConfig, Per, PortabilityConfig, PriceConfig, QuotaConfig,
};
pub use telemetry::Telemetry;

/// The commented default configuration, as `courant config` prints it.
pub const DEFAULT: &str = include_str!("../../../config/courant.toml");

/// The configuration of the sandbox.
pub const SANDBOX: &str = include_str!("../../../config/sandbox.toml");

/// Everything that can be configured.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Listeners.
    pub server: Server,
    /// Where and how long things are kept.
    pub store: StoreConfig,
    /// Knobs of the cascade.
    pub cascade: Cascade,
    /// Bounds.
    pub limits: Limits,
    /// Pushed reports.
    pub callbacks: Callbacks,
    /// Media: checks, uploads, conversion.
    pub media: MediaConfig,
    /// Logs.
    pub log: Log,
    /// Traces.
    pub telemetry: Telemetry,
    /// Price list.
    #[serde(rename = "price")]
    pub prices: Vec<PriceConfig>,
    /// Networks by prefix.
    pub number_plan: Vec<NumberPlanConfig>,
    /// Ported numbers.
    pub portability: PortabilityConfig,
    /// People and their console.
    pub console: Console,
    /// The API for operators.
    pub admin: Admin,
    /// Ways to networks.
    #[serde(rename = "route")]
    pub routes: Vec<RouteConfig>,
    /// Tenants.
    #[serde(rename = "account")]
    pub accounts: Vec<AccountConfig>,
}

/// Listeners.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Where the APIs of all dialects, the console and the hooks listen.
    pub listen: SocketAddr,
    /// The address under which others reach this server, without a slash at the end.
    pub public_url: Option<String>,
    /// Certificate chain (PEM); with `tls_key` the listener speaks TLS.
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM).
    pub tls_key: Option<PathBuf>,
    /// Most connections at once; more wait in the kernel's queue.
    pub max_connections: usize,
    /// Most requests being worked on at once; more are refused as overload.
    pub max_requests: usize,
    /// Most of them for one account. With other accounts at work it is less, so that each finds
    /// room.
    pub max_requests_per_account: usize,
    /// Most memory for the bodies of all requests at once, uploads apart, in MiB; more are refused
    /// as overload.
    pub body_memory_mb: usize,
    /// Longest wait for a request's headers, in milliseconds.
    pub header_timeout_ms: u64,
    /// Longest wait for a request's body, in milliseconds.
    pub body_timeout_ms: u64,
    /// Longest drain at shutdown, in milliseconds.
    pub drain_ms: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8480)),
            public_url: None,
            tls_cert: None,
            tls_key: None,
            max_connections: 10_000,
            max_requests: 4096,
            max_requests_per_account: 512,
            body_memory_mb: 128,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            drain_ms: 10_000,
        }
    }
}

/// Where and how long things are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Data folder.
    pub path: PathBuf,
    /// Settled messages older than this are removed, in hours.
    pub retention_hours: u64,
    /// How long requests are kept as they were received, with their answers, in hours; 0 keeps none.
    pub keep_requests_hours: u64,
    /// Largest size of the database in MiB; 0 for as much as the disk has. At the limit Courant
    /// does what it does on a full disk: refuses new work, loses nothing.
    pub max_mb: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { path: PathBuf::from("data"), retention_hours: 30 * 24, keep_requests_hours: 0, max_mb: 0 }
    }
}

/// Knobs of the cascade.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cascade {
    /// Patience of a step that the caller gave none, in milliseconds.
    pub default_patience_ms: u64,
    /// Validity of a last step that the caller gave none, in milliseconds.
    pub default_validity_ms: u64,
    /// First delay before the same route is tried again, in milliseconds.
    pub retry_first_ms: u64,
    /// Longest delay before the same route is tried again, in milliseconds.
    pub retry_max_ms: u64,
    /// Most attempts within a step.
    pub max_attempts: u16,
    /// After this long without an answer, the outcome of a hand-over is unknown, in milliseconds.
    pub answer_within_ms: u64,
    /// How long an unknown outcome waits for a receipt, in milliseconds.
    pub grace_ms: u64,
}

impl Default for Cascade {
    fn default() -> Self {
        Self {
            default_patience_ms: 300_000,
            default_validity_ms: 48 * 3_600_000,
            retry_first_ms: 500,
            retry_max_ms: 60_000,
            max_attempts: 32,
            answer_within_ms: 60_000,
            grace_ms: 20_000,
        }
    }
}

impl Cascade {
    /// The engine's rules.
    #[must_use]
    pub fn rules(&self) -> engine::Rules {
        engine::Rules {
            retry_first: Span::from_millis(self.retry_first_ms),
            retry_max: Span::from_millis(self.retry_max_ms),
            max_attempts: self.max_attempts,
            answer_within: Span::from_millis(self.answer_within_ms),
            grace: Span::from_millis(self.grace_ms),
        }
    }
}

/// Bounds.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Messages held in memory per lane and class; more wait in the store.
    pub lane_memory: usize,
    /// Messages kept in memory for speed.
    pub cached_messages: usize,
    /// Alarms held in memory; later ones wait in the store.
    pub timers: usize,
    /// Most recipients of one request, where the vendor sets no lower limit.
    pub recipients_per_request: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lane_memory: 512, cached_messages: 20_000, timers: 50_000, recipients_per_request: 10_000 }
    }
}

/// Pushed reports.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Callbacks {
    /// Address ranges that are allowed although they are private, loopback or the like.
    pub allow: Vec<IpNet>,
    /// Most callbacks in flight.
    pub concurrency: usize,
    /// Most callbacks in flight to one host.
    pub concurrency_per_host: usize,
}

impl Default for Callbacks {
    fn default() -> Self {
        Self { allow: Vec::new(), concurrency: 256, concurrency_per_host: 64 }
    }
}

/// Logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `info`, or a filter such as `info,courant=debug`.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// People and their console.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Console {
    /// How long somebody stays signed in, in hours.
    pub session_hours: u64,
    /// People who may sign in; more can be added in the console.
    pub users: Vec<UserConfig>,
}

impl Default for Console {
    fn default() -> Self {
        Self { session_hours: 12, users: Vec::new() }
    }
}

/// Somebody who may sign in to the console.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserConfig {
    /// The name to sign in with.
    pub name: String,
    /// The password's hash, as `courant password-hash` prints it.
    pub password_hash: String,
    /// What the person may do: `look`, `act` or `administer`.
    pub role: Role,
}

/// The API for operators.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Tokens that exist from the start; more are made through the API.
    pub tokens: Vec<AdminToken>,
}

/// A token of the API for operators.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminToken {
    /// Its name, for people.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<crate::admin::Scope>,
    /// The accounts whose things it may see and touch; empty for all, and for the gateway itself.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// The token itself.
    pub token: String,
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdminToken({}, {:?}, {:?})", self.name, self.scopes, self.accounts)
    }
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For eyes.
    Text,
    /// For collectors: one JSON object per line.
    Json,
}

/// A way to a network: exactly one of the connector tables must be there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Its name; also the last part of its webhook's path, `/hooks/NAME`.
    pub name: String,
    /// Number prefixes it serves; empty for all.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// What to do when the outcome of a hand-over stays unknown; default by channel: at most once
    /// for WhatsApp and voice, at least once for the rest.
    pub on_unknown: Option<OnUnknown>,
    /// How media reach its network.
    #[serde(default)]
    pub media: MediaMode,
    /// Meta's WhatsApp Cloud API.
    pub whatsapp_cloud: Option<connectors::whatsapp_cloud::Settings>,
    /// An SMS centre over SMPP.
    pub smpp: Option<connectors::smpp::Settings>,
}

/// A tenant.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// Its name.
    pub name: String,
    /// Refuse everything.
    #[serde(default)]
    pub suspended: bool,
    /// Routes by channel, in the order to be tried.
    #[serde(default)]
    pub routes: BTreeMap<Channel, Vec<String>>,
    /// Sender by channel, where the caller names none.
    #[serde(default)]
    pub default_sender: BTreeMap<Channel, String>,
    /// Senders by channel that the account may use; a channel not listed takes any.
    #[serde(default)]
    pub senders: BTreeMap<Channel, Vec<String>>,
    /// Most requests per second; none is unlimited.
    pub requests_per_second: Option<f64>,
    /// Most submissions in a window of time; none is unlimited.
    pub messages_per_window: Option<QuotaConfig>,
    /// Money; none sends without counting.
    pub balance: Option<BalanceConfig>,
    /// Checks, conversion and limits of media.
    #[serde(default)]
    pub media: AccountMedia,
    /// Stored plans: fallback steps added to submissions of vendors without a cascade.
    #[serde(default, rename = "plan")]
    pub plans: Vec<PlanConfig>,
    /// Scenarios that exist from the start.
    #[serde(default, rename = "scenario")]
    pub scenarios: Vec<ScenarioConfig>,
    /// What each dialect wants to know of the account.
    #[serde(default)]
    pub dialects: dialects::Settings,
}

/// A stored plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanConfig {
    /// Service key name, sender or app id that it is attached to; none for the account's default.
    pub attach: Option<String>,
    /// Only for submissions of this dialect.
    pub dialect: Option<String>,
    /// How long the caller's own step may take before the first added one, in milliseconds.
    pub patience_ms: u64,
    /// The added steps.
    #[serde(rename = "then")]
    pub steps: Vec<PlanStepConfig>,
}

/// A step added by a stored plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanStepConfig {
    /// Its channel.
    pub channel: Channel,
    /// Its sender.
    pub sender: Option<String>,
    /// Text to send instead of the caller's; `{text}`, `{caption}` and `{link}` are filled in, and
    /// `{media_link}` when it is sent.
    pub text: Option<String>,
    /// Its patience if another step follows, in milliseconds.
    pub patience_ms: Option<u64>,
}

/// A scenario that exists from the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioConfig {
    /// Key.
    pub key: String,
    /// Name.
    pub name: Option<String>,
    /// Flow: `[["WHATSAPP", "WhatsAppSender"], ["SMS", "InfoSMS"]]`.
    pub flow: Vec<(String, String)>,
    /// Whether it is the account's default.
    #[serde(default)]
    pub default: bool,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, is not right, or contradicts itself.
    pub fn read(path: &std::path::Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        Self::parse(&Source { name: path.display().to_string(), text }, overrides)
    }

    /// Reads text.
    ///
    /// # Errors
    /// If it is not right, or contradicts itself.
    pub fn parse(source: &Source, overrides: &[String]) -> Result<Self, ConfigError> {
        let config = load::load(source, overrides)?;
        config.check(source)?;
        Ok(config)
    }

    fn check(&self, source: &Source) -> Result<(), ConfigError> {
        let complain = |key: &str, text: String| Err(source.complaint(key, text));
        for (index, route) in self.routes.iter().enumerate() {
            let kinds = usize::from(route.whatsapp_cloud.is_some()) + usize::from(route.smpp.is_some());
            if kinds != 1 {
                return complain(
                    &route.name,
                    format!(
                        "route `{}` needs exactly one connector table: whatsapp_cloud or smpp",
                        route.name
                    ),
                );
            }
            if self.routes[..index].iter().any(|other| other.name == route.name) {
                return complain(&route.name, format!("two routes are named `{}`", route.name));
            }
        }
        for (index, account) in self.accounts.iter().enumerate() {
            if self.accounts[..index].iter().any(|other| other.name == account.name) {
                return complain(&account.name, format!("two accounts are named `{}`", account.name));
            }
            for name in account.routes.values().flatten() {
                if !self.routes.iter().any(|route| route.name == *name) {
                    return complain(
                        name,
                        format!("account `{}` uses route `{name}`, which is not configured", account.name),
                    );
                }
            }
        }
        if let Some((key, text)) = self.telemetry.fault().or_else(|| bounds::fault(self)) {
            return complain(key, text);
        }
        money::check(self).or_else(|(key, text)| complain(&key, text))?;
        for (index, user) in self.console.users.iter().enumerate() {
            if let Some(fault) = user.fault(&self.console.users[..index]) {
                return complain(&user.name, format!("console user `{}` {fault}", user.name));
            }
        }
        for (index, token) in self.admin.tokens.iter().enumerate() {
            if token.name.is_empty() || token.token.is_empty() {
                return complain("tokens", "a token of [admin] has no name or no token".to_owned());
            }
            if self.admin.tokens[..index].iter().any(|other| other.name == token.name) {
                return complain(&token.name, format!("two tokens of [admin] are named `{}`", token.name));
            }
            let unknown = |name: &&String| !self.accounts.iter().any(|account| account.name == **name);
            if let Some(unknown) = token.accounts.iter().find(unknown) {
                let text =
                    format!("the token `{}` of [admin] is for `{unknown}`, which is no account", token.name);
                return complain(unknown, text);
            }
        }
        if self.server.tls_cert.is_some() != self.server.tls_key.is_some() {
            return complain("tls_", "server.tls_cert and server.tls_key go together".to_owned());
        }
        Ok(())
    }
}

impl fmt::Debug for UserConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserConfig({}, {})", self.name, self.role.as_str())
    }
}

impl UserConfig {
    /// What is wrong with it, beside these others.
    fn fault(&self, others: &[Self]) -> Option<&'static str> {
        if !directory::is_name(&self.name) {
            Some("needs a name of 1 to 64 letters, digits and .-_@")
        } else if others.iter().any(|other| other.name == self.name) {
            Some("is there twice")
        } else if !password::is_hash(&self.password_hash) {
            Some("needs a password_hash as `courant password-hash` prints it")
        } else {
            None
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}
