use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use model::{
    Answer, BatchId, Brief, Call, Cause, Channel, Content, Inbound, MessageId, Phone, Plan, Recipient,
    Refusal, Report, RouteName, Span, Status, Step, StepReport, Submission,
    call::{AuthFault, MessageReport},
    content::Text,
    message::{Body, Extras, Message, PlanSource, Shared, Until},
    network::{InboundContent, NetworkCode},
    report::Occasion,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ApiKey, MediaLimit, Messangi, Quota, Settings, User, status, wire::Memo};
use crate::{
    Callback, Dialect, Proof, RateState, Secret, Success,
    memo::remember,
    support,
    testkit::{
        self, NOW, accept_all, account, context, golden, parse_request, render_callbacks, render_response,
    },
};

fn settings() -> crate::Settings {
    let own = Settings {
        users: vec![User { username: "sandbox".to_owned(), password: "sandbox".into() }],
        keys: vec![ApiKey { key: "sandbox".into(), username: Some("api@acme".to_owned()) }],
        inbound_url: Some("https://hooks.example/mo".to_owned()),
        ..Settings::default()
    };
    crate::Settings { tolerant_json: true, messangi: Some(own), ..crate::Settings::default() }
}

fn changed(change: impl FnOnce(&mut Settings)) -> crate::Settings {
    let mut settings = settings();
    change(settings.messangi.as_mut().expect("set above"));
    settings
}

fn check_with(names: &[&str], settings: &crate::Settings, answer: impl Fn(&Call) -> Result<Answer, Refusal>) {
    for name in names {
        testkit::transcript(&Messangi, "messangi", name, settings, &answer);
    }
}

fn check(names: &[&str]) {
    check_with(names, &settings(), accept_all);
}

fn post(path: &str, body: &Value) -> Request<Bytes> {
    let request = Request::post(path).header("authorization", "Bearer sandbox");
    request.body(Bytes::from(body.to_string())).expect("a request")
}

fn read_with(body: &Value, settings: &crate::Settings) -> Result<Submission, Refusal> {
    let principal = support::key_name("sandbox");
    match Messangi.read(&post("/notification", body), &context(settings, &principal))? {
        Call::Submit(submission) => Ok(*submission),
        other => panic!("not a submission: {other:?}"),
    }
}

fn whatsapp(request: Value) -> Value {
    let mut body = json!({"channel": "WHATSAPP", "request": {"from": "1000000001", "to": "+15558675309"}});
    let members = body["request"].as_object_mut().expect("an object");
    members.extend(request.as_object().expect("an object").clone());
    body
}

fn steps(submission: Submission) -> Vec<model::message::StepDraft> {
    match submission.plan {
        PlanSource::Steps { steps, .. } => steps,
        PlanSource::Scenario { .. } => panic!("a scenario"),
    }
}

#[test]
fn the_vendors_printed_sample_is_taken_with_its_trailing_comma() {
    check(&["sample-image"]);
}

#[test]
fn every_type_of_whatsapp_message_is_read() {
    check(&["text", "audio", "video", "document", "document-word", "contacts", "location", "location-flat"]);
    check(&["interactive-buttons", "interactive-list", "template", "template-flat"]);
}

#[test]
fn every_other_channel_is_read() {
    check(&["sms", "sms-too-long", "email", "push", "rcs", "rcs-card", "rcs-raw"]);
}

#[test]
fn fallback_comes_from_the_body_or_a_header() {
    check(&["fallback", "fallback-header"]);
}

#[test]
fn the_services_for_single_channels_answer_both_known_forms() {
    check(&["raven", "crowsnest", "balerion-flat", "balerion-envelope"]);
}

#[test]
fn an_unknown_sender_is_accepted_and_cannot_be_sent() {
    let settings = changed(|own| own.senders = [(Channel::Whatsapp, vec!["1000000001".to_owned()])].into());
    check_with(&["unknown-sender"], &settings, accept_all);
    let sms = json!({"channel": "SMS", "request": {"from": "777", "to": "15558675309", "message": "Hi"}});
    assert!(matches!(steps(read_with(&sms, &settings).expect("taken"))[0].body, Body::Ready(_)));
}

#[test]
fn the_token_comes_in_a_header_with_an_empty_body() {
    check_with(&["login"], &settings(), |_| Ok(Answer::SignedIn { token: "t0ken".to_owned() }));
    check_with(&["login-wrong"], &settings(), |_| Err(Refusal::Unauthenticated(AuthFault::WrongSecret)));
    check(&["login-empty"]);
}

