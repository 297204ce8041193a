//! Reports and people's messages as callbacks.

use std::collections::BTreeMap;

use model::{Inbound, network::InboundContent, report::Occasion};

use super::*;
use crate::{
    Success,
    kaleyra::{
        settings::{BodyFormat, Method},
        wire::OwnCallback,
    },
    memo::remember,
};

const fn rung(status: Status) -> Occasion {
    Occasion { step: 0, status, settles: false, late: false }
}

const fn settles(status: Status) -> Occasion {
    Occasion { step: 0, status, settles: true, late: false }
}

fn called(name: &str, report: &MessageReport, occasions: &[Occasion], own: Settings) {
    let settings = with(own);
    let context = context(&settings, "");
    let callbacks: Vec<_> =
        occasions.iter().flat_map(|occasion| Kaleyra.callback(report, occasion, &context)).collect();
    golden(&format!("kaleyra/golden/callback_{name}.http"), &render_callbacks(&callbacks));
}

fn whatsapp(memo: &Memo, status: Status, batch_size: u32) -> MessageReport {
    report_of(message(memo, 0, batch_size), status, vec![step_report(0, Channel::Whatsapp, status)])
}

#[test]
fn reports_of_version_2_look_as_the_transcripts_say() {
    let memo = memo(Kind::Whatsapp);
    for (name, status, occasion) in [
        ("sent", Status::Sent, rung(Status::Sent)),
        ("delivered", Status::Delivered, settles(Status::Delivered)),
        ("read", Status::Read, rung(Status::Read)),
    ] {
        called(name, &whatsapp(&memo, status, 1), &[occasion], own_settings());
    }
    let failed = Status::Failed(Cause::NotOnChannel);
    called("failed", &whatsapp(&memo, failed, 1), &[settles(failed)], own_settings());
    let mut by_meta = whatsapp(&memo, failed, 3);
    by_meta.report.steps[0].network = Some(NetworkCode::new("131049", "Not delivered to maintain health"));
    called("failed_with_metas_code", &by_meta, &[settles(failed)], own_settings());
    let named = Memo { profile: Some("IN_reports".to_owned()), ..memo };
    called("by_named_profile", &whatsapp(&named, Status::Sent, 1), &[rung(Status::Sent)], own_settings());
}

fn not_sent(kind: Kind, cause: Cause) -> MessageReport {
    let status = Status::Failed(cause);
    let mut step = step_report(0, Channel::Whatsapp, status);
    (step.attempts, step.upstream) = (0, None);
    let mut message = message(&memo(kind), 2, 3);
    message.recipient = Recipient::default();
    message.memo = Some(remember(&MessageMemo { to: Some("12ab".to_owned()), custom: None }));
    report_of(message, status, vec![step])
}

#[test]
fn what_no_network_was_asked_for_is_told_as_not_sent() {
    let invalid = not_sent(Kind::Whatsapp, Cause::InvalidRecipient);
    called("not_sent", &invalid, &[settles(invalid.report.status)], own_settings());
    let limit = not_sent(Kind::Whatsapp, Cause::QuotaExceeded);
    called("not_sent_daily_limit", &limit, &[settles(limit.report.status)], own_settings());
}

#[test]
fn a_step_that_fails_while_another_follows_is_not_told() {
    let count = |memo: &Memo, occasion: Occasion, own: Settings| {
        let report = whatsapp(memo, occasion.status, 1);
        Kaleyra.callback(&report, &occasion, &context(&with(own), "")).len()
    };
    let memo = memo(Kind::Whatsapp);
    for status in [Status::Accepted, Status::Submitted, Status::Failed(Cause::PatienceExpired)] {
        assert_eq!(count(&memo, rung(status), own_settings()), 0);
    }
    assert_eq!(count(&memo, settles(Status::Submitted), own_settings()), 1, "a channel that tells no more");
    assert_eq!(count(&memo, rung(Status::Played), own_settings()), 1, "playing tells of reading");
    let silent = Settings { default_profile: None, ..own_settings() };
    assert_eq!(count(&memo, rung(Status::Sent), silent), 0, "no profile, no callback");
}

#[test]
fn playing_after_reading_tells_nothing_new() {
    let mut report = whatsapp(&memo(Kind::Whatsapp), Status::Played, 1);
    report.report.steps[0].read_at = Some(at(1000));
    assert_eq!(Kaleyra.callback(&report, &rung(Status::Played), &context(&settings(), "")), []);
}

#[test]
fn a_late_delivery_is_told_of_the_step_that_it_is_about() {
    let mut steps = vec![
        step_report(0, Channel::Whatsapp, Status::Delivered),
        step_report(1, Channel::Sms, Status::Delivered),
    ];
    steps[0].given_up = Some(Cause::PatienceExpired);
    steps[1].upstream = Some("sms-1".to_owned());
    let report = report_of(message(&memo(Kind::Whatsapp), 0, 1), Status::Delivered, steps);
    let late = Occasion { late: true, ..rung(Status::Delivered) };
    called("late", &report, &[late, Occasion { step: 1, ..settles(Status::Delivered) }], own_settings());
}

