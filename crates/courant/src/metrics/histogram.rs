//! A histogram without locks: powers of two, counted in atomics.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use model::Span;
use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric},
};
use store::Tally;

/// Powers of two told apart; the last takes everything larger.
const PLACES: usize = 40;

/// Which bounds are shown: `2^first` to `2^last`, each times `unit`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    first: usize,
    last: usize,
    unit: f64,
}

/// Microseconds shown as seconds, from 64 µs to about 134 s.
pub(crate) const SHORT: Scale = Scale { first: 6, last: 27, unit: 1e-6 };
/// Microseconds shown as seconds, from about 8 ms to about 38 h.
pub(crate) const LONG: Scale = Scale { first: 13, last: 37, unit: 1e-6 };
/// Plain numbers, from 1 to 4096.
pub(crate) const COUNT: Scale = Scale { first: 0, last: 12, unit: 1.0 };

/// Observations; clones share them.
#[derive(Clone)]
pub(crate) struct Histogram(Arc<Inner>);

struct Inner {
    scale: Scale,
    counts: [AtomicU64; PLACES],
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn new(scale: Scale) -> Self {
        let counts = std::array::from_fn(|_| AtomicU64::new(0));
        Self(Arc::new(Inner { scale, counts, sum: AtomicU64::new(0) }))
    }

    /// Counts a time.
    pub(crate) fn time(&self, span: Span) {
        self.count(span.as_micros().unsigned_abs());
    }

    fn count(&self, value: u64) {
        let power = (u64::BITS - value.saturating_sub(1).leading_zeros()) as usize;
        self.0.counts[power.min(PLACES - 1)].fetch_add(1, Relaxed);
        self.0.sum.fetch_add(value, Relaxed);
    }

    /// Takes over what another part has counted.
    pub(super) fn set(&self, tally: &Tally) {
        for (count, counted) in self.0.counts.iter().zip(tally.counts) {
            count.store(counted, Relaxed);
        }
        self.0.sum.store(tally.sum, Relaxed);
    }

    /// Bounds with how many are within each and above the one before.
    fn buckets(&self) -> Vec<(f64, u64)> {
        let Scale { first, last, unit } = self.0.scale;
        let sum = |places: std::ops::Range<usize>| -> u64 {
            self.0.counts[places].iter().map(|count| count.load(Relaxed)).sum()
        };
        let bound = |power: usize| (1_u64 << power) as f64 * unit;
        let mut buckets = vec![(bound(first), sum(0..first + 1))];
        buckets.extend((first + 1..=last).map(|power| (bound(power), sum(power..power + 1))));
        buckets.push((f64::INFINITY, sum(last + 1..PLACES)));
        buckets
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram(sum {})", self.0.sum.load(Relaxed))
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let buckets = self.buckets();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.0.sum.load(Relaxed) as f64 * self.0.scale.unit;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_counted_once_within_the_bound_it_does_not_exceed() {
        let histogram = Histogram::new(SHORT);
        for micros in [0, 1, 64, 65, 128, 129, 1 << 27, (1 << 27) + 1, u64::MAX] {
            histogram.time(Span::from_micros(micros));
        }
        let buckets = histogram.buckets();
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 9);
        let at = |index: usize| (buckets[index].0, buckets[index].1);
        assert_eq!((at(0), at(1), at(2)), ((0.000_064, 3), (0.000_128, 2), (0.000_256, 1)));
        assert_eq!(at(buckets.len() - 2), (134.217_728, 1));
        assert_eq!(at(buckets.len() - 1), (f64::INFINITY, 2));
    }

    #[test]
    fn a_tally_of_the_store_keeps_its_places() {
        let histogram = Histogram::new(COUNT);
        let mut tally = Tally { sum: 8, ..Tally::default() };
        tally.counts[Tally::place(3)] = 1;
        tally.counts[Tally::place(5)] = 1;
        histogram.set(&tally);
        let filled: Vec<_> = histogram.buckets().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(4.0, 1), (8.0, 1)]);
    }
}
