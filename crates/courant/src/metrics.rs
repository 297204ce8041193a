//! What Prometheus can ask for. Labels are bounded: channels, routes, dialects, causes; never a
//! number or a text of a caller.
//!
//! What happens often is counted in atomics found by place: no lock, no text. What can be looked up
//! (queues, the store, the process) is looked up when somebody asks, in `gauges.rs`. `catalog.rs`
//! knows what there is, and docs/reference/metrics.md is made from it.

mod catalog;
mod gauges;
mod histogram;
mod process;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use engine::{Event, callback::Verdict};
use model::{
    Cause, Channel, NetworkEvent, ReceiptStatus, RouteName, Span, Status, call::MessageReport,
    report::Occasion,
};
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use store::Record;

pub use self::catalog::{Described, Kind};
use self::{catalog::Grid, gauges::Gauges, histogram::SHORT};
pub(crate) use self::{
    catalog::{Catalog, Kin, Labels},
    histogram::{Histogram, LONG},
};
use crate::{app::dialect_names, core::Core, mediadesk::meters::Meters, routes::Routes};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done as asked.
    Answered,
    /// Not done: the caller's fault.
    Refused,
    /// Nobody known, or not allowed.
    Unauthenticated,
    /// Too often.
    RateLimited,
    /// Too much to do.
    Overloaded,
    /// Our fault.
    Failed,
}

impl Outcome {
    const ALL: [Self; 6] = [
        Self::Answered,
        Self::Refused,
        Self::Unauthenticated,
        Self::RateLimited,
        Self::Overloaded,
        Self::Failed,
    ];

    /// The label's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Unauthenticated => "unauthenticated",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Failed => "failed",
        }
    }
}

/// All metrics of a running program.
#[derive(Debug)]
pub struct Metrics {
    catalog: Catalog,
    dialects: Vec<OfDialect>,
    routes: BTreeMap<RouteName, OfRoute>,
    settled: Grid<Counter>,
    steps: Grid<Counter>,
    fallbacks: Grid<Counter>,
    settle_seconds: Grid<Histogram>,
    step_seconds: Grid<Histogram>,
    delivery_seconds: Grid<Histogram>,
    alarm_late: Histogram,
    gauges: Gauges,
    /// Counters of media.
    pub media: Meters,
    /// Messages handled again because another part had changed them.
    pub conflicts: Counter,
    /// Connections of callers and networks that are open.
    pub connections: Gauge,
    /// Callbacks on their way.
    pub callbacks_in_flight: Gauge,
    /// Messages kept in memory.
    pub cached: Gauge,
    /// What became of spans.
    pub spans: Spans,
    /// Requests being worked on.
    pub in_work: AtomicU64,
}

/// Counters of traces.
#[derive(Clone, Debug)]
pub struct Spans {
    /// Handed to the collector.
    pub exported: Counter,
    /// Lost because the collector was away or too slow.
    pub dropped: Counter,
}

/// What is counted for a dialect.
#[derive(Debug)]
struct OfDialect {
    name: &'static str,
    requests: [Counter; Outcome::ALL.len()],
    accept_seconds: Histogram,
    accepted: Counter,
    callbacks: [Counter; 3],
    callback_seconds: Histogram,
    callback_age: Histogram,
}

/// What is counted for a route.
#[derive(Debug)]
struct OfRoute {
    hand_overs: Grid<Counter>,
    hand_over_seconds: Histogram,
    told: Grid<Counter>,
    unmatched: Counter,
}

