//! Transcripts of every operation, template, refusal and callback; signatures really computed.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::Request;
use model::{
    Answer, BatchId, Call, Cause, Channel, Content, Inbound, Message, MessageId, Plan, Recipient, Refusal,
    Report, Span, Status, Step, StepReport, Time,
    call::{AuthFault, Feature, MessageReport, Missing, Price},
    content::Text,
    message::{Body, Brief, Shared, Until},
    network::InboundContent,
    report::Occasion,
};
use sha1::Sha1;
use sha2::Sha256;

use super::{
    CallbackMethod, FallbackTimeUnit, Settings, Telesign, callback, code_table, path::Surface, wire::Memo,
};
use crate::{
    Credentials, Dialect, HmacAlgorithm, Proof, Secret, Signed,
    memo::remember,
    testkit::{self, NOW, golden, render_callbacks, render_response, transcript},
};

mod anything;
mod callbacks;
mod credentials;

const CUSTOMER: &str = "12345678-9ABC-DEF0-1234-56789ABCDEF0";
const KEY: &str = "vjE/ZDfPvDkuGNsuqCFFO4neYIs=";
/// The key that the signatures in these tests were made with, by the vendor's own clients.
const SIGNING_KEY: &str =
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==";
const DATE: &str = "Fri, 20 Nov 2026 21:33:24 GMT";

fn own_settings() -> Settings {
    Settings {
        accept_unencoded_basic: true,
        sender_ids: vec!["Shop".to_owned()],
        callback_url: vec!["https://example.com/reports".to_owned()],
        inbound_url: Some("https://example.com/inbound".to_owned()),
        ..Settings::new(CUSTOMER, KEY)
    }
}

fn with(own: Settings) -> crate::Settings {
    crate::Settings { telesign: Some(own), ..crate::Settings::default() }
}

fn settings() -> crate::Settings {
    with(own_settings())
}

fn accepted(name: &str) {
    transcript(&Telesign, "telesign", name, &settings(), testkit::accept_all);
}

fn refused_in_read(name: &str) {
    transcript(&Telesign, "telesign", name, &settings(), |call| panic!("{name} was read as {call:?}"));
}

fn answered(name: &str, answer: &Result<Answer, Refusal>) {
    transcript(&Telesign, "telesign", name, &settings(), |_| answer.clone());
}

#[test]
fn the_whole_tree_of_the_api_is_claimed_and_nothing_beside_it() {
    for path in ["v1/omnichannel", "v1/omnichannel/a/b", "v1/messaging/x", "v1/verify", "capability/rcs/1"] {
        assert!(Telesign.claims(&path.split('/').collect::<Vec<_>>()), "{path}");
    }
    for path in ["v1", "v1/HXAP16XXXXXX97IN/messages", "v2/messages", "resources/v1/messaging"] {
        assert!(!Telesign.claims(&path.split('/').collect::<Vec<_>>()), "{path}");
    }
}

#[test]
fn the_word_templates_wins_over_a_reference_id() {
    assert_eq!(Surface::of("/v1/omnichannel/templates/"), Surface::Templates);
    assert_eq!(Surface::of("/v1/omnichannel/templates/sms/hello"), Surface::Template);
    assert_eq!(Surface::of("/v1/omnichannel/template"), Surface::Message("template".to_owned()));
    assert_eq!(Surface::of("/v1/omnichannel/templates/sms"), Surface::Nowhere);
}

#[test]
fn submissions_are_read_and_answered_as_the_transcripts_say() {
    for name in [
        "send_sample",
        "send_all_members",
        "send_extra_slashes",
        "send_whatsapp_text",
        "send_whatsapp_image_header_url",
        "send_whatsapp_video",
        "send_whatsapp_audio",
        "send_whatsapp_file",
        "send_whatsapp_file_named",
        "send_whatsapp_location",
        "send_whatsapp_registered",
        "send_whatsapp_registered_text_header",
        "send_mms_image",
        "send_mms_video",
        "send_mms_audio",
        "send_viber_text",
        "send_viber_text_reply_id",
        "send_viber_image",
        "send_viber_video",
        "send_viber_url_action",
        "send_viber_text_video",
        "send_viber_url_action_video",
        "send_viber_otp_verify",
        "send_rcs_text",
        "send_rcs_media",
        "send_rcs_file",
        "send_rcs_location",
        "send_rcs_url_action",
        "send_rcs_dial_action",
        "send_rcs_two_replies",
        "send_rcs_three_replies",
        "send_rcs_rich_card_url",
        "send_rcs_rich_card_dial",
        "send_email",
        "send_default_text",
        "send_void_steps",
        "send_bad_phone",
        "sms_send",
    ] {
        accepted(name);
    }
}

