//! Delivery notifications, and messages from people.

use model::{
    Channel, Inbound, Phone, Recipient, Span, Status, StepReport, call::MessageReport,
    network::InboundContent, report::Occasion,
};
use serde::Serialize;

use super::{
    settings::own,
    status::{self, Family, Word},
    wire::{
        Attachment, DeliveryInfo, DeliveryInfoNotification, InboundChoice, InboundSms, InboundWhatsapp,
        Notification, RecipientMemo, RequestMemo, WhatsappInfo,
    },
};
use crate::{
    Callback, Context, RetryPolicy, Success,
    memo::recall,
    occasions::{changed_step, is_first_sign_of_reading},
    support,
};

/// Webex Connect: three tries again, a minute apart; only 200 confirms.
pub(super) fn retry_policy() -> RetryPolicy {
    RetryPolicy {
        timeout: Span::from_secs(10),
        delays: vec![Span::from_secs(60); 3],
        success: Success::Ok,
        final_statuses: never_retried(),
    }
}

/// Webex Connect lists the answers after which it does not try again.
fn never_retried() -> Vec<u16> {
    let ranges = [202..=208, 226..=226, 300..=308, 400..=400, 402..=402, 404..=411, 414..=416];
    ranges.into_iter().flatten().chain([418, 505]).collect()
}

/// The notification that a change calls for, if any.
pub(super) fn report(report: &MessageReport, occasion: &Occasion, context: &Context<'_>) -> Option<Callback> {
    let message = &report.message;
    let request: RequestMemo = recall(message.brief().memo.as_deref());
    let recipient: RecipientMemo = recall(message.memo.as_deref());
    let url = request.notify_url.clone().or_else(|| own(context).notify_url.clone())?;
    let step = changed_step(report, occasion);
    let planned = message.plan().step(occasion.step);
    let channel = step.map(|step| step.channel).or_else(|| planned.map(|step| step.channel))?;
    let network = step.and_then(|step| step.network.as_ref());
    let word = status::word(Family::of(channel), told(occasion, step)?, network)?;
    if !wanted(&request, word) {
        return None;
    }
    let correlation = recipient.correlation.clone().or_else(|| request.correlation.clone());
    let delivery_info_notification = DeliveryInfoNotification {
        delivery_info: delivery_info(report, occasion, channel, word, &recipient),
        subtid: "",
        transid: transid(report, context),
        callback_data: request.callback_data.clone().unwrap_or_default(),
        correlationid: correlation.unwrap_or_default(),
        carrier: (channel == Channel::Sms).then_some(""),
    };
    let callback = post(url, &Notification { delivery_info_notification }, context);
    Some(with_extras(callback, request, recipient, context))
}

/// Adds the trace id, stored credentials, and that an invalid address is tried once.
fn with_extras(
    mut callback: Callback,
    request: RequestMemo,
    recipient: RecipientMemo,
    context: &Context<'_>,
) -> Callback {
    callback.headers.extend(recipient.gtrid.map(|id| ("x-wx-gtrid".into(), id)));
    let stored = request.notify_auth.and_then(|id| own(context).notify_auth.get(&id));
    let stored = stored.into_iter().flatten();
    callback.headers.extend(stored.map(|(name, value)| (name.clone().into(), value.as_str().to_owned())));
    callback.no_retry = request.once;
    callback
}

/// The status to tell on this occasion; `None` if the vendor would be silent.
///
/// A failed step that is followed by another is not told: to the caller, `Failed` is the end.
/// `Sent` is not told because `Submitted` was; `Played` only if it is the first sign of reading.
fn told(occasion: &Occasion, step: Option<&StepReport>) -> Option<Status> {
    match occasion.status {
        Status::Waiting | Status::Accepted | Status::Sent => None,
        Status::Failed(_) if !occasion.settles => None,
        Status::Played => {
            let first = step.is_some_and(is_first_sign_of_reading);
            first.then_some(Status::Read)
        }
        Status::Submitted | Status::Delivered | Status::Read | Status::Failed(_) => Some(occasion.status),
    }
}

/// Whether a v2 request asked for this status.
fn wanted(request: &RequestMemo, word: Word) -> bool {
    let status = if word.status == "Un-Delivered" { "FAILED" } else { word.status };
    request.receipts.is_empty() || request.receipts.iter().any(|wanted| wanted.eq_ignore_ascii_case(status))
}

