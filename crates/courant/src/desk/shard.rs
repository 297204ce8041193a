//! Carries events to messages. Each message belongs to one shard, whose task takes its events in
//! order: load, handle, save with a version check, then act.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use engine::{Command, Event};
use model::{AttemptId, Cause, MessageId, Span, Time};
use store::{Change, Record, StoreError, Verdict};
use tokio::sync::{mpsc, oneshot};

use super::{orphans::HandOver, transition::Transition};
use crate::{
    clock,
    core::Core,
    dispatch::Permit,
    mediadesk::prepare::{self, Readiness},
    outbound,
};

/// Jobs taken together at most.
const BATCH: usize = 512;
/// Jobs waiting per shard at most; senders wait beyond.
const QUEUE: usize = 8192;
/// Pause before a save is tried again when the store cannot take it.
const STORE_PAUSE: Span = Span::from_millis(100);

/// Hears whether an event is stored.
pub type Done = oneshot::Sender<Result<(), StoreError>>;

/// Something for a message.
#[derive(Debug)]
pub enum Job {
    /// The message was just inserted: keep it at hand.
    Seed(Record),
    /// An event. Without `done` it is never dropped, however long the store cannot take it.
    Event {
        /// Which message.
        id: MessageId,
        /// What happened.
        event: Event,
        /// Who waits for it to be stored.
        done: Option<Done>,
    },
    /// A network answered a hand-over; never dropped either.
    Answered {
        /// Which message.
        id: MessageId,
        /// What it answered.
        event: Event,
        /// The hand-over stays open until the answer is stored.
        open: Arc<HandOver>,
    },
    /// The dispatcher has capacity for the message's queued attempt.
    Take {
        /// Which message.
        id: MessageId,
        /// The capacity.
        permit: Permit,
    },
    /// The last process ended with a hand-over of this message open, unless it is one of ours.
    Lost {
        /// Which message.
        id: MessageId,
    },
    /// A note for people.
    Note {
        /// Which message.
        id: MessageId,
        /// By which part.
        by: &'static str,
        /// The text.
        text: String,
    },
}

impl Job {
    fn id(&self) -> MessageId {
        match self {
            Self::Seed(record) => record.message.id,
            Self::Event { id, .. }
            | Self::Answered { id, .. }
            | Self::Take { id, .. }
            | Self::Lost { id }
            | Self::Note { id, .. } => *id,
        }
    }
}

/// The ways into the shards.
#[derive(Debug)]
pub struct Shards {
    senders: Vec<mpsc::Sender<Job>>,
}

/// The other ends, for [`run`].
pub type Receivers = Vec<mpsc::Receiver<Job>>;

impl Shards {
    /// So many shards.
    #[must_use]
    pub fn new(count: usize) -> (Self, Receivers) {
        let (senders, receivers) = (0..count).map(|_| mpsc::channel(QUEUE)).unzip();
        (Self { senders }, receivers)
    }

    /// Sends a job to its message's shard; waits if the shard has too much to do.
    pub async fn send(&self, job: Job) {
        let index = (job.id().0 % self.senders.len() as u128) as usize;
        // A closed shard means that the program ends; what is stored is found again at the start.
        let _ = self.senders[index].send(job).await;
    }

    /// How many jobs wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.senders.iter().map(|sender| sender.max_capacity() - sender.capacity()).sum()
    }

    /// Sends an event that must not be lost while the program runs.
    pub async fn event(&self, id: MessageId, event: Event) {
        self.send(Job::Event { id, event, done: None }).await;
    }

    /// Rings the alarm of a message.
    pub async fn wake(&self, id: MessageId) {
        self.event(id, Event::Woken).await;
    }

    /// Sends an event and returns a way to hear whether it is stored.
    pub async fn event_stored(
        &self,
        id: MessageId,
        event: Event,
    ) -> oneshot::Receiver<Result<(), StoreError>> {
        let (done, stored) = oneshot::channel();
        self.send(Job::Event { id, event, done: Some(done) }).await;
        stored
    }
}

/// Runs one shard until all its senders are gone.
pub async fn run(core: Arc<Core>, mut jobs: mpsc::Receiver<Job>) {
    let mut shard = Shard {
        cache: Cache::new(core.config.limits.cached_messages / core.shards.senders.len().max(1)),
        core,
    };
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        let before = shard.cache.records.len();
        shard.work_off(std::mem::take(&mut batch)).await;
        let (grown, cached) = (shard.cache.records.len() as i64 - before as i64, &shard.core.metrics.cached);
        cached.inc_by(grown);
    }
}

