//! What the fuzz targets do with records of changes: with any octets as one, and with changes that
//! octets are dice for.

use std::sync::Arc;

use engine::State;
use model::{
    AccountName, AttemptId, BatchId, Brief, Cause, Channel, Message, MessageId, Phone, Plan, Recipient,
    Status, Step, Time,
    content::{Content, Text},
    message::{Body, Extras, Priority, Shared, Until},
};

use super::{Ready, lasting, read, write};
use crate::{
    CallbackResult, CallbackStanding, Change, Facts, Happening, HistoryEntry, Insert, Lane, NewCallback,
    NewMessage, Part, Remembered, Update, UpstreamRow, sqlite::encode::encode,
};

/// Those that messages in records may have.
pub(in crate::sqlite) const DIALECTS: &[&str] = &["telesign", "infobip"];

/// Kinds of keys.
const KINDS: [&str; 3] = ["nonce", "idempotency", "session"];

/// Any octets are a change or are refused, and a change that is written is read back equal.
pub fn records(data: &[u8]) {
    // They have their places before whatever octets say.
    KINDS.iter().for_each(|kind| drop(lasting(kind)));
    if let Ok(change) = read(data, DIALECTS) {
        // Each part takes an octet at least.
        assert!(parts(&change) <= data.len(), "{} parts of {} octets", parts(&change), data.len());
        same_again(&change);
    }
    let mut dice = Dice(data);
    for _ in 0..8 {
        let load = encode(vec![dice.change()]).expect("our own types serialise");
        load.changes.iter().for_each(|prepared| same_again(&prepared.change));
    }
}

fn same_again(change: &Ready) {
    let written = octets(change);
    let again = read(&written, DIALECTS).expect("what was written can be read");
    assert_eq!(format!("{again:?}"), format!("{change:?}"));
    assert_eq!(octets(&again), written, "the same again");
    // Of what is cut off, nothing is read: each field is counted or has a length before it.
    assert!(read(&written[..written.len() - 1], DIALECTS).is_err(), "an end is missing");
}

fn octets(change: &Ready) -> Vec<u8> {
    let mut octets = Vec::new();
    let place = write(change, &mut octets).expect("our own types serialise");
    assert_eq!(place, Some(0..octets.len()), "it is of a kind for the journal");
    octets
}

fn parts(change: &Ready) -> usize {
    match change {
        Ready::Insert(inserts) => inserts.iter().map(|insert| 1 + insert.messages.len()).sum(),
        Ready::Update(update) => 1 + update.upstream.len() + update.callbacks.len(),
        Ready::Plain(Change::Inbound { callbacks, .. }) => 1 + callbacks.len(),
        Ready::Plain(_) => 1,
    }
}

