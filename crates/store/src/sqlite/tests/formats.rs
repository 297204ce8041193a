//! Rows and journals of versions that wrote JSON.

use engine::{Decision, Event};
use rusqlite::Connection;
use serde::{Serialize, de::DeserializeOwned};

use super::*;
use crate::{
    Happening, HistoryEntry, packed,
    sqlite::{encode, encode::Ready, generation, journal::Journal, record},
};

/// Changes of two messages, the second of which goes on.
fn changes() -> [Change; 3] {
    let mut one = insert(1, 10);
    let mut many = insert(2, 10);
    for (change, batch_size) in [(&mut one, 1), (&mut many, 2)] {
        let Change::Insert(insert) = change else { unreachable!("it is one") };
        insert.messages[0].history = vec![happened(Event::Accepted)];
        let message = Arc::make_mut(&mut insert.messages[0].message);
        (message.batch, message.batch_size) = (insert.batch, batch_size);
    }
    [one, many, went_on(1)]
}

fn happened(event: Event) -> HistoryEntry {
    HistoryEntry { at: Time(7), what: Happening::Event(event), decisions: vec![Decision::Settled] }
}

/// The second message goes on from this version.
fn went_on(version: u32) -> Change {
    let facts = Facts {
        wake_at: None,
        queued: None,
        status: Status::Submitted,
        channel: Channel::Sms,
        settled_at: None,
        pullable: false,
    };
    // Told apart from the one before by its time alone.
    let state = format!(r#"{{"a":1,"t":{version}}}"#);
    let state = serde_json::from_str(&state).expect("a state");
    let (history, upstream, callbacks) = (vec![happened(Event::Woken)], Vec::new(), Vec::new());
    Change::Update(Update { id: id(2), version, state, facts, history, upstream, callbacks, money: None })
}

fn as_json<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Vec<u8> {
    let value: T = packed::read(bytes).expect("it was written just now");
    serde_json::to_vec(&value).expect("it is plain data")
}

/// A change as an earlier version made it ready.
fn older(mut change: Ready) -> Ready {
    match &mut change {
        Ready::Insert(inserts) => {
            for insert in inserts {
                insert.shared = as_json::<Shared>(&insert.shared);
                for new in &mut insert.messages {
                    new.state = as_json::<State>(&new.state);
                    new.history = as_json::<Vec<HistoryEntry>>(&new.history);
                }
            }
        }
        Ready::Update(update) => {
            update.state = as_json::<State>(&update.state);
            update.history = as_json::<Vec<HistoryEntry>>(&update.history);
        }
        Ready::Plain(_) => {}
    }
    change
}

/// Makes all rows what an earlier version wrote.
fn rewrite(database: &Path) {
    type Rewrite = fn(&[u8]) -> Vec<u8>;
    let connection = Connection::open(database).expect("it opens");
    let columns: [(&str, &str, Rewrite); 4] = [
        ("message", "state", as_json::<State>),
        ("history", "entries", as_json::<Vec<HistoryEntry>>),
        ("body", "shared", as_json::<Shared>),
        ("shared", "json", as_json::<Shared>),
    ];
    for (table, column, rewrite) in columns {
        let sql = format!("SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL");
        let mut statement = connection.prepare(&sql).expect("SQL");
        let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let rows: Vec<_> = rows.expect("rows").collect::<Result<_, _>>().expect("rows");
        assert!(!rows.is_empty(), "nothing in {table}");
        for (key, bytes) in rows {
            let json = rewrite(&bytes);
            assert_ne!(json, bytes);
            let sql = format!("UPDATE {table} SET {column} = ?2 WHERE rowid = ?1");
            connection.execute(&sql, rusqlite::params![key, json]).expect("it is written");
        }
    }
    connection.pragma_update(None, "user_version", 5).expect("it is written");
}

/// What is told of both messages.
async fn told(store: &SqliteStore) -> (Vec<Option<crate::Record>>, Vec<Vec<HistoryEntry>>) {
    let records = store.load(vec![id(1), id(2)]).await.expect("it loads");
    assert!(records.iter().all(Option::is_some), "{records:?}");
    let mut histories = Vec::new();
    for n in 1..=2 {
        histories.push(store.history(id(n)).await.expect("it reads"));
    }
    (records, histories)
}

#[tokio::test]
async fn messages_that_an_earlier_version_stored_as_json_are_read_and_go_on() {
    let folder = folder();
    let store = open(&folder);
    store.commit(changes().to_vec()).await.expect("it commits");
    let before = told(&store).await;
    drop(store);
    rewrite(&folder.path().join("store.db"));
    let store = open(&folder);
    assert_eq!(told(&store).await, before);
    let listed = store.search(crate::Search::default(), None, 9).await.expect("it lists");
    assert_eq!(listed.len(), 2);
    let verdicts = store.commit(vec![went_on(2)]).await.expect("it commits");
    assert_eq!(verdicts, [Verdict::Applied]);
    drop(store);
    let (records, histories) = told(&open(&folder)).await;
    assert_eq!(records[0], before.0[0]);
    assert_eq!(
        records[1].as_ref().map(|record| (record.version, record.state.updated_at())),
        Some((3, Time(2)))
    );
    assert_eq!(histories[1], [&before.1[1][..], &[happened(Event::Woken)]].concat());
}

#[tokio::test]
async fn a_journal_of_an_earlier_version_is_taken_up() {
    let known = folder();
    let store = open(&known);
    store.commit(changes().to_vec()).await.expect("it commits");
    let expected = told(&store).await;

    let folder = folder();
    let path = folder.path().join("store.db");
    drop(open(&folder));
    let connection = Connection::open(&path).expect("it opens");
    connection.pragma_update(None, "user_version", 5).expect("it is written");
    let newest = generation::newest(&connection).expect("a number");
    drop(connection);
    let mut journal = Journal::open(&path).expect("it opens");
    journal.begin(newest + 1, crate::sqlite::journal::Numbers { history: 1, callback: 1 });
    for prepared in encode::encode(changes().to_vec()).expect("it is plain data").changes {
        let mut records = Vec::new();
        record::write(&older(prepared.change), &mut records)
            .expect("it is written")
            .expect("it has a record");
        assert!(records.windows(5).any(|bytes| bytes == b"{\"a\":" || bytes == b"{\"t\":"), "it is not JSON");
        journal.add(&records);
    }
    journal.append().expect("it is written");
    drop(journal);
    let store = open(&folder);
    assert_eq!(told(&store).await, expected);
}
