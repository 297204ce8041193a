//! What is to be done, and why. Imperative.

use model::{AttemptId, Cause, RouteName, Time, report::Occasion};
use serde::{Deserialize, Serialize};

/// Something to do, after the state is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Put the attempt into the queue of its route. The dispatcher answers with
    /// [`super::Event::Taken`] when it has capacity, not before `not_before`.
    Enqueue {
        /// The attempt.
        attempt: AttemptId,
        /// Over which route.
        route: RouteName,
        /// Not earlier than this.
        not_before: Time,
    },
    /// Hand the attempt to its network now. Answered by `Submitted` or `Refused`.
    Send {
        /// The attempt.
        attempt: AttemptId,
        /// Over which route.
        route: RouteName,
        /// The network should give up at this instant, where it can be told.
        give_up_at: Time,
    },
    /// Take the attempt back from its network, if the network can. Answered by `Recalled`.
    Recall {
        /// The attempt.
        attempt: AttemptId,
        /// The route it went over.
        route: RouteName,
    },
    /// Something changed that callers may want to hear about.
    Notify(Occasion),
    /// The message has come to its end; emitted exactly once in the life of a message.
    Settle,
}

/// Why the engine did what it did, kept in the history for people. Serialised as written, so
/// variants are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// A step's turn came.
    StepBegun {
        /// The step.
        step: u8,
    },
    /// An attempt waits for its turn on a route.
    AttemptQueued {
        /// Step.
        step: u8,
        /// Number of the try.
        attempt: u16,
        /// Route.
        route: RouteName,
        /// Not before.
        not_before: Time,
    },
    /// The attempt's patience clock was started.
    PatienceStarted {
        /// Step.
        step: u8,
        /// When it runs out.
        until: Time,
    },
    /// Rule 2: the same route again after a delay.
    SameRoute {
        /// Step.
        step: u8,
        /// For this cause.
        cause: Cause,
        /// When.
        at: Time,
    },
    /// Rule 2: the next route.
    NextRoute {
        /// Step.
        step: u8,
        /// For this cause.
        cause: Cause,
        /// Which.
        route: RouteName,
    },
    /// The step is over without delivery.
    StepFailed {
        /// Step.
        step: u8,
        /// For this cause.
        cause: Cause,
    },
    /// Rule 7: the outcome is unknown; waiting for a receipt until then.
    Doubted {
        /// Step.
        step: u8,
        /// Until when.
        until: Time,
    },
    /// Rule 5: a delivery came after the step was given up.
    Late {
        /// The step delivered late.
        step: u8,
        /// Whether it settles the message (no later step was handed to a network yet).
        settles: bool,
    },
    /// The plan is satisfied, or at its end.
    Settled,
    /// The event changed nothing.
    Ignored,
}

/// What came of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// To be done after the commit, in order.
    pub commands: Vec<Command>,
    /// Why, in order.
    pub decisions: Vec<Decision>,
}
