//! Courant as a child process.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::child::Child;
use crate::{
    client,
    ledger::phone,
    load::Target,
    network::graph::{APP_SECRET, DISPLAY, PHONE_NUMBER_ID},
};

/// Longest wait for it to be ready; a large store may have to be recovered.
const START: Duration = Duration::from_secs(120);
const CUSTOMER: &str = "12345678-9ABC-DEF0-1234-56789ABCDEF0";
/// Token of the operators' API.
const TOKEN: &str = "bench-0123456789abcdef0123456789abcdef";
/// A second account that asks for little.
const QUIET: &str = "FFFFFFFF-EEEE-DDDD-CCCC-BBBBBBBBBBBB";
/// Telesign's documentation key.
const API_KEY: &str = "vjE/ZDfPvDkuGNsuqCFFO4neYIs=";
/// Path at which webhooks of the WhatsApp route arrive.
pub(crate) const HOOK: &str = "/hooks/whatsapp";

/// How it is set up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// The program.
    pub(crate) program: PathBuf,
    /// Where the SMS centre is.
    pub(crate) smsc: Option<SocketAddr>,
    /// Most segments per second to it.
    pub(crate) tps: Option<f64>,
    /// Where the Graph API is.
    pub(crate) graph: Option<SocketAddr>,
    /// Where callbacks go.
    pub(crate) sink: Option<SocketAddr>,
    /// How media reach the Graph API: `auto`, `link` or `id`.
    pub(crate) media: Option<&'static str>,
}

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Courant {
    child: Child,
    address: SocketAddr,
}

impl Courant {
    /// Starts it with its data in `folder/data`, which may exist already.
    ///
    /// # Errors
    /// If it does not become ready.
    pub(crate) async fn start(setup: &Setup, folder: &Path) -> Result<Self> {
        let config = folder.join("courant.toml");
        fs::write(&config, configuration(setup, &folder.join("data")))?;
        let config = config.to_str().context("the folder's name is not text")?;
        let mut child = Child::start(&setup.program, &["serve", "--config", config], folder, "courant")?;
        let address = child.until("ready", START, ready).await?;
        Ok(Self { child, address })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub(crate) const fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Ends it, with everything saved.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub(crate) async fn end(self) -> Result<()> {
        self.child.end().await
    }

    /// Ends it as a crash would.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub(crate) async fn crash(self) -> Result<()> {
        self.child.crash().await
    }

