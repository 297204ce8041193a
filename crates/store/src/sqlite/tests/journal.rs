//! The journal beside the database: what is answered is there after a crash at any moment, and a
//! store that brings changes into the database later says the same as one that does so at once.

use std::{collections::BTreeSet, path::PathBuf};

use model::{AttemptId, Channel, Status, Time};
use rusqlite::Connection;

use super::*;
use crate::{
    CallbackResult, CallbackStanding, Happening, HistoryEntry, NewCallback, Record, StoredCallback,
    sqlite::{journal, writer::Job},
};

/// A generator of numbers that a seed determines.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        // Knuth's constants for 64 bits; the upper bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Messages that the changes are about.
const MESSAGES: u64 = 6;
const URLS: [&str; 2] = ["https://one.example/", "https://two.example/"];

fn entry(at: Time, text: String) -> HistoryEntry {
    HistoryEntry { at, what: Happening::Note { by: "test".into(), text }, decisions: Vec::new() }
}

fn called(dice: &mut Dice, at: Time) -> Vec<NewCallback> {
    let one = |dice: &mut Dice| NewCallback {
        url: URLS[dice.roll(2) as usize].into(),
        request: vec![dice.roll(256) as u8; 3],
        due_at: at,
        about: "delivered".into(),
    };
    (0..dice.roll(3)).map(|_| one(dice)).collect()
}

/// A change, of whatever kind, that may fit or not; what it stands on is guessed from what `known`
/// has, and sometimes wrongly so.
fn change(dice: &mut Dice, step: u64, known: &mut Known) -> Change {
    let at = Time::from_secs(1000 + step as i64);
    match dice.roll(10) {
        0..=2 => begun(dice, step, at, known),
        3..=5 => went_on(dice, at, known),
        6 | 7 => Change::Callback(CallbackResult {
            id: 1 + dice.roll(known.callbacks + 1) as i64,
            at,
            standing: [CallbackStanding::Pending, CallbackStanding::Done, CallbackStanding::Parked]
                [dice.roll(3) as usize],
            due_at: at,
            result: "answer".into(),
        }),
        8 => Change::Inbound { seen: remembered(dice, at), dialect: "infobip", callbacks: called(dice, at) },
        _ => Change::Remember(remembered(dice, at)),
    }
}

fn remembered(dice: &mut Dice, at: Time) -> Remembered {
    let key = dice.roll(4).to_string();
    Remembered { account: "acme".into(), kind: "nonce", key, value: vec![1, 2], until: at }
}

fn begun(dice: &mut Dice, step: u64, at: Time, known: &mut Known) -> Change {
    let n = known.versions.len() as u64;
    if n >= MESSAGES {
        return Change::Remember(remembered(dice, at));
    }
    let shared = shared(format!("plan {step}"));
    let mut message = new(n, 1 + dice.roll(2) as u32, &shared);
    let changed = Arc::make_mut(&mut message.message);
    // Sometimes the id of an earlier message.
    changed.client_ref = (dice.roll(2) == 0).then(|| format!("ref {}", dice.roll(n + 1)));
    message.history = vec![entry(at, format!("accepted at {step}"))];
    message.callbacks = called(dice, at);
    let remember = (dice.roll(4) == 0).then(|| remembered(dice, at));
    let batch = changed.batch;
    known.begun = Some(n);
    Change::Insert(Insert { batch, shared, messages: vec![message], remember, reserve: None })
}

fn went_on(dice: &mut Dice, at: Time, known: &Known) -> Change {
    let n = dice.roll(MESSAGES);
    let version = known.versions.get(n as usize).copied().unwrap_or(1);
    let version = if dice.roll(8) == 0 { version + 1 } else { version };
    let part = Part { attempt: AttemptId { message: id(n), step: 0, attempt: 0 }, part: dice.roll(3) as u8 };
    let upstream = UpstreamRow { route: "smsc".into(), upstream: dice.roll(20).to_string(), part };
    let settled = dice.roll(3) == 0;
    Change::Update(Update {
        id: id(n),
        version,
        state: State::default(),
        facts: Facts {
            wake_at: (dice.roll(2) == 0).then_some(at),
            queued: None,
            status: if settled { Status::Failed(Cause::OptedOut) } else { Status::Submitted },
            channel: Channel::Sms,
            settled_at: settled.then_some(at),
            pullable: dice.roll(4) == 0,
        },
        history: (0..dice.roll(3)).map(|k| entry(at, format!("went on {k}"))).collect(),
        upstream: (dice.roll(2) == 0).then_some(upstream).into_iter().collect(),
        callbacks: called(dice, at),
        money: None,
    })
}

