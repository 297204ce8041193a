//! Messages made ready for the store, with every save of their lives.

use std::sync::Arc;

use engine::{Cascade, Event, Output, Rules, State};
use model::{
    AttemptId, BatchId, Channel, Message, MessageId, Phone, Receipt, ReceiptStatus, Recipient, Span, Time,
    message::Shared,
};
use store::{
    CallbackResult, CallbackStanding, Change, Facts, Happening, HistoryEntry, Insert, Lane, NewCallback,
    NewMessage, Part, Update, UpstreamRow,
};

use super::NOW;

/// How long after the acceptance the network answers, and the receipt comes.
const ANSWER: Span = Span::from_millis(3);
const RECEIPT: Span = Span::from_millis(200);

/// The saves of a message that is handed over as it is accepted, delivered and reported.
pub(super) type Life = [Change; 4];

/// A message on its way.
struct Walk<'a> {
    cascade: Cascade<'a>,
    state: State,
    lane: Lane,
}

/// The life of a message; `callback` is the id that its callback will have.
pub(super) fn life(number: u64, shared: &Arc<Shared>, callback: i64) -> Life {
    let message = message(number, shared);
    let rules = Rules::default();
    let cascade = Cascade { id: message.id, plan: &shared.plan, brief: &shared.brief, rules: &rules };
    let mut walk = Walk { cascade, state: State::default(), lane: lane() };
    let attempt = AttemptId { message: message.id, step: 0, attempt: 0 };
    let at = message.accepted_at;
    let upstream = format!("{number:010}");
    let history = walk.take(at, [Event::Accepted, Event::Taken { attempt }]);
    let accepted = accepted(&message, &walk, history);
    let history = walk.take(at + ANSWER, [Event::Submitted { attempt, upstream: vec![upstream.clone()] }]);
    let row = UpstreamRow { route: "sms".into(), upstream, part: Part { attempt, part: 0 } };
    let submitted = walk.update(1, history, vec![row], Vec::new());
    let receipt = Receipt::new(ReceiptStatus::Delivered);
    let history = walk.take(at + RECEIPT, [Event::Received { attempt, part: 0, receipt }]);
    let delivered = walk.update(2, history, Vec::new(), vec![report(at + RECEIPT)]);
    [accepted, submitted, delivered, reported(callback, at + RECEIPT)]
}

impl Walk<'_> {
    fn take<const N: usize>(&mut self, at: Time, events: [Event; N]) -> Vec<HistoryEntry> {
        let mut happened = |event| {
            let mut output = Output::default();
            self.cascade.handle(&mut self.state, at, &event, &mut output);
            HistoryEntry { at, what: Happening::Event(event), decisions: output.decisions }
        };
        events.into_iter().map(&mut happened).collect()
    }

    fn facts(&self) -> Facts {
        let queued = self.state.queued();
        Facts {
            wake_at: self.state.wake_at(),
            queued: queued.map(|queued| (self.lane.clone(), self.cascade.brief.priority, queued.not_before)),
            status: self.state.status(),
            channel: Channel::Sms,
            settled_at: self.state.settled_at(),
            pullable: false,
        }
    }

    fn update(
        &self,
        version: u32,
        history: Vec<HistoryEntry>,
        upstream: Vec<UpstreamRow>,
        callbacks: Vec<NewCallback>,
    ) -> Change {
        let (id, state, facts) = (self.cascade.id, self.state.clone(), self.facts());
        Change::Update(Update { id, version, state, facts, history, upstream, callbacks, money: None })
    }
}

fn lane() -> Lane {
    Lane { route: "sms".into(), sender: "15550783881".into(), account: "bench".into() }
}

fn message(number: u64, shared: &Arc<Shared>) -> Arc<Message> {
    let now = NOW + Span::from_micros(number * 50);
    let id = MessageId::new(now, u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    let phone = Phone::parse(&format!("1555{:07}", number % 10_000_000)).expect("digits");
    Arc::new(Message {
        id,
        account: lane().account,
        dialect: "telesign",
        batch: BatchId(id.0 ^ 1),
        position: 0,
        batch_size: 1,
        recipient: Recipient::phone(phone),
        client_ref: None,
        memo: None,
        accepted_at: now,
        shared: Arc::clone(shared),
    })
}

fn accepted(message: &Arc<Message>, walk: &Walk<'_>, history: Vec<HistoryEntry>) -> Change {
    let new = NewMessage {
        message: Arc::clone(message),
        state: walk.state.clone(),
        facts: walk.facts(),
        history,
        callbacks: Vec::new(),
    };
    Change::Insert(Insert {
        batch: message.batch,
        shared: Arc::clone(&message.shared),
        messages: vec![new],
        remember: None,
        reserve: None,
    })
}

/// A signed report, as large as they are.
fn report(due_at: Time) -> NewCallback {
    let request = concat!(
        r#"{"m":"POST","h":[["content-type","application/json"],["date","Mon, 21 Nov 2026 10:13:24 GMT"],"#,
        r#"["authorization","TSA 12345678-9ABC-DEF0-1234-56789ABCDEF0:vjE/ZDfPvDkuGNsuqCFFO4neYIs="]],"#,
        r#""b":"{\"reference_id\":\"01A1FAE0E11B9E3779B97F4A7C15F39C\",\"status\":{\"code\":3001,"#,
        r#"\"description\":\"Delivered\",\"updated_on\":\"2026-11-21T10:13:24.323456Z\"},"#,
        r#"\"channel\":\"sms\",\"recipient\":{\"phone_number\":\"15550000000\"}}"}"#
    );
    NewCallback {
        url: "http://127.0.0.1:9000/telesign".to_owned(),
        request: request.into(),
        due_at,
        about: "delivered".to_owned(),
    }
}

fn reported(id: i64, at: Time) -> Change {
    let standing = CallbackStanding::Done;
    Change::Callback(CallbackResult { id, at, standing, due_at: at, result: "delivered".to_owned() })
}
