//! Slows guessing down: after a few wrong passwords for one name, each further try has to wait
//! longer; and all wrong tries together have a rate.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use model::{Span, Time};

use crate::accounts::Bucket;

/// Wrong tries that cost nothing.
const FREE: u32 = 5;
/// Wait after the first that does; doubled with each further one.
const FIRST: Span = Span::from_secs(5);
/// Longest wait. Short enough that a stranger's guessing does not lock the person out for good.
const LONGEST: Span = Span::from_secs(60);
/// A name without a wrong try for so long starts anew.
const FORGET: Span = Span::from_mins(30);
/// Most names remembered; the oldest are forgotten first.
const NAMES: usize = 4096;
/// Wrong tries per second for all names together, and at once.
const ALL: (f64, f64) = (10.0, 60.0);

/// Wrong tries lately.
#[derive(Debug)]
pub struct Throttle {
    inner: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    names: HashMap<String, Tries>,
    order: VecDeque<String>,
    all: Bucket,
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    wrong: u32,
    last: Time,
}

impl Default for Throttle {
    fn default() -> Self {
        let book = Book { names: HashMap::new(), order: VecDeque::new(), all: Bucket::new(ALL.0, ALL.1) };
        Self { inner: Mutex::new(book) }
    }
}

impl Throttle {
    /// Whether a try for this name is looked at now. Every admitted try counts as wrong until
    /// [`Self::right`] is told, so that parallel tries count too.
    ///
    /// # Errors
    /// How long to wait.
    pub fn admit(&self, name: &str, now: Time) -> Result<(), Span> {
        let mut book = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = book.names.get(name).copied().filter(|tries| now.since(tries.last) < FORGET);
        let wrong = tries.map_or(0, |tries| tries.wrong);
        if let Some(tries) = tries {
            let waited = now.since(tries.last);
            let wait = wait_after(wrong);
            if waited < wait {
                return Err(Span::from_micros((wait.as_micros() - waited.as_micros()) as u64));
            }
        }
        book.all.take(now, 1.0)?;
        book.note(name, Tries { wrong: wrong + 1, last: now });
        Ok(())
    }

    /// The try for this name was right.
    pub fn right(&self, name: &str) {
        let mut book = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        book.all.give_back(1.0);
        if let Some(tries) = book.names.get_mut(name) {
            tries.wrong = 0;
        }
    }
}

impl Book {
    fn note(&mut self, name: &str, tries: Tries) {
        if self.names.insert(name.to_owned(), tries).is_none() {
            self.order.push_back(name.to_owned());
        }
        while self.names.len() > NAMES {
            let Some(oldest) = self.order.pop_front() else { return };
            self.names.remove(&oldest);
        }
    }
}

fn wait_after(wrong: u32) -> Span {
    match wrong.checked_sub(FREE) {
        None => Span::ZERO,
        Some(more) => FIRST.times(1_u32.checked_shl(more.min(16)).unwrap_or(u32::MAX)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn a_name_has_to_wait_longer_after_each_wrong_password_and_not_after_a_right_one() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(throttle.admit("ann", at(0)), Ok(()));
        }
        assert_eq!(throttle.admit("ann", at(0)), Err(Span::from_secs(5)));
        assert_eq!(throttle.admit("bob", at(0)), Ok(()));
        assert_eq!(throttle.admit("ann", at(5)), Ok(()));
        assert_eq!(throttle.admit("ann", at(6)), Err(Span::from_secs(9)));
        assert_eq!(throttle.admit("ann", at(15)), Ok(()));
        throttle.right("ann");
        assert_eq!(throttle.admit("ann", at(15)), Ok(()));
    }

    #[test]
    fn many_names_are_slowed_down_together_and_do_not_fill_the_memory() {
        let throttle = Throttle::default();
        let admitted = (0..200).filter(|number| throttle.admit(&format!("n{number}"), at(0)).is_ok()).count();
        assert_eq!(admitted, 60);
        for second in 1..5000 {
            assert_eq!(throttle.admit(&format!("m{second}"), at(second)), Ok(()));
        }
        assert_eq!(throttle.inner.lock().expect("not poisoned").names.len(), NAMES);
    }
}
