//! What becomes of a change, decided before it is written: by what is pending, and where that does
//! not know, by what the database has.

use std::collections::HashSet;

use model::{MessageId, Time};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{
    SqliteOptions,
    apply::called_at,
    codes::{Words, standing_of},
    encode::{Load, Ready, ReadyInsert, ReadyUpdate},
    journal::Numbers,
    open,
    pending::{Called, ClientRef, Owner, Pending},
};
use crate::{CallbackResult, CallbackStanding, Change, Fresh, NewCallback, Remembered, StoreError, Verdict};

/// Decides, and adds what is to be applied to the current generation.
#[derive(Debug)]
pub(super) struct Decider {
    /// Reads what the database has.
    connection: Connection,
    names: Words,
    dialects: Words,
    pub(super) numbers: Numbers,
    /// Callbacks that the group being decided makes due.
    pub(super) fresh: Fresh,
    /// The number of the record being written.
    pub(super) record: u64,
    /// No message of the database has a higher id. Ids begin with the time, so that hardly any new
    /// one must be looked for.
    highest: MessageId,
    /// Whether a snapshot of the database is held.
    looking: bool,
}

/// A message as the database has it.
struct Found {
    version: u32,
    account: i64,
    dialect: i64,
}

/// A callback of the database, or of a generation before the current one.
struct Older {
    message: Option<MessageId>,
    url: String,
    pending: bool,
}

impl Decider {
    pub(super) fn new(options: &SqliteOptions, numbers: Numbers) -> Result<Self> {
        let connection = open::reader(options)?;
        let highest: Option<[u8; 16]> =
            connection.query_row("SELECT max(id) FROM message", [], |row| row.get(0))?;
        Ok(Self {
            connection,
            highest: highest.map_or(MessageId(0), |bytes| MessageId(u128::from_be_bytes(bytes))),
            looking: false,
            names: Words::names(),
            dialects: Words::dialects(),
            numbers,
            fresh: Fresh::default(),
            record: 0,
        })
    }

    /// Takes a snapshot of the database for the reads that follow, unless there is one: locks and
    /// unlocks of the file cost more than the reads.
    fn look(&mut self) -> Result<()> {
        if !self.looking {
            self.connection.prepare_cached("BEGIN")?.execute([])?;
            self.looking = true;
        }
        Ok(())
    }

    /// Gives the snapshot back. What is applied afterwards is seen by the next one.
    pub(super) fn look_away(&mut self) {
        if std::mem::take(&mut self.looking)
            && let Err(error) = self.connection.execute_batch("COMMIT")
        {
            tracing::warn!(%error, "a snapshot of the database could not be given back");
        }
    }

    /// Notes that messages came into the database.
    pub(super) fn stored(&mut self, ids: impl Iterator<Item = MessageId>) {
        self.highest = ids.fold(self.highest, MessageId::max);
    }

    /// Refuses what is a mistake of the caller's, before anything of it is taken.
    pub(super) fn check(&mut self, pending: &Pending, load: &Load) -> std::result::Result<(), StoreError> {
        let mut seen = HashSet::new();
        for id in load.new_messages() {
            let old = id <= self.highest && self.is_stored(id).map_err(super::failure)?;
            if old || !seen.insert(id) || pending.has_message(id) {
                return Err(StoreError::Other(format!("there is a message {id} already")));
            }
        }
        Ok(())
    }

    /// Decides about a change, and takes it if it is to be applied.
    pub(super) fn decide(&mut self, pending: &mut Pending, change: Ready) -> Result<Verdict> {
        match change {
            Ready::Insert(inserts) => self.insert(pending, inserts),
            Ready::Update(update) => self.update(pending, *update),
            Ready::Plain(Change::Inbound { seen, dialect, callbacks }) => {
                self.inbound(pending, seen, dialect, callbacks)
            }
            Ready::Plain(Change::Callback(result)) => self.callback(pending, result),
            Ready::Plain(Change::Remember(remembered)) => self.remember(pending, remembered),
            Ready::Plain(
                Change::Insert(_)
                | Change::InsertAll(_)
                | Change::Update(_)
                | Change::ReplayCallbacks { .. }
                | Change::Forget { .. }
                | Change::PutDocument(_)
                | Change::RemoveDocument { .. }
                | Change::Pulled(_)
                | Change::OpenBalance { .. }
                | Change::TopUp(_),
            ) => unreachable!("changes of this kind have no record and go to the database at once"),
        }
    }

    fn insert(&mut self, pending: &mut Pending, inserts: Vec<ReadyInsert>) -> Result<Verdict> {
        for remember in inserts.iter().filter_map(|insert| insert.remember.as_ref()) {
            if let Some(there) = self.recall(pending, remember)? {
                return Ok(Verdict::Remembered(there));
            }
        }
        let taken = self.taken_refs(pending, &inserts)?;
        if !taken.is_empty() {
            return Ok(Verdict::Duplicate(taken));
        }
        for insert in inserts {
            self.begin(pending, insert);
        }
        Ok(Verdict::Applied)
    }