#[test]
fn refusals_carry_their_reason_under_errors() {
    check(&[
        "refused-no-token",
        "refused-basic",
        "refused-json",
        "refused-channel",
        "refused-request",
        "refused-to",
        "refused-type",
        "refused-url",
        "refused-callbacks",
        "refused-text",
        "refused-attachments",
        "refused-path",
        "refused-method",
        "refused-content-type",
    ]);
}

#[test]
fn the_quota_is_told_in_headers() {
    let settings = changed(|own| own.quota = Some(Quota { requests: 2, window_seconds: 300 }));
    check_with(&["quota"], &settings, accept_all);
    let limited = |_: &Call| Err(Refusal::RateLimited { retry_after: Span::from_millis(299_500) });
    check_with(&["limited"], &settings, limited);
    let mut context = context(&settings, "");
    let rate =
        RateState { limit: 2, window: Span::from_secs(300), remaining: 1, reset_in: Span::from_secs(3_720) };
    context.rate = Some(rate);
    let request = post("/notification", &json!({}));
    let response = render_response(&Messangi.refuse(&request, &Refusal::LowBalance, &context));
    for line in [
        "ratelimit-limit: 2\n",
        "ratelimit-policy: 2;w= 300\n",
        "ratelimit-remaining: 1\n",
        "ratelimit-reset: 1h2m0s\n",
    ] {
        assert!(response.contains(line), "{response}");
    }
}

#[test]
fn paths_of_other_vendors_are_not_claimed() {
    let claimed = |path: &str| {
        let segments = support::segments(path);
        Messangi.claims(&segments.iter().map(AsRef::as_ref).collect::<Vec<_>>())
    };
    for path in [
        "/notification/",
        "/v2/notification",
        "/oberyn/v2/notification",
        "/v3/messages",
        "/kingslanding/login",
    ] {
        assert!(claimed(path), "{path}");
    }
    for path in ["/v2/messages", "/v2/HXAP/whatsapp/send", "/v3/messages/1", "/v1/omnichannel"] {
        assert!(!claimed(path), "{path}");
    }
}

#[test]
fn long_lived_keys_and_session_tokens_are_told_apart() {
    let credentials = |token: &str| {
        let request = Request::post("/notification").header("authorization", format!("Bearer {token}"));
        Messangi
            .credentials(&request.body(Bytes::new()).expect("a request"))
            .expect("well formed")
            .expect("some")
    };
    let key = credentials("sandbox");
    assert!(key.principal == support::key_name("sandbox") && key.proof == Proof::Plain("sandbox".to_owned()));
    assert!(credentials("session.abc").proof == Proof::Session("abc".to_owned()));
    let identities = Messangi.identities(&settings());
    assert_eq!(identities[0].principal, "sandbox");
    assert_eq!(identities[1].principal, key.principal);
    assert!(identities.iter().all(|identity| identity.secrets == [Secret::Plain("sandbox".to_owned())]));
}

#[test]
fn the_sign_in_answer_is_what_later_requests_present() {
    let request = parse_request("POST /kingslanding/login HTTP/1.1\n\n{}");
    let call = Call::SignIn { user: "sandbox".to_owned(), password: "sandbox".into() };
    let answer = Answer::SignedIn { token: "abc".to_owned() };
    let response = Messangi.write(&request, &call, &answer, &context(&settings(), ""));
    let token = response.headers()["authorization"].to_str().expect("text").to_owned();
    let later =
        Request::post("/notification").header("authorization", token).body(Bytes::new()).expect("a request");
    let credentials = Messangi.credentials(&later).expect("well formed").expect("some");
    assert!(credentials.proof == Proof::Session("abc".to_owned()));
}

#[test]
fn strict_json_turns_tolerance_off() {
    let body = "{\"channel\": \"SMS\", \"request\": {\"from\": \"777\", \"to\": \"15558675309\", \"message\": \"Hi\",}}";
    let request = Request::post("/notification").body(Bytes::from(body)).expect("a request");
    assert!(Messangi.read(&request, &context(&settings(), "")).is_ok());
    let strict = changed(|own| own.strict_json = true);
    assert!(matches!(Messangi.read(&request, &context(&strict, "")), Err(Refusal::Malformed(_))));
}

#[test]
fn media_is_limited_to_less_than_five_megabytes_and_may_not_redirect() {
    let body = whatsapp(json!({"type": "image", "message": "https://media.example/i.png"}));
    let extras = steps(read_with(&body, &settings()).expect("taken")).remove(0).extras;
    assert_eq!((extras.max_media_bytes, extras.no_redirects), (Some(5 * 1024 * 1024 - 1), true));
    let larger = changed(|own| own.max_media_bytes = MediaLimit(100));
    let extras = steps(read_with(&body, &larger).expect("taken")).remove(0).extras;
    assert_eq!(extras.max_media_bytes, Some(100));
}

