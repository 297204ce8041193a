//! A signed request is done once: within the time in which its date is taken, its signature and its
//! nonce are remembered.
//!
//! In memory, and in the store, so that a restart forgets nothing. The store is asked only for what
//! memory cannot know: what came before the start of the program, or was pushed out of memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use dialects::Signed;
use model::{AccountName, Refusal, Span, Time, call::AuthFault};
use sha2::{Digest, Sha256};
use store::{Change, Remembered};

use crate::{app::started_at, clock, core::Core};

const KIND: &str = "nonce";
/// Most marks in memory; beyond, the oldest are forgotten first.
const MAX_MARKS: usize = 500_000;

/// What is remembered of a nonce or a signature.
type Mark = [u8; 16];

/// Marks of requests seen lately.
#[derive(Debug, Default)]
pub struct Nonces {
    inner: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    seen: HashMap<Mark, Time>,
    order: VecDeque<(Time, Mark)>,
    /// Until when a mark may be missing because there was no room.
    pushed_out: Option<Time>,
}

impl Nonces {
    /// Remembers all marks until `until`, unless one of them is known: then it is a repetition.
    fn first_use(&self, marks: &[Mark], now: Time, until: Time) -> bool {
        let mut book = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        book.tidy(now);
        if marks.iter().any(|mark| book.seen.contains_key(mark)) {
            return false;
        }
        for mark in marks {
            book.seen.insert(*mark, until);
            book.order.push_back((until, *mark));
        }
        true
    }

    fn knows(&self, mark: &Mark, now: Time) -> bool {
        let mut book = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        book.tidy(now);
        book.seen.contains_key(mark)
    }

    /// Whether memory may lack what the store knows; `memory` is how long marks are remembered.
    fn has_gaps(&self, now: Time, memory: Span) -> bool {
        let book = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        now < started_at() + memory || book.pushed_out.is_some_and(|until| now < until)
    }
}

impl Book {
    fn tidy(&mut self, now: Time) {
        while let Some((until, mark)) = self.order.front().copied() {
            let full = self.order.len() > MAX_MARKS;
            if until >= now && !full {
                return;
            }
            if until >= now {
                self.pushed_out = self.pushed_out.max(Some(until));
            }
            self.order.pop_front();
            self.seen.remove(&mark);
        }
    }
}

/// Lets a proven request through once.
///
/// The store is told, and not waited for: its writer keeps the order, so that what the request
/// asks for is never stored without this.
///
/// # Errors
/// [`Refusal::Unauthenticated`] if its date is too far from now or it was seen before;
/// [`Refusal::Overloaded`] if the store cannot say.
pub async fn admit(
    core: &Core,
    account: &AccountName,
    principal: &str,
    signed: &Signed,
) -> Result<(), Refusal> {
    // Signed dates are by the clock of the caller; what is remembered must outlast steps of ours.
    check_date(signed, clock::wall())?;
    let now = clock::now();
    let replayed = Err(Refusal::Unauthenticated(AuthFault::Replayed));
    let memory = signed.tolerance.times(2);
    let signature = mark(principal, "signature", &signed.signature);
    let nonce = signed.nonce.as_ref().map(|nonce| mark(principal, "nonce", nonce.as_bytes()));
    if !signed.once {
        // A signature that may come again must not be that of a request that may not.
        return if core.nonces.knows(&signature, now) { replayed } else { Ok(()) };
    }
    let marks: Vec<Mark> = [Some(signature), nonce].into_iter().flatten().collect();
    if !core.nonces.first_use(&marks, now, now + memory) {
        return replayed;
    }
    if core.nonces.has_gaps(now, memory) && is_stored(core, account, signature, now).await? {
        return replayed;
    }
    let key = hex::encode(signature);
    let remembered =
        Remembered { account: account.clone(), kind: KIND, key, value: Vec::new(), until: now + memory };
    drop(core.store.commit(vec![Change::Remember(remembered)]));
    Ok(())
}

fn check_date(signed: &Signed, now: Time) -> Result<(), Refusal> {
    match signed.date {
        Some(date) if now.since(date) > signed.tolerance || date.since(now) > signed.tolerance => {
            Err(Refusal::Unauthenticated(AuthFault::ClockSkew))
        }
        Some(_) | None => Ok(()),
    }
}

async fn is_stored(core: &Core, account: &AccountName, mark: Mark, now: Time) -> Result<bool, Refusal> {
    let known = core.store.recall(account.clone(), KIND, hex::encode(mark)).await;
    let known = known.map_err(crate::desk::scenarios::refuse)?;
    Ok(known.is_some_and(|known| known.until > now))
}

fn mark(principal: &str, kind: &str, value: &[u8]) -> Mark {
    let mut hash = Sha256::new();
    for part in [principal.as_bytes(), kind.as_bytes(), value] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut mark = Mark::default();
    mark.copy_from_slice(&digest[..16]);
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(nonces: &Nonces, principal: &str, value: &str, now: i64, until: i64) -> bool {
        let mark = mark(principal, "nonce", value.as_bytes());
        nonces.first_use(&[mark], Time::from_secs(now), Time::from_secs(until))
    }

    #[test]
    fn a_nonce_is_refused_the_second_time_and_forgotten_after_its_time() {
        let nonces = Nonces::default();
        assert!(first(&nonces, "A", "n", 1000, 1010));
        assert!(!first(&nonces, "A", "n", 1000, 1010));
        assert!(first(&nonces, "B", "n", 1000, 1010));
        assert!(first(&nonces, "A", "n", 1011, 1020));
    }

    #[test]
    fn names_and_values_do_not_run_into_each_other() {
        assert_ne!(mark("ab", "nonce", b"c"), mark("a", "nonce", b"bc"));
        assert_ne!(mark("a", "nonce", b"c"), mark("a", "signature", b"c"));
    }

    #[test]
    fn when_memory_is_full_it_knows_that_it_lacks_something() {
        let nonces = Nonces::default();
        let long_ago = started_at() + Span::from_hours(24);
        let (now, until) = (long_ago, long_ago + Span::from_mins(30));
        assert!(!nonces.has_gaps(now, Span::from_mins(30)));
        for count in 0..=MAX_MARKS as u64 + 1 {
            let mut mark = Mark::default();
            mark[..8].copy_from_slice(&count.to_be_bytes());
            assert!(nonces.first_use(&[mark], now, until));
        }
        assert!(nonces.has_gaps(now, Span::from_mins(30)));
        assert!(!nonces.has_gaps(until, Span::from_mins(30)));
    }
}
