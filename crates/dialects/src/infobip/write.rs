//! Answers as responses, and the rows of reports and logs.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use model::{
    Answer, Call, Cause, Channel, Content, Message, Refusal, Status as Rung, StepReport, Submission, Time,
    call::{Accepted, MessageReport, Price, Scenario},
    message::{Body, Draft, Until},
};
use serde_json::{Number, Value};

use super::{
    Settings,
    path::{self, Operation},
    refuse, status, time,
    wire::{self, MessageMemo},
};
use crate::{Context, memo::recall, support::json};

/// How long an OAuth2 token is said to live, in seconds.
const TOKEN_LIFE: u32 = 3600;

/// The answer as a response.
pub(super) fn write(
    request: &Request<Bytes>,
    call: &Call,
    answer: &Answer,
    context: &Context<'_>,
) -> Response<Bytes> {
    let settings = Settings::of(context.settings);
    match (call, answer) {
        (Call::CreateScenario(_), Answer::Scenario(stored)) => json(created(settings), &scenario(stored)),
        (_, Answer::Scenario(stored)) => json(StatusCode::OK, &scenario(stored)),
        (_, Answer::Scenarios(stored)) => {
            json(StatusCode::OK, &wire::Scenarios { scenarios: stored.iter().map(scenario).collect() })
        }
        (Call::Submit(submission), Answer::Accepted(accepted)) => {
            json(StatusCode::OK, &sent(submission, accepted))
        }
        (_, Answer::Reports(reports)) => {
            let results = reports.iter().map(|report| final_report(report, settings)).collect();
            json(StatusCode::OK, &wire::Results { results })
        }
        (_, Answer::Logs(reports)) => {
            let results = reports.iter().map(|report| log_row(report, settings)).collect();
            json(StatusCode::OK, &wire::Results { results })
        }
        (_, Answer::SignedIn { token }) => signed_in(request, token),
        // Infobip: the session ends with an empty body.
        (_, Answer::Done) => Response::new(Bytes::new()),
        (_, Answer::Accepted(_) | Answer::Status(_) | Answer::Cancelled | Answer::Uploaded { .. }) => {
            refuse::refuse(request, &Refusal::Internal, context)
        }
    }
}

fn created(settings: &Settings) -> StatusCode {
    match settings.create_status {
        super::CreateStatus::Ok => StatusCode::OK,
        super::CreateStatus::Created => StatusCode::CREATED,
    }
}

fn scenario(stored: &Scenario) -> wire::Scenario<'_> {
    let flow = stored.flow.iter();
    wire::Scenario {
        key: &stored.key,
        name: stored.name.as_deref(),
        flow: flow.map(|step| wire::FlowStep { from: step.from.as_deref(), channel: &step.label }).collect(),
        default: stored.default,
    }
}

fn signed_in(request: &Request<Bytes>, token: &str) -> Response<Bytes> {
    if path::operation(request) == Ok(Operation::Token) {
        let token = wire::AccessToken { access_token: token, token_type: "Bearer", expires_in: TOKEN_LIFE };
        return json(StatusCode::OK, &token);
    }
    json(StatusCode::OK, &wire::SessionToken { token })
}

/// Infobip: what fails for one destination is no error of the request; its status tells.
fn sent(submission: &Submission, accepted: &Accepted) -> wire::Sent {
    let messages = submission.recipients.iter().zip(&accepted.messages);
    wire::Sent {
        bulk_id: shown_bulk(submission, || accepted.batch.uuid()),
        messages: messages
            .map(|(draft, message)| {
                let status = initial_status(message.rejected.or(draft.void), submission);
                sent_message(draft, || message.id.uuid(), status)
            })
            .collect(),
    }
}

