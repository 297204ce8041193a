//! Money: what is set aside, spent and given back.

use super::{Bench, kit::*};
use crate::{
    Balance, Change, Charge, Insert, LedgerRow, Money, MoneyKind, Reserve, Store, TopUp, Update, Verdict,
};

fn open(micros: i64) -> Change {
    Change::OpenBalance { account: "acme".into(), currency: "EUR".into(), micros, at: time(0) }
}

/// An insert of one message with money set aside for it.
fn paid(n: u64, micros: i64) -> Change {
    reserved(
        insert(new(message(n, "acme"))),
        Reserve { micros: vec![micros], required: micros, may_owe: false },
    )
}

fn reserved(change: Change, reserve: Reserve) -> Change {
    let Change::Insert(change) = change else { unreachable!("it is an insert") };
    Change::Insert(Insert { reserve: Some(reserve), ..change })
}

fn spent(n: u64, version: u32, charges: &[(u8, i64)], release: bool) -> Change {
    let charges = charges.iter().map(|&(step, micros)| Charge { step, micros }).collect();
    let money = Some(Money { at: time(n + 100), charges, release });
    Change::Update(Update { money, ..update(n, version, facts()) })
}

fn top_up(micros: i64, reference: Option<&str>) -> Change {
    let reference = reference.map(str::to_owned);
    Change::TopUp(TopUp { account: "acme".into(), micros, at: time(5), reference })
}

/// What is available, and what is set aside.
async fn sides(store: &dyn Store) -> (i64, i64) {
    let balance = store.balance("acme".into()).await.expect("it reads").expect("there is one");
    (balance.available, balance.held)
}

async fn ledger(store: &dyn Store) -> Vec<LedgerRow> {
    store.ledger("acme".into(), None, 0, 1000).await.expect("it reads")
}

/// Case.
pub async fn a_balance_begins_once(bench: Bench) {
    assert_eq!(bench.store.balance("acme".into()).await.expect("it reads"), None);
    let verdicts = commit(&*bench.store, vec![open(100), open(900)]).await;
    assert_eq!(verdicts, [Verdict::Applied, Verdict::Conflict]);
    let balance = Balance { currency: "EUR".into(), available: 100, held: 0 };
    assert_eq!(bench.store.balance("acme".into()).await.expect("it reads"), Some(balance));
    assert_eq!(bench.store.balance("globex".into()).await.expect("it reads"), None);
}

/// Case.
pub async fn money_is_set_aside_spent_and_given_back(bench: Bench) {
    apply(&*bench.store, vec![open(100), paid(1, 30)]).await;
    assert_eq!(sides(&*bench.store).await, (70, 30));
    apply(&*bench.store, vec![spent(1, 1, &[(0, 10)], false)]).await;
    assert_eq!(sides(&*bench.store).await, (70, 20));
    apply(&*bench.store, vec![spent(1, 2, &[(1, 5)], true)]).await;
    assert_eq!(sides(&*bench.store).await, (85, 0));
    let rows = ledger(&*bench.store).await;
    let told: Vec<_> = rows.iter().map(|row| (row.kind, row.micros, row.available, row.step)).collect();
    assert_eq!(
        told,
        [
            (MoneyKind::Opened, 100, 100, None),
            (MoneyKind::Reserve, 30, 70, None),
            (MoneyKind::Charge, 10, 70, Some(0)),
            (MoneyKind::Charge, 5, 70, Some(1)),
            (MoneyKind::Refund, 15, 85, None),
        ]
    );
    assert_eq!((rows[0].message, rows[0].at), (None, time(0)));
    assert_eq!((rows[4].message, rows[4].at), (Some(id(1)), time(101)));
}

/// Case.
pub async fn an_insert_that_cannot_be_paid_leaves_no_trace(bench: Bench) {
    apply(&*bench.store, vec![open(100)]).await;
    let verdicts = commit(&*bench.store, vec![paid(1, 60), paid(2, 60), paid(3, 40)]).await;
    assert_eq!(verdicts, [Verdict::Applied, Verdict::LowBalance, Verdict::Applied]);
    assert_eq!(load(&*bench.store, 2).await, None);
    assert!(load(&*bench.store, 3).await.is_some());
    assert_eq!(sides(&*bench.store).await, (0, 100));
    assert_eq!(ledger(&*bench.store).await.len(), 3);
}

/// Case.
pub async fn an_account_without_a_balance_cannot_pay(bench: Bench) {
    assert_eq!(commit(&*bench.store, vec![paid(1, 1)]).await, [Verdict::LowBalance]);
    assert_eq!(load(&*bench.store, 1).await, None);
}

