//! The one thread that writes. While it waits for the disk, the next changes gather; it then
//! takes all of them into one transaction, so that the price of a sync is shared by as many as
//! are waiting.

use std::{
    fs::File,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{apply::Writing, encode::Load, failure, remove};
use crate::{Fresh, StoreError, Tally, Verdict};

/// Bounds of one transaction; a single commit larger than them has one of its own.
const TRANSACTION_WEIGHT: u64 = 4096;
const TRANSACTION_BYTES: u64 = 8 << 20;

/// After this long without work, the log is emptied and free pages are given back.
const IDLE: Duration = Duration::from_secs(2);

/// Free pages given back at once when idle (16 MiB).
const VACUUM_PAGES: u32 = 4096;

/// How long to wait for a lock of somebody who looks into the database from outside.
const BUSY: Duration = Duration::from_secs(5);

pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// Work for the writer.
#[derive(Debug)]
pub(super) enum Job {
    Commit(Load, Answer<Vec<Verdict>>),
    Remove(remove::Removal, Answer<remove::Removed>),
    /// The database may have this many pages.
    MaxPages(i64, Answer<()>),
    Close(Answer<()>),
}

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
    fn add(&self, value: u64) {
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
    fn count(&self, began: Instant, done: bool) {
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

/// A commit taken into a transaction.
type Taken = (Load, Answer<Vec<Verdict>>);

/// The state of the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) jobs: Receiver<Job>,
    pub(super) counters: Arc<Counters>,
    /// Callbacks that commits made due and nobody asked for yet.
    pub(super) fresh: Arc<Mutex<Fresh>>,
    pub(super) delay: Duration,
    pub(super) writing: Writing,
    /// Held as long as this thread may write.
    pub(super) _lock: File,
}

impl Writer {
    /// Works until told to close, or until nobody is left who could send work.
    pub(super) fn run(mut self) {
        let mut dirty = true;
        let mut held = None;
        loop {
            let job = match held.take() {
                Some(job) => Ok(job),
                None => self.jobs.recv_timeout(IDLE),
            };
            match job {
                Ok(Job::Commit(load, answer)) => {
                    held = self.group(load, answer);
                    dirty = true;
                }
                Ok(Job::Remove(removal, answer)) => {
                    send(answer, self.remove(&removal));
                    dirty = true;
                }
                Ok(Job::MaxPages(pages, answer)) => send(answer, self.limit(pages)),
                Ok(Job::Close(answer)) => return self.close(answer),
                Err(RecvTimeoutError::Timeout) if dirty => {
                    self.tidy();
                    dirty = false;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Commits this and whatever else waits; what was received and does not belong into the
    /// transaction is handed back.
    fn group(&mut self, load: Load, answer: Answer<Vec<Verdict>>) -> Option<Job> {
        let (mut weight, mut bytes) = (load.weight, load.bytes);
        let mut group = vec![(load, answer)];
        let mut held = None;
        if !self.delay.is_zero() {
            std::thread::sleep(self.delay);
        }
        while weight < TRANSACTION_WEIGHT && bytes < TRANSACTION_BYTES {
            match self.jobs.try_recv() {
                Ok(Job::Commit(load, answer)) => {
                    weight += load.weight;
                    bytes += load.bytes;
                    group.push((load, answer));
                }
                Ok(other) => {
                    held = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        self.commit_group(group);
        held
    }

    fn commit_group(&mut self, group: Vec<Taken>) {
        match self.transaction(&group) {
            Ok(verdicts) => {
                self.counters.commit_sizes.add(group.iter().map(|(load, _)| load.weight).sum());
                for ((load, answer), verdicts) in group.into_iter().zip(verdicts) {
                    self.answer(load, answer, Ok(verdicts));
                }
            }
            // Without room each would fail alike; anything else may be the fault of one of them.
            Err(StoreError::Full) => self.refuse(group, &StoreError::Full),
            Err(error) if group.len() == 1 => self.refuse(group, &error),
            Err(_) => group.into_iter().for_each(|taken| self.commit_group(vec![taken])),
        }
    }

    fn refuse(&mut self, group: Vec<Taken>, error: &StoreError) {
        tracing::error!(%error, commits = group.len(), "the store could not write");
        for (load, answer) in group {
            self.answer(load, answer, Err(error.clone()));
        }
    }

    fn answer(&self, load: Load, answer: Answer<Vec<Verdict>>, result: Result<Vec<Verdict>, StoreError>) {
        self.counters.waiting.fetch_sub(load.weight, Relaxed);
        self.counters.waiting_bytes.fetch_sub(load.bytes, Relaxed);
        if result.is_ok() {
            self.counters.changes.fetch_add(load.weight, Relaxed);
        }
        send(answer, result);
    }

    fn transaction(&mut self, group: &[Taken]) -> Result<Vec<Vec<Verdict>>, StoreError> {
        self.atomically(|connection, writing| {
            let mut all = Vec::with_capacity(group.len());
            for (load, _) in group {
                let verdicts = load.changes.iter().map(|change| writing.apply(connection, change));
                all.push(verdicts.collect::<rusqlite::Result<_>>()?);
            }
            Ok(all)
        })
    }

    fn remove(&mut self, removal: &remove::Removal) -> Result<remove::Removed, StoreError> {
        self.atomically(|connection, writing| {
            // Facets of what is removed may go too, and would not be written again if they came back.
            writing.facets.clear();
            remove::remove(connection, removal)
        })
    }

    /// Runs `work` in one durable transaction, or leaves no trace of it.
    fn atomically<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Writing) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let done = run(&self.connection, &mut self.writing, &self.counters, work);
        if done.is_err() {
            self.roll_back();
        }
        let made = std::mem::take(&mut self.writing.fresh);
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).append(made);
        self.counters.count(begun, done.is_ok());
        done.map_err(failure)
    }

    fn roll_back(&mut self) {
        // Some errors roll back by themselves.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the store could not roll back");
        }
        self.writing.roll_back();
    }

    fn limit(&self, pages: i64) -> Result<(), StoreError> {
        self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(failure)
    }

    fn tidy(&self) {
        let tidied = give_back(&self.connection)
            .and_then(|()| checkpoint(&self.connection))
            .and_then(|()| self.connection.execute_batch("PRAGMA shrink_memory"));
        if let Err(error) = tidied {
            tracing::debug!(%error, "the store could not tidy up");
        }
    }

    fn close(self, answer: Answer<()>) {
        let done = checkpoint(&self.connection).map_err(failure);
        // The lock is gone before the answer says so.
        drop(self);
        send(answer, done);
    }
}

fn run<T>(
    connection: &Connection,
    writing: &mut Writing,
    counters: &Counters,
    work: impl FnOnce(&Connection, &mut Writing) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let done = work(connection, writing)?;
    writing.finish(connection)?;
    let begun = Instant::now();
    connection.prepare_cached("COMMIT")?.execute([])?;
    counters.sync_times.add(begun.elapsed().as_micros() as u64);
    Ok(done)
}

/// Gives free pages at the end of the file back to the disk.
pub(super) fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let mut rows = statement.query([])?;
    // Each step gives back one page.
    while rows.next()?.is_some() {}
    Ok(())
}

/// Empties the log, as far as nobody reads from it: a long backup must not keep the writer waiting.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(BUSY)?;
    done
}

fn send<T>(answer: Answer<T>, result: Result<T, StoreError>) {
    // Who asked may have gone; what was done stays done.
    let _ = answer.send(result);
}