#[test]
fn the_older_calls_are_told_by_get_with_id_and_status() {
    let memo = Memo {
        callback_url: Some("https://example.com/status?uuid=1#x".to_owned()),
        ..memo(Kind::FormWhatsapp)
    };
    let mut callbacks = Vec::new();
    let failed = Status::Failed(Cause::NotOnChannel);
    for occasion in [rung(Status::Sent), settles(Status::Delivered), rung(Status::Read), settles(failed)] {
        let report = whatsapp(&memo, occasion.status, 1);
        callbacks.extend(Kaleyra.callback(&report, &occasion, &context(&settings(), "")));
    }
    golden("kaleyra/golden/callback_form_by_get.http", &render_callbacks(&callbacks));
    let without = whatsapp(&super::memo(Kind::FormWhatsapp), Status::Sent, 1);
    called("form_by_default_profile", &without, &[rung(Status::Sent)], own_settings());
}

#[test]
fn the_callback_of_a_request_is_made_as_it_asks() {
    let own = |method| OwnCallback {
        url: "https://example.com/dlr".to_owned(),
        method,
        headers: [("X-A".to_owned(), "b".to_owned())].into(),
        no_retry: method == Method::Get,
    };
    let mut callbacks = Vec::new();
    let failed = Status::Failed(Cause::AbsentSubscriber);
    for method in [Method::Post, Method::Get] {
        let memo = Memo { callback: Some(own(method)), ..memo(Kind::Sms) };
        for status in [Status::Delivered, failed] {
            let report = report_of(message(&memo, 0, 1), status, vec![step_report(0, Channel::Sms, status)]);
            callbacks.extend(Kaleyra.callback(&report, &settles(status), &context(&settings(), "")));
        }
    }
    golden("kaleyra/golden/callback_sms_by_request.http", &render_callbacks(&callbacks));
    let invalid = not_sent(Kind::Sms, Cause::InvalidRecipient);
    called("sms_not_sent", &invalid, &[settles(invalid.report.status)], own_settings());
}

fn templated(format: BodyFormat, body: &str) -> Profile {
    Profile {
        method: Method::Put,
        url: "https://example.com/<id>/<ref1>".to_owned(),
        headers: BTreeMap::from([("X-Team".to_owned(), "a".into())]),
        body: Some(body.to_owned()),
        body_format: format,
        user: Some("Aladdin".to_owned()),
        password: Some("open sesame".into()),
        generation: Generation::V2,
    }
}

