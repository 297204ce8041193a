//! Sweeping, backup, counters, closing.

use model::Message;

use super::{Bench, kit::*};
use crate::{CallbackStanding, Change, NewMessage, Search, Store, StoreError};

/// Stores the messages, settled at their number's time plus ten.
async fn finished(store: &dyn Store, numbers: std::ops::Range<u64>) {
    let one = |n| insert(NewMessage { facts: settled(time(n + 10)), ..new(message(n, "acme")) });
    apply(store, numbers.map(one).collect()).await;
}

async fn sweep(store: &dyn Store, settled_before: u64, limit: usize) -> usize {
    store.sweep(time(settled_before), time(settled_before), limit).await.expect("it sweeps")
}

/// Case.
pub async fn sweeping_removes_settled_messages_with_all_that_is_theirs(bench: Bench) {
    let store = &*bench.store;
    let mut one = message(1, "acme");
    one.client_ref = Some("ref".into());
    apply(store, vec![insert(new(one.clone()))]).await;
    let mut change = update(1, 1, settled(time(5)));
    change.upstream = vec![upstream("smsc", "up", 1, 0)];
    change.callbacks = vec![callback("http://a", time(1), "delivered")];
    change.history = vec![note(time(5), "settled")];
    apply(store, vec![Change::Update(change)]).await;
    let id_of_callback = due_callbacks(store).await[0].id;
    apply(store, vec![result(id_of_callback, CallbackStanding::Done, time(6))]).await;
    assert_eq!(sweep(store, 100, 10).await, 1);
    assert_eq!(load(store, 1).await, None);
    assert_eq!(store.history(id(1)).await.expect("history"), []);
    assert_eq!(store.callbacks_of(id(1)).await.expect("it lists"), []);
    assert_eq!(store.by_client_ref("acme".into(), "infobip", "ref".into()).await.expect("it looks"), None);
    assert_eq!(store.by_upstream("smsc".into(), vec!["up".into()]).await.expect("it looks"), [None]);
    let by_recipient = Search { recipient: Some("447700900001".into()), ..Search::default() };
    assert_eq!(store.search(by_recipient, None, 9).await.expect("it searches"), []);
    apply(store, vec![insert(new(one))]).await;
}

/// Case.
pub async fn sweeping_keeps_unfinished_and_recent_messages(bench: Bench) {
    let store = &*bench.store;
    stored(store, 1..3).await;
    finished(store, 3..6).await;
    assert_eq!(sweep(store, 14, 10).await, 1);
    assert_eq!(load(store, 3).await, None);
    for n in [1, 2, 4, 5] {
        assert!(load(store, n).await.is_some(), "message {n}");
    }
}

/// Case.
pub async fn sweeping_keeps_messages_with_unfinished_callbacks(bench: Bench) {
    let store = &*bench.store;
    let callbacks = vec![callback("http://a", time(1), "delivered")];
    let one = NewMessage { callbacks, facts: settled(time(5)), ..new(message(1, "acme")) };
    apply(store, vec![insert(one)]).await;
    assert_eq!(sweep(store, 100, 10).await, 0);
    let id_of_callback = due_callbacks(store).await[0].id;
    apply(store, vec![result(id_of_callback, CallbackStanding::Parked, time(6))]).await;
    assert_eq!(sweep(store, 100, 10).await, 1);
    assert_eq!(store.callbacks_parked(None, 0, 9).await.expect("it lists"), []);
}

/// Case.
pub async fn sweeping_is_bounded_and_goes_on(bench: Bench) {
    let store = &*bench.store;
    stored(store, 0..10).await;
    finished(store, 10..700).await;
    let mut removed = 0;
    for _ in 0..2 {
        let now = sweep(store, 1000, 300).await;
        assert_eq!(now, 300);
        removed += now;
    }
    assert_eq!(removed + sweep(store, 1000, 300).await, 690);
    assert_eq!(sweep(store, 1000, 300).await, 0);
    finished(store, 700..701).await;
    apply(store, vec![Change::Update(update(3, 1, settled(time(20))))]).await;
    assert_eq!(sweep(store, 1000, 300).await, 2);
    assert_eq!(store.unfinished().await.expect("it counts"), [("acme".into(), 9)]);
}

/// Case.
pub async fn sweeping_one_message_of_a_submission_keeps_the_others_whole(bench: Bench) {
    let store = &*bench.store;
    let part = |n| new(Message { batch: batch(1), batch_size: 2, ..message(n, "acme") });
    let gone = NewMessage { facts: settled(time(5)), ..part(1) };
    apply(store, vec![insert_all(vec![gone, part(2)])]).await;
    assert_eq!(sweep(store, 100, 10).await, 1);
    assert_eq!(load(store, 2).await.expect("it is there").message, part(2).message);
    apply(store, vec![Change::Update(update(2, 1, settled(time(5))))]).await;
    assert_eq!(sweep(store, 100, 10).await, 1);
    assert_eq!(load(store, 2).await, None);
}

/// Case.
pub async fn a_backup_opens_and_equals(bench: Bench) {
    stored(&*bench.store, 1..50).await;
    bench.store.backup(bench.copy.clone()).await.expect("it backs up");
    stored(&*bench.store, 50..60).await;
    let copy = (bench.open)(bench.copy.clone());
    let ids: Vec<_> = (1..50).map(id).collect();
    let records = copy.load(ids.clone()).await.expect("it loads");
    assert_eq!(records, bench.store.load(ids).await.expect("it loads"));
    assert!(records.iter().all(Option::is_some));
    assert_eq!(load(&*copy, 50).await, None);
    assert_eq!(
        copy.history(id(7)).await.expect("history"),
        bench.store.history(id(7)).await.expect("history")
    );
    stored(&*copy, 50..51).await;
}

/// Case.
pub async fn a_backup_does_not_overwrite(bench: Bench) {
    std::fs::write(&bench.copy, "precious").expect("the folder is writable");
    assert!(bench.store.backup(bench.copy.clone()).await.is_err());
    assert_eq!(std::fs::read(&bench.copy).expect("it is there"), b"precious");
}

/// Case.
pub async fn counters_count(bench: Bench) {
    let before = bench.store.stats();
    stored(&*bench.store, 0..10).await;
    let after = bench.store.stats();
    assert_eq!(after.changes - before.changes, 10);
    assert_eq!(after.commits - before.commits, 1);
    assert_eq!(after.waiting, 0);
    assert!(after.bytes > 0 && after.commit_micros > before.commit_micros);
}

/// Case.
pub async fn a_closed_store_takes_nothing_more(bench: Bench) {
    stored(&*bench.store, 1..2).await;
    bench.store.close().await.expect("it closes");
    let commit = bench.store.commit(vec![insert(new(message(2, "acme")))]).await;
    assert!(matches!(commit, Err(StoreError::Closed)));
    assert!(matches!(bench.store.load(vec![id(1)]).await, Err(StoreError::Closed)));
    assert!(matches!(bench.store.close().await, Err(StoreError::Closed)));
}
