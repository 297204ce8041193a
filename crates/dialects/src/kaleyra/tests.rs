//! Transcripts of every operation, kind, refusal and callback, and what they cannot show.

mod anything;
mod callbacks;
mod parts;

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use model::{
    Answer, BatchId, Brief, Call, Cause, Channel, Content, Message, MessageId, Phone, Plan, Recipient,
    Refusal, Report, Span, Status, Step, StepReport, Time,
    call::{AuthFault, Feature, MessageReport, Missing},
    content::Text,
    message::{Body, Extras, PlanSource, Shared, Until},
    network::NetworkCode,
};

use super::{
    AccountType, Flow, FlowStep, Generation, Kaleyra, Profile, Settings, code_table, ids,
    wire::{Kind, Memo, MessageMemo, Refs},
};
use crate::{
    Dialect, Proof,
    memo::{recall, remember},
    testkit::{
        NOW, accept_all, account, context, every_refusal, exchange, golden, page_shows, parse_request,
        render_callbacks, render_response, transcript,
    },
};

const SID: &str = "HXAP16XXXXXX97IN";
const KEY: &str = "A0123456789abcdef0123456789abcdef";
const MESSAGES: &str = "/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX/messages";

fn profile(url: &str) -> Profile {
    Profile { url: url.to_owned(), ..Profile::default() }
}

fn flow() -> Flow {
    let step = FlowStep {
        channel: Channel::Whatsapp,
        sender: Some("919800000001".to_owned()),
        template: Some("welcome".to_owned()),
        language: Some("en".to_owned()),
        media_url: Some("https://example.com/a.jpg".to_owned()),
        text: None,
        delay: 5,
    };
    let sms = FlowStep {
        channel: Channel::Sms,
        sender: Some("KLRHXA".to_owned()),
        template: None,
        language: None,
        media_url: None,
        text: Some("Welcome {name}, {unknown} {".to_owned()),
        delay: 900,
    };
    Flow { steps: vec![step, sms], callback_profile: None }
}

fn own_settings() -> Settings {
    Settings {
        senders: Some(vec!["91XXXXXXXXXX".to_owned(), "+919800000001".to_owned()]),
        v1_senders: vec!["15550001111".to_owned()],
        waba_id: "104".to_owned(),
        phone_number_ids: [("919800000001".to_owned(), "1040001".to_owned())].into(),
        callback_profiles: [
            ("default".to_owned(), profile("https://example.com/reports")),
            ("IN_reports".to_owned(), profile("https://example.com/own")),
        ]
        .into(),
        default_profile: Some("default".to_owned()),
        inbound_profile: Some("default".to_owned()),
        sms_templates: [("1107".to_owned(), "Hello {name}, your code is {code}".to_owned())].into(),
        flows: [("welcome".to_owned(), flow())].into(),
        ..Settings::new(SID, KEY)
    }
}

fn with(own: Settings) -> crate::Settings {
    crate::Settings {
        tolerant_json: true,
        placeholder_digits: true,
        kaleyra: Some(own),
        ..crate::Settings::default()
    }
}

fn settings() -> crate::Settings {
    with(own_settings())
}

/// The desk when it does all it is asked.
fn desk(call: &Call) -> Result<Answer, Refusal> {
    match call {
        Call::ReadLogs(_) => Ok(Answer::Logs(vec![message_two(), message_one()])),
        Call::Upload(_) => Ok(Answer::Uploaded { id: "1013859600285441".to_owned(), url: None }),
        Call::Status(_) => Ok(Answer::Status(Box::new(message_one()))),
        Call::Submit(_)
        | Call::Cancel(_)
        | Call::CreateScenario(_)
        | Call::UpdateScenario(..)
        | Call::ReadScenario(_)
        | Call::ListScenarios(_)
        | Call::TakeReports(_)
        | Call::SignIn { .. }
        | Call::SignOut
        | Call::Ping => accept_all(call),
    }
}

fn accepted(names: &[&str]) {
    for name in names {
        transcript(&Kaleyra, "kaleyra", name, &settings(), desk);
    }
}

fn refused_in_read(names: &[&str]) {
    for name in names {
        transcript(&Kaleyra, "kaleyra", name, &settings(), |call| panic!("{name} was read as {call:?}"));
    }
}

