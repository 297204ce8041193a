//! States and causes as the vendor's words and codes: one table for messages that failed at Meta,
//! one for messages that were not sent, one for SMS.

use model::{Cause, Report, Status, StepReport, network::NetworkCode};

/// An error code of Meta's, with Meta's title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetaCode {
    /// The number.
    pub code: u32,
    /// The title.
    pub title: &'static str,
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent {
    /// `WAV` and a number.
    pub code: &'static str,
    /// The text.
    pub reason: &'static str,
}

/// What one cause is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// The cause.
    pub cause: Cause,
    /// In `errors` of a failed message, where the network gave no code of its own.
    pub failed: MetaCode,
    /// Of a message that was not sent.
    pub not_sent: NotSent,
    /// In `status_details` of an SMS.
    pub sms: &'static str,
}

/// Every cause with its codes, in the order of the enum.
#[must_use]
pub fn code_table() -> Vec<CodeRow> {
    let row = |&cause| CodeRow { cause, failed: failed(cause), not_sent: not_sent(cause), sms: sms(cause) };
    Cause::ALL.iter().map(row).collect()
}

const fn meta(code: u32, title: &'static str) -> MetaCode {
    MetaCode { code, title }
}

/// A cause as Meta tells it; Kaleyra passes Meta's codes on.
pub(super) const fn failed(cause: Cause) -> MetaCode {
    match cause {
        Cause::NotOnChannel
        | Cause::InvalidRecipient
        | Cause::UnknownSubscriber
        | Cause::AbsentSubscriber
        | Cause::HandsetTemporary
        | Cause::HandsetPermanent
        | Cause::Barred
        | Cause::Blocked
        | Cause::Undeliverable
        | Cause::MissingAddress
        | Cause::NoRoute
        | Cause::PatienceExpired
        | Cause::ValidityExpired => meta(131_026, "Message undeliverable"),
        Cause::OptedOut => meta(131_050, "User has stopped marketing messages"),
        Cause::IdentityChanged => meta(137_000, "Recipient identity key hash mismatch"),
        Cause::SelfAddressed => meta(131_021, "Recipient cannot be sender"),
        Cause::WindowClosed => meta(131_047, "Re-engagement message"),
        Cause::TemplateMissing => meta(132_001, "Template does not exist"),
        Cause::TemplatePaused => meta(132_015, "Template is Paused"),
        Cause::TemplateParameters => meta(132_000, "Template Param Count Mismatch"),
        Cause::MissingParameter | Cause::MissingContent => meta(131_008, "Required parameter is missing"),
        Cause::InvalidContent => meta(131_009, "Parameter value is not valid"),
        Cause::ContentRejected => meta(132_007, "Template Format Character Policy Violated"),
        Cause::Spam => meta(131_048, "Spam rate limit hit"),
        Cause::TextTooLong => meta(132_005, "Template Hydrated Text Too Long"),
        Cause::UnsupportedContent => meta(131_051, "Unsupported message type"),
        Cause::MediaUnreachable => meta(131_052, "Media download error"),
        Cause::MediaUnsupported | Cause::MediaTooLarge | Cause::MediaUnknown => {
            meta(131_053, "Media upload error")
        }
        Cause::Throttled => meta(130_429, "Rate limit hit"),
        Cause::PairLimited => meta(131_056, "(Business Account, Consumer Account) pair rate limit hit"),
        Cause::MarketingCapped => {
            meta(131_049, "This message was not delivered to maintain healthy ecosystem engagement.")
        }
        Cause::QuotaExceeded => meta(131_064, "Messaging limit reached"),
        Cause::NoBalance => meta(131_042, "Business eligibility payment issue"),
        Cause::NetworkBusy | Cause::ProviderDown => meta(131_016, "Service unavailable"),
        Cause::ProviderAccount | Cause::ChannelDisabled => meta(131_005, "Access denied"),
        Cause::SenderInvalid | Cause::Unconfigured | Cause::UnknownChannel => {
            meta(133_010, "Phone number Not Registered")
        }
        Cause::RegionBlocked => {
            meta(130_497, "Business account is restricted from messaging users in this country.")
        }
        Cause::ProviderError
        | Cause::NetworkRejected
        | Cause::Deleted
        | Cause::FateUnknown
        | Cause::OutcomeUnknown
        | Cause::Cancelled
        | Cause::Duplicate => meta(131_000, "Something went wrong"),
    }
}

