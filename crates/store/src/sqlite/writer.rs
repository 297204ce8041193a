//! The one thread that decides and answers. While it waits for the disk, the next changes gather;
//! it then takes all of them into one record of the journal, so that the price of a sync is shared
//! by as many as are waiting.
//!
//! What is decided is in [`Pending`] until the [`super::applier`] has brought it into the
//! database, a generation at a time. Changes that only the database can decide (money, documents,
//! reports handed out) have a slower way: first everything pending is applied, then they are, in a
//! transaction of their own. So does everything when the disk has little room left, because what
//! is answered must find room in the database later.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    applier::{Applier, Task},
    counters::Counters,
    decide::Decider,
    encode::Load,
    failure, generation,
    journal::{Journal, Record, explain},
    pending::{Generation, Pending},
    remove,
};
use crate::{Fresh, StoreError, Verdict};

/// Bounds of one group; a single commit larger than them has one of its own.
const GROUP_WEIGHT: u64 = 4096;
const GROUP_BYTES: u64 = 8 << 20;

/// Under load, a record of the journal is begun this long after the one before at the earliest, so
/// that a sync serves more changes.
const PACE: Duration = Duration::from_millis(1);
/// This many changes in one record are load.
const LOAD: u64 = 8;

/// How long a change waits before the database is brought up to date. Long enough that what
/// follows at once (the network's answer, the receiver's confirmation) is one change with it.
const PATIENCE: Duration = Duration::from_millis(250);

/// A generation this large is applied at once.
const GENERATION_WEIGHT: u64 = 4096;
const GENERATION_BYTES: u64 = 16 << 20;

/// With less room than this, beyond what is pending, nothing is answered before it is in the
/// database.
const LITTLE_ROOM: u64 = 64 << 20;
/// What a byte of a change may come to in the database and its log, at most.
const SPREAD: u64 = 4;

/// After this long without work, the log is emptied and free pages are given back.
const IDLE: Duration = Duration::from_secs(2);

/// How long until applying is tried again after it failed.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// Work for the writer.
#[derive(Debug)]
pub(super) enum Job {
    Commit(Load, Answer<Vec<Verdict>>),
    /// Everything answered is to be in the database.
    Settle(Answer<()>),
    Remove(remove::Removal, Answer<remove::Removed>),
    /// The database may have this many pages.
    MaxPages(i64, Answer<()>),
    /// From the applier: what became of the generation.
    Applied(Result<u64, StoreError>),
    Close(Option<Answer<()>>),
    /// The next record of the journal cannot be written.
    #[cfg(test)]
    Break,
}

/// A commit with its answer.
type Taken = (Load, Answer<Vec<Verdict>>);

/// What the writer shares with those who read.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pending: Mutex<Pending>,
    /// The newest record of the journal that is synced.
    pub(super) durable: AtomicU64,
    /// Callbacks that commits made due and nobody asked for yet.
    pub(super) fresh: Mutex<Fresh>,
}

impl Shared {
    pub(super) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fresh(&self) -> MutexGuard<'_, Fresh> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How it stands with applying.
#[derive(Clone, Debug)]
enum Applying {
    /// Nothing is being applied.
    Idle,
    /// The applier has a generation.
    Busy,
    /// The generation could not be applied, and still has to be.
    Failed(StoreError, Instant),
}

/// The state of the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) jobs: Receiver<Job>,
    /// To itself, for the applier.
    pub(super) own: Sender<Job>,
    pub(super) applier: Sender<Task>,
    pub(super) applier_thread: JoinHandle<()>,
    pub(super) shared: Arc<Shared>,
    pub(super) counters: Arc<Counters>,
    pub(super) journal: Journal,
    pub(super) decider: Decider,
    pub(super) dialects: &'static [&'static str],
    pub(super) delay: Duration,
    /// Received while waiting for the applier.
    held: VecDeque<Job>,
    applying: Applying,
    /// Since when the current generation has something.
    since: Option<Instant>,
    /// Who waits until a record is in the database.
    settling: Vec<(u64, Answer<()>)>,
    /// How much the database may still grow, in bytes.
    room: u64,
    /// Not before then is the next record begun.
    paced: Instant,
}

