//! The embedded store: a journal in which changes become durable, one SQLite database into which
//! they are brought a little later, and threads that read it.
//!
//! Start with [`writer`] for how changes become durable, [`pending`] for what the database does not
//! have yet, `migrations/` for the tables and why they are as they are, [`marks`] for how messages are found by random values, [`outbox`] for
//! the order of callbacks.

mod applier;
mod apply;
mod bulk;
mod codes;
mod counters;
mod decide;
mod encode;
mod facets;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod generation;
mod journal;
mod marks;
mod money;
mod open;
mod outbox;
mod pending;
mod read;
mod readers;
mod record;
mod remove;
mod search;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering::Relaxed,
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use model::{AccountName, Message, MessageId, RouteName, Span, Time, message::Priority};
use tokio::sync::oneshot;

use self::{
    applier::Applier,
    counters::Counters,
    decide::Decider,
    journal::Journal,
    marks::Mark,
    read::Reader,
    readers::Readers,
    remove::Removal,
    writer::{Answer, Job, Parts, Shared, Writer},
};
use crate::{
    Balance, Change, Document, Fresh, HistoryEntry, HistoryRow, Lane, LedgerRow, Listed, Part, PullFilter,
    QueuePlace, Record, Remembered, Reply, Search, Store, StoreError, StoreStats, StoredCallback, Verdict,
    packed,
};

/// Messages removed in one transaction, at most.
const SWEEP_CHUNK: usize = 256;

/// Messages looked at by one sweep, for each that it may remove.
const SWEEP_LOOKS: usize = 64;

/// Transactions of one sweep that remove what has expired, at most.
const SWEEP_ROUNDS: usize = 64;

/// How to open a database.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The file; its folder exists.
    pub path: PathBuf,
    /// Names of all dialects that messages may have.
    pub dialects: &'static [&'static str],
    /// How long the writer waits for more changes before it begins a transaction, at most 2 ms.
    /// Zero is best unless syncs are very expensive: changes gather during the sync before.
    pub commit_delay: Span,
    /// Changes that may wait, each message of an insert counted; more get [`StoreError::Busy`].
    pub max_waiting: u64,
    /// Bytes of changes that may wait.
    pub max_waiting_bytes: u64,
    /// Threads for short reads; one more is for searches.
    pub readers: usize,
    /// Memory for pages, in KiB, of the writer.
    pub writer_cache_kib: u32,
    /// Memory for pages, in KiB, of each reader.
    pub reader_cache_kib: u32,
    /// The log is copied into the database when it has this many pages of 4 KiB; the writer stops
    /// for as long as that takes.
    pub checkpoint_pages: u32,
    /// How much of the file readers map into memory, in bytes.
    pub mmap_bytes: i64,
}

impl SqliteOptions {
    /// Settings for a machine of any size.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, dialects: &'static [&'static str]) -> Self {
        Self {
            path: path.into(),
            dialects,
            commit_delay: Span::ZERO,
            max_waiting: 65_536,
            max_waiting_bytes: 64 << 20,
            readers: 2,
            writer_cache_kib: 4096,
            reader_cache_kib: 1024,
            checkpoint_pages: 4096,
            mmap_bytes: 0,
        }
    }
}

/// A store in one SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    options: SqliteOptions,
    /// `None` once closed.
    jobs: Mutex<Option<Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    counters: Arc<Counters>,
    shared: Arc<Shared>,
    quick: Readers,
    slow: Readers,
    /// Where the last sweep stopped looking.
    swept: Mutex<MessageId>,
}

/// Looks whether a file, such as a backup, is a whole database that this program can work with,
/// and changes nothing in it; how many messages it has. Reads all of it, and blocks.
///
/// # Errors
/// If it is damaged, of a newer program, not Courant's, or has messages of a dialect not named.
pub fn check(database: &std::path::Path, dialects: &[&str]) -> Result<u64, StoreError> {
    open::check(database, dialects)
}

/// The files of the journal beside a database: what was answered and is not in the database yet.
#[must_use]
pub fn journals(database: &std::path::Path) -> [PathBuf; 2] {
    journal::paths(database)
}

