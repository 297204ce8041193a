//! The outbox of callbacks. Per message and address only the oldest pending one may be sent; it
//! carries the `head` flag, kept up to date by every change, so that finding what is due is one
//! walk along an index however long the outbox is.

use model::{MessageId, Time};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{
    apply::Next,
    codes::{Words, standing_code},
};
use crate::{CallbackResult, CallbackStanding, Fresh, NewCallback, StoredCallback, Verdict};

const PENDING: i64 = standing_code(CallbackStanding::Pending);
const PARKED: i64 = standing_code(CallbackStanding::Parked);

/// Fresh callbacks kept until they are asked for; beyond that the outbox must be looked into.
const FRESH: usize = 4096;

impl Fresh {
    pub(super) fn push(&mut self, callback: StoredCallback) {
        if self.callbacks.len() < FRESH {
            self.callbacks.push(callback);
        } else {
            self.complete = false;
        }
    }

    /// Adds what a transaction made due.
    pub(super) fn append(&mut self, mut more: Self) {
        self.complete &= more.complete && self.callbacks.len() + more.callbacks.len() <= FRESH;
        if self.complete {
            self.callbacks.append(&mut more.callbacks);
        }
    }
}

/// What callbacks are about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    /// The message and its key.
    pub(super) message: Option<(MessageId, i64)>,
    /// Whether nothing can be pending for it yet.
    pub(super) fresh: bool,
    pub(super) account: i64,
    pub(super) dialect: i64,
    pub(super) created_at: Time,
}

/// What adding callbacks needs and changes.
pub(super) struct Outbox<'a> {
    pub(super) connection: &'a Connection,
    pub(super) next: &'a mut Next,
    pub(super) names: &'a mut Words,
    pub(super) dialects: &'a mut Words,
    pub(super) fresh: &'a mut Fresh,
}

impl Outbox<'_> {
    /// Adds callbacks in order.
    pub(super) fn add(&mut self, about: About, callbacks: &[NewCallback]) -> Result<()> {
        for (index, callback) in callbacks.iter().enumerate() {
            let head = is_head(self.connection, about, callback, index == 0)?;
            let id = self.next.callback();
            self.connection
                .prepare_cached(
                    "INSERT INTO callback (id, message, account, dialect, head, standing, tries, created_at,
                         due_at, about, url, request)
                     VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    id,
                    about.message.map(|(_, key)| key),
                    about.account,
                    about.dialect,
                    head,
                    about.created_at.0,
                    callback.due_at.0,
                    callback.about,
                    callback.url,
                    callback.request,
                ])?;
            if head {
                let stored = self.stored(id, about, callback)?;
                self.fresh.push(stored);
            }
        }
        Ok(())
    }

    fn stored(&mut self, id: i64, about: About, callback: &NewCallback) -> Result<StoredCallback> {
        Ok(StoredCallback {
            id,
            message: about.message.map(|(id, _)| id),
            account: self.names.text(self.connection, about.account)?.into(),
            dialect: self.dialects.text(self.connection, about.dialect)?.to_owned(),
            url: callback.url.clone(),
            request: callback.request.clone(),
            about: callback.about.clone(),
            created_at: about.created_at,
            due_at: callback.due_at,
            tries: 0,
            standing: CallbackStanding::Pending,
            last_result: None,
        })
    }
}

fn is_head(connection: &Connection, about: About, callback: &NewCallback, first: bool) -> Result<bool> {
    match about.message {
        None => Ok(true),
        Some(_) if about.fresh && first => Ok(true),
        Some((_, key)) => Ok(oldest_pending(connection, key, &callback.url)?.is_none()),
    }
}

pub(super) fn oldest_pending(connection: &Connection, message: i64, url: &str) -> Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT id FROM callback WHERE message = ?1 AND standing = 0 AND url = ?2 ORDER BY id LIMIT 1",
        )?
        .query_row(params![message, url], |row| row.get(0))
        .optional()
}

/// A callback as a change finds it.
struct Found {
    message: Option<i64>,
    url: String,
    standing: i64,
}

fn find(connection: &Connection, id: i64) -> Result<Option<Found>> {
    connection
        .prepare_cached("SELECT message, url, standing FROM callback WHERE id = ?1")?
        .query_row([id], |row| Ok(Found { message: row.get(0)?, url: row.get(1)?, standing: row.get(2)? }))
        .optional()
}

/// Records a try. A callback that is not pending (any more) is left as it is.
pub(super) fn finish(connection: &Connection, result: &CallbackResult, fresh: &mut Fresh) -> Result<Verdict> {
    let Some(found) = find(connection, result.id)?.filter(|found| found.standing == PENDING) else {
        return Ok(Verdict::Conflict);
    };
    let (due_at, pending) = match result.standing {
        CallbackStanding::Pending => (result.due_at, true),
        CallbackStanding::Done | CallbackStanding::Parked => (result.at, false),
    };
    connection
        .prepare_cached(
            "UPDATE callback SET standing = ?2, tries = tries + 1, due_at = ?3, last_result = ?4,
                 head = head AND ?5
             WHERE id = ?1",
        )?
        .execute(params![result.id, standing_code(result.standing), due_at.0, result.result, pending])?;
    if !pending && promote(connection, &found)? {
        fresh.complete = false;
    }
    Ok(Verdict::Applied)
}

/// Gives the head flag to the oldest pending callback of the same message and address, and to
/// that one only. Whether there is one.
fn promote(connection: &Connection, found: &Found) -> Result<bool> {
    let Some(message) = found.message else { return Ok(false) };
    let Some(oldest) = oldest_pending(connection, message, &found.url)? else { return Ok(false) };
    connection
        .prepare_cached(
            "UPDATE callback SET head = (id = ?3) WHERE message = ?1 AND url = ?2 AND head <> (id = ?3)",
        )?
        .execute(params![message, found.url, oldest])?;
    Ok(true)
}

/// Makes parked callbacks pending again, with their tries counted anew.
pub(super) fn replay(
    connection: &Connection,
    ids: &[i64],
    due_at: Time,
    fresh: &mut Fresh,
) -> Result<Verdict> {
    fresh.complete = false;
    for &id in ids {
        let Some(found) = find(connection, id)?.filter(|found| found.standing == PARKED) else { continue };
        connection
            .prepare_cached(
                "UPDATE callback SET standing = 0, tries = 0, due_at = ?2, head = ?3 WHERE id = ?1",
            )?
            .execute(params![id, due_at.0, found.message.is_none()])?;
        promote(connection, &found)?;
    }
    Ok(Verdict::Applied)
}