#[test]
fn profiles_fill_in_variables_and_escape_them_for_what_the_body_is() {
    let mut callbacks = Vec::new();
    for (format, body) in [
        (BodyFormat::Json, r#"{"s":"<status>","r":"<ref1>","x":"<unknown>"}"#),
        (BodyFormat::Xml, "<a><s><status></s><r><ref1></r></a>"),
        (BodyFormat::Html, "<p><ref1></p>"),
        (BodyFormat::Text, "<status> <ref1> < 5"),
    ] {
        let mut own = own_settings();
        own.callback_profiles.insert("default".to_owned(), templated(format, body));
        let report = whatsapp(&memo(Kind::Whatsapp), Status::Sent, 1);
        callbacks.extend(Kaleyra.callback(&report, &rung(Status::Sent), &context(&with(own), "")));
    }
    golden("kaleyra/golden/callback_profiles.http", &render_callbacks(&callbacks));
}

#[test]
fn an_address_will_do_in_place_of_a_profile() {
    let own = Settings {
        callback_url: Some("https://example.com/a".to_owned()),
        inbound_url: Some("https://example.com/b".to_owned()),
        ..Settings::new(SID, KEY)
    };
    let settings = with(own);
    let report = whatsapp(&memo(Kind::Whatsapp), Status::Sent, 1);
    let told = Kaleyra.callback(&report, &rung(Status::Sent), &context(&settings, ""));
    assert_eq!((told[0].method.as_ref(), told[0].url.as_str()), ("POST", "https://example.com/a"));
    let text = inbound(Channel::Whatsapp, InboundContent::Text("Hi".to_owned()));
    let told = Kaleyra.inbound(&text, &context(&settings, ""));
    assert_eq!((told[0].method.as_ref(), told[0].url.as_str()), ("POST", "https://example.com/b"));
}

#[test]
fn a_method_without_body_has_the_variables_in_the_query_unless_the_address_names_them() {
    let url_for = |url: &str| {
        let mut own = own_settings();
        own.callback_profiles.insert("default".to_owned(), Profile { method: Method::Get, ..profile(url) });
        let report = whatsapp(&memo(Kind::Whatsapp), Status::Sent, 1);
        let callbacks = Kaleyra.callback(&report, &rung(Status::Sent), &context(&with(own), ""));
        assert_eq!(callbacks[0].body, b"");
        callbacks[0].url.clone()
    };
    assert_eq!(url_for("https://example.com/?s=<status>"), "https://example.com/?s=sent");
    let all = url_for("https://example.com/");
    assert!(all.starts_with("https://example.com/?id=A03H9UQXLGHW5ME246IFJJWJNG&custom_response="), "{all}");
    assert!(all.contains("&status=sent&"), "{all}");
}

#[test]
fn the_end_of_a_flow_is_told_once() {
    let memo =
        Memo { flow: Some("welcome".to_owned()), request_id: Some("run-7".to_owned()), ..memo(Kind::Flow) };
    let steps = vec![
        step_report(0, Channel::Whatsapp, Status::Failed(Cause::PatienceExpired)),
        step_report(1, Channel::Sms, Status::Delivered),
    ];
    let report = report_of(message(&memo, 0, 1), Status::Delivered, steps);
    let occasions =
        [rung(Status::Sent), Occasion { step: 1, ..settles(Status::Delivered) }, rung(Status::Read)];
    called("flow", &report, &occasions, own_settings());
}

fn inbound(channel: Channel, content: InboundContent) -> Inbound {
    Inbound {
        route: "main".into(),
        channel,
        upstream: "wamid.1".to_owned(),
        from: "919845012345".to_owned(),
        to: "919800000001".to_owned(),
        at: NOW,
        profile_name: Some("Asha".to_owned()),
        content,
        reply_to: Some("wamid.0".to_owned()),
    }
}

fn media(kind: &str) -> InboundContent {
    InboundContent::Media {
        kind: kind.to_owned(),
        id: "m1".to_owned(),
        mime: Some("image/jpeg".to_owned()),
        caption: Some("see".to_owned()),
        filename: None,
        sha256: Some("abc".to_owned()),
        url: Some("https://example.com/m1".to_owned()),
    }
}

fn choice(list: bool) -> InboundContent {
    InboundContent::Choice { id: "y".to_owned(), title: "Yes".to_owned(), list, description: None }
}

#[test]
fn messages_from_people_are_told_as_the_transcripts_say() {
    let contents = [
        InboundContent::Text("Hello & welcome".to_owned()),
        choice(false),
        choice(true),
        media("image"),
        media("voice"),
        InboundContent::Location { latitude: 1.5, longitude: 2.5, name: None, address: None },
        InboundContent::Other(serde_json::json!({ "type": "contacts", "contacts": [{ "name": {} }] })),
        InboundContent::Other(serde_json::json!([1])),
    ];
    for (name, generation, method, channel) in [
        ("v2", Generation::V2, Method::Post, Channel::Whatsapp),
        ("v1", Generation::V1, Method::Post, Channel::Whatsapp),
        ("v1_by_get", Generation::V1, Method::Get, Channel::Whatsapp),
        ("sms", Generation::V2, Method::Post, Channel::Sms),
    ] {
        let mut own = own_settings();
        let told = Profile { generation, method, ..profile("https://example.com/inbound") };
        own.callback_profiles.insert("default".to_owned(), told);
        let settings = with(own);
        let callbacks: Vec<_> = contents
            .iter()
            .flat_map(|content| Kaleyra.inbound(&inbound(channel, content.clone()), &context(&settings, "")))
            .collect();
        golden(&format!("kaleyra/golden/inbound_{name}.http"), &render_callbacks(&callbacks));
    }
    let voice = inbound(Channel::Voice, InboundContent::Text("Hi".to_owned()));
    assert_eq!(Kaleyra.inbound(&voice, &context(&settings(), "")), []);
}

#[test]
fn failed_callbacks_are_retried_three_times_ten_seconds_apart() {
    let policy = Kaleyra.retry_policy(&settings());
    assert_eq!(policy.delays, [Span::from_secs(10); 3]);
    assert_eq!(policy.success, Success::TwoHundreds);
}

#[test]
fn reports_on_messages_of_older_versions_still_come_with_what_is_known() {
    for text in [None, Some("not ours".to_owned()), Some(r#"{"later":true}"#.to_owned())] {
        let mut message = message(&Memo::default(), 0, 1);
        let brief = Brief { memo: text, ..Brief::default() };
        message.shared = Arc::new(Shared { brief, plan: message.plan().clone() });
        let report = report_of(message, Status::Sent, vec![step_report(0, Channel::Whatsapp, Status::Sent)]);
        assert_eq!(Kaleyra.callback(&report, &rung(Status::Sent), &context(&settings(), "")).len(), 1);
    }
}
