//! Lists: reports to be pulled, searches, counts.

use std::sync::Arc;

use model::{Cause, Channel, Message, MessageId, Status};

use super::{Bench, kit::*};
use crate::{Change, Facts, NewMessage, PullFilter, Search, Verdict};

fn pullable(message: Message, channel: Channel) -> Change {
    let facts = Facts { pullable: true, channel, ..settled(time(50)) };
    insert(NewMessage { facts, ..new(message) })
}

/// Case.
pub async fn reports_to_be_pulled_come_oldest_first_and_once(bench: Bench) {
    let store = &*bench.store;
    apply(store, (1..5).map(|n| pullable(message(n, "acme"), Channel::Sms)).collect()).await;
    apply(store, vec![pullable(message(9, "globex"), Channel::Sms)]).await;
    let pull = async |limit| {
        store.pullable("acme".into(), "infobip", PullFilter::default(), limit).await.expect("it lists")
    };
    assert_eq!(pull(2).await, [id(1), id(2)]);
    apply(store, vec![Change::Pulled(vec![id(1), id(2)])]).await;
    assert_eq!(commit(store, vec![Change::Pulled(vec![id(3), id(2)])]).await, [Verdict::Conflict]);
    assert_eq!(pull(9).await, [id(3), id(4)]);
    let other = store.pullable("acme".into(), "telesign", PullFilter::default(), 9).await.expect("it lists");
    assert_eq!(other, []);
}

/// Case.
pub async fn reports_to_be_pulled_are_filtered(bench: Bench) {
    let store = &*bench.store;
    let other = Message { shared: shared("two"), ..message(2, "acme") };
    apply(store, vec![pullable(message(1, "acme"), Channel::Sms), pullable(other, Channel::Whatsapp)]).await;
    let pull = async |filter| store.pullable("acme".into(), "infobip", filter, 9).await.expect("it lists");
    let none = PullFilter::default;
    assert_eq!(pull(PullFilter { bulk: Some("bulk-two".into()), ..none() }).await, [id(2)]);
    assert_eq!(pull(PullFilter { batch: Some(batch(1)), ..none() }).await, [id(1)]);
    assert_eq!(pull(PullFilter { message: Some(id(2)), ..none() }).await, [id(2)]);
    assert_eq!(pull(PullFilter { channel: Some(Channel::Whatsapp), ..none() }).await, [id(2)]);
    assert_eq!(pull(PullFilter { channel: Some(Channel::Viber), ..none() }).await, []);
    assert_eq!(pull(PullFilter { batch: Some(batch(1)), message: Some(id(2)), ..none() }).await, []);
}

async fn found(bench: &Bench, filter: Search, before: Option<MessageId>, limit: usize) -> Vec<MessageId> {
    let records = bench.store.search(filter, before, limit).await.expect("it searches");
    records.iter().map(|record| record.message.id).collect()
}

/// Case.
pub async fn search_lists_newest_first_and_goes_on_before_a_cursor(bench: Bench) {
    stored(&*bench.store, 0..600).await;
    let mut seen = Vec::new();
    loop {
        let page = found(&bench, Search::default(), seen.last().copied(), 70).await;
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, (0..600).rev().map(id).collect::<Vec<_>>());
}

/// Case.
pub async fn a_list_comes_page_by_page_by_everything_that_fits_however_often_it_stops(bench: Bench) {
    stored(&*bench.store, 0..600).await;
    let rare = Search { recipient: Some("nobody".to_owned()), ..Search::default() };
    for (filter, expected) in [(Search::default(), (0..600).rev().map(id).collect()), (rare, Vec::new())] {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let search = bench.store.page(filter.clone(), before, 70);
            let page = search.await.expect("it searches");
            seen.extend(page.records.iter().map(|record| record.message.id));
            match page.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, expected);
    }
}

/// Case.
pub async fn search_by_time_finds_messages_of_one_moment_whatever_the_order_of_their_ids(bench: Bench) {
    let at = time(500);
    let ids = [3, 1, 2].map(|random| MessageId::new(at, random));
    for (n, id) in (500..).zip(ids) {
        let message = Message { id, accepted_at: at, ..message(n, "acme") };
        apply(&*bench.store, vec![insert(new(message))]).await;
    }
    let around = Search { since: Some(at), until: Some(time(501)), ..Search::default() };
    let mut seen = found(&bench, around, None, 9).await;
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3].map(|random| MessageId::new(at, random)));
}

