//! Inserting, updating, finding.

use super::{Bench, kit::*};
use crate::{Change, NewMessage, Record, Verdict};

/// Case.
pub async fn a_stored_message_is_loaded_as_it_was(bench: Bench) {
    let wanted = message(1, "acme");
    apply(&*bench.store, vec![insert(new(wanted.clone()))]).await;
    let expected =
        Record { message: std::sync::Arc::new(wanted), state: engine::State::default(), version: 1 };
    assert_eq!(load(&*bench.store, 1).await, Some(expected));
}

/// Case.
pub async fn an_unknown_message_is_not_loaded(bench: Bench) {
    stored(&*bench.store, 1..2).await;
    let loaded = bench.store.load(vec![id(2), id(1), id(3)]).await.expect("it loads");
    let found: Vec<_> = loaded.iter().map(|record| record.as_ref().map(|record| record.message.id)).collect();
    assert_eq!(found, [None, Some(id(1)), None]);
}

/// Case.
pub async fn an_update_is_seen_by_the_next_load(bench: Bench) {
    stored(&*bench.store, 1..2).await;
    for version in 1..20 {
        apply(&*bench.store, vec![crate::Change::Update(update(1, version, facts()))]).await;
        assert_eq!(load(&*bench.store, 1).await.expect("it is there").version, version + 1);
    }
}

/// Case.
pub async fn an_update_of_an_older_version_conflicts_and_changes_nothing(bench: Bench) {
    stored(&*bench.store, 1..2).await;
    apply(&*bench.store, vec![crate::Change::Update(update(1, 1, facts()))]).await;
    let mut stale = update(1, 1, settled(time(9)));
    stale.history = vec![note(time(9), "stale")];
    stale.upstream = vec![upstream("smsc", "x", 1, 0)];
    stale.callbacks = vec![callback("http://a", time(9), "stale")];
    let verdicts = commit(&*bench.store, vec![crate::Change::Update(stale)]).await;
    assert_eq!(verdicts, [Verdict::Conflict]);
    assert_eq!(load(&*bench.store, 1).await.expect("it is there").version, 2);
    assert_eq!(bench.store.history(id(1)).await.expect("history"), [note(time(1), "accepted")]);
    let found = bench.store.by_upstream("smsc".into(), vec!["x".into()]).await.expect("it looks");
    assert_eq!(found, [None]);
    assert_eq!(due_callbacks(&*bench.store).await, []);
    assert_eq!(bench.store.unfinished().await.expect("counts"), [("acme".into(), 1)]);
}

/// Case.
pub async fn an_update_of_an_unknown_message_conflicts(bench: Bench) {
    let verdicts = commit(&*bench.store, vec![crate::Change::Update(update(1, 1, facts()))]).await;
    assert_eq!(verdicts, [Verdict::Conflict]);
}

/// Case.
pub async fn changes_of_one_commit_apply_in_order_with_a_verdict_each(bench: Bench) {
    let change = |version| crate::Change::Update(update(1, version, facts()));
    let changes = vec![insert(new(message(1, "acme"))), change(1), change(1), change(2)];
    let verdicts = commit(&*bench.store, changes).await;
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Applied, Verdict::Conflict, Verdict::Applied]);
    assert_eq!(load(&*bench.store, 1).await.expect("it is there").version, 3);
}

/// Case.
pub async fn history_is_kept_in_order(bench: Bench) {
    stored(&*bench.store, 1..3).await;
    for version in 1..4 {
        let mut change = update(1, version, facts());
        change.history = vec![note(time(10), &format!("{version}a")), note(time(9), &format!("{version}b"))];
        apply(&*bench.store, vec![crate::Change::Update(change)]).await;
    }
    let texts: Vec<_> = bench.store.history(id(1)).await.expect("history").into_iter().map(text).collect();
    assert_eq!(texts, ["accepted", "1a", "1b", "2a", "2b", "3a", "3b"]);
    assert_eq!(bench.store.history(id(2)).await.expect("history"), [note(time(2), "accepted")]);
    assert_eq!(bench.store.history(id(9)).await.expect("history"), []);
}

fn text(entry: crate::HistoryEntry) -> String {
    match entry.what {
        crate::Happening::Note { text, .. } => text,
        crate::Happening::Event(event) => format!("{event:?}"),
    }
}

