//! Alarms of the near future, in memory. The truth is `wake_at` in the store: what does not fit
//! here, or is lost in a crash, is found there.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{MessageId, Span, Time};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{clock, core::Core};

/// How far ahead alarms are held in memory.
const HORIZON: Span = Span::from_secs(60);
/// How often the store is asked for alarms that came into the horizon.
const RESCAN: Span = Span::from_secs(20);
/// Alarms read from the store at a time.
const PAGE: usize = 2000;

/// Alarms held in memory.
#[derive(Debug)]
pub struct Timers {
    inner: Mutex<Inner>,
    changed: Notify,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Inner {
    queue: BTreeSet<(Time, MessageId)>,
    by_id: HashMap<MessageId, Time>,
    /// Alarms at or after this instant are left to the store.
    horizon: Time,
    /// The horizon if there were room for everything: alarms from here on are found by the next
    /// regular look.
    reach: Time,
    /// The earliest place before the reach that was left to the store for want of room.
    left: Option<Place>,
}

/// A place in the order of alarms.
type Place = (Time, MessageId);

impl Timers {
    /// Room for so many alarms.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { inner: Mutex::default(), changed: Notify::new(), capacity }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets, moves or clears the alarm of a message.
    pub fn set(&self, id: MessageId, at: Option<Time>) {
        let mut inner = self.lock();
        let earliest = inner.queue.first().copied();
        inner.remove(id);
        if let Some(at) = at {
            inner.hold((at, id), self.capacity);
        }
        // If the first alarm is gone, or later now, who sleeps until it finds that out then.
        let first = inner.queue.first().copied();
        if first.is_some_and(|first| earliest.is_none_or(|earlier| first < earlier)) {
            self.changed.notify_one();
        }
    }

    /// How many alarms are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().queue.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take_due(&self, now: Time) -> (Vec<(Time, MessageId)>, Option<Time>) {
        let mut inner = self.lock();
        let mut due = Vec::new();
        while let Some((at, id)) = inner.queue.first().copied().filter(|(at, _)| *at <= now) {
            inner.remove(id);
            due.push((at, id));
        }
        (due, inner.queue.first().map(|(at, _)| *at))
    }

    /// Whether what was left to the store for want of room must be looked for before the regular
    /// time, because there is room again. The queue's alarms come before what was left, so this is
    /// asked in time.
    fn has_room_again(&self) -> bool {
        let inner = self.lock();
        inner.left.is_some() && inner.queue.len() <= self.capacity / 2
    }

    /// Rings alarms until `stop`.
    pub async fn run(core: Arc<Core>, stop: CancellationToken) {
        let mut rescan_at = Time::default();
        loop {
            let now = clock::now();
            if now >= rescan_at {
                rescan_at = now + RESCAN;
                let _ = core.timers.begin_look(now);
                core.timers.look(&core, None).await;
            } else if core.timers.has_room_again() {
                let left = core.timers.begin_look(now);
                core.timers.look(&core, left.map(before)).await;
            }
            let (due, next) = core.timers.take_due(clock::now());
            for (at, id) in due {
                core.metrics.alarm(clock::now().since(at));
                core.shards.wake(id).await;
            }
            let until = next.map_or(rescan_at, |next| next.min(rescan_at));
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(until.since(clock::now()).to_std()) => {}
                () = core.timers.changed.notified() => {}
            }
        }
    }

    /// Moves the horizon before the alarms that came into it are read, so that an alarm saved
    /// meanwhile is set directly; what had been left to the store until now.
    fn begin_look(&self, now: Time) -> Option<Place> {
        let mut inner = self.lock();
        inner.reach = now + HORIZON;
        inner.horizon = inner.reach;
        inner.left.take()
    }

    /// Reads alarms after a place, up to the horizon, as far as there is room.
    async fn look(&self, core: &Core, mut after: Option<Place>) {
        let reach = self.lock().reach;
        loop {
            let page = match core.store.due(reach, after, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "alarms could not be read");
                    return;
                }
            };
            if !self.found(&page, PAGE) {
                return;
            }
            after = page.last().copied();
        }
    }

    /// Takes alarms that the store has; whether there is reason to read more.
    fn found(&self, page: &[Place], asked: usize) -> bool {
        for (at, id) in page {
            let known = self.lock().by_id.contains_key(id);
            if !known {
                self.set(*id, Some(*at));
            }
        }
        let Some((at, id)) = page.last().copied().filter(|_| page.len() == asked) else { return false };
        let full = self.len() >= self.capacity;
        if full {
            // What comes after was not even read.
            self.lock().leave((at, MessageId(id.0.saturating_add(1))));
        }
        !full
    }
}

/// The place after which another one comes first.
const fn before(place: Place) -> Place {
    (place.0, MessageId(place.1.0.saturating_sub(1)))
}

