//! What is read: records, history, queues, callbacks, keys and documents.

use std::{collections::HashMap, sync::Arc};

use model::{
    AccountName, AttemptId, BatchId, Message, MessageId, RouteName, Time,
    message::{Priority, Shared},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    codes::{Words, money_of, priority_code, standing_of},
    failure,
    marks::{Mark, segment},
    money,
};
use crate::{
    Balance, Document, HistoryEntry, HistoryRow, Lane, LedgerRow, Part, QueuePlace, Record, Remembered,
    StoreError, StoredCallback, packed,
};

pub(super) type Outcome<T> = Result<T, StoreError>;

/// Submissions whose brief and plan are kept decoded.
const SHARED_CACHED: usize = 16;

/// A connection that reads, with what it knows.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) connection: Connection,
    pub(super) names: Words,
    pub(super) dialects: Words,
    known: &'static [&'static str],
    shared: HashMap<BatchId, Arc<Shared>>,
}

/// The columns of a message, in the order of the query in [`Reader::by_key`].
struct Columns {
    id: MessageId,
    version: u32,
    account: i64,
    dialect: i64,
    state: Vec<u8>,
    batch: BatchId,
    position: u32,
    batch_size: u32,
    accepted_at: i64,
    recipient: String,
    client_ref: Option<String>,
    memo: Option<String>,
    shared: Option<Vec<u8>>,
}

impl Columns {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: MessageId(wide(row, 0)?),
            version: row.get(1)?,
            account: row.get(2)?,
            dialect: row.get(3)?,
            state: row.get(4)?,
            batch: BatchId(wide(row, 5)?),
            position: row.get(6)?,
            batch_size: row.get(7)?,
            accepted_at: row.get(8)?,
            recipient: row.get(9)?,
            client_ref: row.get(10)?,
            memo: row.get(11)?,
            shared: row.get(12)?,
        })
    }
}

const RECORD: &str =
    "SELECT m.id, m.version, m.account, m.dialect, m.state, b.batch, b.position, b.batch_size,
        b.accepted_at, b.recipient, b.client_ref, b.memo, b.shared
    FROM message m JOIN body b ON b.key = m.key WHERE ";

/// The number of the newest transition, whether it still stands or not.
pub(super) const LAST_TRANSITION: &str = "SELECT max(ifnull((SELECT max(key) FROM history), 0),
    ifnull((SELECT value FROM high_water WHERE name = 'history'), 0))";

