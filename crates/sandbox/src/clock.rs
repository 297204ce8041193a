//! The clock of the simulated networks: the sandbox is a shell with sockets of its own, so it has
//! a clock of its own too. A network is another machine: it does not notice when somebody sets the
//! clock of this one, so only the first reading is the system's.

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

static BEGAN: OnceLock<(Instant, Millis)> = OnceLock::new();

/// Milliseconds since the Unix epoch.
pub(crate) type Millis = i64;

/// Tells the time and stretches or shrinks the delays of the simulated networks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    scale: f64,
}

impl Clock {
    /// A clock whose network delays are multiplied by `scale`.
    pub(crate) fn new(scale: f64) -> Self {
        Self { scale: if scale.is_finite() { scale.clamp(0.0, 1000.0) } else { 1.0 } }
    }

    /// Now.
    #[allow(clippy::disallowed_methods, reason = "the simulated networks are outside the pure core")]
    pub(crate) fn now(self) -> Millis {
        let (instant, millis) = BEGAN.get_or_init(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            (Instant::now(), i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        });
        let since = i64::try_from(instant.elapsed().as_millis()).unwrap_or(i64::MAX);
        millis.saturating_add(since)
    }

    /// A delay of the network, scaled.
    pub(crate) fn delay(self, ms: u64) -> Duration {
        Duration::from_secs_f64(ms as f64 * self.scale / 1000.0)
    }

    /// A delay of the network, scaled, in milliseconds.
    pub(crate) fn span(self, ms: u64) -> Millis {
        (ms as f64 * self.scale) as Millis
    }
}

/// `2026-11-20T22:38:49.123Z`
pub(crate) fn rfc3339(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_string()
}

/// `2611202238`: the form of dates in SMS receipts, in UTC.
pub(crate) fn receipt_date(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).unwrap_or_default().strftime("%y%m%d%H%M").to_string()
}
