//! A running gateway: built from a configuration, started, drained and stopped.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::Router;
use model::Span;
use store::{
    Store,
    sqlite::{SqliteOptions, SqliteStore},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    assembly::{Parts, assemble},
    backup, billing,
    callbacks::post::HttpPost,
    clock,
    config::Config,
    core::Core,
    health::Readiness,
    routes::Routes,
    server::{self, Listener},
};

/// SQLite's pages have 4 KiB.
const PAGES_PER_MB: u64 = 256;

/// A running gateway.
pub struct App {
    /// What its parts share.
    pub core: Arc<Core>,
    ready: AtomicBool,
    draining: AtomicBool,
    address: OnceLock<(String, SocketAddr)>,
    commits: Mutex<Commits>,
    sandbox: Option<Router>,
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
        let _ = started_at();
        let listener = Listener::bind(&config.server).await?;
        let store = open_store(&config).await?;
        let routes = Routes::new(&config)?;
        let post = Arc::new(HttpPost::new(&config.callbacks)?);
        let mut assembly = assemble(Parts { config, store, routes, post })?;
        let core = Arc::clone(&assembly.core);
        billing::open(&core).await?;
        core.plans.load(&*core.store).await.map_err(|error| error.to_string())?;
        core.dispatcher.load_holds(&*core.store).await.map_err(|error| error.to_string())?;
        assembly.look_back().await;
        let app = Arc::new(Self {
            core,
            ready: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            address: OnceLock::new(),
            commits: Mutex::default(),
            sandbox: extra.clone(),
        });
        let address = listener.address().map_err(|error| error.to_string())?;
        let _ = app.address.set((format!("{}://{address}", listener.scheme()), address));
        let mut router = server::router(Arc::clone(&app));
        if let Some(extra) = extra {
            router = router.merge(extra);
        }
        let (stop_listening, stop_working) = (CancellationToken::new(), CancellationToken::new());
        app.core.traces.start();
        let workers = assembly.start(&stop_working);
        let open = app.core.metrics.connections.clone();
        let listener = tokio::spawn(listener.serve(router, open, stop_listening.clone()));
        app.ready.store(true, Ordering::Release);
        Ok(Running { app, stop_listening, stop_working, listener, workers })
    }

    /// The address it answers at, such as `http://127.0.0.1:8480`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.address.get().map_or("", |(url, _)| url)
    }

    /// The paths of the simulated networks, if this is a sandbox.
    #[must_use]
    pub fn sandbox(&self) -> Option<&Router> {
        self.sandbox.as_ref()
    }

    /// Whether it is ending and takes no new work.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether it takes work, and what people should know.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let refusing = match (self.ready.load(Ordering::Acquire), self.is_draining()) {
            (_, true) => Some("it is ending"),
            (false, false) => Some("it is starting"),
            (true, false) => None,
        };
        let commit = self.commits.lock().unwrap_or_else(PoisonError::into_inner).look(&*self.core.store);
        Readiness::of(&self.core, refusing, Span::from_micros(commit))
    }
}

impl Running {
    /// Stops taking work, finishes what is in flight (bounded), saves and closes.
    pub async fn stop(mut self) {
        self.app.draining.store(true, Ordering::Release);
        // Streams of events end when they look up.
        self.app.core.news.send_replace(());
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
        self.app.core.traces.stop().await;
        if let Err(error) = self.app.core.store.close().await {
            tracing::error!(%error, "the store did not close cleanly");
        }
    }
}

/// How long commits took between the last two looks.
#[derive(Debug, Default)]
struct Commits {
    count: u64,
    micros: u64,
    each: u64,
}

impl Commits {
    fn look(&mut self, store: &dyn Store) -> u64 {
        let stats = store.stats();
        let (count, micros) =
            (stats.commits.saturating_sub(self.count), stats.commit_micros.saturating_sub(self.micros));
        if let Some(each) = micros.checked_div(count) {
            *self = Self { count: stats.commits, micros: stats.commit_micros, each };
        }
        self.each
    }
}

async fn open_store(config: &Config) -> Result<Arc<dyn Store>, String> {
    let folder = &config.store.path;
    backup::make_private(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names: Vec<&'static str> = dialect_names().collect();
    let options = SqliteOptions::new(folder.join(backup::DATABASE), names.leak());
    let explain = |error: store::StoreError| format!("{}: {error}", folder.display());
    let store = SqliteStore::open(options).map_err(explain)?;
    if config.store.max_mb > 0 {
        let pages = config.store.max_mb.saturating_mul(PAGES_PER_MB);
        store.limit_pages(Some(u32::try_from(pages).unwrap_or(u32::MAX))).await.map_err(explain)?;
    }
    Ok(Arc::new(store))
}

/// The name under which messages are kept that came in by our own API: it has no vendor's shape,
/// and its reports are the API's own events.
pub const OWN_DIALECT: &str = "courant";

/// The names of everything that messages can come in by.
pub fn dialect_names() -> impl Iterator<Item = &'static str> {
    dialects::ALL.iter().map(|dialect| dialect.name()).chain([OWN_DIALECT])
}

/// The instant the program was started, for people.
#[must_use]
pub fn started_at() -> model::Time {
    static STARTED: OnceLock<model::Time> = OnceLock::new();
    *STARTED.get_or_init(clock::now)
}
