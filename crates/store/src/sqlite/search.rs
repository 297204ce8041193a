//! Lists of messages: by anything, newest first; and those with reports to be pulled.
//!
//! A page has a bounded price, whatever is asked for and however much is stored. What is rare is
//! found by passing over all blocks without it ([`facets`]); where even that takes
//! long, the page ends early and says where to go on.

use std::collections::BTreeSet;

use model::{AccountName, MessageId, Span, Time};
use rusqlite::{OptionalExtension, params, params_from_iter, types::Value};

use super::{
    codes::{FAILED, status_code_of},
    facets::{self, block},
    failure,
    marks::{Mark, segment},
    read::{Outcome, Reader, bound, wide},
};
use crate::{Listed, PullFilter, Record, Search};

/// Keys looked at in one go.
const PAGE: usize = 256;

/// Blocks that one page goes through; few in tests, to come to the end of a page early.
const BLOCKS: usize = if cfg!(test) { 4 } else { 16 };

/// Facets that one page looks at.
const FACETS: usize = 100_000;

/// Entries of a mark that one page looks at.
const MARKED: usize = if cfg!(test) { 2 } else { 64 } * PAGE;

/// Segments that one page asks for a mark.
const SEGMENTS: usize = 1024;

/// Messages of the same moment are not stored in the order of their ids. So many neighbours are
/// looked at for the first and the last of a span of time: more than a request has recipients.
const NEIGHBOURS: usize = 16_384;

/// The conditions that the message row answers.
#[derive(Default)]
struct Conditions {
    account: Option<i64>,
    /// Columns that facets have too.
    facets: Vec<(&'static str, i64)>,
    settled: Option<bool>,
    /// Bounds of the id, which carries the time of acceptance.
    since: Option<MessageId>,
    until: Option<MessageId>,
}

/// A part of a list, and the key below which to go on; `None` at the end.
struct Stretch {
    records: Vec<Record>,
    rest: Option<i64>,
}

/// The keys between which to look: below the first, from the second on.
#[derive(Clone, Copy)]
struct Window {
    newest: i64,
    oldest: i64,
}

impl Conditions {
    /// Whether every message of the account (or of all) fits, but for the time.
    const fn are_few(&self) -> bool {
        self.facets.is_empty() && self.settled.is_none()
    }

