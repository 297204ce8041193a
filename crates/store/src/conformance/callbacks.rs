//! The outbox.

use super::{Bench, kit::*};
use crate::{CallbackStanding, Change, Fresh, NewCallback, NewMessage, Store, StoredCallback, Verdict};

/// Stores the message number `n` with these callbacks.
async fn calling(store: &dyn Store, n: u64, account: &str, callbacks: Vec<NewCallback>) {
    apply(store, vec![insert(NewMessage { callbacks, ..new(message(n, account)) })]).await;
}

async fn finish(store: &dyn Store, about: &str, standing: CallbackStanding) {
    let due = due_callbacks(store).await;
    let id = due.iter().find(|callback| callback.about == about).expect("it is due").id;
    apply(store, vec![result(id, standing, time(900))]).await;
}

/// Case.
pub async fn callbacks_of_one_message_and_address_come_one_after_the_other(bench: Bench) {
    let store = &*bench.store;
    calling(
        store,
        1,
        "acme",
        vec![callback("http://a", time(1), "sent"), callback("http://a", time(1), "delivered")],
    )
    .await;
    let mut change = update(1, 1, facts());
    change.history = vec![note(time(3), "read")];
    change.callbacks = vec![callback("http://a", time(0), "read")];
    apply(store, vec![Change::Update(change)]).await;
    let first = due_callbacks(store).await;
    let expected = StoredCallback {
        id: first[0].id,
        message: Some(id(1)),
        account: "acme".into(),
        dialect: "infobip".into(),
        url: "http://a".into(),
        request: b"sent".to_vec(),
        about: "sent".into(),
        created_at: time(1),
        due_at: time(1),
        tries: 0,
        standing: CallbackStanding::Pending,
        last_result: None,
    };
    assert_eq!(first, [expected]);
    for about in ["sent", "delivered", "read"] {
        assert_eq!(abouts(&due_callbacks(store).await), [about]);
        finish(store, about, CallbackStanding::Done).await;
    }
    assert_eq!(due_callbacks(store).await, []);
    let all = store.callbacks_of(id(1)).await.expect("it lists");
    assert_eq!(abouts(&all), ["sent", "delivered", "read"]);
    assert!(all.iter().all(|callback| callback.standing == CallbackStanding::Done && callback.tries == 1));
    assert!(all.iter().all(|callback| callback.last_result.as_deref() == Some("answer")));
    assert!(all.iter().all(|callback| callback.due_at == time(500)));
    assert_eq!(all[2].created_at, time(3));
}

/// Case.
pub async fn callbacks_to_different_addresses_do_not_wait_for_each_other(bench: Bench) {
    let callbacks = vec![callback("http://a", time(1), "a"), callback("http://b", time(1), "b")];
    calling(&*bench.store, 1, "acme", callbacks).await;
    calling(&*bench.store, 2, "acme", vec![callback("http://a", time(1), "c")]).await;
    assert_eq!(abouts(&due_callbacks(&*bench.store).await), ["a", "b", "c"]);
}

/// Case.
pub async fn a_callback_to_be_tried_again_keeps_its_successors_waiting(bench: Bench) {
    let store = &*bench.store;
    calling(
        store,
        1,
        "acme",
        vec![callback("http://a", time(1), "first"), callback("http://a", time(1), "second")],
    )
    .await;
    finish(store, "first", CallbackStanding::Pending).await;
    assert_eq!(store.callbacks_due(time(899), 9).await.expect("it lists"), []);
    assert_eq!(store.next_callback_at().await.expect("it looks"), Some(time(900)));
    let due = store.callbacks_due(time(900), 9).await.expect("it lists");
    assert_eq!((abouts(&due), due[0].tries), (vec!["first"], 1));
}

/// Case.
pub async fn fresh_callbacks_are_told_once_and_all_unless_the_store_says_otherwise(bench: Bench) {
    let store = &*bench.store;
    let two = vec![callback("http://a", time(1), "first"), callback("http://a", time(1), "second")];
    calling(store, 1, "acme", two).await;
    calling(store, 2, "other", vec![callback("http://b", time(1), "third")]).await;
    let fresh = store.fresh_callbacks();
    if fresh.complete {
        assert_eq!(fresh.callbacks, due_callbacks(store).await);
        assert_eq!(store.fresh_callbacks(), Fresh::default());
    }
    finish(store, "first", CallbackStanding::Done).await;
    let fresh = store.fresh_callbacks();
    assert!(!fresh.complete || abouts(&fresh.callbacks) == ["second"]);
    finish(store, "third", CallbackStanding::Parked).await;
    let parked = store.callbacks_parked(None, 0, 9).await.expect("it lists");
    store.fresh_callbacks();
    let replay = Change::ReplayCallbacks { ids: vec![parked[0].id], due_at: time(2) };
    apply(store, vec![replay]).await;
    let fresh = store.fresh_callbacks();
    assert!(!fresh.complete || abouts(&fresh.callbacks) == ["third"]);
}

