//! The store: what must survive a crash.
//!
//! [`Store`] is the seam: a batch of [`Change`]s is applied in one durable transaction, each
//! change wholly or not at all, guarded by the version of the message it is about. Everything
//! else reads. [`sqlite`] is the embedded implementation; [`conformance`] is the suite that every
//! implementation passes.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod money;
pub mod packed;
pub mod sqlite;

use std::{future::Future, pin::Pin, sync::Arc};

use engine::State;
use model::{
    AccountName, AttemptId, BatchId, Cause, Channel, Message, MessageId, RouteName, Status, Time,
    message::{Priority, Shared},
};
use serde::{Deserialize, Serialize};

pub use self::money::{Balance, Charge, LedgerRow, Money, MoneyKind, Reserve, TopUp};

/// A boxed future with this crate's error.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why the store did not do it. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// No room left; reading still works, and writing will once there is room.
    #[error("the disk is full")]
    Full,
    /// More waits to be written than is allowed.
    #[error("the store has too much to write")]
    Busy,
    /// Closed, or closing.
    #[error("the store is closed")]
    Closed,
    /// Anything else, in words for the log.
    #[error("{0}")]
    Other(String),
}

/// Where messages, their history and their callbacks are kept.
pub trait Store: Send + Sync + 'static {
    /// Applies changes, in order, in one durable transaction (possibly together with others').
    /// One verdict per change; a change that is not applied has no effect at all.
    fn commit(&self, changes: Vec<Change>) -> Reply<'_, Vec<Verdict>>;

    /// The records of these messages, in order.
    fn load(&self, ids: Vec<MessageId>) -> Reply<'_, Vec<Option<Record>>>;

    /// The message to which the account gave this id of its own.
    fn by_client_ref(
        &self,
        account: AccountName,
        dialect: &'static str,
        client_ref: String,
    ) -> Reply<'_, Option<MessageId>>;

    /// The attempts and parts that a route's network knows by these ids, in order.
    fn by_upstream(&self, route: RouteName, upstream: Vec<String>) -> Reply<'_, Vec<Option<Part>>>;

    /// The history of a message, oldest first.
    fn history(&self, id: MessageId) -> Reply<'_, Vec<HistoryEntry>>;

    /// What happened to all messages after the given cursor (0: from the beginning), in the order
    /// in which it became durable, at most `limit` transitions. Nothing that is committed later
    /// ever appears before what was read, so that a reader who goes on after the last cursor it
    /// read misses nothing, restarts included; what was removed meanwhile is left out.
    fn history_since(&self, cursor: i64, limit: usize) -> Reply<'_, Vec<HistoryRow>> {
        let _ = (cursor, limit);
        Box::pin(std::future::ready(Err(no_common_order())))
    }

    /// The cursor after everything that has happened so far.
    fn history_cursor(&self) -> Reply<'_, i64> {
        Box::pin(std::future::ready(Err(no_common_order())))
    }

    /// Alarms up to `until`, earliest first, after the given one, at most `limit`.
    fn due(
        &self,
        until: Time,
        after: Option<(Time, MessageId)>,
        limit: usize,
    ) -> Reply<'_, Vec<(Time, MessageId)>>;

    /// Lanes with queued messages.
    fn lanes(&self) -> Reply<'_, Vec<Lane>>;

    /// Messages queued in a lane and class, in order of queueing, after the given one, at most
    /// `limit`.
    fn queued(
        &self,
        lane: Lane,
        priority: Priority,
        after: Option<QueuePlace>,
        limit: usize,
    ) -> Reply<'_, Vec<QueuePlace>>;

    /// Callbacks due up to `until`, earliest first, at most `limit`. Only the oldest unfinished
    /// callback of each message and address is eligible, so that order per message holds.
    fn callbacks_due(&self, until: Time, limit: usize) -> Reply<'_, Vec<StoredCallback>>;

    /// The same, beginning behind the callback with this time and id: who cannot send the earliest
    /// ones now looks further.
    fn callbacks_due_after(
        &self,
        until: Time,
        after: (Time, i64),
        limit: usize,
    ) -> Reply<'_, Vec<StoredCallback>>;

    /// Callbacks that commits have made due since this was asked last: those that
    /// [`Self::callbacks_due`] would show too, without a look into the outbox. A store need not
    /// keep them, nor all of them: then it says so, and the outbox must be looked into.
    fn fresh_callbacks(&self) -> Fresh {
        Fresh { callbacks: Vec::new(), complete: false }
    }

    /// When the next callback after those is due.
    fn next_callback_at(&self) -> Reply<'_, Option<Time>>;

    /// All callbacks of a message, oldest first.
    fn callbacks_of(&self, id: MessageId) -> Reply<'_, Vec<StoredCallback>>;

    /// Parked callbacks of an account (or of all), oldest first, after the given id.
    fn callbacks_parked(
        &self,
        account: Option<AccountName>,
        after: i64,
        limit: usize,
    ) -> Reply<'_, Vec<StoredCallback>>;

    /// What is remembered under a key.
    fn recall(&self, account: AccountName, kind: &'static str, key: String) -> Reply<'_, Option<Remembered>>;

    /// A document.
    fn document(&self, account: AccountName, kind: &'static str, key: String) -> Reply<'_, Option<Document>>;

    /// All documents of a kind, by key, after the given key, at most `limit`.
    fn documents(
        &self,
        account: AccountName,
        kind: &'static str,
        after: String,
        limit: usize,
    ) -> Reply<'_, Vec<Document>>;

    /// Messages with a report waiting to be pulled, oldest first, at most `limit`.
    fn pullable(
        &self,
        account: AccountName,
        dialect: &'static str,
        filter: PullFilter,
        limit: usize,
    ) -> Reply<'_, Vec<MessageId>>;

    /// Messages that match, newest first (in order of storing), before the given one, at most `limit`.
    fn search(&self, filter: Search, before: Option<MessageId>, limit: usize) -> Reply<'_, Vec<Record>>;

    /// The same with bounded work, for people who page: it may stop early, with fewer messages
    /// than asked for or none at all, and say where to go on.
    fn page(&self, filter: Search, before: Option<MessageId>, limit: usize) -> Reply<'_, Listed> {
        Box::pin(async move {
            let records = self.search(filter, before, limit).await?;
            let next = records.last().filter(|_| records.len() == limit).map(|record| record.message.id);
            Ok(Listed { records, next })
        })
    }

    /// What an account has; `None` if it has no balance.
    fn balance(&self, account: AccountName) -> Reply<'_, Option<Balance>>;

    /// Movements of an account's money (of one message only, if given), oldest first, after the
    /// given id, at most `limit`.
    fn ledger(
        &self,
        account: AccountName,
        message: Option<MessageId>,
        after: i64,
        limit: usize,
    ) -> Reply<'_, Vec<LedgerRow>>;

    /// Movements of an account's money, newest first, before the given id, at most `limit`.
    fn ledger_newest(&self, account: AccountName, before: i64, limit: usize) -> Reply<'_, Vec<LedgerRow>> {
        /// Rows read at a time.
        const PAGE: usize = 1000;
        Box::pin(async move {
            let (mut newest, mut after) = (std::collections::VecDeque::new(), 0);
            loop {
                let rows = self.ledger(account.clone(), None, after, PAGE).await?;
                let Some(last) = rows.last().map(|row| row.id) else { break };
                for row in rows.into_iter().filter(|row| row.id < before) {
                    newest.push_front(row);
                    newest.truncate(limit);
                }
                after = last;
            }
            Ok(newest.into())
        })
    }

    /// Messages accepted and not settled, by account: what the limits and metrics look at.
    fn unfinished(&self) -> Reply<'_, Vec<(AccountName, u64)>>;

    /// Removes up to `limit` messages settled before the instant, with all that belongs to them
    /// and has no business left (an unfinished callback keeps its message), and expired
    /// remembered keys. Returns how many messages were removed.
    fn sweep(&self, settled_before: Time, now: Time, limit: usize) -> Reply<'_, usize>;

    /// Writes a consistent copy of the whole store to a path that does not exist yet.
    fn backup(&self, to: std::path::PathBuf) -> Reply<'_, ()>;

    /// Counters for metrics.
    fn stats(&self) -> StoreStats;

    /// Stops taking changes, finishes those taken, closes.
    fn close(&self) -> Reply<'_, ()>;
}

