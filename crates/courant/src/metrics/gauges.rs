//! What is looked up when somebody asks.

use std::sync::atomic::Ordering::Relaxed;

use model::{RouteName, Span};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use super::{
    catalog::{Catalog, Fraction, Kin, Labels},
    histogram::{COUNT, Histogram, SHORT},
    process::Process,
};
use crate::{
    clock,
    core::Core,
    dispatch::{Held, Hold},
    routes::Route,
};

/// Gauges, and counters that other parts keep.
#[derive(Debug)]
pub(super) struct Gauges {
    requests_in_work: Gauge,
    unfinished: Gauge,
    alarms: Gauge,
    jobs: Gauge,
    receipts_waiting: Gauge,
    callbacks_late: Fraction,
    routes: OfRoutes,
    store: OfStore,
    process: Process,
}

#[derive(Debug)]
struct OfRoutes {
    up: Kin<Gauge>,
    held: Kin<Gauge>,
    sessions: Kin<Gauge>,
    sessions_bound: Kin<Gauge>,
    binds: Kin<Counter>,
    queued: Kin<Gauge>,
    oldest: Kin<Fraction>,
    lanes: Kin<Gauge>,
    in_flight: Kin<Gauge>,
    free: Kin<Gauge>,
    rate_limit: Kin<Fraction>,
}

#[derive(Debug)]
struct OfStore {
    commits: Counter,
    failures: Counter,
    changes: Counter,
    commit_seconds: Histogram,
    sync_seconds: Histogram,
    commit_changes: Histogram,
    waiting: Gauge,
    unapplied: Gauge,
    apply_seconds: Histogram,
    idle: Fraction,
    bytes: Gauge,
    disk_free: Gauge,
}

impl Gauges {
    pub(super) fn new(catalog: &mut Catalog) -> Self {
        Self {
            requests_in_work: catalog.gauge("requests_in_work", "Requests being worked on"),
            unfinished: catalog.gauge("messages_unfinished", "Messages accepted and not settled"),
            alarms: catalog.gauge("alarms", "Alarms held in memory"),
            jobs: catalog.gauge("jobs_waiting", "Events on their way to messages"),
            receipts_waiting: catalog.gauge(
                "receipts_waiting",
                "Receipts that wait for the answer to the submission they are about",
            ),
            callbacks_late: catalog.fraction(
                "callbacks_late_seconds",
                "How long the oldest callback that is due has been due; 0 if none is",
            ),
            routes: OfRoutes::new(catalog),
            store: OfStore::new(catalog),
            process: Process::new(catalog),
        }
    }

    pub(super) async fn look(&self, core: &Core) {
        self.requests_in_work.set(whole(core.metrics.in_work.load(Relaxed)));
        self.alarms.set(whole(core.timers.len() as u64));
        self.jobs.set(whole(core.shards.waiting() as u64));
        self.receipts_waiting.set(whole(core.orphans.len() as u64));
        if let Ok(unfinished) = core.store.unfinished().await {
            self.unfinished.set(whole(unfinished.iter().map(|(_, count)| count).sum()));
        }
        if let Ok(due) = core.store.next_callback_at().await {
            self.callbacks_late.set(due.map_or(0.0, |due| seconds(clock::now().since(due))));
        }
        core.routes.all().for_each(|route| self.routes.look(core, route));
        self.store.look(core);
        self.process.look();
    }
}

impl OfRoutes {
    fn new(catalog: &mut Catalog) -> Self {
        let of = &["route"];
        let mut gauge = |name, help| catalog.kin(name, of, help, Gauge::default as fn() -> Gauge);
        let up = gauge("route_up", "Whether a route can send now");
        let held = gauge("route_held", "Whether a route is paused or draining by an operator's word");
        let sessions = gauge("route_sessions", "Sessions a route should have; only networks with sessions");
        let sessions_bound = gauge("route_sessions_bound", "Sessions of a route that are bound");
        let queued = gauge("queued", "Attempts that wait for a route, as far as memory holds them");
        let lanes = gauge("lanes", "Lanes (account, sender, urgency) of a route in memory");
        let in_flight = gauge("hand_overs_in_flight", "Attempts handed to a network and not answered yet");
        let free = gauge("window_free", "Attempts that a route could take now");
        let binds = catalog.kin(
            "route_binds",
            of,
            "How often a session of a route was bound",
            Counter::default as fn() -> Counter,
        );
        let mut fraction = |name, help| catalog.kin(name, of, help, Fraction::default as fn() -> Fraction);
        let oldest = fraction(
            "queue_oldest_seconds",
            "How long the first attempt of a route's queue could have left already",
        );
        let rate_limit = fraction(
            "route_rate_limit",
            "Messages per second that a route may send; only routes with such a limit",
        );
        Self { up, held, sessions, sessions_bound, binds, queued, oldest, lanes, in_flight, free, rate_limit }
    }

