//! What a request asks for, what is answered, and why it may be refused: the language between
//! dialects and the desk.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    cause::Cause,
    channel::Channel,
    id::{BatchId, MessageId},
    message::{Message, Submission},
    report::Report,
    time::{Span, Time},
};

/// One authenticated request, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Send something.
    Submit(Box<Submission>),
    /// Tell the state of one message.
    Status(MessageRef),
    /// Stop one message if it is not settled.
    Cancel(MessageRef),
    /// Store a new scenario.
    CreateScenario(ScenarioDraft),
    /// Replace a scenario.
    UpdateScenario(String, ScenarioDraft),
    /// Tell one scenario.
    ReadScenario(String),
    /// Tell the scenarios.
    ListScenarios(ScenarioFilter),
    /// Hand out finished reports, each once.
    TakeReports(ReportFilter),
    /// Tell what was sent, repeatable.
    ReadLogs(LogFilter),
    /// Exchange user and password for a token.
    SignIn {
        /// User name.
        user: String,
        /// Password.
        password: String,
    },
    /// End the session whose token the request presented.
    SignOut,
    /// Keep a file for later messages.
    Upload(Upload),
    /// Nothing but a check of credentials.
    Ping,
}

/// How a caller names a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageRef {
    /// By our id, in whatever spelling.
    Id(MessageId),
    /// By the id the caller gave it.
    Client(String),
}

/// A scenario: a stored flow of channels and senders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its key, made by us.
    pub key: String,
    /// The caller's name for it.
    pub name: Option<String>,
    /// The flow; never empty.
    pub flow: Vec<FlowStep>,
    /// Whether submissions without a key use it; at most one per account.
    pub default: bool,
}

/// One step of a scenario's flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowStep {
    /// Channel, in the dialect's spelling, for echoing.
    pub label: String,
    /// Channel, in ours.
    pub channel: Channel,
    /// Sender.
    pub from: Option<String>,
}

/// A scenario as a caller writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioDraft {
    /// Name.
    pub name: Option<String>,
    /// Flow; never empty.
    pub flow: Vec<FlowStep>,
    /// Default flag; `None` keeps what is stored (or false).
    pub default: Option<bool>,
}

/// Which scenarios to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScenarioFilter {
    /// Only (non-)default ones.
    pub default: Option<bool>,
    /// At most this many.
    pub limit: usize,
    /// Page, from 0.
    pub page: usize,
}

/// Which finished reports to hand out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportFilter {
    /// Only of this bulk id (the caller's or ours as the dialect spells it).
    pub bulk: Option<String>,
    /// Only of this message.
    pub message: Option<MessageRef>,
    /// Only those decided by this channel.
    pub channel: Option<Channel>,
    /// At most this many.
    pub limit: usize,
}

/// Which messages to tell about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Sender.
    pub from: Option<String>,
    /// Recipient.
    pub to: Option<String>,
    /// Any of these bulk ids; empty is all.
    pub bulks: Vec<String>,
    /// Any of these messages; empty is all.
    pub messages: Vec<MessageRef>,
    /// Only in this standing.
    pub standing: Option<Standing>,
    /// Only those decided by this channel.
    pub channel: Option<Channel>,
    /// Accepted at or after.
    pub since: Option<Time>,
    /// Accepted before.
    pub until: Option<Time>,
    /// Mobile country code.
    pub mcc: Option<String>,
    /// Mobile network code.
    pub mnc: Option<String>,
    /// At most this many.
    pub limit: usize,
}

/// Coarse state of a message, as logs are filtered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Accepted and not settled.
    Pending,
    /// Failed at a network.
    Undeliverable,
    /// Delivered.
    Delivered,
    /// Ran out of time.
    Expired,
    /// Refused before any network was asked.
    Rejected,
}

/// A file to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// MIME type by the dialect's rules of precedence.
    pub mime: Option<String>,
    /// Name given by the caller, for showing only.
    pub filename: Option<String>,
    /// The bytes.
    pub bytes: bytes::Bytes,
}

/// The desk's answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The submission is stored.
    Accepted(Accepted),
    /// State of a message.
    Status(Box<MessageReport>),
    /// The message was told to stop.
    Cancelled,
    /// One scenario.
    Scenario(Scenario),
    /// Several scenarios.
    Scenarios(Vec<Scenario>),
    /// Finished reports, handed out.
    Reports(Vec<MessageReport>),
    /// Log rows, newest first.
    Logs(Vec<MessageReport>),
    /// A token.
    SignedIn {
        /// The token.
        token: String,
    },
    /// Done, nothing to tell.
    Done,
    /// The file is kept.
    Uploaded {
        /// Numeric id, usable as a media id in later messages.
        id: String,
        /// Public address, if the account has them.
        url: Option<String>,
    },
}

/// Receipt for a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Its id.
    pub batch: BatchId,
    /// When it was stored.
    pub at: Time,
    /// Its messages, in the order of the request.
    pub messages: Vec<AcceptedMessage>,
}

/// Receipt for one message of a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedMessage {
    /// Its id.
    pub id: MessageId,
    /// Why it was refused at once, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Cause>,
}

