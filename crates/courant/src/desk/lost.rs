//! Hand-overs that were open when the process ended. Only one process uses a data folder, so nobody
//! can bring their answers any more: their outcome is unknown at once, and the wait for a receipt
//! begins at the start instead of after the time that a living hand-over is given.
//!
//! Those whose time is up anyway ring by themselves. The others are found by their alarms, which lie
//! within that time; what is beyond the bound waits for its alarm as well.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use model::{AttemptId, MessageId, Span};
use tokio_util::sync::CancellationToken;

use super::shard::Job;
use crate::{clock, core::Core};

/// Most messages looked at after a start.
const MOST: usize = 100_000;
/// Alarms read at a time.
const PAGE: usize = 2000;
/// Messages loaded at a time.
const LOAD: usize = 200;

/// The hand-overs of this process whose answers are not on their way to their messages yet.
#[derive(Debug, Default)]
pub struct Open(Mutex<HashSet<AttemptId>>);

impl Open {
    fn lock(&self) -> MutexGuard<'_, HashSet<AttemptId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt is about to be handed over.
    pub fn begin(&self, attempt: AttemptId) {
        self.lock().insert(attempt);
    }

    /// Its answer has been sent to its message.
    pub fn end(&self, attempt: AttemptId) {
        self.lock().remove(&attempt);
    }

    /// Whether somebody in this process waits for its answer.
    #[must_use]
    pub fn holds(&self, attempt: AttemptId) -> bool {
        self.lock().contains(&attempt)
    }
}

/// The messages that may have had a hand-over open when the last process ended. To be asked before
/// anything is handed over by this one.
pub async fn suspects(core: &Core) -> Vec<MessageId> {
    let now = clock::now();
    let horizon = now + Span::from_millis(core.config.cascade.answer_within_ms);
    let mut suspects = Vec::new();
    let mut after = Some((now, MessageId(u128::MAX)));
    while suspects.len() < MOST {
        let page = match core.store.due(horizon, after, PAGE).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "hand-overs of the last run could not be looked for; they wait for their alarms");
                break;
            }
        };
        suspects.extend(page.iter().map(|(_, id)| *id));
        after = page.last().copied();
        if page.len() < PAGE {
            break;
        }
    }
    suspects
}

/// Tells those of these messages that have a hand-over open that its answer will not come.
pub(crate) async fn run(core: Arc<Core>, suspects: Vec<MessageId>, stop: CancellationToken) {
    let work = async {
        for ids in suspects.chunks(LOAD) {
            tell(&core, ids).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

async fn tell(core: &Core, ids: &[MessageId]) {
    // What cannot be read now is told by its alarm later.
    let Ok(records) = core.store.load(ids.to_vec()).await else { return };
    for record in records.into_iter().flatten() {
        if record.state.in_flight().is_some() {
            core.shards.send(Job::Lost { id: record.message.id }).await;
        }
    }
}