struct Shard {
    core: Arc<Core>,
    cache: Cache,
}

/// A message being worked on, and who waits for it.
struct Work {
    transition: Transition,
    permits: Vec<Permit>,
    waiting: Vec<Done>,
    /// Closed when this is stored.
    hand_overs: Vec<Arc<HandOver>>,
}

impl Shard {
    /// Works off jobs; those that lost a race for their message are done again, those that the
    /// store cannot take now are kept until it can, unless somebody waits who can be told no.
    async fn work_off(&mut self, mut jobs: Vec<Job>) {
        while !jobs.is_empty() {
            let replay = replayable(&jobs);
            let works = self.gather(jobs).await;
            jobs = match self.save(works).await {
                Saved::All => Vec::new(),
                Saved::Conflicts(ids) => again(replay, |id| ids.contains(&id)),
                Saved::Nothing => {
                    tokio::time::sleep(STORE_PAUSE.to_std()).await;
                    again(replay, |_| true)
                }
            };
        }
    }

    /// Lets every message take its events, in order.
    async fn gather(&mut self, jobs: Vec<Job>) -> Vec<Work> {
        let mut works: Vec<Work> = Vec::new();
        let mut places: HashMap<MessageId, usize> = HashMap::new();
        let jobs = self.plant(jobs);
        let mut fetched = match self.fetch(&jobs).await {
            Ok(fetched) => fetched,
            Err(error) => {
                jobs.into_iter().for_each(|job| refuse(job, &error));
                return works;
            }
        };
        for job in jobs {
            let id = job.id();
            let place = if let Some(place) = places.get(&id) {
                *place
            } else {
                let Some(record) = self.cache.take(id).or_else(|| fetched.remove(&id)) else {
                    forget(job);
                    continue;
                };
                works.push(Work {
                    transition: Transition::new(record),
                    permits: Vec::new(),
                    waiting: Vec::new(),
                    hand_overs: Vec::new(),
                });
                places.insert(id, works.len() - 1);
                works.len() - 1
            };
            works[place].take(&self.core, job);
        }
        works
    }

    /// Puts newly inserted messages at hand; their events come after them.
    fn plant(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let mut rest = Vec::with_capacity(jobs.len());
        for job in jobs {
            match job {
                // Somebody may have loaded it, and gone on with it, before this came.
                Job::Seed(record) if self.cache.knows(record.message.id) => {}
                Job::Seed(record) => self.cache.insert(record),
                Job::Event { .. }
                | Job::Answered { .. }
                | Job::Take { .. }
                | Job::Lost { .. }
                | Job::Note { .. } => rest.push(job),
            }
        }
        rest
    }

    /// Reads what is not at hand. It is not put there before it is worked on, because that could
    /// push out what is, and is wanted as well.
    async fn fetch(&self, jobs: &[Job]) -> Result<HashMap<MessageId, Record>, StoreError> {
        let mut missing: Vec<MessageId> =
            jobs.iter().map(Job::id).filter(|id| !self.cache.contains(*id)).collect();
        missing.sort_unstable();
        missing.dedup();
        while !missing.is_empty() {
            match self.core.store.load(missing.clone()).await {
                Ok(records) => {
                    let named = records.into_iter().flatten().map(|record| (record.message.id, record));
                    return Ok(named.collect());
                }
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) => {
                    tracing::warn!(%error, "messages could not be read; trying again");
                    tokio::time::sleep(STORE_PAUSE.to_std()).await;
                }
            }
        }
        Ok(HashMap::new())
    }

    async fn save(&mut self, works: Vec<Work>) -> Saved {
        let (mut changed, unchanged): (Vec<_>, Vec<_>) =
            works.into_iter().partition(|work| work.transition.changed());
        for work in unchanged {
            self.finish(work);
        }
        if changed.is_empty() {
            return Saved::All;
        }
        let changes = changed.iter_mut().map(|work| Change::Update(work.transition.update())).collect();
        match self.core.store.commit(changes).await {
            Ok(verdicts) => self.settle_verdicts(changed, verdicts),
            Err(error) => {
                tracing::warn!(%error, messages = changed.len(), "not saved");
                for waiting in changed.into_iter().flat_map(|work| work.waiting) {
                    let _ = waiting.send(Err(error.clone()));
                }
                if matches!(error, StoreError::Closed) { Saved::All } else { Saved::Nothing }
            }
        }
    }

    fn settle_verdicts(&mut self, works: Vec<Work>, verdicts: Vec<Verdict>) -> Saved {
        let mut conflicts = Vec::new();
        let mut calls_back = false;
        for (mut work, verdict) in works.into_iter().zip(verdicts) {
            if verdict == Verdict::Applied {
                calls_back |= work.transition.calls_back();
                work.transition.record.version += 1;
                self.act(&mut work);
                self.finish(work);
            } else {
                self.core.metrics.conflicts.inc();
                conflicts.push(work.transition.record.message.id);
                for waiting in work.waiting {
                    let _ = waiting.send(Err(StoreError::Busy));
                }
            }
        }
        self.core.news.send_replace(());
        if calls_back {
            self.core.outbox.notify_one();
        }
        if conflicts.is_empty() { Saved::All } else { Saved::Conflicts(conflicts) }
    }

    fn act(&self, work: &mut Work) {
        let record = &work.transition.record;
        self.core.timers.set(record.message.id, record.state.wake_at());
        for command in std::mem::take(&mut work.transition.commands) {
            perform(&self.core, record, command, &mut work.permits);
        }
    }

    fn finish(&mut self, work: Work) {
        for waiting in work.waiting {
            let _ = waiting.send(Ok(()));
        }
        // A permit that no hand-over used goes back here.
        drop(work.permits);
        self.cache.insert(work.transition.record);
    }
}