/// A message and its state, for telling callers.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageReport {
    /// The message.
    pub message: Arc<Message>,
    /// Its state.
    pub report: Report,
    /// What it costs the account, where prices are configured and it was charged.
    pub price: Option<Price>,
    /// Home network of the number, where known: country code then network code.
    pub mcc_mnc: Option<String>,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Millionths of the currency's unit.
    pub micros: i64,
    /// ISO 4217 code.
    pub currency: Arc<str>,
}

/// Why a request is refused. Each dialect words every kind in its own codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The body has more bytes than the operation takes.
    #[error("the body is over {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Who asks could not be established.
    #[error("not authenticated: {0}")]
    Unauthenticated(AuthFault),
    /// Established, but not allowed to do this.
    #[error("not allowed")]
    Forbidden,
    /// The account does not have this feature.
    #[error("{0} is not enabled for the account")]
    NotEnabled(Feature),
    /// The thing named does not exist, or belongs to somebody else.
    #[error("not found: {0}")]
    NotFound(Missing),
    /// No such path in this dialect.
    #[error("no such path")]
    UnknownPath,
    /// The path exists, the method does not.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// What is allowed, for the `Allow` header.
        allow: &'static str,
    },
    /// The body is not of a type the operation reads.
    #[error("unsupported content type")]
    UnsupportedType,
    /// The body cannot be parsed, or is of the wrong shape as a whole.
    #[error("malformed request: {0}")]
    Malformed(Cow<'static, str>),
    /// A member is missing.
    #[error("{0} is missing")]
    MissingField(Cow<'static, str>),
    /// A member has a value that is not taken.
    #[error("{field} has a value that is not taken: {reason}")]
    InvalidField {
        /// The member's path.
        field: Cow<'static, str>,
        /// The value as given, shortened.
        value: String,
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },
    /// Too many recipients in one request.
    #[error("more than {limit} recipients")]
    TooManyRecipients {
        /// The limit.
        limit: usize,
    },
    /// The sender is not the account's.
    #[error("sender is not known")]
    UnknownSender,
    /// The balance does not cover it.
    #[error("low balance")]
    LowBalance,
    /// The account asks too often.
    #[error("rate limit exceeded")]
    RateLimited {
        /// When to come back.
        retry_after: Span,
    },
    /// The system has more work than it takes, or cannot store now; come back later.
    #[error("overloaded")]
    Overloaded,
    /// The same idempotency key was used with another request.
    #[error("idempotency key was used with another request")]
    KeyConflict,
    /// Something is wrong on our side.
    #[error("internal error")]
    Internal,
}

impl Refusal {
    /// A missing member.
    #[must_use]
    pub fn missing(field: impl Into<Cow<'static, str>>) -> Self {
        Self::MissingField(field.into())
    }

    /// A member with a value that is not taken; the value is shortened to 200 characters.
    #[must_use]
    pub fn invalid(
        field: impl Into<Cow<'static, str>>,
        value: impl AsRef<str>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        let value = value.as_ref().chars().take(200).collect();
        Self::InvalidField { field: field.into(), value, reason: reason.into() }
    }

    /// A body that cannot be parsed.
    #[must_use]
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(detail.into())
    }
}

/// What is wrong with the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthFault {
    /// None were given.
    #[error("no credentials")]
    Absent,
    /// They are not in a form that the dialect knows.
    #[error("credentials of a wrong form")]
    Malformed,
    /// Nobody has this name.
    #[error("unknown principal")]
    UnknownPrincipal,
    /// The password, key or token is wrong or has run out.
    #[error("wrong secret")]
    WrongSecret,
    /// The signature does not fit.
    #[error("wrong signature")]
    WrongSignature,
    /// The nonce was used before.
    #[error("nonce used before")]
    Replayed,
    /// The request's date is too far from ours.
    #[error("date out of range")]
    ClockSkew,
    /// The account is suspended.
    #[error("account suspended")]
    Suspended,
}

/// Features an account can lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// The dialect as a whole.
    Dialect,
    /// Per-request callback address.
    CallbackUrl,
    /// Management of templates.
    Templates,
    /// Capability look-up.
    Capability,
    /// One-time codes made by the gateway.
    GeneratedCodes,
    /// Upload of media.
    Upload,
    /// The number is served by another version of the vendor's API.
    ApiVersion,
}

impl std::fmt::Display for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dialect => "this API",
            Self::CallbackUrl => "callback address per request",
            Self::Templates => "template management",
            Self::Capability => "capability look-up",
            Self::GeneratedCodes => "generated one-time codes",
            Self::Upload => "media upload",
            Self::ApiVersion => "this version of the API",
        })
    }
}

/// Things that can be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A message.
    Message,
    /// A message that was there, but is past the time in which the dialect tells about it.
    MessageExpired,
    /// A scenario.
    Scenario,
    /// A default scenario.
    DefaultScenario,
    /// A file.
    Media,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Message => "message",
            Self::MessageExpired => "message, its status has expired",
            Self::Scenario => "scenario",
            Self::DefaultScenario => "default scenario",
            Self::Media => "media",
        })
    }
}
