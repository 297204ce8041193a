//! A generation of changes brought into the database, in the writer's transaction: one row of each
//! table for a message, however often it changed.

use rusqlite::{
    Connection, Result, params,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    apply::{Row, Writing, find, insert_body, insert_upstream, share},
    bulk::insert_rows,
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
        let mut transitions = Vec::new();
        for submission in &generation.inserts {
            self.begin_all(connection, submission, &mut transitions)?;
        }
        for continued in &generation.updates {
            self.go_on(connection, continued, &mut transitions)?;
        }
        insert_transitions(connection, transitions)?;
        for called in &generation.inbound {
            self.write_callback(connection, None, called, is_pending(called))?;
        }
        set_newest(connection, generation.last)
    }

    fn begin_all<'a>(
        &mut self,
        connection: &Connection,
        submission: &'a Submission,
        transitions: &mut Vec<Transition<'a>>,
    ) -> Result<()> {
        let Submission { batch, shared, messages, .. } = submission;
        let single = messages.iter().all(|begun| begun.message.batch_size <= 1);
        let inline = single || !share(connection, *batch, shared, messages.len())?;
        for begun in messages {
            self.begin_one(connection, submission, begun, inline.then_some(shared.as_slice()), transitions)?;
        }
        Ok(())
    }

    fn begin_one<'a>(
        &mut self,
        connection: &Connection,
        submission: &Submission,
        begun: &'a Begun,
        shared: Option<&[u8]>,
        transitions: &mut Vec<Transition<'a>>,
    ) -> Result<()> {
        let Begun { message, now, .. } = begun;
        let key = self.next_message();
        let history = chain(transitions, key, 0, now);
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

    fn go_on<'a>(
        &mut self,
        connection: &Connection,
        continued: &'a Continued,
        transitions: &mut Vec<Transition<'a>>,
    ) -> Result<()> {
        let Continued { id, now, .. } = continued;
        let found = find(connection, *id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let history = chain(transitions, found.key, found.history, now);
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

/// A row of the history.
struct Transition<'a> {
    number: i64,
    /// The one before it, of the same message.
    previous: i64,
    entries: &'a [u8],
    message: i64,
}

/// Chains the transitions of a message to the given one; the new head of the chain.
fn chain<'a>(transitions: &mut Vec<Transition<'a>>, message: i64, mut previous: i64, now: &'a Now) -> i64 {
    for (number, entries) in &now.transitions {
        transitions.push(Transition { number: *number, previous, entries, message });
        previous = *number;
    }
    previous
}

/// Writes transitions in the order of their numbers, so that each lands at the end of the table.
fn insert_transitions(connection: &Connection, mut transitions: Vec<Transition<'_>>) -> Result<()> {
    transitions.sort_unstable_by_key(|transition| transition.number);
    let insert = "INSERT INTO history (key, previous, entries, message) VALUES";
    insert_rows(connection, insert, "(?, ?, ?, ?)", &transitions, Transition::values)
}

impl Transition<'_> {
    fn values(&self) -> [ToSqlOutput<'_>; 4] {
        let entries = ToSqlOutput::Borrowed(ValueRef::Blob(self.entries));
        [self.number.into(), self.previous.into(), entries, self.message.into()]
    }
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
