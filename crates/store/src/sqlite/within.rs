//! Searches that end in time: filters that hardly anything fits would otherwise walk through
//! everything that is kept.

use std::time::{Duration, Instant};

use model::MessageId;
use rusqlite::OptionalExtension;

use super::{
    failure,
    read::{Outcome, Reader, wide},
};
use crate::{Found, Search};

/// Keys looked at before the clock is asked first.
const FIRST: i64 = 4096;
/// The same if marks lead there: they pass over everything else.
const FIRST_MARKED: i64 = 65_536;
/// The next stretch is twice as long only while one takes less than this part of the time.
const SHARE: u32 = 8;

impl Reader {
    /// Messages that match, newest first, until `limit` are found or the time is up; but at least
    /// one stretch of them is looked at, so that whoever goes on gets on.
    pub(super) fn search_within(
        &mut self,
        filter: &Search,
        before: Option<MessageId>,
        limit: usize,
        effort: Duration,
    ) -> Outcome<Found> {
        let began = Instant::now();
        let before = before.map_or(Ok(i64::MAX), |id| self.cursor(id))?;
        let (newest, oldest) = self.window(filter, before)?;
        let (mut high, oldest) =
            (newest.min(self.bound("max")?.saturating_add(1)), oldest.max(self.bound("min")?));
        let by_mark = filter.batch.is_some() || filter.recipient.is_some() || filter.bulk.is_some();
        let mut width = if by_mark { FIRST_MARKED } else { FIRST };
        let mut records = Vec::new();
        while high > oldest {
            let (stretch, low) = (Instant::now(), high.saturating_sub(width).max(oldest));
            let wanted = limit - records.len();
            records.extend(self.search_between(filter, high, low, wanted)?);
            if let Some(last) = records.last().filter(|_| records.len() >= limit) {
                return Ok(Found { further: Some(last.message.id), records });
            }
            high = low;
            if began.elapsed() >= effort {
                break;
            }
            if stretch.elapsed() < effort / SHARE {
                width = width.saturating_mul(2);
            }
        }
        let further = if high > oldest { self.id_from(high)? } else { None };
        Ok(Found { records, further })
    }

    /// The lowest or highest key; 0 if there is none.
    fn bound(&self, which: &str) -> Outcome<i64> {
        let sql = format!("SELECT ifnull({which}(key), 0) FROM message");
        let read = self.connection.prepare_cached(&sql).and_then(|mut it| it.query_row([], |row| row.get(0)));
        read.map_err(failure)
    }

    /// The message at a key or the next newer one.
    fn id_from(&self, key: i64) -> Outcome<Option<MessageId>> {
        self.connection
            .prepare_cached("SELECT id FROM message WHERE key >= ?1 ORDER BY key LIMIT 1")
            .and_then(|mut statement| {
                statement.query_row([key], |row| Ok(MessageId(wide(row, 0)?))).optional()
            })
            .map_err(failure)
    }
}
