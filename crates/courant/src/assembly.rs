//! Puts the core together from its parts and starts its workers. What the parts are (a store on
//! disk, connectors of the configuration, callbacks over HTTP) is the business of [`crate::app`].

use std::sync::Arc;

use connectors::Sink;
use model::{MessageId, Span};
use store::Store;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    accounts::Accounts,
    auth::replay::Nonces,
    billing::Billing,
    callbacks::{post::Post, sender::Sender},
    config::Config,
    core::Core,
    desk::{
        lost::{self, Open},
        orphans::Orphans,
        shard::{self, Shards},
        sink::Desk,
        stored_plans::StoredPlans,
    },
    dispatch::Dispatcher,
    mediadesk::{self, MediaDesk},
    metrics::Metrics,
    retention,
    routes::Routes,
    server::{admission::Admission, body::Room},
    stats::Stats,
    timers::Timers,
    traces::Traces,
};

/// Tasks that carry events to messages.
const SHARDS: usize = 4;

/// What a core is made of.
pub struct Parts {
    /// Accounts, bounds and knobs.
    pub config: Config,
    /// What must survive a crash.
    pub store: Arc<dyn Store>,
    /// Ways to networks.
    pub routes: Routes,
    /// The way to callers.
    pub post: Arc<dyn Post>,
}

/// A core whose workers do not run yet.
pub struct Assembly {
    /// What its parts share.
    pub core: Arc<Core>,
    receivers: shard::Receivers,
    sender: Arc<Sender>,
    suspects: Vec<MessageId>,
}

/// Puts a core together.
///
/// # Errors
/// What is wrong with the accounts of the configuration, in words for the operator.
pub fn assemble(parts: Parts) -> Result<Assembly, String> {
    let Parts { config, store, routes, post } = parts;
    let (shards, receivers) = Shards::new(SHARDS);
    let metrics = Metrics::new(&routes);
    let core = Arc::new(Core {
        rules: config.cascade.rules(),
        accounts: Accounts::new(&config)?,
        billing: Billing::new(&config)?,
        plans: StoredPlans::new(&config.accounts),
        dispatcher: Dispatcher::new(&routes, config.limits.lane_memory),
        timers: Timers::new(config.limits.timers),
        traces: Traces::new(&config.telemetry, metrics.spans.clone())?,
        media: MediaDesk::open(&config, Arc::clone(&store), metrics.media.clone())?,
        metrics,
        routes,
        admission: Admission::new(config.server.max_requests, config.server.max_requests_per_account),
        nonces: Nonces::default(),
        shards,
        orphans: Orphans::default(),
        open: Open::default(),
        outbox: Notify::new(),
        news: watch::Sender::new(()),
        room: Room::new(config.server.body_memory_mb),
        stats: Stats::default(),
        store,
        config,
    });
    let sender = Sender::new(Arc::clone(&core), post);
    Ok(Assembly { core, receivers, sender, suspects: Vec::new() })
}

impl Assembly {
    /// Looks for hand-overs that were open when the last process ended. To be done before
    /// [`Self::start`]; without it they wait for their alarms.
    pub async fn look_back(&mut self) {
        self.suspects = lost::suspects(&self.core).await;
    }

    /// Starts all workers; they end after `stop`.
    #[must_use]
    pub fn start(self, stop: &CancellationToken) -> JoinSet<()> {
        let Self { core, receivers, sender, suspects } = self;
        let mut workers = JoinSet::new();
        for receiver in receivers {
            workers.spawn(until(stop.clone(), shard::run(Arc::clone(&core), receiver)));
        }
        workers.spawn(sender.run(stop.clone()));
        workers.spawn(Timers::run(Arc::clone(&core), stop.clone()));
        workers.spawn(Dispatcher::run(Arc::clone(&core), stop.clone()));
        workers.spawn(lost::run(Arc::clone(&core), suspects, stop.clone()));
        workers.spawn(retention::run(Arc::clone(&core), stop.clone()));
        workers.spawn(mediadesk::run(Arc::clone(&core), stop.clone()));
        let sink: Arc<dyn Sink> = Arc::new(Desk(Arc::clone(&core)));
        for route in core.routes.all() {
            let connector = Arc::clone(&route.connector);
            workers.spawn(connector.run(Arc::clone(&sink), stop.clone()));
        }
        workers
    }
}

/// Runs a shard until stop, and a moment longer for what the last hand-overs bring.
async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = work => {}
        () = async {
            stop.cancelled().await;
            tokio::time::sleep(Span::from_millis(300).to_std()).await;
        } => {}
    }
}