fn no_common_order() -> StoreError {
    StoreError::Other("this store keeps no order among the histories of messages".to_owned())
}

/// One transition of a message, in the order of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its place; later ones have higher ones.
    pub cursor: i64,
    /// The message.
    pub message: MessageId,
    /// What happened, in order.
    pub entries: Vec<HistoryEntry>,
}

/// A message with its state.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The immutable part.
    pub message: Arc<Message>,
    /// The changing part.
    pub state: State,
    /// How often it was changed; 1 after insertion.
    pub version: u32,
}

/// One atomic change.
#[derive(Clone, Debug)]
pub enum Change {
    /// New messages of one submission (or one chunk of a large one), and what is remembered with
    /// them. Refused as a whole with [`Verdict::Remembered`] if the key to be remembered already
    /// is, with [`Verdict::LowBalance`] if the account cannot pay for it, or with
    /// [`Verdict::Duplicate`] if a client id is taken; looked at in this order.
    Insert(Insert),
    /// New messages of one submission that have different plans: all of these or, as with
    /// [`Self::Insert`], none. Positions of [`Verdict::Duplicate`] count through all messages in
    /// order.
    InsertAll(Vec<Insert>),
    /// A message went on.
    Update(Update),
    /// A person wrote: remember that it was seen, and call back. [`Verdict::Remembered`] if it was
    /// seen before.
    Inbound {
        /// Under which key it is known.
        seen: Remembered,
        /// Dialect of the callbacks.
        dialect: &'static str,
        /// Callbacks called for.
        callbacks: Vec<NewCallback>,
    },
    /// A callback was tried. [`Verdict::Conflict`] if it is not pending.
    Callback(CallbackResult),
    /// Parked callbacks are to be sent again, their tries counted anew: these ids. Those not
    /// parked are left as they are.
    ReplayCallbacks {
        /// Their ids.
        ids: Vec<i64>,
        /// When.
        due_at: Time,
    },
    /// Remember something under a key for a while. [`Verdict::Remembered`] if it already is.
    Remember(Remembered),
    /// Forget a remembered key.
    Forget {
        /// Whose.
        account: AccountName,
        /// Kind of key.
        kind: &'static str,
        /// The key.
        key: String,
    },
    /// Write a document. [`Verdict::Conflict`] if its version is not the stored one (0: must not
    /// exist yet).
    PutDocument(Document),
    /// Remove a document.
    RemoveDocument {
        /// Whose.
        account: AccountName,
        /// Kind.
        kind: &'static str,
        /// Key.
        key: String,
    },
    /// Reports were handed out. [`Verdict::Conflict`], and none of them counts as handed out, if
    /// one was handed out before: so that each is handed out once, list again.
    Pulled(Vec<MessageId>),
    /// Begin the balance of an account. [`Verdict::Conflict`], and nothing changes, if it has one.
    OpenBalance {
        /// Whose.
        account: AccountName,
        /// ISO 4217 code.
        currency: String,
        /// What it begins with.
        micros: i64,
        /// When.
        at: Time,
    },
    /// Put money into an account. [`Verdict::Conflict`] if it has no balance, or the payment is
    /// known.
    TopUp(TopUp),
}

