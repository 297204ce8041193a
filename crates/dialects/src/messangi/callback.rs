//! Status callbacks, one per address and change, and messages from people.

use model::{
    Channel, Content, Inbound, Span, Status, StepReport, call::MessageReport, content::MediaSource,
    message::Body, network::InboundContent, report::Occasion,
};
use serde::Serialize;

use super::{
    settings::{Settings, own},
    status,
    wire::{ExtraInfo, InboundAttachment, InboundMessage, Memo, StatusChange},
};
use crate::{
    Callback, Context, RetryPolicy, Success,
    memo::recall,
    occasions::{changed_step, is_first_sign_of_reading},
    support,
};

/// Messangi does not document retries: five, from 5 seconds to 10 minutes.
pub(super) fn retry_policy() -> RetryPolicy {
    RetryPolicy {
        timeout: Span::from_secs(10),
        delays: [5, 17, 55, 180, 600].map(Span::from_secs).to_vec(),
        success: Success::TwoHundreds,
        final_statuses: Vec::new(),
    }
}

/// The callbacks that a change calls for.
pub(super) fn report(report: &MessageReport, occasion: &Occasion, context: &Context<'_>) -> Vec<Callback> {
    let own = own(context);
    let memo: Memo = recall(report.message.brief().memo.as_deref());
    let mut urls = memo.callbacks.clone();
    urls.extend(own.callback_urls.iter().filter(|url| !memo.callbacks.contains(url)).cloned());
    let words = told(report, occasion, own);
    let each = words.into_iter().flat_map(|word| urls.iter().map(move |url| (word, url)));
    each.map(|(word, url)| post(url, &change(report, occasion, &memo, word, url), own)).collect()
}

/// The words to tell on this occasion, in order.
///
/// A failed step that is followed by another is not told, because the words for failures are
/// final; neither is a later step's wait for its turn, because the message was queued already.
fn told(report: &MessageReport, occasion: &Occasion, own: &Settings) -> Vec<&'static str> {
    let step = reported(report, occasion);
    let plan = report.message.plan().step(occasion.step);
    let Some(channel) = step.map(|step| step.channel).or_else(|| plan.map(|step| step.channel)) else {
        return Vec::new();
    };
    let silent = match occasion.status {
        Status::Waiting | Status::Accepted => occasion.step > 0,
        Status::Failed(_) => !occasion.settles,
        // Reading was told when it was reported on its own.
        Status::Played => !step.is_none_or(is_first_sign_of_reading),
        Status::Submitted | Status::Sent | Status::Delivered | Status::Read => false,
    };
    let word = status::word(channel, occasion.status).filter(|_| !silent);
    let dequeued = own.report_dequeued && occasion.status == Status::Submitted;
    dequeued.then_some(status::DEQUEUED).into_iter().chain(word).collect()
}

fn reported<'a>(report: &'a MessageReport, occasion: &Occasion) -> Option<&'a StepReport> {
    changed_step(report, occasion)
}

fn change<'a>(
    report: &'a MessageReport,
    occasion: &Occasion,
    memo: &'a Memo,
    status: &'static str,
    callback: &'a str,
) -> StatusChange<'a> {
    let message = &report.message;
    let step = reported(report, occasion);
    let plan = message.plan().step(occasion.step);
    let at = step.map_or(report.report.updated_at, |step| step.updated_at);
    StatusChange {
        date: support::stamp(at, "%Y-%m-%dT%H:%M:%S.%2fZ"),
        external_id: memo.external.as_deref(),
        client_id: memo.client.as_deref(),
        campaign_id: None,
        callback,
        from: plan.and_then(|step| step.sender.as_deref()).unwrap_or(&memo.from),
        to: &memo.to,
        id: message.id.uuid(),
        message: plan.map(|step| words(&step.body)).unwrap_or_default(),
        username: &memo.username,
        timestamp: message.accepted_at.as_millis(),
        status,
        error: occasion.status.cause().map(|cause| status::error(cause, step)),
    }
}