/// What networks tell.
const TOLD: [&str; 7] = ["sent", "delivered", "read", "played", "failed", "inbound", "preference"];
/// Statuses without a cause.
const RUNGS: usize = 7;
const STATUSES: usize = RUNGS + Cause::ALL.len();
/// How a step or message can end.
const ENDS: [&str; 2] = ["delivered", "failed"];

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new(routes: &Routes) -> Self {
        let mut catalog = Catalog::default();
        let dialects = of_dialects(&mut catalog);
        let routes = of_routes(&mut catalog, routes);
        let ended = &["channel", "status", "cause"];
        let settled = catalog.kin(
            "messages_settled",
            ended,
            "Messages that came to their end, by the step that decided",
            Counter::default,
        );
        let steps = catalog.kin("steps", ended, "Changes of steps", Counter::default);
        let fallbacks = catalog.kin(
            "fallbacks",
            &["channel", "cause"],
            "Steps given up for the next one of their plan",
            Counter::default,
        );
        let settle_seconds = catalog.kin(
            "settle_seconds",
            &["outcome"],
            "Time from a message's acceptance to its end",
            || Histogram::new(LONG),
        );
        let step_seconds = catalog.kin(
            "step_seconds",
            &["channel", "outcome"],
            "Time from a step's turn to its delivery or failure",
            || Histogram::new(LONG),
        );
        let delivery_seconds = catalog.kin(
            "delivery_seconds",
            &["channel"],
            "Time from a network's taking a message to its delivery",
            || Histogram::new(LONG),
        );
        let spans = catalog.kin("spans", &["outcome"], "Spans of traces", Counter::default);
        let span = |outcome: &'static str| spans.get_or_create_owned(&vec![("outcome", outcome.into())]);
        Self {
            dialects,
            routes,
            settled: Grid::new(&settled, Channel::ALL.len() * STATUSES),
            steps: Grid::new(&steps, Channel::ALL.len() * STATUSES),
            fallbacks: Grid::new(&fallbacks, Channel::ALL.len() * Cause::ALL.len()),
            settle_seconds: Grid::new(&settle_seconds, ENDS.len()),
            step_seconds: Grid::new(&step_seconds, Channel::ALL.len() * ENDS.len()),
            delivery_seconds: Grid::new(&delivery_seconds, Channel::ALL.len()),
            alarm_late: catalog.histogram("alarm_late_seconds", "How late alarms rang", SHORT),
            conflicts: catalog.counter(
                "conflicts",
                "Changes of messages made again because another part had changed them meanwhile",
            ),
            connections: catalog.gauge("connections", "Connections that are open"),
            callbacks_in_flight: catalog.gauge("callbacks_in_flight", "Callbacks not answered yet"),
            cached: catalog.gauge("cached_messages", "Messages kept in memory for speed"),
            spans: Spans { exported: span("exported"), dropped: span("dropped") },
            gauges: Gauges::new(&mut catalog),
            media: Meters::new(&mut catalog),
            in_work: AtomicU64::new(0),
            catalog,
        }
    }

    fn dialect(&self, name: &str) -> Option<&OfDialect> {
        self.dialects.iter().find(|dialect| dialect.name == name)
    }

    /// A request was answered.
    pub fn request(&self, dialect: &'static str, outcome: Outcome) {
        if let Some(dialect) = self.dialect(dialect) {
            dialect.requests[outcome as usize].inc();
        }
    }

    /// A request was worked on for this time.
    pub fn accept_time(&self, dialect: &'static str, span: Span) {
        if let Some(dialect) = self.dialect(dialect) {
            dialect.accept_seconds.time(span);
        }
    }

    /// A message was stored.
    pub fn accepted(&self, record: &Record) {
        if let Some(dialect) = self.dialect(record.message.dialect) {
            dialect.accepted.inc();
        }
    }

    /// A message came to its end.
    pub fn settled(&self, record: &Record) {
        let (state, message) = (&record.state, &record.message);
        let channel =
            message.plan().step(state.deciding_step()).map_or(Channel::Unlisted, |step| step.channel);
        let status = state.status();
        self.settled.at(cell(channel, status), || labels(channel, status)).inc();
        if let Some(at) = state.settled_at() {
            let end = usize::from(status.cause().is_some());
            let histogram = self.settle_seconds.at(end, || vec![("outcome", ENDS[end].into())]);
            histogram.time(at.since(message.accepted_at));
        }
    }

    /// A step changed.
    pub fn step_status(&self, report: &MessageReport, occasion: &Occasion) {
        let Some(step) = report.report.steps.iter().find(|step| step.index == occasion.step) else { return };
        let (channel, status) = (step.channel, occasion.status);
        self.steps.at(cell(channel, status), || labels(channel, status)).inc();
        if let Some(cause) = status.cause() {
            self.took(channel, 1, step.updated_at.since(step.begun_at));
            if !occasion.settles {
                let place = channel as usize * Cause::ALL.len() + cause as usize;
                let labels = || vec![("channel", channel.as_str().into()), ("cause", cause.as_str().into())];
                self.fallbacks.at(place, labels).inc();
            }
        }
        // A network may tell of the reading only; the delivery is the same news then.
        let new =
            status == Status::Delivered || (status == Status::Read && step.read_at == step.delivered_at);
        if let Some(at) = step.delivered_at.filter(|_| new) {
            self.took(channel, 0, at.since(step.begun_at));
            let labels = || vec![("channel", channel.as_str().into())];
            let histogram = self.delivery_seconds.at(channel as usize, labels);
            histogram.time(at.since(step.submitted_at.unwrap_or(at)));
        }
    }

    fn took(&self, channel: Channel, end: usize, span: Span) {
        let labels = || vec![("channel", channel.as_str().into()), ("outcome", ENDS[end].into())];
        self.step_seconds.at(channel as usize * ENDS.len() + end, labels).time(span);
    }

    /// A network answered a hand-over.
    pub fn answered(&self, name: &RouteName, event: &Event, span: Span) {
        let Some(route) = self.routes.get(name) else { return };
        let cause = match event {
            Event::Refused { fault, .. } => Some(fault.cause),
            Event::Submitted { .. }
            | Event::Accepted
            | Event::Taken { .. }
            | Event::Received { .. }
            | Event::Recalled { .. }
            | Event::Woken
            | Event::Cancelled => None,
        };
        let place = cause.map_or(0, |cause| 1 + cause as usize);
        let outcome = cause.map_or("submitted", Cause::as_str);
        let labels = || vec![("route", name.as_str().to_owned().into()), ("outcome", outcome.into())];
        route.hand_overs.at(place, labels).inc();
        route.hand_over_seconds.time(span);
    }

    /// A network told us something.
    pub fn told(&self, name: &RouteName, events: &[NetworkEvent]) {
        let Some(route) = self.routes.get(name) else { return };
        for event in events {
            let place = told(event);
            let labels = || vec![("route", name.as_str().to_owned().into()), ("kind", TOLD[place].into())];
            route.told.at(place, labels).inc();
        }
    }

    /// A receipt was about nothing of ours.
    pub fn unmatched(&self, name: &RouteName) {
        if let Some(route) = self.routes.get(name) {
            route.unmatched.inc();
        }
    }

    /// A callback was tried; `age` is the time since it was called for.
    pub fn called_back(&self, dialect: &str, verdict: &Verdict, span: Span, age: Span) {
        let Some(dialect) = self.dialect(dialect) else { return };
        dialect.callback_seconds.time(span);
        let place = match verdict {
            Verdict::Done => {
                dialect.callback_age.time(age);
                0
            }
            Verdict::Retry { .. } => 1,
            Verdict::Park { .. } => 2,
        };
        dialect.callbacks[place].inc();
    }

    /// An alarm rang so late.
    pub fn alarm(&self, late: Span) {
        self.alarm_late.time(late);
    }

    /// Everything as Prometheus text.
    pub async fn text(&self, core: &Core) -> String {
        self.gauges.look(core).await;
        self.media.library(core.media.total());
        self.catalog.text()
    }

    /// What there is.
    #[must_use]
    pub fn described(&self) -> &[Described] {
        self.catalog.described()
    }

    /// One more request in work; `None` if there are `most` already.
    pub fn enter(&self, most: usize) -> Option<InWork<'_>> {
        let before = self.in_work.fetch_add(1, Ordering::Relaxed);
        let guard = InWork(&self.in_work);
        (before < most as u64).then_some(guard)
    }
}