/// New messages.
#[derive(Clone, Debug)]
pub struct Insert {
    /// The submission.
    pub batch: BatchId,
    /// Brief and plan, stored once for all messages of the submission.
    pub shared: Arc<Shared>,
    /// The messages with their first state.
    pub messages: Vec<NewMessage>,
    /// Remembered with them: an idempotency key with the answer.
    pub remember: Option<Remembered>,
    /// Money set aside for them; `None` if the account has no balance.
    pub reserve: Option<Reserve>,
}

/// One new message.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The message.
    pub message: Arc<Message>,
    /// State after its first events.
    pub state: State,
    /// What is derived from the state for indexes.
    pub facts: Facts,
    /// What happened so far.
    pub history: Vec<HistoryEntry>,
    /// Callbacks already called for.
    pub callbacks: Vec<NewCallback>,
}

/// A message went on.
#[derive(Clone, Debug)]
pub struct Update {
    /// Which.
    pub id: MessageId,
    /// The version it was loaded at; [`Verdict::Conflict`] if it moved since.
    pub version: u32,
    /// New state.
    pub state: State,
    /// What is derived from the state for indexes.
    pub facts: Facts,
    /// New entries of the history.
    pub history: Vec<HistoryEntry>,
    /// Ids that a network gave.
    pub upstream: Vec<UpstreamRow>,
    /// Callbacks called for.
    pub callbacks: Vec<NewCallback>,
    /// What becomes of the money set aside for it; `None` if nothing.
    pub money: Option<Money>,
}

