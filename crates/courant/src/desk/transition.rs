//! One message taking events: the engine decides, and what follows is gathered for one save.

use std::cell::OnceCell;

use engine::{Command, Decision, Event, Output};
use model::{AttemptId, Cause, ReceiptStatus, Time, call::MessageReport, report::Occasion};
use store::{Facts, Happening, HistoryEntry, Lane, Money, NewCallback, Part, Record, Update, UpstreamRow};

use crate::{billing, callbacks, core::Core};

/// A record with what came of the events it took since it was loaded.
#[derive(Debug)]
pub struct Transition {
    /// The record; its state is ahead of what is stored until the update is committed.
    pub record: Record,
    /// To be done after the commit.
    pub commands: Vec<Command>,
    history: Vec<HistoryEntry>,
    upstream: Vec<UpstreamRow>,
    callbacks: Vec<NewCallback>,
    money: Option<Money>,
    pullable: bool,
    calls_back: bool,
    changed: bool,
}

impl Transition {
    /// Nothing happened yet.
    #[must_use]
    pub const fn new(record: Record) -> Self {
        Self {
            record,
            commands: Vec::new(),
            history: Vec::new(),
            upstream: Vec::new(),
            callbacks: Vec::new(),
            money: None,
            pullable: false,
            calls_back: false,
            changed: false,
        }
    }

    /// Takes an event.
    pub fn apply(&mut self, core: &Core, now: Time, event: Event) {
        let taken = self.taken(core);
        let mut output = Output::default();
        core.cascade(&self.record.message).handle(&mut self.record.state, now, &event, &mut output);
        self.tell(core, now, &event, &output.decisions);
        if output.commands.is_empty() && output.decisions == [Decision::Ignored] {
            return;
        }
        self.changed = true;
        self.note_upstream(core, &event);
        self.history.push(HistoryEntry {
            at: now,
            what: Happening::Event(event),
            decisions: output.decisions,
        });
        if let Some(taken) = taken {
            self.spend(core, now, taken, &output.commands);
        }
        self.follow(core, now, output.commands);
    }

    /// Tells log and trace of an event; its own words (a network's text) stay out.
    fn tell(&self, core: &Core, now: Time, event: &Event, decisions: &[Decision]) {
        let message = &self.record.message;
        let (word, attempt, cause) = words(event);
        tracing::debug!(
            message_id = %message.id,
            event = word,
            step = attempt.map(|attempt| attempt.step),
            attempt = attempt.map(|attempt| attempt.attempt),
            cause = cause.map(Cause::as_str),
            ?decisions,
            "event"
        );
        if let Event::Received { attempt, receipt, .. } = event
            && decisions != [Decision::Ignored]
            && let Some(trace) = core.traces.of(message)
        {
            trace.receipt(*attempt, receipt, now);
        }
    }

    /// The steps that networks took so far, if that is of interest: the account has a balance.
    fn taken(&self, core: &Core) -> Option<u16> {
        let Record { message, state, .. } = &self.record;
        let counts = core.billing.keeps_balance(&message.account);
        counts.then(|| billing::taken(&core.cascade(message).report(state)))
    }

    /// Once the rest is given back nothing more is spent: an answer that comes after the settling
    /// costs nothing, whether it is saved together with it or later.
    fn spend(&mut self, core: &Core, now: Time, taken: u16, commands: &[Command]) {
        if self.money.as_ref().is_some_and(|money| money.release) {
            return;
        }
        let Record { message, state, .. } = &self.record;
        let settles = commands.contains(&Command::Settle);
        let report = core.cascade(message).report(state);
        let Some(more) = core.billing.spend(message, taken, &report, settles, now) else { return };
        let money = self.money.get_or_insert_default();
        money.at = more.at;
        money.charges.extend(more.charges);
        money.release |= more.release;
    }

    fn note_upstream(&mut self, core: &Core, event: &Event) {
        let Event::Submitted { attempt, upstream } = event else { return };
        let message = std::sync::Arc::clone(&self.record.message);
        let cascade = core.cascade(&message);
        let Some(route) = cascade.route_of(&self.record.state, attempt.step, attempt.attempt) else { return };
        self.upstream.extend(upstream.iter().zip(0_u8..).map(|(id, part)| UpstreamRow {
            route: route.clone(),
            upstream: id.clone(),
            part: Part { attempt: *attempt, part },
        }));
    }

    fn follow(&mut self, core: &Core, now: Time, commands: Vec<Command>) {
        // All commands of an event are about the same state: one report tells of it, if any does.
        let told = OnceCell::new();
        for command in commands {
            match command {
                Command::Notify(occasion) => {
                    let report = told.get_or_init(|| core.report(&self.record));
                    self.notify(core, now, report, &occasion);
                }
                Command::Settle => {
                    let report = told.get_or_init(|| core.report(&self.record));
                    self.pullable = callbacks::keeps_report(core, report, now);
                    self.commands.push(Command::Settle);
                }
                Command::Enqueue { .. } | Command::Send { .. } | Command::Recall { .. } => {
                    self.commands.push(command);
                }
            }
        }
    }