    fn begin(&mut self, pending: &mut Pending, mut insert: ReadyInsert) {
        if let Some(remember) = insert.remember.take() {
            pending.current.remember(remember, self.record);
        }
        let mut added = Vec::with_capacity(insert.messages.len());
        for new in &mut insert.messages {
            let history = std::mem::take(&mut new.history);
            let callbacks = std::mem::take(&mut new.callbacks);
            let owner = (new.message.account.clone(), new.message.dialect.to_owned());
            added.push((new.message.id, owner, new.called_at, history, callbacks));
        }
        pending.current.begin(insert, self.record);
        for (id, owner, called_at, history, callbacks) in added {
            self.add_transition(pending, id, history);
            for callback in callbacks {
                let head = pending.current.oldest_pending(id, &callback.url, &pending.current).is_none();
                self.call(pending, Some(id), owner.clone(), called_at, callback, head);
            }
        }
    }

    fn taken_refs(&mut self, pending: &Pending, inserts: &[ReadyInsert]) -> Result<Vec<usize>> {
        let mut seen = HashSet::new();
        let mut taken = Vec::new();
        for (position, new) in inserts.iter().flat_map(|insert| &insert.messages).enumerate() {
            let message = &*new.message;
            let Some(text) = message.client_ref.clone() else { continue };
            let client_ref = (message.account.clone(), message.dialect, text);
            if pending.client_ref(&client_ref).is_some()
                || self.is_ref_stored(&client_ref)?
                || !seen.insert(client_ref)
            {
                taken.push(position);
            }
        }
        Ok(taken)
    }

    fn is_ref_stored(&mut self, (account, dialect, text): &ClientRef) -> Result<bool> {
        self.look()?;
        let Some(account) = self.names.find(&self.connection, account.as_str())? else { return Ok(false) };
        let Some(dialect) = self.dialects.find(&self.connection, dialect)? else { return Ok(false) };
        self.connection
            .prepare_cached("SELECT 1 FROM client_ref WHERE account = ?1 AND dialect = ?2 AND ref = ?3")?
            .exists(params![account, dialect, text])
    }

    fn is_stored(&mut self, id: MessageId) -> Result<bool> {
        self.look()?;
        self.connection.prepare_cached("SELECT 1 FROM message WHERE id = ?1")?.exists([id.to_bytes()])
    }

    fn update(&mut self, pending: &mut Pending, mut update: ReadyUpdate) -> Result<Verdict> {
        let id = update.id;
        let Some((version, owner)) = self.standing(pending, id)? else { return Ok(Verdict::Conflict) };
        if version != update.version {
            return Ok(Verdict::Conflict);
        }
        let at = called_at(&update);
        let history = std::mem::take(&mut update.history);
        let callbacks = std::mem::take(&mut update.callbacks);
        let known = pending.current.has_message(id);
        let owners = (owner.account.clone(), owner.dialect.clone());
        pending.current.go_on(update, (!known).then_some(owner), self.record);
        self.add_transition(pending, id, history);
        for callback in callbacks {
            let head = self.oldest_pending(pending, id, &callback.url)?.is_none();
            self.call(pending, Some(id), owners.clone(), at, callback, head);
        }
        Ok(Verdict::Applied)
    }

    /// The version of a message, and whose it is.
    fn standing(&mut self, pending: &Pending, id: MessageId) -> Result<Option<(u32, Owner)>> {
        for generation in pending.generations() {
            if let Some(now) = generation.now(id) {
                return Ok(generation.owner(id).map(|owner| (now.version, owner)));
            }
        }
        self.look()?;
        let found = self
            .connection
            .prepare_cached("SELECT version, account, dialect FROM message WHERE id = ?1")?
            .query_row([id.to_bytes()], |row| {
                Ok(Found { version: row.get(0)?, account: row.get(1)?, dialect: row.get(2)? })
            })
            .optional()?;
        let Some(found) = found else { return Ok(None) };
        let owner = Owner {
            account: self.names.text(&self.connection, found.account)?.into(),
            dialect: self.dialects.text(&self.connection, found.dialect)?.to_owned(),
        };
        Ok(Some((found.version, owner)))
    }

    fn add_transition(&mut self, pending: &mut Pending, id: MessageId, entries: Vec<u8>) {
        if !entries.is_empty() {
            pending.current.add_transition(id, self.numbers.next_history(), entries);
        }
    }

    fn call(
        &mut self,
        pending: &mut Pending,
        message: Option<MessageId>,
        owner: (model::AccountName, String),
        created_at: Time,
        callback: NewCallback,
        head: bool,
    ) {
        let called = Called::new(self.numbers.next_callback(), message, owner, created_at, callback);
        if head {
            self.fresh.push(called.stored.clone());
        }
        pending.current.add_callback(called);
    }

