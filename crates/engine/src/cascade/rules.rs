//! The knobs of the rules, and the table from cause to advice. The rules themselves are in
//! `docs/cascade.md`.

use model::{Cause, Span};
use serde::{Deserialize, Serialize};

/// Delays and bounds, the same for all messages of a running program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Delay before the first repetition on the same route; doubled each time up to
    /// [`Self::retry_max`]. A network's own advice wins if it is longer.
    pub retry_first: Span,
    /// Longest delay between repetitions on the same route; while a provider is down, half the
    /// time since the step's first hand-over if that is longer.
    pub retry_max: Span,
    /// Most attempts within one step, over all its routes; 0 counts as 1.
    pub max_attempts: u16,
    /// After this long without an answer to a hand-over, its outcome counts as unknown (a crash
    /// between hand-over and recording looks like this too). Longer than any connector's timeout.
    pub answer_within: Span,
    /// Rule 7: how long an attempt of unknown outcome waits for a receipt.
    pub grace: Span,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            retry_first: Span::from_millis(500),
            retry_max: Span::from_secs(60),
            max_attempts: 32,
            answer_within: Span::from_secs(40),
            grace: Span::from_secs(20),
        }
    }
}

impl Rules {
    /// WhatsApp frees one message per pair of sender and recipient every six seconds.
    const PAIR_INTERVAL: Span = Span::from_secs(6);

    /// How long to wait before the next try, after `earlier` waits within the step.
    pub(super) fn delay(&self, earlier: u8, cause: Cause, advised: Option<Span>) -> Span {
        let doubled = self.retry_first.times(1 << u32::from(earlier.min(30)));
        let least = if cause == Cause::PairLimited { Self::PAIR_INTERVAL } else { Span::ZERO };
        doubled.min(self.retry_max).max(least).max(advised.unwrap_or(Span::ZERO))
    }

    /// Most attempts within one step.
    pub(super) fn most_attempts(&self) -> u16 {
        self.max_attempts.max(1)
    }
}

/// What a cause says about going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The same route again after a delay, as often as patience and the bound on attempts allow.
    SameRoute,
    /// The same route once more after a delay, then as [`Self::NextRoute`].
    OnceMore,
    /// The next route at once; after the last one, the first again after a delay.
    NextRouteOrWait,
    /// The next route at once; after the last one, the next step.
    NextRoute,
    /// The next step: no other route would help.
    NextStep,
    /// The end of the whole message.
    Stop,
}

impl Advice {
    /// Every advice.
    pub const ALL: [Self; 6] =
        [Self::SameRoute, Self::OnceMore, Self::NextRouteOrWait, Self::NextRoute, Self::NextStep, Self::Stop];

    /// The words used in `docs/cascade.md`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameRoute => "same route",
            Self::OnceMore => "same route once more, then next route",
            Self::NextRouteOrWait => "next route, else wait and start over",
            Self::NextRoute => "next route, else next step",
            Self::NextStep => "next step",
            Self::Stop => "stop",
        }
    }

    /// The advice that goes with a cause, whether it came as a refusal or as a failed receipt.
    #[must_use]
    pub const fn of(cause: Cause) -> Self {
        match cause {
            Cause::Throttled | Cause::PairLimited | Cause::NetworkBusy => Self::SameRoute,
            Cause::ProviderError => Self::OnceMore,
            Cause::ProviderDown => Self::NextRouteOrWait,
            // Another network may know the sender, serve the country or have quota left.
            Cause::ProviderAccount
            | Cause::Unconfigured
            | Cause::SenderInvalid
            | Cause::NoRoute
            | Cause::RegionBlocked
            | Cause::QuotaExceeded
            | Cause::NetworkRejected => Self::NextRoute,
            // The person cannot be reached on this channel, or must not be.
            Cause::NotOnChannel
            | Cause::InvalidRecipient
            | Cause::UnknownSubscriber
            | Cause::AbsentSubscriber
            | Cause::HandsetTemporary
            | Cause::HandsetPermanent
            | Cause::OptedOut
            | Cause::Barred
            | Cause::Undeliverable
            | Cause::IdentityChanged
            | Cause::SelfAddressed
            | Cause::MissingAddress
            | Cause::MarketingCapped
            | Cause::Blocked => Self::NextStep,
            // The content is at fault; it would be at fault again.
            Cause::WindowClosed
            | Cause::TemplateMissing
            | Cause::TemplatePaused
            | Cause::TemplateParameters
            | Cause::MissingParameter
            | Cause::MissingContent
            | Cause::InvalidContent
            | Cause::ContentRejected
            | Cause::Spam
            | Cause::TextTooLong
            | Cause::UnsupportedContent
            | Cause::MediaUnreachable
            | Cause::MediaUnsupported
            | Cause::MediaTooLarge
            | Cause::MediaUnknown => Self::NextStep,
            // The channel is closed to the account; another may be open or cheaper.
            Cause::NoBalance | Cause::ChannelDisabled | Cause::UnknownChannel => Self::NextStep,
            // Sending again might reach the person twice; going on is what the caller planned.
            Cause::PatienceExpired
            | Cause::ValidityExpired
            | Cause::Deleted
            | Cause::FateUnknown
            | Cause::OutcomeUnknown => Self::NextStep,
            Cause::Cancelled | Cause::Duplicate => Self::Stop,
        }
    }
}
