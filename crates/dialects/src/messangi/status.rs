//! Statuses and causes in the vendor's words. SMS has a list of its own; the other channels share
//! that of WhatsApp.

use model::{Cause, Channel, Status, StepReport};

use super::wire::StatusError;

/// Accepted and waiting.
pub(super) const QUEUE: &str = "QUEUE";
/// Handed to the network's queue.
pub(super) const DEQUEUED: &str = "DEQUEUED";

/// Whether a channel uses the words of SMS.
const fn is_sms(channel: Channel) -> bool {
    match channel {
        Channel::Sms | Channel::Mms => true,
        Channel::Whatsapp
        | Channel::Rcs
        | Channel::Viber
        | Channel::Email
        | Channel::Push
        | Channel::Voice
        | Channel::Messenger
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::AppleMessages
        | Channel::InApp
        | Channel::Unlisted => false,
    }
}

/// The word for a status; `None` if the vendor has none besides the one told before.
pub(super) fn word(channel: Channel, status: Status) -> Option<&'static str> {
    let sms = is_sms(channel);
    match status {
        Status::Waiting | Status::Accepted => Some(QUEUE),
        Status::Submitted => Some("SENT"),
        Status::Sent if sms => Some("ENROUTE"),
        Status::Sent => None,
        Status::Delivered if sms => Some("DELIVRD"),
        Status::Delivered => Some("DELIVERED"),
        Status::Read | Status::Played => Some("READ"),
        Status::Failed(cause) if sms => Some(words(cause)[1]),
        Status::Failed(cause) => Some(words(cause)[0]),
    }
}

/// The words for a cause on WhatsApp and on SMS.
pub(super) const fn words(cause: Cause) -> [&'static str; 2] {
    match cause {
        Cause::NotOnChannel
        | Cause::UnknownSubscriber
        | Cause::AbsentSubscriber
        | Cause::HandsetTemporary
        | Cause::HandsetPermanent
        | Cause::Undeliverable
        | Cause::ProviderError => ["FAILED", "UNDELIV"],
        Cause::InvalidRecipient
        | Cause::MissingAddress
        | Cause::RegionBlocked
        | Cause::NoRoute
        | Cause::Unconfigured
        | Cause::UnknownChannel => ["FAILED", "INVALID_ROUTING"],
        Cause::OptedOut | Cause::Barred | Cause::Blocked => ["BLACKLISTED", "BLACKLISTED"],
        Cause::TemplateParameters | Cause::MissingParameter | Cause::MissingContent => {
            ["INCOMPLETE", "INCOMPLETE"]
        }
        Cause::IdentityChanged
        | Cause::SelfAddressed
        | Cause::WindowClosed
        | Cause::TemplateMissing
        | Cause::TemplatePaused
        | Cause::InvalidContent
        | Cause::ContentRejected
        | Cause::UnsupportedContent
        | Cause::MediaUnreachable
        | Cause::MediaUnsupported
        | Cause::MediaTooLarge
        | Cause::MediaUnknown
        | Cause::MarketingCapped
        | Cause::ProviderAccount
        | Cause::NetworkRejected
        | Cause::Duplicate => ["FAILED", "REJECTD"],
        Cause::Spam | Cause::NoBalance => ["QUOTA_EXCEEDED", "REJECTD"],
        Cause::TextTooLong => ["FAILED", "SEGMENTS_EXCEEDED"],
        Cause::Throttled | Cause::PairLimited | Cause::QuotaExceeded => ["QUOTA_EXCEEDED", "EXHAUSTED"],
        Cause::NetworkBusy | Cause::ProviderDown => ["FAILED", "EXHAUSTED"],
        Cause::SenderInvalid | Cause::ChannelDisabled => ["CODE_NOT_ALLOWED", "CODE_NOT_ALLOWED"],
        Cause::PatienceExpired | Cause::ValidityExpired => ["FAILED", "EXPIRED"],
        Cause::Deleted | Cause::Cancelled => ["FAILED", "DELETED"],
        Cause::FateUnknown | Cause::OutcomeUnknown => ["FAILED", "UNKNOWN"],
    }
}

/// Why a step failed, in the network's words where it had any.
pub(super) fn error(cause: Cause, step: Option<&StepReport>) -> StatusError {
    let network = step.and_then(|step| step.network.as_ref());
    match (network, cause) {
        (Some(network), _) if !network.text.is_empty() => {
            StatusError { code: network.code.clone(), reason: network.text.clone() }
        }
        // Clients look for these words to tell a closed window from other failures.
        (_, Cause::WindowClosed) => StatusError {
            code: "131047".to_owned(),
            reason: "Re-engagement message: more than 24 hours since the recipient last wrote".to_owned(),
        },
        (Some(network), _) => StatusError { code: network.code.clone(), reason: cause.text().to_owned() },
        (None, _) => StatusError { code: cause.as_str().to_owned(), reason: cause.text().to_owned() },
    }
}
