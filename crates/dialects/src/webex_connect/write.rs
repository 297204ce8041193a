//! Answers as responses.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use model::{
    Answer, Call,
    call::{Accepted, MessageReport},
    message::Submission,
};

use super::{
    path::Surface,
    status,
    wire::{AcceptedMessageV2, AcceptedV1, AcceptedV2, OutcomeV1, RecipientMemo, RequestMemo, StatusV2},
};
use crate::{Context, memo::recall, support};

pub(super) fn write(
    request: &Request<Bytes>,
    call: &Call,
    answer: &Answer,
    _context: &Context<'_>,
) -> Response<Bytes> {
    match (answer, call) {
        (Answer::Accepted(accepted), Call::Submit(submission))
            if Surface::of(request.uri().path()).is_v2() =>
        {
            support::json(StatusCode::CREATED, &accepted_v2(accepted, submission))
        }
        (Answer::Accepted(accepted), _) => support::json(StatusCode::OK, &accepted_v1(accepted)),
        (Answer::Status(report), _) => support::json(StatusCode::OK, &status_v2(report)),
        // Calls of this dialect have no other answers.
        _ => support::json(StatusCode::OK, &serde_json::json!({})),
    }
}

/// Webex Connect does not say how it answers several recipients: here, one element for each.
fn accepted_v1(accepted: &Accepted) -> AcceptedV1 {
    let outcome =
        |id: model::MessageId| OutcomeV1 { code: "1001", transid: id.uuid(), description: "Queued" };
    AcceptedV1 { response: accepted.messages.iter().map(|message| outcome(message.id)).collect() }
}

fn accepted_v2(accepted: &Accepted, submission: &Submission) -> AcceptedV2 {
    let request: RequestMemo = recall(submission.brief.memo.as_deref());
    let each = accepted.messages.iter().zip(&submission.recipients).map(|(message, draft)| {
        let own: RecipientMemo = recall(draft.memo.as_deref());
        AcceptedMessageV2 {
            message_id: message.id.uuid(),
            correlation_id: own.correlation.or_else(|| request.correlation.clone()).unwrap_or_default(),
            to: own.to,
        }
    });
    let messages: Vec<_> = each.collect();
    let first = messages.first();
    AcceptedV2 {
        request_timestamp: support::rfc3339_millis(accepted.at),
        message_id: first.map(|message| message.message_id.clone()).unwrap_or_default(),
        correlation_id: first.map(|message| message.correlation_id.clone()).unwrap_or_default(),
        status: "queued",
        messages: if messages.len() > 1 { messages } else { Vec::new() },
    }
}

fn status_v2(report: &MessageReport) -> StatusV2 {
    let message = &report.message;
    let request: RequestMemo = recall(message.brief().memo.as_deref());
    let own: RecipientMemo = recall(message.memo.as_deref());
    let step = report.report.deciding();
    let channel =
        step.map(|step| step.channel).or_else(|| message.plan().steps().first().map(|step| step.channel));
    let family = channel.map_or(status::Family::Sms, status::Family::of);
    let network = step.and_then(|step| step.network.as_ref());
    let word = status::word(family, report.report.status, network);
    StatusV2 {
        message_id: message.id.uuid(),
        correlation_id: own.correlation.or(request.correlation).unwrap_or_default(),
        channel: channel.map_or("", status::v2_channel),
        direction: "outbound",
        from: step.and_then(|step| step.sender.clone()).unwrap_or_default(),
        to: own.to,
        to_type: own.kind,
        status: word.map_or("queued", |word| word.status),
        code: word.map_or("", |word| word.code),
        description: word.map_or("", |word| word.text),
        num_segments: step.map_or(1, |step| step.parts),
        request_timestamp: support::rfc3339_millis(message.accepted_at),
        updated_timestamp: support::rfc3339_millis(report.report.updated_at),
    }
}
