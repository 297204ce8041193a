use engine::{Decision, Event, State};
use model::{
    AttemptId, BatchId, Brief, Cause, Channel, Content, Fault, MessageId, Plan, Receipt, ReceiptStatus, Span,
    Step, Time,
    content::{Location, Template},
    message::{Body, Extras, OnUnknown, RouteChoice, Shared, Until},
    network::NetworkCode,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::{Happening, HistoryEntry};

/// A state as earlier versions stored it.
const STATE: &str = concat!(
    r#"{"a":0,"s":[{"s":{"failed":"patience_expired"},"b":0,"k":0,"u":95000,"t":600000,"n":1,"h":1,"p":"o","#,
    r#""c":{"code":"200"},"m":[{"k":true,"u":["wamid.1"],"p":[1]}]},"#,
    r#"{"s":"accepted","b":600000,"t":600000,"n":1,"p":{"q":{"a":{"#,
    r#""message":"01920000000070008000000000000001","step":1,"attempt":0},"r":"sms","t":600000}}}],"#,
    r#""w":100000000,"t":600000}"#
);

/// The same as it is stored now.
const PACKED: &str = concat!(
    "84a16100a173",
    "928aa17381a66661696c6564b070617469656e63655f65787069726564a16200a16b00a175ce00017318a174ce000927c0",
    "a16e01a16801a170a16fa16381a4636f6465a3323030a16d9183a16bc3a17591a777616d69642e31a1709101",
    "85a173a86163636570746564a162ce000927c0a174ce000927c0a16e01",
    "a17081a17183a16183a76d657373616765c41001920000000070008000000000000001",
    "a47374657001a7617474656d707400a172a3736d73a174ce000927c0",
    "a177ce05f5e100a174ce000927c0"
);

/// A history as earlier versions stored it.
const HISTORY: &str = concat!(
    r#"[{"at":5,"what":{"event":{"received":{"attempt":{"message":"01920000000070008000000000000001","step":0,"#,
    r#""attempt":0},"part":0,"receipt":{"status":{"failed":"barred"}}}}},"decisions":["settled"]},"#,
    r#"{"at":6,"what":{"note":{"by":"media","text":"fetched"}}}]"#
);

fn attempt() -> AttemptId {
    AttemptId { message: MessageId(0x0192_0000_0000_7000_8000_0000_0000_0001), step: 0, attempt: 0 }
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = write(value).expect("it is plain data");
    assert!(!is_json(&bytes), "{bytes:02x?}");
    assert_eq!(&read::<T>(&bytes).expect("it was written so"), value);
    for end in 0..bytes.len() {
        assert!(read::<T>(&bytes[..end]).is_err(), "{end} of {} bytes are no {value:?}", bytes.len());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_state_is_stored_like_this() {
    let state: State = serde_json::from_str(STATE).expect("a state");
    assert_eq!(hex(&write(&state).expect("it is plain data")), PACKED);
}

#[test]
fn what_earlier_versions_stored_as_json_is_read() {
    let state: State = read(STATE.as_bytes()).expect("a state");
    assert_eq!(serde_json::to_string(&state).expect("it is plain data"), STATE);
    let history: Vec<HistoryEntry> = read(HISTORY.as_bytes()).expect("a history");
    let receipt = Receipt::new(ReceiptStatus::Failed(Cause::Barred));
    let received = Event::Received { attempt: attempt(), part: 0, receipt };
    let note = Happening::Note { by: "media".to_owned(), text: "fetched".to_owned() };
    let expected = [
        HistoryEntry { at: Time(5), what: Happening::Event(received), decisions: vec![Decision::Settled] },
        HistoryEntry { at: Time(6), what: note, decisions: Vec::new() },
    ];
    assert_eq!(history, expected);
}

#[test]
fn states_come_back() {
    comes_back(&State::default());
    comes_back(&serde_json::from_str::<State>(STATE).expect("a state"));
}

#[test]
fn every_kind_of_event_and_decision_comes_back() {
    let (attempt, route) = (attempt(), || "sms".into());
    let fault =
        Fault::new(Cause::Throttled).with_network("131056", "slow").with_retry_after(Span::from_secs(3));
    let network = Some(NetworkCode::new("UNDELIV/000", "no öne"));
    let receipt = Receipt { at: Some(Time(-1)), network, ..Receipt::new(ReceiptStatus::Failed(Cause::Spam)) };
    let events = vec![
        Event::Accepted,
        Event::Taken { attempt },
        Event::Submitted { attempt, upstream: vec!["a".to_owned(), String::new()] },
        Event::Refused { attempt, fault },
        Event::Refused { attempt, fault: Fault::new(Cause::NoRoute) },
        Event::Received { attempt, part: 255, receipt },
        Event::Received { attempt, part: 0, receipt: Receipt::new(ReceiptStatus::Read) },
        Event::Recalled { attempt, done: true },
        Event::Woken,
        Event::Cancelled,
    ];
    let decisions = vec![
        Decision::StepBegun { step: 0 },
        Decision::AttemptQueued { step: 1, attempt: 300, route: route(), not_before: Time(i64::MAX) },
        Decision::PatienceStarted { step: 0, until: Time(i64::MIN) },
        Decision::SameRoute { step: 0, cause: Cause::NetworkBusy, at: Time(7) },
        Decision::NextRoute { step: 0, cause: Cause::ProviderDown, route: route() },
        Decision::StepFailed { step: 0, cause: Cause::WindowClosed },
        Decision::Doubted { step: 0, until: Time(9) },
        Decision::Late { step: 0, settles: false },
        Decision::Settled,
        Decision::Ignored,
    ];
    let entry =
        |event| HistoryEntry { at: Time(1), what: Happening::Event(event), decisions: decisions.clone() };
    comes_back(&events.into_iter().map(entry).collect::<Vec<_>>());
}

#[test]
fn plans_come_back_with_what_callers_wrote_into_them() {
    let components =
        json!([{"type": "body", "parameters": [{"type": "text", "text": "\u{0}\"ü\u{1f600}"}]}, null]);
    let components = components.as_array().expect("a list").clone();
    let written =
        json!({"a": [0, -1, u64::MAX, i64::MIN, 1.5, 1e300, true, null, {}, [], "x".repeat(70_000)]});
    let contents = [
        Content::Template(Template { name: "t".to_owned(), language: None, components }),
        Content::Whatsapp(written),
        Content::Contacts(json!("not even a list")),
        Content::Location(Location { latitude: -0.1, longitude: 179.999_999_9, name: None, address: None }),
    ];
    let step = |body| Step {
        channel: Channel::Whatsapp,
        sender: None,
        body,
        patience: Span::ZERO,
        validity: Span::from_hours(48),
        until: Until::Read,
        routes: vec![RouteChoice { route: "wa".into(), on_unknown: OnUnknown::AtLeastOnce }],
        extras: Extras { max_media_bytes: Some(u64::MAX), ..Extras::default() },
    };
    let steps = contents.map(|content| step(Body::Ready(content))).into_iter();
    let steps = steps.chain([step(Body::Void(Cause::TemplateMissing))]).collect();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace: Option<model::TraceParent> = serde_json::from_value(json!(trace)).expect("a trace");
    let brief =
        Brief { memo: Some("{\"k\":1}".to_owned()), send_at: Some(Time(1)), trace, ..Brief::default() };
    let shared = Shared { brief, plan: Plan::new(steps).expect("five steps") };
    let bytes = write(&shared).expect("it is plain data");
    assert_eq!(read::<Shared>(&bytes).expect("it was written so"), shared);
    let json = serde_json::to_vec(&shared).expect("it is plain data");
    assert_eq!(read::<Shared>(&json).expect("as earlier versions wrote it"), shared);
}

#[test]
fn what_callers_nested_comes_back_and_nesting_without_end_is_refused() {
    let nested = (0..100).fold(json!(1), |inner, _| json!([inner]));
    let content = Content::Whatsapp(nested);
    let bytes = write(&content).expect("it is plain data");
    assert_eq!(read::<Content>(&bytes).expect("it was written so"), content);
    let endless = vec![0x91; 1 << 20];
    assert!(read::<serde_json::Value>(&endless).is_err());
}

#[test]
fn ids_are_sixteen_bytes() {
    let bytes = write(&[BatchId(1), BatchId(u128::MAX)]).expect("it is plain data");
    assert_eq!(bytes.len(), 1 + 2 * (2 + 16));
    assert_eq!(read::<[BatchId; 2]>(&bytes).expect("it was written so"), [BatchId(1), BatchId(u128::MAX)]);
}

/// What a newer program adds.
#[derive(Serialize)]
struct Newer {
    kept: u8,
    added: Vec<u32>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Older {
    kept: u8,
    #[serde(default)]
    gone: Option<String>,
}

#[test]
fn members_may_be_added_and_left_out() {
    let bytes = write(&Newer { kept: 7, added: vec![1, 2] }).expect("it is plain data");
    assert_eq!(read::<Older>(&bytes).expect("it has what is needed"), Older { kept: 7, gone: None });
}

#[test]
fn a_large_value_leaves_no_large_buffer_behind() {
    write(&["x".repeat(4 * KEPT)]).expect("it is plain data");
    let kept = BUFFER.with_borrow(Vec::capacity);
    assert!((1..=KEPT).contains(&kept), "{kept} bytes");
}

#[test]
fn a_value_that_cannot_be_written_is_an_error_and_the_next_one_is_written() {
    struct Bad;
    impl Serialize for Bad {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    let refused = write(&("before", Bad)).expect_err("it says so").to_string();
    assert!(refused.contains("not today"), "{refused}");
    assert_eq!(hex(&write(&["a"]).expect("it is plain data")), "91a161");
}
