//! The world of the sandbox: handsets, messages under way, and the one lock around them.

mod log;
pub(crate) mod record;
pub(crate) mod state;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io,
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use crate::clock::{Clock, Millis};

use self::{
    log::Log,
    record::{Action, Id, Job, Record},
    state::State,
};

/// State, log and timers.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    inner: Mutex<Inner>,
    last_id: AtomicU64,
    sooner: Notify,
}

#[derive(Debug)]
struct Inner {
    state: State,
    log: Option<Log>,
    timers: BinaryHeap<Reverse<(Millis, Id)>>,
}

impl World {
    /// Opens the world of a data folder, or an empty one that nobody will remember.
    pub(crate) fn open(clock: Clock, folder: Option<&Path>) -> io::Result<Self> {
        let (log, state) = match folder {
            Some(folder) => Log::open(folder).map(|(log, state)| (Some(log), state))?,
            None => (None, State::default()),
        };
        let timers = state.jobs.values().map(|job| Reverse((job.due, job.id))).collect();
        let last_id = AtomicU64::new(state.last_id);
        let inner = Mutex::new(Inner { state, log, timers });
        Ok(Self { clock, inner, last_id, sooner: Notify::new() })
    }

    /// A number that was never used before.
    pub(crate) fn fresh_id(&self) -> Id {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A job that starts `delay` milliseconds of network time after `from`.
    pub(crate) fn job(&self, message: Id, from: Millis, delay: u64, action: Action) -> Record {
        let due = from + self.clock.span(delay);
        Record::Planned(Job { id: self.fresh_id(), message, due, action })
    }

    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock().state)
    }

    /// Decides on changes and makes them, in one step; they are in the log when this returns.
    pub(crate) fn change<T>(&self, decide: impl FnOnce(&State) -> (Vec<Record>, T)) -> T {
        let mut inner = self.lock();
        let (records, result) = decide(&inner.state);
        inner.commit(records);
        drop(inner);
        self.sooner.notify_one();
        result
    }

    /// Makes changes.
    pub(crate) fn commit(&self, records: Vec<Record>) {
        self.change(|_| (records, ()));
    }

    /// The jobs that are due; each is given once until the next start.
    pub(crate) fn due(&self, now: Millis, most: usize) -> Vec<Job> {
        let mut inner = self.lock();
        let mut due = Vec::new();
        while due.len() < most
            && let Some(Reverse((at, id))) = inner.timers.peek().copied()
            && at <= now
        {
            inner.timers.pop();
            due.extend(inner.state.jobs.get(&id).cloned());
        }
        due
    }

    /// When the next job is due.
    pub(crate) fn next_due(&self) -> Option<Millis> {
        self.lock().timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Waits until something was scheduled.
    pub(crate) async fn scheduled(&self) {
        self.sooner.notified().await;
    }

    /// Whether the job still stands.
    pub(crate) fn stands(&self, job: Id) -> bool {
        self.read(|state| state.jobs.contains_key(&job))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn commit(&mut self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        if let Some(log) = &mut self.log
            && let Err(error) = log.append(&records)
        {
            tracing::error!(%error, "the sandbox log cannot be written; changes will not survive a restart");
        }
        for record in records {
            if let Record::Planned(job) = &record {
                self.timers.push(Reverse((job.due, job.id)));
            }
            self.state.apply(record);
        }
        if let Some(log) = &mut self.log
            && let Err(error) = log.tidy(&self.state)
        {
            tracing::error!(%error, "the sandbox log cannot be compacted");
        }
    }
}
