//! The session in virtual time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use model::message::Priority;

use super::{
    super::{
        encode::{Address, Envelope, Request, UserData, submit},
        pdu::{Frame, command, next_frame},
        session::{End, Failure, Outcome, Role, Session},
        settings::TonNpi,
    },
    settings,
};

const SECOND: Duration = Duration::from_secs(1);

/// A session, the peer's view of its output, and the clock.
struct Bench {
    session: Session<&'static str>,
    now: Instant,
}

impl Bench {
    fn open(more: &str) -> Self {
        let now = Instant::now();
        let session = Session::open(Arc::new(settings(more)), Role::Transceiver, now);
        Self { session, now }
    }

    /// A bound session that has said nothing since.
    fn bound(more: &str) -> Self {
        let mut bench = Self::open(more);
        bench.sent();
        bench.hear(0x8000_0009, 0, 1, b"smsc\0\x02\x10\0\x01\x34");
        assert_eq!(bench.session.next_outcome(), Some(Outcome::Bound { tlvs: true }));
        bench
    }

    fn hear(&mut self, id: u32, status: u32, sequence: u32, body: &[u8]) {
        let length = 16 + body.len() as u32;
        let pdu = [&[length, id, status, sequence].map(u32::to_be_bytes).concat()[..], body].concat();
        self.session.receive(self.now, &pdu);
    }

    fn take(&mut self, sequence: u32, id: &str) {
        self.hear(0x8000_0004, 0, sequence, &[id.as_bytes(), &[0]].concat());
    }

    fn refuse(&mut self, sequence: u32, status: u32) {
        self.hear(0x8000_0004, status, sequence, b"");
    }

    fn ask(&mut self, token: &'static str, parts: usize) {
        let parts = (0..parts).map(|_| request()).collect();
        self.session.submit(self.now, parts, Priority::Notice, self.now + 30 * SECOND, token);
    }

    /// What was written since the last look: ids and sequence numbers.
    fn sent(&mut self) -> Vec<(u32, u32)> {
        self.frames().into_iter().map(|frame| (frame.id, frame.sequence)).collect()
    }

    fn frames(&mut self) -> Vec<Frame> {
        let mut out = BytesMut::new();
        self.session.move_output(&mut out);
        self.session.note_unwritten(0);
        std::iter::from_fn(|| next_frame(&mut out).expect("our own frames are well-formed")).collect()
    }

    /// Lets time pass, ticking whenever the session wants it.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.session.deadline() <= until {
            self.now = self.session.deadline().max(self.now);
            self.session.tick(self.now);
            self.now += Duration::from_micros(1);
        }
        self.now = self.now.max(until);
    }

    #[track_caller]
    fn finished(&mut self, token: &'static str, result: Result<&[&str], Failure>) {
        let result = result.map(|ids| ids.iter().copied().map(String::from).collect());
        assert_eq!(self.session.next_outcome(), Some(Outcome::Finished { token, result }));
    }
}

fn request() -> Request {
    let kind = TonNpi { ton: 1, npi: 1 };
    let envelope = Envelope {
        source: Address { kind, text: "1".into() },
        destination: Address { kind, text: "2".into() },
        data_coding: 0,
        priority: 0,
        validity_s: 60,
        optional: vec![(0x1400, b"PE\0".to_vec())],
    };
    submit(&settings(""), &envelope, UserData::Whole(b"Hi"))
}

fn submits(sequences: impl IntoIterator<Item = u32>) -> Vec<(u32, u32)> {
    sequences.into_iter().map(|sequence| (command::SUBMIT_SM, sequence)).collect()
}

#[test]
fn a_session_begins_with_a_bind_and_takes_nothing_before_its_answer() {
    let mut bench = Bench::open("");
    assert_eq!(bench.sent(), [(command::BIND_TRANSCEIVER, 1)]);
    bench.ask("early", 1);
    bench.finished("early", Err(Failure::NotWritten));
    assert_eq!(bench.sent(), []);
}

#[test]
fn a_peer_that_tells_no_version_gets_no_tlvs() {
    let mut bench = Bench::open("");
    bench.hear(0x8000_0009, 0, 1, b"smsc\0");
    assert_eq!(bench.session.next_outcome(), Some(Outcome::Bound { tlvs: false }));
}

