//! What is remembered of a message between events.

use model::{AttemptId, RouteName, Time};
use serde::{Deserialize, Serialize};

/// The changing part of a message. Stored as JSON in the message row: field names are short and
/// only ever added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    // designed by the engine's author
}

/// An attempt waiting for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its route.
    pub route: RouteName,
    /// Not before.
    pub not_before: Time,
}

impl State {
    /// When the message must be woken next; `None` once settled with nothing left to wait for.
    #[must_use]
    pub fn wake_at(&self) -> Option<Time> {
        None
    }

    /// Whether the message has come to its end.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        false
    }
}
