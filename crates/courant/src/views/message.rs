//! Messages as people see them: a row of a list, and everything about one.

use engine::Decision;
use model::{
    Cause, Content, MessageId, Recipient, Span, Step, StepReport, Time, message::Body, network::NetworkCode,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Happening, HistoryEntry, Record, StoreError, StoredCallback};

use super::{CallbackView, Moment, Sight, callback, words};
use crate::{
    core::Core,
    exchanges::{self, Exchange},
};

/// A message in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageRow {
    /// Our id: 32 hex digits.
    pub id: String,
    /// Whose.
    pub account: String,
    /// Dialect it came in by.
    pub dialect: String,
    /// The recipient's address, masked for those who may not see it.
    pub to: String,
    /// Channel of the deciding step.
    pub channel: String,
    /// How far it came: `waiting`, `accepted`, `submitted`, `sent`, `delivered`, `read`, `played`
    /// or `failed`.
    pub status: String,
    /// Why it failed.
    pub cause: Option<String>,
    /// Whether it has come to its end.
    pub settled: bool,
    /// The deciding step, from 1.
    pub step: u8,
    /// How many steps its plan has.
    pub steps: u8,
    /// `one_time`, `notice` or `marketing`.
    pub priority: String,
    /// When it was accepted.
    pub accepted_at: Moment,
    /// When its status last changed.
    pub updated_at: Moment,
    /// Its submission.
    pub batch: String,
    /// The caller's own id of the submission.
    pub bulk: Option<String>,
    /// The caller's own id of the message.
    pub client_ref: Option<String>,
}

/// Everything about a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageView {
    /// What lists show of it.
    #[serde(flatten)]
    pub row: MessageRow,
    /// What its status means, in words.
    pub summary: String,
    /// Its ids in all spellings.
    pub ids: Ids,
    /// Its plan, step by step.
    pub plan: Vec<StepView>,
    /// What happened and why, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// Reports pushed to its caller, oldest first.
    pub callbacks: Vec<CallbackView>,
    /// What happens next; nothing more once it is settled.
    pub next: Option<Next>,
    /// The request that it came by, with its answer, if such are kept; only for those who may see
    /// numbers and contents.
    pub exchange: Option<ExchangeView>,
}

/// A request as it was received, and its answer. Credentials are left out, long bodies are cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeView {
    /// Method, path and headers of the request, a line each.
    pub head: String,
    /// Its body.
    pub body: String,
    /// Status and headers of the answer, a line each.
    pub answer_head: String,
    /// Its body.
    pub answer: String,
}

impl From<Exchange> for ExchangeView {
    fn from(exchange: Exchange) -> Self {
        let lines = |first: String, headers: &[(String, String)]| {
            headers.iter().fold(first, |text, (name, value)| text + "\n" + name + ": " + value)
        };
        let status = http::StatusCode::from_u16(exchange.status).ok();
        let reason = status.and_then(|status| status.canonical_reason()).unwrap_or_default();
        Self {
            head: lines(exchange.line, &exchange.headers),
            body: exchange.body,
            answer_head: lines(format!("{} {reason}", exchange.status), &exchange.answer_headers),
            answer: exchange.answer,
        }
    }
}

/// A message's ids in all spellings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ids {
    /// Ours: 32 hex digits.
    pub courant: String,
    /// The same as a UUID.
    pub uuid: String,
    /// The caller's own.
    pub client: Option<String>,
    /// As vendors spell it.
    pub vendors: Vec<VendorId>,
    /// The networks' ids, one per part.
    pub networks: Vec<NetworkId>,
}

/// An id as a vendor's API spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VendorId {
    /// Name of the dialect.
    pub dialect: String,
    /// The id.
    pub id: String,
}

/// Forms in which vendors spell our ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// 32 upper-case hex digits.
    UpperHex,
    /// A UUID.
    Uuid,
    /// 32 lower-case hex digits.
    Hex,
}

/// An id given by a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkId {
    /// The step, from 1.
    pub step: u8,
    /// Its channel.
    pub channel: String,
    /// The route.
    pub route: String,
    /// The attempt within the step, from 0.
    pub attempt: u16,
    /// The part, from 0.
    pub part: u8,
    /// The id.
    pub id: String,
}

/// A network's own code and words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkCodeView {
    /// The code as the network spells it.
    pub code: String,
    /// The network's text.
    pub text: String,
}