fn referred(n: u64, account: &str, client_ref: &str) -> crate::NewMessage {
    let mut wanted = message(n, account);
    wanted.client_ref = Some(client_ref.into());
    new(wanted)
}

/// Case.
pub async fn histories_of_all_messages_are_read_in_one_order_after_a_cursor(bench: Bench) {
    let store = &*bench.store;
    let start = store.history_cursor().await.expect("a cursor");
    stored(store, 1..3).await;
    let mut change = update(1, 1, facts());
    change.history = vec![note(time(10), "a"), note(time(11), "b")];
    apply(store, vec![Change::Update(change)]).await;
    let rows = store.history_since(start, 9).await.expect("it lists");
    let told: Vec<_> = rows.iter().map(|row| (row.message, row.entries.clone())).collect();
    let expected = [
        (id(1), vec![note(time(1), "accepted")]),
        (id(2), vec![note(time(2), "accepted")]),
        (id(1), vec![note(time(10), "a"), note(time(11), "b")]),
    ];
    assert_eq!(told, expected);
    assert_eq!(store.history_since(rows[0].cursor, 1).await.expect("it lists"), rows[1..2]);
    let end = store.history_cursor().await.expect("a cursor");
    assert_eq!(end, rows[2].cursor);
    assert_eq!(store.history_since(end, 9).await.expect("it lists"), []);
}

/// Case.
pub async fn a_cursor_stays_good_when_what_it_stands_on_is_swept(bench: Bench) {
    let store = &*bench.store;
    apply(store, vec![insert(NewMessage { facts: settled(time(2)), ..new(message(1, "acme")) })]).await;
    let cursor = store.history_cursor().await.expect("a cursor");
    assert_eq!(store.sweep(time(100), time(100), 9).await.expect("it sweeps"), 1);
    store.backup(bench.copy.clone()).await.expect("a copy");
    let copy = (bench.open)(bench.copy.clone());
    for store in [&*bench.store, &*copy] {
        assert_eq!(store.history_cursor().await.expect("a cursor"), cursor);
        stored(store, 2..3).await;
        let rows = store.history_since(cursor, 9).await.expect("it lists");
        assert_eq!(rows.iter().map(|row| row.message).collect::<Vec<_>>(), [id(2)]);
    }
}

/// Case.
pub async fn a_client_ref_finds_its_message_within_account_and_dialect_only(bench: Bench) {
    apply(&*bench.store, vec![insert(referred(1, "acme", "a")), insert(referred(2, "globex", "a"))]).await;
    let find = |account: &str, dialect, client_ref: &str| {
        bench.store.by_client_ref(account.into(), dialect, client_ref.into())
    };
    assert_eq!(find("acme", "infobip", "a").await.expect("it looks"), Some(id(1)));
    assert_eq!(find("globex", "infobip", "a").await.expect("it looks"), Some(id(2)));
    assert_eq!(find("acme", "telesign", "a").await.expect("it looks"), None);
    assert_eq!(find("acme", "infobip", "b").await.expect("it looks"), None);
    assert_eq!(find("nobody", "infobip", "a").await.expect("it looks"), None);
}

/// Case.
pub async fn a_taken_client_ref_refuses_the_whole_insert(bench: Bench) {
    apply(&*bench.store, vec![insert(referred(1, "acme", "a"))]).await;
    let second = insert_all(vec![referred(2, "acme", "b"), referred(3, "acme", "a")]);
    assert_eq!(commit(&*bench.store, vec![second]).await, [Verdict::Duplicate(vec![1])]);
    assert_eq!(load(&*bench.store, 2).await, None);
    assert_eq!(load(&*bench.store, 3).await, None);
}

/// Case.
pub async fn a_client_ref_repeated_within_one_insert_is_a_duplicate(bench: Bench) {
    let messages = vec![referred(1, "acme", "a"), referred(2, "acme", "b"), referred(3, "acme", "a")];
    assert_eq!(commit(&*bench.store, vec![insert_all(messages)]).await, [Verdict::Duplicate(vec![2])]);
    assert_eq!(load(&*bench.store, 1).await, None);
}

/// Case.
pub async fn a_client_ref_repeated_in_a_later_chunk_is_a_duplicate(bench: Bench) {
    let chunks = vec![insert(referred(1, "acme", "a")), insert(referred(2, "acme", "a"))];
    assert_eq!(commit(&*bench.store, chunks).await, [Verdict::Applied, Verdict::Duplicate(vec![0])]);
}

