//! Pushed reports: delivery, single failed steps, seen, and messages from people.

use std::borrow::Cow;

use model::{
    Channel, Inbound, Message, Span, Status as Rung, StepReport, call::MessageReport,
    network::InboundContent, report::Occasion,
};
use serde::Serialize;
use serde_json::Value;

use super::{
    SeenForm, Settings, status, time,
    wire::{self, BriefMemo},
    write,
};
use crate::{
    Callback, Context, RetryPolicy, Success,
    memo::recall,
    occasions::{changed_step, is_first_sign_of_reading},
    support,
};

/// Where the reports on a message go, if anywhere. Infobip: `notify: false` means nowhere; the
/// request's own address comes before the account's.
pub(super) fn push_url(message: &Message, settings: &Settings) -> Option<String> {
    let memo: BriefMemo = recall(message.brief().memo.as_deref());
    if memo.notify == Some(false) {
        return None;
    }
    memo.notify_url.or_else(|| settings.notify_url.clone())
}

/// The callbacks that a change calls for.
pub(super) fn report(report: &MessageReport, occasion: &Occasion, context: &Context<'_>) -> Vec<Callback> {
    let settings = Settings::of(context.settings);
    let Some(url) = push_url(&report.message, settings) else { return Vec::new() };
    let memo: BriefMemo = recall(report.message.brief().memo.as_deref());
    let step = changed_step(report, occasion);
    let delivery = delivery(report, occasion, step, &memo, settings).map(|row| post(&url, &results(row)));
    let seen = step.filter(|step| is_seen(occasion, step)).map(|step| seen(&url, report, step, settings));
    delivery.into_iter().chain(seen).collect()
}

/// Infobip: one report when the message is done, and one for each step that failed before if the
/// request asked for intermediate reports. A delivery on a step given up earlier is not told
/// unless it settles the message.
fn delivery(
    report: &MessageReport,
    occasion: &Occasion,
    step: Option<&StepReport>,
    memo: &BriefMemo,
    settings: &Settings,
) -> Option<wire::Report> {
    let mut row = match (occasion.settles, occasion.status) {
        (true, _) => write::final_report(report, settings),
        (false, Rung::Failed(_)) if memo.intermediate_report && !occasion.late => {
            write::step_report(report, step?, settings)
        }
        (false, _) => return None,
    };
    row.callback_data.clone_from(&memo.callback_data);
    Some(row)
}

fn is_seen(occasion: &Occasion, step: &StepReport) -> bool {
    let read = match occasion.status {
        Rung::Read => true,
        // Infobip: knows no playing. It is told as seeing, unless that was told before.
        Rung::Played => is_first_sign_of_reading(step),
        Rung::Waiting | Rung::Accepted | Rung::Submitted | Rung::Sent | Rung::Delivered | Rung::Failed(_) => {
            false
        }
    };
    read && (occasion.settles || !occasion.late)
}

fn seen(url: &str, report: &MessageReport, step: &StepReport, settings: &Settings) -> Callback {
    let message_id = write::message_id(&report.message);
    let to = write::address(&report.message, step.channel);
    let sent_at = time::write(step.submitted_at.unwrap_or(step.begun_at), settings.utc_offset);
    let seen_at = time::write(step.read_at.unwrap_or(step.updated_at), settings.utc_offset);
    match settings.seen_report_form {
        SeenForm::Classic => post(url, &results(wire::Seen { message_id, to, sent_at, seen_at })),
        SeenForm::Later => {
            let from = step.sender.clone();
            post(url, &results(wire::LaterSeen { message_id, from, to, send_at: sent_at, seen_at }))
        }
    }
}

fn results<T>(row: T) -> wire::Results<T> {
    wire::Results { results: vec![row] }
}

fn post(url: &str, body: &impl Serialize) -> Callback {
    Callback {
        method: Cow::Borrowed("POST"),
        url: url.to_owned(),
        headers: vec![(Cow::Borrowed("Content-Type"), "application/json".to_owned())],
        body: support::json_bytes(body),
        no_retry: false,
    }
}

