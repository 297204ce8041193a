//! Lists of messages: by anything, newest first; and those with reports to be pulled.

use model::{AccountName, MessageId};
use rusqlite::{OptionalExtension, params, params_from_iter, types::Value};

use super::{
    codes::{FAILED, status_code_of},
    failure,
    marks::Mark,
    read::{Outcome, Reader, bound, wide},
};
use crate::{PullFilter, Record, Search};

/// Keys looked at in one go.
const PAGE: usize = 256;

/// Ids are made at acceptance; so far apart may be an id's time and the recorded one.
const MARGIN: model::Span = model::Span::from_secs(60);

/// The conditions that columns of the message row answer, as SQL to follow another condition.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn new() -> Self {
        Self { sql: String::new(), values: Vec::new() }
    }

    fn equal(&mut self, column: &str, value: i64) {
        self.values.push(Value::Integer(value));
        self.sql += &format!(" AND {column} = ?{}", self.values.len() + 3);
    }
}

impl Reader {
    pub(super) fn search(
        &mut self,
        filter: &Search,
        before: Option<MessageId>,
        limit: usize,
    ) -> Outcome<Vec<Record>> {
        let before = match before {
            Some(id) => self.cursor(id)?,
            None => i64::MAX,
        };
        let (newest, oldest) = self.window(filter, before)?;
        self.search_between(filter, newest, oldest, limit)
    }

    /// Those with keys below the first, from the second on.
    pub(super) fn search_between(
        &mut self,
        filter: &Search,
        newest: i64,
        oldest: i64,
        limit: usize,
    ) -> Outcome<Vec<Record>> {
        let Some(conditions) = self.conditions(filter)? else { return Ok(Vec::new()) };
        match mark(filter) {
            Some(mark) => self.marked(filter, &conditions, mark, newest, oldest, limit),
            None => self.scanned(filter, &conditions, newest, oldest, limit),
        }
    }

    /// `None` if something is asked for that nothing in this store can be.
    fn conditions(&mut self, filter: &Search) -> Outcome<Option<Conditions>> {
        let connection = &self.connection;
        let mut conditions = Conditions::new();
        let words = [
            ("account", filter.account.as_ref().map(AccountName::as_str)),
            ("channel", filter.channel.map(model::Channel::as_str)),
            ("cause", filter.cause.map(model::Cause::as_str)),
        ];
        for (column, word) in words {
            let Some(word) = word else { continue };
            match self.names.find(connection, word).map_err(failure)? {
                Some(id) => conditions.equal(column, id),
                None => return Ok(None),
            }
        }
        if let Some(dialect) = &filter.dialect {
            match self.dialects.find(connection, dialect).map_err(failure)? {
                Some(id) => conditions.equal("dialect", id),
                None => return Ok(None),
            }
        }
        let failed = filter.cause.is_some() || filter.status.as_deref() == Some("failed");
        if let Some(status) = &filter.status {
            match status_code_of(status) {
                Some(FAILED) => {}
                Some(code) => conditions.equal("status", code),
                None => return Ok(None),
            }
        }
        if failed {
            // Spelled out, for the index of failures to be eligible.
            conditions.sql += &format!(" AND status = {FAILED}");
        }
        match filter.settled {
            Some(true) => conditions.sql += " AND settled_at IS NOT NULL",
            Some(false) => conditions.sql += " AND settled_at IS NULL",
            None => {}
        }
        Ok(Some(conditions))
    }

    /// The keys between which to look: below the first, from the second on. They come from the
    /// neighbours outside the time asked for, since ids of one millisecond are not stored in
    /// their order.
    pub(super) fn window(&self, filter: &Search, before: i64) -> Outcome<(i64, i64)> {
        let newest = match filter.until {
            Some(until) => {
                let id = MessageId::new(until + MARGIN, u128::MAX);
                self.key_at(id, "id > ?1 ORDER BY id")?.map_or(before, |key| key.min(before))
            }
            None => before,
        };
        let oldest = match filter.since {
            Some(since) => {
                self.key_at(MessageId::new(since - MARGIN, 0), "id < ?1 ORDER BY id DESC")?.unwrap_or(0)
            }
            None => 0,
        };
        Ok((newest, oldest))
    }

    /// The key below which to go on. If the message is gone meanwhile, the next older one is
    /// still to come.
    pub(super) fn cursor(&self, before: MessageId) -> Outcome<i64> {
        match self.key_at(before, "id = ?1")? {
            Some(key) => Ok(key),
            None => Ok(self.key_at(before, "id < ?1 ORDER BY id DESC")?.map_or(0, |key| key + 1)),
        }
    }

    fn key_at(&self, id: MessageId, which: &str) -> Outcome<Option<i64>> {
        self.connection
            .prepare_cached(&format!("SELECT key FROM message WHERE {which} LIMIT 1"))
            .and_then(|mut statement| statement.query_row([id.to_bytes()], |row| row.get(0)).optional())
            .map_err(failure)
    }