/// Case.
pub async fn inserts_of_one_submission_are_paid_together_or_not_at_all(bench: Bench) {
    let of_batch = |n: u64, required: i64| {
        let mut message = message(n, "acme");
        message.batch = batch(1);
        reserved(insert(new(message)), Reserve { micros: vec![30], required, may_owe: false })
    };
    apply(&*bench.store, vec![open(50)]).await;
    let both = || {
        let inserts = [of_batch(1, 60), of_batch(2, 30)].into_iter().map(|change| match change {
            Change::Insert(insert) => insert,
            other => panic!("an insert, not {other:?}"),
        });
        Change::InsertAll(inserts.collect())
    };
    assert_eq!(commit(&*bench.store, vec![both()]).await, [Verdict::LowBalance]);
    assert_eq!(sides(&*bench.store).await, (50, 0));
    apply(&*bench.store, vec![top_up(10, None), both()]).await;
    assert_eq!(sides(&*bench.store).await, (0, 60));
}

/// Case.
pub async fn an_account_that_may_owe_goes_below_zero(bench: Bench) {
    apply(&*bench.store, vec![open(10)]).await;
    let reserve = Reserve { micros: vec![30], required: 30, may_owe: true };
    apply(&*bench.store, vec![reserved(insert(new(message(1, "acme"))), reserve)]).await;
    assert_eq!(sides(&*bench.store).await, (-20, 30));
}

/// Case.
pub async fn never_more_is_spent_than_was_set_aside(bench: Bench) {
    apply(&*bench.store, vec![open(100), paid(1, 30), spent(1, 1, &[(0, 20), (1, 20)], true)]).await;
    assert_eq!(sides(&*bench.store).await, (70, 0));
    apply(&*bench.store, vec![spent(1, 2, &[(0, 20)], true)]).await;
    assert_eq!(sides(&*bench.store).await, (70, 0));
}

/// Case.
pub async fn a_stale_update_moves_no_money(bench: Bench) {
    apply(&*bench.store, vec![open(100), paid(1, 30)]).await;
    assert_eq!(commit(&*bench.store, vec![spent(1, 9, &[(0, 30)], true)]).await, [Verdict::Conflict]);
    assert_eq!(sides(&*bench.store).await, (70, 30));
}

/// Case.
pub async fn a_payment_counts_once(bench: Bench) {
    assert_eq!(commit(&*bench.store, vec![top_up(5, None)]).await, [Verdict::Conflict]);
    apply(&*bench.store, vec![open(0), top_up(5, Some("invoice 7")), top_up(5, None), top_up(-3, None)])
        .await;
    assert_eq!(commit(&*bench.store, vec![top_up(5, Some("invoice 7"))]).await, [Verdict::Conflict]);
    assert_eq!(sides(&*bench.store).await, (7, 0));
}

/// Case.
pub async fn movements_are_listed_by_message_and_after_a_cursor(bench: Bench) {
    apply(&*bench.store, vec![open(100), paid(1, 10), paid(2, 20), spent(1, 1, &[], true)]).await;
    let of = bench.store.ledger("acme".into(), Some(id(1)), 0, 10).await.expect("it reads");
    assert_eq!(of.iter().map(|row| row.kind).collect::<Vec<_>>(), [MoneyKind::Reserve, MoneyKind::Refund]);
    assert_eq!(bench.store.ledger("globex".into(), Some(id(1)), 0, 10).await.expect("it reads"), []);
    let all = ledger(&*bench.store).await;
    let rest = bench.store.ledger("acme".into(), None, all[1].id, 1).await.expect("it reads");
    assert_eq!(rest, all[2..3]);
}

/// Case.
pub async fn movements_are_listed_newest_first_before_a_cursor(bench: Bench) {
    apply(&*bench.store, vec![open(100), paid(1, 10), paid(2, 20)]).await;
    let mut all = ledger(&*bench.store).await;
    all.reverse();
    let newest = bench.store.ledger_newest("acme".into(), i64::MAX, 2).await.expect("it reads");
    assert_eq!(newest, all[..2]);
    let rest = bench.store.ledger_newest("acme".into(), newest[1].id, 9).await.expect("it reads");
    assert_eq!(rest, all[2..]);
    assert_eq!(bench.store.ledger_newest("globex".into(), i64::MAX, 9).await.expect("it reads"), []);
}

/// Case.
pub async fn a_swept_message_takes_its_movements_and_leaves_the_balance(bench: Bench) {
    apply(&*bench.store, vec![open(100), paid(1, 10)]).await;
    let money = Some(Money { at: time(2), charges: vec![Charge { step: 0, micros: 4 }], release: false });
    let update = Update { money, ..update(1, 1, settled(time(2))) };
    apply(&*bench.store, vec![Change::Update(update)]).await;
    assert_eq!(bench.store.sweep(time(9), time(9), 10).await.expect("it sweeps"), 1);
    // What nobody gave back goes back with the message.
    assert_eq!(sides(&*bench.store).await, (96, 0));
    assert_eq!(ledger(&*bench.store).await.len(), 1);
}
