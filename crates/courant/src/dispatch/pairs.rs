//! Limits between one sender and one recipient.

use std::collections::HashMap;

use connectors::PairLimit;
use model::{Span, Time};

/// Most pairs remembered; beyond, all that are idle are forgotten.
const MAX_PAIRS: usize = 100_000;

/// When each pair may send next: the instant at which its allowance is whole again.
#[derive(Debug)]
pub(super) struct Pairs {
    limit: PairLimit,
    whole_at: HashMap<(Box<str>, Box<str>), Time>,
}

impl Pairs {
    pub(super) fn new(limit: PairLimit) -> Self {
        Self { limit, whole_at: HashMap::new() }
    }

    /// Counts one message (a leaky bucket per pair).
    pub(super) fn take(&mut self, sender: &str, recipient: &str, now: Time) -> Result<(), Span> {
        if self.whole_at.len() >= MAX_PAIRS {
            self.whole_at.retain(|_, at| *at > now);
        }
        let debt = self.limit.interval.times(self.limit.burst.saturating_sub(1));
        let whole_at = self.whole_at.entry((sender.into(), recipient.into())).or_insert(now);
        let start = (*whole_at).max(now);
        let wait = (start - debt).since(now);
        if wait > Span::ZERO {
            return Err(wait);
        }
        *whole_at = start + self.limit.interval;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_message_per_interval() {
        let mut pairs = Pairs::new(PairLimit { interval: Span::from_secs(6), burst: 3 });
        let now = Time::from_secs(100);
        for _ in 0..3 {
            assert_eq!(pairs.take("a", "b", now), Ok(()));
        }
        assert_eq!(pairs.take("a", "b", now), Err(Span::from_secs(6)));
        assert_eq!(pairs.take("a", "c", now), Ok(()));
        assert_eq!(pairs.take("a", "b", Time::from_secs(106)), Ok(()));
        assert_eq!(pairs.take("a", "b", Time::from_secs(107)), Err(Span::from_secs(5)));
    }
}