#[test]
fn a_refused_or_unanswered_bind_ends_the_session() {
    let mut refused = Bench::open("");
    refused.hear(0x8000_0009, 0x0E, 1, b"");
    assert_eq!(refused.session.next_outcome(), Some(Outcome::Closed(End::BindRefused(0x0E))));
    let mut silent = Bench::open("");
    silent.pass(6 * SECOND);
    assert_eq!(silent.session.next_outcome(), Some(Outcome::Closed(End::BindTimeout)));
}

#[test]
fn the_window_holds_submits_back_and_answers_match_in_any_order() {
    let mut bench = Bench::bound("window = 2");
    bench.ask("a", 1);
    bench.ask("b", 1);
    bench.ask("c", 1);
    assert_eq!(bench.sent(), submits(2..4));
    bench.take(3, "B");
    bench.finished("b", Ok(&["B"]));
    assert_eq!(bench.sent(), submits([4]));
    bench.take(2, "A");
    bench.take(4, "C");
    bench.finished("a", Ok(&["A"]));
    bench.finished("c", Ok(&["C"]));
    bench.take(4, "again");
    assert_eq!(bench.session.next_outcome(), None);
}

#[test]
fn parts_go_one_behind_the_other_and_their_ids_come_in_order() {
    let mut bench = Bench::bound("");
    bench.ask("long", 3);
    assert_eq!(bench.sent(), submits(2..5));
    bench.take(4, "P3");
    bench.take(2, "P1");
    assert_eq!(bench.session.next_outcome(), None);
    bench.take(3, "P2");
    bench.finished("long", Ok(&["P1", "P2", "P3"]));
}

#[test]
fn a_refused_part_keeps_the_later_ones_from_being_sent() {
    let mut bench = Bench::bound("window = 2");
    bench.ask("long", 4);
    bench.sent();
    bench.refuse(3, 0x0B);
    bench.take(2, "P1");
    bench.finished("long", Err(Failure::Refused { status: 0x0B, part: 2, parts: 4, accepted: 1 }));
    assert_eq!(bench.sent(), []);
}

#[test]
fn a_missing_answer_leaves_the_outcome_unknown_and_frees_the_window() {
    let mut bench = Bench::bound("window = 1\nresponse_timeout_ms = 5000");
    bench.ask("a", 1);
    bench.ask("b", 1);
    bench.sent();
    bench.pass(5 * SECOND);
    bench.finished("a", Err(Failure::Unknown));
    assert_eq!(bench.sent(), submits([3]));
}

#[test]
fn a_request_that_waits_too_long_for_the_window_was_never_written() {
    let mut bench = Bench::bound("window = 1\nresponse_timeout_ms = 60000");
    bench.ask("a", 1);
    bench.ask("b", 1);
    bench.pass(30 * SECOND);
    bench.finished("b", Err(Failure::Crowded));
}

#[test]
fn a_lost_connection_tells_written_from_unwritten() {
    let mut bench = Bench::bound("window = 2");
    bench.ask("written", 1);
    bench.frames();
    bench.ask("moved", 1);
    bench.ask("queued", 1);
    let mut out = BytesMut::new();
    bench.session.move_output(&mut out);
    bench.session.note_unwritten(out.len());
    bench.session.connection_lost();
    let mut found: Vec<_> = std::iter::from_fn(|| bench.session.next_outcome()).collect();
    assert_eq!(found.pop(), Some(Outcome::Closed(End::ConnectionLost)));
    let failure = |token| {
        found.iter().find_map(|outcome| match outcome {
            Outcome::Finished { token: found, result: Err(failure) } if *found == token => {
                Some(failure.clone())
            }
            _ => None,
        })
    };
    assert_eq!(failure("written"), Some(Failure::Unknown));
    assert_eq!(failure("moved"), Some(Failure::NotWritten));
    assert_eq!(failure("queued"), Some(Failure::NotWritten));
}

#[test]
fn one_octet_of_a_pdu_on_the_wire_makes_its_outcome_unknown() {
    let mut bench = Bench::bound("");
    bench.ask("half", 1);
    let mut out = BytesMut::new();
    bench.session.move_output(&mut out);
    bench.session.note_unwritten(out.len() - 1);
    bench.session.connection_lost();
    bench.finished("half", Err(Failure::Unknown));
}

