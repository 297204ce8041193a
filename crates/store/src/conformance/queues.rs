//! Alarms and queues.

use model::message::Priority;

use super::{Bench, kit::*};
use crate::{Change, Facts, Lane, NewMessage, QueuePlace};

fn alarmed(n: u64, at: u64) -> NewMessage {
    NewMessage { facts: Facts { wake_at: Some(time(at)), ..facts() }, ..new(message(n, "acme")) }
}

/// Case.
pub async fn alarms_come_in_order_and_go_on_after_a_cursor(bench: Bench) {
    let messages = [(1, 30), (2, 20), (4, 20), (3, 20), (5, 40), (6, 50)];
    apply(&*bench.store, messages.iter().map(|&(n, at)| insert(alarmed(n, at))).collect()).await;
    stored(&*bench.store, 7..8).await;
    let due = async |after, limit| bench.store.due(time(40), after, limit).await.expect("it lists");
    let all = [(time(20), id(2)), (time(20), id(3)), (time(20), id(4)), (time(30), id(1)), (time(40), id(5))];
    assert_eq!(due(None, 10).await, all);
    assert_eq!(due(None, 2).await, all[..2]);
    assert_eq!(due(Some(all[1]), 2).await, all[2..4]);
    assert_eq!(due(Some(all[4]), 2).await, []);
}

/// Case.
pub async fn a_moved_alarm_rings_at_its_new_time_only(bench: Bench) {
    apply(&*bench.store, vec![insert(alarmed(1, 10))]).await;
    let moved = |version, wake_at| Change::Update(update(1, version, Facts { wake_at, ..facts() }));
    apply(&*bench.store, vec![moved(1, Some(time(20)))]).await;
    assert_eq!(bench.store.due(time(30), None, 9).await.expect("it lists"), [(time(20), id(1))]);
    apply(&*bench.store, vec![moved(2, None)]).await;
    assert_eq!(bench.store.due(time(30), None, 9).await.expect("it lists"), []);
}

fn lane(account: &str) -> Lane {
    Lane { route: "smsc".into(), sender: "Parcels".into(), account: account.into() }
}

fn queued(n: u64, account: &str, priority: Priority, at: u64) -> NewMessage {
    let facts = Facts { queued: Some((lane(account), priority, time(at))), ..facts() };
    NewMessage { facts, ..new(message(n, account)) }
}

/// Case.
pub async fn queued_messages_come_by_time_then_id_within_lane_and_class(bench: Bench) {
    let messages = vec![
        queued(1, "acme", Priority::Notice, 9),
        queued(3, "acme", Priority::Notice, 5),
        queued(2, "acme", Priority::Notice, 5),
        queued(4, "acme", Priority::OneTime, 1),
        queued(5, "globex", Priority::Notice, 1),
    ];
    apply(&*bench.store, messages.into_iter().map(insert).collect()).await;
    let place = |n, at| QueuePlace { not_before: time(at), id: id(n) };
    let list = async |account, priority, after, limit| {
        bench.store.queued(lane(account), priority, after, limit).await.expect("it lists")
    };
    let all = [place(2, 5), place(3, 5), place(1, 9)];
    assert_eq!(list("acme", Priority::Notice, None, 9).await, all);
    assert_eq!(list("acme", Priority::Notice, None, 1).await, all[..1]);
    assert_eq!(list("acme", Priority::Notice, Some(all[0]), 9).await, all[1..]);
    assert_eq!(list("acme", Priority::OneTime, None, 9).await, [place(4, 1)]);
    assert_eq!(list("acme", Priority::Marketing, None, 9).await, []);
    assert_eq!(list("globex", Priority::Notice, None, 9).await, [place(5, 1)]);
    assert_eq!(list("nobody", Priority::Notice, None, 9).await, []);
}

/// Case.
pub async fn a_taken_message_leaves_its_queue_and_its_lane(bench: Bench) {
    let messages = [queued(1, "acme", Priority::Notice, 1), queued(2, "globex", Priority::Notice, 1)];
    apply(&*bench.store, messages.into_iter().map(insert).collect()).await;
    let mut lanes = bench.store.lanes().await.expect("lanes");
    lanes.sort();
    assert_eq!(lanes, [lane("acme"), lane("globex")]);
    apply(&*bench.store, vec![Change::Update(update(1, 1, facts()))]).await;
    assert_eq!(bench.store.lanes().await.expect("lanes"), [lane("globex")]);
    let left = bench.store.queued(lane("acme"), Priority::Notice, None, 9).await.expect("it lists");
    assert_eq!(left, []);
}
