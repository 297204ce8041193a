//! Attempts that are being prepared, and those that are ready and wait for their place.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use media::turns::Shares;
use model::{AccountName, AttemptId};

use super::prepare::Outcome;

/// Most preparations at once; one account has at most half of what others leave.
const MAX_BUSY: usize = 2_000;
/// Most outcomes held; an attempt whose outcome was dropped is prepared once more.
const MAX_READY: usize = 20_000;

/// The book of attempts.
pub(super) struct Waiting(Mutex<Book>);

struct Book {
    /// Whose they are.
    busy: HashMap<AttemptId, AccountName>,
    shares: Shares,
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

impl Default for Waiting {
    fn default() -> Self {
        let shares = Shares::new(MAX_BUSY);
        let (busy, ready, order) = (HashMap::new(), HashMap::new(), VecDeque::new());
        Self(Mutex::new(Book { busy, shares, ready, order }))
    }
}

impl Book {
    fn end(&mut self, attempt: AttemptId) {
        if let Some(account) = self.busy.remove(&attempt) {
            self.shares.give_back(account.as_str());
        }
    }
}

impl Waiting {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn standing(&self, attempt: AttemptId) -> Standing {
        let book = self.book();
        if book.ready.contains_key(&attempt) {
            Standing::Ready
        } else if book.busy.contains_key(&attempt) {
            Standing::Busy
        } else {
            Standing::Unknown
        }
    }

    /// Notes that an attempt of an account is being prepared; `false` if too many are.
    pub(super) fn begin(&self, attempt: AttemptId, account: &AccountName) -> bool {
        let mut book = self.book();
        let new = !book.busy.contains_key(&attempt) && book.shares.take(account.as_str());
        if new {
            book.busy.insert(attempt, account.clone());
        }
        new
    }

    /// The preparation ended without an outcome.
    pub(super) fn abandon(&self, attempt: AttemptId) {
        self.book().end(attempt);
    }

    pub(super) fn put(&self, attempt: AttemptId, outcome: Outcome) {
        let mut book = self.book();
        book.end(attempt);
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
