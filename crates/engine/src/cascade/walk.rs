//! What each event does. Every function here says whether the event changed anything.

use model::{AttemptId, Cause, Fault, Receipt, ReceiptStatus, Status, Time, message::OnUnknown};

use super::{
    Cascade, Command, Decision, Event, Output, State,
    attempt::Attempt,
    state::{Phase, StepState},
};

/// One event on its way through the state.
pub(super) struct Walk<'a> {
    pub(super) cascade: Cascade<'a>,
    pub(super) state: &'a mut State,
    pub(super) now: Time,
    pub(super) output: &'a mut Output,
}

impl Walk<'_> {
    pub(super) fn take(mut self, event: &Event) {
        if self.apply(event) {
            self.state.wake_at = self.alarm();
        } else {
            self.decide(Decision::Ignored);
        }
    }

    fn apply(&mut self, event: &Event) -> bool {
        if self.state.accepted_at.is_none() {
            return matches!(event, Event::Accepted) && self.accepted();
        }
        match event {
            Event::Accepted => false,
            Event::Taken { attempt } => self.taken(*attempt),
            Event::Submitted { attempt, upstream } => {
                self.place(*attempt).is_some_and(|step| self.submitted(step, attempt.attempt, upstream))
            }
            Event::Refused { attempt, fault } => {
                self.place(*attempt).is_some_and(|step| self.refused(step, attempt.attempt, fault))
            }
            Event::Received { attempt, part, receipt } => {
                self.place(*attempt).is_some_and(|step| self.received(step, attempt.attempt, *part, receipt))
            }
            Event::Recalled { attempt, done } => {
                *done && self.place(*attempt).is_some_and(|step| self.withdrawn(step, attempt.attempt))
            }
            Event::Woken => self.woken(),
            Event::Cancelled => self.cancelled(),
        }
    }

    fn accepted(&mut self) -> bool {
        self.state.accepted_at = Some(self.now);
        self.state.updated_at = self.now;
        if self.starts_at().is_none_or(|at| at <= self.now) {
            self.begin_or_fall();
        }
        true
    }

    /// The dispatcher's turn. Past the deadline it is no more than an alarm.
    fn taken(&mut self, id: AttemptId) -> bool {
        let Some(queued) = self.state.queued().filter(|queued| queued.attempt == id) else {
            return false;
        };
        if self.deadline() <= self.now {
            return self.woken();
        }
        self.hand_over(id, queued.route);
        true
    }

    fn hand_over(&mut self, attempt: AttemptId, route: model::RouteName) {
        let (now, answer_by) = (self.now, self.now + self.cascade.rules.answer_within);
        let step = self.current_mut();
        let first = step.taken_at.is_none();
        step.taken_at.get_or_insert(now);
        step.handed = step.handed.saturating_add(1);
        step.attempts.push(Attempt::handed_over(attempt.attempt, step.route));
        step.phase = Phase::InFlight(answer_by);
        let give_up_at = self.deadline();
        if first {
            self.decide(Decision::PatienceStarted { step: attempt.step, until: give_up_at });
        }
        self.send(Command::Send { attempt, route, give_up_at });
    }

    fn submitted(&mut self, step: usize, number: u16, upstream: &[String]) -> bool {
        let Some(attempt) = self.attempt_mut(step, number).filter(|attempt| !attempt.answered) else {
            return false;
        };
        attempt.answered = true;
        attempt.upstream = upstream.iter().take(Attempt::MAX_PARTS).cloned().collect();
        let over = attempt.over;
        let progress = &mut self.state.steps[step];
        progress.submitted_at.get_or_insert(self.now);
        // Some networks recall by their own id alone, which was not known when the step ended.
        let unwanted = progress.status.cause().is_some();
        if !over && unwanted {
            self.take_back(step, number);
        } else if !over {
            self.at_network(step, number);
            self.raise(step, number, Status::Submitted, self.now);
        }
        true
    }

    fn refused(&mut self, step: usize, number: u16, fault: &Fault) -> bool {
        let pending = |attempt: &&mut Attempt| !attempt.answered && !attempt.over && !attempt.has_news();
        if self.attempt_mut(step, number).filter(pending).is_none() {
            return false;
        }
        match fault.cause {
            Cause::OutcomeUnknown => self.answer_lost(step, number, fault),
            cause => {
                self.remember_network(step, fault.network.as_ref());
                let live = self.is_live(step, number);
                self.state.steps[step].attempts.retain(|attempt| attempt.number != number);
                if live {
                    self.current_mut().phase = Phase::Idle;
                    self.follow(cause, fault.retry_after);
                }
                true
            }
        }
    }

    /// Rule 7: the outcome of a hand-over is unknown.
    fn answer_lost(&mut self, step: usize, number: u16, fault: &Fault) -> bool {
        let in_flight = matches!(self.state.steps[step].phase, Phase::InFlight(_));
        if !in_flight || !self.is_live(step, number) {
            return false;
        }
        self.remember_network(step, fault.network.as_ref());
        self.doubt();
        true
    }

    fn received(&mut self, step: usize, number: u16, part: u8, receipt: &Receipt) -> bool {
        let Some(attempt) = self.attempt_mut(step, number) else { return false };
        if !attempt.note(part, receipt.status) {
            return false;
        }
        let (rung, over) = (attempt.rung(), attempt.over);
        self.remember_network(step, receipt.network.as_ref());
        match receipt.status {
            ReceiptStatus::Failed(cause) => self.attempt_failed(step, number, cause),
            ReceiptStatus::Sent | ReceiptStatus::Delivered | ReceiptStatus::Read | ReceiptStatus::Played => {
                if !over {
                    self.at_network(step, number);
                }
                if let Some(rung) = rung {
                    self.raise(step, number, rung, self.plausible(step, receipt.at));
                }
            }
        }
        true
    }

    fn attempt_failed(&mut self, step: usize, number: u16, cause: Cause) {
        if let Some(attempt) = self.attempt_mut(step, number) {
            attempt.over = true;
        }
        if self.is_live(step, number) && !self.state.steps[step].status.is_delivered() {
            self.current_mut().phase = Phase::Idle;
            self.follow(cause, None);
        }
    }

    /// The network took an attempt back: nothing more is expected of it. An attempt that is still
    /// wanted was never recalled, so this cannot be about it.
    fn withdrawn(&mut self, step: usize, number: u16) -> bool {
        if self.is_live(step, number) {
            return false;
        }
        let Some(attempt) = self.attempt_mut(step, number).filter(|attempt| !attempt.over) else {
            return false;
        };
        attempt.over = true;
        true
    }

    fn woken(&mut self) -> bool {
        let mut changed = false;
        while !self.state.is_settled() && self.due() {
            changed = true;
        }
        changed
    }

    /// Does one thing that is due. Each brings the message closer to its end or to the
    /// dispatcher, so a waking ends.
    fn due(&mut self) -> bool {
        if self.state.steps.is_empty() {
            let due = self.starts_at().is_none_or(|at| at <= self.now);
            if due {
                self.begin_or_fall();
            }
            return due;
        }
        if self.deadline() <= self.now {
            self.fall(self.overdue_cause());
            return true;
        }
        match self.current().phase {
            Phase::InFlight(until) if until <= self.now => self.doubt(),
            Phase::Doubted(until) if until <= self.now => self.grace_ended(),
            Phase::InFlight(_)
            | Phase::Doubted(_)
            | Phase::Idle
            | Phase::Queued(_)
            | Phase::Lost
            | Phase::AtNetwork
            | Phase::Over => return false,
        }
        true
    }

    fn doubt(&mut self) {
        let until = self.now + self.cascade.rules.grace;
        self.current_mut().phase = Phase::Doubted(until);
        let step = self.current_index();
        self.decide(Decision::Doubted { step, until });
    }

    /// Rule 7: no receipt settled the doubt, so the route's policy applies.
    fn grace_ended(&mut self) {
        match self.on_unknown() {
            OnUnknown::AtLeastOnce => self.again(Cause::OutcomeUnknown, self.now),
            OnUnknown::AtMostOnce if self.is_last() => self.current_mut().phase = Phase::Lost,
            OnUnknown::AtMostOnce => self.fall(Cause::OutcomeUnknown),
        }
    }

    fn cancelled(&mut self) -> bool {
        if self.state.is_settled() {
            return false;
        }
        self.stop(Cause::Cancelled);
        true
    }

    /// The network has this attempt after all: no other try of its step is wanted. An older
    /// attempt takes the place of one that still waits for its turn.
    fn at_network(&mut self, step: usize, number: u16) {
        if self.state.is_settled() || step + 1 != self.state.steps.len() {
            return;
        }
        let progress = &mut self.state.steps[step];
        let wanted = match progress.phase {
            Phase::InFlight(_) | Phase::Doubted(_) | Phase::Lost => progress.live == number,
            Phase::Queued(_) | Phase::Idle => true,
            Phase::AtNetwork | Phase::Over => false,
        };
        if wanted {
            make_live(progress, number);
        }
    }

    /// Whether the current step's current attempt is this one and out at a network.
    fn is_live(&self, step: usize, number: u16) -> bool {
        let progress = &self.state.steps[step];
        !self.state.is_settled()
            && step + 1 == self.state.steps.len()
            && progress.live == number
            && progress.phase.is_out()
    }

    /// The place of the attempt's step; `None` if it is not an attempt of this message or its
    /// step has not begun.
    fn place(&self, attempt: AttemptId) -> Option<usize> {
        let step = usize::from(attempt.step);
        (attempt.message == self.cascade.id && step < self.state.steps.len()).then_some(step)
    }

    fn attempt_mut(&mut self, step: usize, number: u16) -> Option<&mut Attempt> {
        self.state.steps[step].attempt_mut(number)
    }

    fn remember_network(&mut self, step: usize, code: Option<&model::network::NetworkCode>) {
        if let Some(code) = code {
            self.state.steps[step].network = Some(code.clone());
        }
    }

    /// The network's own time of the news if it can be true, else now: networks' clocks are off
    /// by hours at times, and some count whole minutes only.
    fn plausible(&self, step: usize, at: Option<Time>) -> Time {
        let earliest = self.state.steps[step].begun_at;
        at.filter(|at| (earliest..=self.now).contains(at)).unwrap_or(self.now)
    }
}

fn make_live(progress: &mut StepState, number: u16) {
    if let Some(route) = progress.attempt(number).map(|attempt| attempt.route) {
        progress.route = route;
        progress.live = number;
        progress.phase = Phase::AtNetwork;
    }
}