/// What the test knows of what it did.
#[derive(Default)]
struct Known {
    /// Versions of the messages stored.
    versions: Vec<u32>,
    callbacks: u64,
    /// The message of the insert made last.
    begun: Option<u64>,
}

impl Known {
    fn note(&mut self, change: &Change, verdict: &Verdict) {
        if *verdict != Verdict::Applied {
            return;
        }
        match change {
            Change::Insert(insert) => {
                self.versions.push(1);
                self.callbacks += insert.messages[0].callbacks.len() as u64;
            }
            Change::Update(update) => {
                let number = (0..MESSAGES).find(|n| id(*n) == update.id).expect("it is one of them");
                self.versions[number as usize] += 1;
                self.callbacks += update.callbacks.len() as u64;
            }
            Change::Inbound { callbacks, .. } => self.callbacks += callbacks.len() as u64,
            _ => {}
        }
    }
}

/// All that can be asked of a store.
#[derive(Debug, PartialEq)]
struct Everything {
    records: Vec<Option<Record>>,
    histories: Vec<Vec<HistoryEntry>>,
    all: Vec<crate::HistoryRow>,
    callbacks: Vec<Vec<StoredCallback>>,
    due: Vec<StoredCallback>,
    parked: Vec<StoredCallback>,
    alarms: Vec<(Time, MessageId)>,
    unfinished: Vec<(model::AccountName, u64)>,
    upstream: Vec<Option<Part>>,
    refs: Vec<Option<MessageId>>,
    keys: Vec<Option<Remembered>>,
    pullable: Vec<MessageId>,
    found: Vec<Record>,
    failed: usize,
}

/// Asks without letting the store come to rest before what can be answered meanwhile.
async fn everything(store: &SqliteStore) -> Everything {
    let far = Time::from_secs(1_000_000);
    let ids: Vec<MessageId> = (0..MESSAGES).map(id).collect();
    let records = store.load(ids.clone()).await.expect("it loads");
    let mut refs = Vec::new();
    let mut keys = Vec::new();
    for n in 0..MESSAGES {
        refs.push(store.by_client_ref("acme".into(), "infobip", format!("ref {n}")).await.expect("it looks"));
        keys.push(store.recall("acme".into(), "nonce", n.to_string()).await.expect("it recalls"));
    }
    let upstream = (0..20).map(|n| n.to_string()).collect();
    let upstream = store.by_upstream("smsc".into(), upstream).await.expect("it looks");
    let (mut histories, mut callbacks) = (Vec::new(), Vec::new());
    for id in ids {
        histories.push(store.history(id).await.expect("it reads"));
        callbacks.push(store.callbacks_of(id).await.expect("it reads"));
    }
    let failed = Search { cause: Some(Cause::OptedOut), ..Search::default() };
    Everything {
        records,
        histories,
        all: store.history_since(0, 1000).await.expect("it reads"),
        callbacks,
        due: store.callbacks_due(far, 1000).await.expect("it reads"),
        parked: store.callbacks_parked(None, 0, 1000).await.expect("it reads"),
        alarms: store.due(far, None, 1000).await.expect("it reads"),
        unfinished: store.unfinished().await.expect("it counts"),
        upstream,
        refs,
        keys,
        pullable: store
            .pullable("acme".into(), "infobip", crate::PullFilter::default(), 99)
            .await
            .expect("it lists"),
        found: store.search(Search::default(), None, 99).await.expect("it searches"),
        failed: store.search(failed, None, 99).await.expect("it searches").len(),
    }
}

/// A store that writes everything into the database before it answers: it believes that there is
/// little room.
async fn cautious(folder: &TempDir) -> SqliteStore {
    let store = open(folder);
    store.limit_pages(Some(10_000)).await.expect("it is limited");
    store
}

