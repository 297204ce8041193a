//! What is pushed, and when.

use model::{
    Cause, Channel, Inbound, RouteName, Status, StepReport, call::MessageReport, network::InboundContent,
    report::Occasion,
};
use serde_json::json;

use super::{after, failed_on_whatsapp, message, own_settings, person, sms, told, whatsapp};
use crate::{
    Callback, Dialect, Success,
    infobip::{Infobip, Offset, SeenForm, Settings, wire::BriefMemo},
    testkit::{context, golden, render_callbacks},
};

const URL: &str = "https://client.example/reports?x=1";

fn asked(intermediate_report: bool) -> BriefMemo {
    BriefMemo {
        notify: None,
        notify_url: Some(URL.to_owned()),
        intermediate_report,
        callback_data: Some("DLR 7".to_owned()),
    }
}

fn happened(step: u8, status: Status, settles: bool) -> Occasion {
    Occasion { step, status, settles, late: false }
}

fn pushed(report: &MessageReport, occasion: &Occasion, own: &Settings) -> Vec<Callback> {
    let settings = crate::Settings { infobip: Some(own.clone()), ..crate::Settings::default() };
    Infobip.callback(report, occasion, &context(&settings, "Aladdin"))
}

/// WhatsApp failed, SMS is on its way.
fn between(memo: &BriefMemo) -> MessageReport {
    let steps = vec![whatsapp(Status::Failed(Cause::NotOnChannel)), sms(Status::Accepted)];
    told(message(memo, person()), Status::Accepted, false, steps)
}

/// WhatsApp failed, SMS arrived.
fn arrived(memo: &BriefMemo) -> MessageReport {
    let steps = vec![whatsapp(Status::Failed(Cause::NotOnChannel)), sms(Status::Delivered)];
    told(message(memo, person()), Status::Delivered, true, steps)
}

/// Read on WhatsApp.
fn seen(memo: &BriefMemo) -> MessageReport {
    let mut step = whatsapp(Status::Read);
    step.delivered_at = Some(after(400));
    step.read_at = Some(after(700));
    told(message(memo, person()), Status::Read, true, vec![step])
}

#[test]
fn a_settled_message_is_pushed_once_with_the_callers_data() {
    let callbacks = pushed(&arrived(&asked(false)), &happened(1, Status::Delivered, true), &own_settings());
    golden("infobip/golden/callback_delivered.http", &render_callbacks(&callbacks));
}

#[test]
fn a_failed_step_is_pushed_only_if_intermediate_reports_are_asked_for() {
    let failed = happened(0, Status::Failed(Cause::NotOnChannel), false);
    let callbacks = pushed(&between(&asked(true)), &failed, &own_settings());
    golden("infobip/golden/callback_intermediate.http", &render_callbacks(&callbacks));
    assert_eq!(pushed(&between(&asked(false)), &failed, &own_settings()), []);
}

#[test]
fn reading_is_pushed_as_a_seen_report_in_either_form() {
    let read = happened(0, Status::Read, false);
    let classic = pushed(&seen(&asked(false)), &read, &own_settings());
    golden("infobip/golden/callback_seen.http", &render_callbacks(&classic));
    let later = Settings { seen_report_form: SeenForm::Later, ..own_settings() };
    let later = pushed(&seen(&asked(false)), &read, &later);
    golden("infobip/golden/callback_seen_later_form.http", &render_callbacks(&later));
}

#[test]
fn a_read_that_settles_is_pushed_as_delivery_and_then_as_seen() {
    let own = Settings { utc_offset: Offset::parse("+0100").expect("an offset"), ..own_settings() };
    let callbacks = pushed(&seen(&asked(false)), &happened(0, Status::Read, true), &own);
    golden("infobip/golden/callback_delivered_and_seen.http", &render_callbacks(&callbacks));
}

#[test]
fn playing_counts_as_seeing_unless_that_was_told() {
    let played = |read_at| {
        let step = StepReport { read_at, ..whatsapp(Status::Played) };
        let report = told(message(&asked(false), person()), Status::Played, true, vec![step]);
        pushed(&report, &happened(0, Status::Played, false), &own_settings()).len()
    };
    assert_eq!(played(None), 1);
    assert_eq!(played(Some(after(700))), 1);
    assert_eq!(played(Some(after(600))), 0);
}

#[test]
fn progress_and_late_deliveries_are_not_pushed() {
    let own = own_settings();
    for status in [Status::Accepted, Status::Submitted, Status::Sent] {
        assert_eq!(pushed(&between(&asked(true)), &happened(1, status, false), &own), []);
    }
    for status in [Status::Delivered, Status::Read, Status::Failed(Cause::Undeliverable)] {
        let late = Occasion { late: true, ..happened(0, status, false) };
        assert_eq!(pushed(&between(&asked(true)), &late, &own), []);
    }
}

