//! Answers.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use model::{
    Answer, Call, MessageId, Refusal, Submission,
    call::{Accepted, LogFilter, MessageRef, MessageReport},
    message::{Draft, PlanSource},
};

use super::{
    ids,
    path::Surface,
    read::Asked,
    refuse::refuse,
    settings,
    status::Standing,
    wire::{
        BatchState, Envelope, FormMessage, FormReceipt, Invoked, Kind, Memo, MessageMemo, MessageState,
        Nothing, Receipt, SmsState, SmsStates, Uploaded, recipient,
    },
};
use crate::{Context, memo::recall, support};

pub(super) fn write(
    request: &Request<Bytes>,
    call: &Call,
    answer: &Answer,
    context: &Context<'_>,
) -> Response<Bytes> {
    match (answer, call) {
        (Answer::Accepted(accepted), Call::Submit(submission)) => {
            receipt(request, submission, accepted, context)
        }
        (Answer::Logs(reports), Call::ReadLogs(filter)) => states(request, filter, reports),
        (Answer::Status(report), _) => {
            let data = vec![sms_state(report)];
            support::json(StatusCode::OK, &SmsStates { data, error: Nothing {} })
        }
        (Answer::Uploaded { id, .. }, _) => ok(Uploaded { id: id.clone(), media_id: id.clone() }),
        (Answer::Done, _) => ok(Nothing {}),
        (
            Answer::Accepted(_)
            | Answer::Logs(_)
            | Answer::Cancelled
            | Answer::Scenario(_)
            | Answer::Scenarios(_)
            | Answer::Reports(_)
            | Answer::SignedIn { .. },
            _,
        ) => refuse(request, &Refusal::Internal),
    }
}

/// Kaleyra: 200 and `WA200` for everything but sending.
fn ok(data: impl serde::Serialize) -> Response<Bytes> {
    let body = Envelope { code: "WA200", message: "Success", data, error: Nothing {} };
    support::json(StatusCode::OK, &body)
}

fn receipt(
    request: &Request<Bytes>,
    submission: &Submission,
    accepted: &Accepted,
    context: &Context<'_>,
) -> Response<Bytes> {
    let memo: Memo = recall(submission.brief.memo.as_deref());
    match memo.kind {
        Kind::Whatsapp => {
            let data = Receipt { message_id: ids::batch(accepted.batch) };
            let body = Envelope { code: "WA202", message: "Request Accepted", data, error: Nothing {} };
            support::json(StatusCode::ACCEPTED, &body)
        }
        Kind::FormWhatsapp | Kind::Sms => support::json(
            StatusCode::ACCEPTED,
            &form_receipt(request, submission, accepted, memo.kind, context),
        ),
        Kind::Flow => {
            let workflow_invocation_id = ids::run(accepted.batch);
            support::json(
                StatusCode::ACCEPTED,
                &Invoked { workflow_invocation_id, request_id: memo.request_id },
            )
        }
    }
}

fn form_receipt(
    request: &Request<Bytes>,
    submission: &Submission,
    accepted: &Accepted,
    kind: Kind,
    context: &Context<'_>,
) -> FormReceipt {
    let given = settings::of(context).and_then(|settings| Asked { request, context, settings }.fields().ok());
    let text = |name: &str| given.as_ref().and_then(|fields| fields.text(name)).map(str::to_owned);
    let messages = accepted.messages.iter().zip(&submission.recipients);
    let data: Vec<FormMessage> =
        messages.map(|(message, draft)| form_message(message.id, draft, kind)).collect();
    let sms = kind == Kind::Sms;
    FormReceipt {
        id: data.first().map(|message| message.message_id.clone()).unwrap_or_default(),
        status: sms.then_some("SUBMITTED"),
        r#type: text("type").unwrap_or_else(|| if sms { "DEFAULT" } else { "text" }.to_owned()),
        to: text("to").unwrap_or_default(),
        from: sender(submission).filter(|_| !sms),
        sender: sender(submission).filter(|_| sms),
        channel: if sms { "SMS" } else { "whatsapp" },
        created_at: accepted.at.as_secs().to_string(),
        data,
        error: Nothing {},
    }
}

fn form_message(id: MessageId, draft: &Draft, kind: Kind) -> FormMessage {
    let recipient = match &draft.recipient.phone {
        Some(phone) => phone.digits().to_owned(),
        None => recall::<MessageMemo>(draft.memo.as_deref()).to.unwrap_or_default(),
    };
    FormMessage { message_id: ids::campaign(id, kind), recipient }
}

fn sender(submission: &Submission) -> Option<String> {
    match &submission.plan {
        PlanSource::Steps { steps, .. } => steps.first()?.sender.clone(),
        PlanSource::Scenario { .. } => None,
    }
}

fn states(request: &Request<Bytes>, filter: &LogFilter, reports: &[MessageReport]) -> Response<Bytes> {
    match Surface::of(request.uri().path()) {
        Surface::Message { id, .. } => batch_state(request, &id, reports),
        Surface::Statuses => support::json(StatusCode::OK, &sms_states(filter, reports)),
        Surface::Probe
        | Surface::Messages { .. }
        | Surface::Media { .. }
        | Surface::SmsJson
        | Surface::FormMessages
        | Surface::FormSms
        | Surface::Invoke(_)
        | Surface::Templates
        | Surface::ResumableMedia
        | Surface::Nowhere => refuse(request, &Refusal::Internal),
    }
}

fn batch_state(request: &Request<Bytes>, id: &str, reports: &[MessageReport]) -> Response<Bytes> {
    let position = ids::parse_batch(id).and_then(|(_, position)| position);
    let wanted = |report: &&MessageReport| position.is_none_or(|wanted| report.message.position == wanted);
    let mut reports: Vec<&MessageReport> = reports.iter().filter(wanted).collect();
    if reports.is_empty() {
        return refuse(request, &Refusal::NotFound(model::call::Missing::Message));
    }
    reports.sort_by_key(|report| report.message.position);
    let messages = reports.into_iter().map(message_state).collect();
    ok(BatchState { message_id: id.to_owned(), messages })
}

fn message_state(report: &MessageReport) -> MessageState {
    let standing = Standing::of(&report.report);
    let network = report.report.deciding().and_then(|step| step.network.as_ref());
    let (code, reason) = standing.fault(network).unzip();
    let memo = Memo::of(&report.message);
    MessageState {
        message_id: ids::in_batch(&report.message),
        recipient_id: recipient(&report.message),
        status: standing.whatsapp(),
        timestamp: report.report.updated_at.as_secs().to_string(),
        code,
        reason,
        refs: memo.refs,
        wa_source: memo.wa_source.unwrap_or_else(|| "API".to_owned()),
    }
}

/// States in the order in which they were asked for.
fn sms_states(filter: &LogFilter, reports: &[MessageReport]) -> SmsStates {
    let find =
        |wanted: &MessageRef| reports.iter().find(|report| *wanted == MessageRef::Id(report.message.id));
    SmsStates { data: filter.messages.iter().filter_map(find).map(sms_state).collect(), error: Nothing {} }
}

fn sms_state(report: &MessageReport) -> SmsState {
    let (status, status_details) = Standing::of(&report.report).sms();
    let kind = Memo::of(&report.message).kind;
    SmsState { campaign_id: ids::campaign(report.message.id, kind), status, status_details }
}
