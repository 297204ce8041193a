//! A store in memory that can fail, be slow, and lose the process around any commit. What it
//! holds survives the process: it is shared between the lives of a gateway.

mod money;
mod search;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use model::{AccountName, MessageId, RouteName, Span, Time, message::Priority};
use store::{
    Balance, Change, Document, HistoryEntry, HistoryRow, Lane, LedgerRow, Part, PullFilter, QueuePlace,
    Record, Remembered, Reply, Search, Store, StoreError, StoreStats, StoredCallback, Verdict,
};

pub use money::Purse;
pub use tables::{Row, Tables};

/// What befalls one commit.
#[derive(Clone, Debug)]
pub struct CommitFate {
    /// Time until it is applied (or fails).
    pub before: Span,
    /// Time from then to the answer.
    pub after: Span,
    /// What happens.
    pub turn: Turn,
}

/// The turns a commit can take.
#[derive(Clone, Debug)]
pub enum Turn {
    /// It is applied.
    Applies,
    /// It is refused; nothing is changed.
    Fails(StoreError),
    /// The process ends before it is applied.
    CrashesBefore,
    /// It is applied, and the process ends before anybody hears of it.
    CrashesAfter,
}

/// What befalls one read: the snapshot is taken between the two delays.
#[derive(Clone, Debug)]
pub struct ReadFate {
    /// Time until the snapshot.
    pub before: Span,
    /// Time from then to the answer.
    pub after: Span,
    /// Instead of an answer.
    pub fails: Option<StoreError>,
}

/// Decides what befalls the store, and hears what it did.
pub trait Weather: Send + Sync + 'static {
    /// Of a commit about to be made.
    fn commit(&self, changes: &[Change]) -> CommitFate;
    /// Of a read about to be made.
    fn read(&self) -> ReadFate;
    /// A commit was applied.
    fn applied(&self, changes: &[Change], verdicts: &[Verdict]);
    /// The process ends now.
    fn crash(&self);
}

/// Nothing ever goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Calm;

impl Weather for Calm {
    fn commit(&self, _: &[Change]) -> CommitFate {
        CommitFate { before: Span::ZERO, after: Span::ZERO, turn: Turn::Applies }
    }

    fn read(&self) -> ReadFate {
        ReadFate { before: Span::ZERO, after: Span::ZERO, fails: None }
    }

    fn applied(&self, _: &[Change], _: &[Verdict]) {}

    fn crash(&self) {}
}

/// What outlives processes: the tables.
pub type Disk = Arc<Mutex<Tables>>;

/// Copies by path.
pub type Shelf = Arc<Mutex<BTreeMap<PathBuf, Tables>>>;

/// The store as one process sees it.
pub struct MemoryStore {
    disk: Disk,
    shelf: Shelf,
    weather: Arc<dyn Weather>,
    stats: Mutex<StoreStats>,
    closed: AtomicBool,
    dead: AtomicBool,
}

