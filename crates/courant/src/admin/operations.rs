//! The one table of what the API does.

use model::{Cause, Channel};
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::{
    BackupView, Chart, EventView, MadeToken, NewMessage, NewToken, Page, Sent, TokenView,
    callbacks::{Replay, Replayed},
    money::NewTopUp,
    plans::{DraftPlans, NewPlans},
    scenarios::NewScenario,
    tokens::Scope,
};
use crate::views::{
    AccountView, BalanceView, CallbackView, LedgerView, MediaView, MessageRow, MessageView, Overview,
    PlanCheckView, PlansView, RouteView, ScenarioView, SenderView, TimelineEntry,
};

/// HTTP methods that the API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Look.
    Get,
    /// Do.
    Post,
    /// Remove.
    Delete,
}

/// Makes the schema of a body.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One thing that the API does.
#[derive(Debug)]
pub struct Operation {
    /// Its name, for generated clients.
    pub id: &'static str,
    /// Method.
    pub method: Method,
    /// Path below the root, with parameters in braces.
    pub path: &'static str,
    /// What a token needs; none for what everybody may see.
    pub(super) scope: Option<Scope>,
    /// In one sentence.
    pub summary: &'static str,
    /// Parameters of the query.
    pub(super) query: &'static [Parameter],
    /// Schema of the request's body.
    pub(super) body: Option<SchemaOf>,
    /// Status of success.
    pub(super) status: u16,
    /// Schema of the answer.
    pub(super) answer: SchemaOf,
    /// What it is.
    pub(super) act: Act,
}

/// What is done; [`super::ask`] knows how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    OpenApi,
    Overview,
    ListMessages,
    FindMessages,
    ReadMessage,
    ReadHistory,
    Send,
    Cancel,
    Resend,
    ListCallbacks,
    ReplayCallbacks,
    ListRoutes,
    PauseRoute,
    ResumeRoute,
    DrainRoute,
    ListSenders,
    PauseSender,
    ResumeSender,
    DrainSender,
    ListAccounts,
    ReadAccount,
    ReadPlans,
    WritePlans,
    ResetPlans,
    CheckPlans,
    ListScenarios,
    ReadScenario,
    CreateScenario,
    ReplaceScenario,
    RemoveScenario,
    ReadBalance,
    ReadLedger,
    TopUp,
    UploadMedia,
    ListMedia,
    ReadMedia,
    RemoveMedia,
    ReadStats,
    StreamEvents,
    ListTokens,
    CreateToken,
    RevokeToken,
    Backup,
}

impl Act {
    /// Whether it does something with the gateway itself or with all accounts at once, which a token
    /// that is limited to some may not. The others look and act within the token's reach, each by
    /// itself: [`super::ask::Ask::reach`].
    pub(super) const fn concerns_all(self) -> bool {
        match self {
            Self::PauseRoute | Self::ResumeRoute | Self::DrainRoute | Self::Backup => true,
            Self::OpenApi
            | Self::Overview
            | Self::ListMessages
            | Self::FindMessages
            | Self::ReadMessage
            | Self::ReadHistory
            | Self::Send
            | Self::Cancel
            | Self::Resend
            | Self::ListCallbacks
            | Self::ReplayCallbacks
            | Self::ListRoutes
            | Self::ListSenders
            | Self::PauseSender
            | Self::ResumeSender
            | Self::DrainSender
            | Self::ListAccounts
            | Self::ReadAccount
            | Self::ReadPlans
            | Self::WritePlans
            | Self::ResetPlans
            | Self::CheckPlans
            | Self::ListScenarios
            | Self::ReadScenario
            | Self::CreateScenario
            | Self::ReplaceScenario
            | Self::RemoveScenario
            | Self::ReadBalance
            | Self::ReadLedger
            | Self::TopUp
            | Self::UploadMedia
            | Self::ListMedia
            | Self::ReadMedia
            | Self::RemoveMedia
            | Self::ReadStats
            | Self::StreamEvents
            | Self::ListTokens
            | Self::CreateToken
            | Self::RevokeToken => false,
        }
    }
}