#[test]
fn paths_with_a_sid_are_claimed_and_words_of_other_apis_are_not() {
    let claims = |path: &str| Kaleyra.claims(&path.split('/').collect::<Vec<_>>());
    for path in [
        "v1/HXAP16XXXXXX97IN/messages",
        "v1/HXAP16XXXXXX97IN/sms/status",
        "v1/HXAP16XXXXXX97IN/workflow/v1/instances/x/invoke",
        "v2/hxap16xxxxxx97in/whatsapp",
        "v2/HXAP16XXXXXX97IN/whatsapp/91/messages",
        "v2/HXAP16XXXXXX97IN",
    ] {
        assert!(claims(path), "{path}");
    }
    for path in [
        "v2/messages",
        "v2/notification",
        "v1/omnichannel",
        "v1/omnichannel/whatsapp",
        "v1/messaging/sms",
        "v1/verify/completion/x",
        "v1/sms/messages",
        "omni/1/text",
        "resources/v1/messaging",
        "v1",
        "v2/A1B2/whatsapp",
        "v2/12345678-9ABC-DEF0-1234-56789ABCDEF0/messages",
    ] {
        assert!(!claims(path), "{path}");
    }
}

#[test]
fn the_vendors_sample_is_accepted_as_it_is_printed_with_its_comments() {
    accepted(&["send_sample"]);
    let strict = with(Settings { strict_json: true, ..own_settings() });
    let text = include_str!("golden/send_sample.http");
    let request = parse_request(text.split("\n<<< call").next().expect("a request"));
    let (_, response) = exchange(&Kaleyra, &request, &strict, desk);
    assert_eq!(response.status(), 400, "unless the account wants strict JSON");
}

#[test]
fn messages_of_every_type_are_accepted_as_the_transcripts_say() {
    accepted(&[
        "send_text",
        "send_image_link",
        "send_audio",
        "send_voice_note",
        "send_video",
        "send_document",
        "send_sticker",
        "send_location",
        "send_contacts",
        "send_reaction",
        "send_interactive_button",
        "send_interactive_list",
        "send_interactive_location_request",
        "send_template",
        "send_reply",
        "send_reply_with_image",
        "send_several",
        "send_inferred_type",
        "send_no_type",
        "send_long_references",
        "send_known_source",
        "send_plus_in_path",
        "probe",
        "upload",
        "upload_type_of_part",
    ]);
}

#[test]
fn bad_requests_of_version_2_are_refused_as_the_transcripts_say() {
    refused_in_read(&[
        "refuse_no_key",
        "refuse_key_in_query_of_v2",
        "refuse_unknown_sender",
        "refuse_sender_no_number",
        "refuse_v1_sender",
        "refuse_not_json",
        "refuse_bare_meta_body",
        "refuse_other_product",
        "refuse_group",
        "refuse_no_to",
        "refuse_all_invalid",
        "refuse_unknown_type",
        "refuse_type_without_member",
        "refuse_two_members_no_type",
        "refuse_neither_id_nor_link",
        "refuse_extra_info_text",
        "refuse_unknown_profile",
        "refuse_read_receipt",
        "refuse_method",
        "refuse_unknown_path",
        "refuse_templates",
        "refuse_resumable_media",
        "refuse_upload_without_file",
        "refuse_upload_no_multipart",
        "refuse_state_of_nonsense",
    ]);
}

#[test]
fn the_older_calls_are_answered_as_the_transcripts_say() {
    accepted(&[
        "form_text",
        "form_text_by_get",
        "form_text_multipart",
        "form_media",
        "form_template",
        "form_mediatemplate",
        "form_mediatemplate_place",
        "form_buttons",
        "form_order_details",
        "sms_form",
        "sms_all_members",
        "sms_json",
        "flow",
    ]);
    refused_in_read(&[
        "form_refuse_number",
        "form_refuse_no_body",
        "form_refuse_sender",
        "form_refuse_action",
        "form_refuse_callback_url",
        "form_refuse_channel",
        "sms_refuse_no_body",
        "sms_refuse_type",
        "sms_refuse_time",
        "sms_refuse_no_key",
        "sms_refuse_malformed_json",
        "status_refuse_no_ids",
        "status_refuse_nonsense",
        "flow_refuse_unknown",
        "flow_refuse_no_input",
        "flow_refuse_two_people",
    ]);
}