impl MemoryStore {
    /// Opens what is on the disk.
    #[must_use]
    pub fn open(disk: Disk, shelf: Shelf, weather: Arc<dyn Weather>) -> Self {
        Self {
            disk,
            shelf,
            weather,
            stats: Mutex::default(),
            closed: AtomicBool::new(false),
            dead: AtomicBool::new(false),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        lock(&self.disk)
    }

    async fn make(&self, changes: Vec<Change>) -> Result<Vec<Verdict>, StoreError> {
        self.check_open()?;
        let fate = self.weather.commit(&changes);
        pass(fate.before).await;
        self.live().await;
        let verdicts = match fate.turn {
            Turn::Fails(error) => {
                pass(fate.after).await;
                return Err(error);
            }
            Turn::CrashesBefore => return self.die().await,
            Turn::CrashesAfter => {
                self.write(changes);
                return self.die().await;
            }
            Turn::Applies => self.write(changes),
        };
        pass(fate.after).await;
        self.live().await;
        Ok(verdicts)
    }

    fn write(&self, changes: Vec<Change>) -> Vec<Verdict> {
        let verdicts = {
            let mut tables = self.tables();
            changes.iter().map(|change| tables.apply(change.clone())).collect::<Vec<_>>()
        };
        self.weather.applied(&changes, &verdicts);
        let mut stats = lock(&self.stats);
        stats.commits += 1;
        stats.changes += changes.len() as u64;
        stats.commit_micros += 1;
        verdicts
    }

    /// A process that is about to end hears nothing any more.
    async fn live(&self) {
        if self.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    async fn die<T>(&self) -> T {
        self.dead.store(true, Ordering::Relaxed);
        self.weather.crash();
        std::future::pending().await
    }

    fn check_open(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Relaxed) { Err(StoreError::Closed) } else { Ok(()) }
    }

    fn read<'a, T: Send + 'a>(&'a self, read: impl FnOnce(&Tables) -> T + Send + 'a) -> Reply<'a, T> {
        Box::pin(async move {
            self.check_open()?;
            let fate = self.weather.read();
            pass(fate.before).await;
            self.live().await;
            if let Some(error) = fate.fails {
                return Err(error);
            }
            let answer = read(&self.tables());
            pass(fate.after).await;
            Ok(answer)
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(time: Span) {
    if time > Span::ZERO {
        tokio::time::sleep(time.to_std()).await;
    }
}

impl Store for MemoryStore {
    fn commit(&self, changes: Vec<Change>) -> Reply<'_, Vec<Verdict>> {
        Box::pin(self.make(changes))
    }

    fn load(&self, ids: Vec<MessageId>) -> Reply<'_, Vec<Option<Record>>> {
        self.read(move |tables| {
            ids.iter().map(|id| tables.rows.get(id).map(|row| row.record.clone())).collect()
        })
    }

    fn by_client_ref(
        &self,
        account: AccountName,
        dialect: &'static str,
        client_ref: String,
    ) -> Reply<'_, Option<MessageId>> {
        self.read(move |tables| tables.refs.get(&(account, dialect, client_ref)).copied())
    }

    fn by_upstream(&self, route: RouteName, upstream: Vec<String>) -> Reply<'_, Vec<Option<Part>>> {
        self.read(move |tables| upstream.iter().map(|id| tables.part(&route, id)).collect())
    }

