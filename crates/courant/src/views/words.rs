//! Events and decisions in plain words.

use engine::{Decision, Event};
use model::{Cause, Fault, Receipt, ReceiptStatus};
use store::{Happening, Record};

/// The channel of a step, for people.
#[must_use]
pub fn channel(record: &Record, step: u8) -> &'static str {
    record.message.plan().step(step).map_or("?", |step| step.channel.as_str())
}

/// What happened, in words.
#[must_use]
pub fn happening(record: &Record, what: &Happening) -> String {
    match what {
        Happening::Event(event) => self::event(record, event),
        Happening::Note { by, text } => format!("{by}: {text}"),
    }
}

/// An event, in words.
#[must_use]
pub fn event(record: &Record, event: &Event) -> String {
    match event {
        Event::Accepted => "accepted and stored".to_owned(),
        Event::Taken { attempt } => format!("handed to {}", channel(record, attempt.step)),
        Event::Submitted { attempt, .. } => format!("{} took it", channel(record, attempt.step)),
        Event::Refused { attempt, fault } => {
            format!("{} refused it: {}", channel(record, attempt.step), fault.cause.text())
        }
        Event::Received { attempt, receipt, .. } => {
            format!("{} says {}", channel(record, attempt.step), receipt_status(receipt.status))
        }
        Event::Recalled { attempt, done } => format!(
            "{} was asked to take it back: {}",
            channel(record, attempt.step),
            if *done { "done" } else { "no" }
        ),
        Event::Woken => "the clock rang".to_owned(),
        Event::Cancelled => "cancelled".to_owned(),
    }
}

/// What a network reports, in words.
#[must_use]
pub fn receipt_status(status: ReceiptStatus) -> String {
    match status {
        ReceiptStatus::Sent => "it is on its way".to_owned(),
        ReceiptStatus::Delivered => "it is delivered".to_owned(),
        ReceiptStatus::Read => "it is read".to_owned(),
        ReceiptStatus::Played => "it is played".to_owned(),
        ReceiptStatus::Failed(cause) => format!("it failed: {}", cause.text()),
    }
}

/// A decision, in words; `None` for those that only repeat what other lines say.
#[must_use]
pub fn decision(record: &Record, decision: &Decision) -> Option<String> {
    match decision {
        Decision::StepFailed { step, cause } => {
            Some(format!("{} is given up: {}", channel(record, *step), cause.text()))
        }
        Decision::StepBegun { step } => Some(format!("step {}: {}", step + 1, channel(record, *step))),
        Decision::SameRoute { cause, .. } => Some(format!("the same route again: {}", cause.text())),
        Decision::NextRoute { route, cause, .. } => Some(format!("next route {route}: {}", cause.text())),
        Decision::Doubted { .. } => {
            Some("nobody knows whether it was taken; waiting for a receipt".to_owned())
        }
        Decision::Late { step, .. } => Some(format!("{} delivered late", channel(record, *step))),
        Decision::Settled => Some(format!("settled: {}", record.state.status().as_str())),
        Decision::AttemptQueued { .. } | Decision::PatienceStarted { .. } | Decision::Ignored => None,
    }
}

/// The name of a kind of event, as programs see it.
#[must_use]
pub const fn happening_kind(what: &Happening) -> &'static str {
    match what {
        Happening::Event(event) => match event {
            Event::Accepted => "accepted",
            Event::Taken { .. } => "taken",
            Event::Submitted { .. } => "submitted",
            Event::Refused { .. } => "refused",
            Event::Received { .. } => "received",
            Event::Recalled { .. } => "recalled",
            Event::Woken => "woken",
            Event::Cancelled => "cancelled",
        },
        Happening::Note { .. } => "note",
    }
}

/// The name of a kind of decision, as programs see it.
#[must_use]
pub const fn decision_kind(decision: &Decision) -> &'static str {
    match decision {
        Decision::StepBegun { .. } => "step_begun",
        Decision::AttemptQueued { .. } => "attempt_queued",
        Decision::PatienceStarted { .. } => "patience_started",
        Decision::SameRoute { .. } => "same_route",
        Decision::NextRoute { .. } => "next_route",
        Decision::StepFailed { .. } => "step_failed",
        Decision::Doubted { .. } => "doubted",
        Decision::Late { .. } => "late",
        Decision::Settled => "settled",
        Decision::Ignored => "ignored",
    }
}

/// The rule of the cascade that a decision follows, by its number in `docs/cascade.md`.
#[must_use]
pub const fn rule(decision: &Decision) -> u8 {
    match decision {
        Decision::StepBegun { .. } | Decision::AttemptQueued { .. } => 1,
        Decision::SameRoute { .. } | Decision::NextRoute { .. } => 2,
        Decision::StepFailed { cause: Cause::PatienceExpired, .. } | Decision::PatienceStarted { .. } => 3,
        Decision::StepFailed { .. } => 2,
        Decision::Settled => 4,
        Decision::Late { .. } => 5,
        Decision::Doubted { .. } => 7,
        Decision::Ignored => 8,
    }
}

/// The step that an event is about.
#[must_use]
pub const fn step_of(what: &Happening) -> Option<u8> {
    match what {
        Happening::Event(event) => match event {
            Event::Taken { attempt }
            | Event::Submitted { attempt, .. }
            | Event::Refused { attempt, .. }
            | Event::Received { attempt, .. }
            | Event::Recalled { attempt, .. } => Some(attempt.step),
            Event::Accepted | Event::Woken | Event::Cancelled => None,
        },
        Happening::Note { .. } => None,
    }
}

/// The fault or receipt that an event carries from a network.
#[must_use]
pub const fn said(what: &Happening) -> (Option<&Fault>, Option<&Receipt>) {
    match what {
        Happening::Event(Event::Refused { fault, .. }) => (Some(fault), None),
        Happening::Event(Event::Received { receipt, .. }) => (None, Some(receipt)),
        Happening::Event(
            Event::Accepted
            | Event::Taken { .. }
            | Event::Submitted { .. }
            | Event::Recalled { .. }
            | Event::Woken
            | Event::Cancelled,
        )
        | Happening::Note { .. } => (None, None),
    }
}