/// What indexes and lists need to know of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Next alarm.
    pub wake_at: Option<Time>,
    /// Lane and place if an attempt is queued.
    pub queued: Option<(Lane, Priority, Time)>,
    /// Status as told.
    pub status: Status,
    /// Channel of the deciding step.
    pub channel: Channel,
    /// When settled.
    pub settled_at: Option<Time>,
    /// A report waits to be pulled.
    pub pullable: bool,
}

/// A queue of its own: what one account sends by one sender over one route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// Route.
    pub route: RouteName,
    /// Sender, empty for the route's own.
    pub sender: String,
    /// Account.
    pub account: AccountName,
}

/// Place of a queued message in its lane and class: ordered by (not before, id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuePlace {
    /// Not to be sent before.
    pub not_before: Time,
    /// The message.
    pub id: MessageId,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done and durable.
    Applied,
    /// The version moved: load again.
    Conflict,
    /// These client ids are taken, by position in the insert.
    Duplicate(Vec<usize>),
    /// The account cannot pay for it.
    LowBalance,
    /// The key is taken; this is what stands there.
    Remembered(Remembered),
}

/// Part of an attempt known to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The attempt.
    pub attempt: AttemptId,
    /// The part, from 0.
    pub part: u8,
}

/// An id given by a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRow {
    /// Whose network.
    pub route: RouteName,
    /// The id, canonical.
    pub upstream: String,
    /// What it names.
    pub part: Part,
}

/// One thing that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When.
    pub at: Time,
    /// What, as the engine's event (or a note of the desk).
    pub what: Happening,
    /// What the engine decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<engine::Decision>,
}

/// What a history entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// An event of the engine.
    Event(engine::Event),
    /// A note by another part: media checked or converted, link opened, operator's action.
    Note {
        /// Which part.
        by: String,
        /// In words for people, without content.
        text: String,
    },
}

/// A callback to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCallback {
    /// Address; orders are kept per message and address.
    pub url: String,
    /// The request, as the courant crate serialises it.
    pub request: Vec<u8>,
    /// When to send first.
    pub due_at: Time,
    /// In words for people: `delivered`, `read`.
    pub about: String,
}

/// A callback in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCallback {
    /// Its id; later callbacks have higher ids.
    pub id: i64,
    /// Message it is about; `None` for inbound messages.
    pub message: Option<MessageId>,
    /// Whose.
    pub account: AccountName,
    /// Dialect it speaks.
    pub dialect: String,
    /// Address.
    pub url: String,
    /// The request.
    pub request: Vec<u8>,
    /// In words for people.
    pub about: String,
    /// When it was called for.
    pub created_at: Time,
    /// When it is due (pending) or was finished.
    pub due_at: Time,
    /// How often it was tried.
    pub tries: u32,
    /// Where it stands.
    pub standing: CallbackStanding,
    /// What came of the last try, in words.
    pub last_result: Option<String>,
}

/// Callbacks that became due a moment ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// In the order of their commits.
    pub callbacks: Vec<StoredCallback>,
    /// Whether there were no others.
    pub complete: bool,
}