fn transid(report: &MessageReport, context: &Context<'_>) -> String {
    let id = report.message.id.uuid();
    if own(context).transid_suffix { id + "_0" } else { id }
}

fn delivery_info(
    report: &MessageReport,
    occasion: &Occasion,
    channel: Channel,
    word: Word,
    recipient: &RecipientMemo,
) -> DeliveryInfo {
    let step = changed_step(report, occasion);
    let at = step.map_or(report.report.updated_at, |step| step.updated_at);
    let over = word.status != "Submitted" && word.status != "Read";
    let (destination, destination_type) = destination(&report.message.recipient, channel, recipient);
    let additional = step.filter(|_| matches!(occasion.status, Status::Failed(_)));
    DeliveryInfo {
        time_stamp: support::rfc3339_millis(at),
        description: word.text,
        code: word.code,
        message_count: (channel == Channel::Sms && over)
            .then(|| step.map_or(1, |step| step.parts.max(1)).to_string()),
        delivery_channel: status::delivery_channel(channel),
        additional_info: additional.map(|step| additional_info(step, channel)).unwrap_or_default(),
        whatsapp: (channel == Channel::Whatsapp).then(|| whatsapp_info(report, occasion.step, recipient)),
        push_id: (channel == Channel::Push).then(|| destination.clone()),
        destination,
        destination_type,
        delivery_status: word.status,
    }
}

/// The address as given if the step's channel uses it, else the one that it does use: a stored
/// plan may have gone on to another channel.
fn destination(recipient: &Recipient, channel: Channel, given: &RecipientMemo) -> (String, String) {
    let phone = || recipient.phone.as_ref().map(|phone| phone.digits().to_owned());
    let (key, address) = match channel {
        Channel::Whatsapp => match phone() {
            Some(phone) => ("waid", Some(phone)),
            None => ("bsuid", recipient.whatsapp_user.clone()),
        },
        Channel::Sms | Channel::Mms | Channel::Voice | Channel::Rcs | Channel::Viber => ("msisdn", phone()),
        Channel::Email => ("email", recipient.email.clone()),
        Channel::Push
        | Channel::InApp
        | Channel::Messenger
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::AppleMessages
        | Channel::Unlisted => ("", None),
    };
    match address {
        Some(address) if key != given.kind => (address, key.to_owned()),
        _ => (given.to.clone(), given.kind.clone()),
    }
}

/// Webex Connect prints Meta's code in this form, with both blanks.
fn additional_info(step: &StepReport, channel: Channel) -> String {
    let Some(network) = &step.network else { return String::new() };
    match channel {
        Channel::Whatsapp => format!("(#{})  | {}", network.code, network.text),
        _ if network.text.is_empty() => network.code.clone(),
        _ => format!("{} | {}", network.code, network.text),
    }
}

fn whatsapp_info(report: &MessageReport, step: u8, given: &RecipientMemo) -> WhatsappInfo {
    let recipient = &report.message.recipient;
    let waid = recipient.phone.as_ref().map(Phone::digits).unwrap_or_default();
    let extras = report.message.plan().step(step).map(|step| &step.extras);
    WhatsappInfo {
        identity_key_hash: extras.and_then(|extras| extras.identity_hash.clone()).unwrap_or_default(),
        waid: waid.to_owned(),
        bsuid: recipient.whatsapp_user.clone().unwrap_or_default(),
        waid_normalized: if given.kind == "waid" && given.to != waid { "true" } else { "false" },
    }
}

/// The webhook for a message from a person.
pub(super) fn inbound(inbound: &Inbound, context: &Context<'_>) -> Option<Callback> {
    let url = own(context).inbound_url.clone()?;
    Some(match inbound.channel {
        Channel::Whatsapp => post(url, &whatsapp_message(inbound, context), context),
        _ => post(url, &sms_message(inbound, context), context),
    })
}