    fn history_since(&self, cursor: i64, limit: usize) -> Reply<'_, Vec<HistoryRow>> {
        self.read(move |tables| {
            let after = tables.journal.range(cursor.saturating_add(1)..).take(limit);
            let row = |(cursor, (message, entries)): (&i64, &(MessageId, Vec<HistoryEntry>))| HistoryRow {
                cursor: *cursor,
                message: *message,
                entries: entries.clone(),
            };
            after.map(row).collect()
        })
    }

    fn history_cursor(&self) -> Reply<'_, i64> {
        self.read(|tables| tables.last_cursor)
    }

    fn history(&self, id: MessageId) -> Reply<'_, Vec<HistoryEntry>> {
        self.read(move |tables| tables.rows.get(&id).map(|row| row.history.clone()).unwrap_or_default())
    }

    fn due(
        &self,
        until: Time,
        after: Option<(Time, MessageId)>,
        limit: usize,
    ) -> Reply<'_, Vec<(Time, MessageId)>> {
        self.read(move |tables| {
            let later = |alarm: &&(Time, MessageId)| after.is_none_or(|after| **alarm > after);
            let due = tables.alarms.iter().take_while(|(at, _)| *at <= until).filter(later);
            due.take(limit).copied().collect()
        })
    }

    fn lanes(&self) -> Reply<'_, Vec<Lane>> {
        self.read(|tables| {
            let mut lanes: Vec<Lane> = tables.queues.keys().map(|(lane, _)| lane.clone()).collect();
            lanes.dedup();
            lanes
        })
    }

    fn queued(
        &self,
        lane: Lane,
        priority: Priority,
        after: Option<QueuePlace>,
        limit: usize,
    ) -> Reply<'_, Vec<QueuePlace>> {
        self.read(move |tables| {
            let Some(queue) = tables.queues.get(&(lane, priority)) else { return Vec::new() };
            let later = |place: &&QueuePlace| after.is_none_or(|after| **place > after);
            queue.iter().filter(later).take(limit).copied().collect()
        })
    }

    fn callbacks_due(&self, until: Time, limit: usize) -> Reply<'_, Vec<StoredCallback>> {
        self.read(move |tables| {
            let mut due: Vec<_> = tables.heads().filter(|callback| callback.due_at <= until).collect();
            due.sort_by_key(|callback| (callback.due_at, callback.id));
            due.into_iter().take(limit).cloned().collect()
        })
    }

    fn callbacks_due_after(
        &self,
        until: Time,
        after: (Time, i64),
        limit: usize,
    ) -> Reply<'_, Vec<StoredCallback>> {
        self.read(move |tables| {
            let place = |callback: &StoredCallback| (callback.due_at, callback.id);
            let mut due: Vec<_> = tables
                .heads()
                .filter(|callback| callback.due_at <= until && place(callback) > after)
                .collect();
            due.sort_by_key(|callback| place(callback));
            due.into_iter().take(limit).cloned().collect()
        })
    }

    fn next_callback_at(&self) -> Reply<'_, Option<Time>> {
        self.read(|tables| tables.heads().map(|callback| callback.due_at).min())
    }

    fn callbacks_of(&self, id: MessageId) -> Reply<'_, Vec<StoredCallback>> {
        self.read(move |tables| tables.callbacks_of(id))
    }

    fn callbacks_parked(
        &self,
        account: Option<AccountName>,
        after: i64,
        limit: usize,
    ) -> Reply<'_, Vec<StoredCallback>> {
        self.read(move |tables| {
            let wanted = |callback: &&StoredCallback| {
                callback.standing == store::CallbackStanding::Parked
                    && callback.id > after
                    && account.as_ref().is_none_or(|account| callback.account == *account)
            };
            tables.callbacks.values().filter(wanted).take(limit).cloned().collect()
        })
    }

    fn recall(&self, account: AccountName, kind: &'static str, key: String) -> Reply<'_, Option<Remembered>> {
        self.read(move |tables| tables.remembered.get(&(account, kind, key)).cloned())
    }

    fn document(&self, account: AccountName, kind: &'static str, key: String) -> Reply<'_, Option<Document>> {
        self.read(move |tables| tables.documents.get(&(account, kind, key)).cloned())
    }

    fn documents(
        &self,
        account: AccountName,
        kind: &'static str,
        after: String,
        limit: usize,
    ) -> Reply<'_, Vec<Document>> {
        self.read(move |tables| {
            let wanted = |document: &&Document| {
                document.account == account && document.kind == kind && document.key > after
            };
            tables.documents.values().filter(wanted).take(limit).cloned().collect()
        })
    }

    fn pullable(
        &self,
        account: AccountName,
        dialect: &'static str,
        filter: PullFilter,
        limit: usize,
    ) -> Reply<'_, Vec<MessageId>> {
        self.read(move |tables| tables.pullable(&account, dialect, &filter, limit))
    }

    fn search(&self, filter: Search, before: Option<MessageId>, limit: usize) -> Reply<'_, Vec<Record>> {
        self.read(move |tables| tables.search(&filter, before, limit))
    }

    fn balance(&self, account: AccountName) -> Reply<'_, Option<Balance>> {
        self.read(move |tables| tables.purse.balance(&account).cloned())
    }

    fn ledger(
        &self,
        account: AccountName,
        message: Option<MessageId>,
        after: i64,
        limit: usize,
    ) -> Reply<'_, Vec<LedgerRow>> {
        self.read(move |tables| tables.purse.ledger(&account, message, after, limit))
    }

    fn unfinished(&self) -> Reply<'_, Vec<(AccountName, u64)>> {
        self.read(|tables| {
            let mut counts: BTreeMap<AccountName, u64> = BTreeMap::new();
            for row in tables.rows().filter(|row| row.facts.settled_at.is_none()) {
                *counts.entry(row.record.message.account.clone()).or_default() += 1;
            }
            counts.into_iter().collect()
        })
    }

    fn sweep(&self, settled_before: Time, now: Time, limit: usize) -> Reply<'_, usize> {
        Box::pin(async move {
            self.check_open()?;
            let fate = self.weather.read();
            pass(fate.before).await;
            self.live().await;
            match fate.fails {
                Some(error) => Err(error),
                None => Ok(self.tables().sweep(settled_before, now, limit)),
            }
        })
    }

    fn backup(&self, to: PathBuf) -> Reply<'_, ()> {
        Box::pin(async move {
            self.check_open()?;
            if to.exists() || lock(&self.shelf).contains_key(&to) {
                return Err(StoreError::Other(format!("{} exists already", to.display())));
            }
            let copy = self.tables().clone();
            lock(&self.shelf).insert(to, copy);
            Ok(())
        })
    }

    fn stats(&self) -> StoreStats {
        StoreStats { bytes: self.tables().rows.len() as u64 + 1, ..*lock(&self.stats) }
    }

    fn close(&self) -> Reply<'_, ()> {
        Box::pin(async move {
            self.check_open()?;
            self.closed.store(true, Ordering::Relaxed);
            Ok(())
        })
    }
}
