//! What lists are filtered by, in short: for each block of a thousand messages, which combinations
//! of account, status, cause, channel and dialect its settled messages have or had, and how many
//! of its messages are under way. A list of something rare passes over all other blocks.
//!
//! An index per column would cost every transition a write into each of them; this costs one write
//! for the first message of its kind in a block, and one per block and transaction.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Result};

/// Messages per block, as a power of two.
const BLOCK_BITS: u32 = 10;

/// Stands for all accounts together; names have numbers from 1 on.
pub(super) const EVERYBODY: i64 = 0;

/// Facets known to be written; beyond that all are forgotten, and written again to no effect.
const KNOWN: usize = 4096;

/// What a settled message counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Facet {
    pub(super) account: i64,
    pub(super) status: i64,
    pub(super) cause: i64,
    pub(super) channel: i64,
    pub(super) dialect: i64,
}

/// What the writer knows of facets.
#[derive(Debug, Default)]
pub(super) struct Facets {
    known: HashSet<(i64, Facet)>,
    /// Change of each block's unfinished messages in this transaction.
    open: HashMap<i64, i64>,
}

impl Facets {
    /// Notes what a settled message counts as.
    pub(super) fn settled(&mut self, connection: &Connection, key: i64, facet: Facet) -> Result<()> {
        self.write(connection, key, facet)?;
        self.write(connection, key, Facet { account: EVERYBODY, ..facet })
    }

    fn write(&mut self, connection: &Connection, key: i64, facet: Facet) -> Result<()> {
        if self.known.contains(&(block(key), facet)) {
            return Ok(());
        }
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO facet (account, block, status, cause, channel, dialect)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute([facet.account, block(key), facet.status, facet.cause, facet.channel, facet.dialect])?;
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert((block(key), facet));
        Ok(())
    }

    /// Counts a message that came under way (1) or settled (-1).
    pub(super) fn count(&mut self, key: i64, change: i64) {
        *self.open.entry(block(key)).or_default() += change;
    }

    /// Writes what was counted; the last thing before the commit.
    pub(super) fn finish(&mut self, connection: &Connection) -> Result<()> {
        let mut count = connection.prepare_cached(
            "INSERT INTO open_block (block, unfinished) VALUES (?1, ?2)
             ON CONFLICT (block) DO UPDATE SET unfinished = unfinished + excluded.unfinished
             RETURNING unfinished",
        )?;
        for (block, change) in self.open.drain().filter(|(_, change)| *change != 0) {
            let left: i64 = count.query_row([block, change], |row| row.get(0))?;
            if left == 0 {
                connection.prepare_cached("DELETE FROM open_block WHERE block = ?1")?.execute([block])?;
            }
        }
        Ok(())
    }

    /// Forgets what a rolled-back transaction did.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.open.clear();
    }
}

/// Removes the facets of keys between two, once there are no messages left.
pub(super) fn remove(connection: &Connection, from: i64, to: i64) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM facet WHERE block >= ?1 AND block < ?2
                 AND account IN (SELECT account FROM tally UNION ALL SELECT 0)",
        )?
        .execute([block(from), block(to)])
        .map(|_| ())
}

/// The block of a message's key.
pub(super) const fn block(key: i64) -> i64 {
    key >> BLOCK_BITS
}

/// The first key of a block.
pub(super) const fn first_key(block: i64) -> i64 {
    block << BLOCK_BITS
}
