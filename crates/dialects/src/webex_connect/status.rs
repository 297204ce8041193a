//! Statuses and causes in the vendor's words and codes, by family of channel.

use model::{Cause, Channel, Status, network::NetworkCode};

/// Channels that share a list of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Whatsapp,
    Sms,
    Rcs,
    Email,
    Voice,
    Push,
}

impl Family {
    /// The list that a channel's codes are taken from; channels the vendor has no list for take
    /// that of the most similar one.
    pub(super) const fn of(channel: Channel) -> Self {
        match channel {
            Channel::Whatsapp
            | Channel::Viber
            | Channel::Messenger
            | Channel::Line
            | Channel::Vkontakte
            | Channel::KakaoAlim
            | Channel::KakaoChingu
            | Channel::AppleMessages => Self::Whatsapp,
            Channel::Sms | Channel::Mms | Channel::Unlisted => Self::Sms,
            Channel::Rcs => Self::Rcs,
            Channel::Email => Self::Email,
            Channel::Voice => Self::Voice,
            Channel::Push | Channel::InApp => Self::Push,
        }
    }
}

/// How a status is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub code: &'static str,
    /// `deliveryStatus`.
    pub status: &'static str,
    /// `Description`.
    pub text: &'static str,
}

impl Word {
    const fn good(code: &'static str, status: &'static str) -> Self {
        Self { code, status, text: status }
    }
}

/// How a status is told; `None` before any network has the message.
pub(super) fn word(family: Family, status: Status, network: Option<&NetworkCode>) -> Option<Word> {
    match status {
        Status::Waiting | Status::Accepted => None,
        Status::Submitted | Status::Sent => Some(Word::good("7501", "Submitted")),
        Status::Delivered => Some(Word::good("7500", "Delivered")),
        Status::Read | Status::Played => Some(Word::good("7502", "Read")),
        Status::Failed(cause) => Some(failure(family, cause, network)),
    }
}

fn failure(family: Family, cause: Cause, network: Option<&NetworkCode>) -> Word {
    let meta = network.filter(|_| family == Family::Whatsapp && said_by_network(cause));
    let code = meta.and_then(|network| meta_code(&network.code)).unwrap_or_else(|| code(family, cause));
    Word { code, status: failed(family, code), text: text(family, code, cause) }
}

/// Webex Connect's SMS pages disagree on when a failure is `Failed` and when `Un-Delivered`; the
/// samples are followed: refused before any operator was asked is `Failed`.
fn failed(family: Family, code: &str) -> &'static str {
    match (family, code) {
        (Family::Sms, "7004" | "7006" | "7101" | "7102" | "7107") => "Failed",
        (Family::Sms, _) => "Un-Delivered",
        _ => "Failed",
    }
}

fn text(family: Family, code: &str, cause: Cause) -> &'static str {
    match (family, code) {
        (Family::Sms, "7101") => "Invalid Sender ID",
        (Family::Sms, "7102") => "Invalid address",
        (Family::Sms, "7107") => "Message length exceeded",
        _ => cause.text(),
    }
}

/// The code of a cause.
pub(super) fn code(family: Family, cause: Cause) -> &'static str {
    let [whatsapp, sms, rcs, email, voice, push] = codes(cause);
    match family {
        Family::Whatsapp => whatsapp,
        Family::Sms => sms,
        Family::Rcs => rcs,
        Family::Email => email,
        Family::Voice => voice,
        Family::Push => push,
    }
}