/// Copies what the disk would hold had the program been killed now. An open transaction keeps the
/// store from bringing more into the database meanwhile; nothing is half written then.
fn copy(folder: &TempDir) -> TempDir {
    let outside = Connection::open(folder.path().join("store.db")).expect("it opens");
    outside.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes for long");
    let copy = super::folder();
    for suffix in ["", "-wal", "-intake1", "-intake2"] {
        let name = format!("store.db{suffix}");
        std::fs::copy(folder.path().join(&name), copy.path().join(&name)).expect("it copies");
    }
    outside.execute_batch("ROLLBACK").expect("it is given up");
    copy
}

/// One run of random changes on both kinds of store, crashing now and then.
async fn run(seed: u64) {
    let mut dice = Dice(seed);
    let (quick_folder, slow_folder) = (folder(), folder());
    let (quick, slow) = (open(&quick_folder), cautious(&slow_folder).await);
    let mut known = Known::default();
    let (mut told, mut due) = (BTreeSet::new(), true);
    for step in 0..60 {
        let changes: Vec<Change> =
            (0..=dice.roll(2)).map(|index| change(&mut dice, step * 2 + index, &mut known)).collect();
        // Two inserts of one commit would have the same message id.
        let inserts = changes.iter().filter(|change| matches!(change, Change::Insert(_))).count();
        if inserts > 1 {
            continue;
        }
        let verdicts = quick.commit(changes.clone()).await.expect("it commits");
        let expected = slow.commit(changes.clone()).await.expect("it commits");
        assert_eq!(verdicts, expected, "seed {seed}, step {step}: {changes:?}");
        for (change, verdict) in changes.iter().zip(&verdicts) {
            known.note(change, verdict);
        }
        let fresh = quick.fresh_callbacks();
        due &= fresh.complete;
        told.extend(fresh.callbacks.iter().map(|callback| callback.id));
        match dice.roll(12) {
            0 => assert_eq!(everything(&quick).await, everything(&slow).await, "seed {seed}, step {step}"),
            1 => {
                let ids = (0..MESSAGES).map(id).collect::<Vec<_>>();
                let loaded = quick.load(ids.clone()).await.expect("it loads");
                assert_eq!(loaded, slow.load(ids).await.expect("it loads"), "seed {seed}, step {step}");
            }
            2 => {
                let copy = copy(&quick_folder);
                let crashed = open(&copy);
                assert_eq!(
                    everything(&crashed).await,
                    everything(&slow).await,
                    "seed {seed}, after a crash at step {step}"
                );
            }
            _ => {}
        }
    }
    let (quick, slow) = (everything(&quick).await, everything(&slow).await);
    assert_eq!(quick, slow, "seed {seed}");
    // Who was told of all callbacks that became due need not look for them.
    let untold = quick.due.iter().filter(|callback| !told.contains(&callback.id)).count();
    assert!(!due || untold == 0, "seed {seed}: {untold} callbacks are due and were not told of");
}

#[tokio::test]
async fn a_journal_changes_nothing_of_what_a_store_says_and_a_crash_loses_nothing() {
    for seed in 0..40 {
        run(seed).await;
    }
}

fn journals(folder: &TempDir) -> [PathBuf; 2] {
    journal::paths(&folder.path().join("store.db"))
}

#[tokio::test]
async fn a_record_that_was_not_wholly_written_is_as_if_it_had_not_been() {
    let folder = folder();
    let store = open(&folder);
    for n in 0..3 {
        store.commit(vec![insert(n, 10)]).await.expect("it commits");
    }
    let whole = copy(&folder);
    let written = std::fs::read(&journals(&whole)[0]).expect("there is a journal");
    let end = written.iter().rposition(|byte| *byte != 0).expect("it is not empty") + 1;
    for damaged in (end - 40..end).step_by(3) {
        let copy = super::folder();
        for suffix in ["", "-wal", "-intake2"] {
            let name = format!("store.db{suffix}");
            std::fs::copy(whole.path().join(&name), copy.path().join(&name)).expect("it copies");
        }
        let mut bytes = written.clone();
        bytes[damaged..end].fill(0);
        std::fs::write(&journals(&copy)[0], bytes).expect("it is written");
        let crashed = open(&copy);
        assert!(has(&crashed, 0).await && has(&crashed, 1).await && !has(&crashed, 2).await, "{damaged}");
        // And the place of the damaged one is taken by the next.
        crashed.commit(vec![insert(7, 10)]).await.expect("it commits");
        let again = open(&self::copy(&copy));
        assert!(has(&again, 1).await && has(&again, 7).await && !has(&again, 2).await, "{damaged}");
    }
}

