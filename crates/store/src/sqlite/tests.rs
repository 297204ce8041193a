//! The suite of all stores, and what is special about this one.

mod formats;
mod journal;
mod paging;

use std::{path::Path, sync::Arc};

use engine::State;
use model::{
    AttemptId, BatchId, Brief, Cause, Channel, Message, MessageId, Phone, Plan, Recipient, Span, Status,
    Step, Time,
    message::{Body, Extras, Shared, Until},
};
use tempfile::TempDir;

use super::{SqliteOptions, SqliteStore};
use crate::{
    Change, Document, Facts, Insert, NewMessage, Part, Remembered, Search, Store, StoreError, Tally, Update,
    UpstreamRow, Verdict,
    conformance::{Bench, DIALECTS},
};

crate::conformance_suite!(bench);

fn bench() -> Bench {
    let folder = folder();
    Bench {
        store: Arc::new(open(&folder)),
        copy: folder.path().join("copy.db"),
        open: Box::new(|path| Arc::new(opened(&path).expect("the copy opens"))),
        folder: Box::new(folder),
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn open(folder: &TempDir) -> SqliteStore {
    opened(&folder.path().join("store.db")).expect("the store opens")
}

fn opened(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(SqliteOptions::new(path, DIALECTS))
}

fn shared(text: String) -> Arc<Shared> {
    let step = Step {
        channel: Channel::Sms,
        sender: Some(text),
        body: Body::Void(Cause::MissingContent),
        patience: Span::ZERO,
        validity: Span::ZERO,
        until: Until::Delivered,
        routes: Vec::new(),
        extras: Extras::default(),
    };
    Arc::new(Shared { brief: Brief::default(), plan: Plan::new(vec![step]).expect("one step") })
}

fn new(n: u64, batch_size: u32, shared: &Arc<Shared>) -> NewMessage {
    let message = Message {
        id: id(n),
        account: "acme".into(),
        dialect: "infobip",
        batch: BatchId(7),
        position: 0,
        batch_size,
        recipient: Recipient::phone(Phone::parse(&format!("1{n}")).expect("digits")),
        client_ref: Some(format!("ref {n}")),
        memo: None,
        accepted_at: Time::from_secs(n as i64),
        shared: Arc::clone(shared),
    };
    let facts = Facts {
        wake_at: None,
        queued: None,
        status: Status::Accepted,
        channel: Channel::Sms,
        settled_at: None,
        pullable: false,
    };
    let (history, callbacks) = (Vec::new(), Vec::new());
    NewMessage { message: Arc::new(message), state: State::default(), facts, history, callbacks }
}

fn id(n: u64) -> MessageId {
    MessageId::new(Time::from_secs(n as i64), u128::from(n))
}

/// An insert of the message `n`, whose plan has this many bytes.
fn insert(n: u64, bytes: usize) -> Change {
    let shared = shared("x".repeat(bytes));
    let messages = vec![new(n, 1, &shared)];
    Change::Insert(Insert { batch: BatchId(u128::from(n)), shared, messages, remember: None, reserve: None })
}

async fn has(store: &SqliteStore, n: u64) -> bool {
    store.load(vec![id(n)]).await.expect("it loads")[0].is_some()
}

#[tokio::test]
async fn after_a_crash_everything_committed_is_there() {
    let folder = folder();
    let store = open(&folder);
    for n in 0..50 {
        assert_eq!(store.commit(vec![insert(n, 10)]).await.expect("it commits"), [Verdict::Applied]);
    }
    // What the disk would hold had the program been killed now.
    let copy = folder.path().join("crashed.db");
    for suffix in ["", "-wal", "-intake1", "-intake2"] {
        let named = |name: &str| folder.path().join(format!("{name}{suffix}"));
        std::fs::copy(named("store.db"), named("crashed.db")).expect("it copies");
    }
    let crashed = opened(&copy).expect("the copy opens");
    for n in 0..50 {
        assert!(has(&crashed, n).await, "message {n}");
    }
    assert_eq!(crashed.unfinished().await.expect("it counts"), [("acme".into(), 50)]);
}

#[tokio::test]
async fn transactions_are_counted_by_time_and_size() {
    let folder = folder();
    let store = open(&folder);
    let before = store.stats();
    store.commit((0..3).map(|n| insert(n, 10)).collect()).await.expect("it commits");
    let after = store.stats();
    assert_eq!(after.commit_sizes.sum - before.commit_sizes.sum, 3);
    assert_eq!(after.commit_sizes.counts[Tally::place(3)], 1);
    assert_eq!(Tally::place(3), 2);
    let count = |tally: Tally| tally.counts.iter().sum::<u64>();
    assert_eq!(count(after.commit_times) - count(before.commit_times), 1);
    assert_eq!(count(after.sync_times) - count(before.sync_times), 1);
    assert!(after.sync_times.sum <= after.commit_times.sum && after.idle_micros.is_some());
}

#[test]
fn a_tally_tells_powers_of_two_apart_and_has_a_place_for_everything() {
    let places = [0, 1, 2, 3, 4, 5, 1 << 26, (1 << 27) + 1, u64::MAX].map(Tally::place);
    assert_eq!(places, [0, 0, 1, 2, 2, 3, 26, 27, 27]);
}

#[tokio::test]
async fn a_dropped_store_can_be_opened_again_and_goes_on() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 10)]).await.expect("it commits");
    drop(store);
    let store = open(&folder);
    assert!(has(&store, 1).await);
    store.commit(vec![insert(2, 10)]).await.expect("it commits");
    assert_eq!(store.search(Search::default(), None, 9).await.expect("it searches").len(), 2);
}