/// Case.
pub async fn search_filters_by_each_condition(bench: Bench) {
    let store = &*bench.store;
    stored(store, 1..3).await;
    let mut other = new(Message { dialect: "telesign", shared: shared("two"), ..message(200, "globex") });
    other.facts =
        Facts { status: Status::Failed(Cause::Throttled), channel: Channel::Whatsapp, ..settled(time(210)) };
    let other = NewMessage { message: Arc::new((*other.message).clone()), ..other };
    apply(store, vec![insert(other)]).await;
    let none = Search::default;
    let only_other = [
        Search { account: Some("globex".into()), ..none() },
        Search { dialect: Some("telesign".into()), ..none() },
        Search { channel: Some(Channel::Whatsapp), ..none() },
        Search { status: Some("failed".into()), ..none() },
        Search { cause: Some(Cause::Throttled), ..none() },
        Search { recipient: Some("447700900200".into()), ..none() },
        Search { bulk: Some("bulk-two".into()), ..none() },
        Search { batch: Some(batch(200)), ..none() },
        Search { since: Some(time(3)), ..none() },
        Search { settled: Some(true), ..none() },
        Search { account: Some("globex".into()), recipient: Some("447700900200".into()), ..none() },
        Search { account: Some("globex".into()), status: Some("failed".into()), ..none() },
    ];
    for filter in only_other {
        assert_eq!(found(&bench, filter.clone(), None, 9).await, [id(200)], "{filter:?}");
    }
    let all_but_other = [
        Search { until: Some(time(200)), ..none() },
        Search { settled: Some(false), ..none() },
        Search { status: Some("accepted".into()), ..none() },
        Search { bulk: Some("bulk-one".into()), ..none() },
    ];
    for filter in all_but_other {
        assert_eq!(found(&bench, filter.clone(), None, 9).await, [id(2), id(1)], "{filter:?}");
    }
    let nothing = [
        Search { status: Some("nonsense".into()), ..none() },
        Search { cause: Some(Cause::Spam), ..none() },
        Search { account: Some("acme".into()), dialect: Some("telesign".into()), ..none() },
        Search { since: Some(time(201)), ..none() },
        Search { until: Some(time(1)), ..none() },
    ];
    for filter in nothing {
        assert_eq!(found(&bench, filter.clone(), None, 9).await, [], "{filter:?}");
    }
}

/// Case.
pub async fn search_sees_no_other_account(bench: Bench) {
    let same = |n, account: &str| {
        let mut one = message(n, account);
        one.recipient = message(1, "acme").recipient;
        insert(new(one))
    };
    apply(&*bench.store, vec![same(1, "acme"), same(2, "globex"), same(3, "acme")]).await;
    let mine = Search { account: Some("acme".into()), ..Search::default() };
    assert_eq!(found(&bench, mine.clone(), None, 9).await, [id(3), id(1)]);
    let recipient = Search { recipient: Some("447700900001".into()), ..mine };
    assert_eq!(found(&bench, recipient.clone(), None, 9).await, [id(3), id(1)]);
    assert_eq!(found(&bench, recipient, Some(id(3)), 9).await, [id(1)]);
    let bulk = Search { account: Some("nobody".into()), bulk: Some("bulk-one".into()), ..Search::default() };
    assert_eq!(found(&bench, bulk, None, 9).await, []);
}

/// Case.
pub async fn unfinished_messages_are_counted_by_account(bench: Bench) {
    let store = &*bench.store;
    stored(store, 1..4).await;
    apply(store, vec![insert(new(message(9, "globex")))]).await;
    let change = |version, facts| Change::Update(update(1, version, facts));
    apply(store, vec![change(1, settled(time(5))), change(2, settled(time(5)))]).await;
    let mut counts = store.unfinished().await.expect("it counts");
    counts.sort();
    assert_eq!(counts, [("acme".into(), 2), ("globex".into(), 1)]);
}
