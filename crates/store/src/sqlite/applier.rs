//! The one thread that writes into the database: generations of the journal in the background, and
//! whatever else the writer asks for and waits for.

use std::{
    fs::File,
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{
    apply::Writing, counters::Counters, encode::Load, failure, generation, journal::Numbers,
    pending::Generation, remove,
};
use crate::{Fresh, StoreError, Verdict};

/// Free pages given back at once when idle (16 MiB).
const VACUUM_PAGES: u32 = 4096;

/// How long to wait for a lock of somebody who looks into the database from outside.
const BUSY: Duration = Duration::from_secs(5);

/// Work for the thread.
pub(super) type Task = Box<dyn FnOnce(&mut Applier) + Send>;

/// What a group of commits came to when the database itself decided.
pub(super) struct Written {
    pub(super) verdicts: Vec<Vec<Verdict>>,
    pub(super) numbers: Numbers,
    pub(super) fresh: Fresh,
}

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Applier {
    pub(super) connection: Connection,
    pub(super) writing: Writing,
    pub(super) counters: Arc<Counters>,
    pub(super) path: PathBuf,
    /// Held as long as this thread may write.
    pub(super) _lock: File,
}

impl Applier {
    /// Works until nobody is left who could ask.
    pub(super) fn run(mut self, tasks: &Receiver<Task>) {
        for task in tasks {
            task(&mut self);
        }
    }

    /// Brings a generation into the database.
    pub(super) fn apply(&mut self, generation: &Generation) -> Result<(), StoreError> {
        let begun = Instant::now();
        self.atomically(|connection, writing| writing.apply_generation(connection, generation))?;
        self.counters.apply_times.add(begun.elapsed().as_micros() as u64);
        Ok(())
    }

    /// Applies commits in one transaction, each change as the database finds it. The journal is not
    /// asked, and has nothing that is not in the database.
    pub(super) fn transaction(&mut self, group: &[Load], numbers: Numbers) -> Result<Written, StoreError> {
        self.writing.set_numbers(numbers);
        let begun = Instant::now();
        let done = self.atomically(|connection, writing| {
            let mut all = Vec::with_capacity(group.len());
            for load in group {
                let verdicts = load.changes.iter().map(|it| writing.apply(connection, &it.change));
                all.push(verdicts.collect::<rusqlite::Result<_>>()?);
            }
            Ok(all)
        });
        self.counters.count(begun, done.is_ok());
        let fresh = std::mem::take(&mut self.writing.fresh);
        let (verdicts, synced) = done?;
        self.counters.sync_times.add(synced.as_micros() as u64);
        Ok(Written { verdicts, numbers: self.writing.numbers(), fresh })
    }

    /// Removes messages long settled.
    pub(super) fn remove(&mut self, removal: &remove::Removal) -> Result<remove::Removed, StoreError> {
        self.atomically(|connection, writing| {
            // Facets of what is removed may go too, and would not be written again if they came back.
            writing.facets.clear();
            remove::remove(connection, removal)
        })
        .map(|(removed, _)| removed)
    }

    /// Notes that the database has all records up to this one.
    pub(super) fn set_newest(&mut self, record: u64) -> Result<(), StoreError> {
        self.atomically(|connection, _| generation::set_newest(connection, record)).map(|_| ())
    }

    /// Runs `work` in one durable transaction, or leaves no trace of it. Tells also how long it took
    /// to make it durable.
    fn atomically<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Writing) -> rusqlite::Result<T>,
    ) -> Result<(T, Duration), StoreError> {
        let done = run(&self.connection, &mut self.writing, work);
        if done.is_err() {
            self.roll_back();
        }
        done.map_err(failure)
    }

    fn roll_back(&mut self) {
        // Some errors roll back by themselves.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "the store could not roll back");
        }
        self.writing.roll_back();
    }

    /// Bounds the database to as many pages.
    pub(super) fn limit(&self, pages: i64) -> Result<(), StoreError> {
        self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).map_err(failure)
    }

    /// How many bytes the database may still grow by: what its bound and what the disk leaves.
    pub(super) fn room(&self) -> u64 {
        let pragma = |name| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let pages = || -> rusqlite::Result<i64> {
            Ok(pragma("max_page_count")? - pragma("page_count")? + pragma("freelist_count")?)
        };
        let bound = pages().map_or(0, i64::unsigned_abs).saturating_mul(4096);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let disk = rustix::fs::statvfs(folder.unwrap_or_else(|| std::path::Path::new(".")));
        disk.map_or(0, |disk| bound.min(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }

    /// Empties the log and gives free pages back.
    pub(super) fn tidy(&self) {
        let tidied = give_back(&self.connection)
            .and_then(|()| checkpoint(&self.connection))
            .and_then(|()| self.connection.execute_batch("PRAGMA shrink_memory"));
        if let Err(error) = tidied {
            tracing::debug!(%error, "the store could not tidy up");
        }
    }

    /// Empties the log before the database is closed.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        checkpoint(&self.connection).map_err(failure)
    }
}

fn run<T>(
    connection: &Connection,
    writing: &mut Writing,
    work: impl FnOnce(&Connection, &mut Writing) -> rusqlite::Result<T>,
) -> rusqlite::Result<(T, Duration)> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let done = work(connection, writing)?;
    writing.finish(connection)?;
    let begun = Instant::now();
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok((done, begun.elapsed()))
}

/// Gives free pages at the end of the file back to the disk.
pub(super) fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let mut rows = statement.query([])?;
    // Each step gives back one page.
    while rows.next()?.is_some() {}
    Ok(())
}

/// Empties the log, as far as nobody reads from it: a long backup must not keep the writer waiting.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection.busy_timeout(BUSY)?;
    done
}