/// What a writer is made of.
pub(super) struct Parts {
    pub(super) jobs: Receiver<Job>,
    pub(super) own: Sender<Job>,
    pub(super) applier: Sender<Task>,
    pub(super) applier_thread: JoinHandle<()>,
    pub(super) shared: Arc<Shared>,
    pub(super) counters: Arc<Counters>,
    pub(super) journal: Journal,
    pub(super) decider: Decider,
    pub(super) dialects: &'static [&'static str],
    pub(super) delay: Duration,
}

impl Writer {
    /// Takes up where the journal ends: all that it has is brought into the database, or is
    /// pending if there is no room.
    ///
    /// # Errors
    /// If the journal cannot be read, or does not belong to the database.
    pub(super) fn begin(parts: Parts, newest: u64) -> Result<Self, StoreError> {
        let Parts { jobs, own, applier, applier_thread, shared, counters, journal, decider, dialects, delay } =
            parts;
        let mut writer = Self {
            jobs,
            own,
            applier,
            applier_thread,
            shared,
            counters,
            journal,
            decider,
            dialects,
            delay,
            held: VecDeque::new(),
            applying: Applying::Idle,
            since: None,
            settling: Vec::new(),
            room: 0,
            paced: Instant::now(),
        };
        writer.recover(newest, None)?;
        Ok(writer)
    }

