//! Attempts that are being prepared, and those that are ready and wait for their place.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use model::AttemptId;

use super::prepare::Outcome;

/// Most preparations at once.
const MAX_BUSY: usize = 1_000;
/// Most outcomes held; an attempt whose outcome was dropped is prepared once more.
const MAX_READY: usize = 20_000;

/// The book of attempts.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Book>);

#[derive(Default)]
struct Book {
    busy: HashSet<AttemptId>,
    ready: HashMap<AttemptId, Outcome>,
    order: VecDeque<AttemptId>,
}

/// Where an attempt stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Ready,
    Busy,
    Unknown,
}

impl Waiting {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn standing(&self, attempt: AttemptId) -> Standing {
        let book = self.book();
        if book.ready.contains_key(&attempt) {
            Standing::Ready
        } else if book.busy.contains(&attempt) {
            Standing::Busy
        } else {
            Standing::Unknown
        }
    }

    /// Notes that an attempt is being prepared; `false` if too many are.
    pub(super) fn begin(&self, attempt: AttemptId) -> bool {
        let mut book = self.book();
        book.busy.len() < MAX_BUSY && book.busy.insert(attempt)
    }

    /// The preparation ended without an outcome.
    pub(super) fn abandon(&self, attempt: AttemptId) {
        self.book().busy.remove(&attempt);
    }

    pub(super) fn put(&self, attempt: AttemptId, outcome: Outcome) {
        let mut book = self.book();
        book.busy.remove(&attempt);
        if book.ready.insert(attempt, outcome).is_none() {
            book.order.push_back(attempt);
        }
        while book.order.len() > MAX_READY {
            let Some(oldest) = book.order.pop_front() else { return };
            book.ready.remove(&oldest);
        }
    }

    /// What is to be said of it; said once.
    pub(super) fn take_notes(&self, attempt: AttemptId) -> Vec<String> {
        self.book()
            .ready
            .get_mut(&attempt)
            .map(|outcome| std::mem::take(&mut outcome.notes))
            .unwrap_or_default()
    }

    pub(super) fn take(&self, attempt: AttemptId) -> Option<Outcome> {
        self.book().ready.remove(&attempt)
    }
}