#[test]
fn bad_requests_are_refused_as_the_transcripts_say() {
    for name in [
        "refuse_3110_not_json",
        "refuse_3110_not_an_object",
        "refuse_3110_wrong_type",
        "refuse_3110_bad_fallback_time",
        "refuse_3300_no_channels",
        "refuse_3301_no_channel",
        "refuse_3302_no_phone_number",
        "refuse_3303_no_message",
        "refuse_3304_no_message_type",
        "refuse_3113_channel_twice",
        "refuse_3113_channels_no_array",
        "refuse_3102_message_type",
        "refuse_3103_external_id",
        "refuse_3104_lifecycle_event",
        "refuse_3105_originating_ip",
        "refuse_3106_callback_url",
        "refuse_3206_generated_code",
        "refuse_no_credentials",
        "refuse_wrong_scheme",
        "refuse_too_large",
        "refuse_templates",
        "refuse_template",
        "refuse_capability",
        "refuse_unknown_path",
        "refuse_method",
        "refuse_3311_reference",
        "sms_refuse_no_phone",
        "sms_refuse_phone",
        "sms_refuse_message_type",
        "sms_refuse_sender",
    ] {
        refused_in_read(name);
    }
}

// States.

const fn at(millis: u64) -> Time {
    Time(NOW.0 + millis as i64 * 1000)
}

fn step_report(index: u8, channel: Channel, status: Status, millis: u64) -> StepReport {
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
        delivered_at: status.is_delivered().then_some(at(millis)),
        read_at: None,
        updated_at: at(millis),
    }
}

fn message(memo: &Memo, channels: &[Channel]) -> Arc<Message> {
    let step = |channel: &Channel| Step {
        channel: *channel,
        sender: None,
        body: Body::Ready(Content::Text(Text::new("Hi"))),
        patience: Span::from_mins(5),
        validity: Span::from_hours(24),
        until: Until::Delivered,
        routes: Vec::new(),
        extras: model::message::Extras::default(),
    };
    let plan = Plan::new(channels.iter().map(step).collect()).expect("steps");
    let brief = Brief { memo: Some(remember(memo)), ..Brief::default() };
    Arc::new(Message {
        id: MessageId::new(NOW, 1),
        account: testkit::account(),
        dialect: "telesign",
        batch: BatchId::new(NOW, 2),
        position: 0,
        batch_size: 1,
        recipient: Recipient::default(),
        client_ref: None,
        memo: None,
        accepted_at: NOW,
        shared: Arc::new(Shared { brief, plan }),
    })
}

/// A report whose last step decides.
fn report_of(memo: &Memo, status: Status, steps: Vec<StepReport>) -> MessageReport {
    let channels: Vec<Channel> = steps.iter().map(|step| step.channel).collect();
    let channels = if channels.is_empty() { vec![Channel::Sms] } else { channels };
    MessageReport {
        message: message(memo, &channels),
        report: Report {
            status,
            settled: status.is_delivered() || status.cause().is_some(),
            updated_at: steps.last().map_or(NOW, |step| step.updated_at),
            deciding_step: steps.last().map_or(0, |step| step.index),
            steps,
        },
        price: None,
        mcc_mnc: None,
    }
}

fn whatsapp_timed_out(sms: Status) -> Vec<StepReport> {
    vec![
        step_report(0, Channel::Whatsapp, Status::Failed(Cause::PatienceExpired), 600),
        step_report(1, Channel::Sms, sms, 725),
    ]
}

fn fallback_delivered() -> MessageReport {
    report_of(&Memo::default(), Status::Delivered, whatsapp_timed_out(Status::Delivered))
}

fn named(name: &str) -> Memo {
    Memo { external_id: Some(name.to_owned()), ..Memo::default() }
}

fn status(report: MessageReport) -> Result<Answer, Refusal> {
    Ok(Answer::Status(Box::new(report)))
}

#[test]
fn the_state_of_a_message_is_told_as_the_transcripts_say() {
    answered("status_delivered", &status(fallback_delivered()));
    answered("status_verify_code", &status(fallback_delivered()));
    let running = vec![step_report(0, Channel::Whatsapp, Status::Accepted, 0)];
    answered("status_in_progress", &status(report_of(&named("order-7"), Status::Accepted, running)));
    let exhausted = Status::Failed(Cause::UnknownSubscriber);
    answered(
        "status_exhausted",
        &status(report_of(&Memo::default(), exhausted, whatsapp_timed_out(exhausted))),
    );
    let memo = Memo { labels: [(0, "pigeon".to_owned())].into(), fallback_refused: true, ..Memo::default() };
    let steps = vec![
        step_report(0, Channel::Unlisted, Status::Failed(Cause::UnknownChannel), 0),
        step_report(1, Channel::Sms, Status::Failed(Cause::ChannelDisabled), 0),
    ];
    answered("status_no_channel", &status(report_of(&memo, Status::Failed(Cause::ChannelDisabled), steps)));
    let mut priced = fallback_delivered();
    priced.price = Some(Price { micros: 5_000, currency: "USD".into() });
    priced.mcc_mnc = Some("310012".to_owned());
    answered("status_priced", &status(priced));
    answered("status_unknown", &Err(Refusal::NotFound(Missing::Message)));
    answered("status_unavailable", &Err(Refusal::Overloaded));
}