    /// Works until told to close.
    pub(super) fn run(mut self) {
        let mut dirty = true;
        loop {
            match self.next() {
                Ok(Job::Commit(load, answer)) => {
                    self.group(load, answer);
                    dirty = true;
                }
                Ok(Job::Settle(answer)) => self.settle(answer),
                Ok(Job::Remove(removal, answer)) => {
                    let removed = self.flush().and_then(|()| self.ask(move |it| it.remove(&removal))?);
                    send(answer, removed);
                    dirty = true;
                }
                Ok(Job::MaxPages(pages, answer)) => {
                    let limited = self.flush().and_then(|()| self.ask(move |it| it.limit(pages))?);
                    self.look_for_room();
                    send(answer, limited);
                }
                Ok(Job::Applied(result)) => self.applied(result),
                Ok(Job::Close(answer)) => return self.close(answer),
                #[cfg(test)]
                Ok(Job::Break) => self.journal.break_next(),
                Err(RecvTimeoutError::Timeout) if self.is_due() => self.apply(),
                Err(RecvTimeoutError::Timeout) if dirty && self.shared.pending().is_empty() => {
                    self.look_for_room();
                    let _ = self.applier.send(Box::new(|it| it.tidy()));
                    dirty = false;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn next(&mut self) -> Result<Job, RecvTimeoutError> {
        match self.held.pop_front() {
            Some(job) => Ok(job),
            None => self.jobs.recv_timeout(self.nap()),
        }
    }

    /// How long there is nothing to do unless somebody asks.
    fn nap(&self) -> Duration {
        match &self.applying {
            Applying::Idle => self.since.map_or(IDLE, |since| PATIENCE.saturating_sub(since.elapsed())),
            Applying::Busy => IDLE,
            Applying::Failed(_, at) => AGAIN.saturating_sub(at.elapsed()),
        }
    }

    fn is_due(&self) -> bool {
        match &self.applying {
            Applying::Idle => self.since.is_some_and(|since| since.elapsed() >= PATIENCE),
            Applying::Busy => false,
            Applying::Failed(_, at) => at.elapsed() >= AGAIN,
        }
    }

    /// Commits this and whatever else waits.
    fn group(&mut self, load: Load, answer: Answer<Vec<Verdict>>) {
        let pause = self.delay.max(self.paced.saturating_duration_since(Instant::now()));
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
        let (mut weight, mut bytes) = (load.weight, load.bytes);
        let mut quick = load.is_quick();
        let mut group = vec![(load, answer)];
        while weight < GROUP_WEIGHT && bytes < GROUP_BYTES {
            match self.held.pop_front().or_else(|| self.jobs.try_recv().ok()) {
                Some(Job::Commit(load, answer)) if load.is_quick() == quick => {
                    weight += load.weight;
                    bytes += load.bytes;
                    group.push((load, answer));
                }
                Some(Job::Applied(result)) => self.applied(result),
                Some(other) => {
                    self.held.push_front(other);
                    break;
                }
                None => break,
            }
        }
        if weight >= LOAD {
            self.paced = Instant::now() + PACE;
        }
        quick &= self.has_room(bytes);
        if quick { self.commit_quick(group) } else { self.commit_slow(group) }
    }

    /// Whether the database will surely have room for all that is pending and for so much more.
    fn has_room(&self, bytes: u64) -> bool {
        let pending: u64 = self.shared.pending().generations().map(|generation| generation.bytes).sum();
        self.room > LITTLE_ROOM.saturating_add((pending + bytes).saturating_mul(SPREAD))
    }

    /// Decides, writes the journal, answers.
    fn commit_quick(&mut self, group: Vec<Taken>) {
        let begun = Instant::now();
        let bytes = group.iter().map(|(load, _)| load.record_bytes()).sum();
        let ready = self.make_way().and_then(|()| self.journal.make_room(bytes).map_err(explain));
        if let Err(error) = ready {
            self.counters.count(begun, false);
            return self.refuse(group, &error);
        }
        let (answers, decided) = self.decide(group);
        self.decider.look_away();
        let recorded = decided.and_then(|verdicts| self.record().map(|()| verdicts));
        self.counters.count(begun, recorded.is_ok());
        match recorded {
            Ok(verdicts) => {
                self.counters.commit_sizes.add(answers.iter().map(|answer| answer.weight).sum());
                for (answer, verdicts) in answers.into_iter().zip(verdicts) {
                    self.answer(answer, verdicts);
                }
                if matches!(self.applying, Applying::Idle) && self.is_large() {
                    self.apply();
                }
            }
            Err(error) => {
                tracing::error!(%error, "the journal could not be written");
                let record = self.decider.record;
                for answer in answers {
                    self.answer(answer, Err(error.clone()));
                }
                self.start_over(record);
            }
        }
    }

    /// Forgets what is pending, and takes it up from the journal again without the refused record.
    fn start_over(&mut self, refused: u64) {
        // What is being applied stays so; if it failed, it is in the journal too.
        let _ = self.wait_applied();
        let newest = self.ask(|it| generation::newest(&it.connection).map_err(failure));
        let again = newest.and_then(|newest| self.recover(newest?, Some(refused)));
        if let Err(error) = again {
            tracing::error!(%error, "the store could not go on after that");
            self.applying = Applying::Failed(error, Instant::now());
        }
    }

    /// Waits until the pending generations leave room for another group; an error if they cannot
    /// be applied.
    fn make_way(&mut self) -> Result<(), StoreError> {
        if let Applying::Failed(..) = self.applying {
            self.apply();
            self.wait_applied()?;
        }
        if self.is_large() {
            if let Applying::Busy = self.applying {
                self.wait_applied()?;
            }
            self.apply();
        }
        Ok(())
    }

    fn is_large(&self) -> bool {
        let pending = self.shared.pending();
        pending.current.weight >= GENERATION_WEIGHT || pending.current.bytes >= GENERATION_BYTES
    }

    /// Decides about all of a group; the journal's record is ready to be written then.
    fn decide(&mut self, group: Vec<Taken>) -> (Vec<Waiting>, Decided) {
        let shared = Arc::clone(&self.shared);
        let mut pending = shared.pending();
        self.decider.record = shared.durable.load(Relaxed) + 1;
        self.journal.begin(self.decider.record, self.decider.numbers);
        let (mut answers, mut all) = (Vec::with_capacity(group.len()), Vec::with_capacity(group.len()));
        let mut failed = None;
        for (load, answer) in group {
            answers.push(Waiting { weight: load.weight, bytes: load.bytes, answer });
            if failed.is_some() {
                continue;
            }
            match self.decide_one(&mut pending, load) {
                Ok(verdicts) => all.push(verdicts),
                Err(error) => failed = Some(error),
            }
        }
        (answers, failed.map_or(Ok(all), Err))
    }

    /// Decides about one commit. The outer error is the store's, the inner one the commit's.
    fn decide_one(&mut self, pending: &mut Pending, load: Load) -> Result<Outcome, StoreError> {
        if let Err(mistake) = self.decider.check(pending, &load) {
            return Ok(Err(mistake));
        }
        let mut verdicts = Vec::with_capacity(load.changes.len());
        for prepared in load.changes {
            let record = &load.records[prepared.record.unwrap_or_default()];
            let (weight, bytes) = (prepared.weight, prepared.bytes);
            let verdict = self.decider.decide(pending, prepared.change).map_err(failure)?;
            if verdict == Verdict::Applied {
                self.journal.add(record);
                pending.current.weight += weight;
                pending.current.bytes += bytes;
                pending.current.last = self.decider.record;
            }
            verdicts.push(verdict);
        }
        Ok(Ok(verdicts))
    }

    /// Makes what was decided durable, and tells of it.
    fn record(&mut self) -> Result<(), StoreError> {
        if self.journal.is_blank() {
            return Ok(());
        }
        let begun = Instant::now();
        self.journal.append().map_err(explain)?;
        self.counters.sync_times.add(begun.elapsed().as_micros() as u64);
        self.shared.durable.store(self.decider.record, Relaxed);
        self.since.get_or_insert(begun);
        let fresh = std::mem::take(&mut self.decider.fresh);
        self.shared.fresh().append(fresh);
        Ok(())
    }

    /// Lets the database decide, and write at once.
    fn commit_slow(&mut self, group: Vec<Taken>) {
        if let Err(error) = self.flush() {
            self.counters.count(Instant::now(), false);
            return self.refuse(group, &error);
        }
        let (loads, answers): (Vec<Load>, Vec<Waiting>) = group
            .into_iter()
            .map(|(load, answer)| {
                let (weight, bytes) = (load.weight, load.bytes);
                (load, Waiting { weight, bytes, answer })
            })
            .unzip();
        self.commit_loads(loads, answers);
        self.look_for_room();
    }

    fn commit_loads(&mut self, loads: Vec<Load>, answers: Vec<Waiting>) {
        let numbers = self.decider.numbers;
        let done = self.ask(move |it| {
            let written = it.transaction(&loads, numbers);
            (written, loads)
        });
        let (written, loads) = match done {
            Ok(done) => done,
            Err(error) => return self.refuse_all(answers, &error),
        };
        match written {
            Ok(written) => {
                self.decider.numbers = written.numbers;
                self.decider.stored(loads.iter().flat_map(Load::new_messages));
                self.counters.commit_sizes.add(answers.iter().map(|answer| answer.weight).sum());
                self.shared.fresh().append(written.fresh);
                for (answer, verdicts) in answers.into_iter().zip(written.verdicts) {
                    self.answer(answer, Ok(verdicts));
                }
            }
            // Without room each would fail alike; anything else may be the fault of one of them.
            Err(StoreError::Full) => self.refuse_all(answers, &StoreError::Full),
            Err(error) if answers.len() == 1 => self.refuse_all(answers, &error),
            Err(_) => {
                for (load, answer) in loads.into_iter().zip(answers) {
                    self.commit_loads(vec![load], vec![answer]);
                }
            }
        }
    }

    fn refuse(&self, group: Vec<Taken>, error: &StoreError) {
        let waiting = |(load, answer): Taken| Waiting { weight: load.weight, bytes: load.bytes, answer };
        self.refuse_all(group.into_iter().map(waiting).collect(), error);
    }

    fn refuse_all(&self, answers: Vec<Waiting>, error: &StoreError) {
        tracing::error!(%error, commits = answers.len(), "the store could not write");
        for answer in answers {
            self.answer(answer, Err(error.clone()));
        }
    }

    fn answer(&self, waiting: Waiting, result: Outcome) {
        self.counters.waiting.fetch_sub(waiting.weight, Relaxed);
        self.counters.waiting_bytes.fetch_sub(waiting.bytes, Relaxed);
        if result.is_ok() {
            self.counters.changes.fetch_add(waiting.weight, Relaxed);
        }
        send(waiting.answer, result);
    }

    /// Gives a generation to the applier: the one that failed, or else the current one.
    fn apply(&mut self) {
        let generation = match &self.applying {
            Applying::Busy => return,
            Applying::Failed(..) => self.shared.pending().applying.clone(),
            Applying::Idle => self.freeze(),
        };
        let Some(generation) = generation else {
            self.applying = Applying::Idle;
            return;
        };
        let own = self.own.clone();
        let task: Task = Box::new(move |it| {
            let applied = it.apply(&generation);
            drop(generation);
            let _ = own.send(Job::Applied(applied.map(|()| it.room())));
        });
        self.applying = match self.applier.send(task) {
            Ok(()) => Applying::Busy,
            Err(_) => Applying::Failed(StoreError::Closed, Instant::now()),
        };
    }

    /// Makes the current generation the one to be applied; the journal goes on in its other file.
    fn freeze(&mut self) -> Option<Arc<Generation>> {
        let mut pending = self.shared.pending();
        if pending.current.is_empty() {
            return None;
        }
        let generation = Arc::new(std::mem::take(&mut pending.current));
        pending.applying = Some(Arc::clone(&generation));
        drop(pending);
        self.journal.turn();
        self.since = None;
        Some(generation)
    }

    /// Notes what became of the generation, and tells those who waited for it.
    fn applied(&mut self, result: Result<u64, StoreError>) {
        match result {
            Ok(room) => {
                self.room = room;
                self.applying = Applying::Idle;
                let gone = self.shared.pending().applying.take();
                if let Some(gone) = &gone {
                    self.decider.stored(gone.new_messages());
                }
                let newest = gone.map_or(u64::MAX, |generation| generation.last);
                for (record, answer) in std::mem::take(&mut self.settling) {
                    if record <= newest {
                        send(answer, Ok(()));
                    } else {
                        self.settling.push((record, answer));
                    }
                }
                if !self.settling.is_empty() || self.is_large() {
                    self.apply();
                }
            }
            Err(error) => {
                tracing::error!(%error, "the database could not be brought up to date; trying again");
                for (_, answer) in self.settling.drain(..) {
                    send(answer, Err(error.clone()));
                }
                self.applying = Applying::Failed(error, Instant::now());
            }
        }
    }

    /// Sees to it that everything answered so far comes into the database, and answers then.
    fn settle(&mut self, answer: Answer<()>) {
        if self.shared.pending().is_empty() {
            return send(answer, Ok(()));
        }
        if let Applying::Failed(error, _) = &self.applying {
            return send(answer, Err(error.clone()));
        }
        self.settling.push((self.shared.durable.load(Relaxed), answer));
        self.apply();
    }

    /// Brings everything into the database, and waits for it.
    fn flush(&mut self) -> Result<(), StoreError> {
        while !self.shared.pending().is_empty() {
            self.apply();
            self.wait_applied()?;
        }
        Ok(())
    }

    /// Waits until the applier has done what it has.
    fn wait_applied(&mut self) -> Result<(), StoreError> {
        while let Applying::Busy = self.applying {
            match self.jobs.recv() {
                Ok(Job::Applied(result)) => self.applied(result),
                Ok(other) => self.held.push_back(other),
                Err(_) => return Err(StoreError::Closed),
            }
        }
        match &self.applying {
            Applying::Failed(error, _) => Err(error.clone()),
            Applying::Idle | Applying::Busy => Ok(()),
        }
    }

    /// Lets the applier do something, and waits for it.
    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Applier) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, result) = channel();
        let task: Task = Box::new(move |it| {
            let _ = done.send(work(it));
        });
        self.applier.send(task).map_err(|_| StoreError::Closed)?;
        result.recv().map_err(|_| StoreError::Closed)
    }

    fn look_for_room(&mut self) {
        self.room = self.ask(|it| it.room()).unwrap_or(0);
    }

    /// Takes up what the journal has after record `newest`, and begins it anew. Records from
    /// `until` on do not count: they were refused.
    fn recover(&mut self, newest: u64, until: Option<u64>) -> Result<(), StoreError> {
        let mut records = self.journal.records_after(newest)?;
        records.retain(|record| until.is_none_or(|until| record.number < until));
        *self.shared.pending() = Pending::default();
        self.since = None;
        self.applying = Applying::Idle;
        self.decider.fresh = Fresh::default();
        self.shared.fresh().complete = false;
        let taken = records.iter().try_for_each(|record| self.take_up(record));
        self.decider.look_away();
        taken?;
        let last = records.last().map_or(newest, |record| record.number).max(until.unwrap_or(0));
        self.shared.durable.store(last, Relaxed);
        if !records.is_empty() {
            tracing::info!(records = records.len(), "changes are taken up from the journal");
            self.shared.pending().current.last = last;
            self.apply();
            if self.wait_applied().is_err() {
                // There is no room. What is in the files stays there until there is: nothing is
                // written meanwhile.
                return Ok(());
            }
        }
        if until.is_some() {
            self.ask(move |it| it.set_newest(last))??;
        }
        self.journal.restart().map_err(explain)?;
        self.look_for_room();
        Ok(())
    }

    fn take_up(&mut self, record: &Record) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let mut pending = shared.pending();
        self.decider.record = record.number;
        self.decider.numbers = self.decider.numbers.max(record.numbers);
        for change in record.changes(self.dialects)? {
            let verdict = self.decider.decide(&mut pending, change).map_err(failure)?;
            if verdict != Verdict::Applied {
                return Err(StoreError::Other(format!(
                    "record {} of the journal does not fit the database",
                    record.number
                )));
            }
            pending.current.weight += 1;
        }
        pending.current.last = record.number;
        Ok(())
    }

    fn close(mut self, answer: Option<Answer<()>>) {
        let done = self.flush().and_then(|()| self.ask(|it| it.finish())?);
        // So that the files never are taken for the continuation of another state of the database.
        let done = done.and_then(|()| self.journal.restart().map_err(explain));
        for (_, answer) in self.settling.drain(..) {
            send(answer, Err(StoreError::Closed));
        }
        let Self { applier, applier_thread, .. } = self;
        drop(applier);
        // The lock is gone before the answer says so.
        if applier_thread.join().is_err() {
            tracing::error!("the thread that writes into the database had panicked");
        }
        if let Some(answer) = answer {
            send(answer, done);
        }
    }
}

/// Verdicts of a commit, or why it was refused alone.
type Outcome = Result<Vec<Verdict>, StoreError>;

/// What became of the commits of a group, or why none of them can be.
type Decided = Result<Vec<Outcome>, StoreError>;

/// Who waits for a commit.
#[derive(Debug)]
struct Waiting {
    weight: u64,
    bytes: u64,
    answer: Answer<Vec<Verdict>>,
}

fn send<T>(answer: Answer<T>, result: Result<T, StoreError>) {
    // Who asked may have gone; what was done stays done.
    let _ = answer.send(result);
}
