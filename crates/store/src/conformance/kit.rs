//! Messages and changes for the cases.

use std::sync::Arc;

use engine::State;
use model::{
    AttemptId, BatchId, Brief, Channel, Content, Message, MessageId, Phone, Plan, Recipient, Span, Status,
    Step, Time,
    content::Text,
    message::{Body, Extras, Shared, Until},
};

use crate::{
    CallbackResult, CallbackStanding, Change, Facts, Happening, HistoryEntry, Insert, NewCallback,
    NewMessage, Part, Record, Remembered, Store, StoredCallback, Update, UpstreamRow, Verdict,
};

pub(super) const NOW: Time = Time::from_secs(1_800_000_000);

/// The id of the message number `n`; later numbers are later messages.
pub(super) fn id(n: u64) -> MessageId {
    MessageId::new(time(n), u128::from(n))
}

/// `n` seconds after [`NOW`].
pub(super) fn time(n: u64) -> Time {
    NOW + Span::from_secs(n)
}

pub(super) fn batch(n: u64) -> BatchId {
    BatchId::new(time(n), 0xB000 + u128::from(n))
}

pub(super) fn shared(text: &str) -> Arc<Shared> {
    let step = Step {
        channel: Channel::Sms,
        sender: Some("Parcels".into()),
        body: Body::Ready(Content::Text(Text::new(text))),
        patience: Span::from_secs(60),
        validity: Span::from_secs(600),
        until: Until::Delivered,
        routes: Vec::new(),
        extras: Extras::default(),
    };
    let plan = Plan::new(vec![step]).expect("one step");
    Arc::new(Shared { brief: Brief { bulk: Some(format!("bulk-{text}")), ..Brief::default() }, plan })
}

/// The message number `n` of the account, with everything filled in.
pub(super) fn message(n: u64, account: &str) -> Message {
    Message {
        id: id(n),
        account: account.into(),
        dialect: "infobip",
        batch: batch(n),
        position: 0,
        batch_size: 1,
        recipient: Recipient::phone(Phone::parse(&format!("44770090{n:04}")).expect("digits")),
        client_ref: None,
        memo: Some(format!("memo {n}")),
        accepted_at: time(n),
        shared: shared("one"),
    }
}

pub(super) fn facts() -> Facts {
    Facts {
        wake_at: None,
        queued: None,
        status: Status::Accepted,
        channel: Channel::Sms,
        settled_at: None,
        pullable: false,
    }
}

/// Facts of a message settled by delivery.
pub(super) fn settled(at: Time) -> Facts {
    Facts { status: Status::Delivered, settled_at: Some(at), ..facts() }
}

pub(super) fn new(message: Message) -> NewMessage {
    NewMessage {
        history: vec![note(message.accepted_at, "accepted")],
        message: Arc::new(message),
        state: State::default(),
        facts: facts(),
        callbacks: Vec::new(),
    }
}

pub(super) fn note(at: Time, text: &str) -> HistoryEntry {
    HistoryEntry { at, what: Happening::Note { by: "test".into(), text: text.into() }, decisions: Vec::new() }
}

/// An insert of these messages, which are of one submission.
pub(super) fn insert_all(messages: Vec<NewMessage>) -> Change {
    let first = &messages[0].message;
    let (batch, shared) = (first.batch, Arc::clone(&first.shared));
    Change::Insert(Insert { batch, shared, messages, remember: None, reserve: None })
}

pub(super) fn insert(message: NewMessage) -> Change {
    insert_all(vec![message])
}

pub(super) fn update(n: u64, version: u32, facts: Facts) -> Update {
    Update {
        id: id(n),
        version,
        state: State::default(),
        facts,
        history: Vec::new(),
        upstream: Vec::new(),
        callbacks: Vec::new(),
        money: None,
    }
}

pub(super) fn upstream(route: &str, upstream: &str, n: u64, part: u8) -> UpstreamRow {
    UpstreamRow { route: route.into(), upstream: upstream.into(), part: part_of(n, part) }
}

pub(super) fn part_of(n: u64, part: u8) -> Part {
    Part { attempt: AttemptId { message: id(n), step: 1, attempt: 2 }, part }
}

pub(super) fn callback(url: &str, due_at: Time, about: &str) -> NewCallback {
    NewCallback { url: url.into(), request: about.as_bytes().to_vec(), due_at, about: about.into() }
}

pub(super) fn result(id: i64, standing: CallbackStanding, due_at: Time) -> Change {
    Change::Callback(CallbackResult { id, at: time(500), standing, due_at, result: "answer".into() })
}

pub(super) fn remembered(account: &str, key: &str, until: Time) -> Remembered {
    Remembered {
        account: account.into(),
        kind: "nonce",
        key: key.into(),
        value: key.as_bytes().to_vec(),
        until,
    }
}

/// Commits changes that must all be applied.
pub(super) async fn apply(store: &dyn Store, changes: Vec<Change>) {
    for (index, verdict) in commit(store, changes).await.into_iter().enumerate() {
        assert_eq!(verdict, Verdict::Applied, "change {index}");
    }
}

pub(super) async fn commit(store: &dyn Store, changes: Vec<Change>) -> Vec<Verdict> {
    store.commit(changes).await.expect("the store commits")
}

/// Stores the messages with these numbers.
pub(super) async fn stored(store: &dyn Store, numbers: std::ops::Range<u64>) {
    let changes = numbers.map(|n| insert(new(message(n, "acme")))).collect();
    apply(store, changes).await;
}

pub(super) async fn load(store: &dyn Store, n: u64) -> Option<Record> {
    store.load(vec![id(n)]).await.expect("the store loads").pop().expect("one answer per id")
}

pub(super) async fn due_callbacks(store: &dyn Store) -> Vec<StoredCallback> {
    store.callbacks_due(time(10_000), 100).await.expect("callbacks are listed")
}

/// What callbacks are about, in order.
pub(super) fn abouts(callbacks: &[StoredCallback]) -> Vec<&str> {
    callbacks.iter().map(|callback| callback.about.as_str()).collect()
}