#[test]
fn the_state_is_told_for_twelve_hours_after_the_end() {
    let mut old = fallback_delivered();
    old.report.updated_at = NOW - Span::from_hours(12) - Span::from_micros(1);
    answered("status_expired", &status(old.clone()));
    old.report.updated_at = NOW - Span::from_hours(12);
    let request = get("/v1/omnichannel/01A1FCC3B3DB00000000000000000001");
    let (_, response) = testkit::exchange(&Telesign, &request, &settings(), |_| status(old.clone()));
    assert_eq!(response.status(), 200);
    old.report.settled = false;
    old.report.updated_at = NOW - Span::from_hours(100);
    let (_, response) = testkit::exchange(&Telesign, &request, &settings(), |_| status(old.clone()));
    assert_eq!(response.status(), 200, "what still runs is told however old");
}

#[test]
fn sms_calls_speak_the_codes_of_their_own_family() {
    let delivered = vec![step_report(0, Channel::Sms, Status::Delivered, 125)];
    let memo = Memo { sms: true, ..named("order-7") };
    answered("sms_status_delivered", &status(report_of(&memo, Status::Delivered, delivered.clone())));
    answered("completion", &status(report_of(&memo, Status::Delivered, delivered)));
    let failed = Status::Failed(Cause::AbsentSubscriber);
    let steps = vec![step_report(0, Channel::Sms, failed, 125)];
    answered("sms_status_failed", &status(report_of(&memo, failed, steps)));
}

// Refusals that only the adapter and the desk know.

fn authorization() -> String {
    format!("Basic {}", STANDARD.encode(format!("{CUSTOMER}:{KEY}")))
}

fn get(path: &str) -> Request<Bytes> {
    request("GET", path, Bytes::new())
}

fn request(method: &str, path: &str, body: Bytes) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(path).header("Authorization", authorization());
    request.header("Content-Type", "application/json").body(body).expect("a request")
}

#[test]
fn every_refusal_has_a_body_in_json_on_every_surface() {
    let settings = settings();
    for (name, method, path) in [
        ("omnichannel", "POST", "/v1/omnichannel"),
        ("message", "GET", "/v1/omnichannel/01A1FCC3B3DB00000000000000000001"),
        ("messaging", "POST", "/v1/messaging"),
    ] {
        let request = request(method, path, Bytes::from_static(b"{\"external_id\":\"order-7\"}"));
        let mut text = String::new();
        for refusal in testkit::every_refusal() {
            let response = Telesign.refuse(&request, &refusal, &testkit::context(&settings, ""));
            serde_json::from_slice::<serde_json::Value>(response.body()).expect("JSON");
            text += &format!("# {refusal:?}\n{}\n\n", render_response(&response));
        }
        golden(&format!("telesign/golden/refusals_{name}.http"), &text);
    }
}

#[test]
fn account_rights_are_checked() {
    let body = r#"{"channels":[{"channel":"whatsapp"},{"channel":"sms"}],"phone_number":"15558675309",
        "message":{"default":{"template":"text","parameters":{"text":"Hi"}}},"message_type":"ARN",
        "callback_url":"https://example.com/own"}"#;
    let read = |own: Settings| {
        let settings = with(own);
        let request = request("POST", "/v1/omnichannel", Bytes::from_static(body.as_bytes()));
        Telesign.read(&request, &testkit::context(&settings, CUSTOMER))
    };
    let denied = read(Settings { allow_callback_url_override: false, ..own_settings() });
    assert_eq!(denied, Err(Refusal::NotEnabled(Feature::CallbackUrl)));
    let only_sms = read(Settings { channels: Some(vec![Channel::Sms]), ..own_settings() });
    assert_eq!(void_causes(&only_sms), [Some(Cause::ChannelDisabled), None]);
    let no_fallback = read(Settings { fallback_enabled: false, ..own_settings() });
    assert_eq!(void_causes(&no_fallback), [None, Some(Cause::ChannelDisabled)]);
}

