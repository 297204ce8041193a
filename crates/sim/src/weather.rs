//! What befalls the store, as the dice fall; and what the store tells the ledger.

use engine::Event;
use model::Span;
use store::{Change, Happening, HistoryEntry, Insert, StoreError, Verdict};

use crate::{
    memory::{CommitFate, ReadFate, Turn, Weather},
    world::{Inner, World},
};

impl Weather for World {
    fn commit(&self, changes: &[Change]) -> CommitFate {
        let mut inner = self.lock();
        let before = inner.dice.millis(0, 3);
        let slow = inner.profile.commit_slow;
        let before = if inner.fault(slow) { before + inner.dice.millis(100, 3000) } else { before };
        let after = if inner.fault(slow) { inner.dice.millis(0, 1500) } else { Span::ZERO };
        let turn = turn(&mut inner);
        inner.note(|| format!("commit of {} changes: {turn:?}", changes.len()));
        CommitFate { before, after, turn }
    }

    fn read(&self) -> ReadFate {
        let mut inner = self.lock();
        let (fails, stale) = (inner.profile.read_fails, inner.profile.read_stale);
        let fails = inner.fault(fails).then(|| StoreError::Other("a read failed".to_owned()));
        let after = if inner.fault(stale) { inner.dice.millis(1, 40) } else { Span::ZERO };
        ReadFate { before: Span::ZERO, after, fails }
    }

    fn applied(&self, changes: &[Change], verdicts: &[Verdict]) {
        let mut inner = self.lock();
        for (change, verdict) in changes.iter().zip(verdicts) {
            if *verdict == Verdict::Applied {
                applied(&mut inner, change);
            } else {
                inner.note(|| format!("{verdict:?}"));
            }
        }
    }

    fn crash(&self) {
        self.kill();
    }
}

fn turn(inner: &mut Inner) -> Turn {
    let (crashes, fails) = (inner.profile.commit_crashes, inner.profile.commit_fails);
    if inner.fault(crashes) {
        return if inner.dice.permille(500) { Turn::CrashesBefore } else { Turn::CrashesAfter };
    }
    if inner.fault(fails) {
        return Turn::Fails(match inner.dice.below(3) {
            0 => StoreError::Full,
            1 => StoreError::Busy,
            _ => StoreError::Other("a commit failed".to_owned()),
        });
    }
    Turn::Applies
}

fn applied(inner: &mut Inner, change: &Change) {
    match change {
        Change::Insert(insert) => inserted(inner, insert),
        Change::InsertAll(inserts) => inserts.iter().for_each(|insert| inserted(inner, insert)),
        Change::Update(update) => {
            inner
                .note(|| format!("saved {} v{}: {}", update.id, update.version + 1, events(&update.history)));
            doom(inner, update.state.is_settled(), &update.history);
            if let Some(money) = &update.money {
                inner.note(|| format!("money of {}: {:?}", update.id, money.charges));
            }
        }
        Change::Callback(result) => {
            inner.note(|| format!("callback {} {:?}: {}", result.id, result.standing, result.result));
        }
        Change::Inbound { .. }
        | Change::ReplayCallbacks { .. }
        | Change::Remember(_)
        | Change::Forget { .. }
        | Change::PutDocument(_)
        | Change::RemoveDocument { .. }
        | Change::Pulled(_)
        | Change::OpenBalance { .. }
        | Change::TopUp(_) => {}
    }
}

fn inserted(inner: &mut Inner, insert: &Insert) {
    for new in &insert.messages {
        let id = new.message.id;
        inner.note(|| format!("stored {id}: {}", events(&new.history)));
        doom(inner, new.state.is_settled(), &new.history);
    }
}

/// Attempts taken in a commit after which the message is settled must not be handed over.
fn doom(inner: &mut Inner, settled: bool, history: &[HistoryEntry]) {
    for entry in history.iter().filter(|_| settled) {
        if let Happening::Event(Event::Taken { attempt }) = &entry.what {
            inner.doomed.insert(*attempt);
        }
    }
}

fn events(history: &[HistoryEntry]) -> String {
    let words: Vec<String> = history.iter().map(|entry| format!("{:?}", entry.what)).collect();
    words.join("; ")
}