enum Saved {
    All,
    Conflicts(Vec<MessageId>),
    Nothing,
}

/// Carries out one command of a saved message.
pub fn perform(core: &Arc<Core>, record: &Record, command: Command, permits: &mut Vec<Permit>) {
    match command {
        Command::Enqueue { attempt, route, not_before } => {
            core.dispatcher.enqueue(record, attempt, &route, not_before);
        }
        // Taken and settled (cancelled, say) in one save: a settled message never sends.
        Command::Send { .. } if record.state.is_settled() => {}
        Command::Send { attempt, route, give_up_at } => {
            let permit = permits.pop();
            outbound::spawn_send(core, record, attempt, route, give_up_at, permit);
        }
        Command::Recall { attempt, route } => outbound::spawn_recall(core, record, attempt, route),
        Command::Settle => settled(core, record),
        Command::Notify(_) => {}
    }
}

fn settled(core: &Core, record: &Record) {
    core.metrics.settled(record);
    let status = record.state.status();
    tracing::debug!(
        message_id = %record.message.id,
        status = status.as_str(),
        cause = status.cause().map(model::Cause::as_str),
        "settled"
    );
    if let Some(trace) = core.traces.of(&record.message) {
        trace.settled(record);
    }
    if let Some(step) = record.message.plan().step(record.state.deciding_step()) {
        core.stats.settled(clock::now(), &record.message.account, step.channel, record.state.status());
    }
}

/// What must be done again if it is not saved: everything that nobody can be told no for.
fn replayable(jobs: &[Job]) -> Vec<Job> {
    jobs.iter()
        .filter_map(|job| match job {
            Job::Event { id, event, done: None } => {
                Some(Job::Event { id: *id, event: event.clone(), done: None })
            }
            Job::Answered { id, event, open } => {
                Some(Job::Answered { id: *id, event: event.clone(), open: Arc::clone(open) })
            }
            Job::Note { id, by, text } => Some(Job::Note { id: *id, by, text: text.clone() }),
            Job::Lost { id } => Some(Job::Lost { id: *id }),
            // A seed is in the cache or the store; a take is offered again by the dispatcher.
            Job::Seed(_) | Job::Take { .. } | Job::Event { done: Some(_), .. } => None,
        })
        .collect()
}

fn again(jobs: Vec<Job>, wanted: impl Fn(MessageId) -> bool) -> Vec<Job> {
    jobs.into_iter().filter(|job| wanted(job.id())).collect()
}

/// The message is gone (removed after its retention): whoever waits has nothing to wait for.
fn forget(job: Job) {
    if let Job::Event { done: Some(done), .. } = job {
        let _ = done.send(Ok(()));
    }
}

/// The message cannot be read any more: whoever waits is told that nothing was stored.
fn refuse(job: Job, error: &StoreError) {
    if let Job::Event { done: Some(done), .. } = job {
        let _ = done.send(Err(error.clone()));
    }
}