fn steps(call: &Result<Call, Refusal>) -> &[model::message::StepDraft] {
    match call {
        Ok(Call::Submit(submission)) => match &submission.plan {
            model::message::PlanSource::Steps { steps, .. } => steps,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn void_causes(call: &Result<Call, Refusal>) -> Vec<Option<Cause>> {
    let cause = |body: &Body| match body {
        Body::Void(cause) => Some(*cause),
        Body::Ready(_) => None,
    };
    steps(call).iter().map(|step| cause(&step.body)).collect()
}

fn patience(fallback_time: &str, own: Settings) -> Result<Option<Span>, Refusal> {
    let body = format!(
        r#"{{"channels":[{{"channel":"sms"{fallback_time}}},{{"channel":"rcs"}}],"phone_number":"15558675309",
        "message":{{"default":{{"template":"text","parameters":{{"text":"Hi"}}}},"sms":{{"template":"text","parameters":{{"text":"Hi"}}}}}},"message_type":"ARN"}}"#
    );
    let settings = with(own);
    let request = request("POST", "/v1/omnichannel", Bytes::from(body));
    let call = Telesign.read(&request, &testkit::context(&settings, CUSTOMER));
    if let Err(refusal) = call {
        return Err(refusal);
    }
    Ok(steps(&call)[0].patience)
}

#[test]
fn fallback_time_is_in_milliseconds_unless_the_account_says_seconds() {
    let seconds = Settings { fallback_time_unit: FallbackTimeUnit::Seconds, ..own_settings() };
    let strict = Settings { strict_fallback_time: true, ..seconds.clone() };
    for (given, own, expected) in [
        ("", own_settings(), Span::from_mins(5)),
        (r#","fallback_time":600"#, own_settings(), Span::from_millis(600)),
        (r#","fallback_time":0"#, own_settings(), Span::from_millis(1)),
        ("", seconds.clone(), Span::from_secs(300)),
        (r#","fallback_time":600"#, seconds.clone(), Span::from_secs(600)),
        (r#","fallback_time":1"#, seconds.clone(), Span::from_secs(30)),
        (r#","fallback_time":9999"#, seconds, Span::from_secs(3600)),
        (r#","fallback_time":3600"#, strict.clone(), Span::from_secs(3600)),
    ] {
        assert_eq!(patience(given, own), Ok(Some(expected)), "{given}");
    }
    assert!(matches!(patience(r#","fallback_time":3601"#, strict), Err(Refusal::InvalidField { .. })));
}

#[test]
fn fallback_time_is_ignored_on_the_last_channel() {
    let body = r#"{"channels":[{"channel":"sms","fallback_time":600}],"phone_number":"15558675309",
        "message":{"sms":{"template":"text","parameters":{"text":"Hi"}}},"message_type":"ARN"}"#;
    let settings = with(own_settings());
    let request = request("POST", "/v1/omnichannel", Bytes::from(body));
    let call = Telesign.read(&request, &testkit::context(&settings, CUSTOMER));
    assert_eq!(steps(&call)[0].patience, None);
}

#[test]
fn settings_need_a_key_and_take_one_or_two_addresses() {
    let parse = |json: &str| serde_json::from_str::<Settings>(json);
    let own = parse(r#"{"customer_id":"a","api_keys":["QQ=="],"callback_url":"https://example.com/"}"#);
    assert_eq!(own.expect("settings").callback_url, ["https://example.com/"]);
    assert!(parse(r#"{"customer_id":"a","api_keys":[]}"#).is_err());
    assert!(parse(r#"{"customer_id":"a","api_keys":["no base64"]}"#).is_err());
    assert!(parse(r#"{"customer_id":"a","api_keys":["QQ=="],"callback_url":["a","b","c"]}"#).is_err());
    assert!(parse(r#"{"customer_id":"a","api_keys":["QQ=="],"unknown":1}"#).is_err());
}

fn mac<M: Mac + hmac::digest::KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = <M as Mac>::new_from_slice(key).expect("any key");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

// The table.

#[test]
fn the_page_shows_the_table_of_codes_as_it_is() {
    let mut table = String::from("| cause | channel status | SMS status |\n|---|---|---|\n");
    for row in code_table() {
        let cell = |code: super::status::Code| format!("{} {}", code.code, code.description);
        table += &format!("| `{}` | {} | {} |\n", row.cause, cell(row.channel), cell(row.sms));
    }
    testkit::page_shows("telesign", &table);
}

#[test]
fn every_cause_has_a_code_of_each_family() {
    for row in code_table() {
        assert!((3000..4000).contains(&row.channel.code), "{:?}", row.cause);
        assert!((200..600).contains(&row.sms.code), "{:?}", row.cause);
        assert!(!row.channel.description.is_empty() && !row.sms.description.is_empty());
    }
}
