//! Changes made ready for the writer: everything that can be computed before is computed by the
//! caller's thread, because there is one writer only.

use std::{ops::Range, sync::Arc};

use model::{BatchId, Message, MessageId, Recipient, Time, message::Shared};

use super::{marks::Mark, record};
use crate::{
    Change, Facts, HistoryEntry, Insert, Money, NewCallback, NewMessage, Remembered, Reserve, StoreError,
    Update, UpstreamRow, packed,
};

/// A change as the writer takes it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "plain changes are rare, and few are alive at a time")]
pub(super) enum Ready {
    Insert(Vec<ReadyInsert>),
    Update(Box<ReadyUpdate>),
    /// Nothing to be prepared; never one of those above.
    Plain(Change),
}

#[derive(Debug)]
pub(super) struct ReadyInsert {
    pub(super) batch: BatchId,
    pub(super) shared: Vec<u8>,
    /// Of the submission, and of its bulk id.
    pub(super) marks: Vec<Mark>,
    pub(super) messages: Vec<ReadyMessage>,
    pub(super) remember: Option<Remembered>,
    pub(super) reserve: Option<Reserve>,
}

#[derive(Debug)]
pub(super) struct ReadyMessage {
    pub(super) message: Arc<Message>,
    pub(super) recipient: Vec<u8>,
    pub(super) recipient_mark: Mark,
    pub(super) state: Vec<u8>,
    pub(super) facts: Facts,
    pub(super) history: Vec<u8>,
    pub(super) called_at: Time,
    pub(super) callbacks: Vec<NewCallback>,
}

#[derive(Debug)]
pub(super) struct ReadyUpdate {
    pub(super) id: MessageId,
    pub(super) version: u32,
    pub(super) state: Vec<u8>,
    pub(super) facts: Facts,
    /// Empty if there is no new entry.
    pub(super) history: Vec<u8>,
    pub(super) called_at: Option<Time>,
    pub(super) upstream: Vec<(Mark, UpstreamRow)>,
    pub(super) callbacks: Vec<NewCallback>,
    pub(super) money: Option<Money>,
}

/// A change with the place of its record in [`Load::records`], if it is of a kind that goes into
/// the journal.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) change: Ready,
    pub(super) record: Option<Range<usize>>,
    pub(super) weight: u64,
    pub(super) bytes: u64,
}

/// Changes that become durable together, with their measure for the bounds.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) changes: Vec<Prepared>,
    /// What the journal will have of them, one after the other.
    pub(super) records: Vec<u8>,
    /// Changes, each message of an insert counted.
    pub(super) weight: u64,
    /// Roughly the bytes that will be written.
    pub(super) bytes: u64,
}

/// Prepares changes.
pub(super) fn encode(changes: Vec<Change>) -> Result<Load, StoreError> {
    let (mut prepared, mut weight, mut bytes) = (Vec::with_capacity(changes.len()), 0, 0);
    for change in changes {
        let one = Prepared::new(ready(change)?);
        weight += one.weight;
        bytes += one.bytes;
        prepared.push(one);
    }
    let mut load = Load { changes: prepared, records: Vec::with_capacity(bytes as usize), weight, bytes };
    for one in &mut load.changes {
        one.record = record::write(&one.change, &mut load.records)?;
    }
    Ok(load)
}

impl Prepared {
    fn new(change: Ready) -> Self {
        Self { weight: weight(&change), bytes: bytes(&change), change, record: None }
    }
}

impl Load {
    /// Whether all of it can be decided without the database, and is safe once the journal has it.
    pub(super) fn is_quick(&self) -> bool {
        self.changes.iter().all(|prepared| prepared.record.is_some())
    }

    /// The messages that it inserts.
    pub(super) fn new_messages(&self) -> impl Iterator<Item = MessageId> {
        let inserts = self.changes.iter().filter_map(|prepared| match &prepared.change {
            Ready::Insert(inserts) => Some(inserts),
            Ready::Update(_) | Ready::Plain(_) => None,
        });
        inserts.flatten().flat_map(|insert| &insert.messages).map(|new| new.message.id)
    }

    /// What it takes in the journal, in bytes.
    pub(super) fn record_bytes(&self) -> u64 {
        (self.records.len() + 4 * self.changes.len()) as u64
    }
}