const DAILY_LIMIT: NotSent = reason("WAV2101", "Account daily limit reached");

const fn reason(code: &'static str, reason: &'static str) -> NotSent {
    NotSent { code, reason }
}

/// A cause as the reason for not sending. Only `WAV2101` is the vendor's; it names others
/// (opted out, template not found, country blocked) without their codes.
pub(super) const fn not_sent(cause: Cause) -> NotSent {
    match cause {
        Cause::QuotaExceeded => DAILY_LIMIT,
        Cause::OptedOut => reason("WAV2102", "Number opted out"),
        Cause::InvalidRecipient | Cause::MissingAddress | Cause::SelfAddressed | Cause::UnknownSubscriber => {
            reason("WAV2103", "Recipient number is not valid")
        }
        Cause::TemplateMissing | Cause::TemplatePaused => reason("WAV2104", "Template details not found"),
        Cause::RegionBlocked => reason("WAV2105", "Country traffic blocked"),
        Cause::TemplateParameters
        | Cause::MissingParameter
        | Cause::MissingContent
        | Cause::InvalidContent
        | Cause::ContentRejected
        | Cause::Spam
        | Cause::TextTooLong
        | Cause::UnsupportedContent
        | Cause::WindowClosed => reason("WAV2106", "Message content cannot be sent"),
        Cause::MediaUnreachable | Cause::MediaUnsupported | Cause::MediaTooLarge | Cause::MediaUnknown => {
            reason("WAV2107", "Media cannot be sent")
        }
        Cause::NoBalance => reason("WAV2108", "Low balance"),
        Cause::SenderInvalid
        | Cause::NoRoute
        | Cause::Unconfigured
        | Cause::ChannelDisabled
        | Cause::UnknownChannel
        | Cause::ProviderAccount => reason("WAV2109", "Channel is not available for the sender"),
        Cause::Blocked | Cause::Barred => reason("WAV2110", "Recipient is on a block list"),
        Cause::PatienceExpired | Cause::ValidityExpired => reason("WAV2111", "Message expired"),
        Cause::Cancelled | Cause::Deleted => reason("WAV2112", "Message was cancelled"),
        Cause::Duplicate => reason("WAV2113", "Duplicate message"),
        Cause::NotOnChannel
        | Cause::AbsentSubscriber
        | Cause::HandsetTemporary
        | Cause::HandsetPermanent
        | Cause::Undeliverable
        | Cause::IdentityChanged
        | Cause::Throttled
        | Cause::PairLimited
        | Cause::MarketingCapped
        | Cause::NetworkBusy
        | Cause::ProviderDown
        | Cause::ProviderError
        | Cause::NetworkRejected
        | Cause::FateUnknown
        | Cause::OutcomeUnknown => reason("WAV2114", "Message could not be submitted"),
    }
}

/// A cause as the trace code of an SMS, from the vendor's list of about ninety.
pub(super) const fn sms(cause: Cause) -> &'static str {
    match cause {
        Cause::InvalidRecipient
        | Cause::UnknownSubscriber
        | Cause::MissingAddress
        | Cause::SelfAddressed
        | Cause::NotOnChannel => "INVALID-SUB",
        Cause::AbsentSubscriber | Cause::HandsetTemporary => "MOB-OFF",
        Cause::OptedOut => "OPT-OUT",
        Cause::Barred => "CON-DND",
        Cause::Blocked => "BLACKLIST",
        Cause::NoBalance => "NO-CREDITS",
        Cause::TemplateMissing | Cause::TemplatePaused | Cause::TemplateParameters => "TEMPLATE-NOT-FOUND",
        Cause::RegionBlocked => "BLOCKED-COUNTRY",
        Cause::ProviderAccount => "KYC-NOT-APPROVED",
        Cause::PatienceExpired | Cause::ValidityExpired => "EXPIRED",
        Cause::FateUnknown | Cause::OutcomeUnknown => "SENT - NO DLR",
        Cause::SenderInvalid
        | Cause::ChannelDisabled
        | Cause::ContentRejected
        | Cause::Spam
        | Cause::MissingContent
        | Cause::MissingParameter
        | Cause::InvalidContent
        | Cause::TextTooLong
        | Cause::UnsupportedContent
        | Cause::MediaUnreachable
        | Cause::MediaUnsupported
        | Cause::MediaTooLarge
        | Cause::MediaUnknown
        | Cause::WindowClosed
        | Cause::QuotaExceeded
        | Cause::MarketingCapped
        | Cause::PairLimited
        | Cause::Throttled => "NOTALLOWED",
        Cause::Cancelled
        | Cause::Duplicate
        | Cause::Deleted
        | Cause::Unconfigured
        | Cause::UnknownChannel
        | Cause::NoRoute => "NOT-SENT",
        Cause::HandsetPermanent
        | Cause::Undeliverable
        | Cause::IdentityChanged
        | Cause::NetworkBusy
        | Cause::ProviderDown
        | Cause::ProviderError
        | Cause::NetworkRejected => "Undelivered",
    }
}