impl SqliteStore {
    /// Opens the database, creates it if there is none, and brings it up to date.
    ///
    /// # Errors
    /// If another process has it open, if it is of a newer program, if it has messages of a
    /// dialect not named in the options, or if the disk says no.
    pub fn open(options: SqliteOptions) -> Result<Self, StoreError> {
        open::check_library(rusqlite::version_number())?;
        let lock = open::lock(&options.path)?;
        let connection = open::writer(&options)?;
        let journal = Journal::open(&options.path).map_err(journal::explain)?;
        let newest = generation::newest(&connection).map_err(failure)?;
        let (counters, shared) = (Arc::new(Counters::default()), Arc::new(Shared::default()));
        let writing = apply::Writing::begin(&connection).map_err(failure)?;
        let decider = Decider::new(&options, writing.numbers()).map_err(failure)?;
        let applier = Applier {
            connection,
            writing,
            counters: Arc::clone(&counters),
            path: options.path.clone(),
            _lock: lock,
        };
        let (tasks, asked) = channel();
        let applier_thread = spawn("store-apply", move || applier.run(&asked))?;
        let (jobs, waiting) = channel();
        let parts = Parts {
            jobs: waiting,
            own: jobs.clone(),
            applier: tasks,
            applier_thread,
            shared: Arc::clone(&shared),
            counters: Arc::clone(&counters),
            journal,
            decider,
            dialects: options.dialects,
            delay: options.commit_delay.to_std().min(Duration::from_millis(2)),
        };
        let writer = Writer::begin(parts, newest)?;
        let quick = Readers::start("store-read", options.readers.clamp(1, 8), &options)?;
        let slow = Readers::start("store-search", 1, &options)?;
        let thread = spawn("store-write", move || writer.run())?;
        Ok(Self {
            jobs: Mutex::new(Some(jobs)),
            thread: Mutex::new(Some(thread)),
            counters,
            shared,
            quick,
            slow,
            options,
            swept: Mutex::new(MessageId(0)),
        })
    }

