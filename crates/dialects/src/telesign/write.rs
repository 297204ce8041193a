//! Answers: receipts, and the state of a message.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use model::{
    Answer, Call, MessageId, Refusal, Report, Span, StepReport, Time,
    call::{Accepted, MessageReport, Missing, Price},
};

use super::{
    path::Surface,
    query_parameter, refuse,
    status::{self, Code},
    wire::{
        AdditionalInfo, ChannelStatus, Completion, Memo, MessageStatus, OverallStatus, Receipt, SmsReceipt,
        SmsStatus, Status, Verify,
    },
};
use crate::{Context, support};

/// Telesign: the state of a transaction can be asked for 12 hours.
const TOLD_FOR: Span = Span::from_hours(12);
/// Characters of a `verify_code` that are echoed.
const MAX_ECHO: usize = 32;

pub(super) fn write(
    request: &Request<Bytes>,
    call: &Call,
    answer: &Answer,
    context: &Context<'_>,
) -> Response<Bytes> {
    match answer {
        Answer::Accepted(accepted) => receipt(request, call, accepted, context),
        Answer::Status(report) if has_expired(report, context.now) => {
            refuse::refuse(request, &Refusal::NotFound(Missing::MessageExpired), context)
        }
        Answer::Status(report) => state(request, report),
        Answer::Cancelled
        | Answer::Scenario(_)
        | Answer::Scenarios(_)
        | Answer::Reports(_)
        | Answer::Logs(_)
        | Answer::SignedIn { .. }
        | Answer::Done
        | Answer::Uploaded { .. } => refuse::refuse(request, &Refusal::Internal, context),
    }
}

fn has_expired(report: &MessageReport, now: Time) -> bool {
    report.report.settled && now.since(report.report.updated_at) > TOLD_FOR
}

fn receipt(
    request: &Request<Bytes>,
    call: &Call,
    accepted: &Accepted,
    context: &Context<'_>,
) -> Response<Bytes> {
    let reference_id = accepted.messages.first().map_or(context.fresh, |message| message.id).upper_hex();
    let external_id = external_id(call).or_else(|| refuse::external_id(request, context));
    let mut response = if Surface::of(request.uri().path()).is_sms_family() {
        let status = sms_status(status::SMS_IN_PROGRESS, accepted.at);
        let receipt = SmsReceipt { reference_id, status, external_id, additional_info: None };
        support::json(StatusCode::OK, &receipt)
    } else {
        let status = plain(status::IN_PROGRESS);
        let receipt = Receipt { status, reference_id: Some(reference_id), external_id };
        support::json(StatusCode::OK, &receipt)
    };
    // The vendor's sample answer has it.
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,POST,HEAD"));
    response
}

/// The caller's own id as it was read. What was read as none (an empty one) is echoed as it was written.
fn external_id(call: &Call) -> Option<String> {
    if let Call::Submit(submission) = call { submission.bulk.clone() } else { None }
}

fn state(request: &Request<Bytes>, report: &MessageReport) -> Response<Bytes> {
    match Surface::of(request.uri().path()) {
        Surface::Sms(_) => support::json(StatusCode::OK, &sms_state(report)),
        Surface::Completion(_) => support::json(StatusCode::OK, &completion(report)),
        Surface::Omnichannel
        | Surface::Message(_)
        | Surface::Templates
        | Surface::Template
        | Surface::Capability
        | Surface::Messaging
        | Surface::Nowhere => support::json(StatusCode::OK, &message_state(request, report)),
    }
}

fn message_state(request: &Request<Bytes>, report: &MessageReport) -> MessageStatus {
    let memo = Memo::of(&report.message);
    let info = additional_info(report);
    MessageStatus {
        status: overall(&report.report, &memo, support::rfc3339_micros),
        reference_id: report.message.id.upper_hex(),
        external_id: memo.external_id.clone(),
        currency: info.currency.clone(),
        price: info.price.clone(),
        additional_info: info,
        channel_status: channel_statuses(report, &memo, support::rfc3339_micros),
        verify: query_parameter(request, "verify_code").map(unknown_code),
    }
}

