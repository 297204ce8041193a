//! One SMPP session as a state machine: octets, requests and time go in; octets and outcomes come
//! out. No sockets, no clock.
//!
//! A request is one PDU or several that belong together (the parts of a message). The session
//! submits the parts one behind the other, holds the window and the pace, repairs what carriers
//! refuse for form, and reports the request once all its parts are settled.

mod group;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use model::message::Priority;

pub(super) use self::group::Failure;
use self::group::Group;
use super::{
    encode::{self, Request},
    pace::Pace,
    pdu::{self, BindAnswer, Delivery, Frame, SubmitAnswer, command},
    settings::{OnThrottle, Settings},
    status::{self, Remedy},
};

/// Time for the answer to a bind.
pub(super) const BIND_TIMEOUT: Duration = Duration::from_secs(5);
/// Unanswered `enquire_link`s after which the link is taken for dead.
const ENQUIRE_MISSES: u32 = 2;
/// Time for the answer to an `unbind`.
const UNBIND_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause after `ESME_RTHROTTLED`, and after `ESME_RMSGQFUL`.
const PAUSE: Duration = Duration::from_secs(1);
const LONG_PAUSE: Duration = Duration::from_secs(5);
/// `congestion_state` from which we slow down.
const CONGESTED: u8 = 80;
/// Later than any other deadline.
const FAR: Duration = Duration::from_secs(86_400);
/// Highest sequence number.
const MAX_SEQUENCE: u32 = 0x7FFF_FFFF;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Both directions.
    Transceiver,
    /// Submits only.
    Transmitter,
    /// Deliveries only.
    Receiver,
}

impl Role {
    const fn bind_command(self) -> u32 {
        match self {
            Self::Transceiver => command::BIND_TRANSCEIVER,
            Self::Transmitter => command::BIND_TRANSMITTER,
            Self::Receiver => command::BIND_RECEIVER,
        }
    }
}

/// Something the driver has to act on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome<T> {
    /// The session is bound.
    Bound {
        /// Whether the peer understands TLVs.
        tlvs: bool,
    },
    /// A request is settled.
    Finished {
        /// Whose request.
        token: T,
        /// The ids of its parts in order, or what went wrong.
        result: Result<Vec<String>, Failure>,
    },
    /// The peer tells something; it must be answered by [`Session::answer`].
    Delivered {
        /// What to answer.
        call: Call,
        /// What it tells.
        delivery: Delivery,
    },
    /// The session is over; the connection is of no more use.
    Closed(End),
}

/// A request of the peer that waits for our answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    command: u32,
    sequence: u32,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer refused the bind with this status.
    BindRefused(u32),
    /// The peer did not answer the bind.
    BindTimeout,
    /// We unbound.
    Unbound,
    /// The peer unbound.
    PeerUnbound,
    /// The peer does not answer any more.
    Silent,
    /// The peer's octets make no sense.
    Garbage,
    /// The peer says that we are not bound.
    NotBound,
    /// The connection broke.
    ConnectionLost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening {
        until: Instant,
    },
    Bound,
    /// We want to go: no new requests, open ones may finish.
    Draining {
        until: Instant,
    },
    Unbinding {
        until: Instant,
    },
    /// The peer unbound; its last answers may still come.
    Leaving {
        until: Instant,
    },
    Closed,
}

/// One part that waits to be submitted.
#[derive(Debug)]
struct Part {
    group: u64,
    index: usize,
    request: Request,
    urgency: Priority,
    repaired: bool,
}

/// Parts that wait to be submitted, by urgency.
#[derive(Debug, Default)]
struct Waiting([VecDeque<Part>; Priority::ALL.len()]);

impl Waiting {
    fn push_back(&mut self, part: Part) {
        self.0[part.urgency as usize].push_back(part);
    }

    fn push_front(&mut self, part: Part) {
        self.0[part.urgency as usize].push_front(part);
    }

    /// The first of each urgency.
    fn fronts(&self) -> impl Iterator<Item = &Part> {
        self.0.iter().filter_map(VecDeque::front)
    }

    fn front(&self) -> Option<&Part> {
        self.fronts().next()
    }

    fn pop_front(&mut self) -> Option<Part> {
        self.0.iter_mut().find_map(VecDeque::pop_front)
    }

    /// Takes a request's parts out and tells how many they were.
    fn remove(&mut self, group: u64) -> usize {
        let before = self.len();
        self.0.iter_mut().for_each(|parts| parts.retain(|part| part.group != group));
        before - self.len()
    }

    fn len(&self) -> usize {
        self.0.iter().map(VecDeque::len).sum()
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(VecDeque::is_empty)
    }
}