    fn notify(&mut self, core: &Core, now: Time, report: &MessageReport, occasion: &Occasion) {
        core.metrics.step_status(report, occasion);
        if let Some(trace) = core.traces.of(&report.message) {
            trace.step(report, occasion);
        }
        if let Some(step) = report.message.plan().step(occasion.step) {
            core.stats.step(now, &report.message.account, step.channel, occasion.status);
            // A failed step that does not end its message gives way to the next one.
            if occasion.status.cause().is_some() && !occasion.settles {
                core.stats.count(now, &report.message.account, step.channel, |counts| counts.fell_back += 1);
            }
        }
        self.callbacks.extend(callbacks::compose(core, report, occasion, now));
        self.calls_back |= !self.callbacks.is_empty();
    }

    /// Adds a note for people.
    pub fn note(&mut self, now: Time, by: &str, text: String) {
        let what = Happening::Note { by: by.to_owned(), text };
        self.history.push(HistoryEntry { at: now, what, decisions: Vec::new() });
        self.changed = true;
    }

    /// Whether there is anything to save.
    #[must_use]
    pub const fn changed(&self) -> bool {
        self.changed
    }

    /// Whether callbacks came of it.
    #[must_use]
    pub const fn calls_back(&self) -> bool {
        self.calls_back
    }

    /// What indexes need to know.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let (message, state) = (&self.record.message, &self.record.state);
        let queued = state.queued().map(|queued| {
            let lane = lane_of(&self.record, queued.attempt, &queued.route);
            (lane, message.brief().priority, queued.not_before)
        });
        let channel =
            message.plan().step(state.deciding_step()).map_or(model::Channel::Unlisted, |step| step.channel);
        Facts {
            wake_at: state.wake_at(),
            queued,
            status: state.status(),
            channel,
            settled_at: state.settled_at(),
            pullable: self.pullable,
        }
    }

    /// The save, with all that was gathered for it; what is done after the commit stays here.
    pub fn update(&mut self) -> Update {
        Update {
            id: self.record.message.id,
            version: self.record.version,
            state: self.record.state.clone(),
            facts: self.facts(),
            history: std::mem::take(&mut self.history),
            upstream: std::mem::take(&mut self.upstream),
            callbacks: std::mem::take(&mut self.callbacks),
            money: self.money.take(),
        }
    }

    /// What to set aside for a new message; nothing if it came to its end at once.
    #[must_use]
    pub fn most(&self, core: &Core) -> i64 {
        if self.record.state.is_settled() { 0 } else { core.billing.most(&self.record.message) }
    }

    /// The first save of a new message.
    #[must_use]
    pub fn insertion(&self) -> store::NewMessage {
        store::NewMessage {
            message: std::sync::Arc::clone(&self.record.message),
            state: self.record.state.clone(),
            facts: self.facts(),
            history: self.history.clone(),
            callbacks: self.callbacks.clone(),
        }
    }
}

/// The lane in which an attempt waits.
#[must_use]
pub fn lane_of(record: &Record, attempt: AttemptId, route: &model::RouteName) -> Lane {
    let sender = record.message.plan().step(attempt.step).and_then(|step| step.sender.clone());
    Lane { route: route.clone(), sender: sender.unwrap_or_default(), account: record.message.account.clone() }
}

/// An event for the log: its word, what it is about, and why something failed.
const fn words(event: &Event) -> (&'static str, Option<AttemptId>, Option<Cause>) {
    match event {
        Event::Accepted => ("accepted", None, None),
        Event::Taken { attempt } => ("taken", Some(*attempt), None),
        Event::Submitted { attempt, .. } => ("submitted", Some(*attempt), None),
        Event::Refused { attempt, fault } => ("refused", Some(*attempt), Some(fault.cause)),
        Event::Received { attempt, receipt, .. } => {
            let (word, cause) = match receipt.status {
                ReceiptStatus::Sent => ("sent", None),
                ReceiptStatus::Delivered => ("delivered", None),
                ReceiptStatus::Read => ("read", None),
                ReceiptStatus::Played => ("played", None),
                ReceiptStatus::Failed(cause) => ("failed", Some(cause)),
            };
            (word, Some(*attempt), cause)
        }
        Event::Recalled { attempt, .. } => ("recalled", Some(*attempt), None),
        Event::Woken => ("woken", None, None),
        Event::Cancelled => ("cancelled", None, None),
    }
}