impl Default for Fresh {
    fn default() -> Self {
        Self { callbacks: Vec::new(), complete: true }
    }
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackStanding {
    /// To be sent.
    Pending,
    /// Acknowledged by the receiver.
    Done,
    /// Given up; can be replayed.
    Parked,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackResult {
    /// Which.
    pub id: i64,
    /// When.
    pub at: Time,
    /// Where it stands now.
    pub standing: CallbackStanding,
    /// When to try again, if pending.
    pub due_at: Time,
    /// In words for people.
    pub result: String,
}

/// Something remembered for a while: an idempotency key with its answer, a nonce, a session, an
/// inbound message already seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Whose.
    pub account: AccountName,
    /// Kind of key.
    pub kind: &'static str,
    /// The key.
    pub key: String,
    /// What is remembered.
    pub value: Vec<u8>,
    /// Until when.
    pub until: Time,
}

/// A small document of an account: a scenario, a stored plan, a template, a balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Whose.
    pub account: AccountName,
    /// Kind.
    pub kind: &'static str,
    /// Key.
    pub key: String,
    /// Content.
    pub json: String,
    /// How often it was written; on a write, the version it replaces.
    pub version: u32,
}

/// Which waiting reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullFilter {
    /// Only of this bulk id (the caller's).
    pub bulk: Option<String>,
    /// Only of this submission.
    pub batch: Option<BatchId>,
    /// Only of this message.
    pub message: Option<MessageId>,
    /// Only decided by this channel.
    pub channel: Option<Channel>,
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// Messages that match, newest first.
    pub records: Vec<Record>,
    /// Before which message to go on; `None` if there is nothing more.
    pub next: Option<MessageId>,
}

/// Which messages to list. Every given condition must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Account.
    pub account: Option<AccountName>,
    /// Dialect.
    pub dialect: Option<String>,
    /// Channel of the deciding step.
    pub channel: Option<Channel>,
    /// Status by [`Status::as_str`].
    pub status: Option<String>,
    /// Cause of failure.
    pub cause: Option<Cause>,
    /// Recipient as [`model::Recipient::display`] shows it, exactly.
    pub recipient: Option<String>,
    /// The caller's bulk id.
    pub bulk: Option<String>,
    /// Submission.
    pub batch: Option<BatchId>,
    /// Accepted at or after.
    pub since: Option<Time>,
    /// Accepted before.
    pub until: Option<Time>,
    /// Settled or not.
    pub settled: Option<bool>,
}

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Transactions.
    pub commits: u64,
    /// Changes applied.
    pub changes: u64,
    /// Time spent in committing, in microseconds (the sync included).
    pub commit_micros: u64,
    /// Changes waiting now.
    pub waiting: u64,
    /// How many may wait before more are refused; 0 if there is no such bound.
    pub max_waiting: u64,
    /// Size of the database in bytes.
    pub bytes: u64,
    /// Transactions that failed.
    pub failures: u64,
    /// Changes that are durable in a journal and not in the database yet; 0 for a store without one.
    pub unapplied: u64,
    /// How long it took to bring a journal's changes into the database, in microseconds.
    pub apply_times: Tally,
    /// How long transactions took, in microseconds (the sync included).
    pub commit_times: Tally,
    /// How long the last part of each took that makes it durable, in microseconds.
    pub sync_times: Tally,
    /// Changes per transaction.
    pub commit_sizes: Tally,
    /// Microseconds since the last transaction that succeeded; `None` if there was none yet.
    pub idle_micros: Option<u64>,
    /// Microseconds since the last transaction failed, if none has succeeded after it.
    pub failing_micros: Option<u64>,
}

/// How often something took how long, or was how large, counted by powers of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// At place `n`: how often it was above `2^(n-1)` and at most `2^n`; at the last place also
    /// everything larger.
    pub counts: [u64; Self::PLACES],
    /// The sum of all.
    pub sum: u64,
}

impl Tally {
    /// How many powers of two are told apart.
    pub const PLACES: usize = 28;

    /// The place of a value.
    #[must_use]
    pub fn place(value: u64) -> usize {
        let power = u64::BITS - value.saturating_sub(1).leading_zeros();
        (power as usize).min(Self::PLACES - 1)
    }
}