/// The answer to a submission of which no message was stored, all for the same cause.
pub(super) fn rejected(submission: &Submission, cause: Cause, context: &Context<'_>) -> Response<Bytes> {
    let messages = (0_u128..).zip(&submission.recipients).map(|(index, draft)| {
        let status = initial_status(draft.void.or(Some(cause)), submission);
        sent_message(draft, || model::MessageId(context.fresh.0 ^ index).uuid(), status)
    });
    let body =
        wire::Sent { bulk_id: shown_bulk(submission, || context.fresh.uuid()), messages: messages.collect() };
    json(StatusCode::OK, &body)
}

/// Infobip: a request with one destination gets no bulk id, unless it named one itself.
fn shown_bulk(submission: &Submission, ours: impl Fn() -> String) -> Option<String> {
    match &submission.bulk {
        Some(bulk) => Some(bulk.clone()),
        None => (submission.recipients.len() > 1).then(ours),
    }
}

fn initial_status(rejected: Option<Cause>, submission: &Submission) -> &'static wire::Status {
    match rejected {
        Some(cause) => status::failure(cause, status::Family::General).status,
        None => {
            let scheduled = submission.brief.send_at.is_some();
            status::verdict(Rung::Waiting, Channel::Sms, Until::Delivered, scheduled).status
        }
    }
}

fn sent_message(
    draft: &Draft,
    ours: impl Fn() -> String,
    status: &'static wire::Status,
) -> wire::SentMessage {
    let memo: MessageMemo = recall(draft.memo.as_deref());
    let message_id = draft.client_ref.clone().or(memo.message_id).unwrap_or_else(ours);
    wire::SentMessage { to: memo.to, status, message_id }
}

/// Who, where and when, of the step that a row is about.
struct Row<'a> {
    channel: Channel,
    step: Option<&'a StepReport>,
    until: Until,
    sent_at: Time,
    done_at: Time,
    parts: u16,
}

/// Infobip: `sentAt` and `doneAt` are always there; clients fail without them. Before there is
/// a time to tell, the nearest earlier one stands in.
fn row<'a>(report: &'a MessageReport, index: u8, step: Option<&'a StepReport>) -> Row<'a> {
    let planned = report.message.plan().step(index);
    let sent_at = step.map(|step| step.submitted_at.unwrap_or(step.begun_at));
    let done_at = step.map(|step| step.delivered_at.unwrap_or(step.updated_at));
    Row {
        channel: step
            .map(|step| step.channel)
            .or_else(|| planned.map(|step| step.channel))
            .unwrap_or(Channel::Unlisted),
        step,
        until: planned.map(|step| step.until).unwrap_or_default(),
        sent_at: sent_at.unwrap_or(report.message.accepted_at),
        done_at: done_at.unwrap_or(report.report.updated_at),
        parts: step.map_or(1, |step| step.parts.max(1)),
    }
}

/// The report on a message as a whole.
pub(super) fn final_report(report: &MessageReport, settings: &Settings) -> wire::Report {
    let row = row(report, report.report.deciding_step, report.report.deciding());
    report_of(report, &row, report.report.status, settings)
}

/// The report on one step of a message.
pub(super) fn step_report(report: &MessageReport, step: &StepReport, settings: &Settings) -> wire::Report {
    report_of(report, &row(report, step.index, Some(step)), step.status, settings)
}

fn report_of(report: &MessageReport, row: &Row<'_>, rung: Rung, settings: &Settings) -> wire::Report {
    let verdict = status::verdict(rung, row.channel, row.until, scheduled(report));
    wire::Report {
        bulk_id: bulk_id(&report.message),
        message_id: message_id(&report.message),
        to: address(&report.message, row.channel),
        sent_at: time::write(row.sent_at, settings.utc_offset),
        done_at: time::write(row.done_at, settings.utc_offset),
        message_count: row.parts,
        mcc_mnc: report.mcc_mnc.clone(),
        price: price(report.price.as_ref(), settings),
        status: verdict.status,
        error: verdict.fault,
        channel: status::label(row.channel),
        callback_data: None,
    }
}