fn together(groups: Vec<Vec<crate::NewMessage>>) -> Vec<crate::Insert> {
    let inner = |messages| match insert_all(messages) {
        crate::Change::Insert(insert) => insert,
        other => unreachable!("it is an insert, not {other:?}"),
    };
    groups.into_iter().map(inner).collect()
}

/// Case.
pub async fn inserts_of_one_submission_apply_all_or_none(bench: Bench) {
    apply(&*bench.store, vec![insert(referred(1, "acme", "a"))]).await;
    let groups = |last: &str| {
        together(vec![
            vec![referred(2, "acme", "b"), referred(3, "acme", "c")],
            vec![referred(4, "acme", "d"), referred(5, "acme", last)],
        ])
    };
    let taken = commit(&*bench.store, vec![crate::Change::InsertAll(groups("a"))]).await;
    assert_eq!(taken, [Verdict::Duplicate(vec![3])]);
    let repeated = commit(&*bench.store, vec![crate::Change::InsertAll(groups("b"))]).await;
    assert_eq!(repeated, [Verdict::Duplicate(vec![3])]);
    for n in 2..6 {
        assert_eq!(load(&*bench.store, n).await, None);
    }
    apply(&*bench.store, vec![crate::Change::InsertAll(groups("e"))]).await;
    for n in 1..6 {
        assert!(load(&*bench.store, n).await.is_some(), "message {n}");
    }
}

/// Case.
pub async fn an_idempotency_key_seen_before_inserts_none_of_several(bench: Bench) {
    let key = remembered("acme", "key", time(99));
    let with_key = |first: u64| {
        let groups = vec![vec![new(message(first, "acme"))], vec![new(message(first + 1, "acme"))]];
        let mut inserts = together(groups);
        inserts[0].remember = Some(key.clone());
        crate::Change::InsertAll(inserts)
    };
    let verdicts = commit(&*bench.store, vec![with_key(1), with_key(3)]).await;
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Remembered(key.clone())]);
    for (n, there) in [(1, true), (2, true), (3, false), (4, false)] {
        assert_eq!(load(&*bench.store, n).await.is_some(), there, "message {n}");
    }
}

/// Case.
pub async fn messages_of_one_submission_share_brief_and_plan(bench: Bench) {
    let part = |n: u64| {
        let position = u32::try_from(n).expect("small");
        new(model::Message { batch: batch(1), batch_size: 4, position, ..message(n, "acme") })
    };
    let mut other = part(3);
    std::sync::Arc::make_mut(&mut other.message).shared = shared("other");
    let chunks = vec![insert_all(vec![part(0), part(1)]), insert(part(2)), insert(other.clone())];
    apply(&*bench.store, chunks).await;
    for n in 0..3 {
        assert_eq!(load(&*bench.store, n).await.expect("it is there").message, part(n).message);
    }
    assert_eq!(load(&*bench.store, 3).await.expect("it is there").message, other.message);
}

/// Case.
pub async fn upstream_ids_find_attempt_and_part_within_their_route(bench: Bench) {
    stored(&*bench.store, 1..3).await;
    let mut change = update(2, 1, facts());
    change.upstream = vec![upstream("smsc", "a", 2, 0), upstream("smsc", "b", 2, 1)];
    apply(&*bench.store, vec![crate::Change::Update(change)]).await;
    let wanted: Vec<String> = ["b", "c", "a"].map(String::from).into();
    let found = bench.store.by_upstream("smsc".into(), wanted).await.expect("it looks");
    assert_eq!(found, [Some(part_of(2, 1)), None, Some(part_of(2, 0))]);
    let other = bench.store.by_upstream("whatsapp".into(), vec!["a".into()]).await.expect("it looks");
    assert_eq!(other, [None]);
}

/// Case.
pub async fn the_newest_owner_of_an_upstream_id_wins(bench: Bench) {
    stored(&*bench.store, 1..3).await;
    for n in 1..3 {
        let mut change = update(n, 1, facts());
        change.upstream = vec![upstream("smsc", "17", n, 0)];
        apply(&*bench.store, vec![crate::Change::Update(change)]).await;
    }
    let found = bench.store.by_upstream("smsc".into(), vec!["17".into()]).await.expect("it looks");
    assert_eq!(found, [Some(part_of(2, 0))]);
}
