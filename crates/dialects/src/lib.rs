//! Dialects: the HTTP APIs of vendors, spoken northbound.
//!
//! A dialect turns bytes into the model and back. It has no sockets, no clock and no randomness:
//! time and ids are handed in, so the same request always gives the same bytes. The adapter in
//! the `courant` crate mounts all of them on one port and does, for each request and in this
//! order: find the dialect ([`Dialect::claims`]), bound the body ([`Dialect::body_limit`]), ask
//! for the credentials ([`Dialect::credentials`]) and check them, [`Dialect::read`], act, and
//! [`Dialect::write`] or [`Dialect::refuse`]. Later, [`Dialect::callback`] words each report.
//!
//! Every dialect's folder has the same files: `mod.rs` what the API is, `path.rs` what a path
//! names, `credentials.rs` who asks, `settings.rs` what an account sets, `wire.rs` types as on the
//! wire, `read.rs`, `write.rs`, `refuse.rs`, `status.rs` the table of codes, `callback.rs`,
//! `tests.rs`, and `golden/` with transcripts. What they share is in [`support`] and the private
//! modules beside it; what must hold for all of them is in `tests/`.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use http::{Request, Response};
use model::{Answer, Call, Inbound, MessageId, Refusal, Time, call::MessageReport, report::Occasion};
use serde::{Deserialize, Serialize};

mod fields;
pub mod infobip;
pub mod kaleyra;
mod key;
mod memo;
pub mod messangi;
mod occasions;
pub mod support;
pub mod telesign;
#[cfg(test)]
#[allow(dead_code, reason = "each dialect uses its own part of the kit")]
mod testkit;
#[cfg(test)]
mod tests;
pub mod webex_connect;

pub use self::key::Key;

/// One vendor's API.
pub trait Dialect: Sync {
    /// Short name: configuration table, metrics label, stored with each message.
    fn name(&self) -> &'static str;

    /// Whether a path belongs to this API. `segments` are the path's non-empty parts, percent-
    /// decoded. Claims cover the API's whole tree, so that unknown paths in it get the vendor's
    /// own 404.
    fn claims(&self, segments: &[&str]) -> bool;

    /// The most bytes of body the operation takes.
    fn body_limit(&self, head: &http::request::Parts) -> u64;

    /// The names and secrets in an account's settings by which requests may present themselves.
    fn identities(&self, settings: &Settings) -> Vec<Identity>;

    /// Who the request says it is, with the proof it brings. `None` for operations that need no
    /// authentication (signing in).
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] if there are no credentials or they are of a wrong form.
    fn credentials(&self, request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal>;

    /// What the request asks for.
    ///
    /// # Errors
    /// Whatever is wrong with it, in the vendor's order of checks.
    fn read(&self, request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal>;

    /// The answer as a response.
    fn write(
        &self,
        request: &Request<Bytes>,
        call: &Call,
        answer: &Answer,
        context: &Context<'_>,
    ) -> Response<Bytes>;

    /// The refusal as a response. `context.settings` are the defaults if the account is unknown.
    fn refuse(&self, request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Response<Bytes>;

    /// The callbacks that this change of a message calls for: none, or one per address.
    fn callback(&self, report: &MessageReport, occasion: &Occasion, context: &Context<'_>) -> Vec<Callback>;

    /// The callbacks for a message from a person, if the account wants them in this dialect.
    fn inbound(&self, inbound: &Inbound, context: &Context<'_>) -> Vec<Callback>;

    /// How often, how patiently and for which answers a failed callback is sent again.
    fn retry_policy(&self, settings: &Settings) -> RetryPolicy;

    /// Whether reports that were not pushed wait to be pulled (and are handed out once).
    fn keeps_reports(&self, report: &MessageReport, context: &Context<'_>) -> bool {
        let _ = (report, context);
        false
    }
}

/// What a dialect may know besides the request.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Now.
    pub now: Time,
    /// A fresh id for this request, for dialects that return one even when they refuse.
    pub fresh: MessageId,
    /// Name of the account, empty while it is unknown.
    pub account: &'a str,
    /// The name by which the account presented itself (user name, customer id, SID, service key).
    pub principal: &'a str,
    /// The account's settings for all dialects.
    pub settings: &'a Settings,
    /// Where the account stands against its request quota, for dialects that tell it in headers.
    pub rate: Option<RateState>,
}

/// A quota of requests in a fixed window, and how much of it is left after this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    /// Requests allowed per window.
    pub limit: u32,
    /// Length of the window.
    pub window: model::Span,
    /// Requests left in the current window.
    pub remaining: u32,
    /// Until the window ends and the count starts anew.
    pub reset_in: model::Span,
}

/// Settings of an account for all dialects: what its section of the configuration says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether bodies that are not strict JSON get one tolerant pass (comments, trailing commas).
    pub tolerant_json: bool,
    /// Whether `X` counts as the digit 0 in phone numbers, as vendors print them in samples.
    pub placeholder_digits: bool,
    /// Telesign, if the account may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telesign: Option<telesign::Settings>,
    /// Infobip OMNI; `None` if the account does not speak it.
    pub infobip: Option<infobip::Settings>,
    /// Kaleyra; `None` if the account does not speak it.
    pub kaleyra: Option<kaleyra::Settings>,
    /// Messangi; `None` if the account does not use it.
    pub messangi: Option<messangi::Settings>,
    /// Webex Connect; `None` if the account does not use it.
    pub webex_connect: Option<webex_connect::Settings>,
}

/// A name that requests may present, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name, in the canonical spelling that [`Credentials::principal`] uses.
    pub principal: String,
    /// Any of these proves it.
    pub secrets: Vec<Secret>,
}

