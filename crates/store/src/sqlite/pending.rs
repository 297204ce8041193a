//! What is durable in the journal and not in the database yet: as it stands now, not as it came
//! about. A message that was accepted, sent, delivered and reported since the database was brought
//! up to date is one row of each table when it gets there.
//!
//! There are at most two generations: the current one takes changes, the one before is being
//! applied. What is looked for is looked for in the current one, then in the one before, then in
//! the database.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use model::{AccountName, BatchId, Message, MessageId, Time};

use super::{
    encode::{ReadyInsert, ReadyMessage, ReadyUpdate},
    marks::Mark,
};
use crate::{CallbackResult, CallbackStanding, Facts, NewCallback, Part, Remembered, StoredCallback};

/// Whose key it is, its kind, the key.
pub(super) type Key = (AccountName, &'static str, String);

/// Account, dialect and id of its own that a caller gave to a message.
pub(super) type ClientRef = (AccountName, &'static str, String);

/// Changes that follow each other, as they stand after the last of them.
#[derive(Debug, Default)]
pub(super) struct Generation {
    /// New messages, by submission, in the order of their storing.
    pub(super) inserts: Vec<Submission>,
    /// Older messages that went on.
    pub(super) updates: Vec<Continued>,
    /// What came of callbacks that are older than the generation, in order.
    pub(super) results: Vec<CallbackResult>,
    /// Callbacks about no message.
    pub(super) inbound: Vec<Called>,
    pub(super) remembered: HashMap<Key, Stamped<Remembered>>,
    /// The number of the newest record.
    pub(super) last: u64,
    /// How much it is, as commits are measured.
    pub(super) weight: u64,
    pub(super) bytes: u64,
    messages: HashMap<MessageId, Slot>,
    refs: HashMap<ClientRef, Stamped<MessageId>>,
    callbacks: HashMap<i64, Place>,
    /// Callbacks that are not pending any more since this generation.
    finished: HashSet<i64>,
    /// Of all ids that networks gave.
    upstream: HashSet<Mark>,
}

/// With the number of the record that it is in.
#[derive(Clone, Debug)]
pub(super) struct Stamped<T> {
    pub(super) record: u64,
    pub(super) value: T,
}

/// New messages of one submission.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) batch: BatchId,
    pub(super) shared: Vec<u8>,
    pub(super) marks: Vec<Mark>,
    pub(super) messages: Vec<Begun>,
}

/// A new message.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) message: Arc<Message>,
    pub(super) recipient: Vec<u8>,
    pub(super) recipient_mark: Mark,
    pub(super) now: Now,
}

/// A message that the database, or the generation before, has.
#[derive(Debug)]
pub(super) struct Continued {
    pub(super) id: MessageId,
    pub(super) owner: Owner,
    pub(super) now: Now,
}

/// Whose message it is, and in which dialect.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) account: AccountName,
    pub(super) dialect: String,
}

/// The changing part of a message as it stands, and what came with the changes.
#[derive(Debug)]
pub(super) struct Now {
    pub(super) version: u32,
    /// The record of the last change.
    pub(super) record: u64,
    pub(super) state: Vec<u8>,
    pub(super) facts: Facts,
    /// Transitions with their numbers, oldest first.
    pub(super) transitions: Vec<(i64, Vec<u8>)>,
    pub(super) upstream: Vec<(Mark, Part)>,
    pub(super) callbacks: Vec<Called>,
}

/// A callback called for in this generation.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) stored: StoredCallback,
}

/// Where a message of a generation stands.
#[derive(Clone, Copy, Debug)]
enum Slot {
    /// Submission, and position in it.
    New(usize, usize),
    Old(usize),
}

/// Where a callback of a generation stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Of this message, at this position.
    About(MessageId, usize),
    Inbound(usize),
}

impl Now {
    fn begin(new: &mut ReadyMessage, record: u64) -> Self {
        Self {
            version: 1,
            record,
            state: std::mem::take(&mut new.state),
            facts: new.facts.clone(),
            transitions: Vec::new(),
            upstream: Vec::new(),
            callbacks: Vec::new(),
        }
    }
}

impl Called {
    /// A callback that was just called for.
    pub(super) fn new(
        id: i64,
        message: Option<MessageId>,
        owner: (AccountName, String),
        created_at: Time,
        callback: NewCallback,
    ) -> Self {
        let (account, dialect) = owner;
        let NewCallback { url, request, due_at, about } = callback;
        let stored = StoredCallback {
            id,
            message,
            account,
            dialect,
            url,
            request,
            about,
            created_at,
            due_at,
            tries: 0,
            standing: CallbackStanding::Pending,
            last_result: None,
        };
        Self { stored }
    }