    /// Bounds the size of the database: changes beyond it get [`StoreError::Full`], as on a full
    /// disk. `None` takes the bound away.
    pub fn limit_pages(&self, pages: Option<u32>) -> Reply<'_, ()> {
        let pages = pages.map_or(4_294_967_294, i64::from);
        self.ask(|answer| Job::MaxPages(pages, answer))
    }

    fn ask<T: Send + 'static>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Reply<'static, T> {
        let (answer, answered) = oneshot::channel();
        let sent = self.send(job(answer));
        Box::pin(async move {
            sent?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = jobs.as_ref().ok_or(StoreError::Closed)?;
        sender.send(job).map_err(|_| StoreError::Closed)
    }

    /// Reads from the database once it has all that was answered before.
    fn settled<T: Send + 'static>(
        &self,
        readers: &Readers,
        read: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Reply<'static, T> {
        let anything = !self.shared.pending().is_empty();
        self.settled_if(anything, readers, read)
    }

    /// The same, if there is anything pending that the read is about.
    fn settled_if<T: Send + 'static>(
        &self,
        touched: bool,
        readers: &Readers,
        read: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Reply<'static, T> {
        if !touched {
            return readers.read(read);
        }
        let (settled, readers) = (self.ask(Job::Settle), readers.clone());
        Box::pin(async move {
            // If there is no room, what the database has can be read all the same.
            if let Err(StoreError::Closed) = settled.await {
                return Err(StoreError::Closed);
            }
            readers.read(read).await
        })
    }

    /// What is pending and durable of these messages; `None` if something is that nobody may see yet.
    fn pending_of(&self, ids: &[MessageId]) -> Option<Vec<Ahead>> {
        let durable = self.shared.durable.load(Relaxed);
        let pending = self.shared.pending();
        if pending.is_empty() {
            return Some(ids.iter().map(|_| Ahead::default()).collect());
        }
        let ahead = |id: &MessageId| match pending.now(*id) {
            None => Some(Ahead::default()),
            Some(now) if now.record > durable => None,
            Some(now) => Some(Ahead {
                message: pending.begun(*id).map(Arc::clone),
                changed: Some((now.version, now.state.clone())),
            }),
        };
        ids.iter().map(ahead).collect()
    }

    /// Takes room in the queue. One commit always finds room in an empty queue, however large.
    fn admit(&self, load: &encode::Load) -> Result<(), StoreError> {
        let weight = self.counters.waiting.fetch_add(load.weight, Relaxed);
        let bytes = self.counters.waiting_bytes.fetch_add(load.bytes, Relaxed);
        let fits = weight + load.weight <= self.options.max_waiting
            && bytes + load.bytes <= self.options.max_waiting_bytes;
        if fits || weight == 0 {
            return Ok(());
        }
        self.release(load.weight, load.bytes);
        Err(StoreError::Busy)
    }

    fn release(&self, weight: u64, bytes: u64) {
        self.counters.waiting.fetch_sub(weight, Relaxed);
        self.counters.waiting_bytes.fetch_sub(bytes, Relaxed);
    }

    fn commit_now(&self, changes: Vec<Change>) -> Result<Reply<'static, Vec<Verdict>>, StoreError> {
        let load = encode::encode(changes)?;
        self.admit(&load)?;
        let (weight, bytes) = (load.weight, load.bytes);
        let (answer, answered) = oneshot::channel();
        if let Err(error) = self.send(Job::Commit(load, answer)) {
            self.release(weight, bytes);
            return Err(error);
        }
        Ok(Box::pin(async move { answered.await.map_err(|_| StoreError::Closed)? }))
    }

    /// The next messages to be removed, going on where the last sweep stopped looking.
    async fn choose(&self, settled_before: Time, limit: usize) -> Result<Vec<MessageId>, StoreError> {
        let after = *self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = limit.saturating_mul(SWEEP_LOOKS);
        let looked =
            self.settled(&self.slow, move |reader| reader.sweepable(settled_before, after, looks)).await?;
        let mut chosen: Vec<MessageId> = looked.iter().filter(|(_, may)| *may).map(|(id, _)| *id).collect();
        let stopped = if chosen.len() > limit {
            chosen.truncate(limit);
            chosen.last().copied()
        } else if looked.len() == looks {
            looked.last().map(|(id, _)| *id)
        } else {
            // All were looked at: the next sweep begins anew.
            None
        };
        *self.swept.lock().unwrap_or_else(PoisonError::into_inner) = stopped.unwrap_or_default();
        Ok(chosen)
    }

    async fn sweep_now(&self, settled_before: Time, now: Time, limit: usize) -> Result<usize, StoreError> {
        let chosen = self.choose(settled_before, limit).await?;
        let mut removed = 0;
        for ids in chosen.chunks(SWEEP_CHUNK).map(<[_]>::to_vec) {
            let removal = Removal { ids, settled_before, now };
            removed += self.ask(|answer| Job::Remove(removal, answer)).await?.messages;
        }
        for _ in 0..SWEEP_ROUNDS {
            let removal = Removal { ids: Vec::new(), settled_before, now };
            if !self.ask(|answer| Job::Remove(removal, answer)).await?.more_expired {
                break;
            }
        }
        Ok(removed)
    }

    fn close_now(&self) -> Reply<'static, ()> {
        let closed = self.ask(|answer| Job::Close(Some(answer)));
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.quick.close();
        self.slow.close();
        closed
    }
}

impl Drop for SqliteStore {
    /// Waits until all that was taken is written.
    fn drop(&mut self) {
        // Nobody listens if it was closed before.
        let _ = self.send(Job::Close(None));
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writer of the store had panicked");
        }
    }
}

impl Store for SqliteStore {
    fn commit(&self, changes: Vec<Change>) -> Reply<'_, Vec<Verdict>> {
        match self.commit_now(changes) {
            Ok(reply) => reply,
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn load(&self, ids: Vec<MessageId>) -> Reply<'_, Vec<Option<Record>>> {
        match self.pending_of(&ids) {
            None => self.settled(&self.quick, move |reader| reader.at_once(|reader| reader.load(&ids))),
            Some(ahead) if ahead.iter().all(|ahead| ahead.message.is_some()) => {
                let loaded = ahead.into_iter().map(|ahead| ahead.over(None)).collect();
                Box::pin(std::future::ready(loaded))
            }
            Some(ahead) => self.quick.read(move |reader| {
                let stored = reader.at_once(|reader| reader.load(&ids))?;
                ahead.into_iter().zip(stored).map(|(ahead, stored)| ahead.over(stored)).collect()
            }),
        }
    }