    /// As SQL, joined by AND, and its values.
    fn sql(&self) -> (String, Vec<Value>) {
        let (mut sql, mut values) = (String::from("1"), Vec::new());
        for (column, value) in self.account.map(|id| ("account", id)).iter().chain(&self.facets) {
            sql += &format!(" AND {column} = ?");
            values.push(Value::Integer(*value));
        }
        // The plus keeps the index of ids out of it.
        for (comparison, id) in [("+id >= ?", self.since), ("+id < ?", self.until)] {
            let Some(id) = id else { continue };
            sql += &format!(" AND {comparison}");
            values.push(Value::Blob(id.to_bytes().to_vec()));
        }
        match self.settled {
            Some(true) => sql += " AND settled_at IS NOT NULL",
            Some(false) => sql += " AND settled_at IS NULL",
            None => {}
        }
        (sql, values)
    }
}

impl Reader {
    /// Everything that matches, up to the limit.
    pub(super) fn search(
        &mut self,
        filter: &Search,
        mut before: Option<MessageId>,
        limit: usize,
    ) -> Outcome<Vec<Record>> {
        let mut found = Vec::new();
        loop {
            let mut page = self.page(filter, before, limit - found.len())?;
            found.append(&mut page.records);
            before = page.next;
            if before.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// What matches, as far as bounded work finds it.
    pub(super) fn page(
        &mut self,
        filter: &Search,
        before: Option<MessageId>,
        limit: usize,
    ) -> Outcome<Listed> {
        let Some(conditions) = self.conditions(filter)? else { return Ok(Listed::default()) };
        let Some(window) = self.window(filter, before)? else { return Ok(Listed::default()) };
        if limit == 0 {
            return Ok(Listed { records: Vec::new(), next: before });
        }
        let stretch = match mark(filter) {
            Some(mark) => self.marked(filter, &conditions, mark, window, limit)?,
            None if conditions.are_few() => self.scanned(filter, &conditions, window, limit)?,
            None => self.by_blocks(filter, &conditions, window, limit)?,
        };
        let next = match stretch.rest {
            Some(rest) if rest > window.oldest => self.resume(rest, window)?,
            Some(_) | None => None,
        };
        Ok(Listed { records: stretch.records, next })
    }

    /// `None` if something is asked for that nothing in this store can be.
    fn conditions(&mut self, filter: &Search) -> Outcome<Option<Conditions>> {
        let connection = &self.connection;
        let mut facets = Vec::new();
        let mut account = None;
        if let Some(name) = &filter.account {
            match self.names.find(connection, name.as_str()).map_err(failure)? {
                Some(id) => account = Some(id),
                None => return Ok(None),
            }
        }
        let words = [
            ("channel", filter.channel.map(model::Channel::as_str)),
            ("cause", filter.cause.map(model::Cause::as_str)),
        ];
        for (column, word) in words {
            let Some(word) = word else { continue };
            match self.names.find(connection, word).map_err(failure)? {
                Some(id) => facets.push((column, id)),
                None => return Ok(None),
            }
        }
        if let Some(dialect) = &filter.dialect {
            match self.dialects.find(connection, dialect).map_err(failure)? {
                Some(id) => facets.push(("dialect", id)),
                None => return Ok(None),
            }
        }
        if let Some(status) = &filter.status {
            match status_code_of(status) {
                Some(code) => facets.push(("status", code)),
                None => return Ok(None),
            }
        } else if filter.cause.is_some() {
            facets.push(("status", FAILED));
        }
        let since = filter.since.map(|since| MessageId::new(since, 0));
        let until = filter.until.map(first_after);
        Ok(Some(Conditions { account, facets, settled: filter.settled, since, until }))
    }

    /// `None` if there is nothing between.
    fn window(&self, filter: &Search, before: Option<MessageId>) -> Outcome<Option<Window>> {
        let Some((mut oldest, last)) = self.ends().map_err(failure)? else { return Ok(None) };
        let mut newest = last + 1;
        if let Some(id) = before {
            newest = newest.min(self.cursor(id)?);
        }
        if let Some(until) = filter.until {
            let below = "SELECT ifnull(max(key), 0) + 1 FROM
                (SELECT key FROM message WHERE id < ?1 ORDER BY id DESC LIMIT ?2)";
            newest = newest.min(self.key_among(below, first_after(until))?);
        }
        if let Some(since) = filter.since {
            let from = "SELECT ifnull(min(key), 9223372036854775807) FROM
                (SELECT key FROM message WHERE id >= ?1 ORDER BY id LIMIT ?2)";
            oldest = oldest.max(self.key_among(from, MessageId::new(since, 0))?);
        }
        Ok((oldest < newest).then_some(Window { newest, oldest }))
    }

    fn key_among(&self, sql: &str, id: MessageId) -> Outcome<i64> {
        let values = params![id.to_bytes(), bound(NEIGHBOURS)];
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(values, |row| row.get(0)))
            .map_err(failure)
    }

    /// The key below which to go on. If the message is gone meanwhile, the next older one is
    /// still to come.
    fn cursor(&self, before: MessageId) -> Outcome<i64> {
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

    /// The cursor that goes on below a key: the oldest message that was looked at; or if there was
    /// none, an id that no message has, just after the next one.
    fn resume(&self, rest: i64, window: Window) -> Outcome<Option<MessageId>> {
        let looked = "SELECT id FROM message WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT 1";
        if let Some(id) = self.id_among(looked, rest, window.newest)? {
            return Ok(Some(id));
        }
        let ahead = "SELECT id FROM message WHERE key < ?1 AND key >= ?2 ORDER BY key DESC LIMIT 1";
        Ok(self.id_among(ahead, rest, window.oldest)?.map(|id| MessageId(id.0 + 1)))
    }

    fn id_among(&self, sql: &str, one: i64, other: i64) -> Outcome<Option<MessageId>> {
        let ids = self.list(sql, [one, other], |row| wide(row, 0).map(MessageId))?;
        Ok(ids.first().copied())
    }

    /// Walks along the newest messages, all of which fit.
    fn scanned(
        &mut self,
        filter: &Search,
        conditions: &Conditions,
        window: Window,
        limit: usize,
    ) -> Outcome<Stretch> {
        let mut records = Vec::new();
        let rest = self.walk(filter, conditions, window, limit, &mut records)?;
        Ok(Stretch { records, rest })
    }

    /// Takes what fits between two keys; the last key if that is enough.
    fn walk(
        &mut self,
        filter: &Search,
        conditions: &Conditions,
        window: Window,
        limit: usize,
        found: &mut Vec<Record>,
    ) -> Outcome<Option<i64>> {
        let (fitting, values) = conditions.sql();
        let sql = format!(
            "SELECT key FROM message WHERE key < ? AND key >= ? AND {fitting} ORDER BY key DESC LIMIT ?"
        );
        let mut newest = window.newest;
        loop {
            let count = Value::Integer(bound(PAGE.min(limit - found.len())));
            let values = [newest, window.oldest]
                .map(Value::Integer)
                .into_iter()
                .chain(values.iter().cloned())
                .chain([count]);
            let keys: Vec<i64> = self.list(&sql, params_from_iter(values), |row| row.get(0))?;
            let Some(&last) = keys.last() else { return Ok(None) };
            self.take(filter, &keys, found)?;
            if found.len() >= limit {
                return Ok(Some(last));
            }
            newest = last;
        }
    }

    /// Walks through the blocks that may have what is asked for.
    fn by_blocks(
        &mut self,
        filter: &Search,
        conditions: &Conditions,
        window: Window,
        limit: usize,
    ) -> Outcome<Stretch> {
        let (blocks, rest) = self.blocks(conditions, window)?;
        let mut records = Vec::new();
        for block in blocks {
            let newest = window.newest.min(facets::first_key(block + 1));
            let oldest = window.oldest.max(facets::first_key(block));
            let part = Window { newest, oldest };
            if let Some(last) = self.walk(filter, conditions, part, limit, &mut records)? {
                return Ok(Stretch { records, rest: Some(last) });
            }
        }
        Ok(Stretch { records, rest: rest.map(facets::first_key) })
    }

    /// The next blocks, newest first, that may have what is asked for, and the oldest one looked
    /// at if there may be more.
    fn blocks(&self, conditions: &Conditions, window: Window) -> Outcome<(Vec<i64>, Option<i64>)> {
        let (mut blocks, mut ends) = (BTreeSet::new(), Vec::new());
        if conditions.settled != Some(false) {
            ends.push(self.settled_blocks(conditions, window, &mut blocks)?);
        }
        if conditions.settled != Some(true) {
            ends.push(self.open_blocks(window, &mut blocks)?);
        }
        let mut end = ends.into_iter().flatten().max();
        let known = blocks.iter().rev().copied().filter(|block| end.is_none_or(|end| *block >= end));
        let mut chosen: Vec<i64> = known.take(BLOCKS + 1).collect();
        if chosen.len() > BLOCKS {
            chosen.truncate(BLOCKS);
            end = chosen.last().copied();
        }
        Ok((chosen, end))
    }

    /// Adds blocks with settled messages of this kind; the oldest block that was looked at
    /// wholly, if not all were.
    fn settled_blocks(
        &self,
        conditions: &Conditions,
        window: Window,
        blocks: &mut BTreeSet<i64>,
    ) -> Outcome<Option<i64>> {
        let mut fits = String::from("1");
        for (column, _) in &conditions.facets {
            fits += &format!(" AND {column} = ?");
        }
        let sql = format!(
            "SELECT block, {fits} FROM facet WHERE account = ? AND block <= ? AND block >= ?
             ORDER BY block DESC LIMIT {FACETS}"
        );
        let values = conditions.facets.iter().map(|(_, value)| *value);
        let account = conditions.account.unwrap_or(facets::EVERYBODY);
        let values = values.chain([account, block(window.newest), block(window.oldest)]);
        let look = || -> rusqlite::Result<Option<i64>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            let (mut looked, mut last) = (0, None);
            while let Some(row) = rows.next()? {
                let block: i64 = row.get(0)?;
                looked += 1;
                last = Some(block);
                if row.get(1)? && blocks.insert(block) && blocks.len() > BLOCKS {
                    return Ok(last);
                }
            }
            // The last one may have more facets than were looked at.
            Ok(last.filter(|_| looked == FACETS).map(|block| block + 1))
        };
        look().map_err(failure)
    }

    /// Adds blocks with messages under way; the oldest one if there may be more.
    fn open_blocks(&self, window: Window, blocks: &mut BTreeSet<i64>) -> Outcome<Option<i64>> {
        let open: Vec<i64> = self.list(
            "SELECT block FROM open_block WHERE block <= ?1 AND block >= ?2 ORDER BY block DESC LIMIT ?3",
            [block(window.newest), block(window.oldest), bound(BLOCKS + 1)],
            |row| row.get(0),
        )?;
        let end = open.last().copied().filter(|_| open.len() > BLOCKS);
        blocks.extend(open);
        Ok(end)
    }

    /// Walks along the marks, newest segment first.
    fn marked(
        &mut self,
        filter: &Search,
        conditions: &Conditions,
        mark: Mark,
        window: Window,
        limit: usize,
    ) -> Outcome<Stretch> {
        let (fitting, values) = conditions.sql();
        // CROSS keeps the order of the join: a mark has few messages, an account may have all.
        let sql = format!(
            "SELECT key, {fitting} FROM mark CROSS JOIN message ON key = mark.message
             WHERE mark.place = ? AND mark.message < ? AND mark.message >= ?
             ORDER BY mark.message DESC LIMIT {PAGE}"
        );
        let (first, last) = (segment(window.oldest), segment(window.newest - 1));
        let (mut records, mut looked, mut below) = (Vec::new(), 0, window.newest);
        for segment in (first.max(last - SEGMENTS as i64 + 1)..=last).rev() {
            loop {
                let place = [mark.place(segment), below, window.oldest].map(Value::Integer);
                let values = values.iter().cloned().chain(place);
                let keys: Vec<(i64, bool)> =
                    self.list(&sql, params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
                let Some(&(oldest, _)) = keys.last() else { break };
                for key in keys.iter().filter(|(_, fits)| *fits).map(|(key, _)| *key) {
                    self.take(filter, &[key], &mut records)?;
                    if records.len() >= limit {
                        return Ok(Stretch { records, rest: Some(key) });
                    }
                }
                looked += keys.len();
                below = oldest;
                if looked >= MARKED {
                    return Ok(Stretch { records, rest: Some(below) });
                }
            }
        }
        let rest =
            (last - first >= SEGMENTS as i64).then(|| super::marks::first_key(last - SEGMENTS as i64 + 1));
        Ok(Stretch { records, rest })
    }

    /// Adds those records that meet the conditions which SQL could not check.
    fn take(&mut self, filter: &Search, keys: &[i64], found: &mut Vec<Record>) -> Outcome<()> {
        for &key in keys {
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

/// The first id of the millisecond that begins at or after an instant.
fn first_after(instant: Time) -> MessageId {
    MessageId::new(instant + Span::from_micros(999), 0)
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