fn of_dialects(catalog: &mut Catalog) -> Vec<OfDialect> {
    let by_outcome = &["dialect", "outcome"];
    let requests =
        catalog.kin("requests", by_outcome, "Requests of callers, by what became of them", Counter::default);
    let accept = catalog.kin(
        "accept_seconds",
        &["dialect"],
        "Time from the end of a request's body to its answer, the commit included",
        || Histogram::new(SHORT),
    );
    let accepted = catalog.kin("messages_accepted", &["dialect"], "Messages stored", Counter::default);
    let callbacks = catalog.kin(
        "callbacks",
        by_outcome,
        "Callbacks tried: done, failed (tried again later) or parked (given up)",
        Counter::default,
    );
    let callback = catalog
        .kin("callback_seconds", &["dialect"], "Time a receiver of callbacks took", || Histogram::new(SHORT));
    let age = catalog.kin(
        "callback_age_seconds",
        &["dialect"],
        "Time from what happened to the callback's delivery",
        || Histogram::new(LONG),
    );
    let make = |name: &'static str| {
        let of = |outcome: &'static str| vec![("dialect", name.into()), ("outcome", outcome.into())];
        let own: Labels = vec![("dialect", name.into())];
        OfDialect {
            name,
            requests: Outcome::ALL.map(|outcome| requests.get_or_create_owned(&of(outcome.as_str()))),
            accept_seconds: accept.get_or_create_owned(&own),
            accepted: accepted.get_or_create_owned(&own),
            callbacks: ["done", "failed", "parked"].map(|end| callbacks.get_or_create_owned(&of(end))),
            callback_seconds: callback.get_or_create_owned(&own),
            callback_age: age.get_or_create_owned(&own),
        }
    };
    dialect_names().map(make).collect()
}