/// The codes of a cause for WhatsApp, SMS, RCS, email, voice and push.
pub(super) const fn codes(cause: Cause) -> [&'static str; 6] {
    match cause {
        Cause::NotOnChannel => ["7871", "7203", "7307", "7523", "7404", "7513"],
        Cause::InvalidRecipient => ["7726", "7102", "7318", "7523", "7404", "7512"],
        Cause::UnknownSubscriber => ["7726", "7203", "7307", "7520", "7404", "7513"],
        Cause::AbsentSubscriber => ["7871", "7207", "7307", "7520", "7401", "7518"],
        Cause::HandsetTemporary => ["7854", "7206", "7307", "7520", "7402", "7518"],
        Cause::HandsetPermanent => ["7871", "7201", "7307", "7520", "7404", "7513"],
        Cause::OptedOut => ["7200", "7109", "7322", "7241", "7406", "7513"],
        Cause::Barred => ["7871", "7109", "7323", "7520", "7406", "7513"],
        Cause::Undeliverable => ["7871", "7201", "7322", "7520", "7404", "7518"],
        Cause::IdentityChanged => ["7862", "7004", "7318", "7523", "7404", "7518"],
        Cause::SelfAddressed => ["7733", "7102", "7318", "7523", "7404", "7512"],
        Cause::MissingAddress => ["7726", "7102", "7318", "7523", "7404", "7512"],
        Cause::WindowClosed => ["7710", "7004", "7318", "7554", "7404", "7518"],
        Cause::TemplateMissing => ["7849", "7004", "7318", "7536", "7404", "7505"],
        Cause::TemplatePaused => ["7869", "7004", "7318", "7536", "7404", "7505"],
        Cause::TemplateParameters => ["7804", "7004", "7318", "7536", "7404", "7505"],
        Cause::MissingParameter => ["7721", "7004", "7318", "7536", "7404", "7505"],
        Cause::MissingContent => ["7721", "7004", "7318", "7536", "7404", "7505"],
        Cause::InvalidContent => ["7722", "7004", "7318", "7554", "7404", "7505"],
        Cause::ContentRejected => ["7842", "7201", "7322", "7554", "7406", "7505"],
        Cause::Spam => ["7711", "7111", "7322", "7521", "7406", "7507"],
        Cause::TextTooLong => ["7714", "7107", "7318", "7524", "7404", "7505"],
        Cause::UnsupportedContent => ["7722", "7004", "7318", "7554", "7404", "7505"],
        Cause::MediaUnreachable => ["7701", "7004", "7740", "7554", "7404", "7505"],
        Cause::MediaUnsupported => ["7861", "7004", "7740", "7554", "7404", "7505"],
        Cause::MediaTooLarge => ["7701", "7004", "7740", "7535", "7404", "7505"],
        Cause::MediaUnknown => ["7701", "7004", "7740", "7554", "7404", "7505"],
        Cause::Throttled => ["7845", "7302", "7324", "7553", "7404", "7507"],
        Cause::PairLimited => ["7874", "7302", "7331", "7553", "7404", "7507"],
        Cause::MarketingCapped => ["7200", "7302", "7331", "7553", "7406", "7507"],
        Cause::QuotaExceeded => ["7706", "7302", "7324", "7553", "7404", "7516"],
        Cause::NoBalance => ["7703", "7204", "7322", "7553", "7404", "7518"],
        Cause::NetworkBusy => ["7846", "7202", "7327", "7553", "7402", "7508"],
        Cause::ProviderDown => ["7834", "7202", "7327", "7553", "7404", "7517"],
        Cause::ProviderError => ["7010", "7006", "7322", "7553", "7404", "7508"],
        Cause::ProviderAccount => ["7840", "7210", "7325", "7522", "7404", "7504"],
        Cause::SenderInvalid => ["7865", "7101", "7319", "7522", "7404", "7504"],
        Cause::RegionBlocked => ["7837", "7282", "7323", "7554", "7406", "7518"],
        Cause::NoRoute => ["7871", "7282", "7329", "7520", "7404", "7518"],
        Cause::NetworkRejected => ["7736", "7201", "7322", "7554", "7406", "7518"],
        Cause::Unconfigured => ["7010", "7202", "7326", "7553", "7404", "7518"],
        Cause::ChannelDisabled => ["7840", "7004", "7325", "7522", "7404", "7504"],
        Cause::UnknownChannel => ["7200", "7004", "7318", "7554", "7404", "7518"],
        Cause::Blocked => ["7871", "7720", "7322", "7240", "7406", "7513"],
        Cause::PatienceExpired => ["7704", "7208", "7301", "7554", "7401", "7503"],
        Cause::ValidityExpired => ["7705", "7208", "7301", "7554", "7208", "7503"],
        Cause::Deleted => ["7200", "7280", "7322", "7554", "7410", "7518"],
        Cause::FateUnknown => ["7200", "7518", "7011", "7554", "7404", "7518"],
        Cause::OutcomeUnknown => ["7011", "7006", "7011", "7553", "7404", "7518"],
        Cause::Cancelled => ["7200", "7280", "7322", "7554", "7409", "7518"],
        Cause::Duplicate => ["7717", "7284", "7318", "7554", "7404", "7518"],
    }
}

/// Whether a cause comes from a network, so that the network's own code explains it.
fn said_by_network(cause: Cause) -> bool {
    !matches!(
        cause,
        Cause::PatienceExpired
            | Cause::ValidityExpired
            | Cause::Cancelled
            | Cause::OutcomeUnknown
            | Cause::Unconfigured
            | Cause::ChannelDisabled
            | Cause::Blocked
            | Cause::NoBalance
            | Cause::Duplicate
    )
}

/// Codes of Meta's Cloud API and what Webex Connect makes of them. The vendor documents 131049
/// and 100; the others are paired by meaning.
fn meta_code(code: &str) -> Option<&'static str> {
    META.iter().find(|(meta, _)| *meta == code).map(|(_, own)| *own)
}

pub(super) const META: [(&str, &str); 33] = [
    ("100", "7838"),
    ("190", "7839"),
    ("368", "7842"),
    ("80007", "7706"),
    ("130429", "7845"),
    ("130472", "7872"),
    ("131008", "7721"),
    ("131009", "7722"),
    ("131021", "7733"),
    ("131026", "7871"),
    ("131031", "7860"),
    ("131042", "7703"),
    ("131045", "7707"),
    ("131047", "7710"),
    ("131048", "7711"),
    ("131049", "7200"),
    ("131050", "7200"),
    ("131052", "7701"),
    ("131053", "7861"),
    ("131056", "7874"),
    ("131057", "7870"),
    ("132000", "7804"),
    ("132001", "7849"),
    ("132005", "7809"),
    ("132007", "7811"),
    ("132012", "7816"),
    ("132015", "7869"),
    ("132016", "7868"),
    ("133010", "7865"),
    ("137000", "7862"),
    ("131016", "7854"),
    ("131005", "7840"),
    ("10", "7840"),
];

/// `deliveryChannel` of notifications. Webex Connect writes SMS in capitals and WhatsApp not.
pub(super) const fn delivery_channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Whatsapp => "whatsapp",
        Channel::Sms => "SMS",
        Channel::Mms => "MMS",
        Channel::Rcs => "rcs",
        Channel::Email => "email",
        Channel::Push => "push",
        Channel::Voice => "voice",
        Channel::Messenger => "fb",
        Channel::AppleMessages => "applebusinesschat",
        Channel::InApp => "rt",
        Channel::Viber
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::Unlisted => channel.as_str(),
    }
}

/// `channel` of v2.
pub(super) const fn v2_channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "sms",
        Channel::Mms => "mms",
        _ => delivery_channel(channel),
    }
}
