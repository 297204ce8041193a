//! Counters of the store, read without locks.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use crate::Tally;

/// Counters, read without locks.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) commits: AtomicU64,
    pub(super) changes: AtomicU64,
    pub(super) commit_micros: AtomicU64,
    /// Weight and bytes handed over and not yet answered.
    pub(super) waiting: AtomicU64,
    pub(super) waiting_bytes: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) commit_times: Marks,
    pub(super) sync_times: Marks,
    pub(super) commit_sizes: Marks,
    pub(super) apply_times: Marks,
    /// When the last transaction succeeded, and when one failed after it.
    last_success: Moment,
    last_failure: Moment,
}

/// A [`Tally`] being kept.
#[derive(Debug, Default)]
pub(super) struct Marks {
    counts: [AtomicU64; Tally::PLACES],
    sum: AtomicU64,
}

impl Marks {
    pub(super) fn add(&self, value: u64) {
        self.counts[Tally::place(value)].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    pub(super) fn tally(&self) -> Tally {
        Tally {
            counts: std::array::from_fn(|place| self.counts[place].load(Relaxed)),
            sum: self.sum.load(Relaxed),
        }
    }
}

/// When something happened last, in microseconds after the first time anything did, plus one; 0
/// for never.
#[derive(Debug, Default)]
struct Moment(AtomicU64);

fn since_start() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_micros() as u64
}

impl Moment {
    fn set(&self) {
        self.0.store(since_start() + 1, Relaxed);
    }

    fn clear(&self) {
        self.0.store(0, Relaxed);
    }

    fn micros_ago(&self) -> Option<u64> {
        let at = self.0.load(Relaxed).checked_sub(1)?;
        Some(since_start().saturating_sub(at))
    }
}

impl Counters {
    pub(super) fn count(&self, began: Instant, done: bool) {
        let took = began.elapsed().as_micros() as u64;
        self.commits.fetch_add(1, Relaxed);
        self.commit_micros.fetch_add(took, Relaxed);
        if done {
            self.commit_times.add(took);
            self.last_success.set();
            self.last_failure.clear();
        } else {
            self.failures.fetch_add(1, Relaxed);
            self.last_failure.set();
        }
    }

    pub(super) fn idle_micros(&self) -> Option<u64> {
        self.last_success.micros_ago()
    }

    pub(super) fn failing_micros(&self) -> Option<u64> {
        self.last_failure.micros_ago()
    }
}
