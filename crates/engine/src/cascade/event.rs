//! What can happen to a message. Past tense.

use model::{AttemptId, Fault, Receipt};
use serde::{Deserialize, Serialize};

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The message was accepted and is being stored for the first time.
    Accepted,
    /// The dispatcher has capacity and takes the queued attempt to hand it to its network. What
    /// follows from it ([`super::Command::Send`]) is carried out only after the commit, so a
    /// crash in between leaves an attempt of unknown outcome, never an unrecorded one.
    Taken {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The network took the attempt.
    Submitted {
        /// The attempt.
        attempt: AttemptId,
        /// The network's ids, one per part (SMS segments), in order; empty if it gave none.
        upstream: Vec<String>,
    },
    /// The network did not take the attempt, or nobody knows whether it did
    /// ([`model::Cause::OutcomeUnknown`]).
    Refused {
        /// The attempt.
        attempt: AttemptId,
        /// Why.
        fault: Fault,
    },
    /// The network told the fate of an attempt, or of one part of it.
    Received {
        /// The attempt.
        attempt: AttemptId,
        /// Which part, from 0; 0 for networks without parts.
        part: u8,
        /// The news.
        receipt: Receipt,
    },
    /// The network answered a recall.
    Recalled {
        /// The attempt.
        attempt: AttemptId,
        /// Whether it took the message back.
        done: bool,
    },
    /// The alarm rang (early, late or twice is harmless).
    Woken,
    /// The caller or an operator wants the message stopped.
    Cancelled,
}
