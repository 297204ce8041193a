//! What is remembered of a message between events.

use model::{AttemptId, Cause, RouteName, Status, Time, network::NetworkCode};
use serde::{Deserialize, Serialize};

use super::attempt::Attempt;

/// The changing part of a message. Stored in the message row under the names of its fields, in
/// MessagePack or JSON: they are short and only ever added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// When the message was accepted; `None` before.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(super) accepted_at: Option<Time>,
    /// The steps begun, in plan order; the last one is the current one.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) steps: Vec<StepState>,
    /// Next alarm.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(super) wake_at: Option<Time>,
    /// How it ended.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<Ended>,
    /// When the status was last changed.
    #[serde(rename = "t", default)]
    pub(super) updated_at: Time,
}

/// The end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    #[serde(rename = "t")]
    pub(super) at: Time,
    /// The deciding step.
    #[serde(rename = "s", default, skip_serializing_if = "is_zero")]
    pub(super) step: u8,
    /// Why it failed; `None` if the deciding step satisfied the plan.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<Cause>,
}

/// One step that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StepState {
    #[serde(rename = "s")]
    pub(super) status: Status,
    /// Why it was given up, if `status` tells of a delivery nevertheless.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub(super) given_up: Option<Cause>,
    #[serde(rename = "b")]
    pub(super) begun_at: Time,
    /// When the dispatcher first took an attempt: the start of its patience.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub(super) taken_at: Option<Time>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) submitted_at: Option<Time>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(super) delivered_at: Option<Time>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(super) read_at: Option<Time>,
    #[serde(rename = "t")]
    pub(super) updated_at: Time,
    /// Index of the route in use.
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    pub(super) route: u8,
    /// Whether this route had its one repetition ([`super::Advice::OnceMore`]).
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) repeated: bool,
    /// How many delays there were, for the back-off.
    #[serde(rename = "y", default, skip_serializing_if = "is_zero")]
    pub(super) delays: u8,
    /// How many attempts were numbered.
    #[serde(rename = "n", default, skip_serializing_if = "is_zero_wide")]
    pub(super) tries: u16,
    /// How many attempts were handed over.
    #[serde(rename = "h", default, skip_serializing_if = "is_zero_wide")]
    pub(super) handed: u16,
    /// The attempt that `phase` speaks of.
    #[serde(rename = "l", default, skip_serializing_if = "is_zero_wide")]
    pub(super) live: u16,
    #[serde(rename = "p")]
    pub(super) phase: Phase,
    /// The network's last word.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(super) network: Option<NetworkCode>,
    /// Attempts that networks took, or may have taken. Refused ones are not kept, so there are at
    /// most [`super::Rules::max_attempts`].
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) attempts: Vec<Attempt>,
}

/// What the current attempt of a step is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// No attempt; the step waits for its deadline.
    #[serde(rename = "i")]
    Idle,
    /// Waits for the dispatcher.
    #[serde(rename = "q")]
    Queued(Queued),
    /// Handed over; an answer is expected until then.
    #[serde(rename = "f")]
    InFlight(Time),
    /// Of unknown outcome; a receipt may settle the doubt until then.
    #[serde(rename = "d")]
    Doubted(Time),
    /// Of unknown outcome for good; a receipt may still come until the deadline.
    #[serde(rename = "l")]
    Lost,
    /// The network took it.
    #[serde(rename = "n")]
    AtNetwork,
    /// The step is over.
    #[serde(rename = "o")]
    Over,
}

impl Phase {
    /// Whether the network has the attempt, or may have it.
    pub(super) const fn is_out(&self) -> bool {
        match self {
            Self::InFlight(_) | Self::Doubted(_) | Self::Lost | Self::AtNetwork => true,
            Self::Idle | Self::Queued(_) | Self::Over => false,
        }
    }

    /// Whether nobody knows if the network has the attempt.
    pub(super) const fn is_unknown(&self) -> bool {
        match self {
            Self::Doubted(_) | Self::Lost => true,
            Self::Idle | Self::Queued(_) | Self::InFlight(_) | Self::AtNetwork | Self::Over => false,
        }
    }
}

impl StepState {
    pub(super) const fn begun(now: Time) -> Self {
        Self {
            status: Status::Accepted,
            given_up: None,
            begun_at: now,
            taken_at: None,
            submitted_at: None,
            delivered_at: None,
            read_at: None,
            updated_at: now,
            route: 0,
            repeated: false,
            delays: 0,
            tries: 0,
            handed: 0,
            live: 0,
            phase: Phase::Idle,
            network: None,
            attempts: Vec::new(),
        }
    }

    pub(super) fn attempt(&self, number: u16) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }

    pub(super) fn attempt_mut(&mut self, number: u16) -> Option<&mut Attempt> {
        self.attempts.iter_mut().find(|attempt| attempt.number == number)
    }

    /// Why the step was given up, whether or not it delivered afterwards.
    pub(super) fn abandoned(&self) -> Option<Cause> {
        self.status.cause().or(self.given_up)
    }

    /// Takes over a higher rung. `false` if it is not higher. A step that failed is raised by
    /// nothing but a delivery, and remembers why it had been given up.
    pub(super) fn raise(&mut self, rung: Status, now: Time, at: Time) -> bool {
        match self.status {
            Status::Failed(_) if !rung.is_delivered() => return false,
            Status::Failed(cause) => self.given_up = Some(cause),
            earlier if rank(rung) <= rank(earlier) => return false,
            Status::Waiting
            | Status::Accepted
            | Status::Submitted
            | Status::Sent
            | Status::Delivered
            | Status::Read
            | Status::Played => {}
        }
        self.status = rung;
        self.updated_at = now;
        self.submitted_at.get_or_insert(now);
        if rung.is_delivered() {
            self.delivered_at.get_or_insert(at);
        }
        if matches!(rung, Status::Read | Status::Played) {
            self.read_at.get_or_insert(at);
        }
        true
    }
}