#[test]
fn throttling_is_reported_and_pauses_the_session() {
    let mut bench = Bench::bound("");
    bench.ask("a", 1);
    bench.sent();
    bench.refuse(2, 0x58);
    bench.finished("a", Err(Failure::Refused { status: 0x58, part: 1, parts: 1, accepted: 0 }));
    bench.ask("b", 1);
    bench.pass(SECOND / 2);
    assert_eq!(bench.sent(), []);
    bench.pass(2 * SECOND);
    assert_eq!(bench.sent(), submits([3]));
}

#[test]
fn a_throttled_part_of_several_is_submitted_again_by_the_session() {
    let mut bench = Bench::bound("");
    bench.ask("long", 2);
    bench.sent();
    bench.take(2, "P1");
    bench.refuse(3, 0x58);
    bench.pass(3 * SECOND);
    assert_eq!(bench.sent(), submits([4]));
    bench.take(4, "P2");
    bench.finished("long", Ok(&["P1", "P2"]));
}

#[test]
fn a_throttled_rate_halves_and_comes_back() {
    let mut bench = Bench::bound("tps = 100\nwindow = 5000\nresponse_timeout_ms = 300000");
    for _ in 0..2000 {
        let until = bench.now + 1000 * SECOND;
        bench.session.submit(bench.now, vec![request()], Priority::Marketing, until, "bulk");
    }
    bench.pass(2 * SECOND);
    let before = bench.sent().len();
    assert!((190..=215).contains(&before), "{before}");
    bench.refuse(2, 0x58);
    bench.pass(SECOND);
    assert!(bench.sent().len() <= 1, "paused");
    bench.pass(SECOND);
    let slowed = bench.sent().len();
    assert!((45..=70).contains(&slowed), "{slowed}");
    bench.pass(8 * SECOND);
    bench.sent();
    bench.pass(SECOND);
    let recovered = bench.sent().len();
    assert!((95..=105).contains(&recovered), "{recovered}");
}

#[test]
fn a_one_time_code_is_written_before_what_waits_and_all_expire_in_time() {
    let mut bench = Bench::bound("tps = 10\nwindow = 5000");
    let until = |bench: &Bench, seconds| bench.now + seconds * SECOND;
    let soon = until(&bench, 2);
    bench.session.submit(bench.now, vec![request(), request()], Priority::Marketing, soon, "first");
    bench.session.submit(bench.now, vec![request()], Priority::Marketing, until(&bench, 60), "second");
    assert_eq!(bench.sent(), submits([2]), "one token");
    for _ in 0..30 {
        bench.session.submit(bench.now, vec![request()], Priority::OneTime, until(&bench, 60), "code");
    }
    bench.take(2, "F1");
    bench.pass(SECOND * 5 / 2);
    bench.finished("first", Err(Failure::Crowded));
    let codes = bench.sent().len();
    for sequence in 3..3 + codes as u32 {
        bench.take(sequence, "C");
        bench.finished("code", Ok(&["C"]));
    }
    bench.pass(2 * SECOND);
    assert_eq!(bench.sent().len(), 30 - codes + 1, "the codes, then the second");
}

#[test]
fn refused_tlvs_are_left_out_once() {
    let mut bench = Bench::bound("");
    bench.ask("a", 1);
    let with = bench.frames()[0].body.len();
    bench.refuse(2, 0xC1);
    let without = bench.frames()[0].body.len();
    assert_eq!(with - without, 7);
    bench.refuse(3, 0xC1);
    bench.finished("a", Err(Failure::Refused { status: 0xC1, part: 1, parts: 1, accepted: 0 }));
}

#[test]
fn a_refused_validity_is_left_out_and_a_generic_failure_repeated_once() {
    let mut bench = Bench::bound("");
    bench.ask("a", 1);
    let with = bench.frames()[0].body.len();
    bench.refuse(2, 0x62);
    assert_eq!(with - bench.frames()[0].body.len(), 16);
    bench.take(3, "A");
    bench.finished("a", Ok(&["A"]));
    bench.ask("b", 1);
    bench.refuse(4, 0x45);
    bench.refuse(5, 0x45);
    bench.finished("b", Err(Failure::Refused { status: 0x45, part: 1, parts: 1, accepted: 0 }));
}

#[test]
fn a_nack_refuses_the_request_it_answers_and_no_other() {
    let mut bench = Bench::bound("");
    bench.ask("a", 1);
    bench.hear(command::GENERIC_NACK, 0x02, 77, b"");
    assert_eq!(bench.session.next_outcome(), None);
    bench.hear(command::GENERIC_NACK, 0x03, 2, b"");
    bench.finished("a", Err(Failure::Refused { status: 0x03, part: 1, parts: 1, accepted: 0 }));
}