fn whatsapp_message(inbound: &Inbound, context: &Context<'_>) -> InboundWhatsapp {
    let own = own(context);
    let app_id = own.appids.as_ref().and_then(|ids| ids.first()).cloned().unwrap_or_default();
    let is_phone = !inbound.from.is_empty() && inbound.from.bytes().all(|byte| byte.is_ascii_digit());
    let base = InboundWhatsapp {
        user_id: inbound.from.clone(),
        username: inbound.profile_name.clone().unwrap_or_default(),
        channel: "WhatsApp",
        app_id,
        event: "MO",
        waid: if is_phone { inbound.from.clone() } else { String::new() },
        bsuid: if is_phone { String::new() } else { inbound.from.clone() },
        ts: support::rfc3339_millis(inbound.at),
        tid: context.fresh.uuid(),
        context_id: inbound.reply_to.clone(),
        ..InboundWhatsapp::default()
    };
    with_content(base, &inbound.content)
}

fn with_content(mut message: InboundWhatsapp, content: &InboundContent) -> InboundWhatsapp {
    match content {
        InboundContent::Text(text) => {
            message.kind = "text".to_owned();
            message.message = text.clone();
        }
        InboundContent::Choice { id, title, list, description } => {
            message.kind = "interactive".to_owned();
            message.message = title.clone();
            message.event = if *list { "list" } else { "reply" };
            message.choice = Some(choice(id, title, *list, description.as_deref()));
        }
        InboundContent::Media { kind, mime, caption, url, .. } => {
            message.kind = kind.clone();
            message.message = caption.clone().unwrap_or_default();
            message.attachments = nested(&[Attachment {
                mime_type: mime.as_deref().unwrap_or_default(),
                url: url.as_deref().unwrap_or_default(),
                caption: caption.as_deref(),
            }]);
        }
        InboundContent::Location { .. } => {
            message.kind = "location".to_owned();
            message.location = location(content);
        }
        InboundContent::Other(value) => {
            message.kind = value.get("type").and_then(|kind| kind.as_str()).unwrap_or("unknown").to_owned();
            match value.get("contacts") {
                Some(contacts) => message.contacts = nested(contacts),
                None => message.system = nested(value),
            }
        }
    }
    message
}

fn location(content: &InboundContent) -> String {
    let InboundContent::Location { latitude, longitude, name, address } = content else {
        return String::new();
    };
    let mut place = serde_json::json!({"latitude": latitude, "longitude": longitude});
    for (key, value) in [("name", name), ("address", address)] {
        if let Some(value) = value {
            place[key] = serde_json::json!(value);
        }
    }
    nested(&place)
}

fn choice(id: &str, title: &str, list: bool, description: Option<&str>) -> InboundChoice {
    if list {
        InboundChoice::List {
            list_row_identifier: id.to_owned(),
            list_row_title: title.to_owned(),
            list_row_description: description.unwrap_or_default().to_owned(),
        }
    } else {
        InboundChoice::Reply { reply_button_identifier: id.to_owned(), reply_button_title: title.to_owned() }
    }
}

fn nested(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own types serialise")
}

fn sms_message(inbound: &Inbound, context: &Context<'_>) -> InboundSms {
    let at = support::rfc3339_millis(inbound.at);
    InboundSms {
        user_id: inbound.from.clone(),
        channel: status::delivery_channel(inbound.channel),
        da: inbound.to.clone(),
        oa: inbound.from.clone(),
        message_source: "mobile",
        message: plain(&inbound.content),
        message_count: "1",
        tid: context.fresh.uuid(),
        datetime: at.clone(),
        ts: at,
        x_networkid: "",
    }
}

/// Content as a text, for channels that have nothing else.
fn plain(content: &InboundContent) -> String {
    match content {
        InboundContent::Text(text) => text.clone(),
        InboundContent::Choice { title, .. } => title.clone(),
        InboundContent::Media { caption, url, .. } => {
            caption.clone().or_else(|| url.clone()).unwrap_or_default()
        }
        InboundContent::Location { latitude, longitude, .. } => format!("{latitude},{longitude}"),
        InboundContent::Other(value) => value.to_string(),
    }
}

fn post(url: String, body: &impl Serialize, context: &Context<'_>) -> Callback {
    let body = support::json_bytes(body);
    let mut headers = vec![("content-type".into(), "application/json".to_owned())];
    let own = own(context);
    if let Some(secret) = &own.signature_secret {
        // Webex Connect: hex of the keyed hash, without a prefix.
        let signature =
            support::keyed_hash(own.signature_algorithm.into(), secret.as_str().as_bytes(), &body);
        headers.push(("x-hub-signature".into(), hex::encode(signature)));
    }
    Callback { method: "POST".into(), url, headers, body, no_retry: false }
}