/// Octets that decide what a change is; zeros when there are no more.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    fn roll(&mut self, sides: u8) -> u8 {
        self.octet() % sides
    }

    fn octets(&mut self) -> Vec<u8> {
        let length = usize::from(self.roll(40)).min(self.0.len());
        let (octets, rest) = self.0.split_at(length);
        self.0 = rest;
        octets.to_vec()
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.octets()).into_owned()
    }

    fn number(&mut self) -> i64 {
        let mut octets = [0; 8];
        let length = usize::from(self.roll(9));
        octets[..length].fill_with(|| self.octet());
        i64::from_le_bytes(octets)
    }

    fn time(&mut self) -> Time {
        Time(self.number())
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.roll(2) == 1).then(|| make(self))
    }

    fn some<T>(&mut self, make: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.roll(4)).map(|_| make(self)).collect()
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.octet()) % all.len()]
    }

    fn change(&mut self) -> Change {
        match self.roll(5) {
            0 => Change::Insert(self.insert()),
            1 => Change::Update(self.update()),
            2 => Change::Inbound {
                seen: self.remembered(),
                dialect: self.one_of(DIALECTS),
                callbacks: self.some(Self::callback),
            },
            3 => Change::Callback(self.result()),
            _ => Change::Remember(self.remembered()),
        }
    }

    fn result(&mut self) -> CallbackResult {
        let standings = [CallbackStanding::Pending, CallbackStanding::Done, CallbackStanding::Parked];
        CallbackResult {
            id: self.number(),
            at: self.time(),
            standing: self.one_of(&standings),
            due_at: self.time(),
            result: self.text(),
        }
    }

    fn remembered(&mut self) -> Remembered {
        Remembered {
            account: self.account(),
            kind: self.one_of(&KINDS),
            key: self.text(),
            value: self.octets(),
            until: self.time(),
        }
    }

    fn account(&mut self) -> AccountName {
        self.text().into()
    }

    fn callback(&mut self) -> NewCallback {
        NewCallback { url: self.text(), request: self.octets(), due_at: self.time(), about: self.text() }
    }

    fn insert(&mut self) -> Insert {
        let batch = BatchId(self.number() as u128);
        let shared = Arc::new(self.shared());
        let messages = self.some(|dice| dice.message(batch, &shared));
        Insert { batch, messages, remember: self.maybe(Self::remembered), reserve: None, shared }
    }

    fn shared(&mut self) -> Shared {
        let brief = Brief {
            priority: self.priority(),
            send_at: self.maybe(Self::time),
            expires_at: self.maybe(Self::time),
            bulk: self.maybe(Self::text),
            ..Brief::default()
        };
        let steps = std::iter::once(self.step()).chain(self.some(Self::step));
        Shared { plan: Plan::new(steps.collect()).expect("one to four steps"), brief }
    }

    fn step(&mut self) -> Step {
        let content = Content::Text(Text::new(self.text()));
        Step {
            channel: self.one_of(&Channel::ALL),
            sender: self.maybe(Self::text),
            body: if self.roll(2) == 0 { Body::Ready(content) } else { Body::Void(self.cause()) },
            patience: model::Span::from_micros(self.number().unsigned_abs()),
            validity: model::Span::from_micros(self.number().unsigned_abs()),
            until: Until::Delivered,
            routes: Vec::new(),
            extras: Extras::default(),
        }
    }

    fn cause(&mut self) -> Cause {
        self.one_of(Cause::ALL)
    }

    fn priority(&mut self) -> Priority {
        self.one_of(&[Priority::OneTime, Priority::Notice, Priority::Marketing])
    }

    fn message(&mut self, batch: BatchId, shared: &Arc<Shared>) -> NewMessage {
        let message = Message {
            id: self.id(),
            account: self.account(),
            dialect: self.one_of(DIALECTS),
            batch,
            position: u32::from(self.octet()),
            batch_size: u32::from(self.octet()),
            recipient: self.recipient(),
            client_ref: self.maybe(Self::text),
            memo: self.maybe(Self::text),
            accepted_at: self.time(),
            shared: Arc::clone(shared),
        };
        NewMessage {
            message: Arc::new(message),
            state: State::default(),
            facts: self.facts(),
            history: self.some(Self::entry),
            callbacks: self.some(Self::callback),
        }
    }

    fn id(&mut self) -> MessageId {
        MessageId(u128::from(self.number().unsigned_abs()) << 64 | self.number() as u128)
    }

    fn recipient(&mut self) -> Recipient {
        Recipient {
            phone: Phone::parse(&self.text()),
            email: self.maybe(Self::text),
            push: self.maybe(Self::text),
            whatsapp_user: self.maybe(Self::text),
            other: self.maybe(Self::text),
        }
    }

    fn facts(&mut self) -> Facts {
        let place = |dice: &mut Self| {
            let lane =
                Lane { route: dice.text().as_str().into(), sender: dice.text(), account: dice.account() };
            (lane, dice.priority(), dice.time())
        };
        let failed = Status::Failed(self.cause());
        Facts {
            wake_at: self.maybe(Self::time),
            queued: self.maybe(place),
            status: self.one_of(&[
                Status::Waiting,
                Status::Accepted,
                Status::Delivered,
                Status::Played,
                failed,
            ]),
            channel: self.one_of(&Channel::ALL),
            settled_at: self.maybe(Self::time),
            pullable: self.roll(2) == 1,
        }
    }

    fn entry(&mut self) -> HistoryEntry {
        let what = Happening::Note { by: self.text(), text: self.text() };
        HistoryEntry { at: self.time(), what, decisions: Vec::new() }
    }

    fn update(&mut self) -> Update {
        Update {
            id: self.id(),
            version: u32::from(self.octet()),
            state: State::default(),
            facts: self.facts(),
            history: self.some(Self::entry),
            upstream: self.some(Self::upstream),
            callbacks: self.some(Self::callback),
            money: None,
        }
    }

    fn upstream(&mut self) -> UpstreamRow {
        let attempt = AttemptId { message: self.id(), step: self.octet(), attempt: u16::from(self.octet()) };
        UpstreamRow {
            route: self.text().as_str().into(),
            upstream: self.text(),
            part: Part { attempt, part: self.octet() },
        }
    }
}