    fn is_pending(&self) -> bool {
        self.stored.standing == CallbackStanding::Pending
    }

    /// Records a try.
    fn tried(&mut self, result: CallbackResult) {
        self.stored.tries += 1;
        self.stored.standing = result.standing;
        self.stored.due_at = match result.standing {
            CallbackStanding::Pending => result.due_at,
            CallbackStanding::Done | CallbackStanding::Parked => result.at,
        };
        self.stored.last_result = Some(result.result);
    }
}

impl Generation {
    pub(super) fn is_empty(&self) -> bool {
        self.weight == 0
    }

    pub(super) fn has_message(&self, id: MessageId) -> bool {
        self.messages.contains_key(&id)
    }

    /// The messages that are new in this generation.
    pub(super) fn new_messages(&self) -> impl Iterator<Item = MessageId> {
        self.inserts.iter().flat_map(|submission| &submission.messages).map(|begun| begun.message.id)
    }

    /// A message as it stands, if this generation changed it.
    pub(super) fn now(&self, id: MessageId) -> Option<&Now> {
        Some(match *self.messages.get(&id)? {
            Slot::New(submission, position) => &self.inserts[submission].messages[position].now,
            Slot::Old(index) => &self.updates[index].now,
        })
    }

    fn now_mut(&mut self, id: MessageId) -> Option<&mut Now> {
        Some(match *self.messages.get(&id)? {
            Slot::New(submission, position) => &mut self.inserts[submission].messages[position].now,
            Slot::Old(index) => &mut self.updates[index].now,
        })
    }

    /// The immutable part of a message that is new in this generation.
    pub(super) fn begun(&self, id: MessageId) -> Option<&Arc<Message>> {
        match *self.messages.get(&id)? {
            Slot::New(submission, position) => Some(&self.inserts[submission].messages[position].message),
            Slot::Old(_) => None,
        }
    }

    /// Whose message it is.
    pub(super) fn owner(&self, id: MessageId) -> Option<Owner> {
        Some(match *self.messages.get(&id)? {
            Slot::New(submission, position) => {
                let message = &self.inserts[submission].messages[position].message;
                Owner { account: message.account.clone(), dialect: message.dialect.to_owned() }
            }
            Slot::Old(index) => self.updates[index].owner.clone(),
        })
    }

    pub(super) fn client_ref(&self, client_ref: &ClientRef) -> Option<&Stamped<MessageId>> {
        self.refs.get(client_ref)
    }

    /// A callback called for in this generation.
    pub(super) fn callback(&self, id: i64) -> Option<&StoredCallback> {
        Some(match *self.callbacks.get(&id)? {
            Place::About(message, position) => &self.now(message)?.callbacks[position].stored,
            Place::Inbound(position) => &self.inbound[position].stored,
        })
    }

    /// Whether a callback was finished in this generation.
    pub(super) fn has_finished(&self, id: i64) -> bool {
        self.finished.contains(&id)
    }

    /// The oldest pending callback about a message to an address, of those called for in this
    /// generation and not in `finished`, a later one.
    pub(super) fn oldest_pending(
        &self,
        message: MessageId,
        url: &str,
        finished: &Self,
    ) -> Option<&StoredCallback> {
        let of_url = |called: &&Called| called.is_pending() && called.stored.url == url;
        self.now(message)?
            .callbacks
            .iter()
            .filter(of_url)
            .map(|called| &called.stored)
            .find(|stored| !finished.has_finished(stored.id))
    }

    /// Takes the messages of a submission; callbacks and transitions are added to each afterwards.
    pub(super) fn begin(&mut self, insert: ReadyInsert, record: u64) {
        let submission = self.inserts.len();
        let mut messages = Vec::with_capacity(insert.messages.len());
        for (position, mut new) in insert.messages.into_iter().enumerate() {
            let message = new.message.clone();
            self.messages.insert(message.id, Slot::New(submission, position));
            if let Some(client_ref) = &message.client_ref {
                let client_ref = (message.account.clone(), message.dialect, client_ref.clone());
                self.refs.insert(client_ref, Stamped { record, value: message.id });
            }
            let now = Now::begin(&mut new, record);
            let ReadyMessage { recipient, recipient_mark, .. } = new;
            messages.push(Begun { message, recipient, recipient_mark, now });
        }
        let ReadyInsert { batch, shared, marks, .. } = insert;
        self.inserts.push(Submission { batch, shared, marks, messages });
    }