#[test]
fn captions_are_for_images_unless_the_account_wants_more() {
    let caption = |kind: &str, settings: &crate::Settings| {
        let body =
            whatsapp(json!({"type": kind, "message": "https://media.example/file", "caption": "Look"}));
        match steps(read_with(&body, settings).expect("taken")).remove(0).body {
            Body::Ready(Content::Media(media)) => media.caption,
            other => panic!("not media: {other:?}"),
        }
    };
    let more = changed(|own| own.caption_all_media = true);
    assert_eq!(caption("image", &settings()).as_deref(), Some("Look"));
    assert_eq!(caption("video", &settings()), None);
    assert_eq!(caption("video", &more).as_deref(), Some("Look"));
    assert_eq!(caption("audio", &more), None);
}

#[test]
fn foreign_formats_fail_unless_the_network_is_to_judge() {
    let body = |url: &str| whatsapp(json!({"type": "image", "message": url}));
    let read = |url: &str, settings: &crate::Settings| {
        steps(read_with(&body(url), settings).expect("taken")).remove(0)
    };
    let open = changed(|own| own.any_media_format = true);
    assert_eq!(
        read("https://media.example/i.GIF?x=1", &settings()).body,
        Body::Void(Cause::MediaUnsupported)
    );
    assert!(matches!(read("https://media.example/i.gif", &open).body, Body::Ready(_)));
    assert!(matches!(read("https://media.example/download", &settings()).body, Body::Ready(_)));
    assert!(matches!(read("https://media.example/v1.2/image", &settings()).body, Body::Ready(_)));
}

#[test]
fn a_fallback_to_another_person_is_refused() {
    let mut body = whatsapp(json!({"type": "text", "message": "Hello"}));
    body["fallback"] =
        json!([{"channel": "SMS", "request": {"from": "777", "to": "15550000000", "message": "Hi"}}]);
    assert!(matches!(read_with(&body, &settings()), Err(Refusal::InvalidField { .. })));
}