#[test]
fn states_are_told_as_the_transcripts_say() {
    accepted(&["state_of_batch", "state_of_one", "status_ids", "status_id"]);
    let unknown = |_: &Call| Err(Refusal::NotFound(Missing::Message));
    transcript(&Kaleyra, "kaleyra", "status_id_of_nothing", &settings(), unknown);
    let none = |_: &Call| Ok(Answer::Logs(Vec::new()));
    transcript(&Kaleyra, "kaleyra", "state_of_nothing", &settings(), none);
    transcript(&Kaleyra, "kaleyra", "status_ids_of_nothing", &settings(), none);
}

#[test]
fn prepaid_accounts_may_not_upload() {
    let own = Settings { account_type: AccountType::Prepaid, ..own_settings() };
    transcript(&Kaleyra, "kaleyra", "prepaid_upload", &with(own), desk);
}

// Checks and limits.

fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(path).header("api-key", KEY);
    request.header("Content-Type", "application/json").body(body.into()).expect("a request")
}

fn read(path: &str, body: &str, own: Settings) -> Result<Call, Refusal> {
    let settings = with(own);
    Kaleyra.read(&request("POST", path, body.to_owned()), &context(&settings, SID))
}

fn text_to(to: &str) -> String {
    format!(
        r#"{{"messaging_object":{{"messaging_product":"whatsapp","to":"{to}","type":"text","text":{{"body":"Hi"}}}}}}"#
    )
}

#[test]
fn checks_run_in_the_vendors_order() {
    let other_version = "/v2/HXAP16XXXXXX97IN/whatsapp/15550001111/messages";
    let without = Settings { whatsapp_v2: false, ..own_settings() };
    let unknown = "/v2/HXAP16XXXXXX97IN/whatsapp/1/messages";
    assert_eq!(read(unknown, "x", without), Err(Refusal::NotEnabled(Feature::Dialect)));
    assert_eq!(read(unknown, "x", own_settings()), Err(Refusal::UnknownSender));
    assert_eq!(read(other_version, "x", own_settings()), Err(Refusal::NotEnabled(Feature::ApiVersion)));
    assert!(matches!(read(MESSAGES, "x", own_settings()), Err(Refusal::Malformed(_))));
    let any = Settings { senders: None, ..own_settings() };
    assert!(read(unknown, &text_to("911"), any).is_ok(), "any number is the account's unless some are named");
}

#[test]
fn a_thousand_recipients_are_taken_and_no_more() {
    let numbers =
        |count: u64| (0..count).map(|n| (910_000_000_000 + n).to_string()).collect::<Vec<_>>().join(",");
    let Ok(Call::Submit(most)) = read(MESSAGES, &text_to(&numbers(1000)), own_settings()) else {
        panic!("a thousand are taken")
    };
    assert_eq!(most.recipients.len(), 1000);
    let limit = 1000;
    assert_eq!(
        read(MESSAGES, &text_to(&numbers(1001)), own_settings()),
        Err(Refusal::TooManyRecipients { limit })
    );
}

