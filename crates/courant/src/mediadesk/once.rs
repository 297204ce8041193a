//! Work that many wait for and one does; what came of it is kept for a while.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::{sync::oneshot, time::Instant};

/// Results by key. Clones are the same.
pub(super) struct Once<V>(Arc<Mutex<Book<V>>>);

/// Work under way; `None` if its task died.
type Flight<V> = Shared<BoxFuture<'static, Option<V>>>;

struct Book<V> {
    known: HashMap<String, (Instant, V)>,
    order: VecDeque<String>,
    flights: HashMap<String, Flight<V>>,
    capacity: usize,
}

impl<V> Clone for Once<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V: Clone + Send + Sync + 'static> Once<V> {
    /// Keeps so many results at most; the oldest go first.
    pub(super) fn new(capacity: usize) -> Self {
        let book = Book { known: HashMap::new(), order: VecDeque::new(), flights: HashMap::new(), capacity };
        Self(Arc::new(Mutex::new(book)))
    }

    fn book(&self) -> MutexGuard<'_, Book<V>> {
        // Nothing under the lock leaves the book half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The result of this key: known, or of the work under way, or of new work, which goes on in a
    /// task of its own even if nobody waits any more. The work says how long its result is kept.
    /// `None` if the work died.
    pub(super) async fn get<W>(&self, key: String, work: impl FnOnce() -> W) -> Option<V>
    where
        W: Future<Output = (V, Duration)> + Send + 'static,
    {
        let flight = {
            let mut book = self.book();
            if let Some(value) = book.fresh(&key) {
                return Some(value);
            }
            match book.flights.get(&key) {
                Some(flight) => flight.clone(),
                None => {
                    let flight = self.depart(key.clone(), work());
                    book.flights.insert(key.clone(), flight.clone());
                    flight
                }
            }
        };
        let value = flight.await;
        if value.is_none() {
            self.book().flights.remove(&key);
        }
        value
    }

    fn depart(&self, key: String, work: impl Future<Output = (V, Duration)> + Send + 'static) -> Flight<V> {
        let (tell, told) = oneshot::channel();
        let once = self.clone();
        tokio::spawn(async move {
            let (value, keep) = work.await;
            once.book().land(key, value.clone(), keep);
            // Nobody listens if all who waited are gone.
            let _ = tell.send(value);
        });
        told.map(Result::ok).boxed().shared()
    }

    /// Forgets a result.
    pub(super) fn forget(&self, key: &str) {
        self.book().known.remove(key);
    }
}

impl<V: Clone> Book<V> {
    fn fresh(&self, key: &str) -> Option<V> {
        let (until, value) = self.known.get(key)?;
        (Instant::now() < *until).then(|| value.clone())
    }

    fn land(&mut self, key: String, value: V, keep: Duration) {
        self.flights.remove(&key);
        if keep.is_zero() {
            self.known.remove(&key);
            return;
        }
        if self.known.insert(key.clone(), (Instant::now() + keep, value)).is_none() {
            self.order.push_back(key);
        }
        // Forgotten keys stay in the order until their turn comes, so it is bounded as well.
        while self.order.len() > self.capacity {
            let Some(oldest) = self.order.pop_front() else { return };
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_piece_of_work() {
        let (once, count) = (Once::new(10), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let count = Arc::clone(&count);
            once.get("key".to_owned(), move || async move {
                tokio::task::yield_now().await;
                (count.fetch_add(1, Ordering::SeqCst), Duration::from_secs(60))
            })
        };
        let answers = futures_util::future::join_all((0..100).map(|_| ask())).await;
        assert!(answers.iter().all(|answer| *answer == Some(0)));
        assert_eq!(ask().await, Some(0));
        once.forget("key");
        assert_eq!(ask().await, Some(1));
    }

    #[tokio::test]
    async fn what_is_not_to_be_kept_is_done_again_and_old_results_make_room() {
        let once = Once::new(2);
        let get = async |key: &str, value: u8, seconds| {
            once.get(key.to_owned(), move || async move { (value, Duration::from_secs(seconds)) }).await
        };
        assert_eq!(get("a", 1, 0).await, Some(1));
        assert_eq!(get("a", 2, 60).await, Some(2));
        get("b", 3, 60).await;
        get("c", 4, 60).await;
        assert_eq!(get("a", 5, 60).await, Some(5));
        assert_eq!(get("c", 6, 60).await, Some(4));
    }

    #[tokio::test]
    async fn work_that_dies_can_be_tried_again() {
        let once: Once<u8> = Once::new(2);
        let died = once.get("a".to_owned(), || async { panic!("as the test wants") }).await;
        assert_eq!(died, None);
        assert_eq!(once.get("a".to_owned(), || async { (1, Duration::ZERO) }).await, Some(1));
    }
}