/// A parameter of the query.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
    pub(super) required: bool,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// 1 to this many characters.
    Text(usize),
    /// A whole number from, to.
    Integer(i64, i64),
    /// `true` or `false`.
    Flag,
    /// RFC 3339.
    Instant,
    /// 32 hex digits or a UUID.
    Id,
    /// An event's id.
    Cursor,
    /// An upload's id.
    Upload,
    /// One of these words.
    OneOf(fn() -> Vec<&'static str>),
}

const fn text(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Text(512), about, required: false }
}

const fn one_of(name: &'static str, words: fn() -> Vec<&'static str>, about: &'static str) -> Parameter {
    Parameter { name, kind: Kind::OneOf(words), about, required: false }
}

const fn instant(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Instant, about, required: false }
}

const LIMIT: Parameter = Parameter {
    name: "limit",
    kind: Kind::Integer(1, 500),
    about: "At most this many; 50 if not given.",
    required: false,
};

const AFTER: Parameter = Parameter {
    name: "after",
    kind: Kind::Id,
    about: "Go on after this cursor: `next` of the page before.",
    required: false,
};

const ACCOUNT: Parameter =
    Parameter { name: "account", kind: Kind::Text(200), about: "Whose.", required: true };

const AFTER_UPLOAD: Parameter = Parameter { kind: Kind::Upload, ..AFTER };

const AFTER_NUMBER: Parameter = Parameter { kind: Kind::Integer(0, i64::MAX), ..AFTER };

fn channels() -> Vec<&'static str> {
    Channel::ALL.iter().map(|channel| channel.as_str()).collect()
}

fn causes() -> Vec<&'static str> {
    Cause::ALL.iter().map(|cause| cause.as_str()).collect()
}

fn statuses() -> Vec<&'static str> {
    vec!["waiting", "accepted", "submitted", "sent", "delivered", "read", "played", "failed"]
}

fn parked() -> Vec<&'static str> {
    vec!["parked"]
}

fn dialects() -> Vec<&'static str> {
    crate::app::dialect_names().collect()
}

const MESSAGE_FILTERS: &[Parameter] = &[
    text(
        "id",
        "Only those that this may mean, at most 50: our id in any spelling, the caller's, a network's, a submission's, a number.",
    ),
    text("account", "Only of this account."),
    one_of("dialect", dialects, "Only those that came in by this dialect."),
    one_of("channel", channels, "Only those decided by this channel."),
    one_of("status", statuses, "Only in this status."),
    one_of("cause", causes, "Only those that failed for this cause."),
    text("number", "Only to this number (or other address), exactly; + and separators are ignored."),
    Parameter { name: "batch", kind: Kind::Id, about: "Only of this submission.", required: false },
    text("bulk", "Only with this bulk id of the caller."),
    instant("since", "Only accepted at or after this instant."),
    instant("until", "Only accepted before this instant."),
    Parameter {
        name: "settled",
        kind: Kind::Flag,
        about: "Only settled, or only unsettled.",
        required: false,
    },
    AFTER,
    LIMIT,
];

/// A schema for the description itself: any object.
fn object(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object" })
}

/// Nothing is answered.
fn nothing(_: &mut SchemaGenerator) -> Schema {
    Schema::try_from(Value::Bool(true)).expect("true is a schema")
}

macro_rules! schema {
    ($type:ty) => {
        |generator| generator.subschema_for::<$type>()
    };
}

const fn look(
    id: &'static str,
    path: &'static str,
    act: Act,
    answer: SchemaOf,
    query: &'static [Parameter],
    summary: &'static str,
) -> Operation {
    let (method, scope) = (Method::Get, Some(Scope::Look));
    Operation { id, method, path, scope, summary, query, body: None, status: 200, answer, act }
}

