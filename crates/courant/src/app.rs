//! A running gateway: built from a configuration, started, drained and stopped.

use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::Router;
use connectors::Sink;
use model::Span;
use store::{
    Store,
    sqlite::{SqliteOptions, SqliteStore},
};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    accounts::Accounts,
    auth::Nonces,
    callbacks::sender::Sender,
    clock,
    config::Config,
    core::Core,
    desk::{
        orphans::Orphans,
        shard::{self, Shards},
        sink::Desk,
    },
    dispatch::Dispatcher,
    mediadesk::{self, MediaDesk},
    metrics::Metrics,
    retention,
    routes::Routes,
    server::{self, Listener},
    timers::Timers,
};

/// Tasks that carry events to messages.
const SHARDS: usize = 4;

/// A running gateway.
pub struct App {
    /// What its parts share.
    pub core: Arc<Core>,
    ready: AtomicBool,
    draining: AtomicBool,
    address: OnceLock<(String, SocketAddr)>,
}

/// The handle that stops it.
pub struct Running {
    /// The gateway.
    pub app: Arc<App>,
    stop_listening: CancellationToken,
    stop_working: CancellationToken,
    listener: tokio::task::JoinHandle<()>,
    workers: JoinSet<()>,
}

impl App {
    /// Builds everything and starts it. `extra` adds paths of its own (the sandbox's).
    ///
    /// # Errors
    /// What is wrong, in words for the operator.
    pub async fn start(config: Config, extra: Option<Router>) -> Result<Running, String> {
        let listener = Listener::bind(&config.server).await?;
        let store = open_store(&config)?;
        let (core, receivers) = build(config, store)?;
        let app = Arc::new(Self {
            core: Arc::clone(&core),
            ready: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            address: OnceLock::new(),
        });
        let address = listener.address().map_err(|error| error.to_string())?;
        let _ = app.address.set((format!("{}://{address}", listener.scheme()), address));
        let mut router = server::router(Arc::clone(&app));
        if let Some(extra) = extra {
            router = router.merge(extra);
        }
        let (stop_listening, stop_working) = (CancellationToken::new(), CancellationToken::new());
        let workers = start_workers(&core, receivers, &stop_working)?;
        core.orphans.wake_up(&core).await.map_err(|error| error.to_string())?;
        let listener = tokio::spawn(listener.serve(router, stop_listening.clone()));
        app.ready.store(true, Ordering::Release);
        Ok(Running { app, stop_listening, stop_working, listener, workers })
    }

    /// The address it answers at, such as `http://127.0.0.1:8480`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.address.get().map_or("", |(url, _)| url)
    }

    /// Whether it is ending and takes no new work.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether it takes work, and what people should know.
    #[must_use]
    pub fn readiness(&self) -> (bool, String) {
        let ready = self.ready.load(Ordering::Acquire) && !self.is_draining();
        let mut text = format!("{}\n", if ready { "ready" } else { "not ready" });
        for route in self.core.routes.all() {
            let health = route.connector.health();
            let word = if health.up { "up" } else { "down" };
            text += &format!("route {} {word}: {}\n", route.name, health.text);
        }
        (ready, text)
    }
}

impl Running {
    /// Stops taking work, finishes what is in flight (bounded), saves and closes.
    pub async fn stop(mut self) {
        self.app.draining.store(true, Ordering::Release);
        self.stop_listening.cancel();
        let _ = self.listener.await;
        self.stop_working.cancel();
        let drain = Span::from_millis(self.app.core.config.server.drain_ms).to_std();
        let finished =
            tokio::time::timeout(drain, async { while self.workers.join_next().await.is_some() {} });
        if finished.await.is_err() {
            tracing::warn!("some work did not end in time; it goes on at the next start");
            self.workers.abort_all();
        }
        if let Err(error) = self.app.core.store.close().await {
            tracing::error!(%error, "the store did not close cleanly");
        }
    }
}

fn open_store(config: &Config) -> Result<Arc<dyn Store>, String> {
    let folder = &config.store.path;
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names: Vec<&'static str> = dialects::ALL.iter().map(|dialect| dialect.name()).collect();
    let options = SqliteOptions::new(folder.join("courant.db"), names.leak());
    let store = SqliteStore::open(options).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(Arc::new(store))
}

fn build(config: Config, store: Arc<dyn Store>) -> Result<(Arc<Core>, shard::Receivers), String> {
    let routes = Routes::new(&config)?;
    let (shards, receivers) = Shards::new(SHARDS);
    let core = Core {
        rules: config.cascade.rules(),
        accounts: Accounts::new(&config)?,
        dispatcher: Dispatcher::new(&routes, config.limits.lane_memory),
        timers: Timers::new(config.limits.timers),
        routes,
        nonces: Nonces::default(),
        shards,
        orphans: Orphans::default(),
        outbox: Notify::new(),
        media: MediaDesk::open(&config, Arc::clone(&store))?,
        metrics: Metrics::new(),
        store,
        config,
    };
    Ok((Arc::new(core), receivers))
}

fn start_workers(
    core: &Arc<Core>,
    receivers: shard::Receivers,
    stop: &CancellationToken,
) -> Result<JoinSet<()>, String> {
    let mut workers = JoinSet::new();
    for receiver in receivers {
        workers.spawn(until(stop.clone(), shard::run(Arc::clone(core), receiver)));
    }
    let sender = Sender::new(Arc::clone(core))?;
    workers.spawn(sender.run(stop.clone()));
    workers.spawn(Timers::run(Arc::clone(core), stop.clone()));
    workers.spawn(Dispatcher::run(Arc::clone(core), stop.clone()));
    workers.spawn(retention::run(Arc::clone(core), stop.clone()));
    workers.spawn(mediadesk::run(Arc::clone(core), stop.clone()));
    let sink: Arc<dyn Sink> = Arc::new(Desk(Arc::clone(core)));
    for route in core.routes.all() {
        let connector = Arc::clone(&route.connector);
        workers.spawn(connector.run(Arc::clone(&sink), stop.clone()));
    }
    Ok(workers)
}

/// Runs a shard until stop, and a moment longer for what the last hand-overs bring.
async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = async {
            stop.cancelled().await;
            tokio::time::sleep(Span::from_millis(300).to_std()).await;
        } => {}
    }
}

/// The instant the program was started, for people.
#[must_use]
pub fn started_at() -> model::Time {
    static STARTED: OnceLock<model::Time> = OnceLock::new();
    *STARTED.get_or_init(clock::now)
}
