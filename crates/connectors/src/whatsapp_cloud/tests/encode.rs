use model::{
    Cause, Content, Fault, Recipient,
    content::{Email, Template, Text},
    message::{Extras, Priority},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{super::encode, attempt, parcel, route};
use crate::Parcel;

#[derive(Deserialize)]
struct Case {
    name: String,
    content: Content,
    #[serde(default)]
    extras: Extras,
    expect: Value,
}

fn encoded(parcel: &Parcel) -> Result<(String, Value), Fault> {
    let call = encode::message(parcel, &route().dialing)?;
    Ok((call.path, serde_json::from_slice(&call.body).expect("we write JSON")))
}

fn text() -> Parcel {
    parcel(Content::Text(Text::new("Hi")))
}

fn cause_of(content: Value) -> Cause {
    let content = serde_json::from_value(content).expect("content");
    encoded(&parcel(content)).expect_err("refused").cause
}

#[test]
fn every_kind_of_content_is_written_as_the_table_says() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../golden/encode.json")).expect("a table of cases");
    for case in cases {
        let sent = Parcel { extras: case.extras, ..parcel(case.content) };
        let mut expect = case.expect;
        expect["messaging_product"] = "whatsapp".into();
        expect["recipient_type"] = "individual".into();
        expect["to"] = "16505551234".into();
        expect["biz_opaque_callback_data"] = attempt().to_string().into();
        let (path, body) = encoded(&sent).expect(&case.name);
        assert_eq!(body, expect, "{}", case.name);
        assert_eq!(path, "v23.0/106540352242922/messages", "{}", case.name);
    }
}

#[test]
fn the_sender_is_found_by_label_digits_number_and_id() {
    for (sender, id) in [
        ("shop", "106540352242922"),
        ("Shop Two", "106540352242922"),
        ("help", "106540352242923"),
        ("15550783882", "106540352242923"),
        ("+1 (555) 078-3882", "106540352242923"),
        ("106540352242923", "106540352242923"),
    ] {
        let (path, _) = encoded(&Parcel { sender: Some(sender.to_owned()), ..text() }).expect(sender);
        assert_eq!(path, format!("v23.0/{id}/messages"), "{sender}");
    }
}

#[test]
fn an_unknown_sender_is_invalid() {
    let fault = encoded(&Parcel { sender: Some("nobody".to_owned()), ..text() }).expect_err("refused");
    assert_eq!(fault, Fault::new(Cause::SenderInvalid));
}

#[test]
fn a_person_without_a_number_is_addressed_by_user_id() {
    let user =
        Recipient { whatsapp_user: Some("US.13491208655302741918".to_owned()), ..Recipient::default() };
    let (_, body) = encoded(&Parcel { recipient: user, ..text() }).expect("sent");
    assert_eq!(body["recipient"], "US.13491208655302741918");
    assert_eq!(body.get("to"), None);
}

#[test]
fn the_number_wins_over_the_user_id() {
    let mut both = text();
    both.recipient.whatsapp_user = Some("US.1".to_owned());
    let (_, body) = encoded(&both).expect("sent");
    assert_eq!((&body["to"], body.get("recipient")), (&json!("16505551234"), None));
}

#[test]
fn nobody_to_send_to_is_a_missing_address() {
    let fault = encoded(&Parcel { recipient: Recipient::default(), ..text() }).expect_err("refused");
    assert_eq!(fault.cause, Cause::MissingAddress);
}

#[test]
fn only_marketing_templates_go_to_the_marketing_endpoint() {
    let template = Template { name: "offer".to_owned(), language: None, components: Vec::new() };
    let mut dialing = route().dialing;
    dialing.marketing_endpoint = true;
    let path = |content: Content, priority| {
        let call = encode::message(&Parcel { priority, ..parcel(content) }, &dialing).expect("sent");
        let body: Value = serde_json::from_slice(&call.body).expect("JSON");
        (call.path.rsplit('/').next().map(str::to_owned), body.get("product_policy").cloned())
    };
    let plain = (Some("messages".to_owned()), None);
    assert_eq!(
        path(Content::Template(template.clone()), Priority::Marketing),
        (Some("marketing_messages".to_owned()), Some("CLOUD_API_FALLBACK".into()))
    );
    assert_eq!(path(Content::Template(template), Priority::Notice), plain);
    assert_eq!(path(Content::Text(Text::new("Hi")), Priority::Marketing), plain);
}

#[test]
fn an_empty_version_leaves_the_segment_out() {
    let mut dialing = route().dialing;
    dialing.version.clear();
    let call = encode::message(&text(), &dialing).expect("sent");
    assert_eq!(call.path, "106540352242922/messages");
}

#[test]
fn mail_and_foreign_content_is_not_supported() {
    let mail = Content::Email(Email::default());
    for content in [mail, Content::Other(json!({"x": 1}))] {
        assert_eq!(encode::check(&content), Err(Fault::new(Cause::UnsupportedContent)));
        assert_eq!(encoded(&parcel(content)).expect_err("refused").cause, Cause::UnsupportedContent);
    }
}

#[test]
fn content_that_cannot_be_sent_is_refused_before_the_network_is_asked() {
    let at_limit = Content::Text(Text::new("é".repeat(4096)));
    assert_eq!(encode::check(&at_limit), Ok(()));
    assert_eq!(cause_of(json!({"text": {"body": "é".repeat(4097)}})), Cause::TextTooLong);
    assert_eq!(cause_of(json!({"text": {"body": ""}})), Cause::MissingContent);
    assert_eq!(cause_of(json!({"contacts": []})), Cause::InvalidContent);
    assert_eq!(cause_of(json!({"interactive": "x"})), Cause::InvalidContent);
    assert_eq!(cause_of(json!({"template": {"name": ""}})), Cause::TemplateMissing);
}

#[test]
fn objects_passed_on_need_the_member_that_their_type_names() {
    for object in [
        json!([]),
        json!({}),
        json!({"type": "image"}),
        json!({"type": 7, "text": {}}),
        json!({"type": "text", "text": "no object"}),
        json!({"type": "to", "to": {"a": 1}}),
        json!({"status": "read", "message_id": "wamid.X"}),
    ] {
        assert_eq!(cause_of(json!({"whatsapp": object})), Cause::InvalidContent, "{object}");
    }
}
