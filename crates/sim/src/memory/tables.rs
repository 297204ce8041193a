//! What a store holds, and how changes alter it: the durable state, as plain data.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use model::{AccountName, AttemptId, MessageId, RouteName, Time, message::Priority};
use store::{
    CallbackResult, CallbackStanding, Change, Document, Facts, HistoryEntry, Insert, Lane, NewCallback,
    NewMessage, Part, QueuePlace, Record, Remembered, StoredCallback, Update, UpstreamRow, Verdict,
};

use super::money::Purse;

/// A message with all that is kept of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its place in the order of storing.
    pub key: u64,
    /// Message, state and version.
    pub record: Record,
    /// As last saved.
    pub facts: Facts,
    /// Whether a report waits to be pulled.
    pub pullable: bool,
    /// Oldest first.
    pub history: Vec<HistoryEntry>,
}

/// Everything durable.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub(super) rows: BTreeMap<MessageId, Row>,
    pub(super) by_key: BTreeMap<u64, MessageId>,
    pub(super) refs: HashMap<(AccountName, &'static str, String), MessageId>,
    pub(super) upstream: HashMap<(RouteName, String), Vec<(u64, Part)>>,
    pub(super) alarms: BTreeSet<(Time, MessageId)>,
    pub(super) queues: BTreeMap<(Lane, Priority), BTreeSet<QueuePlace>>,
    pub(super) callbacks: BTreeMap<i64, StoredCallback>,
    pub(super) pending: BTreeSet<i64>,
    pub(super) remembered: BTreeMap<(AccountName, &'static str, String), Remembered>,
    pub(super) documents: BTreeMap<(AccountName, &'static str, String), Document>,
    pub(super) purse: Purse,
    /// Removed messages with their callbacks, kept for the checkers alone.
    pub(super) removed: Vec<(Row, Vec<StoredCallback>)>,
    /// All transitions in the order of storing, by cursor.
    pub(super) journal: BTreeMap<i64, (MessageId, Vec<HistoryEntry>)>,
    pub(super) last_cursor: i64,
    last_key: u64,
    last_callback: i64,
}

/// Who and what callbacks are about.
struct About {
    message: Option<MessageId>,
    account: AccountName,
    dialect: &'static str,
    created_at: Option<Time>,
}

impl Tables {
    /// Applies one change, wholly or not at all.
    pub(super) fn apply(&mut self, change: Change) -> Verdict {
        match change {
            Change::Insert(insert) => self.insert(vec![insert]),
            Change::InsertAll(inserts) => self.insert(inserts),
            Change::Update(update) => self.update(update),
            Change::Inbound { seen, dialect, callbacks } => self.inbound(seen, dialect, &callbacks),
            Change::Callback(result) => self.finish(&result),
            Change::ReplayCallbacks { ids, due_at } => self.replay(&ids, due_at),
            Change::Remember(remembered) => self.remember(remembered),
            Change::Forget { account, kind, key } => {
                self.remembered.remove(&(account, kind, key));
                Verdict::Applied
            }
            Change::PutDocument(document) => self.put_document(document),
            Change::RemoveDocument { account, kind, key } => {
                self.documents.remove(&(account, kind, key));
                Verdict::Applied
            }
            Change::Pulled(ids) => self.pulled(&ids),
            Change::OpenBalance { account, currency, micros, at } => {
                applied_if(self.purse.open(&account, currency, micros, at))
            }
            Change::TopUp(top_up) => applied_if(self.purse.top_up(&top_up)),
        }
    }

    fn insert(&mut self, inserts: Vec<Insert>) -> Verdict {
        let mut keys = inserts.iter().filter_map(|insert| insert.remember.as_ref());
        if let Some(known) = keys.find_map(|wanted| self.known(wanted)) {
            return Verdict::Remembered(known.clone());
        }
        if inserts.first().is_some_and(|insert| !self.is_covered(insert)) {
            return Verdict::LowBalance;
        }
        let taken = self.taken(inserts.iter().flat_map(|insert| &insert.messages));
        if !taken.is_empty() {
            return Verdict::Duplicate(taken);
        }
        for insert in inserts {
            self.purse.hold(&insert);
            insert.messages.into_iter().for_each(|new| self.add(new));
            if let Some(remember) = insert.remember {
                self.remember(remember);
            }
        }
        Verdict::Applied
    }

    /// Whether the account can pay for the insert and those that follow it.
    fn is_covered(&self, insert: &Insert) -> bool {
        let paid = insert.reserve.as_ref().zip(insert.messages.first());
        paid.is_none_or(|(reserve, first)| self.purse.covers(&first.message.account, reserve))
    }

    /// Positions of messages whose client id is taken, before them or among them.
    fn taken<'a>(&self, messages: impl Iterator<Item = &'a NewMessage>) -> Vec<usize> {
        let mut seen = BTreeSet::new();
        let mut taken = Vec::new();
        for (position, new) in messages.enumerate() {
            let Some(key) = ref_of(&new.message) else { continue };
            if self.refs.contains_key(&key) || !seen.insert(key) {
                taken.push(position);
            }
        }
        taken
    }

    fn add(&mut self, new: NewMessage) {
        let NewMessage { message, state, facts, history, callbacks } = new;
        let id = message.id;
        self.last_key += 1;
        if let Some(key) = ref_of(&message) {
            self.refs.insert(key, id);
        }
        self.by_key.insert(self.last_key, id);
        self.index(id, &facts);
        let about = About {
            message: Some(id),
            account: message.account.clone(),
            dialect: message.dialect,
            created_at: history.last().map(|entry| entry.at),
        };
        self.call_back(&about, &callbacks);
        let record = Record { message, state, version: 1 };
        self.note(record.message.id, &history);
        let row = Row { key: self.last_key, record, pullable: facts.pullable, facts, history };
        assert!(self.rows.insert(id, row).is_none(), "message ids are unique");
    }

    fn update(&mut self, update: Update) -> Verdict {
        let Update { id, version, state, facts, history, upstream, callbacks, money } = update;
        let Some(row) = self.rows.get_mut(&id).filter(|row| row.record.version == version) else {
            return Verdict::Conflict;
        };
        let about = About {
            message: Some(id),
            account: row.record.message.account.clone(),
            dialect: row.record.message.dialect,
            created_at: history.last().map(|entry| entry.at),
        };
        let (key, before) = (row.key, std::mem::replace(&mut row.facts, facts.clone()));
        row.record.state = state;
        row.record.version += 1;
        row.pullable |= facts.pullable;
        row.history.extend(history.iter().cloned());
        self.note(id, &history);
        self.unindex(id, &before);
        self.index(id, &facts);
        for UpstreamRow { route, upstream, part } in upstream {
            self.upstream.entry((route, upstream)).or_default().push((key, part));
        }
        if let Some(money) = &money {
            self.purse.spend(id, money);
        }
        self.call_back(&about, &callbacks);
        Verdict::Applied
    }

    fn index(&mut self, id: MessageId, facts: &Facts) {
        if let Some(at) = facts.wake_at {
            self.alarms.insert((at, id));
        }
        if let Some((lane, priority, not_before)) = &facts.queued {
            let place = QueuePlace { not_before: *not_before, id };
            self.queues.entry((lane.clone(), *priority)).or_default().insert(place);
        }
    }

    fn unindex(&mut self, id: MessageId, facts: &Facts) {
        if let Some(at) = facts.wake_at {
            self.alarms.remove(&(at, id));
        }
        if let Some((lane, priority, not_before)) = &facts.queued {
            let key = (lane.clone(), *priority);
            if let Some(queue) = self.queues.get_mut(&key) {
                queue.remove(&QueuePlace { not_before: *not_before, id });
                if queue.is_empty() {
                    self.queues.remove(&key);
                }
            }
        }
    }

    fn call_back(&mut self, about: &About, callbacks: &[NewCallback]) {
        for callback in callbacks {
            self.last_callback += 1;
            let stored = StoredCallback {
                id: self.last_callback,
                message: about.message,
                account: about.account.clone(),
                dialect: about.dialect.to_owned(),
                url: callback.url.clone(),
                request: callback.request.clone(),
                about: callback.about.clone(),
                created_at: about.created_at.unwrap_or(callback.due_at),
                due_at: callback.due_at,
                tries: 0,
                standing: CallbackStanding::Pending,
                last_result: None,
            };
            self.pending.insert(self.last_callback);
            self.callbacks.insert(self.last_callback, stored);
        }
    }

    fn inbound(&mut self, seen: Remembered, dialect: &'static str, callbacks: &[NewCallback]) -> Verdict {
        if let Some(known) = self.known(&seen) {
            return Verdict::Remembered(known.clone());
        }
        let about = About { message: None, account: seen.account.clone(), dialect, created_at: None };
        self.call_back(&about, callbacks);
        self.remember(seen)
    }

    fn finish(&mut self, result: &CallbackResult) -> Verdict {
        let pending = |callback: &&mut StoredCallback| callback.standing == CallbackStanding::Pending;
        let Some(callback) = self.callbacks.get_mut(&result.id).filter(pending) else {
            return Verdict::Conflict;
        };
        callback.standing = result.standing;
        callback.tries += 1;
        callback.last_result = Some(result.result.clone());
        callback.due_at = match result.standing {
            CallbackStanding::Pending => result.due_at,
            CallbackStanding::Done | CallbackStanding::Parked => {
                self.pending.remove(&result.id);
                result.at
            }
        };
        Verdict::Applied
    }

    fn replay(&mut self, ids: &[i64], due_at: Time) -> Verdict {
        for id in ids {
            let parked = |callback: &&mut StoredCallback| callback.standing == CallbackStanding::Parked;
            if let Some(callback) = self.callbacks.get_mut(id).filter(parked) {
                callback.standing = CallbackStanding::Pending;
                callback.tries = 0;
                callback.due_at = due_at;
                self.pending.insert(*id);
            }
        }
        Verdict::Applied
    }

    fn known(&self, wanted: &Remembered) -> Option<&Remembered> {
        self.remembered.get(&key_of(wanted))
    }

    fn remember(&mut self, remembered: Remembered) -> Verdict {
        if let Some(known) = self.known(&remembered) {
            return Verdict::Remembered(known.clone());
        }
        self.remembered.insert(key_of(&remembered), remembered);
        Verdict::Applied
    }

    fn put_document(&mut self, document: Document) -> Verdict {
        let key = (document.account.clone(), document.kind, document.key.clone());
        let stored = self.documents.get(&key).map_or(0, |stored| stored.version);
        if stored != document.version {
            return Verdict::Conflict;
        }
        self.documents.insert(key, Document { version: stored + 1, ..document });
        Verdict::Applied
    }

    fn pulled(&mut self, ids: &[MessageId]) -> Verdict {
        if !ids.iter().all(|id| self.rows.get(id).is_some_and(|row| row.pullable)) {
            return Verdict::Conflict;
        }
        for id in ids {
            if let Some(row) = self.rows.get_mut(id) {
                row.pullable = false;
            }
        }
        Verdict::Applied
    }

    /// The callbacks that may be sent now or later: of each message and address the oldest one.
    pub(super) fn heads(&self) -> impl Iterator<Item = &StoredCallback> {
        let mut seen = BTreeSet::new();
        self.pending.iter().filter_map(|id| self.callbacks.get(id)).filter(move |callback| {
            callback.message.is_none_or(|message| seen.insert((message, callback.url.as_str())))
        })
    }

    /// Removes messages settled before the instant that wait for no callback.
    pub(super) fn sweep(&mut self, settled_before: Time, now: Time, limit: usize) -> usize {
        let calling: BTreeSet<MessageId> =
            self.pending.iter().filter_map(|id| self.callbacks.get(id)?.message).collect();
        let old = |row: &&Row| row.facts.settled_at.is_some_and(|at| at < settled_before);
        let gone: Vec<MessageId> = self
            .rows
            .values()
            .filter(old)
            .map(|row| row.record.message.id)
            .filter(|id| !calling.contains(id))
            .take(limit)
            .collect();
        gone.iter().for_each(|id| self.remove(*id));
        self.remembered.retain(|_, remembered| remembered.until > now);
        self.callbacks.retain(|_, callback| {
            let pending = callback.standing == CallbackStanding::Pending;
            callback.message.is_some() || pending || callback.due_at >= settled_before
        });
        gone.len()
    }

    /// Writes a transition into the journal.
    fn note(&mut self, id: MessageId, entries: &[HistoryEntry]) {
        if !entries.is_empty() {
            self.last_cursor += 1;
            self.journal.insert(self.last_cursor, (id, entries.to_vec()));
        }
    }

    fn remove(&mut self, id: MessageId) {
        let Some(row) = self.rows.remove(&id) else { return };
        self.journal.retain(|_, (message, _)| *message != id);
        self.unindex(id, &row.facts);
        self.by_key.remove(&row.key);
        self.purse.forget(id);
        if let Some(key) = ref_of(&row.record.message) {
            self.refs.remove(&key);
        }
        self.upstream.retain(|_, parts| {
            parts.retain(|(_, part)| part.attempt.message != id);
            !parts.is_empty()
        });
        let callbacks = self.callbacks_of(id);
        self.callbacks.retain(|_, callback| callback.message != Some(id));
        self.removed.push((row, callbacks));
    }

    pub(super) fn callbacks_of(&self, id: MessageId) -> Vec<StoredCallback> {
        self.callbacks.values().filter(|callback| callback.message == Some(id)).cloned().collect()
    }

    pub(super) fn part(&self, route: &RouteName, upstream: &str) -> Option<Part> {
        let parts = self.upstream.get(&(route.clone(), upstream.to_owned()))?;
        let newest = parts.iter().max_by_key(|(key, part)| (*key, order(part.attempt)));
        newest.map(|(_, part)| *part)
    }

    /// A message, if it is there.
    #[must_use]
    pub fn row(&self, id: MessageId) -> Option<&Row> {
        self.rows.get(&id)
    }

    /// All messages that are there.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// All messages that ever were, with their callbacks.
    #[must_use]
    pub fn everything(&self) -> Vec<(Row, Vec<StoredCallback>)> {
        let present = self.rows.values().map(|row| (row.clone(), self.callbacks_of(row.record.message.id)));
        self.removed.iter().cloned().chain(present).collect()
    }

    /// The money of all accounts.
    #[must_use]
    pub const fn purse(&self) -> &Purse {
        &self.purse
    }

    /// Callbacks that are about no message of ours.
    pub fn inbound_callbacks(&self) -> impl Iterator<Item = &StoredCallback> {
        self.callbacks.values().filter(|callback| callback.message.is_none())
    }

    /// How many callbacks wait, and when the next one is due.
    #[must_use]
    pub fn outbox(&self) -> (usize, Option<Time>) {
        (self.pending.len(), self.heads().map(|callback| callback.due_at).min())
    }

    /// The next alarm.
    #[must_use]
    pub fn next_alarm(&self) -> Option<Time> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// The indexes as they should be by the facts of the rows; compared with those kept.
    #[must_use]
    pub fn indexes_agree(&self) -> bool {
        let mut fresh = Self::default();
        for row in self.rows.values() {
            fresh.index(row.record.message.id, &row.facts);
        }
        fresh.alarms == self.alarms && fresh.queues == self.queues
    }
}

const fn applied_if(done: bool) -> Verdict {
    if done { Verdict::Applied } else { Verdict::Conflict }
}

const fn order(attempt: AttemptId) -> (u8, u16) {
    (attempt.step, attempt.attempt)
}

fn ref_of(message: &Arc<model::Message>) -> Option<(AccountName, &'static str, String)> {
    Some((message.account.clone(), message.dialect, message.client_ref.clone()?))
}

fn key_of(remembered: &Remembered) -> (AccountName, &'static str, String) {
    (remembered.account.clone(), remembered.kind, remembered.key.clone())
}
