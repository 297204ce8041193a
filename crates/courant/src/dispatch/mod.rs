//! The dispatcher: decides when queued attempts leave for their networks.
//!
//! Every route has a window (hand-overs not answered yet); under it every sender has a rate; under
//! that every account has a lane with three classes. Urgent classes go first, accounts within a
//! class take turns. Memory holds a bounded head of each lane, the rest waits in the store and is
//! read when the head runs low, so that ten million queued recipients cost no memory.

mod holds;
mod lanes;
mod pace;
mod pairs;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use connectors::Capabilities;
use model::{AttemptId, Channel, RouteName, Span, Time, message::Priority};
use store::{Lane, Record, Store, StoreError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

pub use self::holds::{Held, Hold};
use self::{
    holds::Holds,
    lanes::{Lanes, Next, Paused},
    pairs::Pairs,
};
use crate::{clock, core::Core, desk::shard::Job, desk::transition::lane_of, routes::Routes};

/// How often every lane of the store is looked at, whatever memory believes.
const RESCAN: Span = Span::from_secs(15);

/// All queues.
#[derive(Debug)]
pub struct Dispatcher {
    routes: BTreeMap<RouteName, Arc<RouteQueue>>,
    holds: Holds,
}

/// What waits for a route, and what is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Entries held in memory.
    pub queued: usize,
    /// Lanes and classes known to memory.
    pub lanes: usize,
    /// Since when the first entry could have left.
    pub oldest: Option<Time>,
    /// Free places of the window.
    pub free: usize,
    /// Hand-overs that are not answered yet.
    pub in_flight: usize,
}

#[derive(Debug)]
struct RouteQueue {
    name: RouteName,
    channel: Channel,
    lanes: Mutex<Lanes>,
    pairs: Option<Mutex<Pairs>>,
    window: Arc<Semaphore>,
    in_flight: AtomicUsize,
    changed: Notify,
}

/// The right to hand one attempt over: a place in the route's window and a token of the sender's
/// rate. The place is given back when this is dropped.
#[derive(Debug)]
pub struct Permit {
    queue: Arc<RouteQueue>,
    sender: String,
    _place: OwnedSemaphorePermit,
}

impl Permit {
    fn new(queue: &Arc<RouteQueue>, sender: String, place: OwnedSemaphorePermit) -> Self {
        queue.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { queue: Arc::clone(queue), sender, _place: place }
    }

    /// The route it is for.
    #[must_use]
    pub fn route(&self) -> &RouteName {
        &self.queue.name
    }

