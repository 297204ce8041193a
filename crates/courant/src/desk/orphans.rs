//! Receipts that come before the answer to their submission is recorded.
//!
//! A network that names attempts by its own ids only may tell of one before it has answered, or
//! before the answer is stored. Such a receipt waits, not confirmed to the network, as long as a
//! hand-over is open that it may be about: until then it is lost by nothing, a crash included,
//! because the network tells again. With no such hand-over left it is about nothing of ours. The
//! wait is short, because networks tell other news only after this is confirmed; after it they
//! are asked to tell again.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use connectors::NotStored;
use model::{AttemptId, RouteName};
use store::Part;
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::sink::look_up;
use crate::core::Core;

/// Most receipts waiting on a route; what comes beyond is to be told again.
const MAX_WAITING: usize = 100_000;
/// Answers of a route that are remembered: receipts mostly come soon, and then cost no look into
/// the store.
const RECENT: usize = 16_384;

/// The waiting receipts of all routes, and the hand-overs they wait for.
#[derive(Debug, Default)]
pub struct Orphans {
    routes: Mutex<HashMap<RouteName, Arc<Book>>>,
}

#[derive(Debug)]
struct Book {
    pages: Mutex<Pages>,
    /// Rung when a hand-over is closed. It wakes those who wait in the order they came.
    closed: Notify,
}

#[derive(Debug, Default)]
struct Pages {
    /// Hand-overs begun and receipts put down so far.
    count: u64,
    open: BTreeSet<u64>,
    waiting: HashMap<String, Vec<(u64, oneshot::Sender<Part>)>>,
    held: usize,
    recent: HashMap<Arc<str>, Part>,
    /// The keys of `recent`, oldest first.
    order: VecDeque<Arc<str>>,
}

/// A hand-over whose answer is not stored yet. Closed when it is dropped.
#[derive(Debug)]
pub struct HandOver {
    book: Arc<Book>,
    number: u64,
}

/// A receipt's wait for the answer to its submission.
#[derive(Debug)]
pub(super) struct Orphan {
    book: Arc<Book>,
    route: RouteName,
    number: u64,
    upstream: String,
    claim: oneshot::Receiver<Part>,
}

impl Orphans {
    fn book(&self, route: &RouteName) -> Arc<Book> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(book) = routes.get(route) {
            return Arc::clone(book);
        }
        Arc::clone(routes.entry(route.clone()).or_insert_with(|| Arc::new(Book::new())))
    }

    /// Opens a hand-over, before the network hears of it.
    #[must_use]
    pub fn begin(&self, route: &RouteName) -> HandOver {
        let book = self.book(route);
        let number = book.open();
        HandOver { book, number }
    }

    /// Puts down that a receipt waits for this id.
    pub(super) fn expect(&self, route: &RouteName, upstream: String) -> Result<Orphan, NotStored> {
        let book = self.book(route);
        let (tell, claim) = oneshot::channel();
        let number = book.put(&upstream, tell)?;
        Ok(Orphan { book, route: route.clone(), number, upstream, claim })
    }

    /// The attempts and parts of these ids, as far as their answers came a short while ago. What is
    /// said to a message because of it comes after its answer, and is stored after it.
    #[must_use]
    pub(super) fn recent(&self, route: &RouteName, ids: &[&String]) -> Vec<Option<Part>> {
        let book = self.book(route);
        let pages = book.lock();
        ids.iter().map(|id| pages.recent.get(id.as_str()).copied()).collect()
    }

    /// How many receipts wait, on all routes.
    #[must_use]
    pub fn len(&self) -> usize {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.values().map(|book| book.lock().held).sum()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Book {
    fn new() -> Self {
        Self { pages: Mutex::default(), closed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> u64 {
        let mut pages = self.lock();
        pages.count += 1;
        let number = pages.count;
        pages.open.insert(number);
        number
    }

    fn close(&self, number: u64) {
        self.lock().open.remove(&number);
        self.closed.notify_waiters();
    }

    /// Waits until no hand-over is open that was begun before this number was given.
    async fn closed_before(&self, number: u64) {
        loop {
            let closed = self.closed.notified();
            if self.lock().open.first().is_none_or(|oldest| *oldest > number) {
                return;
            }
            closed.await;
        }
    }

    fn put(&self, upstream: &str, tell: oneshot::Sender<Part>) -> Result<u64, NotStored> {
        let mut pages = self.lock();
        if pages.held >= MAX_WAITING {
            return Err(NotStored);
        }
        pages.held += 1;
        pages.count += 1;
        let number = pages.count;
        pages.waiting.entry(upstream.to_owned()).or_default().push((number, tell));
        Ok(number)
    }

    fn forget(&self, upstream: &str, number: u64) {
        let mut pages = self.lock();
        pages.held -= 1;
        let Some(waiting) = pages.waiting.get_mut(upstream) else { return };
        waiting.retain(|(other, _)| *other != number);
        if waiting.is_empty() {
            pages.waiting.remove(upstream);
        }
    }
}

impl HandOver {
    /// The network has answered and the answer is on its way to the message: tells the receipts
    /// that wait for it, and remembers it for those that come soon. Whatever is sent to the
    /// message because of it is stored after the answer.
    pub fn answered(&self, attempt: AttemptId, upstream: &[String]) {
        for (id, part) in upstream.iter().zip(0_u8..) {
            let part = Part { attempt, part };
            let waiting = {
                let mut pages = self.book.lock();
                pages.remember(id, part);
                pages.waiting.remove(id).unwrap_or_default()
            };
            for (_, receipt) in waiting {
                let _ = receipt.send(part);
            }
        }
    }
}

impl Pages {
    fn remember(&mut self, id: &str, part: Part) {
        let id: Arc<str> = id.into();
        if self.recent.insert(Arc::clone(&id), part).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }
}

impl Drop for HandOver {
    fn drop(&mut self) {
        self.book.close(self.number);
    }
}

impl Orphan {
    pub(super) const fn upstream(&self) -> &String {
        &self.upstream
    }

    /// What the receipt is about, once that is known; `None` if it is about nothing of ours.
    ///
    /// # Errors
    /// If it is not known by the deadline; the network should tell again.
    pub(super) async fn part(mut self, core: &Core, deadline: Instant) -> Result<Option<Part>, NotStored> {
        let book = Arc::clone(&self.book);
        tokio::select! {
            biased;
            part = &mut self.claim => part.map(Some).map_err(|_| NotStored),
            () = book.closed_before(self.number) => {
                let found = look_up(core, &self.route, std::iter::once(&self.upstream)).await?;
                Ok(found.into_iter().next().flatten())
            }
            () = tokio::time::sleep_until(deadline) => Err(NotStored),
        }
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        self.book.forget(&self.upstream, self.number);
    }
}
