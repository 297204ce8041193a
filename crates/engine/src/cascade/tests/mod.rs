//! Tests of the cascade: `rows` holds one test per row of `docs/cascade.md`, `documented` checks
//! that document, `stored` the form in the store, `properties` throws random plans and events at
//! the machine.

mod documented;
mod properties;
mod rows;
mod stored;

use model::{
    AttemptId, Brief, Cause, Channel, Content, Fault, MessageId, Plan, Receipt, ReceiptStatus, RouteName,
    Span, Status, Step, Time,
    content::Text,
    message::{Body, Extras, OnUnknown, RouteChoice, Until},
    report::Occasion,
};

use super::*;

const ID: MessageId = MessageId(0x0192_0000_0000_7000_8000_0000_0000_0001);

/// A message under test; times are milliseconds.
struct Run {
    plan: Plan,
    brief: Brief,
    rules: Rules,
    state: State,
    decisions: Vec<Decision>,
}

impl Run {
    fn new(steps: Vec<Step>) -> Self {
        let plan = Plan::new(steps).expect("tests give one to sixteen steps");
        let (brief, rules, state) = (Brief::default(), Rules::default(), State::default());
        Self { plan, brief, rules, state, decisions: Vec::new() }
    }

    /// Accepted at 0, its first attempt taken at 0.
    fn sent(steps: Vec<Step>) -> Self {
        let mut run = Self::new(steps);
        run.at(0, Event::Accepted);
        run.at(0, taken(0, 0));
        run
    }

    fn cascade(&self) -> Cascade<'_> {
        Cascade { id: ID, plan: &self.plan, brief: &self.brief, rules: &self.rules }
    }

    /// Takes the event and checks what must hold after any event.
    fn at(&mut self, millis: i64, event: Event) -> Vec<Command> {
        let mut output = Output::default();
        let mut state = std::mem::take(&mut self.state);
        self.cascade().handle(&mut state, Time::from_millis(millis), &event, &mut output);
        let json = serde_json::to_string(&state).expect("a state is plain data");
        assert_eq!(serde_json::from_str::<State>(&json).expect("what was written is read"), state);
        assert_eq!(state.wake_at().is_none(), state.is_settled(), "unfinished means a next wake-up");
        self.state = state;
        self.decisions = output.decisions;
        output.commands
    }

    /// Rings the alarm exactly when the state asks for it.
    fn alarm(&mut self) -> (i64, Vec<Command>) {
        let at = self.state.wake_at().expect("the message is not settled").as_millis();
        (at, self.at(at, Event::Woken))
    }

    fn wakes_at(&self) -> Option<i64> {
        self.state.wake_at().map(Time::as_millis)
    }

    fn report(&self) -> Report {
        self.cascade().report(&self.state)
    }

    /// Own status of each step begun.
    fn steps(&self) -> Vec<Status> {
        self.report().steps.iter().map(|step| step.status).collect()
    }
}

fn step(channel: Channel, patience: u64, routes: &[&str], on_unknown: OnUnknown) -> Step {
    let choice = |route: &&str| RouteChoice { route: RouteName::from(*route), on_unknown };
    Step {
        channel,
        sender: Some("15550001".to_owned()),
        body: Body::Ready(Content::Text(Text::new("hello"))),
        patience: Span::from_millis(patience),
        validity: Span::from_secs(100),
        until: Until::Delivered,
        routes: routes.iter().map(choice).collect(),
        extras: Extras::default(),
    }
}

/// At most once, patience 600 ms, validity 100 s.
fn whatsapp() -> Step {
    step(Channel::Whatsapp, 600, &["wa"], OnUnknown::AtMostOnce)
}

/// At least once, patience 30 s, validity 100 s.
fn sms() -> Step {
    step(Channel::Sms, 30_000, &["sms"], OnUnknown::AtLeastOnce)
}

fn void(cause: Cause) -> Step {
    Step { body: Body::Void(cause), ..whatsapp() }
}

fn id(step: u8, attempt: u16) -> AttemptId {
    AttemptId { message: ID, step, attempt }
}

fn taken(step: u8, attempt: u16) -> Event {
    Event::Taken { attempt: id(step, attempt) }
}

fn submitted(step: u8, attempt: u16, upstream: &[&str]) -> Event {
    let upstream = upstream.iter().map(|&id| id.to_owned()).collect();
    Event::Submitted { attempt: id(step, attempt), upstream }
}

fn refused(step: u8, attempt: u16, fault: impl Into<Fault>) -> Event {
    Event::Refused { attempt: id(step, attempt), fault: fault.into() }
}

fn part(step: u8, attempt: u16, part: u8, status: ReceiptStatus) -> Event {
    Event::Received { attempt: id(step, attempt), part, receipt: Receipt::new(status) }
}

fn received(step: u8, attempt: u16, status: ReceiptStatus) -> Event {
    part(step, attempt, 0, status)
}

fn enqueue(step: u8, attempt: u16, route: &str, millis: i64) -> Command {
    Command::Enqueue {
        attempt: id(step, attempt),
        route: route.into(),
        not_before: Time::from_millis(millis),
    }
}

fn send(step: u8, attempt: u16, route: &str, millis: i64) -> Command {
    Command::Send { attempt: id(step, attempt), route: route.into(), give_up_at: Time::from_millis(millis) }
}

fn recall(step: u8, attempt: u16, route: &str) -> Command {
    Command::Recall { attempt: id(step, attempt), route: route.into() }
}

fn notify(step: u8, status: Status) -> Command {
    Command::Notify(Occasion { step, status, settles: false, late: false })
}

fn late(step: u8, status: Status) -> Command {
    Command::Notify(Occasion { step, status, settles: false, late: true })
}

fn settling(step: u8, status: Status) -> [Command; 2] {
    [Command::Notify(Occasion { step, status, settles: true, late: false }), Command::Settle]
}
