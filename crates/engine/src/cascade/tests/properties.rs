//! Random plans, random events in random order, many of them nonsense: what must hold anyway.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::cascade::state::rank;

/// Which attempt an event is about.
#[derive(Clone, Copy, Debug)]
enum Pick {
    /// The newest attempt of the current step.
    Newest,
    /// Whatever has this id, if anything has.
    Any { step: u8, attempt: u16, own: bool },
}

/// An event without its attempt.
#[derive(Clone, Debug)]
enum What {
    Accepted,
    Taken,
    Submitted(usize),
    Refused(Fault),
    Received(u8, Receipt),
    Recalled(bool),
    Woken,
    Cancelled,
}

#[derive(Clone, Debug)]
struct Case {
    plan: Vec<Step>,
    brief: Brief,
    rules: Rules,
    /// Milliseconds since the one before, what, about which attempt.
    script: Vec<(i64, What, Pick)>,
}

fn span(most: u64) -> impl Strategy<Value = Span> {
    (0..most).prop_map(Span::from_millis)
}

fn any_cause() -> impl Strategy<Value = Cause> {
    select(Cause::ALL)
}

fn any_step() -> impl Strategy<Value = Step> {
    let until = select(&[Until::Submitted, Until::Delivered, Until::Delivered, Until::Read][..]);
    let policy = select(&[OnUnknown::AtLeastOnce, OnUnknown::AtMostOnce][..]);
    let void = prop_oneof![6 => Just(None), 1 => any_cause().prop_map(Some)];
    (0_usize..4, span(2000), span(5000), until, policy, void).prop_map(
        |(routes, patience, validity, until, policy, void)| {
            let base = step(Channel::Sms, 0, &["one", "two", "three"][..routes], policy);
            let body = void.map_or_else(|| base.body.clone(), Body::Void);
            Step { patience, validity, until, body, ..base }
        },
    )
}

fn any_rules() -> impl Strategy<Value = Rules> {
    (span(300), span(1000), 0_u16..6, span(900), span(900)).prop_map(
        |(retry_first, retry_max, max_attempts, answer_within, grace)| Rules {
            retry_first,
            retry_max,
            max_attempts,
            answer_within,
            grace,
        },
    )
}

fn any_brief() -> impl Strategy<Value = Brief> {
    let instant = || option::weighted(0.25, (0_i64..6000).prop_map(Time::from_millis));
    (instant(), instant()).prop_map(|(send_at, expires_at)| Brief { send_at, expires_at, ..Brief::default() })
}

fn any_receipt() -> impl Strategy<Value = Receipt> {
    let status = prop_oneof![
        Just(ReceiptStatus::Sent),
        Just(ReceiptStatus::Delivered),
        Just(ReceiptStatus::Read),
        Just(ReceiptStatus::Played),
        any_cause().prop_map(ReceiptStatus::Failed),
    ];
    (status, option::of((0_i64..9000).prop_map(Time::from_millis)))
        .prop_map(|(status, at)| Receipt { at, ..Receipt::new(status) })
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let cause = prop_oneof![1 => Just(Cause::OutcomeUnknown), 4 => any_cause()];
    (cause, option::weighted(0.2, span(3000)))
        .prop_map(|(cause, retry_after)| Fault { retry_after, ..Fault::new(cause) })
}

fn any_what() -> impl Strategy<Value = What> {
    prop_oneof![
        1 => Just(What::Accepted),
        8 => Just(What::Taken),
        4 => (0_usize..4).prop_map(What::Submitted),
        4 => any_fault().prop_map(What::Refused),
        6 => (0_u8..4, any_receipt()).prop_map(|(part, receipt)| What::Received(part, receipt)),
        1 => any::<bool>().prop_map(What::Recalled),
        4 => Just(What::Woken),
        1 => prop_oneof![5 => Just(What::Woken), 1 => Just(What::Cancelled)],
    ]
}

fn any_pick() -> impl Strategy<Value = Pick> {
    let any = (0_u8..5, 0_u16..5, prop::bool::weighted(0.9));
    prop_oneof![
        3 => Just(Pick::Newest),
        1 => any.prop_map(|(step, attempt, own)| Pick::Any { step, attempt, own }),
    ]
}

fn any_case() -> impl Strategy<Value = Case> {
    let script = vec((0_i64..700, any_what(), any_pick()), 0..40);
    (vec(any_step(), 1..5), any_brief(), any_rules(), script).prop_map(|(plan, brief, rules, script)| Case {
        plan,
        brief,
        rules,
        script,
    })
}

/// A run that watches over what must hold.
struct Watched {
    run: Run,
    now: i64,
    settled: bool,
    highest_sent: u8,
}

impl Watched {
    fn new(case: &Case) -> Self {
        let mut run = Run::new(case.plan.clone());
        run.brief = case.brief.clone();
        run.rules = case.rules.clone();
        Self { run, now: 0, settled: false, highest_sent: 0 }
    }

    fn pick(&self, pick: Pick) -> AttemptId {
        match pick {
            Pick::Newest => {
                let step = self.run.state.current_step().unwrap_or(0);
                id(step, self.run.state.steps.last().map_or(0, |step| step.live))
            }
            Pick::Any { step, attempt, own } => {
                AttemptId { message: if own { ID } else { MessageId(9) }, step, attempt }
            }
        }
    }

    fn event(&self, what: &What, pick: Pick) -> Event {
        let attempt = self.pick(pick);
        match what.clone() {
            What::Accepted => Event::Accepted,
            What::Taken => Event::Taken { attempt },
            What::Submitted(parts) => {
                Event::Submitted { attempt, upstream: (0..parts).map(|part| format!("u{part}")).collect() }
            }
            What::Refused(fault) => Event::Refused { attempt, fault },
            What::Received(part, receipt) => Event::Received { attempt, part, receipt },
            What::Recalled(done) => Event::Recalled { attempt, done },
            What::Woken => Event::Woken,
            What::Cancelled => Event::Cancelled,
        }
    }

