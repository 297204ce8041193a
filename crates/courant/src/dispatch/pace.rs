//! How fast attempts leave, and what of it is kept for those that cannot wait.

use model::{Span, Time};

use crate::accounts::Bucket;

/// Waits for a token are not shorter, so that nobody spins.
const SHORTEST_WAIT: Span = Span::from_micros(200);
/// Share of a second's rate that may go at once, and as much again of one-time codes.
const BURST_SECONDS: f64 = 0.05;
/// Share of the rate that one-time codes may take before their turn. The other half stays with those
/// whose turn it is, so that a flood of codes by one sender does not stop all others.
const KEPT: f64 = 0.5;

/// The pace of a route or a sender; without a rate, nothing waits.
///
/// A campaign takes every token as it comes. So that a one-time code does not wait for the next one,
/// it may take a token ahead: the campaign then waits for one more.
#[derive(Debug)]
pub(super) struct Pace(Option<Buckets>);

#[derive(Debug)]
struct Buckets {
    all: Bucket,
    /// None where a slot is so long that one taken ahead would be felt by the network.
    kept: Option<Bucket>,
}

impl Pace {
    /// At most `rate` per second in the long run.
    pub(super) fn new(rate: Option<f64>) -> Self {
        Self(rate.map(|rate| {
            let burst = rate * BURST_SECONDS;
            Buckets {
                // Networks begin to count with an empty second: so do we, or we would be ahead of them.
                all: Bucket::new(rate, burst).with_level(1.0),
                kept: (burst >= 1.0).then(|| Bucket::new(rate * KEPT, burst)),
            }
        }))
    }

    /// Whether there is a rate.
    pub(super) const fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Takes a token.
    ///
    /// # Errors
    /// How long until there is one.
    pub(super) fn take(&mut self, now: Time) -> Result<(), Span> {
        let Some(buckets) = &mut self.0 else { return Ok(()) };
        buckets.all.take(now, 1.0).map_err(|wait| wait.max(SHORTEST_WAIT))
    }

    /// Whether a one-time code may leave now without waiting for its turn.
    pub(super) fn keeps(&mut self, now: Time) -> bool {
        let Some(buckets) = &mut self.0 else { return true };
        buckets.kept.as_mut().is_some_and(|kept| kept.has(now, 1.0))
    }

    /// Takes a token that is kept for one-time codes.
    pub(super) fn take_kept(&mut self, now: Time) {
        let Some(buckets) = &mut self.0 else { return };
        if let Some(kept) = &mut buckets.kept {
            kept.take_ahead(now, 1.0);
        }
        buckets.all.take_ahead(now, 1.0);
    }

    /// Gives a token back that was not used. The kept ones come back with time only.
    pub(super) fn give_back(&mut self) {
        if let Some(buckets) = &mut self.0 {
            buckets.all.give_back(1.0);
        }
    }
}
