//! A database of each older version is brought up to date at the start, with all its messages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use courant::callbacks::Letter;
use engine::State;
use model::message::Shared;
use rusqlite::Connection;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use store::{HistoryEntry, packed};

use crate::{
    harness::{PATIENCE, TELESIGN_BASIC, cascade},
    process::{Process, free_address},
};

/// The first version whose rows are MessagePack; before, they were JSON.
const FIRST_PACKED: usize = 6;

/// The migrations in order, as the store ships them.
fn migrations() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/src/sqlite/migrations");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("migrations").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).expect("SQL")).collect()
}

/// A caller of a sandbox.
struct Caller {
    client: reqwest::Client,
    url: String,
}

impl Caller {
    async fn send(&self, number: &str, fallback_ms: u64) -> String {
        let body = cascade(&self.url, number, fallback_ms, "upgrade");
        let request = self.client.post(format!("{}/v1/omnichannel", self.url)).json(&body);
        let answer: Value = request
            .header("authorization", TELESIGN_BASIC)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        answer["reference_id"].as_str().expect("a reference").to_owned()
    }

    async fn look(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}/api/v1{path}", self.url)).bearer_auth("sandbox");
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// The message, once it is settled and its callback confirmed.
    async fn settled(&self, reference: &str) -> Value {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let message = self.look(&format!("/messages/{}", reference.to_lowercase())).await;
            let called = message["callbacks"].as_array().is_some_and(|all| {
                !all.is_empty() && all.iter().all(|callback| callback["standing"] == "done")
            });
            if message["settled"] == true && called {
                return message;
            }
            assert!(std::time::Instant::now() < deadline, "not settled: {message}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_of_all_older_versions_are_upgraded_and_keep_their_messages() {
    courant::cli::install_crypto();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    // Callbacks go to the sandbox's own bin, so it comes back to the same address.
    let listen = free_address();
    let process = Process::start_at(&listen, &data, &[]);
    let caller = Caller { client: reqwest::Client::new(), url: process.url.clone() };
    let done = caller.send("15550190001", 60_000).await;
    let before = caller.settled(&done).await;
    // Silent on WhatsApp: still waiting when the old program stops.
    let open = caller.send("15550190002", 4_000).await;
    assert_eq!(process.terminate(), Some(0));

    let migrations = migrations();
    assert!(migrations.len() >= 3, "the older versions are not found");
    for version in 1..migrations.len() {
        let old = folder.path().join(format!("version-{version}"));
        copy_folder(&data, &old);
        downgrade(&old.join("courant.db"), &migrations[..version]);
        let process = Process::start_at(&listen, &old, &[]);
        let after = caller.settled(&done).await;
        for member in ["status", "steps", "to", "accepted_at", "callbacks", "timeline"] {
            assert!(!before[member].is_null(), "{member} is not told");
            assert_eq!(after[member], before[member], "{member}, from version {version}");
        }
        let ended = caller.settled(&open).await;
        assert_eq!((&ended["status"], &ended["channel"]), (&json!("delivered"), &json!("sms")), "{ended}");
        let fresh = caller.send("15550190101", 60_000).await;
        caller.settled(&fresh).await;
        assert_eq!(process.terminate(), Some(0));
        assert_eq!(version_of(&old.join("courant.db")), migrations.len());
    }
}

fn version_of(database: &Path) -> usize {
    let connection = Connection::open(database).expect("opened");
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a version");
    usize::try_from(version).expect("small")
}

/// Makes the database what a program with these migrations would have left: its tables and
/// columns, with what stands in them now.
fn downgrade(database: &Path, migrations: &[String]) {
    let new = database.with_extension("new");
    fs::rename(database, &new).expect("moved");
    let connection = Connection::open(database).expect("opened");
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;").expect("set");
    for sql in migrations {
        connection.execute_batch(sql).expect("migrated");
    }
    connection.execute("ATTACH ?1 AS new", [new.to_str().expect("UTF-8")]).expect("attached");
    for table in names(&connection, "SELECT name FROM main.sqlite_schema WHERE type = 'table'") {
        let columns = names(&connection, &format!("SELECT name FROM pragma_table_info('{table}', 'main')"));
        let columns = columns.join(", ");
        let sql =
            format!("INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}");
        connection.execute(&sql, []).expect("copied");
    }
    if migrations.len() < FIRST_PACKED {
        rewrite(&connection, "message", "state", as_json::<State>);
        rewrite(&connection, "history", "entries", as_json::<Vec<HistoryEntry>>);
        rewrite(&connection, "body", "shared", as_json::<Shared>);
        rewrite(&connection, "callback", "request", as_json::<Letter>);
    }
    connection.pragma_update(None, "user_version", migrations.len() as i64).expect("set");
}

fn as_json<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Vec<u8> {
    let value: T = packed::read(bytes).expect("the new program wrote it");
    serde_json::to_vec(&value).expect("it is plain data")
}

/// Changes all values of a column; there are some.
fn rewrite(connection: &Connection, table: &str, column: &str, change: fn(&[u8]) -> Vec<u8>) {
    let sql = format!("SELECT rowid, {column} FROM main.{table} WHERE {column} IS NOT NULL");
    let mut statement = connection.prepare(&sql).expect("SQL");
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let rows: Vec<_> = rows.expect("rows").map(|row| row.expect("a row")).collect();
    assert!(!rows.is_empty(), "nothing in {table}");
    let sql = format!("UPDATE main.{table} SET {column} = ?2 WHERE rowid = ?1");
    for (key, bytes) in rows {
        connection.execute(&sql, rusqlite::params![key, change(&bytes)]).expect("changed");
    }
}

fn names(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect("SQL");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|name| name.expect("a name")).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
