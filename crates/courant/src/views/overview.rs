//! The state of the whole gateway at a glance.

use std::sync::atomic::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::StoreError;

use super::{Moment, Reach, routes};
use crate::{app, clock, core::Core};

/// Most parked callbacks counted.
const MOST_COUNTED: usize = 1000;

/// Counters of a running gateway; for those who may not see all, those of their accounts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overview {
    /// Version of the program.
    pub version: String,
    /// When it was started.
    pub started_at: Moment,
    /// Its clock.
    pub now: Moment,
    /// Messages accepted and not settled.
    pub unfinished: u64,
    /// Messages queued for routes, as far as memory holds them.
    pub queued: usize,
    /// Requests being worked on; none for those who may not see all.
    pub requests: Option<u64>,
    /// Alarms held in memory; none for those who may not see all.
    pub alarms: Option<usize>,
    /// Routes that can send now.
    pub routes_up: usize,
    /// Routes that cannot.
    pub routes_down: usize,
    /// Callbacks given up, counted up to 1000.
    pub callbacks_parked: usize,
    /// When the next callback is due; none for those who may not see all.
    pub next_callback_at: Option<Moment>,
    /// The store; none for those who may not see all.
    pub store: Option<StoreView>,
}

/// Counters of the store since the start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoreView {
    /// Transactions.
    pub commits: u64,
    /// Changes applied.
    pub changes: u64,
    /// Mean time of a commit, in milliseconds.
    pub commit_ms: f64,
    /// Changes waiting now.
    pub waiting: u64,
    /// Size in bytes.
    pub bytes: u64,
}

/// Counts.
///
/// # Errors
/// If the store cannot answer.
pub async fn overview(core: &Core, reach: &Reach) -> Result<Overview, StoreError> {
    let unfinished = core.store.unfinished().await?;
    let unfinished = unfinished.iter().filter(|(account, _)| reach.covers(account));
    let mut parked = 0;
    for account in reach.narrowed(None) {
        parked += core.store.callbacks_parked(account, 0, MOST_COUNTED).await?.len();
    }
    let all = *reach == Reach::All;
    let ways = if all { ways_of_all(core) } else { ways_within(core, reach).await? };
    Ok(Overview {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: app::started_at().into(),
        now: clock::now().into(),
        unfinished: unfinished.map(|(_, count)| count).sum(),
        queued: ways.queued,
        requests: all.then(|| core.metrics.in_work.load(Ordering::Relaxed)),
        alarms: all.then(|| core.timers.len()),
        routes_up: ways.up,
        routes_down: ways.down,
        callbacks_parked: parked.min(MOST_COUNTED),
        next_callback_at: if all { core.store.next_callback_at().await?.map(Moment) } else { None },
        store: all.then(|| store(core)),
    })
}

/// Routes, and what waits for them.
struct Ways {
    up: usize,
    down: usize,
    queued: usize,
}

fn ways_of_all(core: &Core) -> Ways {
    let up = core.routes.all().filter(|route| route.connector.health().up).count();
    let depths = core.routes.all().filter_map(|route| core.dispatcher.depth(&route.name));
    Ways { up, down: core.routes.all().count() - up, queued: depths.map(|depth| depth.queued).sum() }
}

/// Memory does not tell the lanes of accounts apart: what waits is counted in the store.
async fn ways_within(core: &Core, reach: &Reach) -> Result<Ways, StoreError> {
    let routes = routes(core, reach).await?;
    let up = routes.iter().filter(|route| route.up).count();
    let queued = routes.iter().map(|route| route.queued).sum();
    Ok(Ways { up, down: routes.len() - up, queued })
}

fn store(core: &Core) -> StoreView {
    let stats = core.store.stats();
    let commits = stats.commits.max(1) as f64;
    StoreView {
        commits: stats.commits,
        changes: stats.changes,
        commit_ms: stats.commit_micros as f64 * 1e-3 / commits,
        waiting: stats.waiting,
        bytes: stats.bytes,
    }
}
