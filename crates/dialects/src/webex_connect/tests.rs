use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::Request;
use model::{
    Answer, BatchId, Brief, Call, Cause, Channel, Content, Inbound, MessageId, Phone, Plan, Recipient,
    Refusal, Report, RouteName, Span, Status, Step, StepReport, Time,
    call::{AuthFault, MessageRef, MessageReport, Missing},
    content::Text,
    message::{Body, Extras, Message, PlanSource, Priority, Shared, Until},
    network::{InboundContent, NetworkCode},
    report::Occasion,
};
use proptest::prelude::*;
use sha2::Sha256;

use super::{
    RegisteredTemplate, ServiceKey, Settings, SignatureAlgorithm, WebexConnect, read, status, templates,
    wire::{RecipientMemo, RequestMemo},
};
use crate::{
    Callback, Dialect, Proof, Secret, Success,
    memo::remember,
    support,
    testkit::{self, NOW, accept_all, account, context, golden, parse_request, render_callbacks},
};

const KEY: &str = "5c0f1e2a-3b4d-11ee-be56-0242ac120002";

fn settings() -> crate::Settings {
    let registered = RegisteredTemplate {
        name: Some("order_update".to_owned()),
        language: Some("en_US".to_owned()),
        header: Vec::new(),
        body: vec!["price".to_owned(), "name".to_owned(), "when".to_owned()],
        buttons: vec![String::new(), "track".to_owned()],
        text: Some("Dear $(name), $(missing) $(".to_owned()),
    };
    let own = Settings {
        service_keys: vec![ServiceKey {
            key: KEY.into(),
            service_id: Some("service-1".to_owned()),
            jwt_secret: Some(STANDARD.encode("secret").as_str().into()),
            plan: None,
        }],
        notify_url: Some("https://hooks.example/dlr".to_owned()),
        inbound_url: Some("https://hooks.example/mo".to_owned()),
        templates: [("registered".to_owned(), registered)].into(),
        ..Settings::default()
    };
    crate::Settings { tolerant_json: true, webex_connect: Some(own), ..crate::Settings::default() }
}

fn changed(change: impl FnOnce(&mut Settings)) -> crate::Settings {
    let mut settings = settings();
    change(settings.webex_connect.as_mut().expect("set above"));
    settings
}

fn check(names: &[&str], answer: impl Fn(&Call) -> Result<Answer, Refusal>) {
    for name in names {
        testkit::transcript(&WebexConnect, "webex_connect", name, &settings(), &answer);
    }
}

fn post(path: &str, body: impl ToString) -> Request<Bytes> {
    Request::post(path).header("key", KEY).body(Bytes::from(body.to_string())).expect("a request")
}

fn read_with(body: impl ToString, settings: &crate::Settings) -> Result<Call, Refusal> {
    let principal = support::key_name(KEY);
    WebexConnect.read(&post("/resources/v1/messaging", body), &context(settings, &principal))
}

fn text_to(waids: &serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "deliverychannel": "whatsapp", "appid": "a_1", "destination": [{"waid": waids}],
        "channels": {"OTT-Messaging": {"wa": {"type": "text", "text": {"body": "Hi"}}}},
    })
}

fn submission(call: Call) -> model::Submission {
    match call {
        Call::Submit(submission) => *submission,
        other => panic!("not a submission: {other:?}"),
    }
}

#[test]
fn the_vendors_printed_samples_are_taken_as_they_are() {
    check(&["sample-video", "sample-audio", "sample-document", "sample-sticker"], accept_all);
}

#[test]
fn every_kind_of_whatsapp_content_is_read() {
    check(&["image", "text", "text-too-long", "location", "contacts", "list", "reply", "hsm"], accept_all);
    check(&["template", "template-registered", "template-code"], accept_all);
}

#[test]
fn every_other_channel_of_the_first_generation_is_read() {
    check(
        &["sms", "sms-binary", "sms-template", "voice", "push", "in-app", "messenger", "apple"],
        accept_all,
    );
}

#[test]
fn each_value_of_a_destination_is_a_message_of_its_own() {
    check(&["recipients", "notify-invalid"], accept_all);
}

