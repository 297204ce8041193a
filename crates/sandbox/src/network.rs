//! The simulated networks, and the switches that people can throw.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};

/// A simulated network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// WhatsApp, by its Cloud API.
    Whatsapp,
    /// Short messages, by SMPP.
    Sms,
}

impl Network {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Whatsapp, Self::Sms];

    /// Its name in `/sandbox/networks/{name}` and in inboxes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Sms => "sms",
        }
    }

    /// The network of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|network| network.name() == name)
    }
}

/// Longest latency that can be asked for.
const MAX_LATENCY: Duration = Duration::from_secs(600);

/// The switches of one network.
#[derive(Debug)]
pub(crate) struct Switches {
    up: watch::Sender<bool>,
    limits: Mutex<Limits>,
}

#[derive(Debug)]
struct Limits {
    latency: Duration,
    throttle: Option<f64>,
    tokens: f64,
    filled_at: Instant,
}

/// A change of switches; what is absent stays.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Change {
    pub(crate) up: Option<bool>,
    pub(crate) latency_ms: Option<u64>,
    /// 0 takes the limit away.
    pub(crate) throttle_mps: Option<f64>,
}

/// The switches, for people.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Setting {
    pub(crate) up: bool,
    pub(crate) latency_ms: u64,
    pub(crate) throttle_mps: Option<f64>,
}

impl Switches {
    /// Up, fast and unlimited.
    pub(crate) fn new() -> Self {
        let limits =
            Limits { latency: Duration::ZERO, throttle: None, tokens: 0.0, filled_at: Instant::now() };
        Self { up: watch::channel(true).0, limits: Mutex::new(limits) }
    }

    /// Throws switches.
    pub(crate) fn change(&self, change: Change) {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ms) = change.latency_ms {
            limits.latency = Duration::from_millis(ms).min(MAX_LATENCY);
        }
        if let Some(mps) = change.throttle_mps {
            limits.throttle = (mps > 0.0 && mps.is_finite()).then_some(mps);
            limits.tokens = mps.max(1.0);
            limits.filled_at = Instant::now();
        }
        drop(limits);
        if let Some(up) = change.up {
            self.up.send_replace(up);
        }
    }

    /// How they stand.
    pub(crate) fn setting(&self) -> Setting {
        let limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let latency_ms = u64::try_from(limits.latency.as_millis()).unwrap_or(u64::MAX);
        Setting { up: *self.up.borrow(), latency_ms, throttle_mps: limits.throttle }
    }

    /// Latency to add to each answer.
    pub(crate) fn latency(&self) -> Duration {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).latency
    }

    /// Takes a token of the rate limit; `false` if there is none left. One second of burst.
    pub(crate) fn admit(&self) -> bool {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mps) = limits.throttle else { return true };
        let now = Instant::now();
        let gained = now.duration_since(limits.filled_at).as_secs_f64() * mps;
        limits.tokens = (limits.tokens + gained).min(mps.max(1.0));
        limits.filled_at = now;
        let admitted = limits.tokens >= 1.0;
        if admitted {
            limits.tokens -= 1.0;
        }
        admitted
    }

    /// Follows whether the network is up.
    pub(crate) fn watch_up(&self) -> watch::Receiver<bool> {
        self.up.subscribe()
    }
}
