//! The cascade: one message walking through the steps of its plan.

mod command;
mod event;
mod rules;
mod state;

use model::{Brief, MessageId, Plan, Report, Time};

pub use command::{Command, Decision, Output};
pub use event::Event;
pub use rules::Rules;
pub use state::{Queued, State};

/// The fixed part of one message's cascade: what it was asked to do and by which rules.
#[derive(Clone, Copy, Debug)]
pub struct Cascade<'a> {
    /// The message.
    pub id: MessageId,
    /// Its plan.
    pub plan: &'a Plan,
    /// Its brief (schedule and expiry).
    pub brief: &'a Brief,
    /// Delays and bounds.
    pub rules: &'a Rules,
}

impl Cascade<'_> {
    /// Takes one event. Total: any event is defined in any state; stale or repeated events change
    /// nothing and emit nothing (but may add a [`Decision::Ignored`]).
    pub fn handle(&self, state: &mut State, now: Time, event: &Event, output: &mut Output) {
        let _ = (state, now, event, output);
        // implemented by the engine's author
    }

    /// The state as told to callers.
    #[must_use]
    pub fn report(&self, state: &State) -> Report {
        let _ = state;
        unreachable!("implemented by the engine's author")
    }
}
