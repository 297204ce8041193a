//! Changes applied inside the writer's transaction. Each is checked before anything of it is
//! written, so that one which is not applied leaves no trace and needs no savepoint; an error of
//! the database gives up the whole transaction.

use std::collections::{HashMap, HashSet};

use model::{BatchId, Message, MessageId, Time};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{
    bulk::insert_rows,
    codes::{Words, priority_code, status_code},
    encode::{Ready, ReadyInsert, ReadyMessage, ReadyUpdate},
    facets::{Facet, Facets},
    journal::Numbers,
    marks::{Mark, first_place, segment},
    money, outbox,
};
use crate::{Change, Document, Facts, Fresh, Lane, NewCallback, Remembered, Verdict};

/// Lanes remembered by the writer; beyond that it forgets all and looks them up again.
const LANES_CACHED: usize = 10_000;

/// What the writer knows between changes.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) names: Words,
    pub(super) dialects: Words,
    lanes: HashMap<Lane, i64>,
    pub(super) next: Next,
    /// Change of each account's unfinished messages in this transaction.
    tally: HashMap<i64, i64>,
    /// Callbacks that this transaction made due.
    pub(super) fresh: Fresh,
    pub(super) facets: Facets,
    /// Marks of new messages in this transaction: places with the message's key.
    marks: Vec<(i64, i64)>,
}

/// The next numbers to be given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    message: i64,
    history: i64,
    pub(super) callback: i64,
}

/// A message as an update finds it.
pub(super) struct Found {
    pub(super) key: i64,
    version: u32,
    account: i64,
    dialect: i64,
    pub(super) history: i64,
    settled: bool,
}

/// The changing part of a message, to be written.
pub(super) struct Row<'a> {
    pub(super) key: i64,
    pub(super) version: u32,
    /// The newest transition.
    pub(super) history: i64,
    pub(super) facts: &'a Facts,
    pub(super) state: &'a [u8],
}

/// The columns that are made from facts.
struct Columns {
    wake_at: Option<i64>,
    lane: Option<i64>,
    priority: Option<i64>,
    not_before: Option<i64>,
    status: i64,
    cause: Option<i64>,
    channel: i64,
    settled_at: Option<i64>,
}

impl Writing {
    /// Reads what must be known before the first change.
    pub(super) fn begin(connection: &Connection) -> Result<Self> {
        Ok(Self {
            names: Words::names(),
            dialects: Words::dialects(),
            lanes: HashMap::new(),
            next: Next::read(connection)?,
            tally: HashMap::new(),
            fresh: Fresh::default(),
            facets: Facets::default(),
            marks: Vec::new(),
        })
    }

    /// Forgets what a rolled-back transaction did. The numbers it took stay unused.
    pub(super) fn roll_back(&mut self) {
        self.names.clear();
        self.dialects.clear();
        self.lanes.clear();
        self.tally.clear();
        self.fresh = Fresh::default();
        self.facets.clear();
        self.marks.clear();
    }

    /// Applies one change.
    pub(super) fn apply(&mut self, connection: &Connection, change: &Ready) -> Result<Verdict> {
        match change {
            Ready::Insert(inserts) => self.insert(connection, inserts),
            Ready::Update(update) => self.update(connection, update),
            Ready::Plain(change) => self.plain(connection, change),
        }
    }

    fn plain(&mut self, connection: &Connection, change: &Change) -> Result<Verdict> {
        match change {
            Change::Insert(_) | Change::InsertAll(_) | Change::Update(_) => {
                unreachable!("inserts and updates are encoded before they come here")
            }
            Change::Inbound { seen, dialect, callbacks } => {
                self.inbound(connection, seen, dialect, callbacks)
            }
            Change::Callback(result) => outbox::finish(connection, result, &mut self.fresh),
            Change::ReplayCallbacks { ids, due_at } => {
                outbox::replay(connection, ids, *due_at, &mut self.fresh)
            }
            Change::Remember(remembered) => self.remember(connection, remembered),
            Change::Forget { account, kind, key } => self.forget(connection, account.as_str(), kind, key),
            Change::PutDocument(document) => self.put_document(connection, document),
            Change::RemoveDocument { account, kind, key } => {
                self.remove_document(connection, account.as_str(), kind, key)
            }
            Change::Pulled(ids) => pulled(connection, ids),
            Change::OpenBalance { account, currency, micros, at } => {
                let account = self.names.intern(connection, account.as_str())?;
                Ok(applied_if(money::open(connection, account, currency, *micros, *at)?))
            }
            Change::TopUp(top_up) => {
                let account = self.names.intern(connection, top_up.account.as_str())?;
                Ok(applied_if(money::top_up(connection, account, top_up)?))
            }
        }
    }