/// A PDU that waits for its answer.
#[derive(Debug)]
struct Pending {
    part: Part,
    /// Position in the outgoing stream at which the PDU begins.
    begins: u64,
}

/// A session.
#[derive(Debug)]
pub(super) struct Session<T> {
    settings: Arc<Settings>,
    state: State,
    sequence: u32,
    stream: BytesMut,
    output: BytesMut,
    /// Octets ever appended to the output, and how many of them the connection has taken.
    produced: u64,
    written: u64,
    queue: Waiting,
    pending: HashMap<u32, Pending>,
    deadlines: VecDeque<(Instant, u32)>,
    groups: HashMap<u64, Group<T>>,
    next_group: u64,
    pace: Pace,
    resume_at: Option<Instant>,
    heard_at: Instant,
    enquired_at: Option<Instant>,
    misses: u32,
    outcomes: VecDeque<Outcome<T>>,
}

impl<T> Session<T> {
    /// Opens a session on a fresh connection: the bind is the first output.
    pub(super) fn open(settings: Arc<Settings>, role: Role, now: Instant) -> Self {
        let share = settings.tps.map(|tps| tps / settings.sessions as f64);
        let mut session = Self {
            state: State::Opening { until: now + BIND_TIMEOUT },
            sequence: 0,
            stream: BytesMut::new(),
            output: BytesMut::new(),
            produced: 0,
            written: 0,
            queue: Waiting::default(),
            pending: HashMap::new(),
            deadlines: VecDeque::new(),
            groups: HashMap::new(),
            next_group: 0,
            pace: Pace::new(share, now),
            resume_at: None,
            heard_at: now,
            enquired_at: None,
            misses: 0,
            outcomes: VecDeque::new(),
            settings,
        };
        let bind = encode::bind(&session.settings, role.bind_command());
        session.put_request(&bind);
        session
    }

    /// Takes a request whose parts are to be submitted one behind the other, the first before
    /// `expires`, and before those of less urgent ones. It is settled by [`Outcome::Finished`].
    pub(super) fn submit(
        &mut self,
        now: Instant,
        parts: Vec<Request>,
        urgency: Priority,
        expires: Instant,
        token: T,
    ) {
        let id = self.next_group;
        self.next_group += 1;
        let group = Group::new(token, parts.len(), expires);
        self.groups.insert(id, group);
        if self.state != State::Bound || parts.is_empty() {
            return self.give_up(id, parts.len().max(1), Failure::NotWritten);
        }
        for (index, request) in parts.into_iter().enumerate() {
            self.queue.push_back(Part { group: id, index, request, urgency, repaired: false });
        }
        self.pump(now);
    }

    /// Takes octets of the peer.
    pub(super) fn receive(&mut self, now: Instant, octets: &[u8]) {
        self.heard_at = now;
        self.enquired_at = None;
        self.misses = 0;
        self.stream.extend_from_slice(octets);
        while self.state != State::Closed {
            match pdu::next_frame(&mut self.stream) {
                Ok(Some(frame)) => self.handle(now, &frame),
                Ok(None) => break,
                Err(pdu::BadLength(sequence)) => {
                    self.put_plain(command::GENERIC_NACK, status::INVALID_LENGTH, sequence);
                    self.close(End::Garbage);
                }
            }
        }
        self.pump(now);
    }

    /// Answers a delivery.
    pub(super) fn answer(&mut self, call: Call, status: u32) {
        let before = self.output.len();
        encode::put_delivery_answer(&mut self.output, call.command, status, call.sequence);
        self.count_output(before);
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, now: Instant) {
        self.expire_pending(now);
        self.expire_queue(now);
        self.keep_alive(now);
        self.step_state(now);
        self.pump(now);
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        let idle = match self.state {
            State::Bound | State::Draining { .. } => {
                let quiet = self.heard_at + self.enquire_interval();
                self.enquired_at.map_or(quiet, |at| at + self.enquire_timeout())
            }
            State::Opening { .. } | State::Unbinding { .. } | State::Leaving { .. } | State::Closed => {
                self.heard_at + FAR
            }
        };
        let state = match self.state {
            State::Opening { until }
            | State::Draining { until }
            | State::Unbinding { until }
            | State::Leaving { until } => Some(until),
            State::Bound | State::Closed => None,
        };
        let answer = self.deadlines.front().map(|(at, _)| *at);
        let expiry =
            self.queue.fronts().filter_map(|part| self.groups.get(&part.group)).map(|g| g.expires).min();
        [state, answer, self.resume_at, expiry].into_iter().flatten().fold(idle, Instant::min)
    }

