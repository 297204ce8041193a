//! Messangi: the notification API, one endpoint for all channels.
//!
//! `POST /notification` (and its longer spellings) takes `{channel, request, callbacks}` for one
//! recipient and answers with a `meta` object only; everything else comes by callback. The older
//! services of single channels (`/raven`, `/crowsnest`, `/balerion`) are taken as well. A client
//! signs in at `/kingslanding/login`, where the token comes in a response header, or uses a
//! long-lived key.
//!
//! Not spoken here: the signed MT and tools APIs of the older platform, campaigns, sender lists.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, Response};
use model::{
    Answer, Call, Channel, Inbound, Refusal, Span, call::AuthFault, call::MessageReport, report::Occasion,
};
use serde::{Deserialize, Serialize};

use crate::{
    Callback, Context, Credentials, Dialect, Identity, Proof, RetryPolicy, Secret, Success, support,
};

mod callback;
mod content;
mod read;
mod refuse;
mod status;
mod wire;
mod write;

#[cfg(test)]
mod tests;

/// The dialect.
#[derive(Debug)]
pub struct Messangi;

/// Most bytes of a request's body.
const BODY_LIMIT: u64 = 1024 * 1024;

/// Stands before tokens made by signing in, which tells them from long-lived keys.
const SESSION_PREFIX: &str = "session.";

/// An account's settings for this dialect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Who may sign in.
    pub users: Vec<User>,
    /// Long-lived bearer keys.
    pub keys: Vec<Key>,
    /// Senders that may be used, without `+`, by channel; a channel that is not listed takes any.
    /// Others are accepted and reported as not allowed, as Messangi does.
    pub senders: BTreeMap<Channel, Vec<String>>,
    /// Where callbacks go besides the addresses of the request.
    pub callback_urls: Vec<String>,
    /// Where messages from people go.
    pub inbound_url: Option<String>,
    /// Headers sent with callbacks, such as a shared secret.
    pub callback_headers: BTreeMap<String, String>,
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
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// Name, an email address with the vendor.
    pub username: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A long-lived key.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Key {
    /// The key.
    pub key: String,
    /// The user shown as owner of its messages; `None` is the account.
    pub username: Option<String>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("username", &self.username).finish_non_exhaustive()
    }
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

/// What a path serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    /// Signing in.
    Login,
    /// The envelope for all channels.
    Notification,
    /// SMS, flat.
    Raven,
    /// Email, flat.
    Crowsnest,
    /// WhatsApp, flat or in the envelope.
    Balerion,
}

impl Endpoint {
    fn of(request: &Request<Bytes>) -> Option<Self> {
        let segments = support::segments(request.uri().path());
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match segments.as_slice() {
            ["kingslanding", "login"] => Some(Self::Login),
            ["notification"]
            | ["v2", "notification"]
            | ["oberyn", "v2", "notification"]
            | ["v3", "messages"] => Some(Self::Notification),
            ["raven", "v2", "messages"] => Some(Self::Raven),
            ["crowsnest", "v2", "emails"] => Some(Self::Crowsnest),
            ["balerion", "v3", "messages"] => Some(Self::Balerion),
            _ => None,
        }
    }
}

impl Dialect for Messangi {
    fn name(&self) -> &'static str {
        "messangi"
    }

    fn claims(&self, segments: &[&str]) -> bool {
        matches!(
            segments,
            ["notification"]
                | ["v2", "notification"]
                | ["v3", "messages"]
                | ["kingslanding" | "oberyn" | "raven" | "crowsnest" | "balerion", ..]
        )
    }

    fn body_limit(&self, _head: &http::request::Parts) -> u64 {
        BODY_LIMIT
    }

    fn identities(&self, settings: &crate::Settings) -> Vec<Identity> {
        let Some(own) = &settings.messangi else { return Vec::new() };
        let users = own.users.iter().filter(|user| !user.username.is_empty()).map(|user| Identity {
            principal: user.username.clone(),
            secrets: vec![Secret::Plain(user.password.clone())],
        });
        let keys = own.keys.iter().filter(|key| !key.key.is_empty()).map(|key| Identity {
            principal: support::key_name(&key.key),
            secrets: vec![Secret::Plain(key.key.clone())],
        });
        users.chain(keys).collect()
    }

    fn credentials(&self, request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
        if Endpoint::of(request) == Some(Endpoint::Login) {
            return Ok(None);
        }
        let (scheme, token) = support::authorization(request.headers())?;
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(Refusal::Unauthenticated(AuthFault::Malformed));
        }
        Ok(Some(match token.strip_prefix(SESSION_PREFIX) {
            Some(session) => {
                Credentials { principal: String::new(), proof: Proof::Session(session.to_owned()) }
            }
            None => {
                Credentials { principal: support::key_name(token), proof: Proof::Plain(token.to_owned()) }
            }
        }))
    }

    fn read(&self, request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
        let endpoint = Endpoint::of(request).ok_or(Refusal::UnknownPath)?;
        if request.method() != Method::POST {
            return Err(Refusal::MethodNotAllowed { allow: "POST" });
        }
        match endpoint {
            Endpoint::Login => read::login(request, context),
            Endpoint::Notification => read::notification(request, context),
            Endpoint::Raven => read::flat(request, content::Kind::Sms, context),
            Endpoint::Crowsnest => read::flat(request, content::Kind::Email, context),
            Endpoint::Balerion => read::balerion(request, context),
        }
    }

    fn write(
        &self,
        request: &Request<Bytes>,
        call: &Call,
        answer: &Answer,
        context: &Context<'_>,
    ) -> Response<Bytes> {
        write::answer(request, call, answer, context)
    }

    fn refuse(&self, request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Response<Bytes> {
        refuse::refusal(request, refusal, context)
    }

    fn callback(&self, report: &MessageReport, occasion: &Occasion, context: &Context<'_>) -> Vec<Callback> {
        callback::statuses(report, occasion, context)
    }

    fn inbound(&self, inbound: &Inbound, context: &Context<'_>) -> Vec<Callback> {
        callback::inbound(inbound, context).into_iter().collect()
    }

    fn retry_policy(&self, _settings: &crate::Settings) -> RetryPolicy {
        // Messangi does not document retries: five, from 5 seconds to 10 minutes.
        RetryPolicy {
            timeout: Span::from_secs(10),
            delays: [5, 17, 55, 180, 600].map(Span::from_secs).to_vec(),
            success: Success::TwoHundreds,
            final_statuses: Vec::new(),
        }
    }
}

/// The account's settings for this dialect, defaults if it has none.
fn own<'a>(context: &Context<'a>) -> &'a Settings {
    static DEFAULTS: std::sync::LazyLock<Settings> = std::sync::LazyLock::new(Settings::default);
    context.settings.messangi.as_ref().unwrap_or(&DEFAULTS)
}

/// The user shown as owner of a message.
fn username(context: &Context<'_>) -> String {
    let own = own(context);
    let key = own.keys.iter().find(|key| support::key_name(&key.key) == context.principal);
    match key {
        Some(key) => key.username.clone().unwrap_or_else(|| context.account.to_owned()),
        None => context.principal.to_owned(),
    }
}
