//! States and causes as the vendor's codes: one table for the omnichannel family, one for the
//! older SMS family. Descriptions are wire literals.

use model::{Cause, Report, Status, StepReport};

/// What the vendor says about whether a code can change later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finality {
    /// It stays.
    Final,
    /// Another follows.
    Intermediate,
    /// The vendor does not say.
    Unstated,
}

/// A code with its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The number.
    pub code: i32,
    /// The text; `{…}` stands for the value in question.
    pub description: &'static str,
    /// Whether it can change.
    pub finality: Finality,
}

/// What one cause is called in both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// The cause.
    pub cause: Cause,
    /// Status of a channel in the omnichannel family.
    pub channel: Code,
    /// Status of a message in the SMS family.
    pub sms: Code,
}

/// Every cause with its codes, in the order of the enum.
#[must_use]
pub fn code_table() -> Vec<CodeRow> {
    Cause::ALL.iter().map(|&cause| CodeRow { cause, channel: channel(cause), sms: sms(cause) }).collect()
}

const fn fin(code: i32, description: &'static str) -> Code {
    Code { code, description, finality: Finality::Final }
}

const fn mid(code: i32, description: &'static str) -> Code {
    Code { code, description, finality: Finality::Intermediate }
}

const fn open(code: i32, description: &'static str) -> Code {
    Code { code, description, finality: Finality::Unstated }
}

// Telesign, "All status and error codes": statuses of messages and channels.
pub(super) const DELIVERED: Code = fin(3000, "Delivered");
pub(super) const IN_PROGRESS: Code = mid(3001, "Message in progress");
pub(super) const TO_GATEWAY: Code = mid(3002, "Delivered to Gateway");
pub(super) const DELIVERY_ERROR: Code = fin(3003, "Delivery error");
pub(super) const READ: Code = fin(3005, "Message is read");
pub(super) const NO_CHANNEL: Code = fin(3006, "None of the channels is enabled for the customer");
const FALLBACK_DISABLED: Code = mid(3202, "Fallback is not enabled for Customer ID");

// Telesign, reference of the SMS API's status call.
const SMS_DELIVERED: Code = fin(200, "Delivered to handset");
const SMS_READ: Code = fin(201, "Message is read");
const SMS_TO_GATEWAY: Code = mid(203, "Delivered to gateway");
pub(super) const SMS_IN_PROGRESS: Code = mid(290, "Message in progress");

/// A cause as the status of its channel.
const fn channel(cause: Cause) -> Code {
    match cause {
        // The vendor's words for a person who is not on WhatsApp.
        Cause::NotOnChannel => fin(3055, "Delivery channel not supported by the end user's device"),
        Cause::InvalidRecipient => mid(3101, "Invalid value for parameter phone_number: {phone_number}"),
        // The vendor: the network cannot route to this number.
        Cause::UnknownSubscriber | Cause::NoRoute => fin(3032, "Gateway/network cannot route message"),
        Cause::AbsentSubscriber => open(3050, "Subscriber absent"),
        // The vendor: handset off, memory full.
        Cause::HandsetTemporary => fin(3030, "Temporary phone error"),
        // The vendor: incompatible or blacklisted handset.
        Cause::HandsetPermanent => fin(3031, "Permanent phone error"),
        // The vendor has one code for all that the subscriber's wishes bar.
        Cause::OptedOut | Cause::Barred => open(3046, "Message blocked by subscriber action or request"),
        // Nothing more exact in the vendor's list: its code for unspecific failures.
        Cause::Undeliverable | Cause::IdentityChanged | Cause::Deleted | Cause::Cancelled => DELIVERY_ERROR,
        Cause::MissingAddress => fin(3302, "Missing parameter phone_number"),
        Cause::WindowClosed => {
            open(3114, "Specified message type not allowed outside of conversation window")
        }
        Cause::TemplateMissing | Cause::TemplatePaused => {
            open(3112, "Specified template does not exist for selected channel")
        }
        Cause::TemplateParameters | Cause::MissingParameter => {
            open(3305, "Missing template specific parameters")
        }
        Cause::MissingContent => mid(3306, "Missing message parameters for specified channel"),
        Cause::InvalidContent | Cause::SelfAddressed | Cause::Duplicate => open(3045, "Parameters problem"),
        // Networks refuse content for good; the carrier's permanent refusal says so.
        Cause::ContentRejected | Cause::NetworkRejected => open(3042, "Carrier rejected - permanent error"),
        Cause::Spam => open(3051, "Suspected spam"),
        Cause::TextTooLong => open(3108, "Invalid value for parameter message"),
        // The vendor: content not supported.
        Cause::UnsupportedContent
        | Cause::MediaUnreachable
        | Cause::MediaUnsupported
        | Cause::MediaUnknown => open(3035, "Invalid/unsupported"),
        Cause::MediaTooLarge => open(3061, "Media size exceeds the limit"),
        Cause::Throttled | Cause::PairLimited | Cause::ProviderDown => {
            open(3043, "Error on gateway - temporary error")
        }
        // The vendor: the provider did not take it now, send it again later.
        Cause::MarketingCapped | Cause::NetworkBusy => open(3041, "Carrier rejected - temporary problem"),
        Cause::QuotaExceeded => open(3207, "Product exceeded transaction hard cap. Request denied."),
        Cause::NoBalance => open(3073, "Insufficient funds in prepaid wallet"),
        Cause::ProviderError | Cause::ProviderAccount => open(3044, "Error on gateway - permanent error"),
        Cause::SenderInvalid => open(3057, "Invalid source address"),
        Cause::RegionBlocked => open(3037, "Message blocked in requested country"),
        // A channel without a route is one that the account does not have.
        Cause::Unconfigured | Cause::ChannelDisabled => {
            mid(3200, "{channel} channel is not enabled for customer")
        }
        Cause::UnknownChannel => mid(3100, "Unknown channel specified: {channel}"),
        Cause::Blocked => open(3052, "Message blocked by your request"),
        // The vendor's sample callback shows it on the channel that was given up.
        Cause::PatienceExpired => mid(3056, "Message failed to deliver in specified fallback time"),
        Cause::ValidityExpired => fin(3033, "Message expired before delivery"),
        Cause::FateUnknown | Cause::OutcomeUnknown => open(3039, "Final status unknown"),
    }
}