    /// Writes what was counted during the transaction; the last thing before its commit.
    pub(super) fn finish(&mut self, connection: &Connection) -> Result<()> {
        let mut statement = connection.prepare_cached(
            "INSERT INTO tally (account, unfinished) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET unfinished = unfinished + excluded.unfinished",
        )?;
        for (account, change) in self.tally.drain().filter(|(_, change)| *change != 0) {
            statement.execute([account, change])?;
        }
        insert_marks(connection, &mut self.marks)?;
        self.facets.finish(connection)
    }

    /// Lets a message be found by a mark, from the end of the transaction on.
    pub(super) fn mark(&mut self, mark: Mark, key: i64) {
        self.marks.push((mark.place(segment(key)), key));
    }

    /// All or none: everything is checked before anything is written.
    fn insert(&mut self, connection: &Connection, inserts: &[ReadyInsert]) -> Result<Verdict> {
        for remember in inserts.iter().filter_map(|insert| insert.remember.as_ref()) {
            if let Some(there) = self.recall(connection, remember)? {
                return Ok(Verdict::Remembered(there));
            }
        }
        // The first requires what all of them do.
        if let Some(first) = inserts.first()
            && !self.is_covered(connection, first)?
        {
            return Ok(Verdict::LowBalance);
        }
        let taken = self.taken_refs(connection, inserts.iter().flat_map(|insert| &insert.messages))?;
        if !taken.is_empty() {
            return Ok(Verdict::Duplicate(taken));
        }
        for insert in inserts {
            self.write_insert(connection, insert)?;
        }
        Ok(Verdict::Applied)
    }

    fn write_insert(&mut self, connection: &Connection, insert: &ReadyInsert) -> Result<()> {
        let single = insert.messages.iter().all(|new| new.message.batch_size <= 1);
        let inline = single || !share(connection, insert.batch, &insert.shared, insert.messages.len())?;
        for (position, message) in insert.messages.iter().enumerate() {
            let reserve = insert.reserve.as_ref().and_then(|reserve| reserve.micros.get(position));
            self.insert_message(connection, insert, message, inline, reserve.copied())?;
        }
        match &insert.remember {
            Some(remember) => self.write_remembered(connection, remember),
            None => Ok(()),
        }
    }

    /// Whether the account can pay.
    fn is_covered(&mut self, connection: &Connection, insert: &ReadyInsert) -> Result<bool> {
        let Some((reserve, first)) = insert.reserve.as_ref().zip(insert.messages.first()) else {
            return Ok(true);
        };
        let account = self.names.intern(connection, first.message.account.as_str())?;
        money::covers(connection, account, reserve)
    }