#[test]
fn a_header_names_channels_that_the_same_address_serves() {
    let read = |header: &str| {
        let body = whatsapp(json!({"type": "text", "message": "Hello"})).to_string();
        let request = Request::post("/notification").header("x-fallback", header).body(Bytes::from(body));
        Messangi.read(&request.expect("a request"), &context(&settings(), ""))
    };
    let Ok(Call::Submit(submission)) = read("rcs, SMS") else { panic!("not taken") };
    let channels: Vec<_> = steps(*submission).iter().map(|step| step.channel).collect();
    assert_eq!(channels, [Channel::Whatsapp, Channel::Rcs, Channel::Sms]);
    assert!(read(r#"[{"channel": "SMS", "request": {"from": "777", "message": "Hi"}}]"#).is_ok());
    for header in ["EMAIL", "fax", r#"[{"channel": "SMS"}]"#, "[1", "sms,sms,sms,sms,sms,sms,sms,sms,sms"] {
        assert!(read(header).is_err(), "{header}");
    }
}

#[test]
fn a_stored_plan_is_attached_to_the_sender_unless_the_request_has_its_own() {
    let key = |body: &Value| match read_with(body, &settings()).expect("taken").plan {
        PlanSource::Steps { extend, .. } => extend,
        PlanSource::Scenario { .. } => None,
    };
    let mut body = whatsapp(json!({"type": "text", "message": "Hello"}));
    assert_eq!(key(&body), Some("1000000001".to_owned()));
    body["fallback"] = json!([{"channel": "SMS", "request": {"from": "777", "message": "Hi"}}]);
    assert_eq!(key(&body), None);
}

// Callbacks.

fn report(channels: &[(Channel, Status)], status: Status) -> MessageReport {
    let memo = Memo {
        callbacks: vec!["https://a.example/cb".to_owned(), "https://b.example/cb".to_owned()],
        external: Some("abc".to_owned()),
        client: Some("u-1".to_owned()),
        username: "api@acme".to_owned(),
        from: "1000000001".to_owned(),
        to: "+1000000002".to_owned(),
    };
    let plan = Plan::new(channels.iter().map(|(channel, _)| step(*channel)).collect()).expect("a plan");
    let message = Message {
        id: MessageId::new(NOW, 1),
        account: account(),
        dialect: "messangi",
        batch: BatchId::new(NOW, 2),
        position: 0,
        batch_size: 1,
        recipient: Recipient::phone(Phone::parse("1000000002").expect("a phone")),
        client_ref: None,
        memo: None,
        accepted_at: NOW,
        shared: Arc::new(Shared { brief: Brief { memo: Some(remember(&memo)), ..Brief::default() }, plan }),
    };
    let steps =
        channels.iter().zip(0_u8..).map(|((channel, status), index)| step_report(index, *channel, *status));
    let steps: Vec<_> = steps.collect();
    let deciding_step = u8::try_from(steps.len() - 1).expect("few steps");
    let report = Report { status, settled: true, updated_at: NOW, deciding_step, steps };
    MessageReport { message: Arc::new(message), report, price: None, mcc_mnc: None }
}

fn step(channel: Channel) -> Step {
    Step {
        channel,
        sender: Some("1000000001".to_owned()),
        body: Body::Ready(Content::Text(Text::new("Hello"))),
        patience: Span::from_mins(1),
        validity: Span::from_hours(1),
        until: Until::Delivered,
        routes: Vec::new(),
        extras: Extras::default(),
    }
}

fn step_report(index: u8, channel: Channel, status: Status) -> StepReport {
    StepReport {
        index,
        channel,
        sender: None,
        status,
        given_up: None,
        network: None,
        upstream: None,
        attempts: 1,
        parts: 1,
        begun_at: NOW,
        submitted_at: Some(NOW),
        delivered_at: None,
        read_at: None,
        updated_at: NOW,
    }
}

fn told(
    report: &MessageReport,
    step: u8,
    status: Status,
    settles: bool,
    settings: &crate::Settings,
) -> Vec<Callback> {
    let occasion = Occasion { step, status, settles, late: false };
    Messangi.callback(report, &occasion, &context(settings, ""))
}

fn word_of(callback: &Callback) -> String {
    let body: Value = serde_json::from_slice(&callback.body).expect("json");
    body["status"].as_str().expect("a text").to_owned()
}

#[test]
fn each_address_gets_each_change() {
    for (name, channel, status) in [
        ("queue", Channel::Whatsapp, Status::Accepted),
        ("sent", Channel::Whatsapp, Status::Submitted),
        ("delivered", Channel::Whatsapp, Status::Delivered),
        ("read", Channel::Whatsapp, Status::Read),
        ("not-allowed", Channel::Whatsapp, Status::Failed(Cause::SenderInvalid)),
        ("window-closed", Channel::Whatsapp, Status::Failed(Cause::WindowClosed)),
        ("sms-enroute", Channel::Sms, Status::Sent),
        ("sms-delivered", Channel::Sms, Status::Delivered),
        ("sms-expired", Channel::Sms, Status::Failed(Cause::ValidityExpired)),
    ] {
        let settles = matches!(status, Status::Delivered | Status::Failed(_));
        let callbacks = told(&report(&[(channel, status)], status), 0, status, settles, &settings());
        assert_eq!(callbacks.len(), 2, "{name}");
        golden(&format!("messangi/golden/callback-{name}.http"), &render_callbacks(&callbacks));
    }
}

#[test]
fn an_error_tells_the_networks_words_where_it_had_any() {
    let failed = Status::Failed(Cause::MediaUnsupported);
    let mut report = report(&[(Channel::Whatsapp, failed)], failed);
    report.report.steps[0].network = Some(NetworkCode::new("131053", "Media upload error"));
    let callbacks = told(&report, 0, failed, true, &settings());
    golden("messangi/golden/callback-failed.http", &render_callbacks(&callbacks));
}

#[test]
fn a_failure_is_told_only_when_it_is_final() {
    let failed = Status::Failed(Cause::NotOnChannel);
    let report = report(&[(Channel::Whatsapp, failed), (Channel::Sms, Status::Delivered)], Status::Delivered);
    assert_eq!(told(&report, 0, failed, false, &settings()), []);
    assert_eq!(told(&report, 1, Status::Accepted, false, &settings()), []);
    let words: Vec<_> = told(&report, 1, Status::Delivered, true, &settings()).iter().map(word_of).collect();
    assert_eq!(words, ["DELIVRD", "DELIVRD"]);
}

#[test]
fn the_hand_over_to_the_network_is_told_on_request() {
    let settings = changed(|own| own.report_dequeued = true);
    let report = report(&[(Channel::Sms, Status::Submitted)], Status::Submitted);
    let words: Vec<_> = told(&report, 0, Status::Submitted, false, &settings).iter().map(word_of).collect();
    assert_eq!(words, ["DEQUEUED", "DEQUEUED", "SENT", "SENT"]);
}

#[test]
fn playing_counts_as_reading_once() {
    let mut report = report(&[(Channel::Whatsapp, Status::Played)], Status::Played);
    assert_eq!(told(&report, 0, Status::Played, false, &settings()).len(), 2);
    report.report.steps[0].read_at = Some(NOW - Span::from_secs(1));
    assert_eq!(told(&report, 0, Status::Played, false, &settings()), []);
}

#[test]
fn the_accounts_addresses_and_headers_are_added_without_repeating_any() {
    let settings = changed(|own| {
        own.callback_urls = vec!["https://b.example/cb".to_owned(), "https://c.example/cb".to_owned()];
        own.callback_headers = [("x-secret".to_owned(), "s".into())].into();
    });
    let report = report(&[(Channel::Sms, Status::Delivered)], Status::Delivered);
    let callbacks = told(&report, 0, Status::Delivered, true, &settings);
    let urls: Vec<_> = callbacks.iter().map(|callback| callback.url.as_str()).collect();
    assert_eq!(urls, ["https://a.example/cb", "https://b.example/cb", "https://c.example/cb"]);
    assert!(callbacks.iter().all(|callback| callback.headers.contains(&("x-secret".into(), "s".to_owned()))));
}

#[test]
fn messages_from_people_always_have_a_text() {
    let media = InboundContent::Media {
        kind: "image".to_owned(),
        id: "99".to_owned(),
        mime: Some("image/jpeg".to_owned()),
        caption: None,
        filename: Some("i.jpg".to_owned()),
        sha256: None,
        url: Some("https://media.example/99".to_owned()),
    };
    let choice = InboundContent::Choice {
        id: "y".to_owned(),
        title: "Yes".to_owned(),
        list: false,
        description: None,
    };
    for (name, channel, content) in [
        ("text", Channel::Whatsapp, InboundContent::Text("Hello".to_owned())),
        ("image", Channel::Whatsapp, media),
        ("button", Channel::Whatsapp, choice),
        (
            "location",
            Channel::Whatsapp,
            InboundContent::Location { latitude: 1.5, longitude: -2.25, name: None, address: None },
        ),
        ("sms", Channel::Sms, InboundContent::Text("STOP".to_owned())),
    ] {
        let inbound = Inbound {
            route: RouteName::from("r"),
            channel,
            upstream: "wamid.1".to_owned(),
            from: "15558675309".to_owned(),
            to: "1000000001".to_owned(),
            at: NOW,
            profile_name: Some("Ann".to_owned()),
            content,
            reply_to: None,
        };
        let callbacks = Messangi.inbound(&inbound, &context(&settings(), ""));
        golden(&format!("messangi/golden/inbound-{name}.http"), &render_callbacks(&callbacks));
        let silent = changed(|own| own.inbound_url = None);
        assert_eq!(Messangi.inbound(&inbound, &context(&silent, "")), []);
    }
}

#[test]
fn callbacks_are_retried_five_times_from_seconds_to_minutes() {
    let policy = Messangi.retry_policy(&settings());
    assert_eq!(
        (policy.delays.first(), policy.delays.last()),
        (Some(&Span::from_secs(5)), Some(&Span::from_mins(10)))
    );
    assert_eq!((policy.delays.len(), policy.success), (5, Success::TwoHundreds));
    assert!(policy.delays.is_sorted());
}

#[test]
fn the_page_shows_the_table_of_codes_as_it_is() {
    for cause in Cause::ALL {
        testkit::page_shows("messangi", &format!("| {cause} | {} |\n", status::words(*cause).join(" | ")));
    }
}

#[test]
fn secrets_do_not_show_in_the_settings_debug_form() {
    let json = json!({"users": [{"username": "u", "password": "hunter2"}], "keys": [{"key": "hunter3"}],
        "quota": {"requests": 2, "window_seconds": 300}, "senders": {"whatsapp": ["1000000001"]}});
    let settings: Settings = serde_json::from_value(json).expect("settings");
    assert_eq!(settings.max_media_bytes, MediaLimit(5_242_879));
    assert!(!format!("{settings:?}").contains("hunter"));
}

proptest! {
    #[test]
    fn reading_never_panics(body in ".{0,200}", path in prop::sample::select(vec!["/notification", "/raven/v2/messages", "/balerion/v3/messages", "/kingslanding/login"])) {
        let request = Request::post(path).header("x-fallback", "sms").body(Bytes::from(body)).expect("a request");
        let settings = settings();
        let _ = Messangi.read(&request, &context(&settings, "p"));
    }
}