    /// Walks along the newest messages.
    fn scanned(
        &mut self,
        filter: &Search,
        conditions: &Conditions,
        mut newest: i64,
        oldest: i64,
        limit: usize,
    ) -> Outcome<Vec<Record>> {
        let sql = format!(
            "SELECT key FROM message WHERE key < ?1 AND key >= ?2{} ORDER BY key DESC LIMIT ?3",
            conditions.sql
        );
        let mut found = Vec::new();
        while found.len() < limit {
            let fixed = [Value::Integer(newest), Value::Integer(oldest), Value::Integer(bound(PAGE))];
            let values = fixed.into_iter().chain(conditions.values.iter().cloned());
            let keys: Vec<i64> = self.list(&sql, params_from_iter(values), |row| row.get(0))?;
            let Some(&last) = keys.last() else { break };
            self.take(filter, &keys, limit, &mut found)?;
            newest = last;
        }
        Ok(found)
    }

    /// Walks along the marks, newest segment first.
    fn marked(
        &mut self,
        filter: &Search,
        conditions: &Conditions,
        mark: Mark,
        newest: i64,
        oldest: i64,
        limit: usize,
    ) -> Outcome<Vec<Record>> {
        // CROSS keeps the order of the join: a mark has few messages, an account may have all.
        let sql = format!(
            "SELECT key FROM mark CROSS JOIN message ON key = mark.message
             WHERE mark.place = ?{} AND mark.message < ?1 AND mark.message >= ?2{}
             ORDER BY mark.message DESC LIMIT ?3",
            conditions.values.len() + 4,
            conditions.sql
        );
        let mut found = Vec::new();
        let Some((first, last)) = self.segments().map_err(failure)? else { return Ok(found) };
        for segment in (first..=last).rev() {
            let mut below = newest;
            while found.len() < limit {
                let fixed = [Value::Integer(below), Value::Integer(oldest), Value::Integer(bound(PAGE))];
                let place = Value::Integer(mark.place(segment));
                let values = fixed.into_iter().chain(conditions.values.iter().cloned()).chain([place]);
                let keys: Vec<i64> = self.list(&sql, params_from_iter(values), |row| row.get(0))?;
                let Some(&last) = keys.last() else { break };
                self.take(filter, &keys, limit, &mut found)?;
                below = last;
            }
        }
        Ok(found)
    }

    /// Adds those records that meet the conditions which SQL could not check.
    fn take(&mut self, filter: &Search, keys: &[i64], limit: usize, found: &mut Vec<Record>) -> Outcome<()> {
        for &key in keys {
            if found.len() == limit {
                break;
            }
            found.extend(self.by_key(key)?.filter(|record| matches(filter, record)));
        }
        Ok(())
    }

    pub(super) fn pullable(
        &mut self,
        account: &AccountName,
        dialect: &str,
        filter: &PullFilter,
        limit: usize,
    ) -> Outcome<Vec<MessageId>> {
        let account = self.names.find(&self.connection, account.as_str()).map_err(failure)?;
        let dialect = self.dialects.find(&self.connection, dialect).map_err(failure)?;
        let Some((account, dialect)) = account.zip(dialect) else { return Ok(Vec::new()) };
        let channel = match filter.channel {
            None => None,
            Some(channel) => match self.names.find(&self.connection, channel.as_str()).map_err(failure)? {
                Some(id) => Some(id),
                None => return Ok(Vec::new()),
            },
        };
        let (mut after, mut found) = (0, Vec::new());
        while found.len() < limit {
            let page: Vec<(i64, MessageId)> = self.list(
                "SELECT key, id FROM message INDEXED BY message_pullable
                 WHERE pullable = 1 AND account = ?1 AND dialect = ?2 AND key > ?3
                     AND (?4 IS NULL OR channel = ?4) AND (?5 IS NULL OR id = ?5)
                 ORDER BY key LIMIT ?6",
                params![
                    account,
                    dialect,
                    after,
                    channel,
                    filter.message.map(MessageId::to_bytes),
                    bound(PAGE.min(limit))
                ],
                |row| Ok((row.get(0)?, MessageId(wide(row, 1)?))),
            )?;
            let Some(&(last, _)) = page.last() else { break };
            for (key, id) in page {
                if found.len() < limit && self.is_of(key, filter)? {
                    found.push(id);
                }
            }
            after = last;
        }
        Ok(found)
    }

    fn is_of(&mut self, key: i64, filter: &PullFilter) -> Outcome<bool> {
        if filter.batch.is_none() && filter.bulk.is_none() {
            return Ok(true);
        }
        let Some(record) = self.by_key(key)? else { return Ok(false) };
        let message = &record.message;
        Ok(filter.batch.is_none_or(|batch| message.batch == batch)
            && (filter.bulk.is_none() || message.brief().bulk == filter.bulk))
    }
}

/// The mark that finds the fewest.
fn mark(filter: &Search) -> Option<Mark> {
    let batch = filter.batch.map(Mark::batch);
    let recipient = filter.recipient.as_deref().map(Mark::recipient);
    batch.or(recipient).or_else(|| filter.bulk.as_deref().map(Mark::bulk))
}

fn matches(filter: &Search, record: &Record) -> bool {
    let message = &record.message;
    let accepted = message.accepted_at;
    filter.batch.is_none_or(|batch| message.batch == batch)
        && filter.recipient.as_deref().is_none_or(|recipient| message.recipient.display() == recipient)
        && (filter.bulk.is_none() || message.brief().bulk == filter.bulk)
        && filter.since.is_none_or(|since| accepted >= since)
        && filter.until.is_none_or(|until| accepted < until)
}