#[test]
fn a_peer_that_says_we_are_not_bound_is_left() {
    let mut bench = Bench::bound("");
    bench.ask("a", 1);
    bench.refuse(2, 0x04);
    bench.finished("a", Err(Failure::Refused { status: 0x04, part: 1, parts: 1, accepted: 0 }));
    assert_eq!(bench.session.next_outcome(), Some(Outcome::Closed(End::NotBound)));
}

#[test]
fn a_quiet_link_is_probed_and_two_misses_end_it() {
    let mut bench = Bench::bound("enquire_link_s = 30");
    bench.pass(29 * SECOND);
    assert_eq!(bench.sent(), []);
    bench.pass(SECOND);
    assert_eq!(bench.sent(), [(command::ENQUIRE_LINK, 2)]);
    bench.hear(0x8000_0015, 0, 2, b"");
    bench.pass(29 * SECOND);
    assert_eq!(bench.sent(), []);
    bench.pass(11 * SECOND);
    assert_eq!(bench.sent(), [(command::ENQUIRE_LINK, 3), (command::ENQUIRE_LINK, 4)]);
    bench.pass(10 * SECOND);
    assert_eq!(bench.session.next_outcome(), Some(Outcome::Closed(End::Silent)));
}

#[test]
fn the_peers_requests_are_answered_by_rule() {
    let mut bench = Bench::bound("");
    bench.hear(0x15, 0, 5, b"");
    bench.hear(0x0B, 0, 6, b"smsc\0\0"); // outbind
    bench.hear(0x102, 0, 7, b""); // alert_notification
    bench.hear(0x7777, 0, 8, b"");
    bench.hear(0x05, 0, 9, b"cut off");
    let answers: Vec<_> = bench.frames().into_iter().map(|f| (f.id, f.status, f.sequence)).collect();
    assert_eq!(answers, [(0x8000_0015, 0, 5), (0x8000_0000, 3, 8), (0x8000_0005, 0x65, 9)]);
}

#[test]
fn senseless_lengths_are_nacked_and_end_the_session() {
    let mut bench = Bench::bound("");
    bench.session.receive(bench.now, &[0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9]);
    let answers: Vec<_> = bench.frames().into_iter().map(|f| (f.id, f.status, f.sequence)).collect();
    assert_eq!(answers, [(0x8000_0000, 2, 9)]);
    assert_eq!(bench.session.next_outcome(), Some(Outcome::Closed(End::Garbage)));
}

#[test]
fn unbinding_waits_for_open_submits() {
    let mut bench = Bench::bound("");
    bench.ask("a", 1);
    bench.sent();
    bench.session.unbind(bench.now, bench.now + 5 * SECOND);
    bench.ask("late", 1);
    bench.finished("late", Err(Failure::NotWritten));
    assert_eq!(bench.sent(), []);
    bench.take(2, "A");
    bench.finished("a", Ok(&["A"]));
    assert_eq!(bench.sent(), [(command::UNBIND, 3)]);
    bench.hear(0x8000_0006, 0, 3, b"");
    assert_eq!(bench.session.next_outcome(), Some(Outcome::Closed(End::Unbound)));
}

#[test]
fn unbinding_does_not_wait_for_ever() {
    let mut bench = Bench::bound("");
    bench.ask("a", 1);
    bench.session.unbind(bench.now, bench.now + 5 * SECOND);
    bench.pass(5 * SECOND);
    assert_eq!(bench.sent(), [(command::SUBMIT_SM, 2), (command::UNBIND, 3)]);
    bench.pass(3 * SECOND);
    bench.finished("a", Err(Failure::Unknown));
    assert_eq!(bench.session.next_outcome(), Some(Outcome::Closed(End::Unbound)));
}

#[test]
fn a_peer_that_unbinds_mid_window_may_still_answer() {
    let mut bench = Bench::bound("window = 1");
    bench.ask("a", 1);
    bench.ask("b", 1);
    bench.sent();
    bench.hear(0x06, 0, 9, b"");
    assert_eq!(bench.sent(), [(0x8000_0006, 9)]);
    bench.finished("b", Err(Failure::NotWritten));
    bench.take(2, "A");
    bench.finished("a", Ok(&["A"]));
    assert_eq!(bench.session.next_outcome(), Some(Outcome::Closed(End::PeerUnbound)));
}