    fn taken_refs<'a>(
        &mut self,
        connection: &Connection,
        messages: impl Iterator<Item = &'a ReadyMessage>,
    ) -> Result<Vec<usize>> {
        let mut seen = HashSet::new();
        let mut taken = Vec::new();
        for (position, new) in messages.enumerate() {
            let Some(client_ref) = new.message.client_ref.as_deref() else { continue };
            let account = self.names.intern(connection, new.message.account.as_str())?;
            let dialect = self.dialects.intern(connection, new.message.dialect)?;
            if !seen.insert((account, dialect, client_ref))
                || ref_taken(connection, account, dialect, client_ref)?
            {
                taken.push(position);
            }
        }
        Ok(taken)
    }

    fn insert_message(
        &mut self,
        connection: &Connection,
        insert: &ReadyInsert,
        new: &ReadyMessage,
        inline: bool,
        reserve: Option<i64>,
    ) -> Result<()> {
        let message = &*new.message;
        let key = self.next.message();
        let history = self.add_history(connection, key, 0, &new.history)?;
        let row = Row { key, version: 1, history, facts: &new.facts, state: &new.state };
        let (account, dialect) = self.insert_row(connection, message, &row)?;
        let shared = inline.then_some(insert.shared.as_slice());
        insert_body(connection, key, message, &new.recipient, shared)?;
        self.insert_ref(connection, key, account, dialect, message)?;
        for mark in insert.marks.iter().chain([&new.recipient_mark]) {
            self.mark(*mark, key);
        }
        if let Some(micros) = reserve {
            money::hold(connection, account, key, micros, message.accepted_at)?;
        }
        self.count_new(key, account, new.facts.settled_at.is_some());
        let message = Some((message.id, key));
        let about = outbox::About { message, fresh: true, account, dialect, created_at: new.called_at };
        self.call_back(connection, about, &new.callbacks)
    }

    /// Counts a new message, unless it is settled already.
    pub(super) fn count_new(&mut self, key: i64, account: i64, settled: bool) {
        if !settled {
            *self.tally.entry(account).or_default() += 1;
            self.facets.count(key, 1);
        }
    }

    /// Counts a message that went on, if it was settled by that, or the other way round.
    pub(super) fn count_settled(&mut self, found: &Found, settled: bool) {
        let finished = i64::from(settled) - i64::from(found.settled);
        if finished != 0 {
            *self.tally.entry(found.account).or_default() -= finished;
            self.facets.count(found.key, -finished);
        }
    }

    /// The key of the next new message.
    pub(super) fn next_message(&mut self) -> i64 {
        self.next.message()
    }

    /// The numbers that come next.
    pub(super) fn numbers(&self) -> Numbers {
        Numbers { history: self.next.history, callback: self.next.callback }
    }

    /// Goes on with these numbers.
    pub(super) fn set_numbers(&mut self, numbers: Numbers) {
        self.next.history = numbers.history;
        self.next.callback = numbers.callback;
    }

    /// Writes the id that the caller gave, if it gave one.
    pub(super) fn insert_ref(
        &mut self,
        connection: &Connection,
        key: i64,
        account: i64,
        dialect: i64,
        message: &Message,
    ) -> Result<()> {
        let Some(client_ref) = &message.client_ref else { return Ok(()) };
        connection
            .prepare_cached(
                "INSERT INTO client_ref (account, dialect, ref, message) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![account, dialect, client_ref, key])
            .map(|_| ())
    }

    /// Writes the changing part of a new message; the numbers of its account and dialect.
    pub(super) fn insert_row(
        &mut self,
        connection: &Connection,
        message: &Message,
        row: &Row<'_>,
    ) -> Result<(i64, i64)> {
        let account = self.names.intern(connection, message.account.as_str())?;
        let dialect = self.dialects.intern(connection, message.dialect)?;
        let columns = self.columns(connection, row.facts)?;
        self.note_facet(connection, row.key, account, dialect, &columns)?;
        connection
            .prepare_cached(
                "INSERT INTO message (key, id, version, account, dialect, wake_at, lane, priority, not_before,
                     status, cause, channel, settled_at, pullable, history, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                row.key,
                message.id.to_bytes(),
                row.version,
                account,
                dialect,
                columns.wake_at,
                columns.lane,
                columns.priority,
                columns.not_before,
                columns.status,
                columns.cause,
                columns.channel,
                columns.settled_at,
                row.facts.pullable,
                row.history,
                row.state,
            ])?;
        Ok((account, dialect))
    }

    fn update(&mut self, connection: &Connection, update: &ReadyUpdate) -> Result<Verdict> {
        let Some(found) = find(connection, update.id)?.filter(|found| found.version == update.version) else {
            return Ok(Verdict::Conflict);
        };
        let history = self.add_history(connection, found.key, found.history, &update.history)?;
        let version = found.version + 1;
        let row = Row { key: found.key, version, history, facts: &update.facts, state: &update.state };
        self.update_row(connection, &found, &row)?;
        for (mark, row) in &update.upstream {
            insert_upstream(connection, found.key, *mark, row.part)?;
        }
        self.count_settled(&found, update.facts.settled_at.is_some());
        if let Some(money) = &update.money {
            money::spend(connection, found.key, money)?;
        }
        let about = outbox::About {
            message: Some((update.id, found.key)),
            fresh: false,
            account: found.account,
            dialect: found.dialect,
            created_at: called_at(update),
        };
        self.call_back(connection, about, &update.callbacks)?;
        Ok(Verdict::Applied)
    }

    fn call_back(
        &mut self,
        connection: &Connection,
        about: outbox::About,
        callbacks: &[NewCallback],
    ) -> Result<()> {
        let Self { names, dialects, next, fresh, .. } = self;
        outbox::Outbox { connection, next, names, dialects, fresh }.add(about, callbacks)
    }

    /// Writes the changing part of a message anew.
    pub(super) fn update_row(&mut self, connection: &Connection, found: &Found, row: &Row<'_>) -> Result<()> {
        let columns = self.columns(connection, row.facts)?;
        self.note_facet(connection, found.key, found.account, found.dialect, &columns)?;
        connection
            .prepare_cached(
                "UPDATE message SET version = ?2, wake_at = ?3, lane = ?4, priority = ?5, not_before = ?6,
                     status = ?7, cause = ?8, channel = ?9, settled_at = ?10, pullable = max(pullable, ?11), history = ?12,
                     state = ?13
                 WHERE key = ?1",
            )?
            .execute(params![
                row.key,
                row.version,
                columns.wake_at,
                columns.lane,
                columns.priority,
                columns.not_before,
                columns.status,
                columns.cause,
                columns.channel,
                columns.settled_at,
                row.facts.pullable,
                row.history,
                row.state,
            ])?;
        Ok(())
    }

    fn note_facet(
        &mut self,
        connection: &Connection,
        key: i64,
        account: i64,
        dialect: i64,
        columns: &Columns,
    ) -> Result<()> {
        if columns.settled_at.is_none() {
            return Ok(());
        }
        let (cause, channel) = (columns.cause.unwrap_or_default(), columns.channel);
        let facet = Facet { account, status: columns.status, cause, channel, dialect };
        self.facets.settled(connection, key, facet)
    }

    /// Adds a transition before the given one; the new head of the chain.
    fn add_history(
        &mut self,
        connection: &Connection,
        message: i64,
        previous: i64,
        entries: &[u8],
    ) -> Result<i64> {
        if entries.is_empty() {
            return Ok(previous);
        }
        let key = self.next.history();
        connection
            .prepare_cached("INSERT INTO history (key, previous, entries, message) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![key, previous, entries, message])?;
        Ok(key)
    }

    fn columns(&mut self, connection: &Connection, facts: &Facts) -> Result<Columns> {
        let (mut lane, mut priority, mut not_before) = (None, None, None);
        if let Some((queue, class, at)) = &facts.queued {
            lane = Some(self.lane(connection, queue)?);
            priority = Some(priority_code(*class));
            not_before = Some(at.0);
        }
        let cause = match facts.status.cause() {
            Some(cause) => Some(self.names.intern(connection, cause.as_str())?),
            None => None,
        };
        Ok(Columns {
            wake_at: facts.wake_at.map(Time::as_micros),
            lane,
            priority,
            not_before,
            status: status_code(facts.status),
            cause,
            channel: self.names.intern(connection, facts.channel.as_str())?,
            settled_at: facts.settled_at.map(Time::as_micros),
        })
    }

    fn lane(&mut self, connection: &Connection, lane: &Lane) -> Result<i64> {
        if let Some(&id) = self.lanes.get(lane) {
            return Ok(id);
        }
        let route = self.names.intern(connection, lane.route.as_str())?;
        let account = self.names.intern(connection, lane.account.as_str())?;
        let id = match find_lane(connection, route, &lane.sender, account)? {
            Some(id) => id,
            None => new_lane(connection, route, &lane.sender, account)?,
        };
        if self.lanes.len() >= LANES_CACHED {
            self.lanes.clear();
        }
        self.lanes.insert(lane.clone(), id);
        Ok(id)
    }

    fn inbound(
        &mut self,
        connection: &Connection,
        seen: &Remembered,
        dialect: &str,
        callbacks: &[NewCallback],
    ) -> Result<Verdict> {
        if let Some(there) = self.recall(connection, seen)? {
            return Ok(Verdict::Remembered(there));
        }
        self.write_remembered(connection, seen)?;
        let account = self.names.intern(connection, seen.account.as_str())?;
        let dialect = self.dialects.intern(connection, dialect)?;
        for callback in callbacks {
            let about =
                outbox::About { message: None, fresh: true, account, dialect, created_at: callback.due_at };
            self.call_back(connection, about, std::slice::from_ref(callback))?;
        }
        Ok(Verdict::Applied)
    }

    fn remember(&mut self, connection: &Connection, remembered: &Remembered) -> Result<Verdict> {
        if let Some(there) = self.recall(connection, remembered)? {
            return Ok(Verdict::Remembered(there));
        }
        self.write_remembered(connection, remembered)?;
        Ok(Verdict::Applied)
    }

    fn recall(&mut self, connection: &Connection, wanted: &Remembered) -> Result<Option<Remembered>> {
        let account = self.names.intern(connection, wanted.account.as_str())?;
        let kind = self.names.intern(connection, wanted.kind)?;
        connection
            .prepare_cached(
                "SELECT value, until FROM remembered WHERE account = ?1 AND kind = ?2 AND key = ?3",
            )?
            .query_row(params![account, kind, wanted.key], |row| {
                Ok(Remembered { value: row.get(0)?, until: Time(row.get(1)?), ..wanted.clone() })
            })
            .optional()
    }

    pub(super) fn write_remembered(
        &mut self,
        connection: &Connection,
        remembered: &Remembered,
    ) -> Result<()> {
        let account = self.names.intern(connection, remembered.account.as_str())?;
        let kind = self.names.intern(connection, remembered.kind)?;
        connection
            .prepare_cached(
                "INSERT INTO remembered (account, kind, key, until, value) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![account, kind, remembered.key, remembered.until.0, remembered.value])?;
        Ok(())
    }

    fn forget(&mut self, connection: &Connection, account: &str, kind: &str, key: &str) -> Result<Verdict> {
        let account = self.names.intern(connection, account)?;
        let kind = self.names.intern(connection, kind)?;
        connection
            .prepare_cached("DELETE FROM remembered WHERE account = ?1 AND kind = ?2 AND key = ?3")?
            .execute(params![account, kind, key])?;
        Ok(Verdict::Applied)
    }

    fn put_document(&mut self, connection: &Connection, document: &Document) -> Result<Verdict> {
        let account = self.names.intern(connection, document.account.as_str())?;
        let kind = self.names.intern(connection, document.kind)?;
        let sql = if document.version == 0 {
            "INSERT INTO document (account, kind, key, version, json) VALUES (?1, ?2, ?3, ?4 + 1, ?5)
             ON CONFLICT DO NOTHING"
        } else {
            "UPDATE document SET version = ?4 + 1, json = ?5
             WHERE account = ?1 AND kind = ?2 AND key = ?3 AND version = ?4"
        };
        let written = connection.prepare_cached(sql)?.execute(params![
            account,
            kind,
            document.key,
            document.version,
            document.json
        ])?;
        Ok(if written == 1 { Verdict::Applied } else { Verdict::Conflict })
    }

    fn remove_document(
        &mut self,
        connection: &Connection,
        account: &str,
        kind: &str,
        key: &str,
    ) -> Result<Verdict> {
        let account = self.names.intern(connection, account)?;
        let kind = self.names.intern(connection, kind)?;
        connection
            .prepare_cached("DELETE FROM document WHERE account = ?1 AND kind = ?2 AND key = ?3")?
            .execute(params![account, kind, key])?;
        Ok(Verdict::Applied)
    }
}

impl Next {
    /// The numbers after the highest in use. Marks may outlive the message with the highest key,
    /// and its key must not be given again while they point to it.
    fn read(connection: &Connection) -> Result<Self> {
        let highest = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        let message = highest("SELECT ifnull(max(key), 0) FROM message")?;
        let marked = |sql: &str| {
            connection.query_row(sql, [first_place(segment(message))], |row| row.get::<_, i64>(0))
        };
        let mark = marked("SELECT ifnull(max(message), 0) FROM mark WHERE place >= ?1")?;
        let upstream = marked("SELECT ifnull(max(message), 0) FROM upstream WHERE place >= ?1")?;
        Ok(Self {
            message: message.max(mark).max(upstream) + 1,
            history: highest(super::read::LAST_TRANSITION)? + 1,
            callback: highest("SELECT ifnull(max(id), 0) + 1 FROM callback")?,
        })
    }

    fn message(&mut self) -> i64 {
        self.message += 1;
        self.message - 1
    }

    fn history(&mut self) -> i64 {
        self.history += 1;
        self.history - 1
    }

    pub(super) fn callback(&mut self) -> i64 {
        self.callback += 1;
        self.callback - 1
    }
}

const fn applied_if(done: bool) -> Verdict {
    if done { Verdict::Applied } else { Verdict::Conflict }
}

/// When callbacks of a change were called for.
pub(super) fn called_at(update: &ReadyUpdate) -> Time {
    update.called_at.or_else(|| update.callbacks.first().map(|callback| callback.due_at)).unwrap_or_default()
}

pub(super) fn find(connection: &Connection, id: MessageId) -> Result<Option<Found>> {
    connection
        .prepare_cached(
            "SELECT key, version, account, dialect, history, settled_at IS NOT NULL FROM message WHERE id = ?1",
        )?
        .query_row([id.to_bytes()], |row| {
            Ok(Found {
                key: row.get(0)?,
                version: row.get(1)?,
                account: row.get(2)?,
                dialect: row.get(3)?,
                history: row.get(4)?,
                settled: row.get(5)?,
            })
        })
        .optional()
}

fn ref_taken(connection: &Connection, account: i64, dialect: i64, client_ref: &str) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM client_ref WHERE account = ?1 AND dialect = ?2 AND ref = ?3")?
        .exists(params![account, dialect, client_ref])
}

