//! Turns at something scarce, fair among those who share it.
//!
//! Who waits is served in rotation, and nobody takes more than half of what others leave: with 32
//! turns, one gets at most 16, a second 8, a third 4. So whoever comes next, however much the
//! others hold and for however long, finds a turn or is next in rotation for one.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Places by holder. Nobody may take more than what is left.
#[derive(Debug)]
pub struct Shares {
    free: usize,
    held: HashMap<Arc<str>, usize>,
}

impl Shares {
    /// So many places in all.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { free: places, held: HashMap::new() }
    }

    /// Takes a place; `false` if this one holds enough.
    pub fn take(&mut self, holder: &str) -> bool {
        let held = self.held.get(holder).copied().unwrap_or_default();
        if held >= self.free {
            return false;
        }
        self.free -= 1;
        self.held.insert(holder.into(), held + 1);
        true
    }

    /// Gives a place back that was taken.
    pub fn give_back(&mut self, holder: &str) {
        self.free += 1;
        match self.held.get_mut(holder) {
            Some(held) if *held > 1 => *held -= 1,
            Some(_) | None => {
                self.held.remove(holder);
            }
        }
    }
}

/// Turns to wait for. Clones share them.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    shares: Shares,
    /// Those who wait, the next first; each with those of his who wait.
    waiting: VecDeque<(Arc<str>, VecDeque<oneshot::Sender<Turn>>)>,
}

/// A turn; over when dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    holder: Arc<str>,
    counts: bool,
}

impl Turns {
    /// So many turns at once.
    #[must_use]
    pub fn new(turns: usize) -> Self {
        let book = Book { shares: Shares::new(turns.max(1)), waiting: VecDeque::new() };
        Self(Arc::new(Mutex::new(book)))
    }

    /// Waits for a turn. Who stops waiting loses nothing and holds nobody up.
    pub async fn take(&self, holder: &str) -> Turn {
        loop {
            let waiting = self.queue(holder);
            // Nobody drops a waiter; if it came to that, it queues again.
            if let Ok(turn) = waiting.await {
                return turn;
            }
        }
    }

    fn queue(&self, holder: &str) -> oneshot::Receiver<Turn> {
        let (tell, told) = oneshot::channel();
        let mut book = self.book();
        match book.waiting.iter_mut().find(|(name, _)| **name == *holder) {
            Some((_, queue)) => queue.push_back(tell),
            None => book.waiting.push_back((holder.into(), VecDeque::from([tell]))),
        }
        self.serve(&mut book);
        told
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing under the lock leaves the book half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives turns in rotation while there are any for those who wait.
    fn serve(&self, book: &mut Book) {
        let mut passed_over = 0;
        while passed_over < book.waiting.len() {
            let Some((holder, mut queue)) = book.waiting.pop_front() else { return };
            if !book.shares.take(&holder) {
                passed_over += 1;
                book.waiting.push_back((holder, queue));
                continue;
            }
            if self.give(book, &holder, &mut queue) {
                passed_over = 0;
            }
            if !queue.is_empty() {
                book.waiting.push_back((holder, queue));
            }
        }
    }

    /// Gives a taken share to the first of a queue who still waits; `false` if none does.
    fn give(&self, book: &mut Book, holder: &Arc<str>, queue: &mut VecDeque<oneshot::Sender<Turn>>) -> bool {
        while let Some(next) = queue.pop_front() {
            let turn = Turn { turns: self.clone(), holder: Arc::clone(holder), counts: true };
            match next.send(turn) {
                Ok(()) => return true,
                // Its end would ask for the lock that is held here.
                Err(mut unwanted) => unwanted.counts = false,
            }
        }
        book.shares.give_back(holder);
        false
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.counts {
            let mut book = self.turns.book();
            book.shares.give_back(&self.holder);
            self.turns.serve(&mut book);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn now(turns: &Turns, holder: &str) -> Option<Turn> {
        turns.take(holder).now_or_never()
    }

    #[tokio::test]
    async fn one_takes_half_and_leaves_a_turn_to_each_who_comes_later() {
        let turns = Turns::new(16);
        let held = |holder: &str| {
            let taken: Vec<Turn> = std::iter::from_fn(|| now(&turns, holder)).collect();
            (taken.len(), taken)
        };
        let (first, second, third) = (held("a"), held("b"), held("c"));
        assert_eq!((first.0, second.0, third.0), (8, 4, 2));
        drop(first);
        assert_eq!(held("d").0, 5);
    }

    #[tokio::test]
    async fn who_waits_is_served_in_rotation_whatever_others_queued_before() {
        let turns = Turns::new(2);
        let holding = now(&turns, "a").expect("is free");
        let other = now(&turns, "b").expect("is free");
        let order = Arc::new(Mutex::new(Vec::new()));
        let wait = |holder: &'static str| {
            let (turns, order) = (turns.clone(), Arc::clone(&order));
            async move {
                let turn = turns.take(holder).await;
                order.lock().expect("no panic elsewhere").push(holder);
                drop(turn);
            }
        };
        let all = futures_util::future::join_all(["a", "a", "a", "b", "c"].map(wait));
        let ending = async move {
            tokio::task::yield_now().await;
            drop((holding, other));
        };
        tokio::join!(all, ending);
        let order = order.lock().expect("no panic elsewhere").clone();
        let place = |holder| order.iter().position(|name| *name == holder);
        assert!(place("c") < Some(3) && place("b") < Some(3), "{order:?}");
        assert_eq!(order.len(), 5);
    }

    #[tokio::test]
    async fn who_stops_waiting_holds_nobody_up_and_loses_no_turn() {
        let turns = Turns::new(1);
        let holding = now(&turns, "a").expect("is free");
        for _ in 0..100 {
            assert!(now(&turns, "b").is_none());
        }
        let given_up = turns.queue("c");
        drop(holding);
        // It was given to `c`, who never looked.
        drop(given_up);
        assert!(now(&turns, "d").is_some());
    }
}
