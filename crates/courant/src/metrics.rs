//! Counters for Prometheus. Labels are bounded: channels, routes, dialects, causes; never a
//! number or a text of a caller.

use std::sync::atomic::{AtomicU64, Ordering};

use engine::Event;
use model::{RouteName, Span, call::MessageReport, report::Occasion};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use store::Record;

use crate::{core::Core, mediadesk::meters::Meters};

type LabelText = std::borrow::Cow<'static, str>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByDialect {
    dialect: LabelText,
    outcome: LabelText,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByRoute {
    route: LabelText,
    outcome: LabelText,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByStep {
    channel: LabelText,
    status: LabelText,
    cause: LabelText,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByName {
    name: LabelText,
}

/// All counters of a running program.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<ByDialect, Counter>,
    accepted: Family<ByName, Counter>,
    settled: Family<ByStep, Counter>,
    steps: Family<ByStep, Counter>,
    hand_overs: Family<ByRoute, Counter>,
    hand_over_seconds: Family<ByName, Histogram, fn() -> Histogram>,
    told: Family<ByName, Counter>,
    callbacks: Family<ByDialect, Counter>,
    callback_seconds: Histogram,
    accept_seconds: Histogram,
    alarms: Gauge,
    queued: Family<ByName, Gauge>,
    free_window: Family<ByName, Gauge>,
    store_commits: Gauge,
    store_changes: Gauge,
    store_commit_seconds: Gauge<f64, AtomicU64>,
    store_waiting: Gauge,
    store_bytes: Gauge,
    /// Counters of media.
    pub media: Meters,
    /// Requests being worked on.
    pub in_work: AtomicU64,
}

/// Buckets from 100 µs to about 100 s.
fn seconds() -> Histogram {
    Histogram::new((0..21).map(|power| 0.0001 * f64::from(1 << power)))
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("courant"),
            requests: Family::default(),
            accepted: Family::default(),
            settled: Family::default(),
            steps: Family::default(),
            hand_overs: Family::default(),
            hand_over_seconds: Family::new_with_constructor(seconds),
            told: Family::default(),
            callbacks: Family::default(),
            callback_seconds: seconds(),
            accept_seconds: seconds(),
            alarms: Gauge::default(),
            queued: Family::default(),
            free_window: Family::default(),
            store_commits: Gauge::default(),
            store_changes: Gauge::default(),
            store_commit_seconds: Gauge::default(),
            store_waiting: Gauge::default(),
            store_bytes: Gauge::default(),
            media: Meters::default(),
            in_work: AtomicU64::new(0),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Requests answered, by dialect and outcome", self.requests.clone());
        registry.register("messages_accepted", "Messages stored, by dialect", self.accepted.clone());
        registry.register("messages_settled", "Messages that came to their end", self.settled.clone());
        registry.register("steps", "Changes of steps, by channel, status and cause", self.steps.clone());
        registry.register("hand_overs", "Attempts answered by networks", self.hand_overs.clone());
        registry.register(
            "hand_over_seconds",
            "Time a network took to answer",
            self.hand_over_seconds.clone(),
        );
        registry.register("network_events", "Receipts and inbound messages", self.told.clone());
        registry.register("callbacks", "Callbacks tried, by dialect and outcome", self.callbacks.clone());
        registry.register(
            "callback_seconds",
            "Time a receiver took to answer",
            self.callback_seconds.clone(),
        );
        registry.register(
            "accept_seconds",
            "Time from a request's body to its answer",
            self.accept_seconds.clone(),
        );
        registry.register("alarms", "Alarms held in memory", self.alarms.clone());
        registry.register("queued", "Attempts held in memory, by route", self.queued.clone());
        registry.register("window_free", "Hand-overs a route could take now", self.free_window.clone());
        registry.register("store_commits", "Transactions since the start", self.store_commits.clone());
        registry.register("store_changes", "Changes saved since the start", self.store_changes.clone());
        registry.register(
            "store_commit_seconds",
            "Time spent in commits since the start",
            self.store_commit_seconds.clone(),
        );
        registry.register("store_waiting", "Changes waiting to be saved", self.store_waiting.clone());
        registry.register("store_bytes", "Size of the database", self.store_bytes.clone());
        self.media.register(registry);
    }

    /// A request was answered.
    pub fn request(&self, dialect: &'static str, outcome: &'static str) {
        self.requests.get_or_create(&ByDialect { dialect: dialect.into(), outcome: outcome.into() }).inc();
    }

    /// A submission was accepted or refused in this time.
    pub fn accept_time(&self, span: Span) {
        self.accept_seconds.observe(span.as_micros() as f64 * 1e-6);
    }

    /// A message was stored.
    pub fn accepted(&self, record: &Record) {
        self.accepted.get_or_create(&ByName { name: record.message.dialect.into() }).inc();
    }

    /// A message came to its end.
    pub fn settled(&self, record: &Record) {
        let status = record.state.status();
        let channel = record.message.plan().step(record.state.deciding_step());
        self.settled
            .get_or_create(&ByStep {
                channel: channel.map_or("none", |step| step.channel.as_str()).into(),
                status: status.as_str().into(),
                cause: status.cause().map_or("none", model::Cause::as_str).into(),
            })
            .inc();
    }

    /// A step changed.
    pub fn step_status(&self, report: &MessageReport, occasion: &Occasion) {
        let channel = report.message.plan().step(occasion.step).map_or("none", |step| step.channel.as_str());
        self.steps
            .get_or_create(&ByStep {
                channel: channel.into(),
                status: occasion.status.as_str().into(),
                cause: occasion.status.cause().map_or("none", model::Cause::as_str).into(),
            })
            .inc();
    }

    /// A network answered a hand-over.
    pub fn answered(&self, route: &RouteName, event: &Event, span: Span) {
        let outcome = match event {
            Event::Refused { fault, .. } => fault.cause.as_str(),
            Event::Submitted { .. }
            | Event::Accepted
            | Event::Taken { .. }
            | Event::Received { .. }
            | Event::Recalled { .. }
            | Event::Woken
            | Event::Cancelled => "submitted",
        };
        let name: LabelText = route.as_str().to_owned().into();
        self.hand_overs.get_or_create(&ByRoute { route: name.clone(), outcome: outcome.into() }).inc();
        self.hand_over_seconds.get_or_create(&ByName { name }).observe(span.as_micros() as f64 * 1e-6);
    }

    /// A network told us something.
    pub fn told(&self, route: &RouteName, events: usize) {
        self.told.get_or_create(&ByName { name: route.as_str().to_owned().into() }).inc_by(events as u64);
    }

    /// A callback was tried.
    pub fn called_back(&self, dialect: &str, done: bool, span: Span) {
        let outcome = if done { "done" } else { "failed" };
        self.callbacks
            .get_or_create(&ByDialect { dialect: dialect.to_owned().into(), outcome: outcome.into() })
            .inc();
        self.callback_seconds.observe(span.as_micros() as f64 * 1e-6);
    }

    /// Everything as Prometheus text.
    #[must_use]
    pub fn text(&self, core: &Core) -> String {
        self.alarms.set(i64::try_from(core.timers.len()).unwrap_or(i64::MAX));
        for (route, queued, free) in core.dispatcher.depths() {
            let label = ByName { name: route.as_str().to_owned().into() };
            self.queued.get_or_create(&label).set(i64::try_from(queued).unwrap_or(i64::MAX));
            self.free_window.get_or_create(&label).set(i64::try_from(free).unwrap_or(i64::MAX));
        }
        let stats = core.store.stats();
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.store_commits.set(whole(stats.commits));
        self.store_changes.set(whole(stats.changes));
        self.store_commit_seconds.set(stats.commit_micros as f64 * 1e-6);
        self.store_waiting.set(whole(stats.waiting));
        self.store_bytes.set(whole(stats.bytes));
        self.media.library(core.media.total());
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }

    /// One more request in work; `None` if there are `most` already.
    pub fn enter(&self, most: usize) -> Option<InWork<'_>> {
        let before = self.in_work.fetch_add(1, Ordering::Relaxed);
        let guard = InWork(&self.in_work);
        (before < most as u64).then_some(guard)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts a request as in work until dropped.
#[derive(Debug)]
pub struct InWork<'a>(&'a AtomicU64);

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
