//! Reports and people's messages as callbacks.

use super::*;

fn settles(status: Status) -> Occasion {
    Occasion { step: 1, status, settles: true, late: false }
}

fn called(name: &str, report: &MessageReport, occasion: Occasion, own: Settings) {
    let settings = with(own);
    let callbacks = Telesign.callback(report, &occasion, &testkit::context(&settings, ""));
    golden(&format!("telesign/golden/callback_{name}.http"), &render_callbacks(&callbacks));
}

#[test]
fn callbacks_look_as_the_transcripts_say() {
    let delivered = fallback_delivered();
    called("delivered", &delivered, settles(Status::Delivered), own_settings());
    let legacy = Settings {
        callback_method: CallbackMethod::Get,
        legacy_timestamps: true,
        callback_url: vec!["https://example.com/a".to_owned(), "https://example.com/b".to_owned()],
        ..own_settings()
    };
    called("as_the_sample_to_two_addresses", &delivered, settles(Status::Delivered), legacy);
    let own_address = Memo { callback_url: Some("https://example.com/own".to_owned()), ..named("order-7") };
    let read = report_of(&own_address, Status::Read, whatsapp_timed_out(Status::Read));
    called("read", &read, Occasion { settles: false, ..settles(Status::Read) }, own_settings());
    let failed = Status::Failed(Cause::UnknownSubscriber);
    let exhausted = report_of(&Memo::default(), failed, whatsapp_timed_out(failed));
    called("exhausted", &exhausted, settles(failed), own_settings());
    let mut late = fallback_delivered();
    late.report.steps[0].status = Status::Delivered;
    late.report.steps[0].given_up = Some(Cause::PatienceExpired);
    let occasion = Occasion { step: 0, status: Status::Delivered, settles: false, late: true };
    called("late", &late, occasion, own_settings());
    let sms = Memo { sms: true, ..named("order-7") };
    let steps = vec![step_report(0, Channel::Sms, Status::Delivered, 125)];
    called("sms", &report_of(&sms, Status::Delivered, steps), settles(Status::Delivered), own_settings());
}

#[test]
fn hand_over_is_told_only_if_asked_for_and_channel_failures_are_not() {
    let running = report_of(&Memo::default(), Status::Submitted, whatsapp_timed_out(Status::Submitted));
    let count = |own: Settings, status: Status| {
        let occasion = Occasion { step: 0, status, settles: false, late: false };
        Telesign.callback(&running, &occasion, &testkit::context(&with(own), "")).len()
    };
    let eager = Settings { intermediate_callbacks: true, ..own_settings() };
    assert_eq!(count(own_settings(), Status::Submitted), 0);
    assert_eq!(count(eager.clone(), Status::Submitted), 1);
    assert_eq!(count(eager.clone(), Status::Sent), 0);
    assert_eq!(count(eager, Status::Failed(Cause::PatienceExpired)), 0);
    assert_eq!(count(Settings::new(CUSTOMER, KEY), Status::Delivered), 0, "no address, no callback");
}

#[test]
fn the_signature_of_a_callback_is_over_its_body_and_stands_in_two_headers() {
    let own = Settings { callback_url: own_settings().callback_url, ..Settings::new(CUSTOMER, SIGNING_KEY) };
    let settings = with(own);
    let callbacks = Telesign.callback(
        &fallback_delivered(),
        &settles(Status::Delivered),
        &testkit::context(&settings, ""),
    );
    let key = STANDARD.decode(SIGNING_KEY).expect("base64");
    let signature = STANDARD.encode(mac::<Hmac<Sha256>>(&key, &callbacks[0].body));
    assert_eq!(callbacks[0].headers[1], ("Authorization".into(), format!("TSA {CUSTOMER}:{signature}")));
    assert_eq!(callbacks[0].headers[2], ("X-TS-Authorization".into(), signature));
}

#[test]
fn the_signature_is_the_one_that_the_vendors_verifiers_expect() {
    let body = br#"{"reference_id":"35C8B5D509BC10689196FED2AD551B8A","status":{"code":3000,"description":"Delivered"}}"#;
    let signature = callback::sign(&Settings::new(CUSTOMER, SIGNING_KEY), body);
    assert_eq!(signature.as_deref(), Some("OJdkwdnAFCjiCmcpZjWdG5G3j+6Zs1Xb9fNxeWrEqXk="));
}

fn inbound(channel: Channel, content: InboundContent) -> Inbound {
    Inbound {
        route: "main".into(),
        channel,
        upstream: "wamid.1".to_owned(),
        from: "15558675309".to_owned(),
        to: "15550001111".to_owned(),
        at: NOW,
        profile_name: None,
        content,
        reply_to: None,
    }
}

fn media(kind: &str) -> InboundContent {
    InboundContent::Media {
        kind: kind.to_owned(),
        id: "m1".to_owned(),
        mime: Some("image/jpeg".to_owned()),
        caption: Some("see".to_owned()),
        filename: Some("a.jpg".to_owned()),
        sha256: Some("abc".to_owned()),
        url: Some("https://example.com/m1".to_owned()),
    }
}

#[test]
fn messages_from_people_are_told_as_the_transcripts_say() {
    let place = InboundContent::Location { latitude: 1.5, longitude: 2.5, name: None, address: None };
    let choice = InboundContent::Choice {
        id: "y".to_owned(),
        title: "Yes".to_owned(),
        list: false,
        description: None,
    };
    let contents = [
        InboundContent::Text("stop it".to_owned()),
        choice,
        media("image"),
        media("voice"),
        media("document"),
        place,
        InboundContent::Other(serde_json::json!({ "event": "unsubscribe", "template": "welcome" })),
    ];
    let settings = settings();
    for channel in
        [Channel::Whatsapp, Channel::Sms, Channel::Rcs, Channel::Viber, Channel::Mms, Channel::Email]
    {
        let callbacks: Vec<crate::Callback> = contents
            .iter()
            .flat_map(|content| {
                Telesign.inbound(&inbound(channel, content.clone()), &testkit::context(&settings, ""))
            })
            .collect();
        golden(&format!("telesign/golden/inbound_{channel}.http"), &render_callbacks(&callbacks));
    }
    let voice = inbound(Channel::Voice, InboundContent::Text("Hi".to_owned()));
    assert_eq!(Telesign.inbound(&voice, &testkit::context(&settings, "")), []);
}

#[test]
fn failed_callbacks_are_retried_three_times_and_only_200_confirms() {
    let policy = Telesign.retry_policy(&settings());
    assert_eq!(policy.timeout, Span::from_secs(5));
    assert_eq!(policy.delays, [Span::from_secs(5), Span::from_secs(10), Span::from_secs(15)]);
    assert_eq!(policy.success, crate::Success::Ok);
}

#[test]
fn reports_on_messages_of_older_versions_still_come_with_what_is_known() {
    let mut report = fallback_delivered();
    for memo in [None, Some("not ours".to_owned()), Some(r#"{"later":true}"#.to_owned())] {
        let mut message = (*report.message).clone();
        let brief = Brief { memo, ..Brief::default() };
        message.shared = Arc::new(Shared { brief, plan: message.plan().clone() });
        report.message = Arc::new(message);
        let settings = settings();
        let context = testkit::context(&settings, "");
        assert_eq!(Telesign.callback(&report, &settles(Status::Delivered), &context).len(), 1);
    }
}