impl Inner {
    /// Holds an alarm if it is near enough. Without room, the latest gives way.
    fn hold(&mut self, place: Place, capacity: usize) {
        if place.0 >= self.horizon {
            if place.0 < self.reach {
                self.leave(place);
            }
            return;
        }
        if self.queue.len() >= capacity {
            match self.queue.last().copied().filter(|last| *last > place) {
                Some(last) => {
                    self.remove(last.1);
                    self.leave(last);
                }
                None => return self.leave(place),
            }
        }
        self.queue.insert(place);
        self.by_id.insert(place.1, place.0);
    }

    /// Leaves an alarm, and all after it, to the store.
    fn leave(&mut self, place: Place) {
        self.horizon = self.horizon.min(place.0);
        self.left = Some(self.left.map_or(place, |left| left.min(place)));
    }

    fn remove(&mut self, id: MessageId) {
        if let Some(at) = self.by_id.remove(&id) {
            self.queue.remove(&(at, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_secs(1_800_000_000);

    /// Looks into a store of these alarms (in order), of which those rung are gone.
    fn look(timers: &Timers, stored: &BTreeSet<Place>, mut after: Option<Place>) {
        loop {
            let from = after.map_or((Time(i64::MIN), MessageId(0)), |(at, id)| (at, MessageId(id.0 + 1)));
            let page: Vec<Place> = stored.range(from..).take(3).copied().collect();
            if !timers.found(&page, 3) {
                return;
            }
            after = page.last().copied();
        }
    }

    fn alarms(count: u128, apart: Span) -> BTreeSet<Place> {
        let at = |n: u128| START + apart.times(n as u32);
        (0..count).map(|n| (at(n), MessageId(n + 1))).collect()
    }

    /// Rings all alarms of a store, without a regular look after the first; how late the latest
    /// one was, looking every millisecond, and how often any rang.
    fn ring(mut stored: BTreeSet<Place>, capacity: usize) -> (Span, usize) {
        let timers = Timers::new(capacity);
        let (mut latest, mut rung, mut now) = (Span::ZERO, 0, START);
        let _ = timers.begin_look(now);
        look(&timers, &stored, None);
        while !stored.is_empty() && now < START + HORIZON {
            assert!(timers.len() <= capacity);
            if timers.has_room_again() {
                let left = timers.begin_look(now);
                look(&timers, &stored, left.map(before));
            }
            for (_, id) in timers.take_due(now).0 {
                rung += 1;
                let place = stored.iter().find(|place| place.1 == id).copied().expect("it rings once");
                latest = latest.max(now.since(place.0));
                stored.remove(&place);
            }
            now = now + Span::from_millis(1);
        }
        assert!(stored.is_empty(), "{} never rang", stored.len());
        (latest, rung)
    }

    #[test]
    fn more_alarms_than_there_is_room_for_ring_in_time_and_once() {
        assert_eq!(ring(alarms(500, Span::from_millis(20)), 16), (Span::ZERO, 500));
    }

    #[test]
    fn a_crowd_of_alarms_at_one_instant_rings_as_fast_as_there_is_room() {
        let (latest, rung) = ring(alarms(160, Span::ZERO), 16);
        assert_eq!(rung, 160);
        assert!(latest <= Span::from_millis(10), "{latest:?}");
    }

    #[test]
    fn an_alarm_that_comes_before_what_was_left_is_not_forgotten() {
        let timers = Timers::new(2);
        let _ = timers.begin_look(START);
        let at = |seconds| START + Span::from_secs(seconds);
        for (seconds, id) in [(9, 9), (5, 5), (1, 1), (7, 7), (3, 3)] {
            timers.set(MessageId(id), Some(at(seconds)));
        }
        assert_eq!(
            timers.take_due(at(3)).0.iter().map(|(_, id)| *id).collect::<Vec<_>>(),
            [MessageId(1), MessageId(3)]
        );
        assert!(timers.has_room_again());
        assert_eq!(timers.begin_look(at(3)), Some((at(5), MessageId(5))));
    }

    /// Whether somebody who sleeps until the first alarm is woken.
    fn rings(timers: &Timers) -> bool {
        use futures_util::FutureExt;
        timers.changed.notified().now_or_never().is_some()
    }

    #[test]
    fn only_an_alarm_earlier_than_the_first_wakes_who_sleeps_until_that() {
        let timers = Timers::new(10);
        let _ = timers.begin_look(START);
        let at = |seconds| Some(START + Span::from_secs(seconds));
        timers.set(MessageId(1), at(20));
        assert!(rings(&timers), "the first of all");
        timers.set(MessageId(2), at(30));
        assert!(!rings(&timers), "a later one");
        timers.set(MessageId(2), at(10));
        assert!(rings(&timers), "moved before the first");
        timers.set(MessageId(2), None);
        assert!(!rings(&timers), "the first is gone");
        timers.set(MessageId(1), at(40));
        assert!(!rings(&timers), "the first is later");
        timers.set(MessageId(1), None);
        timers.set(MessageId(3), at(5));
        assert!(rings(&timers), "one after there was none");
    }
}