    /// Begins to unbind: open requests get until `until` to finish.
    pub(super) fn unbind(&mut self, now: Instant, until: Instant) {
        match self.state {
            State::Bound => {
                self.state = State::Draining { until };
                self.step_state(now);
            }
            State::Opening { .. } => self.close(End::Unbound),
            State::Draining { .. } | State::Unbinding { .. } | State::Leaving { .. } | State::Closed => {}
        }
    }

    /// The connection is gone.
    pub(super) fn connection_lost(&mut self) {
        let end = match self.state {
            State::Unbinding { .. } => End::Unbound,
            State::Leaving { .. } => End::PeerUnbound,
            State::Opening { .. } | State::Bound | State::Draining { .. } | State::Closed => {
                End::ConnectionLost
            }
        };
        self.close(end);
    }

    /// Moves what is to be written to the end of `out`, which holds what was not written yet.
    pub(super) fn move_output(&mut self, out: &mut BytesMut) {
        if out.is_empty() {
            std::mem::swap(out, &mut self.output);
        } else {
            out.extend_from_slice(&self.output);
        }
        self.output.clear();
    }

    /// Tells how many octets of the moved output the connection has not taken yet.
    pub(super) fn note_unwritten(&mut self, octets: usize) {
        self.written = self.produced - (octets + self.output.len()) as u64;
    }

    /// The next thing to act on.
    pub(super) fn next_outcome(&mut self) -> Option<Outcome<T>> {
        self.outcomes.pop_front()
    }

    /// Parts that wait for the window or the pace.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether new requests are taken.
    pub(super) fn is_bound(&self) -> bool {
        self.state == State::Bound
    }

    fn enquire_interval(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.enquire_link_s))
    }

    fn enquire_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.settings.enquire_timeout_ms))
    }

    fn response_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.settings.response_timeout_ms))
    }
}

/// What the peer says.
impl<T> Session<T> {
    fn handle(&mut self, now: Instant, frame: &Frame) {
        match frame.id {
            command::ENQUIRE_LINK => {
                self.put_plain(command::ENQUIRE_LINK | command::RESPONSE, 0, frame.sequence);
            }
            command::DELIVER_SM => self.handle_delivery(frame, Delivery::read_deliver),
            command::DATA_SM => self.handle_delivery(frame, Delivery::read_data),
            command::UNBIND => self.handle_unbind(now, frame.sequence),
            // SMPP: neither of these has a response.
            command::OUTBIND | command::ALERT_NOTIFICATION => {}
            command::GENERIC_NACK => self.handle_nack(now, frame),
            id if id & command::RESPONSE != 0 => self.handle_response(now, frame),
            _ => self.put_plain(command::GENERIC_NACK, status::INVALID_COMMAND, frame.sequence),
        }
    }

    fn handle_delivery(&mut self, frame: &Frame, read: fn(&Bytes) -> Result<Delivery, pdu::Truncated>) {
        let call = Call { command: frame.id, sequence: frame.sequence };
        match (self.state, read(&frame.body)) {
            (State::Opening { .. }, _) => self.answer(call, status::INVALID_BIND_STATUS),
            (_, Ok(delivery)) => self.outcomes.push_back(Outcome::Delivered { call, delivery }),
            (_, Err(pdu::Truncated)) => self.answer(call, status::PERMANENT_APP_ERROR),
        }
    }

    fn handle_unbind(&mut self, now: Instant, sequence: u32) {
        self.put_plain(command::UNBIND | command::RESPONSE, 0, sequence);
        self.refuse_queue();
        let drain = Duration::from_millis(u64::from(self.settings.drain_ms));
        self.state = State::Leaving { until: now + drain };
        self.step_state(now);
    }

    fn handle_response(&mut self, now: Instant, frame: &Frame) {
        match (self.state, frame.id & !command::RESPONSE) {
            (
                State::Opening { .. },
                command::BIND_TRANSCEIVER | command::BIND_TRANSMITTER | command::BIND_RECEIVER,
            ) => self.handle_bind_answer(frame),
            (State::Unbinding { .. }, command::UNBIND) => self.close(End::Unbound),
            (_, command::SUBMIT_SM | command::CANCEL_SM) => self.handle_answer(now, frame),
            // An enquire_link was answered by being heard of; all else was not asked for.
            _ => {}
        }
    }

    fn handle_nack(&mut self, now: Instant, frame: &Frame) {
        match self.state {
            State::Opening { .. } => self.close(End::BindRefused(frame.status)),
            State::Bound
            | State::Draining { .. }
            | State::Unbinding { .. }
            | State::Leaving { .. }
            | State::Closed => self.handle_answer(now, frame),
        }
    }

