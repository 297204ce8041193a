//! When each message reached which place: one slot per message and place, written without locks
//! by the load generator, the simulated networks and the sink.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::time::sleep;

/// The recipient of message 0; the following messages have the following numbers.
const FIRST_NUMBER: u64 = 15_550_000_000;
/// How often a wait looks at the counters.
const GLANCE: Duration = Duration::from_millis(5);

/// Latencies in microseconds, up to ten minutes, to three digits.
pub(crate) type Latencies = Histogram<u64>;

/// An empty collection of latencies.
pub(crate) fn latencies() -> Latencies {
    Histogram::new_with_bounds(1, 600_000_000, 3).expect("constant bounds that fit")
}

/// A place on a message's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The instant at which the load generator meant to send the request.
    Intended,
    /// The positive answer to the request.
    Accepted,
    /// First hand-over to the WhatsApp network.
    Whatsapp,
    /// First hand-over to the SMS centre.
    Sms,
    /// First callback that says delivered.
    Reported,
}

const PLACES: usize = 5;

impl Place {
    const fn index(self) -> usize {
        match self {
            Self::Intended => 0,
            Self::Accepted => 1,
            Self::Whatsapp => 2,
            Self::Sms => 3,
            Self::Reported => 4,
        }
    }
}

#[derive(Debug, Default)]
struct Column {
    /// Microseconds since the epoch of the ledger plus one; 0 is not yet.
    times: Vec<AtomicU64>,
    /// Messages seen here at least once.
    first: AtomicU64,
    /// Sightings of any message, also of those that have no slot.
    all: AtomicU64,
    /// The latest first sighting, in microseconds.
    last: AtomicU64,
}

/// The times of `capacity` messages.
#[derive(Debug)]
pub(crate) struct Ledger {
    epoch: Instant,
    columns: [Column; PLACES],
}

impl Ledger {
    /// A ledger for messages 0 to `capacity`. Later ones are counted, but not timed.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        let column =
            || Column { times: (0..capacity).map(|_| AtomicU64::new(0)).collect(), ..Column::default() };
        Arc::new(Self { epoch: Instant::now(), columns: std::array::from_fn(|_| column()) })
    }

    /// Notes that a message is at a place now.
    pub(crate) fn mark(&self, place: Place, message: usize) {
        self.mark_at(place, message, Instant::now());
    }

    /// Notes that a message was at a place at an instant. Only the first time is kept.
    pub(crate) fn mark_at(&self, place: Place, message: usize, at: Instant) {
        let column = &self.columns[place.index()];
        column.all.fetch_add(1, Relaxed);
        let Some(slot) = column.times.get(message) else { return };
        let micros = at.duration_since(self.epoch).as_micros() as u64;
        if slot.compare_exchange(0, micros + 1, Relaxed, Relaxed).is_ok() {
            column.first.fetch_add(1, Relaxed);
            column.last.fetch_max(micros, Relaxed);
        }
    }

    /// How many messages were at a place.
    pub(crate) fn count(&self, place: Place) -> u64 {
        self.columns[place.index()].first.load(Relaxed)
    }

    /// How many sightings there were at a place, repetitions included.
    pub(crate) fn sightings(&self, place: Place) -> u64 {
        self.columns[place.index()].all.load(Relaxed)
    }

    /// How many sightings at a place were not the first of their message.
    pub(crate) fn repeated(&self, place: Place) -> u64 {
        self.sightings(place) - self.count(place)
    }

    /// When the last message came to a place for the first time.
    pub(crate) fn last(&self, place: Place) -> Instant {
        self.epoch + Duration::from_micros(self.columns[place.index()].last.load(Relaxed))
    }

    /// How long messages took from one place to another; those that are not at both are left out.
    pub(crate) fn between(&self, from: Place, to: Place) -> Latencies {
        let mut latencies = latencies();
        for (from, to) in self.pairs(from, to) {
            latencies.saturating_record(to.saturating_sub(from));
        }
        latencies
    }

    /// Times in microseconds of the messages that are at both places.
    pub(crate) fn pairs(&self, from: Place, to: Place) -> impl Iterator<Item = (u64, u64)> {
        let (from, to) = (&self.columns[from.index()].times, &self.columns[to.index()].times);
        from.iter().zip(to).filter_map(|(from, to)| match (from.load(Relaxed), to.load(Relaxed)) {
            (0, _) | (_, 0) => None,
            (from, to) => Some((from - 1, to - 1)),
        })
    }

    /// Waits until so many messages were at a place, or nothing moved there for `patience`.
    pub(crate) async fn wait(&self, place: Place, count: u64, patience: Duration) -> bool {
        let (mut seen, mut moved) = (self.sightings(place), Instant::now());
        while self.count(place) < count {
            sleep(GLANCE).await;
            let now = self.sightings(place);
            if now != seen {
                (seen, moved) = (now, Instant::now());
            } else if moved.elapsed() > patience {
                return false;
            }
        }
        true
    }
}

/// The phone number of a message's recipient.
pub(crate) fn phone(message: usize) -> u64 {
    FIRST_NUMBER + message as u64
}

/// The message whose recipient has this number.
pub(crate) fn message_to(digits: &[u8]) -> Option<usize> {
    let number: u64 = std::str::from_utf8(digits).ok()?.trim_start_matches('+').parse().ok()?;
    number.checked_sub(FIRST_NUMBER).map(|index| index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_sighting_is_timed_and_all_are_counted() {
        let ledger = Ledger::new(2);
        let began = Instant::now();
        ledger.mark_at(Place::Sms, 1, began + Duration::from_millis(5));
        ledger.mark_at(Place::Sms, 1, began + Duration::from_millis(9));
        ledger.mark_at(Place::Sms, 7, began);
        ledger.mark_at(Place::Intended, 1, began);
        assert_eq!((ledger.count(Place::Sms), ledger.sightings(Place::Sms)), (1, 3));
        let between = ledger.between(Place::Intended, Place::Sms);
        assert_eq!(between.len(), 1);
        assert!((4990..=5010).contains(&between.max()), "{}", between.max());
    }

    #[test]
    fn a_recipients_number_names_its_message() {
        assert_eq!(message_to(phone(4711).to_string().as_bytes()), Some(4711));
        assert_eq!(message_to(b"+15550000003"), Some(3));
        assert_eq!(message_to(b"15549999999"), None);
        assert_eq!(message_to(b"SHOP"), None);
    }
}