    fn inbound(
        &mut self,
        pending: &mut Pending,
        seen: Remembered,
        dialect: &str,
        callbacks: Vec<NewCallback>,
    ) -> Result<Verdict> {
        if let Some(there) = self.recall(pending, &seen)? {
            return Ok(Verdict::Remembered(there));
        }
        let owner = (seen.account.clone(), dialect.to_owned());
        pending.current.remember(seen, self.record);
        for callback in callbacks {
            let due_at = callback.due_at;
            self.call(pending, None, owner.clone(), due_at, callback, true);
        }
        Ok(Verdict::Applied)
    }

    fn remember(&mut self, pending: &mut Pending, remembered: Remembered) -> Result<Verdict> {
        if let Some(there) = self.recall(pending, &remembered)? {
            return Ok(Verdict::Remembered(there));
        }
        pending.current.remember(remembered, self.record);
        Ok(Verdict::Applied)
    }

    fn recall(&mut self, pending: &Pending, wanted: &Remembered) -> Result<Option<Remembered>> {
        let key = (wanted.account.clone(), wanted.kind, wanted.key.clone());
        if let Some(there) = pending.remembered(&key) {
            return Ok(Some(there.value.clone()));
        }
        self.look()?;
        let Some(account) = self.names.find(&self.connection, wanted.account.as_str())? else {
            return Ok(None);
        };
        let Some(kind) = self.names.find(&self.connection, wanted.kind)? else { return Ok(None) };
        self.connection
            .prepare_cached(
                "SELECT value, until FROM remembered WHERE account = ?1 AND kind = ?2 AND key = ?3",
            )?
            .query_row(params![account, kind, wanted.key], |row| {
                Ok(Remembered { value: row.get(0)?, until: Time(row.get(1)?), ..wanted.clone() })
            })
            .optional()
    }

    fn callback(&mut self, pending: &mut Pending, result: CallbackResult) -> Result<Verdict> {
        let Some(older) = self.known_callback(pending, result.id)?.filter(|known| known.pending) else {
            return Ok(Verdict::Conflict);
        };
        let finished = result.standing != CallbackStanding::Pending;
        pending.current.add_result(result);
        if let Some(message) = older.message.filter(|_| finished) {
            self.promote(pending, message, &older.url)?;
        }
        Ok(Verdict::Applied)
    }

    fn known_callback(&mut self, pending: &Pending, id: i64) -> Result<Option<Older>> {
        let finished = pending.generations().any(|generation| generation.has_finished(id));
        if let Some(stored) = pending.generations().find_map(|generation| generation.callback(id)) {
            let pending = !finished && stored.standing == CallbackStanding::Pending;
            return Ok(Some(Older { message: stored.message, url: stored.url.clone(), pending }));
        }
        self.look()?;
        self.connection
            .prepare_cached(
                "SELECT m.id, c.url, c.standing FROM callback c LEFT JOIN message m ON m.key = c.message
                 WHERE c.id = ?1",
            )?
            .query_row([id], |row| {
                let message: Option<[u8; 16]> = row.get(0)?;
                let standing = standing_of(row.get(2)?)?;
                Ok(Older {
                    message: message.map(|bytes| MessageId(u128::from_be_bytes(bytes))),
                    url: row.get(1)?,
                    pending: !finished && standing == CallbackStanding::Pending,
                })
            })
            .optional()
    }

    /// Tells of the callback whose turn it is after one to the same address was finished.
    fn promote(&mut self, pending: &Pending, message: MessageId, url: &str) -> Result<()> {
        let Some(next) = self.oldest_pending(pending, message, url)? else { return Ok(()) };
        match pending.generations().find_map(|generation| generation.callback(next)) {
            Some(stored) => self.fresh.push(stored.clone()),
            None => self.fresh.complete = false,
        }
        Ok(())
    }

    /// The oldest pending callback about a message to an address.
    fn oldest_pending(&mut self, pending: &Pending, message: MessageId, url: &str) -> Result<Option<i64>> {
        if pending.begun(message).is_none()
            && let Some(stored) = self.oldest_stored(pending, message, url)?
        {
            return Ok(Some(stored));
        }
        let before = pending.applying.as_deref();
        let older = before.and_then(|before| before.oldest_pending(message, url, &pending.current));
        let newer = || pending.current.oldest_pending(message, url, &pending.current);
        Ok(older.or_else(newer).map(|stored| stored.id))
    }

    fn oldest_stored(&mut self, pending: &Pending, message: MessageId, url: &str) -> Result<Option<i64>> {
        self.look()?;
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM callback WHERE message = (SELECT key FROM message WHERE id = ?1)
                 AND standing = 0 AND url = ?2 ORDER BY id",
        )?;
        let mut rows = statement.query(params![message.to_bytes(), url])?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            if !pending.generations().any(|generation| generation.has_finished(id)) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}