    fn handle_bind_answer(&mut self, frame: &Frame) {
        if frame.status != status::OK {
            return self.close(End::BindRefused(frame.status));
        }
        self.state = State::Bound;
        let tlvs = BindAnswer::read(&frame.body).version.is_some_and(|version| version >= 0x34);
        self.outcomes.push_back(Outcome::Bound { tlvs });
    }

    fn handle_answer(&mut self, now: Instant, frame: &Frame) {
        // Unknown: it timed out before, or was never ours.
        let Some(Pending { part, .. }) = self.pending.remove(&frame.sequence) else { return };
        self.forget_deadlines();
        match frame.status {
            // A nack without a reason is a refusal all the same.
            status::OK if frame.id == command::GENERIC_NACK => {
                self.settle_refused(&part, status::INVALID_COMMAND);
            }
            status::OK => self.settle_accepted(now, &part, frame),
            refused => self.remedy(now, part, refused),
        }
        self.step_state(now);
    }

    fn settle_accepted(&mut self, now: Instant, part: &Part, frame: &Frame) {
        let answer = SubmitAnswer::read(&frame.body);
        if answer.congestion.is_some_and(|state| state >= CONGESTED) {
            self.pace.slow_down(now, Duration::ZERO);
        }
        if let Some(group) = self.groups.get_mut(&part.group) {
            group.accept(part.index, answer.message_id);
        }
        self.finish(part.group);
    }

    fn settle_refused(&mut self, part: &Part, refused: u32) {
        let waiting = self.queue.remove(part.group);
        if let Some(group) = self.groups.get_mut(&part.group) {
            group.refuse(part.index, refused);
            group.skip(waiting);
        }
        self.finish(part.group);
    }

    /// Does what a refusal asks for; what cannot be helped is reported.
    fn remedy(&mut self, now: Instant, part: Part, refused: u32) {
        match status::remedy(refused, &self.settings.status_causes) {
            Remedy::Report => self.settle_refused(&part, refused),
            Remedy::RepeatOnce => self.repair(part, refused, |request| Some(request.clone())),
            Remedy::DropTlvs => self.repair(part, refused, |request| {
                request.has_optional_tlvs().then(|| request.without_optional_tlvs())
            }),
            Remedy::DropValidity => self
                .repair(part, refused, |request| request.has_validity().then(|| request.without_validity())),
            Remedy::SlowDown => self.throttled(now, part, refused, PAUSE),
            Remedy::SlowDownLong => self.throttled(now, part, refused, LONG_PAUSE),
            Remedy::Rebind => {
                self.settle_refused(&part, refused);
                self.close(End::NotBound);
            }
        }
    }

    fn repair(&mut self, part: Part, refused: u32, better: impl FnOnce(&Request) -> Option<Request>) {
        let repaired = if part.repaired || !self.may_write() { None } else { better(&part.request) };
        match repaired {
            Some(request) => self.queue.push_front(Part { request, repaired: true, ..part }),
            None => self.settle_refused(&part, refused),
        }
    }

    /// A part of several is submitted again by the session itself, because reporting it would
    /// repeat the parts that were taken.
    fn throttled(&mut self, now: Instant, part: Part, refused: u32, pause: Duration) {
        self.pace.slow_down(now, pause);
        let group = self.groups.get(&part.group);
        let again = group.is_some_and(|group| {
            now + pause < group.expires
                && (group.has_several() || self.settings.on_throttle == OnThrottle::Retry)
        });
        if again && self.may_write() {
            self.queue.push_front(part);
        } else {
            self.settle_refused(&part, refused);
        }
    }
}

/// What we say.
impl<T> Session<T> {
    /// Writes queued parts as far as window and pace allow.
    fn pump(&mut self, now: Instant) {
        self.resume_at = None;
        while self.may_write() && self.pending.len() < self.settings.window {
            let Some(part) = self.queue.front() else { break };
            if self.groups.get(&part.group).is_none_or(|group| group.expires <= now) {
                self.expire_queue(now);
                continue;
            }
            if let Err(later) = self.pace.take(now) {
                self.resume_at = Some(later);
                break;
            }
            let part = self.queue.pop_front().expect("looked at above");
            self.write_part(now, part);
        }
    }

    fn may_write(&self) -> bool {
        matches!(self.state, State::Bound | State::Draining { .. })
    }