    /// Takes a change of a message. `owner` is whose it is, if this generation does not know it yet.
    pub(super) fn go_on(&mut self, update: ReadyUpdate, owner: Option<Owner>, record: u64) {
        let version = update.version + 1;
        let ReadyUpdate { id, state, mut facts, upstream, .. } = update;
        self.upstream.extend(upstream.iter().map(|(mark, _)| *mark));
        let upstream = upstream.into_iter().map(|(mark, row)| (mark, row.part));
        if let Some(now) = self.now_mut(id) {
            facts.pullable |= now.facts.pullable;
            (now.version, now.record, now.state, now.facts) = (version, record, state, facts);
            now.upstream.extend(upstream);
        } else if let Some(owner) = owner {
            let (transitions, callbacks) = (Vec::new(), Vec::new());
            let upstream = upstream.collect();
            let now = Now { version, record, state, facts, transitions, upstream, callbacks };
            self.messages.insert(id, Slot::Old(self.updates.len()));
            self.updates.push(Continued { id, owner, now });
        }
    }

    /// Adds a transition to a message of this generation.
    pub(super) fn add_transition(&mut self, id: MessageId, number: i64, entries: Vec<u8>) {
        if let Some(now) = self.now_mut(id) {
            now.transitions.push((number, entries));
        }
    }

    /// Adds a callback about a message of this generation, or about none.
    pub(super) fn add_callback(&mut self, called: Called) {
        let id = called.stored.id;
        let place = match called.stored.message {
            None => {
                self.inbound.push(called);
                Place::Inbound(self.inbound.len() - 1)
            }
            Some(message) => {
                let Some(now) = self.now_mut(message) else { return };
                now.callbacks.push(called);
                Place::About(message, now.callbacks.len() - 1)
            }
        };
        self.callbacks.insert(id, place);
    }

    /// Records a try of a callback.
    pub(super) fn add_result(&mut self, result: CallbackResult) {
        if result.standing != CallbackStanding::Pending {
            self.finished.insert(result.id);
        }
        match self.callbacks.get(&result.id).copied() {
            Some(Place::Inbound(position)) => self.inbound[position].tried(result),
            Some(Place::About(message, position)) => {
                if let Some(now) = self.now_mut(message) {
                    now.callbacks[position].tried(result);
                }
            }
            None => self.results.push(result),
        }
    }

    pub(super) fn remember(&mut self, remembered: Remembered, record: u64) {
        let key = (remembered.account.clone(), remembered.kind, remembered.key.clone());
        self.remembered.insert(key, Stamped { record, value: remembered });
    }
}

/// Both generations.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) current: Generation,
    pub(super) applying: Option<Arc<Generation>>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.current.is_empty() && self.applying.is_none()
    }

    /// The generations, newest first.
    pub(super) fn generations(&self) -> impl Iterator<Item = &Generation> {
        std::iter::once(&self.current).chain(self.applying.as_deref())
    }

    pub(super) fn has_message(&self, id: MessageId) -> bool {
        self.generations().any(|generation| generation.has_message(id))
    }

    /// A message as it stands.
    pub(super) fn now(&self, id: MessageId) -> Option<&Now> {
        self.generations().find_map(|generation| generation.now(id))
    }

    /// The immutable part of a message that the database does not have yet.
    pub(super) fn begun(&self, id: MessageId) -> Option<&Arc<Message>> {
        self.generations().find_map(|generation| generation.begun(id))
    }

    pub(super) fn remembered(&self, key: &Key) -> Option<&Stamped<Remembered>> {
        self.generations().find_map(|generation| generation.remembered.get(key))
    }

    /// Whether a network's id came that the database does not have yet.
    pub(super) fn has_upstream(&self, mark: Mark) -> bool {
        self.generations().any(|generation| generation.upstream.contains(&mark))
    }

    /// How much is pending, as commits are measured.
    pub(super) fn weight(&self) -> u64 {
        self.generations().map(|generation| generation.weight).sum()
    }

    pub(super) fn client_ref(&self, client_ref: &ClientRef) -> Option<&Stamped<MessageId>> {
        self.generations().find_map(|generation| generation.client_ref(client_ref))
    }
}
