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
}

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
        if let Some(at) = at.filter(|at| *at < inner.horizon) {
            if inner.queue.len() >= self.capacity {
                // The latest gives way; the store finds it when its time comes near.
                if let Some(last) = inner.queue.last().copied().filter(|last| last.0 > at) {
                    inner.remove(last.1);
                    inner.horizon = last.0;
                } else {
                    inner.horizon = at;
                    return;
                }
            }
            inner.queue.insert((at, id));
            inner.by_id.insert(id, at);
        }
        if inner.queue.first().copied() != earliest {
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

    fn take_due(&self, now: Time) -> (Vec<MessageId>, Option<Time>) {
        let mut inner = self.lock();
        let mut due = Vec::new();
        while let Some((_, id)) = inner.queue.first().copied().filter(|(at, _)| *at <= now) {
            inner.remove(id);
            due.push(id);
        }
        (due, inner.queue.first().map(|(at, _)| *at))
    }

    /// Rings alarms until `stop`.
    pub async fn run(core: Arc<Core>, stop: CancellationToken) {
        let mut rescan_at = Time::default();
        loop {
            let now = clock::now();
            if now >= rescan_at {
                rescan_at = now + RESCAN;
                core.timers.rescan(&core, now).await;
            }
            let (due, next) = core.timers.take_due(clock::now());
            for id in due {
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

    /// Moves the horizon and reads the alarms that came into it. The horizon moves first, so that
    /// an alarm saved meanwhile is set directly.
    async fn rescan(&self, core: &Core, now: Time) {
        let horizon = now + HORIZON;
        self.lock().horizon = horizon;
        let mut after = None;
        loop {
            let page = match core.store.due(horizon, after, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "alarms could not be read");
                    return;
                }
            };
            for (at, id) in &page {
                let known = self.lock().by_id.contains_key(id);
                if !known {
                    self.set(*id, Some(*at));
                }
            }
            after = page.last().copied();
            if page.len() < PAGE || self.len() >= self.capacity {
                return;
            }
        }
    }
}

impl Inner {
    fn remove(&mut self, id: MessageId) {
        if let Some(at) = self.by_id.remove(&id) {
            self.queue.remove(&(at, id));
        }
    }
}
