//! Transcripts of the whole API, and what they cannot show.

mod callbacks;
mod codes;
mod reading;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request};
use model::{
    Answer, BatchId, Brief, Call, Cause, Channel, Content, Message, MessageId, Phone, Plan, Recipient,
    Refusal, Report, RouteName, Span, Status, Step, StepReport, Time,
    call::{AuthFault, Feature, FlowStep, MessageReport, Missing, Price, Scenario},
    content::Text,
    message::{Body, Extras, OnUnknown, RouteChoice, Shared, Until},
};

use super::{
    CreateStatus, Infobip, Settings, User,
    wire::{BriefMemo, MessageMemo, To},
};
use crate::{
    Dialect,
    memo::remember,
    testkit::{NOW, accept_all, account, context, exchange, parse_request, transcript},
};

/// The account of the transcripts.
fn settings() -> crate::Settings {
    crate::Settings { infobip: Some(own_settings()), ..crate::Settings::default() }
}

fn own_settings() -> Settings {
    Settings {
        users: vec![User { name: "Aladdin".to_owned(), password: "open sesame".into() }],
        keys: vec!["003026bbc133714df1834b8638bb496e-8f4b3d9a-e931-478d-a994-28a725159ab9".into()],
        ..Settings::default()
    }
}

fn stored_scenario(key: &str, name: Option<&str>, flow: Vec<FlowStep>, default: bool) -> Scenario {
    Scenario { key: key.to_owned(), name: name.map(str::to_owned), flow, default }
}

fn failover() -> Scenario {
    let step = |label: &str, channel, from: &str| FlowStep {
        label: label.to_owned(),
        channel,
        from: Some(from.to_owned()),
    };
    let flow =
        vec![step("WHATSAPP", Channel::Whatsapp, "WhatsAppSender"), step("SMS", Channel::Sms, "InfoSMS")];
    stored_scenario(KEY, Some("My WHATSAPP-SMS scenario"), flow, true)
}

const KEY: &str = "CC9F01A5DC7BEE2C2B829D203482A654";

/// A desk that does everything it is asked.
fn desk(call: &Call) -> Result<Answer, Refusal> {
    match call {
        Call::CreateScenario(draft) | Call::UpdateScenario(_, draft) => Ok(Answer::Scenario(
            stored_scenario(KEY, draft.name.as_deref(), draft.flow.clone(), draft.default.unwrap_or(false)),
        )),
        Call::ReadScenario(_) => Ok(Answer::Scenario(failover())),
        Call::ListScenarios(_) => Ok(Answer::Scenarios(vec![failover()])),
        Call::TakeReports(_) => Ok(Answer::Reports(vec![failed_on_whatsapp(), delivered_by_sms()])),
        Call::ReadLogs(_) => Ok(Answer::Logs(vec![delivered_by_sms(), scheduled()])),
        Call::SignIn { .. } => Ok(Answer::SignedIn { token: "token-1".to_owned() }),
        Call::Submit(_)
        | Call::SignOut
        | Call::Status(_)
        | Call::Cancel(_)
        | Call::Upload(_)
        | Call::Ping => accept_all(call),
    }
}

/// Takes transcripts through the dialect with this desk.
fn transcripts(names: &[&str], answer: impl Fn(&Call) -> Result<Answer, Refusal>) {
    for name in names {
        transcript(&Infobip, "infobip", name, &settings(), &answer);
    }
}

fn step(channel: Channel, sender: &str, text: &str) -> Step {
    Step {
        channel,
        sender: Some(sender.to_owned()),
        body: Body::Ready(Content::Text(Text::new(text))),
        patience: Span::from_mins(1),
        validity: Span::from_mins(1),
        until: Until::Delivered,
        routes: vec![RouteChoice { route: RouteName::from("r"), on_unknown: OnUnknown::AtMostOnce }],
        extras: Extras::default(),
    }
}

fn message(memo: &BriefMemo, recipient: Recipient) -> Message {
    let to = To { phone_number: Some("41793026731".into()), ..To::default() };
    let steps = vec![
        step(Channel::Whatsapp, "WhatsAppSender", "Hello on WhatsApp"),
        step(Channel::Sms, "InfoSMS", "Hello by SMS"),
    ];
    Message {
        id: MessageId::new(NOW, 0x51),
        account: account(),
        dialect: "infobip",
        batch: BatchId::new(NOW, 0xBA7C),
        position: 0,
        batch_size: 1,
        recipient,
        client_ref: None,
        memo: Some(remember(&MessageMemo { to, message_id: None })),
        accepted_at: NOW,
        shared: Arc::new(Shared {
            brief: Brief { memo: Some(remember(memo)), ..Brief::default() },
            plan: Plan::new(steps).expect("two steps"),
        }),
    }
}