    fn by_client_ref(
        &self,
        account: AccountName,
        dialect: &'static str,
        client_ref: String,
    ) -> Reply<'_, Option<MessageId>> {
        let wanted = (account, dialect, client_ref);
        let durable = self.shared.durable.load(Relaxed);
        let known = self.shared.pending().client_ref(&wanted).cloned();
        let (account, dialect, client_ref) = wanted;
        match known {
            Some(known) if known.record <= durable => Box::pin(std::future::ready(Ok(Some(known.value)))),
            known => self.settled_if(known.is_some(), &self.quick, move |reader| {
                reader.by_client_ref(&account, dialect, &client_ref)
            }),
        }
    }

    fn by_upstream(&self, route: RouteName, upstream: Vec<String>) -> Reply<'_, Vec<Option<Part>>> {
        let touched = {
            let pending = self.shared.pending();
            !pending.is_empty()
                && upstream.iter().any(|id| pending.has_upstream(Mark::upstream(route.as_str(), id)))
        };
        self.settled_if(touched, &self.quick, move |reader| {
            reader.at_once(|reader| reader.by_upstream(&route, &upstream))
        })
    }

    fn history(&self, id: MessageId) -> Reply<'_, Vec<HistoryEntry>> {
        let touched = self.shared.pending().has_message(id);
        self.settled_if(touched, &self.quick, move |reader| reader.at_once(|reader| reader.history(id)))
    }

    fn history_since(&self, cursor: i64, limit: usize) -> Reply<'_, Vec<HistoryRow>> {
        self.settled(&self.quick, move |reader| reader.history_since(cursor, limit))
    }

    fn history_cursor(&self) -> Reply<'_, i64> {
        self.settled(&self.quick, Reader::history_cursor)
    }

    fn due(
        &self,
        until: Time,
        after: Option<(Time, MessageId)>,
        limit: usize,
    ) -> Reply<'_, Vec<(Time, MessageId)>> {
        self.settled(&self.quick, move |reader| reader.due(until, after, limit))
    }

    fn lanes(&self) -> Reply<'_, Vec<Lane>> {
        self.settled(&self.quick, Reader::lanes)
    }

    fn queued(
        &self,
        lane: Lane,
        priority: Priority,
        after: Option<QueuePlace>,
        limit: usize,
    ) -> Reply<'_, Vec<QueuePlace>> {
        self.settled(&self.quick, move |reader| reader.queued(&lane, priority, after, limit))
    }

    fn callbacks_due(&self, until: Time, limit: usize) -> Reply<'_, Vec<StoredCallback>> {
        self.settled(&self.quick, move |reader| reader.callbacks_due(until, limit))
    }

    fn callbacks_due_after(
        &self,
        until: Time,
        after: (Time, i64),
        limit: usize,
    ) -> Reply<'_, Vec<StoredCallback>> {
        self.settled(&self.quick, move |reader| reader.callbacks_due_after(until, after, limit))
    }

    fn fresh_callbacks(&self) -> Fresh {
        std::mem::take(&mut *self.shared.fresh())
    }

    fn next_callback_at(&self) -> Reply<'_, Option<Time>> {
        self.settled(&self.quick, Reader::next_callback_at)
    }

    fn callbacks_of(&self, id: MessageId) -> Reply<'_, Vec<StoredCallback>> {
        self.settled(&self.quick, move |reader| reader.callbacks_of(id))
    }

    fn callbacks_parked(
        &self,
        account: Option<AccountName>,
        after: i64,
        limit: usize,
    ) -> Reply<'_, Vec<StoredCallback>> {
        self.settled(&self.slow, move |reader| reader.callbacks_parked(account.as_ref(), after, limit))
    }

    fn recall(&self, account: AccountName, kind: &'static str, key: String) -> Reply<'_, Option<Remembered>> {
        let wanted = (account, kind, key);
        let durable = self.shared.durable.load(Relaxed);
        let known = self.shared.pending().remembered(&wanted).cloned();
        let (account, kind, key) = wanted;
        match known {
            Some(known) if known.record <= durable => Box::pin(std::future::ready(Ok(Some(known.value)))),
            known => {
                self.settled_if(known.is_some(), &self.quick, move |reader| reader.recall(account, kind, key))
            }
        }
    }

    fn document(&self, account: AccountName, kind: &'static str, key: String) -> Reply<'_, Option<Document>> {
        self.quick.read(move |reader| reader.document(account, kind, key))
    }

    fn documents(
        &self,
        account: AccountName,
        kind: &'static str,
        after: String,
        limit: usize,
    ) -> Reply<'_, Vec<Document>> {
        self.quick.read(move |reader| reader.documents(account, kind, &after, limit))
    }

    fn pullable(
        &self,
        account: AccountName,
        dialect: &'static str,
        filter: PullFilter,
        limit: usize,
    ) -> Reply<'_, Vec<MessageId>> {
        self.settled(&self.slow, move |reader| {
            reader.at_once(|reader| reader.pullable(&account, dialect, &filter, limit))
        })
    }

    fn search(&self, filter: Search, before: Option<MessageId>, limit: usize) -> Reply<'_, Vec<Record>> {
        self.settled(&self.slow, move |reader| reader.at_once(|reader| reader.search(&filter, before, limit)))
    }

    fn page(&self, filter: Search, before: Option<MessageId>, limit: usize) -> Reply<'_, Listed> {
        self.settled(&self.slow, move |reader| reader.at_once(|reader| reader.page(&filter, before, limit)))
    }

    fn balance(&self, account: AccountName) -> Reply<'_, Option<Balance>> {
        self.quick.read(move |reader| reader.balance(&account))
    }

    fn ledger(
        &self,
        account: AccountName,
        message: Option<MessageId>,
        after: i64,
        limit: usize,
    ) -> Reply<'_, Vec<LedgerRow>> {
        self.slow.read(move |reader| reader.ledger(&account, message, after, limit))
    }

    fn ledger_newest(&self, account: AccountName, before: i64, limit: usize) -> Reply<'_, Vec<LedgerRow>> {
        self.slow.read(move |reader| reader.ledger_newest(&account, before, limit))
    }

    fn unfinished(&self) -> Reply<'_, Vec<(AccountName, u64)>> {
        self.settled(&self.quick, Reader::unfinished)
    }

    fn sweep(&self, settled_before: Time, now: Time, limit: usize) -> Reply<'_, usize> {
        Box::pin(self.sweep_now(settled_before, now, limit))
    }

    fn backup(&self, to: PathBuf) -> Reply<'_, ()> {
        // A thread of its own: it may take long.
        match Readers::start("store-backup", 1, &self.options) {
            Ok(reader) => self.settled(&reader, move |reader| reader.backup(&to)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn stats(&self) -> StoreStats {
        let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let mut log = self.options.path.clone().into_os_string();
        log.push("-wal");
        let journal = journal::paths(&self.options.path);
        StoreStats {
            commits: self.counters.commits.load(Relaxed),
            changes: self.counters.changes.load(Relaxed),
            commit_micros: self.counters.commit_micros.load(Relaxed),
            waiting: self.counters.waiting.load(Relaxed),
            max_waiting: self.options.max_waiting,
            bytes: size(&self.options.path)
                + size(log.as_ref())
                + journal.iter().map(|path| size(path)).sum::<u64>(),
            unapplied: self.shared.pending().weight(),
            apply_times: self.counters.apply_times.tally(),
            failures: self.counters.failures.load(Relaxed),
            commit_times: self.counters.commit_times.tally(),
            sync_times: self.counters.sync_times.tally(),
            commit_sizes: self.counters.commit_sizes.tally(),
            idle_micros: self.counters.idle_micros(),
            failing_micros: self.counters.failing_micros(),
        }
    }

    fn close(&self) -> Reply<'_, ()> {
        self.close_now()
    }
}