#[test]
fn refusals_of_the_first_generation_are_objects_with_the_vendors_codes() {
    check(
        &[
            "refused-no-key",
            "refused-bad-token",
            "refused-json",
            "refused-channel",
            "refused-appid-missing",
            "refused-destination",
            "refused-media-url",
            "refused-profile",
            "refused-policy",
            "refused-links",
            "refused-expired",
            "refused-correlation",
            "refused-template",
            "refused-parameter-size",
            "refused-path",
            "refused-method",
            "refused-type",
        ],
        accept_all,
    );
}

#[test]
fn the_second_generation_is_read_and_answered() {
    check(&["v2-sms", "v2-recipients", "v2-email", "v2-rcs", "v2-rcs-card", "v2-template"], accept_all);
    check(
        &["v2-refused-validity", "v2-refused-fallback", "v2-refused-no-key", "v2-refused-substitutions"],
        accept_all,
    );
}

#[test]
fn the_state_of_a_message_is_told_by_its_id() {
    let report = report(&[(Channel::Sms, Status::Delivered)], Status::Delivered);
    check(&["v2-status"], |_| Ok(Answer::Status(Box::new(report.clone()))));
    check(&["v2-status-unknown"], |_| Err(Refusal::NotFound(Missing::Message)));
}

#[test]
fn paths_of_other_vendors_are_not_claimed() {
    let claimed = |path: &str| {
        let segments = support::segments(path);
        WebexConnect.claims(&segments.iter().map(AsRef::as_ref).collect::<Vec<_>>())
    };
    assert!(claimed("/resources/v1/messaging") && claimed("/resources/v1/messaging/"));
    assert!(claimed("/v2/messages") && claimed("/v2/messages/1"));
    for path in [
        "/v2/HXAP/messages",
        "/v2/HXAP/whatsapp/send",
        "/v2/notification",
        "/v3/messages",
        "/v2/messages/1/2",
    ] {
        assert!(!claimed(path), "{path}");
    }
}

#[test]
fn the_service_key_identifies_and_proves_by_itself() {
    let credentials =
        WebexConnect.credentials(&post("/v2/messages", "")).expect("credentials").expect("some");
    assert_eq!(credentials.principal, support::key_name(KEY));
    assert!(credentials.proof == Proof::Plain(KEY.to_owned()));
    let identities = WebexConnect.identities(&settings());
    assert_eq!(identities[0].principal, credentials.principal);
    assert!(identities[0].secrets == [Secret::Plain(KEY.to_owned())]);
}