#[tokio::test]
async fn a_journal_of_another_state_of_the_database_is_refused() {
    let folder = folder();
    let store = open(&folder);
    let early = copy(&folder);
    for n in 0..3 {
        store.commit(vec![insert(n, 10)]).await.expect("it commits");
        // So that each is in another file than the one before.
        store.unfinished().await.expect("it counts");
    }
    let late = copy(&folder);
    for name in ["store.db-intake1", "store.db-intake2"] {
        std::fs::copy(late.path().join(name), early.path().join(name)).expect("it copies");
    }
    let refused = opened(&early.path().join("store.db")).expect_err("records are missing").to_string();
    assert!(refused.contains("do not belong together"), "{refused}");
}

#[tokio::test]
async fn without_room_for_the_journal_a_commit_is_refused_as_a_full_disk_does() {
    let folder = folder();
    for path in journals(&folder) {
        std::os::unix::fs::symlink("/dev/full", path).expect("a link is made");
    }
    let store = open(&folder);
    let refused = store.commit(vec![insert(1, 10)]).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert!(!has(&store, 1).await);
}

#[tokio::test]
async fn a_journal_that_fails_refuses_what_it_did_not_take_and_keeps_what_it_did() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 10)]).await.expect("it commits");
    store.send(Job::Break).expect("the writer listens");
    let refused = store.commit(vec![insert(2, 10)]).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(has(&store, 1).await && !has(&store, 2).await);
    store.commit(vec![insert(2, 10), insert(3, 10)]).await.expect("the next one is written again");
    let crashed = open(&copy(&folder));
    assert!(has(&crashed, 1).await && has(&crashed, 2).await && has(&crashed, 3).await);
    assert_eq!(store.unfinished().await.expect("it counts"), [("acme".into(), 3)]);
}

#[tokio::test]
async fn what_waits_for_the_database_is_applied_by_itself_and_counted() {
    let folder = folder();
    let store = open(&folder);
    store.commit(vec![insert(1, 10), insert(2, 10)]).await.expect("it commits");
    let applied = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while store.stats().unapplied > 0 {
            tokio::task::yield_now().await;
        }
    });
    applied.await.expect("it comes into the database");
    let outside = Connection::open(folder.path().join("store.db")).expect("it opens");
    let count: i64 =
        outside.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).expect("a number");
    assert_eq!(count, 2);
    assert_eq!(store.stats().apply_times.counts.iter().sum::<u64>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_answered_is_seen_by_every_read_after_it() {
    let folder = folder();
    let store = Arc::new(open(&folder));
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..8_u64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for n in (0..400).map(|n| n * 8 + lane) {
                store.commit(vec![insert(n, 10)]).await.expect("it commits");
                for version in 1..4 {
                    let at = Time::from_secs(1000);
                    let part = Part { attempt: AttemptId { message: id(n), step: 0, attempt: 0 }, part: 0 };
                    let upstream =
                        UpstreamRow { route: "smsc".into(), upstream: format!("{n}.{version}"), part };
                    let mut facts = new(n, 1, &shared(String::new())).facts;
                    facts.wake_at = Some(at);
                    let update = Update {
                        id: id(n),
                        version,
                        state: State::default(),
                        facts,
                        history: vec![entry(at, version.to_string())],
                        upstream: vec![upstream],
                        callbacks: Vec::new(),
                        money: None,
                    };
                    let done = store.commit(vec![Change::Update(update)]).await.expect("it commits");
                    assert_eq!(done, [Verdict::Applied], "message {n}, version {version}");
                    // Some of an earlier message, which may be anywhere between memory and database.
                    let other = lane + 8 * (n / 8 * u64::from(version) / 4);
                    let loaded = store.load(vec![id(n), id(other)]).await.expect("it loads");
                    let versions: Vec<_> = loaded.iter().flatten().map(|record| record.version).collect();
                    assert_eq!(versions.first(), Some(&(version + 1)), "message {n}");
                    assert_eq!(versions.len(), 2, "messages {n} and {other}");
                    let told = vec![format!("{n}.{version}"), format!("{other}.1")];
                    let parts = store.by_upstream("smsc".into(), told).await.expect("it looks");
                    assert!(parts.iter().all(Option::is_some), "messages {n} and {other}: {parts:?}");
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("all was seen");
    }
}