/// The place of a status in the lattice.
pub(super) const fn rank(status: Status) -> u8 {
    match status {
        Status::Waiting => 0,
        Status::Accepted | Status::Failed(_) => 1,
        Status::Submitted => 2,
        Status::Sent => 3,
        Status::Delivered => 4,
        Status::Read => 5,
        Status::Played => 6,
    }
}

/// An attempt waiting for its turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// The attempt.
    #[serde(rename = "a")]
    pub attempt: AttemptId,
    /// Its route.
    #[serde(rename = "r")]
    pub route: RouteName,
    /// Not before.
    #[serde(rename = "t")]
    pub not_before: Time,
}

/// An attempt that was handed over and may still get receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outstanding<'a> {
    /// Index of its step in the plan.
    pub step: u8,
    /// Its number within the step.
    pub attempt: u16,
    /// Index of its route in the step's routes.
    pub route: u8,
    /// The network's ids, one per part; empty before the network answered, or if it gave none.
    pub upstream: &'a [String],
}

impl State {
    /// When the message must be woken next; `None` once settled with nothing left to wait for.
    #[must_use]
    pub fn wake_at(&self) -> Option<Time> {
        self.wake_at
    }

    /// Whether the message has come to its end.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.ended.is_some()
    }

    /// When the message came to its end.
    #[must_use]
    pub fn settled_at(&self) -> Option<Time> {
        self.ended.map(|ended| ended.at)
    }

    /// When the message was accepted, by the clock of its first event.
    #[must_use]
    pub fn accepted_at(&self) -> Option<Time> {
        self.accepted_at
    }

    /// When the status was last changed.
    #[must_use]
    pub fn updated_at(&self) -> Time {
        self.updated_at
    }

    /// The attempt that waits for the dispatcher, if one does.
    #[must_use]
    pub fn queued(&self) -> Option<Queued> {
        match &self.steps.last()?.phase {
            Phase::Queued(queued) => Some(queued.clone()),
            Phase::Idle
            | Phase::InFlight(_)
            | Phase::Doubted(_)
            | Phase::Lost
            | Phase::AtNetwork
            | Phase::Over => None,
        }
    }

    /// The current step's attempt whose answer is awaited, by step and number; `None` if the
    /// message waits for something else.
    #[must_use]
    pub fn in_flight(&self) -> Option<(u8, u16)> {
        let step = self.current_step()?;
        let progress = self.steps.last()?;
        matches!(progress.phase, Phase::InFlight(_)).then_some((step, progress.live))
    }

    /// Index of the step whose turn it is, or was at the end; `None` before the first began.
    #[must_use]
    pub fn current_step(&self) -> Option<u8> {
        // A plan has at most 16 steps, so the index fits.
        self.steps.len().checked_sub(1).map(|index| index as u8)
    }

    /// Index of the step that decides [`Self::status`]; 0 before the first began.
    #[must_use]
    pub fn deciding_step(&self) -> u8 {
        self.ended.map_or_else(|| self.current_step().unwrap_or(0), |ended| ended.step)
    }

    /// The status of the message as a whole, as [`model::Report::status`] defines it.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.ended {
            Some(Ended { cause: Some(cause), .. }) => Status::Failed(cause),
            Some(Ended { step, .. }) => self.step_status(step).unwrap_or(Status::Waiting),
            None => self.steps.last().map_or(Status::Waiting, |step| step.status),
        }
    }

    /// The status of one step; `None` if it has not begun.
    #[must_use]
    pub fn step_status(&self, step: u8) -> Option<Status> {
        self.steps.get(usize::from(step)).map(|step| step.status)
    }

    /// When the dispatcher first took an attempt of this step: the start of its patience.
    #[must_use]
    pub fn taken_at(&self, step: u8) -> Option<Time> {
        self.steps.get(usize::from(step))?.taken_at
    }

    /// The network's ids of an attempt, one per part; empty if it is not known or has none.
    #[must_use]
    pub fn upstream(&self, step: u8, attempt: u16) -> &[String] {
        let step = self.steps.get(usize::from(step));
        step.and_then(|step| step.attempt(attempt)).map_or(&[], |attempt| &attempt.upstream)
    }

    /// The attempts that were handed over and may still get receipts, by step and number.
    pub fn outstanding(&self) -> impl Iterator<Item = Outstanding<'_>> {
        self.steps.iter().zip(0_u8..).flat_map(|(step, index)| {
            step.attempts.iter().filter(|attempt| !attempt.over).map(move |attempt| Outstanding {
                step: index,
                attempt: attempt.number,
                route: attempt.route,
                upstream: &attempt.upstream,
            })
        })
    }
}

pub(super) fn is_zero(number: &u8) -> bool {
    *number == 0
}

pub(super) fn is_zero_wide(number: &u16) -> bool {
    *number == 0
}