    fn look(&self, core: &Core, route: &Route) {
        let own: Labels = vec![("route", route.name.as_str().to_owned().into())];
        self.up.get_or_create(&own).set(i64::from(route.connector.health().up));
        self.held.get_or_create(&own).set(i64::from(is_held(core, &route.name)));
        if let Some(sessions) = route.connector.sessions() {
            self.sessions.get_or_create(&own).set(whole(sessions.wanted as u64));
            self.sessions_bound.get_or_create(&own).set(whole(sessions.bound as u64));
            self.binds.get_or_create(&own).inner().store(sessions.binds, Relaxed);
        }
        if let Some(rate) = route.connector.capabilities().rate {
            self.rate_limit.get_or_create(&own).set(rate);
        }
        if let Some(depth) = core.dispatcher.depth(&route.name) {
            self.queued.get_or_create(&own).set(whole(depth.queued as u64));
            self.lanes.get_or_create(&own).set(whole(depth.lanes as u64));
            self.in_flight.get_or_create(&own).set(whole(depth.in_flight as u64));
            self.free.get_or_create(&own).set(whole(depth.free as u64));
            let oldest = depth.oldest.map_or(0.0, |at| seconds(clock::now().since(at)));
            self.oldest.get_or_create(&own).set(oldest);
        }
    }
}

fn is_held(core: &Core, route: &RouteName) -> bool {
    core.dispatcher.hold(&Held::Route(route.clone())) != Hold::Open
}

impl OfStore {
    fn new(catalog: &mut Catalog) -> Self {
        Self {
            commits: catalog.counter("store_commits", "Times that changes were saved together"),
            failures: catalog.counter("store_failures", "Times that this failed"),
            changes: catalog.counter("store_changes", "Changes saved"),
            commit_seconds: catalog.histogram(
                "store_commit_seconds",
                "Time it took to save changes together, the sync included",
                SHORT,
            ),
            sync_seconds: catalog.histogram(
                "store_sync_seconds",
                "Time the last part of that took, which makes them durable",
                SHORT,
            ),
            commit_changes: catalog.histogram("store_commit_changes", "Changes saved together", COUNT),
            waiting: catalog.gauge("store_waiting", "Changes waiting to be saved"),
            unapplied: catalog
                .gauge("store_unapplied", "Changes that the journal has and the database does not have yet"),
            apply_seconds: catalog.histogram(
                "store_apply_seconds",
                "Time it took to bring changes of the journal into the database",
                SHORT,
            ),
            idle: catalog.fraction("store_idle_seconds", "Time since changes were saved last"),
            bytes: catalog.gauge("store_bytes", "Size of the database, its journal and its log included"),
            disk_free: catalog.gauge("disk_free_bytes", "Room on the disk of the data folder"),
        }
    }

    fn look(&self, core: &Core) {
        let stats = core.store.stats();
        self.commits.inner().store(stats.commits, Relaxed);
        self.failures.inner().store(stats.failures, Relaxed);
        self.changes.inner().store(stats.changes, Relaxed);
        self.commit_seconds.set(&stats.commit_times);
        self.sync_seconds.set(&stats.sync_times);
        self.commit_changes.set(&stats.commit_sizes);
        self.waiting.set(whole(stats.waiting));
        self.unapplied.set(whole(stats.unapplied));
        self.apply_seconds.set(&stats.apply_times);
        self.idle.set(stats.idle_micros.unwrap_or(0) as f64 * 1e-6);
        self.bytes.set(whole(stats.bytes));
        if let Some(free) = crate::health::disk_free(&core.config.store.path) {
            self.disk_free.set(whole(free));
        }
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn seconds(span: Span) -> f64 {
    span.as_micros() as f64 * 1e-6
}