/// A step of the plan and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// Its number, from 1.
    pub step: u8,
    /// Channel.
    pub channel: String,
    /// Sender.
    pub sender: Option<String>,
    /// What it says, in short; only the kind of content for those who may not see contents.
    pub content: String,
    /// Routes in the order to be tried.
    pub routes: Vec<String>,
    /// How long it may go without delivery, in milliseconds.
    pub patience_ms: u64,
    /// How long the network may keep trying, in milliseconds.
    pub validity_ms: u64,
    /// How far it came; `waiting` before its turn.
    pub status: String,
    /// Why it failed or was given up.
    pub cause: Option<String>,
    /// The cause in words.
    pub cause_text: Option<String>,
    /// The network's last code and text.
    pub network: Option<NetworkCodeView>,
    /// How many attempts were handed to networks.
    pub attempts: u16,
    /// How many parts the network carried.
    pub parts: u16,
    /// When its turn came.
    pub begun_at: Option<Moment>,
    /// When it was first handed over: the start of its patience.
    pub handed_over_at: Option<Moment>,
    /// When a network took it.
    pub submitted_at: Option<Moment>,
    /// When the handset had it.
    pub delivered_at: Option<Moment>,
    /// When the person read it.
    pub read_at: Option<Moment>,
}

/// One thing that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
    /// When.
    pub at: Moment,
    /// Milliseconds since the message was accepted.
    pub since_ms: u64,
    /// `accepted`, `taken`, `submitted`, `refused`, `received`, `recalled`, `woken`, `cancelled`
    /// or `note`.
    pub kind: String,
    /// In words.
    pub what: String,
    /// The step it is about, from 1.
    pub step: Option<u8>,
    /// The step's channel.
    pub channel: Option<String>,
    /// Why, if it is a failure.
    pub cause: Option<String>,
    /// The network's code and text.
    pub network: Option<NetworkCodeView>,
    /// What was decided upon it.
    pub decisions: Vec<TimelineDecision>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineDecision {
    /// `step_begun`, `attempt_queued`, `patience_started`, `same_route`, `next_route`,
    /// `step_failed`, `doubted`, `late`, `settled` or `ignored`.
    pub kind: String,
    /// In words; none for what other lines say already.
    pub what: Option<String>,
    /// The rule it follows, by its number in the description of the cascade.
    pub rule: u8,
    /// Why, if it is about a failure.
    pub cause: Option<String>,
    /// Until when, or when.
    pub until: Option<Moment>,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Next {
    /// When, at the latest.
    pub at: Moment,
    /// In words.
    pub what: String,
}

/// A message as a row.
#[must_use]
pub fn row(core: &Core, record: &Record, sight: Sight) -> MessageRow {
    let message = &record.message;
    let report = core.cascade(message).report(&record.state);
    let channel = message.plan().step(report.deciding_step).map_or("none", |step| step.channel.as_str());
    MessageRow {
        id: message.id.to_string(),
        account: message.account.to_string(),
        dialect: message.dialect.to_owned(),
        to: sight.recipient(&message.recipient),
        channel: channel.to_owned(),
        status: report.status.as_str().to_owned(),
        cause: report.status.cause().map(word),
        settled: report.settled,
        step: report.deciding_step.saturating_add(1),
        steps: message.plan().steps().len() as u8,
        priority: message.brief().priority.as_str().to_owned(),
        accepted_at: message.accepted_at.into(),
        updated_at: report.updated_at.into(),
        batch: message.batch.to_string(),
        bulk: message.brief().bulk.clone(),
        client_ref: message.client_ref.clone(),
    }
}

fn word(cause: Cause) -> String {
    cause.as_str().to_owned()
}

/// Everything about a message, by its id; `None` if there is none.
///
/// # Errors
/// If the store cannot answer.
pub async fn message_of(core: &Core, id: MessageId, sight: Sight) -> Result<Option<MessageView>, StoreError> {
    let Some(record) = core.store.load(vec![id]).await?.pop().flatten() else { return Ok(None) };
    let history = core.store.history(id).await?;
    let callbacks = core.store.callbacks_of(id).await?;
    let mut view = message(core, &record, &history, &callbacks, sight);
    if sight.numbers {
        let (account, batch) = (&record.message.account, record.message.batch);
        view.exchange = exchanges::find(core, account, batch).await?.map(ExchangeView::from);
    }
    Ok(Some(view))
}

/// Everything about a message.
#[must_use]
pub fn message(
    core: &Core,
    record: &Record,
    history: &[HistoryEntry],
    callbacks: &[StoredCallback],
    sight: Sight,
) -> MessageView {
    let row = row(core, record, sight);
    let report = core.cascade(&record.message).report(&record.state);
    let steps = record.message.plan().steps().iter().zip(0_u8..);
    MessageView {
        summary: summary(&row, record),
        ids: ids(core, record, history, sight),
        plan: steps
            .map(|(planned, index)| {
                let begun = report.steps.iter().find(|step| step.index == index);
                step(record, planned, index, begun, sight)
            })
            .collect(),
        timeline: history.iter().map(|happened| entry(record, happened, sight)).collect(),
        callbacks: callbacks.iter().map(callback).collect(),
        next: next(record, history),
        exchange: None,
        row,
    }
}

fn summary(row: &MessageRow, record: &Record) -> String {
    let status = record.state.status();
    let place = format!("step {} of {} ({})", row.step, row.steps, row.channel);
    match (row.settled, status.cause()) {
        (_, Some(cause)) => format!("failed on {place}: {}", cause.text()),
        (true, None) => format!("{} on {place}", row.status),
        (false, None) if record.state.current_step().is_none() => "waiting for its time".to_owned(),
        (false, None) => format!("{} on {place}, not settled", row.status),
    }
}

fn ids(core: &Core, record: &Record, history: &[HistoryEntry], sight: Sight) -> Ids {
    // WhatsApp: the number is part of the id, in base64.
    let may_see = |network: &NetworkId| sight.numbers || !network.id.starts_with("wamid.");
    let networks = history.iter().flat_map(|entry| network_ids(core, record, entry)).filter(may_see);
    let message = &record.message;
    let vendors = crate::app::dialect_names().filter_map(|dialect| {
        let id = match spelling(dialect)? {
            Spelling::UpperHex => message.id.upper_hex(),
            Spelling::Uuid => message.id.uuid(),
            Spelling::Hex => message.id.to_string(),
        };
        Some(VendorId { dialect: dialect.to_owned(), id })
    });
    Ids {
        courant: message.id.to_string(),
        uuid: message.id.uuid(),
        client: message.client_ref.clone(),
        vendors: vendors.collect(),
        networks: networks.collect(),
    }
}

/// How a dialect spells our ids; `None` for one that is not known here.
fn spelling(dialect: &str) -> Option<Spelling> {
    match dialect {
        "telesign" => Some(Spelling::UpperHex),
        "infobip" | "webex_connect" | "messangi" | "kaleyra" => Some(Spelling::Uuid),
        "courant" => Some(Spelling::Hex),
        _ => None,
    }
}

/// The ids that came with a hand-over. They are read from the history, because the state keeps
/// only those that may still matter.
fn network_ids(core: &Core, record: &Record, entry: &HistoryEntry) -> Vec<NetworkId> {
    let Happening::Event(engine::Event::Submitted { attempt, upstream }) = &entry.what else {
        return Vec::new();
    };
    let cascade = core.cascade(&record.message);
    let route = cascade.route_of(&record.state, attempt.step, attempt.attempt);
    let route = route.map(ToString::to_string).unwrap_or_default();
    let id = |(id, part): (&String, u8)| NetworkId {
        step: attempt.step.saturating_add(1),
        channel: words::channel(record, attempt.step).to_owned(),
        route: route.clone(),
        attempt: attempt.attempt,
        part,
        id: id.clone(),
    };
    upstream.iter().zip(0_u8..).map(id).collect()
}

fn step(record: &Record, step: &Step, index: u8, begun: Option<&StepReport>, sight: Sight) -> StepView {
    let status = begun.map_or(model::Status::Waiting, |begun| begun.status);
    let cause = begun.and_then(|begun| begun.status.cause().or(begun.given_up));
    let network = begun.and_then(|begun| begun.network.as_ref());
    let moment = |time: fn(&StepReport) -> Option<Time>| begun.and_then(time).map(Moment);
    StepView {
        step: index.saturating_add(1),
        channel: step.channel.to_string(),
        sender: step.sender.clone(),
        content: content(&step.body, sight),
        routes: step.routes.iter().map(|choice| choice.route.to_string()).collect(),
        patience_ms: step.patience.as_millis(),
        validity_ms: step.validity.as_millis(),
        status: status.as_str().to_owned(),
        cause: cause.map(word),
        cause_text: cause.map(|cause| cause.text().to_owned()),
        network: network.map(|network| code(network, &record.message.recipient, sight)),
        attempts: begun.map_or(0, |begun| begun.attempts),
        parts: begun.map_or(0, |begun| begun.parts),
        begun_at: begun.map(|begun| begun.begun_at.into()),
        handed_over_at: record.state.taken_at(index).map(Moment),
        submitted_at: moment(|begun| begun.submitted_at),
        delivered_at: moment(|begun| begun.delivered_at),
        read_at: moment(|begun| begun.read_at),
    }
}

fn code(network: &NetworkCode, recipient: &Recipient, sight: Sight) -> NetworkCodeView {
    NetworkCodeView { code: network.code.clone(), text: sight.text(&network.text, recipient) }
}

/// Most characters of a content that are shown.
const EXCERPT: usize = 500;

fn content(body: &Body, sight: Sight) -> String {
    let content = match body {
        Body::Void(cause) => return format!("nothing: {}", cause.text()),
        Body::Ready(content) => content,
    };
    let said = match content {
        _ if !sight.numbers => None,
        Content::Text(text) => Some(text.body.clone()),
        Content::Media(media) => media.caption.clone(),
        Content::Location(place) => place.name.clone(),
        Content::Template(template) => Some(template.name.clone()),
        Content::Email(email) => Some(email.subject.clone()),
        Content::Whatsapp(object) => object["text"]["body"].as_str().map(str::to_owned),
        Content::Contacts(_) | Content::Interactive(_) | Content::Other(_) => None,
    };
    match said.filter(|said| !said.is_empty()) {
        Some(said) => format!("{}: {}", content.kind(), said.chars().take(EXCERPT).collect::<String>()),
        None => content.kind().to_owned(),
    }
}

/// An entry of a message's history, in words.
#[must_use]
pub fn entry(record: &Record, entry: &HistoryEntry, sight: Sight) -> TimelineEntry {
    let recipient = &record.message.recipient;
    let (fault, receipt) = words::said(&entry.what);
    let network = fault.and_then(|fault| fault.network.as_ref());
    let network = network.or_else(|| receipt.and_then(|receipt| receipt.network.as_ref()));
    let failed = receipt.and_then(|receipt| match receipt.status {
        model::ReceiptStatus::Failed(cause) => Some(cause),
        model::ReceiptStatus::Sent
        | model::ReceiptStatus::Delivered
        | model::ReceiptStatus::Read
        | model::ReceiptStatus::Played => None,
    });
    let step = words::step_of(&entry.what);
    TimelineEntry {
        at: entry.at.into(),
        since_ms: entry.at.since(record.message.accepted_at).as_millis(),
        kind: words::happening_kind(&entry.what).to_owned(),
        what: sight.text(&words::happening(record, &entry.what), recipient),
        step: step.map(|step| step.saturating_add(1)),
        channel: step.map(|step| words::channel(record, step).to_owned()),
        cause: fault.map(|fault| fault.cause).or(failed).map(word),
        network: network.map(|network| code(network, recipient, sight)),
        decisions: entry.decisions.iter().map(|decision| decided(record, decision)).collect(),
    }
}

fn decided(record: &Record, decision: &Decision) -> TimelineDecision {
    let (cause, until) = match decision {
        Decision::AttemptQueued { not_before, .. } => (None, Some(*not_before)),
        Decision::PatienceStarted { until, .. } | Decision::Doubted { until, .. } => (None, Some(*until)),
        Decision::SameRoute { cause, at, .. } => (Some(*cause), Some(*at)),
        Decision::NextRoute { cause, .. } | Decision::StepFailed { cause, .. } => (Some(*cause), None),
        Decision::StepBegun { .. } | Decision::Late { .. } | Decision::Settled | Decision::Ignored => {
            (None, None)
        }
    };
    TimelineDecision {
        kind: words::decision_kind(decision).to_owned(),
        what: words::decision(record, decision),
        rule: words::rule(decision),
        cause: cause.map(word),
        until: until.map(Moment),
    }
}

/// What the message waits for.
fn next(record: &Record, history: &[HistoryEntry]) -> Option<Next> {
    let state = &record.state;
    let at = state.wake_at()?;
    if let Some(queued) = state.queued() {
        let place = format!("a place on route {}", queued.route);
        let what = if queued.not_before > record.message.accepted_at + Span::from_millis(1) {
            format!("waits for {place}, not before {}", Moment(queued.not_before))
        } else {
            format!("waits for {place}")
        };
        return Some(Next { at: at.into(), what });
    }
    let Some(current) = state.current_step() else {
        return Some(Next { at: at.into(), what: "the first step begins".to_owned() });
    };
    let latest = history.iter().rev().flat_map(|entry| entry.decisions.iter().rev());
    let doubted = latest.take_while(|decision| !matches!(decision, Decision::StepBegun { .. }));
    let doubted = doubted
        .into_iter()
        .any(|decision| matches!(decision, Decision::Doubted { until, .. } if *until == at));
    let what = if state.is_settled() {
        "waits for late news".to_owned()
    } else if doubted {
        "waits for a receipt that tells whether the network took it".to_owned()
    } else {
        patience(record, current)
    };
    Some(Next { at: at.into(), what })
}

fn patience(record: &Record, current: u8) -> String {
    let channel = words::channel(record, current);
    match record.message.plan().step(current.saturating_add(1)) {
        Some(following) => format!("if {channel} has not delivered by then, {} follows", following.channel),
        None => format!("if {channel} has not delivered by then, the message ends as failed"),
    }
}