#[tokio::test]
async fn a_full_disk_refuses_and_the_store_recovers_by_itself() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 10)]).await.expect("it commits");
    store.limit_pages(Some(60)).await.expect("it is limited");
    let refused = store.commit(vec![insert(2, 10), insert(3, 1 << 20)]).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert!(has(&store, 1).await && !has(&store, 2).await && !has(&store, 3).await);
    let full = store.stats();
    assert_eq!((full.waiting, full.failures, full.failing_micros.is_some()), (0, 1, true));
    store.limit_pages(None).await.expect("it is not limited");
    store.commit(vec![insert(2, 10), insert(3, 1 << 20)]).await.expect("there is room again");
    assert_eq!(store.stats().failing_micros, None);
    assert!(has(&store, 2).await && has(&store, 3).await);
    assert_eq!(store.unfinished().await.expect("it counts"), [("acme".into(), 3)]);
}

#[tokio::test]
async fn a_full_disk_refuses_everybody_in_the_transaction() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(0, 10)]).await.expect("it commits");
    store.limit_pages(Some(60)).await.expect("it is limited");
    let results: Vec<_> = (1..20).map(|n| store.commit(vec![insert(n, 1 << 20)])).collect();
    for result in results {
        assert!(matches!(result.await, Err(StoreError::Full)));
    }
}

#[tokio::test]
async fn an_error_of_one_commit_does_not_touch_those_written_with_it() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 10)]).await.expect("it commits");
    // The same message id again, under another client id: a mistake of the caller's.
    let Change::Insert(mut wrong) = insert(1, 10) else { unreachable!("it is an insert") };
    Arc::make_mut(&mut wrong.messages[0].message).client_ref = None;
    let replies = [
        store.commit(vec![insert(2, 10)]),
        store.commit(vec![insert(3, 10), Change::Insert(wrong)]),
        store.commit(vec![insert(4, 10)]),
    ];
    let mut fine = Vec::new();
    for reply in replies {
        fine.push(reply.await.is_ok());
    }
    assert_eq!(fine, [true, false, true]);
    assert!(has(&store, 2).await && !has(&store, 3).await && has(&store, 4).await);
}

#[test]
fn a_second_open_is_refused() {
    let folder = folder();
    let first = open(&folder);
    let second = opened(&folder.path().join("store.db"));
    assert!(second.is_err_and(|error| error.to_string().contains("in use by another process")));
    drop(first);
    open(&folder);
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let folder = folder();
    drop(open(&folder));
    let connection = rusqlite::Connection::open(folder.path().join("store.db")).expect("it opens");
    connection.pragma_update(None, "user_version", 999).expect("it is written");
    drop(connection);
    let refused = opened(&folder.path().join("store.db"));
    assert!(refused.is_err_and(|error| error.to_string().contains("newer program")));
    let checked = super::check(&folder.path().join("store.db"), DIALECTS);
    assert!(checked.is_err_and(|error| error.to_string().contains("newer program")));
}

#[tokio::test]
async fn a_copy_with_a_damaged_page_does_not_pass_the_check() {
    use std::os::unix::fs::FileExt;
    let folder = folder();
    let copy = folder.path().join("copy.db");
    open(&folder).backup(copy.clone()).await.expect("it backs up");
    assert_eq!(super::check(&copy, DIALECTS).expect("it is whole"), 0);
    let file = std::fs::OpenOptions::new().write(true).open(&copy).expect("it opens");
    // Pages have 4 KiB; the last one is the root of a table or an index.
    let last = file.metadata().expect("a size").len() - 4096;
    file.write_all_at(&[0xff; 4096], last).expect("it is written");
    let refused = super::check(&copy, DIALECTS).expect_err("it is refused").to_string();
    assert!(refused.contains("damaged") || refused.contains("malformed"), "{refused}");
}

