//! How steps begin, go on, succeed and end, and with the last of them the message.

use model::{
    AttemptId, Cause, Span, Status, Step, Time,
    message::{Body, OnUnknown, Until},
    report::Occasion,
};

use super::{
    Advice, Command, Decision,
    state::{Ended, Phase, Queued, StepState, rank},
    walk::Walk,
};

impl Walk<'_> {
    /// Begins the next step, or the one after it if that one can never be sent, and so on.
    pub(super) fn begin_or_fall(&mut self) {
        if let Some(obstacle) = self.begin() {
            self.fall(obstacle);
        }
    }

    /// The current step is over without success; the next one begins, if the message has one left.
    pub(super) fn fall(&mut self, cause: Cause) {
        let mut obstacle = Some(cause);
        while let Some(cause) = obstacle {
            let ends = self.is_last() || self.is_expired();
            self.give_up(cause, ends);
            obstacle = if ends { None } else { self.begin() };
        }
    }

    /// Ends the whole message without success.
    pub(super) fn stop(&mut self, cause: Cause) {
        if self.state.steps.is_empty() {
            self.settle(0, Some(cause));
        } else {
            self.give_up(cause, true);
        }
    }

    /// Rule 2: the cause alone decides.
    pub(super) fn follow(&mut self, cause: Cause, advised: Option<Span>) {
        match Advice::of(cause) {
            Advice::SameRoute => self.wait(cause, advised),
            Advice::OnceMore if self.current().repeated => self.next_route(cause),
            Advice::OnceMore => {
                self.current_mut().repeated = true;
                self.wait(cause, advised);
            }
            Advice::NextRouteOrWait if self.has_next_route() => self.next_route(cause),
            Advice::NextRouteOrWait => {
                self.use_route(0);
                self.wait(cause, Some(self.outage_pause().max(advised.unwrap_or(Span::ZERO))));
            }
            Advice::NextRoute => self.next_route(cause),
            Advice::NextStep => self.fall(cause),
            Advice::Stop => self.stop(cause),
        }
    }

    fn wait(&mut self, cause: Cause, advised: Option<Span>) {
        let step = self.current_mut();
        let earlier = step.delays;
        step.delays = earlier.saturating_add(1);
        self.again(cause, self.now + self.cascade.rules.delay(earlier, cause, advised));
    }

    /// Half the time that the step has taken so far. Waiting in proportion makes the bound on
    /// attempts last through an outage of days, and costs a message at most half of the outage.
    fn outage_pause(&self) -> Span {
        let taken_at = self.current().taken_at.unwrap_or(self.now);
        Span::from_micros(self.now.since(taken_at).as_micros().unsigned_abs() / 2)
    }

    fn next_route(&mut self, cause: Cause) {
        if !self.has_next_route() {
            return self.fall(cause);
        }
        let (step, next) = (self.current_index(), self.current().route + 1);
        self.use_route(next);
        if let Some(route) = self.plan_step().routes.get(usize::from(next)).map(|choice| choice.route.clone())
        {
            self.decide(Decision::NextRoute { step, cause, route });
        }
        self.queue_or_fall(cause, self.now);
    }

    fn use_route(&mut self, index: u8) {
        let step = self.current_mut();
        step.route = index;
        step.repeated = false;
    }

    /// The same route again, not before `at`.
    pub(super) fn again(&mut self, cause: Cause, at: Time) {
        let step = self.current_index();
        self.decide(Decision::SameRoute { step, cause, at });
        self.queue_or_fall(cause, at);
    }

    fn queue_or_fall(&mut self, cause: Cause, at: Time) {
        if self.current().tries >= self.cascade.rules.most_attempts() {
            self.fall(cause);
        } else {
            self.queue(at);
        }
    }

    /// The next step's turn. Says why it can never be sent, if so.
    fn begin(&mut self) -> Option<Cause> {
        self.state.steps.push(StepState::begun(self.now));
        self.state.updated_at = self.now;
        let step = self.current_index();
        self.decide(Decision::StepBegun { step });
        let obstacle = obstacle(self.plan_step());
        if obstacle.is_none() {
            self.queue(self.now);
        }
        obstacle
    }

    /// Numbers an attempt and puts it into the queue of its route. Nothing starts at or after the
    /// deadline: then the step merely waits for it.
    fn queue(&mut self, not_before: Time) {
        if not_before >= self.deadline() {
            self.current_mut().phase = Phase::Idle;
            return;
        }
        let (message, step) = (self.cascade.id, self.current_index());
        let index = usize::from(self.current().route);
        let route = self.plan_step().routes[index].route.clone();
        let progress = self.current_mut();
        let number = progress.tries;
        progress.tries += 1;
        progress.live = number;
        let attempt = AttemptId { message, step, attempt: number };
        progress.phase = Phase::Queued(Queued { attempt, route: route.clone(), not_before });
        self.decide(Decision::AttemptQueued { step, attempt: number, route: route.clone(), not_before });
        self.send(Command::Enqueue { attempt, route, not_before });
    }

    /// The current step ends without success, and the message with it if `ends`. A step that was
    /// delivered but not read as asked keeps its status.
    fn give_up(&mut self, cause: Cause, ends: bool) {
        let (now, index) = (self.now, self.current_index());
        let delivered = self.current().status.is_delivered();
        if !delivered {
            self.recall();
        }
        let step = self.current_mut();
        step.phase = Phase::Over;
        if !delivered {
            step.status = Status::Failed(cause);
            step.updated_at = now;
        } else if !ends {
            step.given_up = Some(cause);
        }
        self.decide(Decision::StepFailed { step: index, cause });
        match (ends, delivered) {
            (true, true) => self.settle(index, None),
            (true, false) => self.settle(index, Some(cause)),
            (false, true) => {}
            (false, false) => self.notify(index, Status::Failed(cause), false),
        }
    }

    /// Takes the current attempt back, if a network has it or may have it.
    fn recall(&mut self) {
        if self.current().phase.is_out() {
            self.take_back(self.state.steps.len() - 1, self.current().live);
        }
    }

    /// Takes an attempt back that was handed over.
    pub(super) fn take_back(&mut self, step: usize, number: u16) {
        let Some(index) = self.state.steps[step].attempt(number).map(|attempt| attempt.route) else { return };
        let attempt = AttemptId { message: self.cascade.id, step: step as u8, attempt: number };
        if let Some(choice) = self.cascade.plan.steps()[step].routes.get(usize::from(index)) {
            self.output.commands.push(Command::Recall { attempt, route: choice.route.clone() });
        }
    }

    /// An attempt brought its step to this rung.
    pub(super) fn raise(&mut self, step: usize, number: u16, rung: Status, at: Time) {
        let given_up = self.state.steps[step].abandoned();
        if !self.state.steps[step].raise(rung, self.now, at) {
            return;
        }
        self.state.updated_at = self.now;
        let index = step as u8;
        if self.state.is_settled() {
            self.rose_afterwards(index, rung, given_up);
        } else if given_up.is_some() {
            self.rose_late(index, rung);
        } else if satisfies(self.plan_until(step), rung) {
            self.succeed(index, number);
        } else {
            self.notify(index, rung, false);
        }
    }

    /// News after the end: of the deciding step it is a reading, of any other it is late.
    fn rose_afterwards(&mut self, step: u8, rung: Status, given_up: Option<Cause>) {
        let decided = self.state.ended.is_some_and(|ended| ended.step == step && ended.cause.is_none());
        let late = given_up.is_some() && !decided;
        if late {
            self.decide(Decision::Late { step, settles: false });
        }
        self.notify(step, rung, late);
    }

    /// Rule 5: a delivery on a step given up before.
    fn rose_late(&mut self, step: u8, rung: Status) {
        let later = &self.state.steps[usize::from(step) + 1..];
        let unsent = later.iter().all(|later| later.handed == 0);
        let settles = unsent && satisfies(self.plan_until(usize::from(step)), rung);
        self.decide(Decision::Late { step, settles });
        if settles {
            // The current step only waited in our own queue: its turn is taken back.
            self.state.steps.pop();
            self.settle(step, None);
        } else {
            self.notify(step, rung, true);
        }
    }

    /// The current step satisfied the plan. A newer try of it must not reach the person too.
    fn succeed(&mut self, step: u8, number: u16) {
        if self.current().live != number {
            self.recall();
        }
        self.current_mut().phase = Phase::Over;
        self.settle(step, None);
    }

    fn settle(&mut self, step: u8, cause: Option<Cause>) {
        assert!(!self.state.is_settled(), "a message settles once");
        self.state.ended = Some(Ended { at: self.now, step, cause });
        self.state.updated_at = self.now;
        let status = self.state.status();
        self.decide(Decision::Settled);
        self.output.commands.push(Command::Notify(Occasion { step, status, settles: true, late: false }));
        self.output.commands.push(Command::Settle);
    }

    fn notify(&mut self, step: u8, status: Status, late: bool) {
        self.output.commands.push(Command::Notify(Occasion { step, status, settles: false, late }));
    }

    /// The only way to a command that leads to a network.
    pub(super) fn send(&mut self, command: Command) {
        assert!(!self.state.is_settled(), "a settled message never sends");
        self.output.commands.push(command);
    }

    pub(super) fn decide(&mut self, decision: Decision) {
        self.output.decisions.push(decision);
    }

    /// When the message must be looked at again.
    pub(super) fn alarm(&self) -> Option<Time> {
        if self.state.is_settled() {
            return None;
        }
        let Some(step) = self.state.steps.last() else {
            return self.starts_at().or(self.state.accepted_at);
        };
        let deadline = self.deadline();
        match step.phase {
            Phase::InFlight(until) | Phase::Doubted(until) => Some(until.min(deadline)),
            Phase::Idle | Phase::Queued(_) | Phase::Lost | Phase::AtNetwork | Phase::Over => Some(deadline),
        }
    }

    /// When the first step may begin, if not at once; no later than the expiry.
    pub(super) fn starts_at(&self) -> Option<Time> {
        let brief = self.cascade.brief;
        let latest = brief.expires_at.unwrap_or(Time(i64::MAX));
        brief.send_at.map(|at| at.min(latest))
    }

    /// When the current step gives up: after its patience (the last one: its validity), counted
    /// from the first hand-over. A step that is never handed over gives up after its validity.
    pub(super) fn deadline(&self) -> Time {
        let (step, progress) = (self.plan_step(), self.current());
        let own = match progress.taken_at {
            Some(taken) if self.is_last() => taken + step.validity,
            Some(taken) => taken + step.patience,
            None => progress.begun_at + step.validity,
        };
        self.cascade.brief.expires_at.map_or(own, |expiry| own.min(expiry))
    }

    /// What it means that the deadline of the current step passed.
    pub(super) fn overdue_cause(&self) -> Cause {
        let step = self.current();
        if self.is_last() && step.phase.is_unknown() {
            Cause::OutcomeUnknown
        } else if self.is_last() || self.is_expired() || step.taken_at.is_none() {
            Cause::ValidityExpired
        } else {
            Cause::PatienceExpired
        }
    }

    fn is_expired(&self) -> bool {
        self.cascade.brief.expires_at.is_some_and(|expiry| expiry <= self.now)
    }

    pub(super) fn is_last(&self) -> bool {
        self.state.steps.len() >= self.cascade.plan.steps().len()
    }

    fn has_next_route(&self) -> bool {
        let next = self.current().route.checked_add(1).map(usize::from);
        next.is_some_and(|next| next < self.plan_step().routes.len())
    }

    /// The policy of the route in use for unknown outcomes.
    pub(super) fn on_unknown(&self) -> OnUnknown {
        let index = usize::from(self.current().route);
        self.plan_step().routes.get(index).map_or(OnUnknown::AtMostOnce, |choice| choice.on_unknown)
    }

    fn plan_until(&self, step: usize) -> Until {
        self.cascade.plan.steps()[step].until
    }

    fn plan_step(&self) -> &Step {
        &self.cascade.plan.steps()[usize::from(self.current_index())]
    }

    pub(super) fn current_index(&self) -> u8 {
        self.state.current_step().expect("asked only once a step has begun")
    }

    pub(super) fn current(&self) -> &StepState {
        self.state.steps.last().expect("asked only once a step has begun")
    }

    pub(super) fn current_mut(&mut self) -> &mut StepState {
        self.state.steps.last_mut().expect("asked only once a step has begun")
    }
}

/// Why a step can never be sent, if so.
fn obstacle(step: &Step) -> Option<Cause> {
    match &step.body {
        Body::Void(cause) => Some(*cause),
        Body::Ready(_) => step.routes.is_empty().then_some(Cause::Unconfigured),
    }
}

/// Rule 4: what satisfies a step.
fn satisfies(until: Until, rung: Status) -> bool {
    match until {
        Until::Submitted => rank(rung) >= rank(Status::Submitted),
        Until::Delivered => rung.is_delivered(),
        Until::Read => rank(rung) >= rank(Status::Read),
    }
}