/// Puts brief and plan where all messages of the submission find them. Not so if another chunk of
/// the same submission came with different ones: then they stand in each message, as they do in a
/// submission of one.
pub(super) fn share(connection: &Connection, batch: BatchId, shared: &[u8], messages: usize) -> Result<bool> {
    let batch = batch.to_bytes();
    let stored: Option<Vec<u8>> = connection
        .prepare_cached("SELECT json FROM shared WHERE batch = ?1")?
        .query_row([batch], |row| row.get(0))
        .optional()?;
    if stored.is_some_and(|stored| stored != shared) {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT INTO shared (batch, messages, json) VALUES (?1, ?2, ?3)
             ON CONFLICT (batch) DO UPDATE SET messages = messages + excluded.messages",
        )?
        .execute(params![batch, messages as i64, shared])?;
    Ok(true)
}

/// Writes the immutable part; `shared` is brief and plan if they are to stand in it.
pub(super) fn insert_body(
    connection: &Connection,
    key: i64,
    message: &Message,
    recipient: &[u8],
    shared: Option<&[u8]>,
) -> Result<()> {
    let recipient = std::str::from_utf8(recipient).expect("JSON is UTF-8");
    connection
        .prepare_cached(
            "INSERT INTO body (key, batch, position, batch_size, accepted_at, recipient, client_ref, memo, shared)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            key,
            message.batch.to_bytes(),
            message.position,
            message.batch_size,
            message.accepted_at.0,
            recipient,
            message.client_ref,
            message.memo,
            shared,
        ])?;
    Ok(())
}

