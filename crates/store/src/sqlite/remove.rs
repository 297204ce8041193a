//! Sweeping: messages long settled go, with all that belongs to them.

use std::collections::BTreeSet;

use model::{MessageId, Time};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{
    facets,
    marks::{first_key, first_place, segment},
    money,
};

/// Expired keys and finished inbound callbacks removed in one go, at most.
const EXPIRED_AT_ONCE: usize = 1000;

/// Messages chosen for removal. Chosen outside the transaction, hence checked again inside it.
#[derive(Debug)]
pub(super) struct Removal {
    pub(super) ids: Vec<MessageId>,
    pub(super) settled_before: Time,
    pub(super) now: Time,
}

/// What a removal came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removed {
    /// Messages that went.
    pub(super) messages: usize,
    /// More keys or callbacks have expired than went at once.
    pub(super) more_expired: bool,
}

/// Removes what may still go.
pub(super) fn remove(connection: &Connection, removal: &Removal) -> Result<Removed> {
    let mut removed = 0;
    let mut segments = BTreeSet::new();
    if !removal.ids.is_empty() {
        keep_high_water(connection)?;
    }
    for id in &removal.ids {
        if let Some((key, history)) = removable(connection, *id, removal.settled_before)? {
            remove_message(connection, key, history)?;
            segments.insert(segment(key));
            removed += 1;
        }
    }
    for segment in segments {
        remove_marks(connection, segment)?;
    }
    let most =
        forget_expired(connection, removal.now)?.max(remove_inbound(connection, removal.settled_before)?);
    Ok(Removed { messages: removed, more_expired: most == EXPIRED_AT_ONCE })
}

/// Remembers the newest transition, which may be about to go.
fn keep_high_water(connection: &Connection) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO high_water (name, value) VALUES ('history', (SELECT ifnull(max(key), 0) FROM history))
             ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        )?
        .execute([])?;
    Ok(())
}

fn removable(connection: &Connection, id: MessageId, settled_before: Time) -> Result<Option<(i64, i64)>> {
    connection
        .prepare_cached(
            "SELECT key, history FROM message WHERE id = ?1 AND settled_at < ?2 AND NOT EXISTS
                 (SELECT 1 FROM callback WHERE callback.message = message.key AND standing = 0)",
        )?
        .query_row(params![id.to_bytes(), settled_before.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn remove_message(connection: &Connection, key: i64, history: i64) -> Result<()> {
    remove_history(connection, history)?;
    remove_body(connection, key)?;
    money::forget(connection, key)?;
    for sql in ["DELETE FROM callback WHERE message = ?1", "DELETE FROM message WHERE key = ?1"] {
        connection.prepare_cached(sql)?.execute([key])?;
    }
    Ok(())
}

fn remove_history(connection: &Connection, mut key: i64) -> Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM history WHERE key = ?1 RETURNING previous")?;
    while key != 0 {
        key = delete.query_row([key], |row| row.get(0))?;
    }
    Ok(())
}

/// The immutable part and the client id.
fn remove_body(connection: &Connection, key: i64) -> Result<()> {
    let (batch, client_ref, shared): (Vec<u8>, Option<String>, bool) = connection
        .prepare_cached("SELECT batch, client_ref, shared IS NULL FROM body WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if let Some(client_ref) = client_ref {
        connection
            .prepare_cached(
                "DELETE FROM client_ref WHERE ref = ?2 AND (account, dialect) =
                     (SELECT account, dialect FROM message WHERE key = ?1)",
            )?
            .execute(params![key, client_ref])?;
    }
    if shared {
        release_shared(connection, &batch)?;
    }
    connection.prepare_cached("DELETE FROM body WHERE key = ?1")?.execute([key])?;
    Ok(())
}

fn release_shared(connection: &Connection, batch: &[u8]) -> Result<()> {
    connection
        .prepare_cached("UPDATE shared SET messages = messages - 1 WHERE batch = ?1")?
        .execute([batch])?;
    connection.prepare_cached("DELETE FROM shared WHERE batch = ?1 AND messages <= 0")?.execute([batch])?;
    Ok(())
}

/// Removes the marks and facets of a segment without messages. Until its last message goes, marks of removed
/// ones stay and point nowhere: keys are not given twice.
fn remove_marks(connection: &Connection, segment: i64) -> Result<()> {
    let inhabited = connection
        .prepare_cached("SELECT 1 FROM message WHERE key >= ?1 AND key < ?2")?
        .exists([first_key(segment), first_key(segment + 1)])?;
    if inhabited {
        return Ok(());
    }
    for sql in [
        "DELETE FROM mark WHERE place >= ?1 AND place < ?2",
        "DELETE FROM upstream WHERE place >= ?1 AND place < ?2",
    ] {
        connection.prepare_cached(sql)?.execute([first_place(segment), first_place(segment + 1)])?;
    }
    facets::remove(connection, first_key(segment), first_key(segment + 1))
}

/// Forgets expired keys; how many.
fn forget_expired(connection: &Connection, now: Time) -> Result<usize> {
    let expired: Vec<(i64, i64, String)> = connection
        .prepare_cached("SELECT account, kind, key FROM remembered WHERE until <= ?1 LIMIT ?2")?
        .query_map(params![now.0, EXPIRED_AT_ONCE as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_>>()?;
    let mut forget =
        connection.prepare_cached("DELETE FROM remembered WHERE account = ?1 AND kind = ?2 AND key = ?3")?;
    let count = expired.len();
    for key in expired {
        forget.execute(key)?;
    }
    Ok(count)
}

/// Removes callbacks of inbound messages finished before the instant; how many.
fn remove_inbound(connection: &Connection, finished_before: Time) -> Result<usize> {
    connection
        .prepare_cached(
            "DELETE FROM callback WHERE id IN
                 (SELECT id FROM callback WHERE message IS NULL AND standing <> 0 AND due_at < ?1 LIMIT ?2)",
        )?
        .execute(params![finished_before.0, EXPIRED_AT_ONCE as i64])
}