fn of_routes(catalog: &mut Catalog, routes: &Routes) -> BTreeMap<RouteName, OfRoute> {
    let hand_overs: Kin<Counter> = catalog.kin(
        "hand_overs",
        &["route", "outcome"],
        "Attempts answered by networks: submitted, or the cause of the refusal",
        Counter::default,
    );
    let seconds =
        catalog.kin("hand_over_seconds", &["route"], "Time a network took to answer an attempt", || {
            Histogram::new(SHORT)
        });
    let told = catalog.kin(
        "network_events",
        &["route", "kind"],
        "Receipts (by status), inbound messages and preferences told by networks",
        Counter::default,
    );
    let unmatched = catalog.kin(
        "receipts_unmatched",
        &["route"],
        "Receipts dropped because they are about no message of ours",
        Counter::default,
    );
    let make = |name: &RouteName| {
        let own: Labels = vec![("route", name.as_str().to_owned().into())];
        OfRoute {
            hand_overs: Grid::new(&hand_overs, 1 + Cause::ALL.len()),
            hand_over_seconds: seconds.get_or_create_owned(&own),
            told: Grid::new(&told, TOLD.len()),
            unmatched: unmatched.get_or_create_owned(&own),
        }
    };
    routes.all().map(|route| (route.name.clone(), make(&route.name))).collect()
}

/// The place of a channel and status.
const fn cell(channel: Channel, status: Status) -> usize {
    let place = match status {
        Status::Waiting => 0,
        Status::Accepted => 1,
        Status::Submitted => 2,
        Status::Sent => 3,
        Status::Delivered => 4,
        Status::Read => 5,
        Status::Played => 6,
        Status::Failed(cause) => RUNGS + cause as usize,
    };
    channel as usize * STATUSES + place
}

fn labels(channel: Channel, status: Status) -> Labels {
    let cause = status.cause().map_or("none", Cause::as_str);
    vec![("channel", channel.as_str().into()), ("status", status.as_str().into()), ("cause", cause.into())]
}

/// The place of what a network told among [`TOLD`].
const fn told(event: &NetworkEvent) -> usize {
    match event {
        NetworkEvent::Receipt { receipt, .. } => match receipt.status {
            ReceiptStatus::Sent => 0,
            ReceiptStatus::Delivered => 1,
            ReceiptStatus::Read => 2,
            ReceiptStatus::Played => 3,
            ReceiptStatus::Failed(_) => 4,
        },
        NetworkEvent::Inbound(_) => 5,
        NetworkEvent::MarketingPreference { .. } => 6,
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
