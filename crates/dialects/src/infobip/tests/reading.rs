//! Reading what nobody meant to send, and dates, settings and credentials in all their forms.

use bytes::Bytes;
use http::Request;
use model::{Call, Refusal, Span, Time, message::PlanSource};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{own_settings, settings};
use crate::{
    Dialect, Identity, Secret,
    infobip::{CreateStatus, Infobip, Offset, Settings, time},
    support::key_name,
    testkit::{NOW, context},
};

const PATHS: &[(&str, &str)] = &[
    ("POST", "/omni/1/scenarios"),
    ("PUT", "/omni/1/scenarios/K"),
    ("POST", "/omni/1/advanced"),
    ("POST", "/omni/1/text"),
    ("POST", "/auth/1/session"),
    ("POST", "/auth/1/oauth2/token"),
];

/// Reads, and words whatever came of it; both must never panic.
fn survive(method: &str, target: &str, body: Vec<u8>) -> bool {
    let Ok(request) = Request::builder().method(method).uri(target).body(Bytes::from(body)) else {
        return true;
    };
    let settings = settings();
    let context = context(&settings, "Aladdin");
    match Infobip.read(&request, &context) {
        Ok(_) => true,
        Err(refusal) => {
            let response = Infobip.refuse(&request, &refusal, &context);
            response.headers()["content-type"] == "application/json" && response.status().as_u16() >= 400
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("http://é")),
        Just(json!("2026-02-30T25:00:00+9900")),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let object = prop::collection::btree_map(member(), inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn member() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "scenarioKey",
        "destinations",
        "to",
        "phoneNumber",
        "messageId",
        "whatsApp",
        "sms",
        "viber",
        "push",
        "line",
        "text",
        "imageUrl",
        "templateName",
        "templateData",
        "mediaTemplateData",
        "header",
        "body",
        "placeholders",
        "buttons",
        "contacts",
        "name",
        "flow",
        "channel",
        "from",
        "default",
        "validityPeriod",
        "validityPeriodTimeUnit",
        "sendAt",
        "latitude",
        "longitude",
        "language",
        "regional",
        "kakaoAlim",
    ];
    prop::sample::select(KNOWN).prop_map(str::to_owned)
}

/// A request to send whose parts are of any shape.
fn any_submission() -> impl Strategy<Value = Value> {
    (any_json(), any_json(), any_json(), member()).prop_map(|(to, content, extra, name)| {
        let mut body = json!({"destinations": [{"to": to}], "whatsApp": content, "sms": {"text": "x"}});
        body[name] = extra;
        body
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_never_panic(
        path in prop::sample::select(PATHS),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(survive(path.0, path.1, body));
    }

    #[test]
    fn arbitrary_json_never_panics(path in prop::sample::select(PATHS), body in any_json()) {
        prop_assert!(survive(path.0, path.1, body.to_string().into_bytes()));
    }

    #[test]
    fn arbitrary_submissions_never_panic(body in any_submission()) {
        prop_assert!(survive("POST", "/omni/1/advanced", body.to_string().into_bytes()));
    }

    #[test]
    fn arbitrary_queries_never_panic(query in "[a-zA-Z0-9=&%+:. -]{0,60}") {
        let query = query.replace(' ', "+");
        let targets = ["/omni/1/logs?sentSince=", "/omni/1/reports?limit="].map(|path| path.to_owned() + &query);
        for target in targets {
            prop_assert!(survive("GET", &target, Vec::new()));
        }
    }

    #[test]
    fn dates_read_back_to_the_millisecond(millis in 0_i64..4_000_000_000_000, minutes in -720_i32..=720) {
        let offset = Offset::from_minutes(minutes).expect("within a day");
        let instant = Time::from_millis(millis);
        prop_assert_eq!(time::read(&time::write(instant, offset)), Some(instant));
    }

    #[test]
    fn arbitrary_dates_never_panic(text in "\\PC{0,40}") {
        time::read(&text);
    }
}

#[test]
fn dates_of_every_client_are_understood() {
    let expected = Time::from_millis(1_456_245_671_833);
    let same = [
        "2016-02-23T17:41:11.833+0100",
        "2016-02-23T17:41:11.833+01:00",
        "2016-02-23T16:41:11.833Z",
        "2016-02-23T16:41:11.833",
        "2016-02-23T16:41:11.833000000+0000",
        "2016-02-23 16:41:11.833",
        "2016-02-23T12:11:11.833-0430",
    ];
    for text in same {
        assert_eq!(time::read(text), Some(expected), "{text}");
    }
    assert_eq!(time::read("2016-02-23T16:41:11+0000"), Some(Time::from_secs(1_456_245_671)));
    for text in ["", "tomorrow", "2016-02-23", "2016-02-30T00:00:00Z", "2016-02-23T16:41:11+2500", "T+"] {
        assert_eq!(time::read(text), None, "{text}");
    }
}

#[test]
fn dates_are_written_with_three_digits_and_no_colon() {
    let offset = |text| Offset::parse(text).expect("an offset");
    assert_eq!(time::write(NOW, offset("Z")), "2026-11-20T21:33:24.123+0000");
    assert_eq!(time::write(NOW, offset("+01:00")), "2026-11-20T22:33:24.123+0100");
    assert_eq!(time::write(NOW, offset("-0430")), "2026-11-20T17:03:24.123-0430");
    assert_eq!(time::write(Time::from_secs(0), offset("+0000")), "1970-01-01T00:00:00.000+0000");
}

fn patience(sms: Value, own: Settings) -> Option<Span> {
    let body = json!({"destinations": [{"to": {"phoneNumber": "1"}}], "sms": sms}).to_string();
    let request = Request::post("/omni/1/advanced").body(Bytes::from(body)).expect("a request");
    let settings = crate::Settings { infobip: Some(own), ..crate::Settings::default() };
    match Infobip.read(&request, &context(&settings, "Aladdin")) {
        Ok(Call::Submit(submission)) => match submission.plan {
            PlanSource::Scenario { contents, .. } => contents[0].patience,
            PlanSource::Steps { .. } => panic!("scenarios only"),
        },
        _ => None,
    }
}

#[test]
fn validity_is_minutes_unless_said_otherwise_and_kept_within_bounds() {
    let sms = |period: Value, unit: Option<&str>| json!({"text": "x", "validityPeriod": period, "validityPeriodTimeUnit": unit});
    let read = |period, unit| patience(sms(period, unit), own_settings());
    assert_eq!(read(json!(1), None), Some(Span::from_mins(1)));
    assert_eq!(read(json!("1"), None), Some(Span::from_mins(1)));
    assert_eq!(read(json!(90), Some("SECONDS")), Some(Span::from_secs(90)));
    assert_eq!(read(json!(60_000_000_000_u64), Some("NANOSECONDS")), Some(Span::from_mins(1)));
    assert_eq!(read(json!(1), Some("DAYS")), Some(Span::from_hours(24)));
    assert_eq!(read(json!(3), Some("DAYS")), Some(Span::from_hours(48)));
    assert_eq!(read(json!(u64::MAX), Some("DAYS")), Some(Span::from_hours(48)));
    assert_eq!(read(json!(0), None), Some(Span::from_secs(30)));
    assert_eq!(read(json!(null), None), Some(Span::from_hours(48)));
    assert_eq!(read(json!(-1), None), None);
    assert_eq!(read(json!(1), Some("WEEKS")), None);
    let strict = Settings { strict_validity: true, ..own_settings() };
    assert_eq!(patience(sms(json!(29), Some("SECONDS")), strict), None);
    let quick = Settings { default_validity_minutes: 5, ..own_settings() };
    assert_eq!(patience(sms(json!(null), None), quick), Some(Span::from_mins(5)));
}

#[test]
fn users_and_keys_are_identities() {
    let settings = settings();
    let key = "003026bbc133714df1834b8638bb496e-8f4b3d9a-e931-478d-a994-28a725159ab9";
    let identity = |principal: &str, secret: &str| Identity {
        principal: principal.to_owned(),
        secrets: vec![Secret::Plain(secret.to_owned())],
    };
    assert_eq!(
        Infobip.identities(&settings),
        [identity("Aladdin", "open sesame"), identity(&key_name(key), key)]
    );
    assert_eq!(Infobip.identities(&crate::Settings::default()), []);
    assert!(!format!("{settings:?}").contains("sesame"));
}

#[test]
fn settings_refuse_what_they_do_not_know() {
    let read = |value: Value| serde_json::from_value::<Settings>(value);
    let good = read(json!({
        "users": [{"name": "a", "password": "b"}], "keys": ["k"], "create_status": 201,
        "utc_offset": "+0100", "seen_report_form": "later"
    }));
    assert_eq!(good.expect("settings").create_status, CreateStatus::Created);
    assert_eq!(read(json!({})).expect("settings"), Settings::default());
    assert!(read(json!({"user": []})).is_err());
    assert!(read(json!({"create_status": 204})).is_err());
    assert!(read(json!({"utc_offset": "CET"})).is_err());
}

#[test]
fn its_paths_and_no_others_are_claimed() {
    assert!(Infobip.claims(&["omni", "1", "advanced"]));
    assert!(Infobip.claims(&["omni", "2", "campaigns"]));
    assert!(Infobip.claims(&["auth", "1", "session"]));
    assert!(!Infobip.claims(&["auth"]));
    assert!(!Infobip.claims(&["v1", "omnichannel"]));
    assert!(crate::by_name("infobip").is_some());
}

#[test]
fn a_send_may_be_larger_than_other_requests() {
    let limit = |path: &str| {
        let (head, ()) = Request::post(path).body(()).expect("a request").into_parts();
        Infobip.body_limit(&head)
    };
    assert_eq!(limit("/omni/1/advanced"), 4 << 20);
    assert_eq!(limit("/omni/1/scenarios"), 64 << 10);
}

#[test]
fn a_number_that_is_not_whole_is_no_phone_number() {
    let send = |number: Value| {
        let body =
            json!({"destinations": [{"to": {"phoneNumber": number}}], "sms": {"text": "x"}}).to_string();
        let request = Request::post("/omni/1/advanced").body(Bytes::from(body)).expect("a request");
        let settings = settings();
        Infobip.read(&request, &context(&settings, "Aladdin")).is_ok()
    };
    assert!(send(json!(41_793_026_727_u64)));
    assert!(!send(json!(41_793_026_727.0)));
    assert!(!send(json!(-41_793_026_727_i64)));
}

#[test]
fn more_destinations_than_are_taken_are_refused() {
    let destination = json!({"to": {"phoneNumber": "1"}});
    let body = json!({"destinations": vec![destination; 10_001], "sms": {"text": "x"}}).to_string();
    assert!((body.len() as u64) < 4 << 20);
    let request = Request::post("/omni/1/advanced").body(Bytes::from(body)).expect("a request");
    let settings = settings();
    let read = Infobip.read(&request, &context(&settings, "Aladdin"));
    assert_eq!(read, Err(Refusal::TooManyRecipients { limit: 10_000 }));
}
