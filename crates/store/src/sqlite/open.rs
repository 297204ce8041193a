//! Opening a database: lock, version of the library, settings, migrations.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::SqliteOptions;
use crate::StoreError;

/// 3.51.3 mends a race between checkpoint and writer that could damage a database in WAL mode.
const OLDEST_LIBRARY: i32 = 3_051_003;

/// Migrations in order; the version of a database is the number of those applied.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
];

/// SQLite's number for giving free pages back when told to.
const INCREMENTAL: i64 = 2;

/// Statements kept prepared per connection; more than there are.
const STATEMENTS: usize = 160;

/// Fails if the SQLite in this program is too old.
pub(super) fn check_library(version: i32) -> Result<(), StoreError> {
    if version >= OLDEST_LIBRARY {
        return Ok(());
    }
    let text = rusqlite::version();
    Err(StoreError::Other(format!("SQLite {text} is too old: 3.51.3 or later is needed")))
}

/// Takes the data folder for this process, for as long as the file stays open.
pub(super) fn lock(database: &Path) -> Result<File, StoreError> {
    let path = lock_path(database);
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(|error| StoreError::Other(format!("{}: {error}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::Other(format!("{} is in use by another process", database.display())))
        }
        Err(TryLockError::Error(error)) => Err(StoreError::Other(format!("{}: {error}", path.display()))),
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

/// The connection that writes, on a database brought up to date.
pub(super) fn writer(options: &SqliteOptions) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(&options.path).map_err(super::failure)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    writer_settings(&connection, options).map_err(super::failure)?;
    migrate(&mut connection)?;
    check_dialects(&connection, options.dialects)?;
    Ok(connection)
}

fn writer_settings(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    // Must come before the first table. Setting it writes each time, which a full disk does not allow.
    if connection.pragma_query_value(None, "auto_vacuum", |row| row.get::<_, i64>(0))? != INCREMENTAL {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    steady_plans(connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -i64::from(options.writer_cache_kib))?;
    connection.pragma_update(None, "wal_autocheckpoint", options.checkpoint_pages)?;
    // What remains of the log's file after a checkpoint.
    connection.pragma_update(None, "journal_size_limit", i64::from(options.checkpoint_pages) * 2 * 4096)
}

/// A connection that reads.
pub(super) fn reader(options: &SqliteOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    steady_plans(&connection)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -i64::from(options.reader_cache_kib))?;
    // Shared with the kernel's own cache: what is read often costs no copy and no heap.
    connection.pragma_update(None, "mmap_size", options.mmap_bytes)?;
    Ok(connection)
}

/// Keeps SQLite from planning a statement anew because a parameter has another value.
fn steady_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// Whether a file is a whole database that this program can work with; how many messages it has.
pub(super) fn check(database: &Path, dialects: &[&str]) -> Result<u64, StoreError> {
    check_library(rusqlite::version_number())?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).map_err(super::failure)?;
    if known_version(&connection)? == 0 {
        return Err(StoreError::Other("it is empty, or not a database of Courant".to_owned()));
    }
    let damage: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(super::failure)?;
    if damage != "ok" {
        return Err(StoreError::Other(format!("the database is damaged: {damage}")));
    }
    check_dialects(&connection, dialects)?;
    connection
        .query_row("SELECT count(*) FROM message", [], |row| row.get(0))
        .map(|count: i64| count.unsigned_abs())
        .map_err(super::failure)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version = known_version(connection)?;
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(version) {
        step(connection, index + 1, sql).map_err(super::failure)?;
    }
    Ok(())
}

/// The version of a database; an error if this program is too old for it.
fn known_version(connection: &Connection) -> Result<usize, StoreError> {
    let version: u32 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(super::failure)?;
    let version = version as usize;
    if version > MIGRATIONS.len() {
        return Err(StoreError::Other(format!(
            "the database has version {version}, this program knows up to {}: it was written by a newer program",
            MIGRATIONS.len()
        )));
    }
    Ok(version)
}

fn step(connection: &mut Connection, version: usize, sql: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "user_version", version as i64)?;
    transaction.commit()
}

fn check_dialects(connection: &Connection, known: &[&str]) -> Result<(), StoreError> {
    let stored = || -> rusqlite::Result<Vec<String>> {
        connection
            .prepare("SELECT text FROM dialect ORDER BY text")?
            .query_map([], |row| row.get(0))?
            .collect()
    };
    let unknown = |name: &String| !known.contains(&name.as_str());
    match stored().map_err(super::failure)?.into_iter().find(unknown) {
        None => Ok(()),
        Some(name) => Err(StoreError::Other(format!(
            "the database has messages of the dialect '{name}', which this program does not know"
        ))),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_library_with_the_checkpoint_race_is_refused() {
        assert!(super::check_library(3_051_002).is_err_and(|error| error.to_string().contains("3.51.3")));
        assert!(super::check_library(rusqlite::version_number()).is_ok());
    }
}
