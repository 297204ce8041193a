//! The knobs of the rules. The rules themselves are in `docs/cascade.md`.

use model::Span;
use serde::{Deserialize, Serialize};

/// Delays and bounds, the same for all messages of a running program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Delay before the first repetition on the same route; doubled each time up to
    /// [`Self::retry_max`]. A network's own advice wins if it is longer.
    pub retry_first: Span,
    /// Longest delay between repetitions on the same route.
    pub retry_max: Span,
    /// Most attempts within one step, over all its routes.
    pub max_attempts: u16,
    /// After this long without an answer to a hand-over, its outcome counts as unknown (a crash
    /// between hand-over and recording looks like this too). Longer than any connector's timeout.
    pub answer_within: Span,
    /// Rule 7: how long an attempt of unknown outcome waits for a receipt.
    pub grace: Span,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            retry_first: Span::from_millis(500),
            retry_max: Span::from_secs(60),
            max_attempts: 32,
            answer_within: Span::from_secs(40),
            grace: Span::from_secs(20),
        }
    }
}