#[test]
fn the_accounts_address_serves_requests_without_one_unless_they_decline() {
    let own = Settings { notify_url: Some("https://account.example/".to_owned()), ..own_settings() };
    let settled = happened(1, Status::Delivered, true);
    let callbacks = pushed(&arrived(&BriefMemo::default()), &settled, &own);
    assert_eq!(
        callbacks.iter().map(|callback| &*callback.url).collect::<Vec<_>>(),
        ["https://account.example/"]
    );
    let declined = BriefMemo { notify: Some(false), ..asked(false) };
    assert_eq!(pushed(&arrived(&declined), &settled, &own), []);
    assert_eq!(pushed(&arrived(&BriefMemo::default()), &settled, &own_settings()), []);
}

#[test]
fn reports_are_kept_for_pulling_exactly_if_they_are_not_pushed() {
    let settings = super::settings();
    let context = context(&settings, "Aladdin");
    assert!(Infobip.keeps_reports(&failed_on_whatsapp(), &context));
    assert!(!Infobip.keeps_reports(&arrived(&asked(false)), &context));
    let declined = BriefMemo { notify: Some(false), ..asked(false) };
    assert!(Infobip.keeps_reports(&arrived(&declined), &context));
}

#[test]
fn retries_wait_a_minute_and_a_square_of_minutes_more() {
    let policy = Infobip.retry_policy(&super::settings());
    let minutes: Vec<u64> = policy.delays.iter().map(|delay| delay.as_secs() / 60).collect();
    assert_eq!(minutes[..6], [1, 2, 5, 10, 17, 26]);
    assert_eq!(minutes.len(), 21);
    assert_eq!(minutes.iter().sum::<u64>(), 2_891);
    assert_eq!(policy.success, Success::TwoHundreds);
}

fn from_person(content: InboundContent, reply_to: Option<&str>) -> Inbound {
    Inbound {
        route: RouteName::from("r"),
        channel: Channel::Whatsapp,
        upstream: "wamid.1".to_owned(),
        from: "41793026731".to_owned(),
        to: "WhatsAppSender".to_owned(),
        at: after(0),
        profile_name: Some("Ann".to_owned()),
        content,
        reply_to: reply_to.map(str::to_owned),
    }
}

fn media(kind: &str) -> InboundContent {
    InboundContent::Media {
        kind: kind.to_owned(),
        id: "m-1".to_owned(),
        mime: Some("image/jpeg".to_owned()),
        caption: Some("Look".to_owned()),
        filename: None,
        sha256: None,
        url: Some("https://gateway.example/media/m-1".to_owned()),
    }
}

fn choice(list: bool) -> InboundContent {
    InboundContent::Choice {
        id: "yes".to_owned(),
        title: "Yes".to_owned(),
        list,
        description: list.then(|| "of course".to_owned()),
    }
}

#[test]
fn every_kind_of_inbound_message_is_pushed_to_the_accounts_address() {
    let own = Settings { inbound_url: Some("https://client.example/inbound".to_owned()), ..own_settings() };
    let settings = crate::Settings { infobip: Some(own), ..crate::Settings::default() };
    let place = InboundContent::Location {
        latitude: 46.0,
        longitude: 13.5,
        name: Some("Office".to_owned()),
        address: None,
    };
    let kinds = [
        InboundContent::Text("Hello".to_owned()),
        choice(false),
        choice(true),
        media("image"),
        media("video"),
        media("document"),
        media("audio"),
        media("voice"),
        media("sticker"),
        place,
        InboundContent::Other(json!({"type": "contacts", "contacts": [{"name": {"first_name": "Ann"}}]})),
        InboundContent::Other(json!({"type": "order", "order": {"catalog_id": "c"}})),
        InboundContent::Other(json!({"type": "reaction"})),
    ];
    let context = context(&settings, "Aladdin");
    let callbacks: Vec<Callback> = kinds
        .into_iter()
        .enumerate()
        .flat_map(|(index, kind)| {
            let reply_to = (index == 0).then_some("wamid.0");
            Infobip.inbound(&from_person(kind, reply_to), &context)
        })
        .collect();
    golden("infobip/golden/callback_inbound.http", &render_callbacks(&callbacks));
}

#[test]
fn inbound_messages_go_nowhere_without_an_address() {
    let settings = super::settings();
    let inbound = from_person(InboundContent::Text("Hello".to_owned()), None);
    assert_eq!(Infobip.inbound(&inbound, &context(&settings, "Aladdin")), []);
}
