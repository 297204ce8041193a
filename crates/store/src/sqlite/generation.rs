//! A generation of changes brought into the database, in the writer's transaction: one row of each
//! table for a message, however often it changed.

use rusqlite::{Connection, Result, params};

use super::{
    apply::{Row, Writing, find, insert_body, insert_upstream, share},
    codes::standing_code,
    outbox,
    pending::{Begun, Called, Continued, Generation, Now, Submission},
};
use crate::{CallbackStanding, Fresh};

/// Under which name the database knows the newest record of the journal that it has.
const NEWEST: &str = "journal";

impl Writing {
    /// Writes all of a generation.
    pub(super) fn apply_generation(
        &mut self,
        connection: &Connection,
        generation: &Generation,
    ) -> Result<()> {
        for remembered in generation.remembered.values() {
            self.write_remembered(connection, &remembered.value)?;
        }
        // Older callbacks first: whether a new one may be sent depends on them.
        for result in &generation.results {
            outbox::finish(connection, result, &mut Fresh::default())?;
        }
        for submission in &generation.inserts {
            self.begin_all(connection, submission)?;
        }
        for continued in &generation.updates {
            self.go_on(connection, continued)?;
        }
        for called in &generation.inbound {
            self.write_callback(connection, None, called, is_pending(called))?;
        }
        set_newest(connection, generation.last)
    }

    fn begin_all(&mut self, connection: &Connection, submission: &Submission) -> Result<()> {
        let Submission { batch, shared, messages, .. } = submission;
        let single = messages.iter().all(|begun| begun.message.batch_size <= 1);
        let inline = single || !share(connection, *batch, shared, messages.len())?;
        for begun in messages {
            self.begin_one(connection, submission, begun, inline.then_some(shared.as_slice()))?;
        }
        Ok(())
    }

    fn begin_one(
        &mut self,
        connection: &Connection,
        submission: &Submission,
        begun: &Begun,
        shared: Option<&[u8]>,
    ) -> Result<()> {
        let Begun { message, now, .. } = begun;
        let key = self.next_message();
        let history = write_transitions(connection, key, 0, now)?;
        let row = Row { key, version: now.version, history, facts: &now.facts, state: &now.state };
        let (account, dialect) = self.insert_row(connection, message, &row)?;
        insert_body(connection, key, message, &begun.recipient, shared)?;
        self.insert_ref(connection, key, account, dialect, message)?;
        for mark in submission.marks.iter().chain([&begun.recipient_mark]) {
            self.mark(*mark, key);
        }
        for (mark, part) in &now.upstream {
            insert_upstream(connection, key, *mark, *part)?;
        }
        self.count_new(key, account, now.facts.settled_at.is_some());
        for (index, called) in now.callbacks.iter().enumerate() {
            let before = &now.callbacks[..index];
            let first = !before.iter().any(|older| is_pending(older) && same_url(older, called));
            self.write_callback(connection, Some(key), called, is_pending(called) && first)?;
        }
        Ok(())
    }

    fn go_on(&mut self, connection: &Connection, continued: &Continued) -> Result<()> {
        let Continued { id, now, .. } = continued;
        let found = find(connection, *id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let history = write_transitions(connection, found.key, found.history, now)?;
        let row = Row { key: found.key, version: now.version, history, facts: &now.facts, state: &now.state };
        self.update_row(connection, &found, &row)?;
        for (mark, part) in &now.upstream {
            insert_upstream(connection, found.key, *mark, *part)?;
        }
        self.count_settled(&found, now.facts.settled_at.is_some());
        for called in &now.callbacks {
            let head = is_pending(called)
                && outbox::oldest_pending(connection, found.key, &called.stored.url)?.is_none();
            self.write_callback(connection, Some(found.key), called, head)?;
        }
        Ok(())
    }

    fn write_callback(
        &mut self,
        connection: &Connection,
        message: Option<i64>,
        called: &Called,
        head: bool,
    ) -> Result<()> {
        let stored = &called.stored;
        let account = self.names.intern(connection, stored.account.as_str())?;
        let dialect = self.dialects.intern(connection, &stored.dialect)?;
        connection
            .prepare_cached(
                "INSERT INTO callback (id, message, account, dialect, head, standing, tries, created_at,
                     due_at, last_result, about, url, request)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                stored.id,
                message,
                account,
                dialect,
                head,
                standing_code(stored.standing),
                stored.tries,
                stored.created_at.0,
                stored.due_at.0,
                stored.last_result,
                stored.about,
                stored.url,
                stored.request,
            ])?;
        Ok(())
    }
}

fn is_pending(called: &Called) -> bool {
    called.stored.standing == CallbackStanding::Pending
}

fn same_url(one: &Called, other: &Called) -> bool {
    one.stored.url == other.stored.url
}

/// Chains the transitions of a message to the given one; the new head of the chain.
fn write_transitions(connection: &Connection, message: i64, mut previous: i64, now: &Now) -> Result<i64> {
    let mut insert = connection
        .prepare_cached("INSERT INTO history (key, previous, entries, message) VALUES (?1, ?2, ?3, ?4)")?;
    for (number, entries) in &now.transitions {
        insert.execute(params![number, previous, entries, message])?;
        previous = *number;
    }
    Ok(previous)
}

/// The newest record of the journal that the database has.
pub(super) fn newest(connection: &Connection) -> Result<u64> {
    connection
        .query_row("SELECT ifnull((SELECT value FROM high_water WHERE name = ?1), 0)", [NEWEST], |row| {
            row.get::<_, i64>(0)
        })
        .map(i64::unsigned_abs)
}

/// Notes that the database has all records up to this one.
pub(super) fn set_newest(connection: &Connection, record: u64) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO high_water (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![NEWEST, record.cast_signed()])
        .map(|_| ())
}