/// Writes marks in the order of the index: they are random, and each message has two or three.
fn insert_marks(connection: &Connection, marks: &mut Vec<(i64, i64)>) -> Result<()> {
    marks.sort_unstable();
    let insert = "INSERT OR IGNORE INTO mark (place, message) VALUES";
    insert_rows(connection, insert, "(?, ?)", marks, |(place, message)| [place, message])?;
    marks.clear();
    Ok(())
}

pub(super) fn insert_upstream(
    connection: &Connection,
    key: i64,
    mark: Mark,
    part: crate::Part,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO upstream (place, rest, message, step, attempt, part)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            mark.place(segment(key)),
            mark.rest,
            key,
            part.attempt.step,
            part.attempt.attempt,
            part.part
        ])?;
    Ok(())
}

fn find_lane(connection: &Connection, route: i64, sender: &str, account: i64) -> Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM lane WHERE route = ?1 AND sender = ?2 AND account = ?3")?
        .query_row(params![route, sender, account], |row| row.get(0))
        .optional()
}

fn new_lane(connection: &Connection, route: i64, sender: &str, account: i64) -> Result<i64> {
    connection
        .prepare_cached("INSERT INTO lane (route, sender, account) VALUES (?1, ?2, ?3)")?
        .execute(params![route, sender, account])?;
    Ok(connection.last_insert_rowid())
}

/// Hands reports out: all of them, or none if one was handed out before.
fn pulled(connection: &Connection, ids: &[MessageId]) -> Result<Verdict> {
    let mut waits = connection.prepare_cached("SELECT 1 FROM message WHERE id = ?1 AND pullable = 1")?;
    for id in ids {
        if !waits.exists([id.to_bytes()])? {
            return Ok(Verdict::Conflict);
        }
    }
    let mut take = connection.prepare_cached("UPDATE message SET pullable = 0 WHERE id = ?1")?;
    for id in ids {
        take.execute([id.to_bytes()])?;
    }
    Ok(Verdict::Applied)
}
