//! How fast a session submits: a token bucket that a throttling carrier can slow down.

use std::time::{Duration, Instant};

/// Shortest pause between submits that adds up to a full second's tokens.
const SECOND: f64 = 1.0;
/// Slowest rate that throttling leads to, in segments per second.
const SLOWEST: f64 = 1.0;
/// Share of the former rate that comes back each second.
const RECOVERY: f64 = 0.1;

/// Rate of one session.
#[derive(Debug)]
pub(super) struct Pace {
    /// What the settings allow, in segments per second; `None` is no limit.
    limit: Option<f64>,
    /// What the carrier lets us do now; `None` is as the limit says.
    slowed: Option<Slowed>,
    tokens: f64,
    refilled: Instant,
    paused_until: Option<Instant>,
    measured: Measured,
}

#[derive(Clone, Copy, Debug)]
struct Slowed {
    rate: f64,
    /// The rate at which the slow-down is over.
    former: f64,
}

/// Submits of the current and the last full second.
#[derive(Debug)]
struct Measured {
    since: Instant,
    now: u32,
    last: u32,
}

impl Pace {
    pub(super) fn new(limit: Option<f64>, now: Instant) -> Self {
        Self {
            limit,
            slowed: None,
            tokens: 1.0,
            refilled: now,
            paused_until: None,
            measured: Measured { since: now, now: 0, last: 0 },
        }
    }

    /// Takes leave for one segment, or tells when to ask again.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.paused_until.filter(|&until| now < until) {
            return Err(until);
        }
        self.paused_until = None;
        if let Some(rate) = self.rate() {
            self.refill(now, rate);
            if self.tokens < 1.0 {
                let wait = Duration::from_secs_f64((1.0 - self.tokens) / rate);
                return Err(now + wait.max(Duration::from_micros(100)));
            }
            self.tokens -= 1.0;
        }
        self.measured.count(now);
        Ok(())
    }

    /// The carrier asks to slow down: half the rate, after a pause. Answers to submits that were
    /// under way when the pause began say nothing new.
    pub(super) fn slow_down(&mut self, now: Instant, pause: Duration) {
        if self.paused_until.is_some_and(|until| now < until) {
            return;
        }
        let former = self.rate().unwrap_or_else(|| self.measured.rate());
        let ceiling = self.slowed.map_or(former, |slowed| slowed.former);
        self.slowed = Some(Slowed { rate: (former / 2.0).max(SLOWEST), former: ceiling.max(SLOWEST) });
        self.tokens = 0.0;
        self.paused_until = Some(now + pause);
        self.refilled = now + pause;
    }

    /// Segments per second at the moment; `None` is no limit.
    pub(super) fn rate(&self) -> Option<f64> {
        self.slowed.map(|slowed| slowed.rate).or(self.limit)
    }

    fn refill(&mut self, now: Instant, rate: f64) {
        let passed = now.saturating_duration_since(self.refilled).as_secs_f64();
        self.refilled = self.refilled.max(now);
        // A tenth of a second may be caught up at once; more would burst past what carriers count.
        self.tokens = (self.tokens + passed * rate).min((rate * 0.1).max(SECOND));
        self.recover(passed);
    }

    fn recover(&mut self, passed: f64) {
        let Some(slowed) = &mut self.slowed else { return };
        slowed.rate += (slowed.former * RECOVERY).max(SLOWEST) * passed;
        if slowed.rate >= slowed.former {
            self.slowed = None;
        }
    }
}

impl Measured {
    fn count(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        if passed >= Duration::from_secs(1) {
            self.last = if passed < Duration::from_secs(2) { self.now } else { 0 };
            self.now = 0;
            self.since = now;
        }
        self.now += 1;
    }

    fn rate(&self) -> f64 {
        f64::from(self.now.max(self.last))
    }
}
