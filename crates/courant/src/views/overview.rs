//! The state of the whole gateway at a glance.

use std::sync::atomic::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::StoreError;

use super::Moment;
use crate::{app, clock, core::Core};

/// Most parked callbacks counted.
const MOST_COUNTED: usize = 1000;

/// Counters of a running gateway.
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
    /// Requests being worked on.
    pub requests: u64,
    /// Alarms held in memory.
    pub alarms: usize,
    /// Routes that can send now.
    pub routes_up: usize,
    /// Routes that cannot.
    pub routes_down: usize,
    /// Callbacks given up, counted up to 1000.
    pub callbacks_parked: usize,
    /// When the next callback is due.
    pub next_callback_at: Option<Moment>,
    /// The store.
    pub store: StoreView,
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
pub async fn overview(core: &Core) -> Result<Overview, StoreError> {
    let unfinished = core.store.unfinished().await?;
    let parked = core.store.callbacks_parked(None, 0, MOST_COUNTED).await?;
    let up = core.routes.all().filter(|route| route.connector.health().up).count();
    Ok(Overview {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: app::started_at().into(),
        now: clock::now().into(),
        unfinished: unfinished.iter().map(|(_, count)| count).sum(),
        queued: core
            .routes
            .all()
            .filter_map(|route| core.dispatcher.depth(&route.name))
            .map(|depth| depth.queued)
            .sum(),
        requests: core.metrics.in_work.load(Ordering::Relaxed),
        alarms: core.timers.len(),
        routes_up: up,
        routes_down: core.routes.all().count() - up,
        callbacks_parked: parked.len(),
        next_callback_at: core.store.next_callback_at().await?.map(Moment),
        store: store(core),
    })
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