fn person() -> Recipient {
    Recipient::phone(Phone::parse("41793026731").expect("digits"))
}

fn after(millis: u64) -> Time {
    NOW + Span::from_millis(millis)
}

fn whatsapp(status: Status) -> StepReport {
    StepReport {
        index: 0,
        channel: Channel::Whatsapp,
        sender: Some("WhatsAppSender".to_owned()),
        status,
        given_up: None,
        network: None,
        upstream: None,
        attempts: 1,
        parts: 1,
        begun_at: after(10),
        submitted_at: Some(after(50)),
        delivered_at: None,
        read_at: None,
        updated_at: after(700),
    }
}

fn sms(status: Status) -> StepReport {
    StepReport {
        index: 1,
        channel: Channel::Sms,
        sender: Some("InfoSMS".to_owned()),
        parts: 2,
        begun_at: after(710),
        submitted_at: Some(after(750)),
        delivered_at: status.is_delivered().then(|| after(1_900)),
        updated_at: after(2_000),
        ..whatsapp(status)
    }
}

fn told(message: Message, status: Status, settled: bool, steps: Vec<StepReport>) -> MessageReport {
    let deciding_step = steps.last().map_or(0, |step| step.index);
    MessageReport {
        message: Arc::new(message),
        report: Report { status, settled, updated_at: after(2_000), deciding_step, steps },
        price: None,
        mcc_mnc: None,
    }
}

fn failed_on_whatsapp() -> MessageReport {
    let cause = Status::Failed(Cause::NotOnChannel);
    told(message(&BriefMemo::default(), person()), cause, true, vec![whatsapp(cause)])
}

fn delivered_by_sms() -> MessageReport {
    let mut message = message(&BriefMemo::default(), person());
    message.client_ref = Some("mine-1".to_owned());
    message.batch_size = 2;
    let steps = vec![whatsapp(Status::Failed(Cause::NotOnChannel)), sms(Status::Delivered)];
    MessageReport {
        price: Some(Price { micros: 10_400, currency: "EUR".into() }),
        mcc_mnc: Some("22801".to_owned()),
        ..told(message, Status::Delivered, true, steps)
    }
}

fn scheduled() -> MessageReport {
    let mut message = message(&BriefMemo::default(), person());
    let brief =
        Brief { send_at: Some(after(60_000)), bulk: Some("b-1".to_owned()), ..message.brief().clone() };
    message.shared = Arc::new(Shared { brief, plan: message.plan().clone() });
    told(message, Status::Waiting, false, Vec::new())
}

#[test]
fn the_vendors_samples_work_as_printed() {
    transcripts(
        &[
            "sample_create_scenario",
            "sample_send_text",
            "sample_reports",
            "sample_send_image",
            "sample_send_template",
        ],
        desk,
    );
}

#[test]
fn scenarios_are_created_told_listed_and_replaced() {
    transcripts(
        &[
            "python_create_scenario",
            "python_list_scenarios",
            "php_create_scenario_nulls",
            "list_scenarios",
            "list_scenarios_bad_limit",
            "read_scenario",
            "update_scenario",
            "delete_scenario",
            "create_scenario_unknown_channel",
            "create_scenario_empty_flow",
        ],
        desk,
    );
}

#[test]
fn every_kind_of_whatsapp_message_is_understood() {
    transcripts(
        &[
            "send_whatsapp_audio",
            "send_whatsapp_video",
            "send_whatsapp_document",
            "send_whatsapp_location",
            "send_whatsapp_preview",
            "send_whatsapp_contacts",
            "send_media_template_image",
            "send_media_template_document",
            "send_media_template_video",
            "send_media_template_location",
            "send_media_template_text",
            "send_template_without_language",
            "send_whatsapp_without_content",
            "send_whatsapp_bad_url",
            "send_whatsapp_too_long",
        ],
        desk,
    );
}

#[test]
fn every_other_channel_is_understood() {
    transcripts(
        &[
            "send_sms_options",
            "send_viber",
            "send_voice",
            "send_email",
            "send_push",
            "send_facebook",
            "send_line",
            "send_vkontakte",
            "send_kakao",
            "send_parseco_and_rcs",
            "simple_text",
        ],
        desk,
    );
}

#[test]
fn the_envelope_takes_what_clients_send() {
    transcripts(
        &[
            "send_several_destinations",
            "send_one_destination_object",
            "send_with_notification",
            "python_send_naive_time",
            "send_xml_notification",
            "send_too_far_ahead",
            "send_bad_time",
            "send_no_channel",
            "send_no_destinations",
            "send_malformed",
            "send_xml",
        ],
        desk,
    );
}