#[tokio::test]
async fn a_database_with_an_unknown_dialect_is_refused_by_name() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 10)]).await.expect("it commits");
    drop(store);
    let refused = SqliteStore::open(SqliteOptions::new(folder.path().join("store.db"), &["telesign"]));
    assert!(refused.is_err_and(|error| error.to_string().contains("'infobip'")));
}

#[tokio::test]
async fn more_than_the_bound_is_busy_at_once_and_nothing_taken_is_lost() {
    let folder = folder();
    let mut options = SqliteOptions::new(folder.path().join("store.db"), DIALECTS);
    options.max_waiting = 100;
    let store = SqliteStore::open(options).expect("the store opens");
    let replies: Vec<_> = (0..5000).map(|n| store.commit(vec![insert(n, 10)])).collect();
    let mut refused = 0;
    for (n, reply) in replies.into_iter().enumerate() {
        match reply.await {
            Ok(_) => assert!(has(&store, n as u64).await),
            Err(error) => {
                assert!(matches!(error, StoreError::Busy), "{error:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    store.commit(vec![insert(9999, 10)]).await.expect("there is room again");
}

#[tokio::test]
async fn a_submission_of_ten_thousand_is_one_change() {
    let folder = folder();
    let store = open(&folder);
    let shared = shared("Parcels".into());
    let messages = (0..10_000).map(|n| new(n, 10_000, &shared)).collect();
    let all = Change::Insert(Insert { batch: BatchId(7), shared, messages, remember: None, reserve: None });
    assert_eq!(store.commit(vec![all]).await.expect("it commits"), [Verdict::Applied]);
    let search = Search { batch: Some(BatchId(7)), ..Search::default() };
    let newest = store.search(search.clone(), None, 300).await.expect("it searches");
    assert_eq!(newest.len(), 300);
    assert_eq!(newest[299].message.id, id(9700));
    let next = store.search(search, Some(id(9700)), 1).await.expect("it searches");
    assert_eq!(next[0].message.id, id(9699));
    let one = Search { recipient: Some("14711".into()), ..Search::default() };
    assert_eq!(store.search(one, None, 9).await.expect("it searches")[0].message.id, id(4711));
    assert_eq!(store.unfinished().await.expect("it counts"), [("acme".into(), 10_000)]);
}

#[tokio::test]
async fn closing_finishes_what_was_taken() {
    let folder = folder();
    let store = open(&folder);
    let replies: Vec<_> = (0..100).map(|n| store.commit(vec![insert(n, 10)])).collect();
    store.close().await.expect("it closes");
    for reply in replies {
        reply.await.expect("it was taken");
    }
    let again = open(&folder);
    assert!(has(&again, 99).await);
}

#[tokio::test]
async fn a_rolled_back_word_is_not_taken_for_a_stored_one() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 10)]).await.expect("it commits");
    store.limit_pages(Some(60)).await.expect("it is limited");
    let document = |account: &str, bytes: usize| {
        let json = "x".repeat(bytes);
        Change::PutDocument(Document {
            account: account.into(),
            kind: "plan",
            key: "a".into(),
            json,
            version: 0,
        })
    };
    let refused = store.commit(vec![document("new", 1 << 20)]).await;
    assert!(matches!(refused, Err(StoreError::Full)));
    store.limit_pages(None).await.expect("it is not limited");
    store.commit(vec![document("new", 1)]).await.expect("there is room");
    let found = store.document("new".into(), "plan", "a".into()).await.expect("it reads");
    assert_eq!(found.expect("it is there").version, 1);
}

#[tokio::test]
async fn the_log_stays_bounded() {
    let folder = folder();
    let store = open(&folder);
    for n in 0..80 {
        store.commit(vec![insert(n, 1 << 20)]).await.expect("it commits");
    }
    let log = std::fs::metadata(folder.path().join("store.db-wal")).expect("there is a log").len();
    assert!(log < 40 << 20, "{log} bytes");
}

/// How SQLite goes about a query, on an empty database as on any (there are no statistics).
fn plan(sql: &str) -> String {
    let folder = folder();
    drop(open(&folder));
    let connection = rusqlite::Connection::open(folder.path().join("store.db")).expect("it opens");
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("it is SQL");
    let steps = statement.query_map([], |row| row.get::<_, String>(3)).expect("it plans");
    steps.collect::<Result<Vec<_>, _>>().expect("it is text").join("; ")
}