/// A code was asked about that was not made here, so nothing can be said about it.
fn unknown_code(entered: String) -> Verify {
    let code_entered = Some(support::truncate_chars(&entered, MAX_ECHO).to_owned());
    Verify { code_entered, code_state: "UNKNOWN" }
}

fn sms_state(report: &MessageReport) -> SmsReceipt {
    SmsReceipt {
        reference_id: report.message.id.upper_hex(),
        status: sms_status(status::of_sms(&report.report), report.report.updated_at),
        external_id: Memo::of(&report.message).external_id,
        additional_info: some_info(report),
    }
}

fn completion(report: &MessageReport) -> Completion {
    let code =
        Code { code: 1900, description: "Verify completion successfully recorded", ..status::DELIVERED };
    Completion {
        reference_id: report.message.id.upper_hex(),
        errors: Vec::new(),
        status: sms_status(code, report.report.updated_at),
    }
}

/// A code as a status without a time.
pub(super) fn plain(code: Code) -> Status {
    Status { code: code.code, description: code.description.to_owned() }
}

/// A code as a status of the SMS family.
pub(super) fn sms_status(code: Code, updated_at: Time) -> SmsStatus {
    SmsStatus {
        code: code.code,
        description: code.description.to_owned(),
        updated_on: support::rfc3339_micros(updated_at),
    }
}

/// The status of the whole message.
pub(super) fn overall(report: &Report, memo: &Memo, stamp: fn(Time) -> String) -> OverallStatus {
    let code = status::of_message(report);
    OverallStatus {
        code: code.code,
        description: code.description.to_owned(),
        last_channel: report.deciding().map(|step| label(step, memo)),
        updated_on: stamp(report.updated_at),
    }
}

/// The channels that had their turn, in order.
pub(super) fn channel_statuses(
    report: &MessageReport,
    memo: &Memo,
    stamp: fn(Time) -> String,
) -> Vec<BTreeMap<String, ChannelStatus>> {
    let entry = |step: &StepReport| {
        BTreeMap::from([(label(step, memo), channel_status(report.message.id, step, memo, stamp))])
    };
    report.report.steps.iter().map(entry).collect()
}

fn channel_status(id: MessageId, step: &StepReport, memo: &Memo, stamp: fn(Time) -> String) -> ChannelStatus {
    let code = status::of_step(step, memo.fallback_refused);
    // Telesign: a channel in progress has no reference yet.
    let referenced = code.code != status::IN_PROGRESS.code;
    ChannelStatus {
        code: code.code,
        description: code
            .description
            .replace("{channel}", &label(step, memo))
            .replace("{phone_number}", memo.bad_phone.as_deref().unwrap_or_default()),
        reference_id: referenced.then(|| format!("{:032X}", id.step_reference(step.index))),
        updated_on: stamp(step.updated_at),
    }
}

/// The channel's name as the caller wrote it.
fn label(step: &StepReport, memo: &Memo) -> String {
    memo.labels.get(&step.index).cloned().unwrap_or_else(|| step.channel.as_str().to_owned())
}

/// Price and network, as far as known.
pub(super) fn additional_info(report: &MessageReport) -> AdditionalInfo {
    let network = report.mcc_mnc.as_deref().filter(|network| network.is_ascii() && network.len() > 3);
    let (mcc, mnc) = network.map(|network| network.split_at(3)).unzip();
    AdditionalInfo {
        mcc: mcc.map(ToOwned::to_owned),
        mnc: mnc.map(ToOwned::to_owned),
        price: report.price.as_ref().map(price),
        currency: report.price.as_ref().map(|price| price.currency.to_string()),
    }
}

/// The same, or nothing where nothing is known.
pub(super) fn some_info(report: &MessageReport) -> Option<AdditionalInfo> {
    Some(additional_info(report)).filter(|info| *info != AdditionalInfo::default())
}

/// Telesign: four places, as in `0.0050`; more only where they are needed.
fn price(price: &Price) -> String {
    let sign = if price.micros < 0 { "-" } else { "" };
    let (whole, part) = (price.micros.unsigned_abs() / 1_000_000, price.micros.unsigned_abs() % 1_000_000);
    let text = format!("{sign}{whole}.{part:06}");
    text.strip_suffix("00").map(ToOwned::to_owned).unwrap_or(text)
}