const fn act(
    id: &'static str,
    path: &'static str,
    act: Act,
    answer: SchemaOf,
    body: Option<SchemaOf>,
    summary: &'static str,
) -> Operation {
    let (method, scope) = (Method::Post, Some(Scope::Act));
    Operation { id, method, path, scope, summary, query: &[], body, status: 200, answer, act }
}

impl Operation {
    /// Whether it can be done once only, by the header `Idempotency-Key`. Tokens are shown once and
    /// remembered nowhere; files are not held, so that nobody can say whether it was the same one; a
    /// check changes nothing.
    pub(super) fn takes_key(&self) -> bool {
        let not_remembered = matches!(self.act, Act::CreateToken | Act::UploadMedia | Act::CheckPlans);
        self.method == Method::Post && !not_remembered
    }
}

/// Everything that the API does.
pub static OPERATIONS: &[Operation] = &[
    Operation {
        scope: None,
        ..look("describe", "/openapi.json", Act::OpenApi, object, &[], "This description, as OpenAPI 3.1.")
    },
    look(
        "overview",
        "/overview",
        Act::Overview,
        schema!(Overview),
        &[],
        "The state of the gateway at a glance.",
    ),
    look(
        "listMessages",
        "/messages",
        Act::ListMessages,
        schema!(Page<MessageRow>),
        MESSAGE_FILTERS,
        "Messages that match all filters, newest first.",
    ),
    Operation {
        status: 202,
        ..act(
            "sendMessage",
            "/messages",
            Act::Send,
            schema!(Sent),
            Some(schema!(NewMessage)),
            "Sends a message over the steps of its plan, one after the other until it arrives.",
        )
    },
    look(
        "findMessages",
        "/find",
        Act::FindMessages,
        schema!(Page<MessageRow>),
        &[Parameter {
            name: "text",
            kind: Kind::Text(512),
            about: "Any id: ours in any spelling, the caller's, a network's, a submission's, a number.",
            required: true,
        }],
        "Messages that an id may mean, at most 50.",
    ),
    look(
        "readMessage",
        "/messages/{id}",
        Act::ReadMessage,
        schema!(MessageView),
        &[],
        "Everything about a message, found by any id.",
    ),
    look(
        "readHistory",
        "/messages/{id}/history",
        Act::ReadHistory,
        schema!(Page<TimelineEntry>),
        &[],
        "What happened to a message and why, oldest first.",
    ),
    act(
        "cancelMessage",
        "/messages/{id}/cancel",
        Act::Cancel,
        schema!(MessageView),
        None,
        "Stops a message that is not settled.",
    ),
    Operation {
        status: 202,
        ..act(
            "resendMessage",
            "/messages/{id}/resend",
            Act::Resend,
            schema!(Sent),
            None,
            "Sends a new message with the recipient, plan and contents of this one.",
        )
    },
    look(
        "listCallbacks",
        "/callbacks",
        Act::ListCallbacks,
        schema!(Page<CallbackView>),
        &[
            one_of("standing", parked, "Only in this standing; those given up if not given."),
            text("account", "Only of this account."),
            AFTER_NUMBER,
            LIMIT,
        ],
        "Callbacks that were given up, oldest first.",
    ),
    act(
        "replayCallbacks",
        "/callbacks/replay",
        Act::ReplayCallbacks,
        schema!(Replayed),
        Some(schema!(Replay)),
        "Sends callbacks again that were given up.",
    ),
    look(
        "listRoutes",
        "/routes",
        Act::ListRoutes,
        schema!(Page<RouteView>),
        &[],
        "The ways to networks and how they are doing.",
    ),
    act(
        "pauseRoute",
        "/routes/{name}/pause",
        Act::PauseRoute,
        schema!(RouteView),
        None,
        "Hands nothing more over; messages stay queued.",
    ),
    act(
        "resumeRoute",
        "/routes/{name}/resume",
        Act::ResumeRoute,
        schema!(RouteView),
        None,
        "Lets a route work as usual.",
    ),
    act(
        "drainRoute",
        "/routes/{name}/drain",
        Act::DrainRoute,
        schema!(RouteView),
        None,
        "Plans new messages without it, where the channel has another route; what is queued still goes.",
    ),
    look(
        "listSenders",
        "/senders",
        Act::ListSenders,
        schema!(Page<SenderView>),
        &[],
        "Senders that accounts use.",
    ),
    act(
        "pauseSender",
        "/senders/{channel}/{name}/pause",
        Act::PauseSender,
        schema!(SenderView),
        None,
        "Hands nothing more over by this sender; messages stay queued.",
    ),
    act(
        "resumeSender",
        "/senders/{channel}/{name}/resume",
        Act::ResumeSender,
        schema!(SenderView),
        None,
        "Lets a sender work as usual.",
    ),
    act(
        "drainSender",
        "/senders/{channel}/{name}/drain",
        Act::DrainSender,
        schema!(SenderView),
        None,
        "Fails new steps by this sender, so that plans go on without it; what is queued still goes.",
    ),
    look("listAccounts", "/accounts", Act::ListAccounts, schema!(Page<AccountView>), &[], "The tenants."),
    look("readAccount", "/accounts/{name}", Act::ReadAccount, schema!(AccountView), &[], "One tenant."),
    look(
        "readPlans",
        "/accounts/{name}/plans",
        Act::ReadPlans,
        schema!(PlansView),
        &[],
        "The stored plans of an account: fallback steps for submissions that bring none.",
    ),
    Operation {
        scope: Some(Scope::Administer),
        ..act(
            "writePlans",
            "/accounts/{name}/plans",
            Act::WritePlans,
            schema!(PlansView),
            Some(schema!(NewPlans)),
            "Writes all stored plans of an account; they count from now on, in place of the configuration's.",
        )
    },
    Operation {
        method: Method::Delete,
        scope: Some(Scope::Administer),
        status: 204,
        ..act(
            "resetPlans",
            "/accounts/{name}/plans",
            Act::ResetPlans,
            nothing,
            None,
            "Gives up written plans: those of the configuration count again.",
        )
    },
    Operation {
        scope: Some(Scope::Look),
        ..act(
            "checkPlans",
            "/accounts/{name}/plans/check",
            Act::CheckPlans,
            schema!(Page<PlanCheckView>),
            Some(schema!(DraftPlans)),
            "What is wrong with plans, steps that can never be sent, and how long they take at most; nothing is written.",
        )
    },
    look(
        "listScenarios",
        "/accounts/{name}/scenarios",
        Act::ListScenarios,
        schema!(Page<ScenarioView>),
        &[AFTER_NUMBER, LIMIT],
        "The scenarios of an account: flows that requests name by their key.",
    ),
    look(
        "readScenario",
        "/accounts/{name}/scenarios/{key}",
        Act::ReadScenario,
        schema!(ScenarioView),
        &[],
        "One scenario.",
    ),
    Operation {
        scope: Some(Scope::Administer),
        status: 201,
        ..act(
            "createScenario",
            "/accounts/{name}/scenarios",
            Act::CreateScenario,
            schema!(ScenarioView),
            Some(schema!(NewScenario)),
            "Writes a new scenario; it counts from now on.",
        )
    },
    Operation {
        scope: Some(Scope::Administer),
        ..act(
            "replaceScenario",
            "/accounts/{name}/scenarios/{key}",
            Act::ReplaceScenario,
            schema!(ScenarioView),
            Some(schema!(NewScenario)),
            "Writes a scenario in the place of the one of this key.",
        )
    },
    Operation {
        method: Method::Delete,
        scope: Some(Scope::Administer),
        status: 204,
        ..act(
            "removeScenario",
            "/accounts/{name}/scenarios/{key}",
            Act::RemoveScenario,
            nothing,
            None,
            "Removes a scenario that was written; one of the configuration that it replaced counts again.",
        )
    },
    look(
        "readBalance",
        "/accounts/{name}/balance",
        Act::ReadBalance,
        schema!(BalanceView),
        &[],
        "What an account has.",
    ),
    look(
        "readLedger",
        "/accounts/{name}/ledger",
        Act::ReadLedger,
        schema!(Page<LedgerView>),
        &[AFTER_NUMBER, LIMIT],
        "The movements of an account's money, oldest first.",
    ),
    Operation {
        scope: Some(Scope::Administer),
        ..act(
            "topUp",
            "/accounts/{name}/top-ups",
            Act::TopUp,
            schema!(BalanceView),
            Some(schema!(NewTopUp)),
            "Puts money into an account, or takes it out; answers what it has then. A payment's number counts once.",
        )
    },
    Operation {
        status: 201,
        query: &[ACCOUNT, Parameter { kind: Kind::Text(255), ..text("filename", "Its name, for showing.") }],
        ..act(
            "uploadMedia",
            "/media",
            Act::UploadMedia,
            schema!(MediaView),
            None,
            "Keeps the body as a file that messages of the account can name by its id; its type is the header Content-Type.",
        )
    },
    look(
        "listMedia",
        "/media",
        Act::ListMedia,
        schema!(Page<MediaView>),
        &[ACCOUNT, AFTER_UPLOAD, LIMIT],
        "The uploads of an account that have not expired, by id.",
    ),
    look("readMedia", "/media/{id}", Act::ReadMedia, schema!(MediaView), &[], "One upload."),
    Operation {
        method: Method::Delete,
        status: 204,
        ..act(
            "removeMedia",
            "/media/{id}",
            Act::RemoveMedia,
            nothing,
            None,
            "Removes an upload; messages on their way that name it will fail their steps.",
        )
    },
    look(
        "readStats",
        "/stats",
        Act::ReadStats,
        schema!(Chart),
        &[
            Parameter {
                name: "minutes",
                kind: Kind::Integer(1, 1440),
                about: "How far back; 60 if not given.",
                required: false,
            },
            text("account", "Only of this account."),
        ],
        "Counters per minute by account and channel, at most of the last day and since the start.",
    ),
    look(
        "streamEvents",
        "/events",
        Act::StreamEvents,
        schema!(EventView),
        &[
            Parameter {
                name: "after",
                kind: Kind::Cursor,
                about: "Go on after this event's id (the header Last-Event-ID does the same); without it, from now on.",
                required: false,
            },
            text("message", "Only of this message, by any id."),
            text("account", "Only of this account."),
        ],
        "What happens to messages, as it happens: server-sent events, one per entry of a history. Nothing is left out between an event's id and what is streamed after it, restarts included.",
    ),
    Operation {
        scope: Some(Scope::Administer),
        ..look(
            "listTokens",
            "/tokens",
            Act::ListTokens,
            schema!(Page<TokenView>),
            &[],
            "The tokens of this API, without the tokens themselves.",
        )
    },
    Operation {
        scope: Some(Scope::Administer),
        status: 201,
        ..act(
            "createToken",
            "/tokens",
            Act::CreateToken,
            schema!(MadeToken),
            Some(schema!(NewToken)),
            "Makes a token; it is shown only now.",
        )
    },
    Operation {
        method: Method::Delete,
        scope: Some(Scope::Administer),
        status: 204,
        ..act(
            "revokeToken",
            "/tokens/{id}",
            Act::RevokeToken,
            nothing,
            None,
            "Revokes a token by its id or name.",
        )
    },
    Operation {
        scope: Some(Scope::Administer),
        status: 201,
        ..act(
            "backup",
            "/backup",
            Act::Backup,
            schema!(BackupView),
            None,
            "Writes a consistent copy of the store and of the media library into the folder `backups` of the data folder.",
        )
    },
];