/// Case.
pub async fn callbacks_come_in_order_of_their_time(bench: Bench) {
    let store = &*bench.store;
    assert_eq!(store.next_callback_at().await.expect("it looks"), None);
    for (n, at) in [(1, 30), (2, 10), (3, 20), (4, 99)] {
        calling(store, n, "acme", vec![callback("http://a", time(at), &at.to_string())]).await;
    }
    let due = |until, limit| store.callbacks_due(time(until), limit);
    assert_eq!(abouts(&due(30, 9).await.expect("it lists")), ["10", "20", "30"]);
    assert_eq!(abouts(&due(30, 2).await.expect("it lists")), ["10", "20"]);
    assert_eq!(store.next_callback_at().await.expect("it looks"), Some(time(10)));
    let first = due(30, 1).await.expect("it lists").remove(0);
    let behind = |limit| store.callbacks_due_after(time(30), (first.due_at, first.id), limit);
    assert_eq!(abouts(&behind(9).await.expect("it lists")), ["20", "30"]);
    assert_eq!(abouts(&behind(1).await.expect("it lists")), ["20"]);
    let same_time = store.callbacks_due_after(time(30), (first.due_at, first.id - 1), 1);
    assert_eq!(abouts(&same_time.await.expect("it lists")), ["10"]);
}

/// Case.
pub async fn a_parked_callback_lets_the_next_one_go(bench: Bench) {
    let store = &*bench.store;
    calling(
        store,
        1,
        "acme",
        vec![callback("http://a", time(1), "first"), callback("http://a", time(1), "second")],
    )
    .await;
    finish(store, "first", CallbackStanding::Parked).await;
    assert_eq!(abouts(&due_callbacks(store).await), ["second"]);
    let parked = store.callbacks_parked(None, 0, 9).await.expect("it lists");
    assert_eq!(abouts(&parked), ["first"]);
}

/// Case.
pub async fn a_replayed_callback_goes_before_later_ones(bench: Bench) {
    let store = &*bench.store;
    calling(
        store,
        1,
        "acme",
        vec![callback("http://a", time(1), "first"), callback("http://a", time(1), "second")],
    )
    .await;
    finish(store, "first", CallbackStanding::Parked).await;
    let ids: Vec<i64> = store.callbacks_of(id(1)).await.expect("it lists").iter().map(|one| one.id).collect();
    apply(store, vec![Change::ReplayCallbacks { ids, due_at: time(700) }]).await;
    let due = due_callbacks(store).await;
    assert_eq!(abouts(&due), ["first"]);
    assert_eq!((due[0].due_at, due[0].tries), (time(700), 0));
    assert_eq!(store.callbacks_parked(None, 0, 9).await.expect("it lists"), []);
    finish(store, "first", CallbackStanding::Done).await;
    assert_eq!(abouts(&due_callbacks(store).await), ["second"]);
}

/// Case.
pub async fn a_result_for_a_finished_callback_conflicts(bench: Bench) {
    let store = &*bench.store;
    calling(store, 1, "acme", vec![callback("http://a", time(1), "first")]).await;
    let id = due_callbacks(store).await[0].id;
    finish(store, "first", CallbackStanding::Done).await;
    let late =
        vec![result(id, CallbackStanding::Pending, time(1)), result(id + 9, CallbackStanding::Done, time(1))];
    assert_eq!(commit(store, late).await, [Verdict::Conflict, Verdict::Conflict]);
    assert_eq!(due_callbacks(store).await, []);
}

/// Case.
pub async fn parked_callbacks_are_listed_by_account_and_after_a_cursor(bench: Bench) {
    let store = &*bench.store;
    for (n, account) in [(1, "acme"), (2, "globex"), (3, "acme"), (4, "acme")] {
        calling(store, n, account, vec![callback("http://a", time(n), &n.to_string())]).await;
    }
    for about in ["1", "2", "3"] {
        finish(store, about, CallbackStanding::Parked).await;
    }
    let list = async |account: Option<&str>, after, limit| {
        store.callbacks_parked(account.map(Into::into), after, limit).await.expect("it lists")
    };
    let all = list(None, 0, 9).await;
    assert_eq!(abouts(&all), ["1", "2", "3"]);
    assert_eq!(abouts(&list(Some("acme"), 0, 9).await), ["1", "3"]);
    assert_eq!(abouts(&list(Some("acme"), all[0].id, 9).await), ["3"]);
    assert_eq!(abouts(&list(None, all[0].id, 1).await), ["2"]);
    assert_eq!(list(Some("nobody"), 0, 9).await, []);
}

/// Case.
pub async fn an_inbound_message_calls_back_once(bench: Bench) {
    let seen = remembered("acme", "wamid.1", time(99));
    let inbound = || Change::Inbound {
        seen: seen.clone(),
        dialect: "telesign",
        callbacks: vec![callback("http://a", time(1), "inbound"), callback("http://a", time(2), "again")],
    };
    let verdicts = commit(&*bench.store, vec![inbound(), inbound()]).await;
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Remembered(seen)]);
    let due = due_callbacks(&*bench.store).await;
    assert_eq!(abouts(&due), ["inbound", "again"]);
    assert_eq!((due[0].message, &*due[0].dialect, due[0].account.as_str()), (None, "telesign", "acme"));
    finish(&*bench.store, "inbound", CallbackStanding::Done).await;
    assert_eq!(abouts(&due_callbacks(&*bench.store).await), ["again"]);
}