    /// Gives the sender's token back too.
    pub fn unused(self) {
        self.queue.lock().give_back(&self.sender);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.queue.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl RouteQueue {
    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dispatcher {
    /// Queues for these routes, each lane holding at most `lane_memory` entries in memory.
    #[must_use]
    pub fn new(routes: &Routes, lane_memory: usize) -> Self {
        let queue = |route: &Arc<crate::routes::Route>| {
            (route.name.clone(), Arc::new(RouteQueue::new(route, lane_memory)))
        };
        Self { routes: routes.all().map(queue).collect(), holds: Holds::default() }
    }

    /// How a route or sender stands.
    #[must_use]
    pub fn hold(&self, held: &Held) -> Hold {
        self.holds.of(held)
    }

    /// Every route and sender that is not open.
    #[must_use]
    pub fn holds(&self) -> Vec<(Held, Hold)> {
        self.holds.all()
    }

    /// Reads what was held back before the last end of the program.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn load_holds(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.holds.load(store).await?;
        self.spread_holds();
        Ok(())
    }

    /// Pauses, drains or opens a route or sender; it stays so over restarts.
    ///
    /// # Errors
    /// If the store cannot take it now; nothing is changed then.
    pub async fn set_hold(&self, store: &dyn Store, held: Held, hold: Hold) -> Result<(), StoreError> {
        self.holds.set(store, held, hold).await?;
        self.spread_holds();
        Ok(())
    }

    fn spread_holds(&self) {
        let paused: Vec<Held> = self
            .holds
            .all()
            .into_iter()
            .filter(|(_, hold)| *hold == Hold::Paused)
            .map(|(held, _)| held)
            .collect();
        for queue in self.routes.values() {
            queue.lock().pause(queue.concerned(&paused));
            queue.changed.notify_one();
        }
    }

    /// Hand-overs of a route that are not answered yet.
    #[must_use]
    pub fn in_flight(&self, route: &RouteName) -> usize {
        self.routes.get(route).map_or(0, |queue| queue.in_flight.load(Ordering::Relaxed))
    }

    /// Puts a message's attempt into its lane.
    pub fn enqueue(&self, record: &Record, attempt: AttemptId, route: &RouteName, not_before: Time) {
        let Some(queue) = self.routes.get(route) else { return };
        let lane = lane_of(record, attempt, route);
        queue.lock().push(&lane, record.message.brief().priority, record.message.id, not_before);
        queue.changed.notify_one();
    }

    /// Puts an attempt that was offered back into its lane until later, although it is stored as
    /// ready.
    pub fn put_off(&self, record: &Record, attempt: AttemptId, route: &RouteName, until: Time) {
        let Some(queue) = self.routes.get(route) else { return };
        let lane = lane_of(record, attempt, route);
        queue.lock().put_off(&lane, record.message.brief().priority, record.message.id, until);
        queue.changed.notify_one();
    }

    /// Takes a permit at once for an attempt that is about to be stored, if nothing waits before
    /// it.
    pub fn try_take(
        &self,
        record: &Record,
        attempt: AttemptId,
        route: &RouteName,
        now: Time,
    ) -> Option<Permit> {
        let queue = self.routes.get(route)?;
        let place = Arc::clone(&queue.window).try_acquire_owned().ok()?;
        let lane = lane_of(record, attempt, route);
        if !queue.lock().try_pass(&lane, now) {
            return None;
        }
        let permit = Permit::new(queue, lane.sender, place);
        if self.pair(record, attempt, route, now).is_err() {
            permit.unused();
            return None;
        }
        Some(permit)
    }

    /// Counts a message between its sender and recipient.
    ///
    /// # Errors
    /// How long to wait, where the network limits them.
    pub fn pair(
        &self,
        record: &Record,
        attempt: AttemptId,
        route: &RouteName,
        now: Time,
    ) -> Result<(), Span> {
        let Some(pairs) = self.routes.get(route).and_then(|queue| queue.pairs.as_ref()) else {
            return Ok(());
        };
        let lane = lane_of(record, attempt, route);
        let mut pairs = pairs.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.take(&lane.sender, record.message.recipient.display(), now)
    }

    /// What waits for a route, for metrics.
    #[must_use]
    pub fn depth(&self, route: &RouteName) -> Option<Depth> {
        let queue = self.routes.get(route)?;
        let lanes = queue.lock();
        Some(Depth {
            queued: lanes.len(),
            lanes: lanes.count(),
            oldest: lanes.oldest(),
            free: queue.window.available_permits(),
            in_flight: queue.in_flight.load(Ordering::Relaxed),
        })
    }

    /// Runs all queues until `stop`.
    pub async fn run(core: Arc<Core>, stop: CancellationToken) {
        let mut tasks = tokio::task::JoinSet::new();
        for queue in core.dispatcher.routes.values() {
            tasks.spawn(Arc::clone(queue).run(Arc::clone(&core), stop.clone()));
        }
        tasks.spawn(rescan(Arc::clone(&core), stop));
        while tasks.join_next().await.is_some() {}
    }
}

impl RouteQueue {
    fn new(route: &crate::routes::Route, lane_memory: usize) -> Self {
        let capabilities: &Capabilities = route.connector.capabilities();
        Self {
            name: route.name.clone(),
            channel: route.connector.channel(),
            in_flight: AtomicUsize::new(0),
            lanes: Mutex::new(Lanes::new(capabilities.rate, capabilities.rate_per_sender, lane_memory)),
            pairs: capabilities.pair_limit.map(|limit| Mutex::new(Pairs::new(limit))),
            window: Arc::new(Semaphore::new(capabilities.window.max(1))),
            changed: Notify::new(),
        }
    }

    /// What of everything paused is this route's.
    fn concerned(&self, paused: &[Held]) -> Paused {
        let mut concerned = Paused::default();
        for held in paused {
            match held {
                Held::Route(route) => concerned.route |= *route == self.name,
                Held::Sender(channel, name) if *channel == self.channel => {
                    concerned.senders.insert(name.clone());
                }
                Held::Sender(..) => {}
            }
        }
        concerned
    }

    async fn run(self: Arc<Self>, core: Arc<Core>, stop: CancellationToken) {
        loop {
            let work = self.offer_next(&core);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = work => {}
            }
        }
    }

    /// Waits for a place, then for an entry, and offers the entry to its message.
    async fn offer_next(self: &Arc<Self>, core: &Arc<Core>) {
        let place = Arc::clone(&self.window).acquire_owned().await.expect("the window is never closed");
        loop {
            let next = self.lock().next(clock::now());
            match next {
                Next::Take { id, sender } => {
                    let permit = Permit::new(self, sender, place);
                    core.shards.send(Job::Take { id, permit }).await;
                    return;
                }
                Next::Refill { lane, class } => self.refill(core, lane, class).await,
                Next::Wait(until) => self.wait(until).await,
            }
        }
    }

    async fn wait(&self, until: Option<Time>) {
        let longest = clock::now() + Span::from_secs(5);
        let until = until.map_or(longest, |until| until.min(longest));
        tokio::select! {
            biased;
            () = tokio::time::sleep(until.since(clock::now()).to_std()) => {}
            () = self.changed.notified() => {}
        }
    }

    async fn refill(&self, core: &Core, lane: Lane, class: Priority) {
        let limit = self.lock().refill_limit(&lane, class);
        match core.store.queued(lane.clone(), class, None, limit).await {
            Ok(places) => self.lock().refilled(&lane, class, &places, places.len() < limit),
            Err(error) => {
                tracing::warn!(%error, route = %self.name, "queued messages could not be read");
                self.lock().refill_failed(&lane, class);
                tokio::time::sleep(Span::from_millis(200).to_std()).await;
            }
        }
    }
}

/// Looks at every lane of the store now and then: whatever memory lost is found here, after a
/// restart too.
async fn rescan(core: Arc<Core>, stop: CancellationToken) {
    loop {
        match core.store.lanes().await {
            Ok(lanes) => {
                for lane in lanes {
                    if let Some(queue) = core.dispatcher.routes.get(&lane.route) {
                        queue.lock().mark_more(&lane);
                        queue.changed.notify_one();
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "lanes could not be read"),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RESCAN.to_std()) => {}
        }
    }
}
