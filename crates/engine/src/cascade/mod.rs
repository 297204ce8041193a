//! The cascade: one message walking through the steps of its plan.
//!
//! [`Cascade::handle`] is the whole of it: time and [`Event`] in, changed [`State`], [`Command`]s
//! and [`Decision`]s out. `walk` holds what each event does, `turn` how steps begin and end,
//! `rules` the delays and the table from cause to [`Advice`]. What it deliberately does not know:
//! content, rates, windows and networks; those belong to the dispatcher and the connectors.

mod attempt;
mod command;
mod event;
mod rules;
mod state;
mod turn;
mod walk;

#[cfg(test)]
mod tests;

use model::{Brief, MessageId, Plan, Report, RouteName, Step, StepReport, Time};

pub use command::{Command, Decision, Output};
pub use event::Event;
pub use rules::{Advice, Rules};
pub use state::{Outstanding, Queued, State};

use state::StepState;
use walk::Walk;

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
    ///
    /// # Panics
    /// If a settled message were about to send: an error of ours that must never reach a person.
    pub fn handle(&self, state: &mut State, now: Time, event: &Event, output: &mut Output) {
        Walk { cascade: *self, state, now, output }.take(event);
    }

    /// The state as told to callers.
    #[must_use]
    pub fn report(&self, state: &State) -> Report {
        let begun = self.plan.steps().iter().zip(&state.steps).zip(0_u8..);
        Report {
            status: state.status(),
            settled: state.is_settled(),
            updated_at: state.updated_at(),
            deciding_step: state.deciding_step(),
            steps: begun.map(|((step, progress), index)| step_report(index, step, progress)).collect(),
        }
    }

    /// The route over which an attempt was handed over; `None` if the attempt is not known (any
    /// more).
    #[must_use]
    pub fn route_of(&self, state: &State, step: u8, attempt: u16) -> Option<&RouteName> {
        let index = state.steps.get(usize::from(step))?.attempt(attempt)?.route;
        Some(&self.plan.step(step)?.routes.get(usize::from(index))?.route)
    }
}

fn step_report(index: u8, step: &Step, progress: &StepState) -> StepReport {
    let taken = progress.attempts.iter().rev().find(|attempt| !attempt.upstream.is_empty());
    StepReport {
        index,
        channel: step.channel,
        sender: step.sender.clone(),
        status: progress.status,
        given_up: progress.given_up,
        network: progress.network.clone(),
        upstream: taken.and_then(|attempt| attempt.upstream.first().cloned()),
        attempts: progress.handed,
        parts: taken.map_or(1, |attempt| attempt.upstream.len() as u16),
        begun_at: progress.begun_at,
        submitted_at: progress.submitted_at,
        delivered_at: progress.delivered_at,
        read_at: progress.read_at,
        updated_at: progress.updated_at,
    }
}
