//! Remembered keys and documents.

use super::{Bench, kit::*};
use crate::{Change, Document, Insert, Verdict};

/// Case.
pub async fn a_remembered_key_stays_until_it_is_forgotten(bench: Bench) {
    let (first, second) = (remembered("acme", "a", time(9)), remembered("acme", "a", time(5)));
    let verdicts =
        commit(&*bench.store, vec![Change::Remember(first.clone()), Change::Remember(second)]).await;
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Remembered(first.clone())]);
    let recall = || bench.store.recall("acme".into(), "nonce", "a".into());
    assert_eq!(recall().await.expect("it recalls"), Some(first));
    let forget = Change::Forget { account: "acme".into(), kind: "nonce", key: "a".into() };
    apply(&*bench.store, vec![forget]).await;
    assert_eq!(recall().await.expect("it recalls"), None);
}

/// Case.
pub async fn an_idempotency_key_seen_before_inserts_nothing(bench: Bench) {
    let key = remembered("acme", "key", time(99));
    let with_key = |n| {
        let Change::Insert(change) = insert(new(message(n, "acme"))) else { unreachable!("it is an insert") };
        Change::Insert(Insert { remember: Some(key.clone()), ..change })
    };
    let verdicts = commit(&*bench.store, vec![with_key(1), with_key(2)]).await;
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Remembered(key.clone())]);
    assert!(load(&*bench.store, 1).await.is_some());
    assert_eq!(load(&*bench.store, 2).await, None);
    let found = bench.store.recall("acme".into(), "nonce", "key".into()).await.expect("it recalls");
    assert_eq!(found, Some(key));
}

/// Case.
pub async fn remembered_keys_are_apart_by_account_and_kind(bench: Bench) {
    let mut other = remembered("acme", "a", time(9));
    other.kind = "session";
    let all = [remembered("acme", "a", time(9)), remembered("globex", "a", time(9)), other];
    apply(&*bench.store, all.iter().cloned().map(Change::Remember).collect()).await;
    for one in all {
        let found =
            bench.store.recall(one.account.clone(), one.kind, one.key.clone()).await.expect("it recalls");
        assert_eq!(found, Some(one));
    }
    let missing = bench.store.recall("globex".into(), "session", "a".into()).await.expect("it recalls");
    assert_eq!(missing, None);
}

/// Case.
pub async fn remembered_keys_expire(bench: Bench) {
    let keys = [remembered("acme", "early", time(5)), remembered("acme", "late", time(50))];
    apply(&*bench.store, keys.into_iter().map(Change::Remember).collect()).await;
    assert_eq!(bench.store.sweep(time(0), time(10), 10).await.expect("it sweeps"), 0);
    let recall = |key: &str| bench.store.recall("acme".into(), "nonce", key.into());
    assert_eq!(recall("early").await.expect("it recalls"), None);
    assert!(recall("late").await.expect("it recalls").is_some());
    apply(&*bench.store, vec![Change::Remember(remembered("acme", "early", time(99)))]).await;
}

fn document(account: &str, key: &str, json: &str, version: u32) -> Document {
    Document { account: account.into(), kind: "scenario", key: key.into(), json: json.into(), version }
}

/// Case.
pub async fn a_document_is_written_against_its_version(bench: Bench) {
    let put = |json: &str, version| Change::PutDocument(document("acme", "a", json, version));
    let changes =
        vec![put("early", 1), put("1", 0), put("again", 0), put("2", 1), put("stale", 1), put("3", 2)];
    let (applied, conflict) = (Verdict::Applied, Verdict::Conflict);
    assert_eq!(
        commit(&*bench.store, changes).await,
        [conflict.clone(), applied.clone(), conflict.clone(), applied.clone(), conflict, applied]
    );
    let found = bench.store.document("acme".into(), "scenario", "a".into()).await.expect("it reads");
    assert_eq!(found, Some(document("acme", "a", "3", 3)));
}

/// Case.
pub async fn documents_are_listed_by_key_within_account_and_kind(bench: Bench) {
    let mut template = document("acme", "b", "{}", 0);
    template.kind = "template";
    let mut all: Vec<_> = ["c", "a", "b"].map(|key| document("acme", key, "{}", 0)).into();
    all.extend([template, document("globex", "d", "{}", 0)]);
    apply(&*bench.store, all.into_iter().map(Change::PutDocument).collect()).await;
    let keys = async |after: &str, limit| -> Vec<String> {
        let listed = bench.store.documents("acme".into(), "scenario", after.into(), limit).await;
        listed.expect("it lists").into_iter().map(|one| one.key).collect()
    };
    assert_eq!(keys("", 9).await, ["a", "b", "c"]);
    assert_eq!(keys("a", 1).await, ["b"]);
    assert_eq!(keys("c", 9).await, Vec::<String>::new());
}

/// Case.
pub async fn a_removed_document_is_gone(bench: Bench) {
    apply(&*bench.store, vec![Change::PutDocument(document("acme", "a", "{}", 0))]).await;
    let remove =
        |account: &str| Change::RemoveDocument { account: account.into(), kind: "scenario", key: "a".into() };
    let read = || bench.store.document("acme".into(), "scenario", "a".into());
    apply(&*bench.store, vec![remove("globex")]).await;
    assert_eq!(read().await.expect("it reads"), Some(document("acme", "a", "{}", 1)));
    apply(&*bench.store, vec![remove("acme")]).await;
    assert_eq!(read().await.expect("it reads"), None);
    apply(&*bench.store, vec![Change::PutDocument(document("acme", "a", "{}", 0))]).await;
}
