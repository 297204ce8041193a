//! Small numbers for closed vocabularies, and interned words for open ones. The numbers are part
//! of the format: they are never reused.

use std::collections::HashMap;

use model::{Status, message::Priority};
use rusqlite::{Connection, OptionalExtension, Result};

use crate::{CallbackStanding, MoneyKind};

/// The code of a failure, as the partial index of failures spells it.
pub(super) const FAILED: i64 = 7;

pub(super) const fn status_code(status: Status) -> i64 {
    match status {
        Status::Waiting => 0,
        Status::Accepted => 1,
        Status::Submitted => 2,
        Status::Sent => 3,
        Status::Delivered => 4,
        Status::Read => 5,
        Status::Played => 6,
        Status::Failed(_) => FAILED,
    }
}

/// The status of a code, with the cause of a failure; `None` if there is none such.
pub(super) fn status_of_code(code: i64, cause: Option<model::Cause>) -> Option<Status> {
    use Status::{Accepted, Delivered, Played, Read, Sent, Submitted, Waiting};
    if code == FAILED {
        return cause.map(Status::Failed);
    }
    [Waiting, Accepted, Submitted, Sent, Delivered, Read, Played]
        .into_iter()
        .find(|status| status_code(*status) == code)
}

/// The code of a status word; `None` if there is no such status.
pub(super) fn status_code_of(word: &str) -> Option<i64> {
    use Status::{Accepted, Delivered, Failed, Played, Read, Sent, Submitted, Waiting};
    let failed = Failed(model::Cause::Cancelled);
    [Waiting, Accepted, Submitted, Sent, Delivered, Read, Played, failed]
        .into_iter()
        .find(|status| status.as_str() == word)
        .map(status_code)
}

pub(super) const fn priority_code(priority: Priority) -> i64 {
    match priority {
        Priority::OneTime => 0,
        Priority::Notice => 1,
        Priority::Marketing => 2,
    }
}

pub(super) const fn standing_code(standing: CallbackStanding) -> i64 {
    match standing {
        CallbackStanding::Pending => 0,
        CallbackStanding::Done => 1,
        CallbackStanding::Parked => 2,
    }
}

pub(super) fn standing_of(code: i64) -> Result<CallbackStanding> {
    match code {
        0 => Ok(CallbackStanding::Pending),
        1 => Ok(CallbackStanding::Done),
        2 => Ok(CallbackStanding::Parked),
        _ => Err(rusqlite::Error::IntegralValueOutOfRange(0, code)),
    }
}

pub(super) const fn money_code(kind: MoneyKind) -> i64 {
    match kind {
        MoneyKind::Opened => 0,
        MoneyKind::TopUp => 1,
        MoneyKind::Reserve => 2,
        MoneyKind::Charge => 3,
        MoneyKind::Refund => 4,
    }
}

pub(super) fn money_of(code: i64) -> Result<MoneyKind> {
    use MoneyKind::{Charge, Opened, Refund, Reserve, TopUp};
    [Opened, TopUp, Reserve, Charge, Refund]
        .into_iter()
        .find(|kind| money_code(*kind) == code)
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(0, code))
}

/// One table of interned words, with those already seen. The words are configured names, so the
/// cache is as large as the configuration.
#[derive(Debug)]
pub(super) struct Words {
    table: &'static str,
    ids: HashMap<String, i64>,
    texts: HashMap<i64, String>,
}

impl Words {
    /// Accounts, routes, channels, causes and kinds.
    pub(super) fn names() -> Self {
        Self { table: "name", ids: HashMap::new(), texts: HashMap::new() }
    }

    /// Dialects.
    pub(super) fn dialects() -> Self {
        Self { table: "dialect", ids: HashMap::new(), texts: HashMap::new() }
    }

    /// Forgets what was seen: after a rollback, it may not be there.
    pub(super) fn clear(&mut self) {
        self.ids.clear();
        self.texts.clear();
    }

    /// The number of a word, if it has one.
    pub(super) fn find(&mut self, connection: &Connection, text: &str) -> Result<Option<i64>> {
        if let Some(&id) = self.ids.get(text) {
            return Ok(Some(id));
        }
        let sql = format!("SELECT id FROM {} WHERE text = ?1", self.table);
        let id = connection.prepare_cached(&sql)?.query_row([text], |row| row.get(0)).optional()?;
        if let Some(id) = id {
            self.ids.insert(text.to_owned(), id);
        }
        Ok(id)
    }

    /// The number of a word, given to it now if it has none.
    pub(super) fn intern(&mut self, connection: &Connection, text: &str) -> Result<i64> {
        if let Some(id) = self.find(connection, text)? {
            return Ok(id);
        }
        let sql = format!("INSERT INTO {} (text) VALUES (?1)", self.table);
        connection.prepare_cached(&sql)?.execute([text])?;
        let id = connection.last_insert_rowid();
        self.ids.insert(text.to_owned(), id);
        Ok(id)
    }

    /// The word of a number.
    pub(super) fn text(&mut self, connection: &Connection, id: i64) -> Result<&str> {
        if !self.texts.contains_key(&id) {
            let sql = format!("SELECT text FROM {} WHERE id = ?1", self.table);
            let text = connection.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?;
            self.texts.insert(id, text);
        }
        Ok(&self.texts[&id])
    }
}
