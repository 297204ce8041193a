//! Answers as responses.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use model::{
    Answer, Call, MessageId, Span, Time,
    call::{Accepted, AcceptedMessage},
    message::{PlanSource, Submission},
};

use super::{
    callback,
    credentials::SESSION_PREFIX,
    path::Surface,
    settings::own,
    wire::{self, AcceptedData, AcceptedSingle, Memo, Meta},
};
use crate::{Context, memo::recall, support};

pub(super) fn write(
    request: &Request<Bytes>,
    call: &Call,
    answer: &Answer,
    context: &Context<'_>,
) -> Response<Bytes> {
    let response = match (answer, call) {
        (Answer::SignedIn { token }, _) => return signed_in(token),
        (Answer::Accepted(accepted), Call::Submit(submission)) => match Surface::of(request.uri().path()) {
            Surface::Raven | Surface::Crowsnest | Surface::Balerion => {
                support::json(StatusCode::OK, &single(accepted, submission, context))
            }
            Surface::Notification | Surface::Login | Surface::Nowhere => {
                let meta = meta(accepted.at, first_id(accepted, context), "Send Notification");
                support::json(StatusCode::OK, &wire::Accepted { meta })
            }
        },
        // Calls of this dialect have no other answers.
        _ => support::json(StatusCode::OK, &wire::Accepted { meta: meta(context.now, context.fresh, "OK") }),
    };
    with_quota(response, context, None)
}

/// Messangi gives the token in a header, with an empty body; browsers may read it.
fn signed_in(token: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {SESSION_PREFIX}{token}")) {
        response.headers_mut().insert(header::AUTHORIZATION, value);
    }
    let exposed = HeaderValue::from_static("Authorization");
    response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    response
}

/// The part every response starts with.
pub(super) fn meta(at: Time, id: MessageId, explain: &str) -> Meta {
    Meta { timestamp: at.as_millis(), transaction_id: id.uuid(), explain: explain.to_owned() }
}

/// A request makes one message, whose id is the transaction's.
fn first_id(accepted: &Accepted, context: &Context<'_>) -> MessageId {
    accepted.messages.first().map_or(context.fresh, |message| message.id)
}

/// Clients read either form of the answer: `data` with `meta`, or flat.
fn single(accepted: &Accepted, submission: &Submission, context: &Context<'_>) -> AcceptedSingle {
    let memo: Memo = recall(submission.brief.memo.as_deref());
    let id = first_id(accepted, context);
    let rejected =
        accepted.messages.first().is_some_and(|AcceptedMessage { rejected, .. }| rejected.is_some());
    let status = if rejected { "REJECTED" } else { "ACCEPTED" };
    let text = match &submission.plan {
        PlanSource::Steps { steps, .. } => steps.first().map(|step| callback::words(&step.body)),
        PlanSource::Scenario { .. } => None,
    };
    AcceptedSingle {
        meta: meta(accepted.at, id, "Send Notification"),
        data: AcceptedData {
            id: id.uuid(),
            from: memo.from,
            text: text.unwrap_or_default().to_owned(),
            to: memo.to,
            kind: "MT",
            status,
            date: support::rfc3339_micros(accepted.at),
        },
        status,
        message_id: id.uuid(),
        description: if rejected { "Message rejected" } else { "Message accepted" },
    }
}

/// Adds the headers that tell the quota, if the account has one. Messangi's page says the limit
/// is what is left, its sample that it is constant; the sample is followed, with the blank after
/// `w=`.
pub(super) fn with_quota(
    mut response: Response<Bytes>,
    context: &Context<'_>,
    refused_for: Option<Span>,
) -> Response<Bytes> {
    let quota = own(context).quota;
    let (limit, window) = match (context.rate, quota) {
        (Some(rate), _) => (rate.limit, rate.window.as_secs()),
        (None, Some(quota)) => (quota.requests, quota.window_seconds),
        (None, None) => return response,
    };
    let left = match (context.rate, refused_for) {
        (_, Some(retry_after)) => Some((0, retry_after)),
        (Some(rate), None) => Some((rate.remaining, rate.reset_in)),
        (None, None) => None,
    };
    let mut add = |name: &'static str, value: String| {
        let value = HeaderValue::try_from(value).expect("digits and letters");
        response.headers_mut().insert(name, value);
    };
    add("ratelimit-limit", limit.to_string());
    add("ratelimit-policy", format!("{limit};w= {window}"));
    if let Some((remaining, reset)) = left {
        add("ratelimit-remaining", remaining.to_string());
        add("ratelimit-reset", clock_words(reset));
    }
    response
}

/// `5m0s`: seconds always, minutes and hours where there are any; begun seconds count.
fn clock_words(span: Span) -> String {
    let seconds = span.as_millis().div_ceil(1000);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        (_, _) => format!("{hours}h{minutes}m{rest}s"),
    }
}
