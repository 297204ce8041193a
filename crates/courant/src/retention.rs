//! Removes settled messages after their retention, in small batches in the background.

use std::sync::Arc;

use model::Span;
use tokio_util::sync::CancellationToken;

use crate::{clock, core::Core};

/// Messages removed per transaction.
const BATCH: usize = 500;
/// Pause between batches, so that callers do not wait behind the removal.
const BREATH: Span = Span::from_millis(50);
/// Pause when there is nothing (more) to remove.
const REST: Span = Span::from_mins(5);

/// Removes until `stop`.
pub async fn run(core: Arc<Core>, stop: CancellationToken) {
    let keep = Span::from_hours(core.config.store.retention_hours);
    loop {
        let now = clock::now();
        let pause = match core.store.sweep(now - keep, now, BATCH).await {
            Ok(removed) if removed == BATCH => BREATH,
            Ok(_) => REST,
            Err(error) => {
                tracing::warn!(%error, "old messages could not be removed");
                REST
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause.to_std()) => {}
        }
    }
}
