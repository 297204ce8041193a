//! How a change is written into the journal, and read back after a crash. Everything in it is a
//! number, a word or bytes, none of it a position in a list of this program, so that a later
//! program reads it too.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use model::{AttemptId, BatchId, Cause, Channel, Message, MessageId, RouteName, Time, message::Priority};
use serde::{Deserialize, Serialize};

use super::{
    codes::{priority_code, standing_code, standing_of, status_code, status_of_code},
    encode::{Ready, ReadyInsert, ReadyMessage, ReadyUpdate},
    marks::Mark,
};
use crate::{
    CallbackResult, Change, Facts, Lane, NewCallback, Part, Remembered, StoreError, UpstreamRow, packed,
};

#[cfg(feature = "fuzzing")]
pub(super) mod fuzzing;

/// A change as it stands in the journal. Variants are told apart by their place: new ones come last.
#[derive(Debug, Serialize, Deserialize)]
enum Line<'a> {
    #[serde(borrow)]
    Insert(Vec<InsertLine<'a>>),
    Update(UpdateLine<'a>),
    Inbound(InboundLine<'a>),
    Callback(ResultLine<'a>),
    Remember(RememberedLine<'a>),
}

#[derive(Debug, Serialize, Deserialize)]
struct InsertLine<'a> {
    batch: u128,
    #[serde(with = "serde_bytes")]
    shared: &'a [u8],
    #[serde(borrow)]
    messages: Vec<MessageLine<'a>>,
    remember: Option<RememberedLine<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MessageLine<'a> {
    id: u128,
    account: &'a str,
    dialect: &'a str,
    position: u32,
    batch_size: u32,
    #[serde(with = "serde_bytes")]
    recipient: &'a [u8],
    client_ref: Option<&'a str>,
    memo: Option<&'a str>,
    accepted_at: i64,
    #[serde(with = "serde_bytes")]
    state: &'a [u8],
    #[serde(borrow)]
    facts: FactsLine<'a>,
    #[serde(with = "serde_bytes")]
    history: &'a [u8],
    called_at: i64,
    callbacks: Vec<CallbackLine<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct UpdateLine<'a> {
    id: u128,
    version: u32,
    #[serde(with = "serde_bytes")]
    state: &'a [u8],
    #[serde(borrow)]
    facts: FactsLine<'a>,
    #[serde(with = "serde_bytes")]
    history: &'a [u8],
    called_at: Option<i64>,
    upstream: Vec<UpstreamLine<'a>>,
    callbacks: Vec<CallbackLine<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FactsLine<'a> {
    wake_at: Option<i64>,
    #[serde(borrow)]
    queued: Option<QueuedLine<'a>>,
    status: i64,
    cause: Option<&'a str>,
    channel: &'a str,
    settled_at: Option<i64>,
    pullable: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct QueuedLine<'a> {
    route: &'a str,
    sender: &'a str,
    account: &'a str,
    priority: i64,
    not_before: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct UpstreamLine<'a> {
    route: &'a str,
    upstream: &'a str,
    message: u128,
    step: u8,
    attempt: u16,
    part: u8,
}

#[derive(Debug, Serialize, Deserialize)]
struct CallbackLine<'a> {
    url: &'a str,
    #[serde(with = "serde_bytes")]
    request: &'a [u8],
    due_at: i64,
    about: &'a str,
}

#[derive(Debug, Serialize, Deserialize)]
struct InboundLine<'a> {
    #[serde(borrow)]
    seen: RememberedLine<'a>,
    dialect: &'a str,
    callbacks: Vec<CallbackLine<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ResultLine<'a> {
    id: i64,
    at: i64,
    standing: i64,
    due_at: i64,
    result: &'a str,
}

#[derive(Debug, Serialize, Deserialize)]
struct RememberedLine<'a> {
    account: &'a str,
    kind: &'a str,
    key: &'a str,
    #[serde(with = "serde_bytes")]
    value: &'a [u8],
    until: i64,
}