    fn write_part(&mut self, now: Instant, part: Part) {
        let begins = self.produced;
        let sequence = self.put_request(&part.request);
        self.deadlines.push_back((now + self.response_timeout(), sequence));
        self.pending.insert(sequence, Pending { part, begins });
    }

    fn keep_alive(&mut self, now: Instant) {
        if !matches!(self.state, State::Bound | State::Draining { .. }) {
            return;
        }
        let due = match self.enquired_at {
            None => now >= self.heard_at + self.enquire_interval(),
            Some(at) if now >= at + self.enquire_timeout() => {
                self.misses += 1;
                true
            }
            Some(_) => false,
        };
        if self.misses >= ENQUIRE_MISSES {
            return self.close(End::Silent);
        }
        if due {
            self.enquired_at = Some(now);
            let sequence = self.next_sequence();
            self.put_plain(command::ENQUIRE_LINK, 0, sequence);
        }
    }

    /// Goes on to the next state once the time or the work is over.
    fn step_state(&mut self, now: Instant) {
        let idle = self.pending.is_empty() && self.queue.is_empty();
        match self.state {
            State::Opening { until } if now >= until => self.close(End::BindTimeout),
            State::Draining { until } if idle || now >= until => {
                self.refuse_queue();
                let sequence = self.next_sequence();
                self.put_plain(command::UNBIND, 0, sequence);
                self.state = State::Unbinding { until: now + UNBIND_TIMEOUT };
            }
            State::Unbinding { until } if now >= until => self.close(End::Unbound),
            State::Leaving { until } if idle || now >= until => self.close(End::PeerUnbound),
            State::Opening { .. }
            | State::Draining { .. }
            | State::Unbinding { .. }
            | State::Leaving { .. }
            | State::Bound
            | State::Closed => {}
        }
    }

    fn put_request(&mut self, request: &Request) -> u32 {
        let sequence = self.next_sequence();
        let before = self.output.len();
        request.write(sequence, &mut self.output);
        self.count_output(before);
        sequence
    }

    fn put_plain(&mut self, id: u32, status: u32, sequence: u32) {
        let before = self.output.len();
        encode::put_plain(&mut self.output, id, status, sequence);
        self.count_output(before);
    }

    fn count_output(&mut self, before: usize) {
        self.produced += (self.output.len() - before) as u64;
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = if self.sequence == MAX_SEQUENCE { 1 } else { self.sequence + 1 };
        self.sequence
    }
}

/// What becomes of requests.
impl<T> Session<T> {
    fn expire_pending(&mut self, now: Instant) {
        while let Some(&(at, sequence)) = self.deadlines.front() {
            if at > now && self.pending.contains_key(&sequence) {
                break;
            }
            self.deadlines.pop_front();
            if let Some(pending) = self.pending.remove(&sequence) {
                self.give_up(pending.part.group, 1, Failure::Unknown);
            }
        }
    }

    /// Drops deadlines of answered PDUs from the front, so that the list stays as long as the
    /// window.
    fn forget_deadlines(&mut self) {
        while self.deadlines.front().is_some_and(|(_, sequence)| !self.pending.contains_key(sequence)) {
            self.deadlines.pop_front();
        }
    }

    /// A request whose next part may not be written any more.
    fn first_late(&self, now: Instant) -> Option<u64> {
        let is_late = |id: &u64| self.groups.get(id).is_none_or(|group| group.expires <= now);
        self.queue.fronts().map(|part| part.group).find(is_late)
    }

    fn expire_queue(&mut self, now: Instant) {
        while let Some(id) = self.first_late(now) {
            let parts = self.queue.remove(id);
            self.give_up(id, parts, Failure::Crowded);
        }
    }

    fn refuse_queue(&mut self) {
        while let Some(part) = self.queue.pop_front() {
            self.give_up(part.group, 1, Failure::NotWritten);
        }
    }

    fn give_up(&mut self, id: u64, parts: usize, failure: Failure) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.fail(parts, failure);
        }
        self.finish(id);
    }

    fn finish(&mut self, id: u64) {
        if self.groups.get(&id).is_some_and(Group::is_settled)
            && let Some(group) = self.groups.remove(&id)
        {
            let (token, result) = group.into_result();
            self.outcomes.push_back(Outcome::Finished { token, result });
        }
    }

    fn close(&mut self, end: End) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.refuse_queue();
        for (_, pending) in std::mem::take(&mut self.pending) {
            let untouched = pending.begins >= self.written;
            let failure = if untouched { Failure::NotWritten } else { Failure::Unknown };
            self.give_up(pending.part.group, 1, failure);
        }
        self.outcomes.push_back(Outcome::Closed(end));
    }
}