/// A cause as the status of a message of the SMS family.
const fn sms(cause: Cause) -> Code {
    match cause {
        Cause::Undeliverable
        | Cause::NotOnChannel
        | Cause::IdentityChanged
        | Cause::WindowClosed
        | Cause::Deleted
        | Cause::Cancelled
        | Cause::PatienceExpired => fin(207, "Error delivering SMS to handset (reason unknown)"),
        Cause::HandsetTemporary => fin(210, "Temporary phone error"),
        Cause::HandsetPermanent => fin(211, "Permanent phone error"),
        Cause::NoRoute => fin(220, "Gateway/network cannot route message"),
        Cause::ValidityExpired => fin(221, "Message expired before delivery"),
        // The vendor: SMS is not supported by this phone, carrier, plan or user.
        Cause::Unconfigured | Cause::ChannelDisabled | Cause::UnknownChannel => fin(222, "SMS not supported"),
        Cause::Blocked => fin(229, "Message blocked by your request"),
        Cause::ContentRejected
        | Cause::UnsupportedContent
        | Cause::TextTooLong
        | Cause::MediaUnreachable
        | Cause::MediaUnsupported
        | Cause::MediaTooLarge
        | Cause::MediaUnknown => fin(231, "Invalid/unsupported"),
        Cause::RegionBlocked => fin(237, "Message blocked in requested country"),
        Cause::FateUnknown | Cause::OutcomeUnknown => fin(250, "Final status unknown"),
        Cause::MarketingCapped | Cause::NetworkBusy => fin(503, "Carrier rejected - temporary problem"),
        Cause::NetworkRejected => fin(504, "Carrier rejected - permanent error"),
        Cause::Throttled | Cause::PairLimited | Cause::ProviderDown => {
            fin(505, "Error on gateway - temporary error")
        }
        Cause::ProviderError | Cause::ProviderAccount | Cause::QuotaExceeded | Cause::NoBalance => {
            fin(506, "Error on gateway - permanent error")
        }
        // The vendor: badly formed, or nobody's number.
        Cause::InvalidRecipient | Cause::UnknownSubscriber | Cause::MissingAddress | Cause::SelfAddressed => {
            fin(507, "Invalid destination address")
        }
        Cause::SenderInvalid => fin(508, "Invalid source address"),
        Cause::TemplateMissing
        | Cause::TemplatePaused
        | Cause::TemplateParameters
        | Cause::MissingParameter
        | Cause::MissingContent
        | Cause::InvalidContent
        | Cause::Duplicate => fin(509, "Parameters problem"),
        Cause::OptedOut | Cause::Barred => fin(510, "Message blocked by subscriber action or request"),
        Cause::AbsentSubscriber => fin(514, "Subscriber absent"),
        Cause::Spam => fin(515, "Suspected spam"),
    }
}

/// The status of one channel. `fallback_refused` says that the account has no fallback, which is
/// why steps after the first are disabled.
pub(super) fn of_step(step: &StepReport, fallback_refused: bool) -> Code {
    match step.status {
        Status::Failed(Cause::ChannelDisabled) if fallback_refused && step.index > 0 => FALLBACK_DISABLED,
        Status::Failed(cause) => channel(cause),
        Status::Waiting | Status::Accepted => IN_PROGRESS,
        Status::Submitted | Status::Sent => TO_GATEWAY,
        Status::Delivered => DELIVERED,
        Status::Read | Status::Played => READ,
    }
}

/// The status of the whole message.
pub(super) fn of_message(report: &Report) -> Code {
    match report.status {
        Status::Failed(_) if no_channel_was_usable(report) => NO_CHANNEL,
        Status::Failed(_) => DELIVERY_ERROR,
        Status::Waiting | Status::Accepted => IN_PROGRESS,
        Status::Submitted | Status::Sent => TO_GATEWAY,
        Status::Delivered => DELIVERED,
        Status::Read | Status::Played => READ,
    }
}

fn no_channel_was_usable(report: &Report) -> bool {
    !report.steps.is_empty()
        && report.steps.iter().all(|step| {
            matches!(
                step.status,
                Status::Failed(Cause::ChannelDisabled | Cause::UnknownChannel | Cause::Unconfigured)
            )
        })
}

/// The status of a message of the SMS family.
pub(super) fn of_sms(report: &Report) -> Code {
    match report.status {
        Status::Failed(cause) => sms(cause),
        Status::Waiting | Status::Accepted => SMS_IN_PROGRESS,
        Status::Submitted | Status::Sent => SMS_TO_GATEWAY,
        Status::Delivered => SMS_DELIVERED,
        Status::Read | Status::Played => SMS_READ,
    }
}