#[test]
fn a_tolerant_account_reads_comments_and_placeholder_digits() {
    let settings = crate::Settings { tolerant_json: true, placeholder_digits: true, ..settings() };
    transcript(&Infobip, "infobip", "send_tolerant", &settings, desk);
}

#[test]
fn reports_and_logs_are_filtered_and_told() {
    transcripts(
        &[
            "reports_filtered",
            "reports_bad_limit",
            "reports_bad_channel",
            "reports_xml_only",
            "logs",
            "logs_long_ago",
            "logs_bad_status",
        ],
        desk,
    );
    transcripts(&["reports_empty"], |_| Ok(Answer::Reports(Vec::new())));
}

#[test]
fn every_kind_of_credentials_is_taken() {
    transcripts(
        &[
            "no_credentials",
            "app_key",
            "session_token",
            "unknown_scheme",
            "session_open",
            "session_close",
            "oauth_token",
            "oauth_wrong_grant",
        ],
        desk,
    );
}

#[test]
fn refusals_are_worded_by_the_vendor() {
    transcripts(&["unknown_path", "wrong_method"], desk);
    let refusals = [
        ("read_unknown_scenario", Refusal::NotFound(Missing::Scenario)),
        ("send_unknown_scenario", Refusal::NotFound(Missing::Scenario)),
        ("send_without_default_scenario", Refusal::NotFound(Missing::DefaultScenario)),
        ("send_no_credit", Refusal::LowBalance),
        ("send_rate_limited", Refusal::RateLimited { retry_after: Span::from_millis(1500) }),
        ("send_overloaded", Refusal::Overloaded),
        ("send_internal_error", Refusal::Internal),
    ];
    for (name, refusal) in refusals {
        transcripts(&[name], |_| Err(refusal.clone()));
    }
}

#[test]
fn every_refusal_has_a_status_and_a_word_in_the_vendors_envelope() {
    let table = [
        (Refusal::TooLarge { limit: 1 }, 413, "REQUEST_ENTITY_TOO_LARGE"),
        (Refusal::Unauthenticated(AuthFault::WrongSecret), 401, "UNAUTHORIZED"),
        (Refusal::Forbidden, 403, "FORBIDDEN"),
        (Refusal::NotEnabled(Feature::Dialect), 403, "FORBIDDEN"),
        (Refusal::NotFound(Missing::Message), 404, "NOT_FOUND"),
        (Refusal::UnknownPath, 404, "NOT_FOUND"),
        (Refusal::MethodNotAllowed { allow: "GET" }, 405, "METHOD_NOT_ALLOWED"),
        (Refusal::UnsupportedType, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (Refusal::malformed("x"), 400, "BAD_REQUEST"),
        (Refusal::missing("x"), 400, "BAD_REQUEST"),
        (Refusal::invalid("x", "y", "z"), 400, "BAD_REQUEST"),
        (Refusal::TooManyRecipients { limit: 1 }, 400, "BAD_REQUEST"),
        (Refusal::UnknownSender, 400, "BAD_REQUEST"),
        (Refusal::LowBalance, 400, "BAD_REQUEST"),
        (Refusal::RateLimited { retry_after: Span::ZERO }, 429, "TOO_MANY_REQUESTS"),
        (Refusal::Overloaded, 503, "SERVICE_UNAVAILABLE"),
        (Refusal::KeyConflict, 409, "CONFLICT"),
        (Refusal::Internal, 500, "GENERAL_ERROR"),
    ];
    let request = parse_request("GET /omni/1/reports");
    let settings = settings();
    for (refusal, status, word) in table {
        let response = Infobip.refuse(&request, &refusal, &context(&settings, ""));
        let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(response.status().as_u16(), status, "{refusal}");
        assert_eq!(body["requestError"]["serviceException"]["messageId"], word, "{refusal}");
    }
}

#[test]
fn a_created_scenario_is_answered_with_201_if_the_account_wants_it() {
    let own = Settings { create_status: CreateStatus::Created, ..own_settings() };
    let settings = crate::Settings { infobip: Some(own), ..crate::Settings::default() };
    let request = parse_request("POST /omni/1/scenarios\n\n{\"flow\":[{\"channel\":\"SMS\"}]}");
    let (_, response) = exchange(&Infobip, &authorized(request), &settings, desk);
    assert_eq!(response.status().as_u16(), 201);
}

fn authorized(mut request: Request<Bytes>) -> Request<Bytes> {
    let value = HeaderValue::from_static("App key");
    request.headers_mut().insert("authorization", value);
    request
}