fn log_row(report: &MessageReport, settings: &Settings) -> wire::LogRow {
    let index = report.report.deciding_step;
    let row = row(report, index, report.report.deciding());
    let planned = report.message.plan().step(index);
    wire::LogRow {
        bulk_id: bulk_id(&report.message),
        message_id: message_id(&report.message),
        to: address(&report.message, row.channel),
        from: row
            .step
            .and_then(|step| step.sender.clone())
            .or_else(|| planned.and_then(|step| step.sender.clone())),
        text: planned.and_then(|step| text(&step.body)),
        sent_at: time::write(row.sent_at, settings.utc_offset),
        done_at: time::write(row.done_at, settings.utc_offset),
        message_count: row.parts,
        mcc_mnc: report.mcc_mnc.clone(),
        price: price(report.price.as_ref(), settings),
        status: status::verdict(report.report.status, row.channel, row.until, scheduled(report)).status,
        channel: status::label(row.channel),
    }
}

fn scheduled(report: &MessageReport) -> bool {
    report.message.brief().send_at.is_some()
}

/// The text of a step, for the logs.
fn text(body: &Body) -> Option<String> {
    let Body::Ready(content) = body else { return None };
    match content {
        Content::Text(text) => Some(text.body.clone()),
        Content::Media(media) => media.caption.clone(),
        Content::Email(email) => email.text.clone(),
        Content::Other(value) => value.get("text").and_then(Value::as_str).map(str::to_owned),
        Content::Location(_)
        | Content::Contacts(_)
        | Content::Interactive(_)
        | Content::Template(_)
        | Content::Whatsapp(_) => None,
    }
}

/// The caller's bulk id, or ours if it was told.
fn bulk_id(message: &Message) -> Option<String> {
    let given = message.brief().bulk.clone();
    given.or_else(|| (message.batch_size > 1).then(|| message.batch.uuid()))
}

/// The id by which the caller knows the message.
pub(super) fn message_id(message: &Message) -> String {
    let memo: MessageMemo = recall(message.memo.as_deref());
    message.client_ref.clone().or(memo.message_id).unwrap_or_else(|| message.id.uuid())
}

/// Infobip: `to` in reports is the plain address of the channel that decided.
pub(super) fn address(message: &Message, channel: Channel) -> String {
    let recipient = &message.recipient;
    let phone = recipient.phone.as_ref().map(model::Phone::digits);
    let own = match channel {
        Channel::Sms | Channel::Mms | Channel::Voice | Channel::Rcs | Channel::Viber => phone,
        Channel::Whatsapp => phone.or(recipient.whatsapp_user.as_deref()),
        Channel::Email => recipient.email.as_deref(),
        Channel::Push | Channel::InApp => recipient.push.as_deref(),
        Channel::Messenger | Channel::Line | Channel::AppleMessages => recipient.other.as_deref(),
        Channel::Vkontakte | Channel::KakaoAlim | Channel::KakaoChingu | Channel::Unlisted => phone,
    };
    match own.unwrap_or_else(|| recipient.display()) {
        "" => as_given(message),
        address => address.to_owned(),
    }
}

/// The number as the caller wrote it, for numbers that are none.
fn as_given(message: &Message) -> String {
    let memo: MessageMemo = recall(message.memo.as_deref());
    match memo.to.phone_number {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Infobip: the price is always an object; without a price it says 0.
pub(super) fn price(price: Option<&Price>, settings: &Settings) -> wire::Price {
    match price {
        Some(price) => {
            wire::Price { price_per_message: amount(price.micros), currency: price.currency.to_string() }
        }
        None => wire::Price { price_per_message: Number::from(0), currency: settings.currency.clone() },
    }
}

/// Whole amounts without a fraction, others with no more digits than they need.
fn amount(micros: i64) -> Number {
    if micros % 1_000_000 == 0 {
        return Number::from(micros / 1_000_000);
    }
    Number::from_f64(micros as f64 / 1e6).unwrap_or_else(|| Number::from(0))
}