impl Work {
    fn take(&mut self, core: &Arc<Core>, job: Job) {
        let now = clock::now();
        match job {
            Job::Seed(_) => {}
            Job::Event { event, done, .. } => {
                self.transition.apply(core, now, event);
                self.waiting.extend(done);
            }
            Job::Answered { event, open, .. } => {
                self.transition.apply(core, now, event);
                self.hand_overs.push(open);
            }
            Job::Note { by, text, .. } => self.transition.note(now, by, text),
            Job::Take { permit, .. } => self.take_over(core, now, permit),
            Job::Lost { .. } => self.lose(core, now),
        }
    }

    /// The answer to a hand-over of an earlier process will not come.
    fn lose(&mut self, core: &Arc<Core>, now: Time) {
        let Some((step, attempt)) = self.transition.record.state.in_flight() else { return };
        let attempt = AttemptId { message: self.transition.record.message.id, step, attempt };
        // One taken just now is not open yet, but it has a permit.
        if self.permits.is_empty() && !core.open.holds(attempt) {
            self.transition.apply(core, now, Event::Refused { attempt, fault: Cause::OutcomeUnknown.into() });
        }
    }

    /// The queued attempt leaves the queue, if it still is in one, and in the permit's route.
    fn take_over(&mut self, core: &Arc<Core>, now: Time, permit: Permit) {
        let record = &self.transition.record;
        let Some(queued) = record.state.queued().filter(|queued| queued.route == *permit.route()) else {
            return;
        };
        if queued.not_before > now {
            core.dispatcher.enqueue(record, queued.attempt, &queued.route, queued.not_before);
            return;
        }
        let notes = match prepare::readiness(core, record, queued.attempt, &queued.route) {
            Readiness::Go(notes) => notes,
            Readiness::Preparing => return permit.unused(),
            Readiness::Crowded(wait) => {
                core.dispatcher.put_off(record, queued.attempt, &queued.route, now + wait);
                return permit.unused();
            }
        };
        notes.into_iter().for_each(|text| self.transition.note(now, "media", text));
        let record = &self.transition.record;
        if let Err(wait) = core.dispatcher.pair(record, queued.attempt, &queued.route, now) {
            core.dispatcher.put_off(record, queued.attempt, &queued.route, now + wait);
            permit.unused();
            return;
        }
        self.transition.apply(core, now, Event::Taken { attempt: queued.attempt });
        self.permits.push(permit);
    }
}

/// Records at hand, oldest forgotten first.
struct Cache {
    /// `None` while the record is being worked on.
    records: HashMap<MessageId, Option<Record>>,
    /// The order of forgetting; may name some that are forgotten already.
    order: VecDeque<MessageId>,
    /// Settled ones. Little happens to them any more, so that few are kept.
    settled: VecDeque<MessageId>,
    capacity: usize,
}

/// Of so many records at hand, one may be settled.
const SETTLED_SHARE: usize = 8;

impl Cache {
    fn new(capacity: usize) -> Self {
        let (order, settled) = (VecDeque::new(), VecDeque::new());
        Self { records: HashMap::new(), order, settled, capacity: capacity.max(BATCH) }
    }

    fn contains(&self, id: MessageId) -> bool {
        matches!(self.records.get(&id), Some(Some(_)))
    }

    /// Whether it is at hand or being worked on.
    fn knows(&self, id: MessageId) -> bool {
        self.records.contains_key(&id)
    }

    /// Takes a record out; its place in the order of forgetting stays.
    fn take(&mut self, id: MessageId) -> Option<Record> {
        self.records.get_mut(&id)?.take()
    }

    fn insert(&mut self, record: Record) {
        let id = record.message.id;
        let settled = record.state.is_settled();
        if self.records.insert(id, Some(record)).is_none() {
            self.order.push_back(id);
        }
        if settled {
            self.settled.push_back(id);
        }
        self.forget_settled();
        while self.records.len() > self.capacity {
            let Some(oldest) = self.order.pop_front() else { return };
            self.records.remove(&oldest);
        }
    }

    fn forget_settled(&mut self) {
        while self.settled.len() > self.capacity / SETTLED_SHARE {
            let Some(oldest) = self.settled.pop_front() else { return };
            if self.contains(oldest) {
                self.records.remove(&oldest);
            }
        }
        // What was forgotten so still has its place in the order.
        if self.order.len() > 2 * self.capacity {
            let records = &self.records;
            self.order.retain(|id| records.contains_key(id));
        }
    }
}