/// What the journal knows of a message and the database does not.
#[derive(Debug, Default)]
struct Ahead {
    /// The immutable part, if the message is new.
    message: Option<Arc<Message>>,
    /// Version and state.
    changed: Option<(u32, Vec<u8>)>,
}

impl Ahead {
    /// The record as it stands, given the one of the database.
    fn over(self, stored: Option<Record>) -> Result<Option<Record>, StoreError> {
        let Some((version, state)) = self.changed else { return Ok(stored) };
        let stored_version = stored.as_ref().map_or(0, |stored| stored.version);
        let message = self.message.or_else(|| stored.as_ref().map(|stored| Arc::clone(&stored.message)));
        match message {
            // Applied, and changed again, between the two looks.
            _ if stored_version >= version => Ok(stored),
            Some(message) => Ok(Some(Record { message, state: packed::read(&state)?, version })),
            None => Ok(None),
        }
    }
}

/// A thread of the store.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| StoreError::Other(format!("no thread: {error}")))
}

/// Messages accepted later than this cannot have been settled before.
fn sweep_end(settled_before: Time) -> MessageId {
    MessageId::new(settled_before + Span::from_secs(60), u128::MAX)
}

/// An error of the database as one of the store.
fn failure(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => StoreError::Full,
        _ => StoreError::Other(error.to_string()),
    }
}