/// Something only the account knows.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// A password, key or token presented as such.
    Plain(String),
    /// The key of a keyed hash.
    Hmac(Vec<u8>),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Who a request says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The name; empty if the proof alone identifies (a session token, a bare API key: then the
    /// principal is found by the token itself).
    pub principal: String,
    /// The proof.
    pub proof: Proof,
}

/// How a request proves who it is. Compared in constant time by the adapter.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// A secret, presented as such.
    Plain(String),
    /// A token made by signing in.
    Session(String),
    /// A keyed hash over text made from the request.
    Hmac(Signed),
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain(…)",
            Self::Session(_) => "Session(…)",
            Self::Hmac(_) => "Hmac(…)",
        })
    }
}

/// A signed request.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The hash.
    pub algorithm: HmacAlgorithm,
    /// The texts the client may have signed; any that fits is right.
    pub candidates: Vec<Vec<u8>>,
    /// The signature, decoded.
    pub signature: Vec<u8>,
    /// When the client says it signed, if the scheme has a clock check.
    pub date: Option<Time>,
    /// How far `date` may be from now, either way.
    pub tolerance: model::Span,
    /// The nonce, if the request has one.
    pub nonce: Option<String>,
    /// Whether the scheme has a replay check: then the signature, and the nonce, are refused a
    /// second time per principal for as long as the clock check would let the request through.
    pub once: bool,
}

/// Keyed hashes in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HmacAlgorithm {
    /// HMAC-SHA1.
    Sha1,
    /// HMAC-SHA256.
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

/// A pushed report, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// `POST`, `GET`, `PUT` or `DELETE`.
    pub method: Cow<'static, str>,
    /// Where to.
    pub url: String,
    /// Headers in order, names as written.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// Body; sent with any method if not empty.
    pub body: Vec<u8>,
    /// One failed try is the last (Webex Connect: an invalid address is not eligible for retries).
    #[serde(default)]
    pub no_retry: bool,
}

/// What to do about callbacks that fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How long to wait for an answer.
    pub timeout: model::Span,
    /// Delay before each retry, in order; after the last the callback is parked.
    pub delays: Vec<model::Span>,
    /// Which answers count as delivered.
    pub success: Success,
    /// Answers after which there is no retry.
    pub final_statuses: Vec<u16>,
}

/// Which HTTP statuses a receiver confirms a callback with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Success {
    /// 200 only.
    Ok,
    /// Any of 200 to 299.
    TwoHundreds,
}

/// Parameters of a query string, in order, decoded.
pub type Query = BTreeMap<String, Vec<String>>;

/// All dialects.
pub static ALL: &[&dyn Dialect] = &[
    &telesign::Telesign,
    &infobip::Infobip,
    &kaleyra::Kaleyra,
    &webex_connect::WebexConnect,
    &messangi::Messangi,
];

/// The dialect of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Dialect> {
    ALL.iter().copied().find(|dialect| dialect.name() == name)
}
