//! Reports and people's messages as callbacks.
//!
//! Pushed are: the end of a message, reads after delivery, deliveries that came after the message
//! had moved on, and, if the account asks, hand-over to a network. Each is signed over the body.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model::{
    Channel, Inbound, Span, Status, Time, call::MessageReport, network::InboundContent, report::Occasion,
};
use serde_json::{Value, json};

use super::{
    settings::{CallbackMethod, Settings},
    status,
    wire::{DeliveryCallback, Memo, SmsCallback},
    write,
};
use crate::{Callback, Context, HmacAlgorithm, RetryPolicy, Success, support};

/// Telesign: four attempts, each given 5 s, with 5, 10 and 15 s between; only 200 confirms.
pub(super) fn retry_policy() -> RetryPolicy {
    RetryPolicy {
        timeout: Span::from_secs(5),
        delays: [5, 10, 15].map(Span::from_secs).to_vec(),
        success: Success::Ok,
        final_statuses: Vec::new(),
    }
}

/// The callbacks for a change of a message: one per address.
pub(super) fn report(report: &MessageReport, occasion: &Occasion, settings: &Settings) -> Vec<Callback> {
    if !is_told(occasion, settings) {
        return Vec::new();
    }
    let memo = Memo::of(&report.message);
    let body =
        if memo.sms { sms_body(report, memo.external_id.clone()) } else { body(report, &memo, settings) };
    let addresses = match &memo.callback_url {
        Some(url) => std::slice::from_ref(url),
        None => settings.callback_url.as_slice(),
    };
    addresses.iter().map(|url| callback(url, body.clone(), settings)).collect()
}

fn is_told(occasion: &Occasion, settings: &Settings) -> bool {
    if occasion.settles || occasion.late {
        return true;
    }
    match occasion.status {
        Status::Delivered | Status::Read | Status::Played => true,
        Status::Submitted => settings.intermediate_callbacks,
        Status::Waiting | Status::Accepted | Status::Sent | Status::Failed(_) => false,
    }
}

fn body(report: &MessageReport, memo: &Memo, settings: &Settings) -> Vec<u8> {
    let stamp = if settings.legacy_timestamps { legacy_stamp } else { support::rfc3339_micros };
    support::json_bytes(&DeliveryCallback {
        reference_id: report.message.id.upper_hex(),
        external_id: memo.external_id.clone(),
        status: write::overall(&report.report, memo, stamp),
        additional_info: write::some_info(report),
        channel_status: write::channel_statuses(report, memo, stamp),
    })
}

fn sms_body(report: &MessageReport, external_id: Option<String>) -> Vec<u8> {
    support::json_bytes(&SmsCallback {
        status: write::sms_status(status::of_sms(&report.report), report.report.updated_at),
        submit_timestamp: support::rfc3339_micros(report.message.accepted_at),
        errors: Vec::new(),
        sub_resource: "sms",
        reference_id: report.message.id.upper_hex(),
        external_id,
        additional_info: write::some_info(report),
    })
}

/// Telesign: the first generation of the pages prints a colon before the milliseconds.
fn legacy_stamp(time: Time) -> String {
    support::stamp(time, "%Y-%m-%d %H:%M:%S:%3f")
}

fn callback(url: &str, body: Vec<u8>, settings: &Settings) -> Callback {
    let method = match settings.callback_method {
        CallbackMethod::Post => "POST",
        CallbackMethod::Get => "GET",
    };
    let mut headers = vec![(Cow::Borrowed("Content-Type"), "application/json".to_owned())];
    if let Some(signature) = sign(settings, &body) {
        let customer = settings.customer_id.to_ascii_uppercase();
        headers.push((Cow::Borrowed("Authorization"), format!("TSA {customer}:{signature}")));
        // Telesign: the verifiers in its clients compare with the bare signature.
        headers.push((Cow::Borrowed("X-TS-Authorization"), signature));
    }
    Callback { method: Cow::Borrowed(method), url: url.to_owned(), headers, body, no_retry: false }
}

/// HMAC-SHA256 over the body alone, keyed with what the first API key decodes to.
pub(super) fn sign(settings: &Settings, body: &[u8]) -> Option<String> {
    let key = STANDARD.decode(settings.api_keys.first()?.as_str()).ok()?;
    Some(STANDARD.encode(support::keyed_hash(HmacAlgorithm::Sha256, &key, body)))
}

/// The callback for a person's message, on the channels that the vendor has.
pub(super) fn inbound(inbound: &Inbound, context: &Context<'_>, settings: &Settings) -> Option<Callback> {
    let url = settings.inbound_url.as_deref()?;
    let mut body = inbound_members(inbound)?;
    body["reference_id"] = context.fresh.upper_hex().into();
    body["status"] = json!({
        "code": 1500,
        "description": "Delivered",
        "updated_on": support::rfc3339_micros(context.now),
    });
    Some(callback(url, support::json_bytes(&body), settings))
}

fn inbound_members(inbound: &Inbound) -> Option<Value> {
    match inbound.channel {
        Channel::Whatsapp => Some(json!({
            "phone_number": inbound.from,
            "waba_phone_number": inbound.to,
            "content": whatsapp_content(inbound),
        })),
        Channel::Sms => Some(sms_members(inbound)),
        Channel::Rcs => Some(json!({
            "phone_number": inbound.from,
            "rcs_sender_id": inbound.to,
            "content": rcs_content(inbound),
            "sub_resource": "mo_rcs",
        })),
        Channel::Viber => Some(json!({ "phone_number": inbound.from, "content": viber_content(inbound) })),
        Channel::Mms => Some(json!({
            "phone_number": inbound.from,
            "content": mms_content(&inbound.content),
            "sub_resource": "mo_mms",
        })),
        Channel::Email => email_members(inbound),
        // The vendor has no such channels.
        Channel::Push
        | Channel::Voice
        | Channel::Messenger
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::AppleMessages
        | Channel::InApp
        | Channel::Unlisted => None,
    }
}