#[test]
fn references_are_cut_after_255_characters_however_many_bytes_they_have() {
    let body = format!(
        r#"{{"messaging_object":{{"messaging_product":"whatsapp","to":"911","type":"text","text":{{"body":"Hi"}}}},"extra_info":{{"ref":"{}"}}}}"#,
        "é".repeat(300)
    );
    let Ok(Call::Submit(submission)) = read(MESSAGES, &body, own_settings()) else { panic!("taken") };
    let memo: Memo = recall(submission.brief.memo.as_deref());
    assert_eq!(memo.refs.r#ref, "é".repeat(255));
}

#[test]
fn the_sender_of_a_step_is_the_key_of_a_stored_plan() {
    let Ok(Call::Submit(submission)) = read(MESSAGES, &text_to("911"), own_settings()) else {
        panic!("taken")
    };
    let PlanSource::Steps { steps, extend } = &submission.plan else { panic!("steps") };
    assert_eq!(extend.as_deref(), Some("910000000000"));
    assert_eq!(steps[0].sender.as_deref(), Some("910000000000"));
}

#[test]
fn uploads_may_be_large_and_messages_not() {
    let limit = |path: &str| Kaleyra.body_limit(&request("POST", path, "").into_parts().0);
    assert_eq!(limit(MESSAGES), 1024 * 1024);
    assert!(limit("/v2/HXAP16XXXXXX97IN/whatsapp/91/media") > 100 * 1024 * 1024);
}

// Credentials.

fn presented(request: &Request<Bytes>) -> Option<(String, String)> {
    let credentials = Kaleyra.credentials(request).ok()??;
    let Proof::Plain(key) = credentials.proof else { panic!("a plain key") };
    Some((credentials.principal, key))
}

#[test]
fn the_key_is_in_the_header_and_on_the_older_calls_in_form_or_query_too() {
    let expected = Some((SID.to_owned(), "k".to_owned()));
    let at = |path: &str, content_type: &str, header: Option<&str>, body: &str| {
        let mut request = Request::builder().method("POST").uri(path).header("Content-Type", content_type);
        if let Some(key) = header {
            request = request.header("API-KEY", key);
        }
        presented(&request.body(Bytes::from(body.to_owned())).expect("a request"))
    };
    let form = "application/x-www-form-urlencoded";
    let v1 = "/v1/hxap16xxxxxx97in/messages";
    assert_eq!(at(v1, form, Some("k"), "api-key=other"), expected, "the header comes first");
    assert_eq!(at(v1, form, None, "to=1&api-key=k"), expected);
    assert_eq!(at(&format!("{v1}?api-key=k"), form, None, "to=1"), expected);
    assert_eq!(at(&format!("{v1}?api-key=other"), form, None, "api-key=k"), expected);
    let part = "--b\r\nContent-Disposition: form-data; name=\"api-key\"\r\n\r\nk\r\n--b--\r\n";
    assert_eq!(at(v1, "multipart/form-data; boundary=b", None, part), expected);
    assert_eq!(at("/v2/HXAP16XXXXXX97IN/messages?api-key=k", form, None, "api-key=k"), None);
    assert_eq!(at(v1, form, None, "to=1"), None);
    assert_eq!(at(v1, form, Some(""), "to=1"), None);
}

#[test]
fn the_account_is_known_by_its_sid_in_capitals() {
    let own = Settings { sid: "hxap16xxxxxx97in".to_owned(), ..own_settings() };
    let identities = Kaleyra.identities(&with(own));
    assert_eq!(identities[0].principal, SID);
    assert_eq!(identities[0].secrets, [crate::Secret::Plain(KEY.to_owned())]);
    assert_eq!(Kaleyra.identities(&crate::Settings::default()), []);
}

// Refusals that only the adapter and the desk know.

#[test]
fn every_refusal_has_a_body_of_four_members_on_both_generations() {
    let settings = settings();
    for (name, path) in [("v2", MESSAGES), ("v1", "/v1/HXAP16XXXXXX97IN/messages")] {
        let request = request("POST", path, "{}");
        let mut text = String::new();
        for refusal in every_refusal() {
            let response = Kaleyra.refuse(&request, &refusal, &context(&settings, ""));
            let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
            assert_eq!(body.as_object().map(serde_json::Map::len), Some(4));
            text += &format!("# {refusal:?}\n{}\n\n", render_response(&response));
        }
        golden(&format!("kaleyra/golden/refusals_{name}.http"), &text);
    }
}

/// The seven failures and the receipt as the vendor prints them, the receipt with its two missing
/// commas.
const PRINTED: [(&str, u16, &str); 7] = [
    (
        "RBC001",
        401,
        r#"{"code":"RBC001","message":"Incorrect SID or API key.","data":[],"error":{"error":"Incorrect SID or API key."}}"#,
    ),
    (
        "account",
        401,
        r#"{"code":"WA-401","message":"API is not available for given customer.Please contact support for more info","data":{},"error":{"account":"API is not available for given customer.Please contact support for more info"}}"#,
    ),
    (
        "sender",
        401,
        r#"{"code":"WA401","message":"Phone number is not present or does not belong to the account.","data":{},"error":{"phone_number":"Phone number is not present or does not belong to the account."}}"#,
    ),
    (
        "version",
        401,
        r#"{"code":"WA-401","message":"The phone number you're using is associated with different Version of our WA API. Please use the appropriate endpoint.","data":{},"error":{"phone_number":"The phone number you're using is associated with different Version of our WA API. Please use the appropriate endpoint."}}"#,
    ),
    (
        "payload",
        400,
        r#"{"code":"WA400","message":"Refer to correct payload format","data":{},"error":{"payload":"Incorrect payload format"}}"#,
    ),
    (
        "balance",
        400,
        r#"{"code":"E110","message":"Please check your balance, You have a low balance!","data":{},"error":{"balance":"Please check your balance, You have a low balance!"}}"#,
    ),
    (
        "internal",
        500,
        r#"{"code":"WA500","message":"Please try again later","data":{},"error":{"error":"Internal server error"}}"#,
    ),
];

#[test]
fn the_seven_failures_are_the_vendors_to_the_byte() {
    let settings = settings();
    let refusals = [
        Refusal::Unauthenticated(AuthFault::WrongSecret),
        Refusal::NotEnabled(Feature::Upload),
        Refusal::UnknownSender,
        Refusal::NotEnabled(Feature::ApiVersion),
        Refusal::malformed("x"),
        Refusal::LowBalance,
        Refusal::Internal,
    ];
    for ((name, status, body), refusal) in PRINTED.iter().zip(refusals) {
        let response = Kaleyra.refuse(&request("POST", MESSAGES, ""), &refusal, &context(&settings, ""));
        assert_eq!(response.status(), *status, "{name}");
        assert_eq!(response.body(), body.as_bytes(), "{name}");
    }
}

#[test]
fn the_members_of_the_receipt_come_in_the_vendors_order() {
    let (_, response) = exchange(&Kaleyra, &request("POST", MESSAGES, text_to("911")), &settings(), desk);
    let id = ids::batch(BatchId::new(NOW, 0xBA7C));
    let body = format!(
        r#"{{"code":"WA202","message":"Request Accepted","data":{{"message_id":"{id}"}},"error":{{}}}}"#
    );
    assert_eq!(response.body(), body.as_bytes());
}

// Ids.

#[test]
fn ids_of_submissions_read_back_and_have_a_fixed_width() {
    for value in [0, 1, 35, 36, u128::from(u64::MAX), u128::MAX] {
        let text = ids::batch(BatchId(value));
        assert_eq!(text.len(), 26);
        assert!(text.starts_with('A') && text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(ids::parse_batch(&text), Some((BatchId(value), None)));
        assert_eq!(ids::parse_batch(&format!("{text}:3")), Some((BatchId(value), Some(2))));
        assert_eq!(ids::run(BatchId(value)).len(), 22);
    }
    let over = format!("A{}", "Z".repeat(25));
    for text in ["", "A", "B0000000000000000000000000", "A000000000000000000000000a", &over] {
        assert_eq!(ids::parse_batch(text), None, "{text}");
    }
    assert_eq!(ids::parse_batch("A0000000000000000000000000:0"), None);
}

// Settings.

#[test]
fn settings_are_checked_while_they_are_read() {
    let parse = |json: &str| serde_json::from_str::<Settings>(json);
    let base = r#""sid":"HXAP16XXXXXX97IN","api_keys":["k"]"#;
    let own = parse(&format!("{{{base}}}")).expect("settings");
    assert_eq!(own, Settings::new(SID, "k"));
    let again = serde_json::to_string(&own_settings()).expect("JSON");
    assert_eq!(parse(&again).expect("what was written reads back"), own_settings());
    for wrong in [
        r#""sid":"omnichannel","api_keys":["k"]"#.to_owned(),
        r#""sid":"HX1","api_keys":["k"]"#.to_owned(),
        r#""sid":"HXAP16XXXXXX97IN","api_keys":[]"#.to_owned(),
        format!(r#"{base},"unknown":1"#),
        format!(r#"{base},"default_profile":"nobody""#),
        format!(r#"{base},"inbound_profile":"nobody""#),
        format!(r#"{base},"flows":{{"a":{{"steps":[]}}}}"#),
        format!(r#"{base},"flows":{{"a":{{"steps":[{{"channel":"sms","text":"Hi","delay":4}}]}}}}"#),
        format!(r#"{base},"flows":{{"a":{{"steps":[{{"channel":"sms","delay":5}}]}}}}"#),
        format!(r#"{base},"flows":{{"a":{{"steps":[{{"channel":"rcs","text":"Hi","delay":5}}]}}}}"#),
    ] {
        assert!(parse(&format!("{{{wrong}}}")).is_err(), "{wrong}");
    }
    assert!(!format!("{:?}", own_settings()).contains(KEY), "keys do not reach logs");
}

// Reports, for the questions and the callbacks.

const fn at(millis: i64) -> Time {
    Time(NOW.0 + millis * 1000)
}

fn step_report(index: u8, channel: Channel, status: Status) -> StepReport {
    StepReport {
        index,
        channel,
        sender: Some("919800000001".to_owned()),
        status,
        given_up: None,
        network: None,
        upstream: Some("wamid.HBgM".to_owned()),
        attempts: 1,
        parts: 1,
        begun_at: NOW,
        submitted_at: Some(NOW),
        delivered_at: status.is_delivered().then_some(at(2000)),
        read_at: matches!(status, Status::Read | Status::Played).then_some(at(2000)),
        updated_at: at(2000),
    }
}

fn message(memo: &Memo, position: u32, batch_size: u32) -> Message {
    let step = |channel| Step {
        channel,
        sender: Some("919800000001".to_owned()),
        body: Body::Ready(Content::Text(Text::new("Hi"))),
        patience: Span::from_secs(5),
        validity: Span::from_hours(24),
        until: Until::Delivered,
        routes: Vec::new(),
        extras: Extras::default(),
    };
    let plan = Plan::new(vec![step(Channel::Whatsapp), step(Channel::Sms)]).expect("two steps");
    Message {
        id: MessageId::new(NOW, u128::from(position) + 1),
        account: account(),
        dialect: "kaleyra",
        batch: BatchId::new(NOW, 0xBA7C),
        position,
        batch_size,
        recipient: Recipient::phone(Phone::parse("919845012345").expect("a number")),
        client_ref: None,
        memo: None,
        accepted_at: NOW,
        shared: Arc::new(Shared { brief: Brief { memo: Some(remember(memo)), ..Brief::default() }, plan }),
    }
}

fn report_of(message: Message, status: Status, steps: Vec<StepReport>) -> MessageReport {
    MessageReport {
        message: Arc::new(message),
        report: Report {
            status,
            settled: status.is_delivered() || status.cause().is_some(),
            updated_at: at(2000),
            deciding_step: steps.last().map_or(0, |step| step.index),
            steps,
        },
        price: None,
        mcc_mnc: None,
    }
}

fn memo(kind: Kind) -> Memo {
    let refs = Refs { r#ref: "customer1".to_owned(), ref1: "a \"b\" & <c>".to_owned(), ref2: String::new() };
    Memo { kind, refs, ..Memo::default() }
}

fn message_one() -> MessageReport {
    let steps = vec![step_report(0, Channel::Whatsapp, Status::Read)];
    report_of(message(&memo(Kind::Sms), 0, 2), Status::Read, steps)
}

fn message_two() -> MessageReport {
    let failed = Status::Failed(Cause::NotOnChannel);
    let steps = vec![step_report(0, Channel::Whatsapp, failed)];
    report_of(message(&memo(Kind::Sms), 1, 2), failed, steps)
}

// The table.

#[test]
fn the_page_shows_the_table_of_codes_as_it_is() {
    let mut table = String::from("| cause | failed | not sent | SMS |\n|---|---|---|---|\n");
    for row in code_table() {
        let (failed, not_sent) = (row.failed, row.not_sent);
        table += &format!(
            "| `{}` | {} {} | {} {} | {} |\n",
            row.cause, failed.code, failed.title, not_sent.code, not_sent.reason, row.sms
        );
    }
    page_shows("kaleyra", &table);
}

#[test]
fn every_cause_has_a_code_for_every_way_of_failing() {
    for row in code_table() {
        assert!((100_000..200_000).contains(&row.failed.code), "{:?}", row.cause);
        assert!(row.not_sent.code.starts_with("WAV21"), "{:?}", row.cause);
        assert!(!row.sms.is_empty() && !row.not_sent.reason.is_empty() && !row.failed.title.is_empty());
    }
}