fn token(head: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(b"secret").expect("any key").chain_update(&signed);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn with_token(token: &str) -> Result<Option<crate::Credentials>, Refusal> {
    let mut request = post("/v2/messages", "");
    let value = format!("Bearer {token}").parse().expect("a header");
    request.headers_mut().insert("authorization", value);
    WebexConnect.credentials(&request)
}

#[test]
fn a_token_wins_over_the_key_and_proves_by_its_signature() {
    let token = token(r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"iss":"service-1","iat":1795210404}"#);
    let credentials = with_token(&token).expect("credentials").expect("some");
    assert_eq!(credentials.principal, "service-1");
    let Proof::Hmac(signed) = credentials.proof else { panic!("not signed") };
    assert_eq!((signed.date, signed.tolerance), (Some(Time::from_secs(1_795_210_404)), Span::from_mins(60)));
    let identities = WebexConnect.identities(&settings());
    let Secret::Hmac(key) = &identities[1].secrets[0] else { panic!("not a key") };
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("any key").chain_update(&signed.candidates[0]);
    assert!(mac.verify_slice(&signed.signature).is_ok());
}

#[test]
fn other_schemes_leave_the_key_in_force() {
    let mut request = post("/v2/messages", "");
    request.headers_mut().insert("authorization", "Basic eDp5".parse().expect("a header"));
    let credentials = WebexConnect.credentials(&request).expect("credentials").expect("some");
    assert!(credentials.proof == Proof::Plain(KEY.to_owned()));
    request.headers_mut().remove("key");
    assert_eq!(WebexConnect.credentials(&request), Err(Refusal::Unauthenticated(AuthFault::Malformed)));
}

#[test]
fn tokens_without_the_right_algorithm_or_claims_are_malformed() {
    let good = r#"{"iss":"service-1","iat":1}"#;
    let bad = [
        token(r#"{"alg":"none"}"#, good),
        token(r#"{"alg":"HS512"}"#, good),
        token(r#"{"alg":"HS256"}"#, r#"{"iss":"service-1"}"#),
        token(r#"{"alg":"HS256"}"#, r#"{"iss":"","iat":1}"#),
        "a.b".to_owned(),
        "...".to_owned(),
    ];
    for token in bad {
        let refusal = with_token(&token).expect_err("malformed");
        assert_eq!(refusal, Refusal::Unauthenticated(AuthFault::Malformed), "{token}");
    }
}

#[test]
fn a_thousand_recipients_are_taken_and_one_more_is_not() {
    let waids = |count: usize| {
        serde_json::json!((0..count).map(|n| (15_550_000_000 + n).to_string()).collect::<Vec<_>>())
    };
    let taken = submission(read_with(text_to(&waids(1000)), &settings()).expect("taken"));
    assert_eq!(taken.recipients.len(), 1000);
    let refused = read_with(text_to(&waids(1001)), &settings()).expect_err("too many");
    assert_eq!(refused, Refusal::TooManyRecipients { limit: 1000 });
    assert_eq!(super::refuse::code(&refused), "7009");
}

#[test]
fn a_plus_is_required_only_where_the_account_says_so() {
    let body = serde_json::json!({"deliverychannel": "SMS", "destination": [{"msisdn": "447700900123"}],
        "channels": {"sms": {"text": "Hi"}}});
    let plain = submission(read_with(&body, &settings()).expect("taken"));
    assert_eq!(plain.recipients[0].void, None);
    let strict = submission(read_with(&body, &changed(|own| own.require_plus = true)).expect("taken"));
    assert_eq!(strict.recipients[0].void, Some(Cause::InvalidRecipient));
}

#[test]
fn only_listed_app_ids_are_taken_if_there_is_a_list() {
    let settings = changed(|own| own.appids = Some(vec!["a_2".to_owned()]));
    let refusal =
        read_with(text_to(&serde_json::json!(["15558675309"])), &settings).expect_err("unknown app");
    assert_eq!(super::refuse::code(&refusal), "7104");
}

#[test]
fn a_stored_plan_is_attached_by_app_id_or_by_the_services_own_name() {
    let key_of = |settings: &crate::Settings| {
        let call = read_with(text_to(&serde_json::json!(["15558675309"])), settings).expect("taken");
        match submission(call).plan {
            PlanSource::Steps { extend, .. } => extend,
            PlanSource::Scenario { .. } => None,
        }
    };
    assert_eq!(key_of(&settings()), Some("a_1".to_owned()));
    let named = changed(|own| own.service_keys[0].plan = Some("promo".to_owned()));
    assert_eq!(key_of(&named), Some("promo".to_owned()));
}

#[test]
fn refusals_for_whatsapp_take_the_status_the_account_asks_for() {
    let settings = changed(|own| own.whatsapp_error_status = Some(400));
    let status = |channel: &str| {
        let request = post("/resources/v1/messaging", serde_json::json!({"deliverychannel": channel}));
        WebexConnect.refuse(&request, &Refusal::LowBalance, &context(&settings, "")).status().as_u16()
    };
    assert_eq!((status("WhatsApp"), status("sms")), (400, 200));
}

#[test]
fn priorities_one_to_three_are_low_to_high() {
    for (given, meant) in [("1", Priority::Marketing), ("2", Priority::Notice), ("3", Priority::OneTime)] {
        let mut body = text_to(&serde_json::json!(["15558675309"]));
        body["priority"] = given.into();
        assert_eq!(submission(read_with(&body, &settings()).expect("taken")).brief.priority, meant);
    }
    let mut body = text_to(&serde_json::json!(["15558675309"]));
    body["priority"] = "4".into();
    assert!(read_with(&body, &settings()).is_err());
}

#[test]
fn instants_are_read_in_all_the_forms_that_samples_print() {
    let utc = Time::from_secs(1_795_210_404);
    for text in [
        "2026-11-20T21:33:24Z",
        "2026-11-20 21:33:24",
        "2026-11-20T21:33:24.000+00:00",
        "2026-11-21T03:03:24+5:30",
        "2026-11-21T03:03:24+0530",
        "2026-11-20T16:33:24-05",
    ] {
        assert_eq!(read::instant(text), Some(utc), "{text}");
    }
    assert_eq!(read::instant("2026-11-20T21:33Z"), Some(Time::from_secs(1_795_210_380)));
    for text in ["", "tomorrow", "2026-11-20", "2026-13-01T00:00:00Z", "2026-11-20T21:33:24+x", "T+é"] {
        assert_eq!(read::instant(text), None, "{text}");
    }
}

#[test]
fn variables_are_filled_in_and_unknown_ones_stay() {
    let values = serde_json::json!({"a": "1", "b c": 2});
    let filled = templates::substitute("$(a) $(b c) $(d) $( $(a", values.as_object().expect("an object"));
    assert_eq!(filled, "1 2 $(d) $( $(a");
}

#[test]
fn scheduling_reaches_seven_days_and_no_further() {
    let body = |at: &str| {
        serde_json::json!({"channel": "sms", "from": "Shop", "to": [{"msisdn": ["447700900123"]}],
            "content": {"type": "text", "text": "Hi"}, "sendAt": at, "validity": "60"})
    };
    let settings = settings();
    let read = |at: &str| WebexConnect.read(&post("/v2/messages", body(at)), &context(&settings, "p"));
    let brief = submission(read("2026-11-27T21:33:24Z").expect("taken")).brief;
    assert_eq!(brief.expires_at, brief.send_at.map(|at| at + Span::from_secs(60)));
    assert!(read("2026-11-27T21:33:25Z").is_err());
    // An instant that has passed is now; the validity counts from now too.
    let brief = submission(read("2026-11-20T00:00:00Z").expect("taken")).brief;
    assert_eq!((brief.send_at, brief.expires_at), (None, Some(NOW + Span::from_secs(60))));
}

#[test]
fn an_id_with_the_suffix_of_newer_samples_is_understood() {
    let id = MessageId::new(NOW, 1).uuid();
    assert_eq!(
        WebexConnect.read(
            &Request::get(format!("/v2/messages/{id}_0")).body(Bytes::new()).expect("a request"),
            &context(&settings(), ""),
        ),
        Ok(Call::Status(MessageRef::Id(MessageId::new(NOW, 1))))
    );
}

// Notifications.

fn step(channel: Channel) -> Step {
    Step {
        channel,
        sender: Some("Shop".to_owned()),
        body: Body::Ready(Content::Text(Text::new("Hi"))),
        patience: Span::from_mins(1),
        validity: Span::from_hours(1),
        until: Until::Delivered,
        routes: Vec::new(),
        extras: Extras { identity_hash: Some("DF2lS5v2W6x=".to_owned()), ..Extras::default() },
    }
}

fn step_report(index: usize, channel: Channel, status: Status) -> StepReport {
    StepReport {
        index: u8::try_from(index).expect("few steps"),
        channel,
        sender: Some("Shop".to_owned()),
        status,
        given_up: None,
        network: None,
        upstream: None,
        attempts: 1,
        parts: 2,
        begun_at: NOW,
        submitted_at: Some(NOW),
        delivered_at: None,
        read_at: None,
        updated_at: NOW,
    }
}

fn report(steps: &[(Channel, Status)], status: Status) -> MessageReport {
    let plan = Plan::new(steps.iter().map(|(channel, _)| step(*channel)).collect()).expect("a plan");
    let kept = RequestMemo {
        correlation: Some("base".to_owned()),
        callback_data: Some("cb".to_owned()),
        ..RequestMemo::default()
    };
    let to = RecipientMemo {
        to: "44.7700900123".to_owned(),
        kind: "waid".to_owned(),
        gtrid: Some("g-1".to_owned()),
        ..RecipientMemo::default()
    };
    let message = Message {
        id: MessageId::new(NOW, 1),
        account: account(),
        dialect: "webex_connect",
        batch: BatchId::new(NOW, 2),
        position: 0,
        batch_size: 1,
        recipient: Recipient::phone(Phone::parse("447700900123").expect("a phone")),
        client_ref: None,
        memo: Some(remember(&to)),
        accepted_at: NOW,
        shared: Arc::new(Shared { brief: Brief { memo: Some(remember(&kept)), ..Brief::default() }, plan }),
    };
    let steps: Vec<_> = steps
        .iter()
        .enumerate()
        .map(|(index, (channel, status))| step_report(index, *channel, *status))
        .collect();
    let report = Report {
        status,
        settled: true,
        updated_at: NOW,
        deciding_step: u8::try_from(steps.len() - 1).expect("few steps"),
        steps,
    };
    MessageReport { message: Arc::new(message), report, price: None, mcc_mnc: None }
}

fn occasion(step: u8, status: Status, settles: bool) -> Occasion {
    Occasion { step, status, settles, late: false }
}

fn notified(report: &MessageReport, occasion: Occasion, settings: &crate::Settings) -> Vec<Callback> {
    WebexConnect.callback(report, &occasion, &context(settings, ""))
}

fn single(channel: Channel, status: Status) -> Vec<Callback> {
    let settles = matches!(status, Status::Delivered | Status::Failed(_));
    notified(&report(&[(channel, status)], status), occasion(0, status, settles), &settings())
}

#[test]
fn notifications_are_worded_as_the_vendor_prints_them() {
    for (name, channel, status) in [
        ("whatsapp-submitted", Channel::Whatsapp, Status::Submitted),
        ("whatsapp-delivered", Channel::Whatsapp, Status::Delivered),
        ("whatsapp-read", Channel::Whatsapp, Status::Read),
        ("sms-submitted", Channel::Sms, Status::Submitted),
        ("sms-delivered", Channel::Sms, Status::Delivered),
        ("sms-failed", Channel::Sms, Status::Failed(Cause::SenderInvalid)),
        ("sms-undelivered", Channel::Sms, Status::Failed(Cause::AbsentSubscriber)),
        ("rcs-failed", Channel::Rcs, Status::Failed(Cause::NotOnChannel)),
        ("email-failed", Channel::Email, Status::Failed(Cause::UnknownSubscriber)),
        ("voice-failed", Channel::Voice, Status::Failed(Cause::AbsentSubscriber)),
        ("push-failed", Channel::Push, Status::Failed(Cause::NotOnChannel)),
    ] {
        golden(
            &format!("webex_connect/golden/callback-{name}.http"),
            &render_callbacks(&single(channel, status)),
        );
    }
}

#[test]
fn a_failure_on_whatsapp_carries_metas_own_words() {
    let failed = Status::Failed(Cause::WindowClosed);
    let mut report = report(&[(Channel::Whatsapp, failed)], failed);
    report.report.steps[0].network = Some(NetworkCode::new("131047", "Re-engagement message"));
    let callbacks = notified(&report, occasion(0, failed, true), &settings());
    golden("webex_connect/golden/callback-whatsapp-failed.http", &render_callbacks(&callbacks));
}

#[test]
fn a_step_that_is_followed_by_another_does_not_tell_its_failure() {
    let failed = Status::Failed(Cause::NotOnChannel);
    let report = report(&[(Channel::Whatsapp, failed), (Channel::Sms, Status::Delivered)], Status::Delivered);
    assert_eq!(notified(&report, occasion(0, failed, false), &settings()), []);
    let callbacks = notified(&report, occasion(1, Status::Delivered, true), &settings());
    golden("webex_connect/golden/callback-fallback-delivered.http", &render_callbacks(&callbacks));
}

#[test]
fn sent_is_silent_and_played_tells_reading_once() {
    assert_eq!(single(Channel::Whatsapp, Status::Sent), []);
    assert_eq!(single(Channel::Whatsapp, Status::Accepted), []);
    let mut played = report(&[(Channel::Whatsapp, Status::Played)], Status::Played);
    assert_eq!(notified(&played, occasion(0, Status::Played, false), &settings()).len(), 1);
    played.report.steps[0].read_at = Some(NOW - Span::from_secs(1));
    assert_eq!(notified(&played, occasion(0, Status::Played, false), &settings()), []);
}

#[test]
fn notifications_are_signed_over_the_exact_body() {
    for (algorithm, digits) in [(SignatureAlgorithm::Sha256, 64), (SignatureAlgorithm::Sha512, 128)] {
        let settings = changed(|own| {
            own.signature_secret = Some("s3cret".into());
            own.signature_algorithm = algorithm;
        });
        let report = report(&[(Channel::Sms, Status::Submitted)], Status::Submitted);
        let callback = notified(&report, occasion(0, Status::Submitted, false), &settings).remove(0);
        let (_, signature) =
            callback.headers.iter().find(|(name, _)| name == "x-hub-signature").expect("signed");
        assert_eq!(signature.len(), digits);
        if algorithm == SignatureAlgorithm::Sha256 {
            let mac =
                Hmac::<Sha256>::new_from_slice(b"s3cret").expect("any key").chain_update(&callback.body);
            assert_eq!(*signature, hex::encode(mac.finalize().into_bytes()));
        }
    }
}

#[test]
fn the_requests_own_address_wins_and_an_invalid_one_is_tried_once() {
    let notify = |notify_url: &str| {
        let mut body = text_to(&serde_json::json!(["15558675309"]));
        body["notifyurl"] = notify_url.into();
        let brief = submission(read_with(&body, &settings()).expect("accepted all the same")).brief;
        let mut report = report(&[(Channel::Whatsapp, Status::Delivered)], Status::Delivered);
        let message = Arc::make_mut(&mut report.message);
        message.shared = Arc::new(Shared { brief, plan: message.plan().clone() });
        notified(&report, occasion(0, Status::Delivered, true), &settings()).remove(0)
    };
    let good = notify("http://127.0.0.1:9/dlr");
    assert_eq!((good.url.as_str(), good.no_retry), ("http://127.0.0.1:9/dlr", false));
    let blank = notify("https://a.example/dlr ");
    assert_eq!((blank.url.as_str(), blank.no_retry), ("https://a.example/dlr", true));
    assert!(notify("nowhere").no_retry);
}

#[test]
fn stored_credentials_travel_with_the_notification() {
    let headers = [("authorization".to_owned(), "Basic eA==".into())].into();
    let settings = changed(|own| own.notify_auth = [("7".to_owned(), headers)].into());
    let mut body = text_to(&serde_json::json!(["15558675309"]));
    body["notifyurlAuthId"] = "7".into();
    let brief = submission(read_with(&body, &settings).expect("taken")).brief;
    let mut report = report(&[(Channel::Whatsapp, Status::Delivered)], Status::Delivered);
    let message = Arc::make_mut(&mut report.message);
    message.shared = Arc::new(Shared { brief, plan: message.plan().clone() });
    let callback = notified(&report, occasion(0, Status::Delivered, true), &settings).remove(0);
    assert!(callback.headers.contains(&("authorization".into(), "Basic eA==".to_owned())));
    body["notifyurlAuthId"] = "8".into();
    assert!(read_with(&body, &settings).is_err());
}

#[test]
fn only_requested_receipts_are_sent() {
    let request = RequestMemo { receipts: vec!["FAILED".to_owned()], ..RequestMemo::default() };
    let mut report = report(&[(Channel::Sms, Status::Delivered)], Status::Delivered);
    let message = Arc::make_mut(&mut report.message);
    let brief = Brief { memo: Some(remember(&request)), ..Brief::default() };
    message.shared = Arc::new(Shared { brief, plan: message.plan().clone() });
    assert_eq!(notified(&report, occasion(0, Status::Delivered, true), &settings()), []);
    let undelivered = Status::Failed(Cause::AbsentSubscriber);
    assert_eq!(notified(&report, occasion(0, undelivered, true), &settings()).len(), 1);
}

#[test]
fn the_suffix_of_newer_samples_is_added_on_request() {
    let report = report(&[(Channel::Sms, Status::Submitted)], Status::Submitted);
    let settings = changed(|own| own.transid_suffix = true);
    let body = notified(&report, occasion(0, Status::Submitted, false), &settings).remove(0).body;
    let body: serde_json::Value = serde_json::from_slice(&body).expect("json");
    let id = body["deliveryInfoNotification"]["transid"].as_str().expect("a text");
    assert_eq!(id, format!("{}_0", MessageId::new(NOW, 1).uuid()));
}

#[test]
fn messages_from_people_are_flat_objects_with_nested_texts() {
    let contents = [
        ("text", Channel::Whatsapp, InboundContent::Text("Hello".to_owned())),
        ("button", Channel::Whatsapp, chosen(false)),
        ("list", Channel::Whatsapp, chosen(true)),
        ("image", Channel::Whatsapp, picture()),
        (
            "location",
            Channel::Whatsapp,
            InboundContent::Location {
                latitude: 1.5,
                longitude: -2.25,
                name: Some("Here".to_owned()),
                address: None,
            },
        ),
        (
            "contacts",
            Channel::Whatsapp,
            InboundContent::Other(serde_json::json!({"type": "contacts", "contacts": [{"name": {}}]})),
        ),
        ("sms", Channel::Sms, InboundContent::Text("STOP".to_owned())),
    ];
    for (name, channel, content) in contents {
        let inbound = Inbound {
            route: RouteName::from("r"),
            channel,
            upstream: "wamid.1".to_owned(),
            from: "447700900123".to_owned(),
            to: "15550001111".to_owned(),
            at: NOW,
            profile_name: Some("Ann".to_owned()),
            content,
            reply_to: None,
        };
        let callbacks = WebexConnect.inbound(&inbound, &context(&settings(), ""));
        golden(&format!("webex_connect/golden/inbound-{name}.http"), &render_callbacks(&callbacks));
        let silent = changed(|own| own.inbound_url = None);
        assert_eq!(WebexConnect.inbound(&inbound, &context(&silent, "")), []);
    }
}

fn chosen(list: bool) -> InboundContent {
    let description = list.then(|| "Black".to_owned());
    InboundContent::Choice { id: "1".to_owned(), title: "Coffee".to_owned(), list, description }
}

fn picture() -> InboundContent {
    InboundContent::Media {
        kind: "image".to_owned(),
        id: "99".to_owned(),
        mime: Some("image/jpeg".to_owned()),
        caption: Some("Look".to_owned()),
        filename: None,
        sha256: None,
        url: Some("https://media.example/99".to_owned()),
    }
}

#[test]
fn callbacks_are_retried_as_the_vendor_does() {
    let policy = WebexConnect.retry_policy(&settings());
    assert_eq!((policy.timeout, policy.success), (Span::from_secs(10), Success::Ok));
    assert_eq!(policy.delays, [Span::from_secs(60); 3]);
    for status in [202, 208, 226, 300, 308, 400, 402, 404, 411, 414, 416, 418, 505] {
        assert!(policy.final_statuses.contains(&status), "{status}");
    }
    for status in [201, 401, 403, 412, 413, 417, 429, 500, 503, 504] {
        assert!(!policy.final_statuses.contains(&status), "{status}");
    }
}

#[test]
fn the_page_shows_the_table_of_codes_as_it_is() {
    for cause in Cause::ALL {
        testkit::page_shows(
            "webex-connect",
            &format!("| {cause} | {} |\n", status::codes(*cause).join(" | ")),
        );
    }
    for (meta, own) in status::META {
        testkit::page_shows("webex-connect", &format!("| {meta} | {own} |\n"));
    }
}

#[test]
fn settings_are_read_from_their_configuration() {
    let json = serde_json::json!({"service_keys": [{"key": KEY}], "signature_algorithm": "sha512",
        "whatsapp_error_status": 400});
    let settings: Settings = serde_json::from_value(json).expect("settings");
    assert_eq!(settings.signature_algorithm, SignatureAlgorithm::Sha512);
    assert!(!format!("{settings:?}").contains(KEY));
}

proptest! {
    #[test]
    fn reading_never_panics(body in ".{0,200}", path in prop::sample::select(vec!["/resources/v1/messaging", "/v2/messages", "/v2/messages/é"])) {
        let request = parse_request(&format!("POST {} HTTP/1.1\nkey: k\n\n", path.replace('é', "%C3%A9")));
        let (head, _) = request.into_parts();
        let request = Request::from_parts(head, Bytes::from(body));
        let settings = settings();
        let _ = WebexConnect.read(&request, &context(&settings, "p"));
    }
}