/// The content as the field `message` showed it.
pub(super) fn words(body: &Body) -> &str {
    let Body::Ready(content) = body else { return "" };
    match content {
        Content::Text(text) => &text.body,
        Content::Media(media) => match &media.source {
            MediaSource::Link(link) => link,
            MediaSource::Id(id) => id,
        },
        Content::Email(email) => email.text.as_deref().or(email.html.as_deref()).unwrap_or_default(),
        Content::Template(template) => &template.name,
        Content::Interactive(object) => object["body"]["text"].as_str().unwrap_or_default(),
        Content::Other(object) => object["message"].as_str().unwrap_or_default(),
        Content::Location(_) | Content::Contacts(_) | Content::Whatsapp(_) => "",
    }
}

/// The webhook for a message from a person.
pub(super) fn inbound(inbound: &Inbound, context: &Context<'_>) -> Option<Callback> {
    let own = own(context);
    let url = own.inbound_url.as_deref()?;
    let message = InboundMessage {
        owner: context.account,
        date: support::rfc3339_millis(inbound.at),
        process_id: (context.fresh.0 & 0x7fff_ffff) as u32,
        origin: &inbound.to,
        external_id: None,
        callback: url,
        connection: connection(inbound.channel),
        id: &inbound.upstream,
        text: text(&inbound.content),
        user: user(&inbound.from),
        extra_info: extra_info(inbound),
    };
    Some(post(url, &message, own))
}

const fn connection(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms | Channel::Mms => "SMS",
        Channel::Whatsapp => "WHATSAPP",
        Channel::Rcs => "RCS",
        Channel::Email => "EMAIL",
        Channel::Push | Channel::InApp => "PUSH",
        Channel::Viber
        | Channel::Voice
        | Channel::Messenger
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::AppleMessages
        | Channel::Unlisted => channel.as_str(),
    }
}

fn user(from: &str) -> String {
    if from.bytes().all(|byte| byte.is_ascii_digit()) { format!("+{from}") } else { from.to_owned() }
}

/// Clients insist on a text, so content without one gets its caption, address or coordinates.
fn text(content: &InboundContent) -> String {
    match content {
        InboundContent::Text(text) => text.clone(),
        InboundContent::Choice { title, .. } => title.clone(),
        InboundContent::Media { caption, url, kind, .. } => {
            caption.clone().or_else(|| url.clone()).unwrap_or_else(|| kind.clone())
        }
        InboundContent::Location { latitude, longitude, .. } => format!("{latitude},{longitude}"),
        InboundContent::Other(value) => value.to_string(),
    }
}

fn extra_info(inbound: &Inbound) -> Option<ExtraInfo> {
    let (kind, attachments) = match &inbound.content {
        InboundContent::Text(_) => return None,
        InboundContent::Choice { .. } => ("interactive", Vec::new()),
        InboundContent::Media { kind, caption, filename, url, .. } => {
            let attachment = InboundAttachment {
                file_name: filename.clone().unwrap_or_default(),
                url: url.clone().unwrap_or_default(),
                caption: caption.clone().unwrap_or_default(),
            };
            (kind.as_str(), vec![attachment])
        }
        InboundContent::Location { .. } => ("location", Vec::new()),
        InboundContent::Other(_) => ("other", Vec::new()),
    };
    let name = inbound.profile_name.clone().unwrap_or_default();
    let contact = serde_json::json!({"profile": {"name": name}, "wa_id": inbound.from});
    Some(ExtraInfo { kind: kind.to_owned(), attachments, contacts: vec![contact] })
}

fn post(url: &str, body: &impl Serialize, own: &Settings) -> Callback {
    let stored =
        own.callback_headers.iter().map(|(name, value)| (name.clone().into(), value.as_str().to_owned()));
    let json = ("content-type".into(), "application/json".to_owned());
    Callback {
        method: "POST".into(),
        url: url.to_owned(),
        headers: std::iter::once(json).chain(stored).collect(),
        body: support::json_bytes(body),
        no_retry: false,
    }
}
