//! Lists page by page: nothing is left out, nothing comes twice, and each page costs little.

use model::{AccountName, Cause};

use super::*;

/// Messages of the large store: more than one page goes through.
const MANY: u64 = 6_000;

/// What a message is, by its number: mostly delivered, some failed, some under way, one read.
fn facts_of(n: u64) -> Facts {
    let settled = |status| (status, Some(Time::from_secs(n as i64 + 5)));
    let (status, settled_at) = match n {
        17 => settled(Status::Read),
        _ if n.is_multiple_of(2_001) => settled(Status::Failed(Cause::Spam)),
        _ if n.is_multiple_of(9) => settled(Status::Failed(Cause::Throttled)),
        _ if n % 1_507 == 1 || n == 5_400 => (Status::Submitted, None),
        _ => settled(Status::Delivered),
    };
    let channel = if n % 2_001 == 3 { Channel::Whatsapp } else { Channel::Sms };
    Facts { status, settled_at, channel, ..new(n, 1, &shared(String::new())).facts }
}

fn account_of(n: u64) -> AccountName {
    if n % 1_333 == 5 { "globex".into() } else { "acme".into() }
}

async fn fill(store: &SqliteStore, numbers: std::ops::Range<u64>) {
    let shared = shared("Parcels".into());
    let message = |n| {
        let one = new(n, MANY as u32, &shared);
        let message = Message { account: account_of(n), client_ref: None, ..(*one.message).clone() };
        NewMessage { message: Arc::new(message), facts: facts_of(n), ..one }
    };
    let messages = numbers.map(message).collect();
    let insert = Insert { batch: BatchId(7), shared, messages, remember: None, reserve: None };
    assert_eq!(store.commit(vec![Change::Insert(insert)]).await.expect("it commits"), [Verdict::Applied]);
}

/// All pages to the end: the numbers found, and how many pages there were.
async fn all(store: &SqliteStore, filter: &Search, limit: usize) -> (Vec<u64>, usize) {
    let (mut found, mut before, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store.page(filter.clone(), before, limit).await.expect("it lists");
        assert!(page.records.len() <= limit);
        found.extend(page.records.iter().map(|record| record.message.accepted_at.as_secs() as u64));
        pages += 1;
        match page.next {
            None => return (found, pages),
            next => before = next,
        }
    }
}

fn expected(wanted: impl Fn(u64) -> bool) -> Vec<u64> {
    (1..MANY).rev().filter(|n| wanted(*n)).collect()
}

#[tokio::test]
async fn pages_show_everything_that_matches_once_and_newest_first() {
    let folder = folder();
    let store = open(&folder);
    fill(&store, 1..MANY).await;
    let none = Search::default;
    let failed = |cause| move |n| facts_of(n).status == Status::Failed(cause);
    let status = |word: &str| Search { status: Some(word.into()), ..none() };
    let cases: Vec<(Search, Vec<u64>)> = vec![
        (Search { cause: Some(Cause::Spam), ..none() }, expected(failed(Cause::Spam))),
        (status("read"), vec![17]),
        (status("submitted"), expected(|n| facts_of(n).status == Status::Submitted)),
        (Search { settled: Some(false), ..none() }, expected(|n| facts_of(n).settled_at.is_none())),
        (
            Search { settled: Some(true), ..status("failed") },
            expected(|n| matches!(facts_of(n).status, Status::Failed(_))),
        ),
        (
            Search { channel: Some(Channel::Whatsapp), ..none() },
            expected(|n| facts_of(n).channel == Channel::Whatsapp),
        ),
        (Search { account: Some("globex".into()), ..none() }, expected(|n| n % 1_333 == 5)),
        (
            Search { account: Some("globex".into()), ..status("failed") },
            expected(|n| n % 1_333 == 5 && matches!(facts_of(n).status, Status::Failed(_))),
        ),
        (Search { batch: Some(BatchId(7)), ..status("read") }, vec![17]),
        (Search { recipient: Some("11234".into()), ..none() }, vec![1234]),
        (
            Search {
                since: Some(Time::from_secs(100)),
                until: Some(Time::from_secs(4_000)),
                ..status("submitted")
            },
            expected(|n| facts_of(n).status == Status::Submitted && (100..4_000).contains(&n)),
        ),
        (status("played"), vec![]),
    ];
    for (filter, wanted) in cases {
        for limit in [3, 5_000] {
            assert_eq!(all(&store, &filter, limit).await.0, wanted, "{filter:?} by {limit}");
        }
        let whole = store.search(filter.clone(), None, usize::MAX).await.expect("it searches");
        assert_eq!(whole.len(), wanted.len(), "{filter:?}");
    }
}

#[tokio::test]
async fn what_is_rare_is_found_by_the_first_page() {
    let folder = folder();
    let store = open(&folder);
    fill(&store, 1..MANY).await;
    let read = Search { status: Some("read".into()), ..Search::default() };
    assert_eq!(all(&store, &read, 50).await, (vec![17], 1));
    let nowhere =
        Search { cause: Some(Cause::Throttled), channel: Some(Channel::Viber), ..Search::default() };
    assert_eq!(all(&store, &nowhere, 50).await, (vec![], 1));
}

#[tokio::test]
async fn what_every_block_once_had_is_looked_for_in_bounded_pages() {
    let folder = folder();
    let store = open(&folder);
    fill(&store, 1..MANY).await;
    // Failures by spam are in few blocks, but those under way may be anything.
    let under_way = (1..MANY).filter(|n| n % 1_000 == 999 && facts_of(*n).settled_at.is_some());
    let reopened = |n: u64| {
        let facts = Facts { status: Status::Sent, settled_at: None, ..facts_of(n) };
        Change::Update(Update {
            id: id(n),
            version: 1,
            state: State::default(),
            facts,
            history: Vec::new(),
            upstream: Vec::new(),
            callbacks: Vec::new(),
            money: None,
        })
    };
    store.commit(under_way.map(reopened).collect()).await.expect("it commits");
    let accepted = Search { status: Some("accepted".into()), ..Search::default() };
    let (found, pages) = all(&store, &accepted, 50).await;
    assert_eq!(found, [] as [u64; 0]);
    assert_eq!(pages, 2, "6 blocks are under way, and a page goes through 4");
}

#[tokio::test]
async fn facets_of_swept_messages_are_written_again_for_new_ones() {
    let folder = folder();
    let store = open(&folder);
    let failed = Search { status: Some("failed".into()), ..Search::default() };
    for n in [9, 18, 27] {
        fill(&store, n..n + 1).await;
        assert_eq!(all(&store, &failed, 9).await.0, [n]);
        assert_eq!(store.sweep(Time(i64::MAX / 2), Time(0), 9).await.expect("it sweeps"), 1);
        assert_eq!(all(&store, &failed, 9).await.0, [] as [u64; 0]);
    }
}

#[tokio::test]
async fn pages_go_on_over_a_hole_where_everything_was_swept() {
    let folder = folder();
    let store = open(&folder);
    fill(&store, 1..MANY).await;
    // Everything but what is under way goes; marks of the swept stay and point nowhere.
    while store.sweep(Time(i64::MAX / 2), Time(0), 20_000).await.expect("it sweeps") > 0 {}
    let left = expected(|n| facts_of(n).settled_at.is_none());
    for filter in [
        Search::default(),
        Search { status: Some("submitted".into()), ..Search::default() },
        Search { batch: Some(BatchId(7)), ..Search::default() },
    ] {
        assert_eq!(all(&store, &filter, 2).await.0, left, "{filter:?}");
    }
}