/// Infobip: the n-th try again comes after one minute and n times n minutes more. The vendor does
/// not say when it ends; after n = 20, about 48 hours, it has outlived every report.
pub(super) fn retry_policy() -> RetryPolicy {
    RetryPolicy {
        timeout: Span::from_secs(10),
        delays: (0..=20).map(|n| Span::from_mins(1 + n * n)).collect(),
        success: Success::TwoHundreds,
        final_statuses: Vec::new(),
    }
}

/// A message from a person, if the account has an address for them.
pub(super) fn inbound(inbound: &Inbound, context: &Context<'_>) -> Vec<Callback> {
    let settings = Settings::of(context.settings);
    let Some(url) = &settings.inbound_url else { return Vec::new() };
    let batch = wire::InboundBatch {
        results: vec![message(inbound, settings)],
        message_count: 1,
        pending_message_count: 0,
    };
    vec![post(url, &batch)]
}

fn message(inbound: &Inbound, settings: &Settings) -> wire::Inbound {
    wire::Inbound {
        from: inbound.from.clone(),
        to: inbound.to.clone(),
        integration_type: status::label(inbound.channel),
        received_at: time::write(inbound.at, settings.utc_offset),
        message_id: inbound.upstream.clone(),
        paired_message_id: None,
        callback_data: None,
        message: wire::InboundMessage { content: content(&inbound.content), context: quoted(inbound) },
        contact: inbound.profile_name.clone().map(|name| wire::Contact { name }),
        price: write::price(None, settings),
    }
}

/// What a person answers is always a message of ours, so its sender is the one written to.
fn quoted(inbound: &Inbound) -> Option<wire::Quoted> {
    let id = inbound.reply_to.clone().filter(|_| inbound.channel == Channel::Whatsapp)?;
    Some(wire::Quoted { id, from: inbound.to.clone() })
}

fn content(content: &InboundContent) -> wire::InboundContent {
    match content.clone() {
        InboundContent::Text(text) => wire::InboundContent::Text { text },
        InboundContent::Choice { id, title, list: false, .. } => {
            wire::InboundContent::InteractiveButtonReply { id, title }
        }
        InboundContent::Choice { id, title, list: true, description } => {
            wire::InboundContent::InteractiveListReply(wire::ListReply { id, title, description })
        }
        InboundContent::Media { kind, caption, url, .. } => media(&kind, caption, url),
        InboundContent::Location { latitude, longitude, name, address } => {
            wire::InboundContent::Location(wire::Place { longitude, latitude, name, address })
        }
        InboundContent::Other(value) => other(&value),
    }
}

fn media(kind: &str, caption: Option<String>, url: Option<String>) -> wire::InboundContent {
    let plain = wire::Plain { url: url.clone() };
    let captioned = wire::Captioned { caption, url };
    match kind {
        "image" => wire::InboundContent::Image(captioned),
        "video" => wire::InboundContent::Video(captioned),
        "audio" => wire::InboundContent::Audio(plain),
        "voice" => wire::InboundContent::Voice(plain),
        "sticker" => wire::InboundContent::Sticker(plain),
        _ => wire::InboundContent::Document(captioned),
    }
}

/// Messages that we keep as the network wrote them: the Cloud API's message object.
fn other(value: &Value) -> wire::InboundContent {
    let member = |name| value.get(name).cloned();
    match value.get("type").and_then(Value::as_str) {
        Some("contacts") => match member("contacts") {
            Some(contacts) => wire::InboundContent::Contact { contacts },
            None => wire::InboundContent::Unsupported,
        },
        Some("order") => match member("order") {
            Some(order @ Value::Object(_)) => wire::InboundContent::Order(order),
            Some(_) | None => wire::InboundContent::Unsupported,
        },
        Some(_) | None => wire::InboundContent::Unsupported,
    }
}