/// Adds the record of a change to others, and tells its place; `None` if it is of a kind that only
/// the database itself can decide.
///
/// # Errors
/// Never for a change that was made ready.
pub(super) fn write(change: &Ready, records: &mut Vec<u8>) -> Result<Option<Range<usize>>, StoreError> {
    let Some(line) = line_of(change) else { return Ok(None) };
    let begin = records.len();
    *records = postcard::to_extend(&line, std::mem::take(records))
        .map_err(|error| StoreError::Other(format!("cannot be written into the journal: {error}")))?;
    Ok(Some(begin..records.len()))
}

/// The change of a record; `dialects` are those that messages may have.
///
/// # Errors
/// If it was written by a program that knows more than this one.
pub(super) fn read(bytes: &[u8], dialects: &[&'static str]) -> Result<Ready, StoreError> {
    let line: Line<'_> = postcard::from_bytes(bytes).map_err(|error| unreadable(error.to_string()))?;
    Ok(match line {
        Line::Insert(inserts) => {
            let inserts = inserts.into_iter().map(|insert| insert_of(insert, dialects));
            Ready::Insert(inserts.collect::<Result<_, _>>()?)
        }
        Line::Update(update) => Ready::Update(Box::new(update_of(update)?)),
        Line::Inbound(inbound) => Ready::Plain(Change::Inbound {
            seen: remembered_of(&inbound.seen)?,
            dialect: dialect_of(inbound.dialect, dialects)?,
            callbacks: inbound.callbacks.into_iter().map(callback_of).collect(),
        }),
        Line::Callback(line) => Ready::Plain(Change::Callback(CallbackResult {
            id: line.id,
            at: Time(line.at),
            standing: standing_of(line.standing).map_err(|error| unreadable(error.to_string()))?,
            due_at: Time(line.due_at),
            result: line.result.to_owned(),
        })),
        Line::Remember(line) => Ready::Plain(Change::Remember(remembered_of(&line)?)),
    })
}

fn unreadable(why: impl std::fmt::Display) -> StoreError {
    StoreError::Other(format!(
        "the journal has a change that this program cannot read ({why}): start the program that wrote it once more, and stop it in order"
    ))
}

fn line_of(change: &Ready) -> Option<Line<'_>> {
    Some(match change {
        Ready::Insert(inserts) if inserts.iter().any(|insert| insert.reserve.is_some()) => return None,
        Ready::Insert(inserts) => Line::Insert(inserts.iter().map(insert_line).collect()),
        Ready::Update(update) if update.money.is_some() => return None,
        Ready::Update(update) => Line::Update(update_line(update)),
        Ready::Plain(Change::Inbound { seen, dialect, callbacks }) => Line::Inbound(InboundLine {
            seen: remembered_line(seen),
            dialect,
            callbacks: callbacks.iter().map(callback_line).collect(),
        }),
        Ready::Plain(Change::Callback(result)) => Line::Callback(ResultLine {
            id: result.id,
            at: result.at.0,
            standing: standing_code(result.standing),
            due_at: result.due_at.0,
            result: &result.result,
        }),
        Ready::Plain(Change::Remember(remembered)) => Line::Remember(remembered_line(remembered)),
        Ready::Plain(
            Change::Insert(_)
            | Change::InsertAll(_)
            | Change::Update(_)
            | Change::ReplayCallbacks { .. }
            | Change::Forget { .. }
            | Change::PutDocument(_)
            | Change::RemoveDocument { .. }
            | Change::Pulled(_)
            | Change::OpenBalance { .. }
            | Change::TopUp(_),
        ) => return None,
    })
}

fn insert_line(insert: &ReadyInsert) -> InsertLine<'_> {
    InsertLine {
        batch: insert.batch.0,
        shared: &insert.shared,
        messages: insert.messages.iter().map(message_line).collect(),
        remember: insert.remember.as_ref().map(remembered_line),
    }
}