    /// Takes an event, and the same once more.
    fn take(&mut self, event: &Event) {
        let before = self.run.state.clone();
        let mut output = Output::default();
        let now = Time::from_millis(self.now);
        let mut after = before.clone();
        self.run.cascade().handle(&mut after, now, event, &mut output);
        self.same_again(&before, &after, event, &output);
        self.run.state = after;
        self.check_state(&before);
        for command in &output.commands {
            self.check_command(command, now);
        }
        assert_eq!(self.settled, self.run.state.is_settled(), "Settle tells of the end");
        self.check_repetition(event, now);
    }

    fn same_again(&self, before: &State, after: &State, event: &Event, output: &Output) {
        let json = serde_json::to_string(before).expect("a state is plain data");
        let mut again: State = serde_json::from_str(&json).expect("what was written is read");
        assert_eq!(&again, before, "nothing is lost in the store");
        let mut same = Output::default();
        self.run.cascade().handle(&mut again, Time::from_millis(self.now), event, &mut same);
        assert_eq!((&again, &same), (after, output), "the same event gives the same state and commands");
    }

    fn check_repetition(&mut self, event: &Event, now: Time) {
        let (before, mut output) = (self.run.state.clone(), Output::default());
        let mut after = before.clone();
        self.run.cascade().handle(&mut after, now, event, &mut output);
        assert_eq!((after, output.commands), (before, Vec::new()), "a repeated event changes nothing");
        assert_eq!(output.decisions, [Decision::Ignored]);
    }

    fn check_state(&self, before: &State) {
        let state = &self.run.state;
        let unfinished = state.accepted_at().is_some() && !state.is_settled();
        assert_eq!(state.wake_at().is_some(), unfinished, "every unfinished message has a wake-up");
        assert!(before.ended.is_none() || before.ended == state.ended, "the outcome is never changed");
        let bound = usize::from(self.run.rules.most_attempts());
        for step in &state.steps {
            assert!(step.attempts.len() <= bound && usize::from(step.tries) <= bound);
            assert_eq!(step.delivered_at.is_some(), step.status.is_delivered());
        }
        for (earlier, later) in before.steps.iter().zip(&state.steps) {
            assert!(never_down(earlier.status, later.status), "{earlier:?} to {later:?}");
        }
        if let Some(report) = (!state.steps.is_empty()).then(|| self.run.report()) {
            assert_eq!(report.deciding().map(|step| step.index), Some(report.deciding_step));
            assert!(report.settled || report.status.cause().is_none(), "a running message has not failed");
        }
    }

    fn check_command(&mut self, command: &Command, now: Time) {
        match command {
            Command::Enqueue { attempt, .. } => {
                assert!(!self.settled, "nothing is queued after the end");
                assert_eq!(attempt.message, ID);
            }
            Command::Send { attempt, give_up_at, .. } => {
                assert!(!self.settled, "nothing is sent after the end");
                // Equal only for a step without any patience, which is handed over once.
                assert!(*give_up_at >= now, "nothing starts after its deadline");
                assert!(attempt.step >= self.highest_sent, "steps run in order");
                self.highest_sent = attempt.step;
                let earlier = &self.run.state.steps[..usize::from(attempt.step)];
                assert!(earlier.iter().all(|step| step.abandoned().is_some()), "earlier steps are over");
            }
            Command::Recall { .. } => {}
            Command::Notify(occasion) => {
                assert!(!(occasion.settles && self.settled), "the end is told once");
            }
            Command::Settle => {
                assert!(!self.settled, "a message settles once");
                self.settled = true;
            }
        }
    }
}

fn never_down(earlier: Status, later: Status) -> bool {
    match (earlier, later) {
        (Status::Failed(before), Status::Failed(after)) => before == after,
        (Status::Failed(_), _) => later.is_delivered(),
        (_, Status::Failed(_)) => !earlier.is_delivered(),
        (_, _) => rank(earlier) <= rank(later),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_hold_and_every_message_settles(case in any_case()) {
        let mut watched = Watched::new(&case);
        for (position, (pause, what, pick)) in case.script.iter().enumerate() {
            watched.now += pause;
            // Mostly the acceptance comes first, as it does in life.
            if position == 1 {
                watched.take(&Event::Accepted);
            }
            let event = watched.event(what, *pick);
            watched.take(&event);
        }
        watched.take(&Event::Accepted);
        let mut alarms = 0;
        while let Some(at) = watched.run.state.wake_at() {
            alarms += 1;
            prop_assert!(alarms < 200, "alarms alone bring a message to its end");
            watched.now = watched.now.max(at.as_millis());
            watched.take(&Event::Woken);
        }
        prop_assert!(watched.run.state.is_settled());
    }

    #[test]
    fn waking_early_or_twice_makes_no_difference(case in any_case(), early in 0_i64..700) {
        let (mut punctual, mut nervous) = (Watched::new(&case), Watched::new(&case));
        for watched in [&mut punctual, &mut nervous] {
            watched.take(&Event::Accepted);
        }
        while let Some(at) = punctual.run.state.wake_at() {
            nervous.now = nervous.now.max(at.as_millis() - early).min(at.as_millis());
            nervous.take(&Event::Woken);
            for watched in [&mut punctual, &mut nervous] {
                watched.now = watched.now.max(at.as_millis());
                watched.take(&Event::Woken);
            }
            prop_assert_eq!(&punctual.run.state, &nervous.run.state);
        }
    }
}