/// Where a message stands, in the vendor's distinctions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not yet with a network.
    Accepted,
    /// With a network.
    Sent,
    /// On the handset.
    Delivered,
    /// Seen.
    Read,
    /// A network failed it.
    Failed(Cause),
    /// No network was asked.
    NotSent(Cause),
}

impl Standing {
    /// The standing of a message as a whole.
    pub(super) fn of(report: &Report) -> Self {
        let asked = report.steps.iter().any(|step| step.attempts > 0);
        Self::new(report.status, asked)
    }

    /// The standing of one step.
    pub(super) fn of_step(step: &StepReport) -> Self {
        Self::new(step.status, step.attempts > 0)
    }

    /// The standing of a rung; `asked` tells whether any network was asked.
    pub(super) const fn new(status: Status, asked: bool) -> Self {
        match status {
            Status::Waiting | Status::Accepted => Self::Accepted,
            Status::Submitted | Status::Sent => Self::Sent,
            Status::Delivered => Self::Delivered,
            Status::Read | Status::Played => Self::Read,
            Status::Failed(cause) if asked => Self::Failed(cause),
            Status::Failed(cause) => Self::NotSent(cause),
        }
    }

    /// Kaleyra's word for WhatsApp. `accepted` is ours: the vendor tells nothing before `sent`.
    pub(super) const fn whatsapp(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed(_) => "failed",
            Self::NotSent(_) => "not sent",
        }
    }

    /// Kaleyra's word for SMS, and its trace code. `Submitted` is ours, after the trace code.
    pub(super) const fn sms(self) -> (&'static str, &'static str) {
        match self {
            Self::Accepted => ("Submitted", "SUBMITTED"),
            Self::Sent => ("Sent", "ENROUTE"),
            Self::Delivered | Self::Read => ("Delivered", "DELIVERED"),
            Self::Failed(cause) => ("UnDelivered", sms(cause)),
            Self::NotSent(cause) => ("NotSent", sms(cause)),
        }
    }

    /// The word in the result of a flow.
    pub(super) const fn flow(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::Sent => "SENT",
            Self::Delivered => "DELIVERED",
            Self::Read => "READ",
            // The vendor's sample shows it on the channel that was given up.
            Self::Failed(Cause::PatienceExpired) | Self::NotSent(Cause::PatienceExpired) => "TIMEOUT",
            Self::Failed(_) => "FAILED",
            Self::NotSent(_) => "NOT_SENT",
        }
    }

    /// Code and text of a failure: Meta's own where the network gave one.
    pub(super) fn fault(self, network: Option<&NetworkCode>) -> Option<(String, String)> {
        match self {
            Self::Failed(cause) => {
                let code = meta_code(cause, network);
                Some((code.0.to_string(), code.1))
            }
            Self::NotSent(cause) => {
                let NotSent { code, reason } = not_sent(cause);
                Some((code.to_owned(), reason.to_owned()))
            }
            Self::Accepted | Self::Sent | Self::Delivered | Self::Read => None,
        }
    }
}

/// The network's code and words if they are Meta's, which are numbers; else those of the cause.
pub(super) fn meta_code(cause: Cause, network: Option<&NetworkCode>) -> (u32, String) {
    let own = network.and_then(|network| Some((network.code.parse::<u32>().ok()?, &network.text)));
    let known = failed(cause);
    match own {
        Some((code, text)) if !text.is_empty() => (code, text.clone()),
        Some((code, _)) => (code, known.title.to_owned()),
        None => (known.code, known.title.to_owned()),
    }
}