fn insert_of(line: InsertLine<'_>, dialects: &[&'static str]) -> Result<ReadyInsert, StoreError> {
    let shared = Arc::new(packed::read(line.shared).map_err(unreadable)?);
    let batch = BatchId(line.batch);
    let message = |line: MessageLine<'_>| -> Result<ReadyMessage, StoreError> {
        let message = Message {
            id: MessageId(line.id),
            account: line.account.into(),
            dialect: dialect_of(line.dialect, dialects)?,
            batch,
            position: line.position,
            batch_size: line.batch_size,
            recipient: packed::read(line.recipient).map_err(unreadable)?,
            client_ref: line.client_ref.map(str::to_owned),
            memo: line.memo.map(str::to_owned),
            accepted_at: Time(line.accepted_at),
            shared: Arc::clone(&shared),
        };
        Ok(ReadyMessage {
            recipient: line.recipient.to_vec(),
            recipient_mark: Mark::recipient(message.recipient.display()),
            state: line.state.to_vec(),
            facts: facts_of(&line.facts)?,
            history: line.history.to_vec(),
            called_at: Time(line.called_at),
            callbacks: line.callbacks.into_iter().map(callback_of).collect(),
            message: Arc::new(message),
        })
    };
    let messages = line.messages.into_iter().map(message).collect::<Result<_, _>>()?;
    Ok(ReadyInsert {
        batch,
        marks: ReadyInsert::marks(batch, &shared),
        shared: line.shared.to_vec(),
        messages,
        remember: line.remember.as_ref().map(remembered_of).transpose()?,
        reserve: None,
    })
}

fn message_line(new: &ReadyMessage) -> MessageLine<'_> {
    let message = &*new.message;
    MessageLine {
        id: message.id.0,
        account: message.account.as_str(),
        dialect: message.dialect,
        position: message.position,
        batch_size: message.batch_size,
        recipient: &new.recipient,
        client_ref: message.client_ref.as_deref(),
        memo: message.memo.as_deref(),
        accepted_at: message.accepted_at.0,
        state: &new.state,
        facts: facts_line(&new.facts),
        history: &new.history,
        called_at: new.called_at.0,
        callbacks: new.callbacks.iter().map(callback_line).collect(),
    }
}

fn update_line(update: &ReadyUpdate) -> UpdateLine<'_> {
    UpdateLine {
        id: update.id.0,
        version: update.version,
        state: &update.state,
        facts: facts_line(&update.facts),
        history: &update.history,
        called_at: update.called_at.map(|at| at.0),
        upstream: update.upstream.iter().map(|(_, row)| upstream_line(row)).collect(),
        callbacks: update.callbacks.iter().map(callback_line).collect(),
    }
}

fn update_of(line: UpdateLine<'_>) -> Result<ReadyUpdate, StoreError> {
    Ok(ReadyUpdate {
        id: MessageId(line.id),
        version: line.version,
        state: line.state.to_vec(),
        facts: facts_of(&line.facts)?,
        history: line.history.to_vec(),
        called_at: line.called_at.map(Time),
        upstream: line.upstream.iter().map(upstream_of).collect(),
        callbacks: line.callbacks.into_iter().map(callback_of).collect(),
        money: None,
    })
}

fn facts_line(facts: &Facts) -> FactsLine<'_> {
    FactsLine {
        wake_at: facts.wake_at.map(|at| at.0),
        queued: facts.queued.as_ref().map(|(lane, priority, not_before)| QueuedLine {
            route: lane.route.as_str(),
            sender: &lane.sender,
            account: lane.account.as_str(),
            priority: priority_code(*priority),
            not_before: not_before.0,
        }),
        status: status_code(facts.status),
        cause: facts.status.cause().map(Cause::as_str),
        channel: facts.channel.as_str(),
        settled_at: facts.settled_at.map(|at| at.0),
        pullable: facts.pullable,
    }
}

fn facts_of(line: &FactsLine<'_>) -> Result<Facts, StoreError> {
    let cause = line.cause.map(|word| cause_of(word).ok_or_else(|| unreadable(word))).transpose()?;
    let channel = Channel::ALL.into_iter().find(|channel| channel.as_str() == line.channel);
    Ok(Facts {
        wake_at: line.wake_at.map(Time),
        queued: line.queued.as_ref().map(queued_of).transpose()?,
        status: status_of_code(line.status, cause).ok_or_else(|| unreadable(line.status))?,
        channel: channel.ok_or_else(|| unreadable(line.channel))?,
        settled_at: line.settled_at.map(Time),
        pullable: line.pullable,
    })
}