fn whatsapp_content(inbound: &Inbound) -> Value {
    let (kind, content) = match &inbound.content {
        InboundContent::Text(text) => ("text", json!({ "body": text })),
        InboundContent::Choice { title, .. } => ("text", json!({ "body": title })),
        InboundContent::Media { kind, mime, filename, sha256, url, .. } => {
            let mut media = json!({ "url": url, "sha256": sha256, "mime_type": mime });
            match kind.as_str() {
                "voice" => media["voice"] = true.into(),
                "audio" => media["voice"] = false.into(),
                "document" => media["filename"] = filename.as_deref().into(),
                _ => {}
            }
            (whatsapp_kind(kind), media)
        }
        InboundContent::Location { latitude, longitude, name, address } => (
            "location",
            json!({ "latitude": latitude, "longitude": longitude, "name": name, "address": address, "url": null }),
        ),
        InboundContent::Other(_) => ("unsupported", json!({})),
    };
    json!({ "type": kind, "content": content, "end_user_action": end_user_action(inbound) })
}

fn whatsapp_kind(kind: &str) -> &'static str {
    match kind {
        "image" => "image",
        "video" => "video",
        "audio" | "voice" => "audio",
        "document" => "document",
        "sticker" => "sticker",
        _ => "unsupported",
    }
}

/// What the person meant by it, in the vendor's four words.
fn end_user_action(inbound: &Inbound) -> Value {
    let text = plain_text(&inbound.content);
    let postback = match &inbound.content {
        InboundContent::Choice { id, .. } => Some(id.as_str()),
        InboundContent::Text(_)
        | InboundContent::Media { .. }
        | InboundContent::Location { .. }
        | InboundContent::Other(_) => None,
    };
    json!({
        "postback_data": postback,
        "original_reference_id": null,
        "text": text,
        "action": action(text),
        "keyword": keyword(text),
    })
}

fn plain_text(content: &InboundContent) -> Option<&str> {
    match content {
        InboundContent::Text(text) => Some(text),
        InboundContent::Choice { title, .. } => Some(title),
        InboundContent::Media { caption, .. } => caption.as_deref(),
        InboundContent::Location { .. } | InboundContent::Other(_) => None,
    }
}

fn keyword(text: Option<&str>) -> Option<String> {
    text?.split_whitespace().next().map(str::to_uppercase)
}

fn action(text: Option<&str>) -> &'static str {
    match keyword(text).as_deref() {
        Some("START" | "UNSTOP" | "SUBSCRIBE") => "START",
        Some("STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT") => "STOP",
        Some("HELP" | "INFO") => "HELP",
        Some(_) | None => "GENERIC",
    }
}

fn sms_members(inbound: &Inbound) -> Value {
    let text = plain_text(&inbound.content);
    json!({
        "user_response": {
            "sender_id": inbound.to,
            // The SMS family spells the same words in lower case.
            "action": action(text).to_lowercase(),
            "keyword": keyword(text),
            "phone_number": inbound.from,
            "mo_message": text,
        },
        "sub_resource": "mo_sms",
        "errors": {},
        "submit_timestamp": support::rfc3339_micros(inbound.at),
    })
}

/// Telesign tells what a person did with a mail (unsubscribed, complained), not what was written.
fn email_members(inbound: &Inbound) -> Option<Value> {
    let InboundContent::Other(action) = &inbound.content else { return None };
    let event = action.get("event")?.as_str()?;
    let template = action.get("template").and_then(Value::as_str);
    Some(json!({
        "email": inbound.from,
        "content": { "end_user_action": { "template": template, "event": event } },
        "sub_resource": "mo_email",
    }))
}

fn rcs_content(inbound: &Inbound) -> Value {
    match &inbound.content {
        InboundContent::Text(text) => json!({ "text": text }),
        InboundContent::Choice { .. } => json!({ "end_user_action": end_user_action(inbound) }),
        InboundContent::Media { mime, filename, url, .. } => {
            json!({ "file": { "payload": { "name": filename, "mime_type": mime, "uri": url } } })
        }
        InboundContent::Location { latitude, longitude, .. } => {
            json!({ "location": { "latitude": latitude, "longitude": longitude } })
        }
        InboundContent::Other(_) => json!({}),
    }
}

fn viber_content(inbound: &Inbound) -> Value {
    let mut content = json!({ "original_reference_id": null, "text": plain_text(&inbound.content) });
    match &inbound.content {
        InboundContent::Media { filename, url, .. } => {
            content["media"] = url.as_deref().into();
            content["file_name"] = filename.as_deref().into();
        }
        InboundContent::Choice { id, .. } => content["tracking_data"] = id.as_str().into(),
        InboundContent::Text(_) | InboundContent::Location { .. } | InboundContent::Other(_) => {}
    }
    content
}

fn mms_content(content: &InboundContent) -> Value {
    let mut members = json!({});
    if let Some(text) = plain_text(content) {
        members["text_1"] = text.into();
    }
    match content {
        InboundContent::Media { kind, url: Some(url), .. } => match kind.as_str() {
            "video" => members["url_video_1"] = url.as_str().into(),
            "audio" | "voice" => members["url_audio_1"] = url.as_str().into(),
            _ => members["url_image_1"] = url.as_str().into(),
        },
        InboundContent::Text(_)
        | InboundContent::Choice { .. }
        | InboundContent::Media { url: None, .. }
        | InboundContent::Location { .. }
        | InboundContent::Other(_) => {}
    }
    members
}