#[test]
fn what_runs_all_the_time_follows_an_index_in_its_order() {
    let queries = [
        ("SELECT id FROM message WHERE wake_at <= 1 ORDER BY wake_at, id", "message_wake"),
        (
            "SELECT id FROM message WHERE lane = 1 AND priority = 1 AND (not_before, id) > (1, x'00')
             ORDER BY not_before, id",
            "message_queue",
        ),
        ("SELECT url FROM callback WHERE head = 1 AND due_at <= 1 ORDER BY due_at, id", "callback_due"),
        ("SELECT key FROM message WHERE key < 9 AND account = 1 ORDER BY key DESC", "message_account"),
        (
            "SELECT block, status = 7 FROM facet WHERE account = 1 AND block <= 9 ORDER BY block DESC",
            "PRIMARY KEY",
        ),
    ];
    for (sql, index) in queries {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("B-TREE") && !plan.contains("SCAN"), "{sql}: {plan}");
    }
}

#[test]
fn freed_pages_go_back_to_the_disk() {
    let folder = folder();
    let connection = super::open::writer(&SqliteOptions::new(folder.path().join("store.db"), DIALECTS));
    let connection = connection.expect("it opens");
    let free =
        || connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0)).expect("a number");
    connection
        .execute_batch(
            "CREATE TABLE junk (bytes); INSERT INTO junk VALUES (zeroblob(1000000)); DROP TABLE junk",
        )
        .expect("it is SQL");
    assert!(free() > 200);
    super::applier::give_back(&connection).expect("it gives back");
    assert_eq!(free(), 0);
}

#[tokio::test]
async fn many_expired_keys_go_in_one_sweep() {
    let folder = folder();
    let store = open(&folder);
    let key = |n: usize| {
        let (account, until) = ("acme".into(), Time::from_secs(1));
        Change::Remember(Remembered { account, kind: "nonce", key: n.to_string(), value: Vec::new(), until })
    };
    store.commit((0..5000).map(key).collect()).await.expect("it commits");
    store.sweep(Time(0), Time::from_secs(2), 10).await.expect("it sweeps");
    for n in [0, 2500, 4999] {
        let found = store.recall("acme".into(), "nonce", n.to_string()).await.expect("it recalls");
        assert_eq!(found, None);
    }
}

#[tokio::test]
async fn a_search_goes_on_although_its_cursor_was_swept() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 1), insert(2, 1), insert(4, 1)]).await.expect("it commits");
    let page = store.search(Search::default(), Some(id(3)), 9).await.expect("it searches");
    assert_eq!(page.iter().map(|record| record.message.id).collect::<Vec<_>>(), [id(2), id(1)]);
}

#[tokio::test]
async fn network_ids_of_a_swept_message_never_point_to_another() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 1), insert(2, 1)]).await.expect("it commits");
    let part = Part { attempt: AttemptId { message: id(2), step: 0, attempt: 0 }, part: 0 };
    let mut settled = new(2, 1, &shared(String::new())).facts;
    settled.settled_at = Some(Time::from_secs(3));
    let update = Update {
        id: id(2),
        version: 1,
        state: State::default(),
        facts: settled,
        history: Vec::new(),
        upstream: vec![UpstreamRow { route: "smsc".into(), upstream: "17".into(), part }],
        callbacks: Vec::new(),
        money: None,
    };
    store.commit(vec![Change::Update(update)]).await.expect("it commits");
    assert_eq!(store.sweep(Time::from_secs(9), Time::from_secs(9), 9).await.expect("it sweeps"), 1);
    drop(store);
    let store = open(&folder);
    store.commit(vec![insert(3, 1)]).await.expect("it commits");
    let found = store.by_upstream("smsc".into(), vec!["17".into()]).await.expect("it looks");
    assert_eq!(found, [None]);
}

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date_with_its_messages() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 1)]).await.expect("it commits");
    drop(store);
    let connection = rusqlite::Connection::open(folder.path().join("store.db")).expect("it opens");
    connection
        .execute_batch(
            "DROP TABLE balance; DROP TABLE hold; DROP TABLE ledger;
             ALTER TABLE history DROP COLUMN message; DROP TABLE high_water;
             DROP TABLE facet; DROP TABLE open_block;
             CREATE INDEX message_failed ON message (account) WHERE status = 7;
             PRAGMA user_version = 1",
        )
        .expect("it is as it was");
    drop(connection);
    let store = open(&folder);
    assert!(has(&store, 1).await);
    let begin = Change::OpenBalance {
        account: "acme".into(),
        currency: "EUR".into(),
        micros: 7,
        at: Time::from_secs(1),
    };
    store.commit(vec![begin]).await.expect("it commits");
    let balance = store.balance("acme".into()).await.expect("it reads");
    assert_eq!(balance.map(|balance| balance.available), Some(7));
}