fn cause_of(word: &str) -> Option<Cause> {
    Cause::ALL.iter().copied().find(|cause| cause.as_str() == word)
}

fn queued_of(line: &QueuedLine<'_>) -> Result<(Lane, Priority, Time), StoreError> {
    let priority = [Priority::OneTime, Priority::Notice, Priority::Marketing]
        .into_iter()
        .find(|priority| priority_code(*priority) == line.priority);
    let lane =
        Lane { route: line.route.into(), sender: line.sender.to_owned(), account: line.account.into() };
    Ok((lane, priority.ok_or_else(|| unreadable(line.priority))?, Time(line.not_before)))
}

fn upstream_line(row: &UpstreamRow) -> UpstreamLine<'_> {
    UpstreamLine {
        route: row.route.as_str(),
        upstream: &row.upstream,
        message: row.part.attempt.message.0,
        step: row.part.attempt.step,
        attempt: row.part.attempt.attempt,
        part: row.part.part,
    }
}

fn upstream_of(line: &UpstreamLine<'_>) -> (Mark, UpstreamRow) {
    let attempt = AttemptId { message: MessageId(line.message), step: line.step, attempt: line.attempt };
    let row = UpstreamRow {
        route: RouteName::from(line.route),
        upstream: line.upstream.to_owned(),
        part: Part { attempt, part: line.part },
    };
    (Mark::upstream(line.route, line.upstream), row)
}

fn callback_line(callback: &NewCallback) -> CallbackLine<'_> {
    CallbackLine {
        url: &callback.url,
        request: &callback.request,
        due_at: callback.due_at.0,
        about: &callback.about,
    }
}

fn callback_of(line: CallbackLine<'_>) -> NewCallback {
    NewCallback {
        url: line.url.to_owned(),
        request: line.request.to_vec(),
        due_at: Time(line.due_at),
        about: line.about.to_owned(),
    }
}

fn remembered_line(remembered: &Remembered) -> RememberedLine<'_> {
    RememberedLine {
        account: remembered.account.as_str(),
        kind: remembered.kind,
        key: &remembered.key,
        value: &remembered.value,
        until: remembered.until.0,
    }
}

fn remembered_of(line: &RememberedLine<'_>) -> Result<Remembered, StoreError> {
    Ok(Remembered {
        account: line.account.into(),
        kind: lasting(line.kind)?,
        key: line.key.to_owned(),
        value: line.value.to_vec(),
        until: Time(line.until),
    })
}

fn dialect_of(name: &str, dialects: &[&'static str]) -> Result<&'static str, StoreError> {
    let known = dialects.iter().copied().find(|dialect| *dialect == name);
    known.ok_or_else(|| unreadable(format!("dialect '{name}'")))
}

/// Most kinds of keys, and the longest: the program has a handful of short ones.
const MOST_KINDS: usize = 64;
const LONGEST_KIND: usize = 32;

/// A kind of key as the program spells it. There are few kinds, and each is kept once, for as long
/// as the program runs.
fn lasting(kind: &str) -> Result<&'static str, StoreError> {
    static KINDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kinds.get(kind) {
        return Ok(known);
    }
    if kinds.len() >= MOST_KINDS || kind.len() > LONGEST_KIND {
        return Err(unreadable("too many kinds of keys"));
    }
    let kept: &'static str = Box::leak(kind.to_owned().into_boxed_str());
    kinds.insert(kept);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_keys_that_no_program_has_are_not_kept() {
        assert!(lasting(&"x".repeat(LONGEST_KIND + 1)).is_err());
        let taken = (0..1000).filter(|number| lasting(&format!("kind {number}")).is_ok()).count();
        assert!(taken <= MOST_KINDS, "{taken} kinds");
        assert_eq!(lasting("kind 0").expect("it is known"), "kind 0");
    }
}