fn ready(change: Change) -> Result<Ready, StoreError> {
    Ok(match change {
        Change::Insert(insert) => Ready::Insert(vec![ready_insert(insert)?]),
        Change::InsertAll(inserts) => {
            Ready::Insert(inserts.into_iter().map(ready_insert).collect::<Result<_, _>>()?)
        }
        Change::Update(update) => Ready::Update(Box::new(ready_update(update)?)),
        Change::Inbound { .. }
        | Change::Callback(_)
        | Change::ReplayCallbacks { .. }
        | Change::Remember(_)
        | Change::Forget { .. }
        | Change::PutDocument(_)
        | Change::RemoveDocument { .. }
        | Change::Pulled(_)
        | Change::OpenBalance { .. }
        | Change::TopUp(_) => Ready::Plain(change),
    })
}

fn ready_insert(insert: Insert) -> Result<ReadyInsert, StoreError> {
    Ok(ReadyInsert {
        batch: insert.batch,
        shared: packed::write(&*insert.shared)?,
        marks: ReadyInsert::marks(insert.batch, &insert.shared),
        messages: insert.messages.into_iter().map(ready_message).collect::<Result<_, _>>()?,
        remember: insert.remember,
        reserve: insert.reserve,
    })
}

impl ReadyInsert {
    /// Of the submission, and of its bulk id.
    pub(super) fn marks(batch: BatchId, shared: &Shared) -> Vec<Mark> {
        let bulk = shared.brief.bulk.as_deref().map(Mark::bulk);
        std::iter::once(Mark::batch(batch)).chain(bulk).collect()
    }
}

fn ready_message(new: NewMessage) -> Result<ReadyMessage, StoreError> {
    Ok(ReadyMessage {
        recipient: recipient(&new.message.recipient)?,
        recipient_mark: Mark::recipient(new.message.recipient.display()),
        state: packed::write(&new.state)?,
        facts: new.facts,
        called_at: new.history.last().map_or(new.message.accepted_at, |entry| entry.at),
        history: history(&new.history)?,
        callbacks: new.callbacks,
        message: new.message,
    })
}

fn ready_update(update: Update) -> Result<ReadyUpdate, StoreError> {
    let marked = |row: UpstreamRow| (Mark::upstream(row.route.as_str(), &row.upstream), row);
    Ok(ReadyUpdate {
        id: update.id,
        version: update.version,
        state: packed::write(&update.state)?,
        facts: update.facts,
        history: history(&update.history)?,
        called_at: update.history.last().map(|entry| entry.at),
        upstream: update.upstream.into_iter().map(marked).collect(),
        callbacks: update.callbacks,
        money: update.money,
    })
}

fn history(entries: &[HistoryEntry]) -> Result<Vec<u8>, StoreError> {
    if entries.is_empty() { Ok(Vec::new()) } else { packed::write(entries) }
}

/// JSON, because its column is text.
fn recipient(recipient: &Recipient) -> Result<Vec<u8>, StoreError> {
    packed::in_buffer(|buffer| {
        serde_json::to_writer(buffer, recipient)
            .map_err(|error| StoreError::Other(format!("cannot be written as JSON: {error}")))
    })
}

fn weight(ready: &Ready) -> u64 {
    match ready {
        Ready::Insert(inserts) => inserts.iter().map(|insert| insert.messages.len().max(1) as u64).sum(),
        Ready::Update(_) => 1,
        Ready::Plain(Change::ReplayCallbacks { ids, .. }) => ids.len().max(1) as u64,
        Ready::Plain(Change::Pulled(ids)) => ids.len().max(1) as u64,
        Ready::Plain(_) => 1,
    }
}

fn bytes(ready: &Ready) -> u64 {
    let bytes = match ready {
        Ready::Insert(inserts) => inserts.iter().map(insert_bytes).sum(),
        Ready::Update(update) => {
            update.state.len() + update.history.len() + callback_bytes(&update.callbacks)
        }
        Ready::Plain(Change::Inbound { callbacks, .. }) => callback_bytes(callbacks),
        Ready::Plain(Change::Remember(remembered)) => remembered.value.len(),
        Ready::Plain(Change::PutDocument(document)) => document.json.len(),
        Ready::Plain(_) => 0,
    };
    bytes as u64 + 128 * weight(ready)
}

fn insert_bytes(insert: &ReadyInsert) -> usize {
    insert.shared.len() + insert.messages.iter().map(message_bytes).sum::<usize>()
}

fn message_bytes(message: &ReadyMessage) -> usize {
    message.recipient.len() + message.state.len() + message.history.len() + callback_bytes(&message.callbacks)
}

fn callback_bytes(callbacks: &[NewCallback]) -> usize {
    callbacks.iter().map(|callback| callback.url.len() + callback.request.len()).sum()
}
