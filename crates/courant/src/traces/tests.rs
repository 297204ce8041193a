use super::*;
use crate::{metrics::Metrics, routes::Routes};

fn traces(sample: f64) -> Traces {
    crate::cli::install_crypto();
    let settings = Telemetry { otlp: Some("http://127.0.0.1:9".to_owned()), sample, ..Telemetry::default() };
    Traces::new(&settings, spans()).expect("it can be made")
}

fn spans() -> Spans {
    Metrics::new(&Routes::given(&crate::config::Config::default(), [])).spans
}

fn traced(traces: &Traces, messages: u128) -> usize {
    (0..messages).filter(|n| traces.of_id(MessageId(n * 0x9E37_79B9_7F4A_7C15), None).is_some()).count()
}

#[test]
fn the_share_decides_how_many_messages_are_traced() {
    assert_eq!((traced(&traces(0.0), 1000), traced(&traces(1.0), 1000)), (0, 1000));
    let half = traced(&traces(0.5), 1000);
    assert!((400..600).contains(&half), "{half}");
}

#[test]
fn without_an_address_nothing_is_traced() {
    let traces =
        Traces::new(&Telemetry { sample: 1.0, ..Telemetry::default() }, spans()).expect("it can be made");
    let parent = TraceParent { trace: 1, span: 1, sampled: true };
    assert!(!traces.is_on() && traces.of_id(MessageId(1), Some(parent)).is_none());
}

#[test]
fn the_callers_word_goes_before_the_share() {
    let (none, all) = (traces(0.0), traces(1.0));
    let parent = |sampled| Some(TraceParent { trace: 7, span: 9, sampled });
    let trace = none.of_id(MessageId(1), parent(true)).expect("it is traced");
    assert_eq!((trace.id, trace.remote), (7, Some(9)));
    assert!(all.of_id(MessageId(1), parent(false)).is_none());
}

#[test]
fn each_place_of_a_message_has_an_id_of_its_own_and_always_the_same() {
    let traces = traces(1.0);
    let ids = |message: u128| {
        let trace = traces.of_id(MessageId(message), None).expect("it is traced");
        let attempt = |step, attempt| AttemptId { message: MessageId(message), step, attempt };
        let mut ids =
            vec![trace.id_of(Place::Message), trace.id_of(Place::Accept), trace.id_of(Place::Commit)];
        for step in 0..16 {
            ids.push(trace.id_of(Place::Step(step)));
            for number in 0..32 {
                ids.push(trace.id_of(Place::HandOver(attempt(step, number))));
                ids.extend((0..5).map(|status| trace.id_of(Place::Receipt(attempt(step, number), status))));
            }
        }
        ids.extend((0..100).map(|id| trace.id_of(Place::Callback(id, 3))));
        ids
    };
    let (one, other) = (ids(5), ids(6));
    assert_eq!(one, ids(5));
    let all: std::collections::HashSet<u64> = one.iter().chain(&other).copied().collect();
    assert_eq!(all.len(), one.len() + other.len());
    assert!(!all.contains(&0));
}

#[test]
fn what_does_not_fit_is_dropped_and_counted() {
    let traces = traces(1.0);
    let trace = traces.of_id(MessageId(1), None).expect("it is traced");
    for n in 0..QUEUE + 3 {
        let at = Time(n as i64);
        trace.span(Draft::new(Place::Accept, Place::Message, "accept", at, at));
    }
    assert_eq!(trace.inner.spans.dropped.get(), 3);
}