impl Reader {
    pub(super) fn new(connection: Connection, known: &'static [&'static str]) -> Self {
        Self { connection, names: Words::names(), dialects: Words::dialects(), known, shared: HashMap::new() }
    }

    /// Runs `read` on one snapshot, so that all it sees is of the same moment.
    pub(super) fn at_once<T>(&mut self, read: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.connection.execute_batch("BEGIN").map_err(failure)?;
        let result = read(self);
        self.connection.execute_batch("COMMIT").map_err(failure)?;
        result
    }

    pub(super) fn load(&mut self, ids: &[MessageId]) -> Outcome<Vec<Option<Record>>> {
        let mut loaded = Vec::with_capacity(ids.len());
        for id in ids {
            let columns = self
                .connection
                .prepare_cached(&format!("{RECORD} m.id = ?1"))
                .and_then(|mut statement| statement.query_row([id.to_bytes()], Columns::read).optional())
                .map_err(failure)?;
            loaded.push(columns.map(|columns| self.record(columns)).transpose()?);
        }
        Ok(loaded)
    }

    /// The record of a key.
    pub(super) fn by_key(&mut self, key: i64) -> Outcome<Option<Record>> {
        let columns = self
            .connection
            .prepare_cached(&format!("{RECORD} m.key = ?1"))
            .and_then(|mut statement| statement.query_row([key], Columns::read).optional())
            .map_err(failure)?;
        columns.map(|columns| self.record(columns)).transpose()
    }

    fn record(&mut self, columns: Columns) -> Outcome<Record> {
        let shared = match &columns.shared {
            Some(bytes) => Arc::new(packed::read(bytes)?),
            None => self.shared(columns.batch)?,
        };
        let account = self.names.text(&self.connection, columns.account).map_err(failure)?.into();
        let message = Message {
            id: columns.id,
            account,
            dialect: self.dialect(columns.dialect)?,
            batch: columns.batch,
            position: columns.position,
            batch_size: columns.batch_size,
            recipient: packed::read(columns.recipient.as_bytes())?,
            client_ref: columns.client_ref,
            memo: columns.memo,
            accepted_at: Time(columns.accepted_at),
            shared,
        };
        Ok(Record {
            message: Arc::new(message),
            state: packed::read(&columns.state)?,
            version: columns.version,
        })
    }

    fn dialect(&mut self, id: i64) -> Outcome<&'static str> {
        let name = self.dialects.text(&self.connection, id).map_err(failure)?;
        self.known.iter().copied().find(|known| *known == name).ok_or_else(|| {
            StoreError::Other(format!(
                "a message is of the dialect '{name}', which this program does not know"
            ))
        })
    }

    fn shared(&mut self, batch: BatchId) -> Outcome<Arc<Shared>> {
        if let Some(shared) = self.shared.get(&batch) {
            return Ok(Arc::clone(shared));
        }
        let bytes: Vec<u8> = self
            .connection
            .prepare_cached("SELECT json FROM shared WHERE batch = ?1")
            .and_then(|mut statement| statement.query_row([batch.to_bytes()], |row| row.get(0)))
            .map_err(failure)?;
        let shared = Arc::new(packed::read(&bytes)?);
        if self.shared.len() >= SHARED_CACHED {
            self.shared.clear();
        }
        self.shared.insert(batch, Arc::clone(&shared));
        Ok(shared)
    }

    pub(super) fn by_client_ref(
        &mut self,
        account: &AccountName,
        dialect: &str,
        client_ref: &str,
    ) -> Outcome<Option<MessageId>> {
        let connection = &self.connection;
        let mut find = || -> rusqlite::Result<Option<MessageId>> {
            let Some(account) = self.names.find(connection, account.as_str())? else { return Ok(None) };
            let Some(dialect) = self.dialects.find(connection, dialect)? else { return Ok(None) };
            connection
                .prepare_cached(
                    "SELECT m.id FROM client_ref c JOIN message m ON m.key = c.message
                     WHERE c.account = ?1 AND c.dialect = ?2 AND c.ref = ?3",
                )?
                .query_row(params![account, dialect, client_ref], |row| Ok(MessageId(wide(row, 0)?)))
                .optional()
        };
        find().map_err(failure)
    }

    pub(super) fn by_upstream(
        &mut self,
        route: &RouteName,
        upstream: &[String],
    ) -> Outcome<Vec<Option<Part>>> {
        let find = |id: &String| self.find_upstream(Mark::upstream(route.as_str(), id));
        upstream.iter().map(find).collect::<rusqlite::Result<_>>().map_err(failure)
    }

    /// The newest part known by this mark.
    fn find_upstream(&self, mark: Mark) -> rusqlite::Result<Option<Part>> {
        let Some((oldest, newest)) = self.segments()? else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(
            "SELECT m.id, u.step, u.attempt, u.part FROM upstream u JOIN message m ON m.key = u.message
             WHERE u.place = ?1 AND u.rest = ?2 ORDER BY u.message DESC, u.step DESC, u.attempt DESC LIMIT 1",
        )?;
        for segment in (oldest..=newest).rev() {
            let part = statement.query_row([mark.place(segment), mark.rest], part).optional()?;
            if part.is_some() {
                return Ok(part);
            }
        }
        Ok(None)
    }

    /// The oldest and newest segments that have messages.
    fn segments(&self) -> rusqlite::Result<Option<(i64, i64)>> {
        Ok(self.ends()?.map(|(oldest, newest)| (segment(oldest), segment(newest))))
    }

    /// The oldest and the newest key.
    pub(super) fn ends(&self) -> rusqlite::Result<Option<(i64, i64)>> {
        let ends: (Option<i64>, Option<i64>) = self
            .connection
            .prepare_cached("SELECT (SELECT min(key) FROM message), (SELECT max(key) FROM message)")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(ends.0.zip(ends.1))
    }

    pub(super) fn history(&mut self, id: MessageId) -> Outcome<Vec<HistoryEntry>> {
        let transitions = self.transitions(id).map_err(failure)?;
        let mut entries = Vec::new();
        for bytes in transitions.iter().rev() {
            entries.append(&mut packed::read(bytes)?);
        }
        Ok(entries)
    }

    /// Transitions of all messages after the given one, in the order in which they were written.
    pub(super) fn history_since(&mut self, cursor: i64, limit: usize) -> Outcome<Vec<HistoryRow>> {
        let rows: Vec<(i64, MessageId, Vec<u8>)> = self.list(
            "SELECT h.key, m.id, h.entries FROM history h JOIN message m ON m.key = h.message
             WHERE h.key > ?1 ORDER BY h.key LIMIT ?2",
            params![cursor, bound(limit)],
            |row| Ok((row.get(0)?, MessageId(wide(row, 1)?), row.get(2)?)),
        )?;
        rows.into_iter()
            .map(|(cursor, message, bytes)| {
                Ok(HistoryRow { cursor, message, entries: packed::read(&bytes)? })
            })
            .collect()
    }

    pub(super) fn history_cursor(&mut self) -> Outcome<i64> {
        self.connection
            .prepare_cached(LAST_TRANSITION)
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(failure)
    }

    /// Transitions of one message, newest first.
    fn transitions(&self, id: MessageId) -> rusqlite::Result<Vec<Vec<u8>>> {
        let mut transitions = Vec::new();
        let head = self
            .connection
            .prepare_cached("SELECT history FROM message WHERE id = ?1")?
            .query_row([id.to_bytes()], |row| row.get(0))
            .optional()?;
        let mut key: i64 = head.unwrap_or(0);
        let mut statement =
            self.connection.prepare_cached("SELECT previous, entries FROM history WHERE key = ?1")?;
        while key != 0 {
            let (previous, entries) = statement.query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
            transitions.push(entries);
            key = previous;
        }
        Ok(transitions)
    }

    pub(super) fn due(
        &mut self,
        until: Time,
        after: Option<(Time, MessageId)>,
        limit: usize,
    ) -> Outcome<Vec<(Time, MessageId)>> {
        let (time, id) = after.map_or((i64::MIN, MessageId(0)), |(time, id)| (time.0, id));
        self.list(
            "SELECT wake_at, id FROM message WHERE wake_at <= ?1 AND (wake_at, id) > (?2, ?3)
             ORDER BY wake_at, id LIMIT ?4",
            params![until.0, time, id.to_bytes(), bound(limit)],
            |row| Ok((Time(row.get(0)?), MessageId(wide(row, 1)?))),
        )
    }

    pub(super) fn lanes(&mut self) -> Outcome<Vec<Lane>> {
        let lanes: Vec<(i64, String, i64)> = self.list(
            "SELECT route, sender, account FROM lane
             WHERE EXISTS (SELECT 1 FROM message WHERE message.lane = lane.id)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        lanes.into_iter().map(|(route, sender, account)| self.lane(route, sender, account)).collect()
    }

    fn lane(&mut self, route: i64, sender: String, account: i64) -> Outcome<Lane> {
        let route = RouteName::from(self.names.text(&self.connection, route).map_err(failure)?);
        let account = AccountName::from(self.names.text(&self.connection, account).map_err(failure)?);
        Ok(Lane { route, sender, account })
    }

    pub(super) fn queued(
        &mut self,
        lane: &Lane,
        priority: Priority,
        after: Option<QueuePlace>,
        limit: usize,
    ) -> Outcome<Vec<QueuePlace>> {
        let Some(lane) = self.lane_id(lane).map_err(failure)? else { return Ok(Vec::new()) };
        let (time, id) = after.map_or((i64::MIN, MessageId(0)), |place| (place.not_before.0, place.id));
        self.list(
            "SELECT not_before, id FROM message WHERE lane = ?1 AND priority = ?2 AND (not_before, id) > (?3, ?4)
             ORDER BY not_before, id LIMIT ?5",
            params![lane, priority_code(priority), time, id.to_bytes(), bound(limit)],
            |row| Ok(QueuePlace { not_before: Time(row.get(0)?), id: MessageId(wide(row, 1)?) }),
        )
    }

    fn lane_id(&mut self, lane: &Lane) -> rusqlite::Result<Option<i64>> {
        let connection = &self.connection;
        let Some(route) = self.names.find(connection, lane.route.as_str())? else { return Ok(None) };
        let Some(account) = self.names.find(connection, lane.account.as_str())? else { return Ok(None) };
        connection
            .prepare_cached("SELECT id FROM lane WHERE route = ?1 AND sender = ?2 AND account = ?3")?
            .query_row(params![route, lane.sender, account], |row| row.get(0))
            .optional()
    }

    pub(super) fn callbacks_due(&mut self, until: Time, limit: usize) -> Outcome<Vec<StoredCallback>> {
        self.callbacks(
            "WHERE c.head = 1 AND c.due_at <= ?1 ORDER BY c.due_at, c.id LIMIT ?2",
            params![until.0, bound(limit)],
        )
    }

    pub(super) fn callbacks_due_after(
        &mut self,
        until: Time,
        after: (Time, i64),
        limit: usize,
    ) -> Outcome<Vec<StoredCallback>> {
        self.callbacks(
            "WHERE c.head = 1 AND c.due_at <= ?1 AND (c.due_at, c.id) > (?3, ?4)
             ORDER BY c.due_at, c.id LIMIT ?2",
            params![until.0, bound(limit), after.0.0, after.1],
        )
    }

    pub(super) fn next_callback_at(&mut self) -> Outcome<Option<Time>> {
        let at: Option<i64> = self
            .connection
            .prepare_cached("SELECT min(due_at) FROM callback WHERE head = 1")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(failure)?;
        Ok(at.map(Time))
    }

    pub(super) fn callbacks_of(&mut self, id: MessageId) -> Outcome<Vec<StoredCallback>> {
        self.callbacks(
            "WHERE c.message = (SELECT key FROM message WHERE id = ?1) ORDER BY c.id",
            [id.to_bytes()],
        )
    }

    pub(super) fn callbacks_parked(
        &mut self,
        account: Option<&AccountName>,
        after: i64,
        limit: usize,
    ) -> Outcome<Vec<StoredCallback>> {
        let Some(account) = account else {
            let every = "WHERE c.standing = 2 AND c.id > ?1 ORDER BY c.id LIMIT ?2";
            return self.callbacks(every, params![after, bound(limit)]);
        };
        let account = self.names.find(&self.connection, account.as_str()).map_err(failure)?;
        let Some(account) = account else { return Ok(Vec::new()) };
        self.callbacks(
            "INDEXED BY callback_parked_by_account
             WHERE c.standing = 2 AND c.account = ?3 AND c.id > ?1 ORDER BY c.id LIMIT ?2",
            params![after, bound(limit), account],
        )
    }

    fn callbacks(&mut self, which: &str, parameters: impl rusqlite::Params) -> Outcome<Vec<StoredCallback>> {
        // The table comes last for INDEXED BY to follow it.
        let sql = format!(
            "SELECT c.id, (SELECT id FROM message WHERE key = c.message), c.account, c.dialect, c.url, c.request,
                 c.about, c.created_at, c.due_at, c.tries, c.standing, c.last_result
             FROM callback c {which}"
        );
        let rows: Vec<(i64, i64, StoredCallback)> = self.list(&sql, parameters, callback)?;
        rows.into_iter().map(|(account, dialect, row)| self.named(account, dialect, row)).collect()
    }

    fn named(&mut self, account: i64, dialect: i64, callback: StoredCallback) -> Outcome<StoredCallback> {
        let account = self.names.text(&self.connection, account).map_err(failure)?.into();
        let dialect = self.dialects.text(&self.connection, dialect).map_err(failure)?.to_owned();
        Ok(StoredCallback { account, dialect, ..callback })
    }

    pub(super) fn recall(
        &mut self,
        account: AccountName,
        kind: &'static str,
        key: String,
    ) -> Outcome<Option<Remembered>> {
        let Some((owner, sort)) = self.owner(&account, kind)? else { return Ok(None) };
        let found = self.list(
            "SELECT value, until FROM remembered WHERE account = ?1 AND kind = ?2 AND key = ?3",
            params![owner, sort, key],
            |row| Ok((row.get(0)?, Time(row.get(1)?))),
        )?;
        Ok(found.into_iter().next().map(|(value, until)| Remembered { account, kind, key, value, until }))
    }

    pub(super) fn document(
        &mut self,
        account: AccountName,
        kind: &'static str,
        key: String,
    ) -> Outcome<Option<Document>> {
        let Some((owner, sort)) = self.owner(&account, kind)? else { return Ok(None) };
        let found = self.list(
            "SELECT json, version FROM document WHERE account = ?1 AND kind = ?2 AND key = ?3",
            params![owner, sort, key],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(found.into_iter().next().map(|(json, version)| Document { account, kind, key, json, version }))
    }

    pub(super) fn documents(
        &mut self,
        account: AccountName,
        kind: &'static str,
        after: &str,
        limit: usize,
    ) -> Outcome<Vec<Document>> {
        let Some((owner, sort)) = self.owner(&account, kind)? else { return Ok(Vec::new()) };
        self.list(
            "SELECT key, json, version FROM document WHERE account = ?1 AND kind = ?2 AND key > ?3
             ORDER BY key LIMIT ?4",
            params![owner, sort, after, bound(limit)],
            |row| {
                let (key, json, version) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Document { account: account.clone(), kind, key, json, version })
            },
        )
    }

    /// The numbers of an account and a kind; `None` if nothing was ever stored for them.
    fn owner(&mut self, account: &AccountName, kind: &str) -> Outcome<Option<(i64, i64)>> {
        let account = self.names.find(&self.connection, account.as_str()).map_err(failure)?;
        let kind = self.names.find(&self.connection, kind).map_err(failure)?;
        Ok(account.zip(kind))
    }

    pub(super) fn balance(&mut self, account: &AccountName) -> Outcome<Option<Balance>> {
        let Some(account) = self.names.find(&self.connection, account.as_str()).map_err(failure)? else {
            return Ok(None);
        };
        money::balance(&self.connection, account).map_err(failure)
    }

    pub(super) fn ledger(
        &mut self,
        account: &AccountName,
        message: Option<MessageId>,
        after: i64,
        limit: usize,
    ) -> Outcome<Vec<LedgerRow>> {
        let Some(account) = self.names.find(&self.connection, account.as_str()).map_err(failure)? else {
            return Ok(Vec::new());
        };
        let (columns, limit) = (LEDGER, bound(limit));
        match message {
            Some(id) => self.list(
                &format!(
                    "{columns} WHERE ledger.message = (SELECT key FROM message WHERE id = ?1)
                         AND ledger.account = ?2 AND ledger.id > ?3 ORDER BY ledger.id LIMIT ?4"
                ),
                params![id.to_bytes(), account, after, limit],
                ledger_row,
            ),
            None => self.list(
                &format!(
                    "{columns} WHERE ledger.account = ?1 AND ledger.id > ?2 ORDER BY ledger.id LIMIT ?3"
                ),
                params![account, after, limit],
                ledger_row,
            ),
        }
    }

    pub(super) fn ledger_newest(
        &mut self,
        account: &AccountName,
        before: i64,
        limit: usize,
    ) -> Outcome<Vec<LedgerRow>> {
        let Some(account) = self.names.find(&self.connection, account.as_str()).map_err(failure)? else {
            return Ok(Vec::new());
        };
        self.list(
            &format!(
                "{LEDGER} WHERE ledger.account = ?1 AND ledger.id < ?2 ORDER BY ledger.id DESC LIMIT ?3"
            ),
            params![account, before, bound(limit)],
            ledger_row,
        )
    }

    pub(super) fn unfinished(&mut self) -> Outcome<Vec<(AccountName, u64)>> {
        let rows: Vec<(i64, i64)> = self.list(
            "SELECT account, unfinished FROM tally WHERE unfinished > 0 ORDER BY account",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let mut named = Vec::with_capacity(rows.len());
        for (account, count) in rows {
            let name = self.names.text(&self.connection, account).map_err(failure)?;
            named.push((AccountName::from(name), count.unsigned_abs()));
        }
        Ok(named)
    }

    /// Messages that may be swept, in order of their ids, after the given one.
    pub(super) fn sweepable(
        &mut self,
        settled_before: Time,
        after: MessageId,
        limit: usize,
    ) -> Outcome<Vec<(MessageId, bool)>> {
        self.list(
            "SELECT id, ifnull(settled_at < ?1, 0) AND NOT EXISTS
                 (SELECT 1 FROM callback WHERE callback.message = message.key AND standing = 0)
             FROM message WHERE id > ?2 AND id < ?3 ORDER BY id LIMIT ?4",
            params![
                settled_before.0,
                after.to_bytes(),
                super::sweep_end(settled_before).to_bytes(),
                bound(limit)
            ],
            |row| Ok((MessageId(wide(row, 0)?), row.get(1)?)),
        )
    }

    pub(super) fn backup(&mut self, to: &std::path::Path) -> Outcome<()> {
        if to.exists() {
            return Err(StoreError::Other(format!("{} exists already", to.display())));
        }
        let path = to.to_str().ok_or_else(|| StoreError::Other("the path is not UTF-8".into()))?;
        self.connection.execute("VACUUM INTO ?1", [path]).map_err(failure)?;
        let synced = std::fs::File::open(to).and_then(|file| file.sync_all());
        synced.map_err(|error| StoreError::Other(format!("{}: {error}", to.display())))
    }

    pub(super) fn list<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Outcome<Vec<T>> {
        let list = || -> rusqlite::Result<Vec<T>> {
            self.connection.prepare_cached(sql)?.query_map(parameters, read)?.collect()
        };
        list().map_err(failure)
    }
}

const LEDGER: &str = "SELECT ledger.id, ledger.kind, ledger.micros, ledger.available, ledger.at,
        message.id, ledger.step, ledger.reference
    FROM ledger LEFT JOIN message ON message.key = ledger.message";

fn ledger_row(row: &Row<'_>) -> rusqlite::Result<LedgerRow> {
    Ok(LedgerRow {
        id: row.get(0)?,
        kind: money_of(row.get(1)?)?,
        micros: row.get(2)?,
        available: row.get(3)?,
        at: Time(row.get(4)?),
        message: row.get::<_, Option<[u8; 16]>>(5)?.map(|id| MessageId(u128::from_be_bytes(id))),
        step: row.get(6)?,
        reference: row.get(7)?,
    })
}

pub(super) fn wide(row: &Row<'_>, column: usize) -> rusqlite::Result<u128> {
    row.get(column).map(u128::from_be_bytes)
}

pub(super) fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn part(row: &Row<'_>) -> rusqlite::Result<Part> {
    let attempt = AttemptId { message: MessageId(wide(row, 0)?), step: row.get(1)?, attempt: row.get(2)? };
    Ok(Part { attempt, part: row.get(3)? })
}

/// A callback without its names, and their numbers: account, dialect.
fn callback(row: &Row<'_>) -> rusqlite::Result<(i64, i64, StoredCallback)> {
    let message: Option<[u8; 16]> = row.get(1)?;
    let stored = StoredCallback {
        id: row.get(0)?,
        message: message.map(|bytes| MessageId(u128::from_be_bytes(bytes))),
        account: AccountName::from(""),
        dialect: String::new(),
        url: row.get(4)?,
        request: row.get(5)?,
        about: row.get(6)?,
        created_at: Time(row.get(7)?),
        due_at: Time(row.get(8)?),
        tries: row.get(9)?,
        standing: standing_of(row.get(10)?)?,
        last_result: row.get(11)?,
    };
    Ok((row.get(2)?, row.get(3)?, stored))
}