    /// One SMS per request, in Telesign's dialect.
    pub(crate) fn sms(&self, kind: Kind) -> Target {
        self.telesign(r#"[{"channel":"sms"}]"#, kind)
    }

    /// The same of another account.
    pub(crate) fn quiet_sms(&self) -> Target {
        self.request_as(QUIET, r#"[{"channel":"sms"}]"#, Kind::OneTimeCode)
    }

    /// One WhatsApp text per request.
    pub(crate) fn whatsapp(&self) -> Target {
        self.telesign(r#"[{"channel":"whatsapp"}]"#, Kind::Notice)
    }

    /// One WhatsApp text per request, and an SMS if it is not delivered in time.
    pub(crate) fn fallback(&self, patience: Duration) -> Target {
        let channels = format!(
            r#"[{{"channel":"whatsapp","fallback_time":{}}},{{"channel":"sms"}}]"#,
            patience.as_millis()
        );
        self.telesign(&channels, Kind::Notice)
    }

    /// One WhatsApp file per request, all with the same link; the template is `image` or `file`.
    pub(crate) fn file(&self, template: &str, url: &str) -> Target {
        let content = format!(r#""whatsapp":{{"template":"{template}","parameters":{{"url":"{url}"}}}}"#);
        self.telesign_with(CUSTOMER, r#"[{"channel":"whatsapp"}]"#, Kind::Notice, &content)
    }

    /// A question to the operators' API.
    pub(crate) fn look(path: &str) -> Vec<u8> {
        format!("GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n")
            .into_bytes()
    }

    fn telesign(&self, channels: &str, kind: Kind) -> Target {
        self.request_as(CUSTOMER, channels, kind)
    }

    fn request_as(&self, customer: &str, channels: &str, kind: Kind) -> Target {
        let content = format!(r#""default":{{"template":"text","parameters":{{"text":"{TEXT}"}}}}"#);
        self.telesign_with(customer, channels, kind, &content)
    }

    fn telesign_with(&self, customer: &str, channels: &str, kind: Kind, content: &str) -> Target {
        let content = content.to_owned();
        let authorization = format!("Basic {}", STANDARD.encode(format!("{customer}:{API_KEY}")));
        let channels = channels.to_owned();
        let request = move |message: usize| {
            let body = format!(
                r#"{{"channels":{channels},"phone_number":"{}","external_id":"{message}","message_type":"{}","message":{{{content}}}}}"#,
                phone(message),
                kind.as_str(),
            );
            let headers = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
            client::post("/v1/omnichannel", &headers, body.as_bytes())
        };
        Target { address: self.address, accepted: 200, request: Arc::new(request) }
    }

    /// Requests with many recipients each, in Infobip's dialect; request 0 has the first
    /// recipients from `first` on.
    pub(crate) fn batches(&self, recipients: usize, first: usize) -> Target {
        let authorization = format!("Basic {}", STANDARD.encode("bench:bench"));
        let request = move |batch: usize| {
            let mut body = String::from(r#"{"destinations":["#);
            for index in 0..recipients {
                let comma = if index == 0 { "" } else { "," };
                let number = phone(first + batch * recipients + index);
                write!(body, r#"{comma}{{"to":{{"phoneNumber":"{number}"}}}}"#).expect("string");
            }
            write!(body, r#"],"notify":false,"sms":{{"text":"{TEXT}"}}}}"#).expect("string");
            let headers = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
            client::post("/omni/1/advanced", &headers, body.as_bytes())
        };
        Target { address: self.address, accepted: 200, request: Arc::new(request) }
    }
}

/// What is sent: one SMS segment.
pub(crate) const TEXT: &str = "Your order 4711 has been shipped and will arrive tomorrow between 9 and 12.";

/// Kind of message in Telesign's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A one-time code.
    OneTimeCode,
    /// A notification.
    Notice,
    /// Part of a campaign.
    Marketing,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::OneTimeCode => "OTP",
            Self::Notice => "ARN",
            Self::Marketing => "MKT",
        }
    }
}

/// The key that signs callbacks.
pub(crate) fn callback_key() -> Vec<u8> {
    STANDARD.decode(API_KEY).expect("a constant in base64")
}

fn ready(printed: &str) -> Option<SocketAddr> {
    let line = printed.lines().find_map(|line| line.strip_prefix("ready http://"))?;
    line.trim().parse().ok()
}

fn configuration(setup: &Setup, data: &Path) -> String {
    let mut routes = String::new();
    let mut uses = Vec::new();
    if let Some(smsc) = setup.smsc {
        routes += &sms_route(smsc, setup.tps);
        uses.push(r#"sms = ["sms"]"#);
    }
    if let Some(graph) = setup.graph {
        routes += &whatsapp_route(graph, setup.media);
        uses.push(r#"whatsapp = ["whatsapp"]"#);
    }
    let callback = setup.sink.map(|sink| format!("callback_url = \"http://{sink}/\"\n")).unwrap_or_default();
    format!(
        r#"[server]
listen = "127.0.0.1:0"
[store]
path = {data:?}
[callbacks]
allow = ["127.0.0.0/8"]
[media]
allow = ["127.0.0.0/8"]
[log]
level = "warn"
[admin]
tokens = [{{ name = "bench", scopes = ["administer", "numbers"], token = "{TOKEN}" }}]
{routes}
[[account]]
name = "bench"
routes = {{ {} }}
default_sender = {{ sms = "SHOP" }}
[[account.scenario]]
key = "CC9F01A5DC7BEE2C2B829D203482A654"
flow = [["SMS", "SHOP"]]
default = true
[account.dialects.infobip]
users = [{{ name = "bench", password = "bench" }}]
[account.dialects.telesign]
customer_id = "{CUSTOMER}"
api_keys = ["{API_KEY}"]
{callback}"#,
        uses.join(", "),
    ) + &quiet_account(&uses)
}

fn quiet_account(uses: &[&str]) -> String {
    format!(
        r#"
[[account]]
name = "quiet"
routes = {{ {} }}
default_sender = {{ sms = "BANK" }}
[account.dialects.telesign]
customer_id = "{QUIET}"
api_keys = ["{API_KEY}"]
"#,
        uses.join(", ")
    )
}

fn sms_route(smsc: SocketAddr, tps: Option<f64>) -> String {
    let tps = tps.map(|tps| format!("tps = {tps:?}\n")).unwrap_or_default();
    format!(
        r#"
[[route]]
name = "sms"
[route.smpp]
host = "{}"
port = {}
system_id = "courant"
password = "bench"
sessions = 2
window = 128
{tps}"#,
        smsc.ip(),
        smsc.port(),
    )
}

fn whatsapp_route(graph: SocketAddr, media: Option<&'static str>) -> String {
    let media = media.unwrap_or("auto");
    format!(
        r#"
[[route]]
name = "whatsapp"
media = "{media}"
[route.whatsapp_cloud]
base_url = "http://{graph}"
token = "bench"
app_secret = "{APP_SECRET}"
messages_per_second = 10000.0
pair_interval_ms = 0
window = 256
numbers = [{{ phone_number_id = "{PHONE_NUMBER_ID}", display = "{DISPLAY}" }}]
"#
    )
}
