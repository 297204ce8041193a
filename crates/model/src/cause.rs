//! Why a step failed: a closed vocabulary. Every dialect maps every cause to its own code without
//! a catch-all arm, every connector maps its network's codes to causes.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $text:literal;)*) => {
        /// Why a step, or a whole message, failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Cause {
            $($(#[$doc])* $name,)*
        }

        impl Cause {
            /// Every cause, in the order of the enum.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word used in metrics, the admin API and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// One short sentence for people.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

causes! {
    // The recipient.
    /// The number has no account on this channel, or its app is too old for the message.
    NotOnChannel = "not_on_channel", "The recipient does not use this channel";
    /// The address is not one that can exist.
    InvalidRecipient = "invalid_recipient", "The recipient's address is not valid";
    /// The number plan is fine but nobody has this number.
    UnknownSubscriber = "unknown_subscriber", "The network does not know this number";
    /// The handset is off or out of reach.
    AbsentSubscriber = "absent_subscriber", "The handset is switched off or out of reach";
    /// The handset cannot take it now: memory full, busy, temporary fault.
    HandsetTemporary = "handset_temporary", "The handset cannot take the message at the moment";
    /// The handset can never take it.
    HandsetPermanent = "handset_permanent", "The handset cannot take this message";
    /// The person asked not to get such messages.
    OptedOut = "opted_out", "The recipient has opted out";
    /// The person blocked the sender, or the subscription bars such messages.
    Barred = "barred", "The recipient's subscription bars this message";
    /// The network lacks the recipient's agreement to its terms or the like; it will not say why.
    Undeliverable = "undeliverable", "The network could not deliver the message";
    /// The recipient's identity changed and the caller asked to check it.
    IdentityChanged = "identity_changed", "The recipient's identity has changed";
    /// Sender and recipient are the same.
    SelfAddressed = "self_addressed", "Sender and recipient are the same";
    /// The submission gave no address that this channel can use.
    MissingAddress = "missing_address", "No address for this channel was given";

    // The conversation and its content.
    /// Free-form content outside the 24-hour conversation window.
    WindowClosed = "window_closed", "The conversation window is closed; only templates are allowed";
    /// The template does not exist, is not approved, or not in this language.
    TemplateMissing = "template_missing", "The template does not exist for this channel or language";
    /// The template is paused or disabled.
    TemplatePaused = "template_paused", "The template is paused or disabled";
    /// Number or form of the template's parameters is wrong.
    TemplateParameters = "template_parameters", "The template's parameters do not fit";
    /// A parameter that the content needs was not given.
    MissingParameter = "missing_parameter", "A parameter of the content is missing";
    /// The submission has no content for this channel.
    MissingContent = "missing_content", "No content for this channel was given";
    /// The network found a value in the content that it does not take.
    InvalidContent = "invalid_content", "The content has a value that the network does not take";
    /// The network or its policy refused the content as such.
    ContentRejected = "content_rejected", "The content was refused by policy";
    /// The network took it for spam.
    Spam = "spam", "The message was refused as spam";
    /// The text is longer than the channel takes.
    TextTooLong = "text_too_long", "The text is too long for this channel";
    /// The channel or its network does not carry this kind of content.
    UnsupportedContent = "unsupported_content", "This kind of content is not supported on the channel";
    /// The media could not be fetched.
    MediaUnreachable = "media_unreachable", "The media could not be fetched";
    /// The media's type or make is not one the channel takes.
    MediaUnsupported = "media_unsupported", "The media's type or encoding is not supported";
    /// The media has too many bytes.
    MediaTooLarge = "media_too_large", "The media is too large";
    /// The media id is not known (any more).
    MediaUnknown = "media_unknown", "The media id is not known";

    // Limits.
    /// The network asks us to slow down.
    Throttled = "throttled", "The network is limiting our rate";
    /// Too many messages from this sender to this recipient in a short time.
    PairLimited = "pair_limited", "Too many messages to this recipient in a short time";
    /// The network withholds marketing from this person for now.
    MarketingCapped = "marketing_capped", "The network withholds marketing from this recipient for now";
    /// The sender's messaging limit or a quota is used up.
    QuotaExceeded = "quota_exceeded", "The sender's messaging limit is used up";
    /// The account has no credit left.
    NoBalance = "no_balance", "The account's balance is too low";

    // The way there.
    /// The network is busy or its queue is full; it will pass.
    NetworkBusy = "network_busy", "The network is busy";
    /// The provider cannot be reached or answers that it is down.
    ProviderDown = "provider_down", "The provider is down";
    /// The provider failed in a way that does not pass by itself.
    ProviderError = "provider_error", "The provider answered with an error";
    /// Credentials, payment, registration or permission at the provider need the operator.
    ProviderAccount = "provider_account", "Our account at the provider needs attention";
    /// The sender is not known to the network or not allowed to the account.
    SenderInvalid = "sender_invalid", "The sender is not valid on this channel";
    /// The network will not carry messages to this country.
    RegionBlocked = "region_blocked", "The network does not serve this country from this sender";
    /// The network does not find a way to this number.
    NoRoute = "no_route", "The network has no route to this number";
    /// The network refused without a reason we know.
    NetworkRejected = "network_rejected", "The network rejected the message";
    /// No route is configured for the channel, or it was removed since acceptance.
    Unconfigured = "unconfigured", "No route is configured for this channel";
    /// The channel is not enabled for the account.
    ChannelDisabled = "channel_disabled", "The channel is not enabled for the account";
    /// No such channel exists.
    UnknownChannel = "unknown_channel", "No such channel exists";
    /// The operator's or account's own block list has the recipient.
    Blocked = "blocked", "The recipient is on a block list";

    // Time and order.
    /// The step's patience ran out without delivery.
    PatienceExpired = "patience_expired", "Not delivered in the time set for this step";
    /// The validity ran out, by the network's word or by our clock on the last step.
    ValidityExpired = "validity_expired", "The message expired before delivery";
    /// The network deleted the message.
    Deleted = "deleted", "The network deleted the message";
    /// The network says it does not know the message's fate.
    FateUnknown = "fate_unknown", "The network does not know what became of the message";
    /// We do not know whether the network took the attempt.
    OutcomeUnknown = "outcome_unknown", "It is not known whether the network took the message";
    /// The caller cancelled the message.
    Cancelled = "cancelled", "Cancelled by the caller";
    /// Another message with the same client id exists.
    Duplicate = "duplicate", "A message with this id already exists";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
