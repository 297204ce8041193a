use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use bytes::Bytes;
use model::{Cause, Fault, Span, network::NetworkCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{
    decode,
    errors::{MetaError, TABLE},
};
use crate::{
    Submitted,
    http::{Answer, MAX_RETRY_AFTER},
};

fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    let status = StatusCode::from_u16(status).expect("a status");
    Answer { status, headers: HeaderMap::new(), body: body.into(), complete: true }
}

fn refused(status: u16, error: Value) -> Fault {
    decode::sent(&answer(status, json!({ "error": error }).to_string())).expect_err("refused")
}

fn with_header(mut answer: Answer, name: &'static str, value: &'static str) -> Answer {
    answer.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    answer
}

#[test]
fn the_message_id_is_the_upstream_reference() {
    let body = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+1","wa_id":"1"}],"messages":[{"id":"wamid.HBgL","message_status":"held_for_quality_assessment"}]}"#;
    assert_eq!(decode::sent(&answer(200, body)), Ok(Submitted { upstream: vec!["wamid.HBgL".to_owned()] }));
}

#[test]
fn success_without_a_message_id_is_of_unknown_outcome() {
    let long = json!({"messages": [{"id": "x".repeat(300)}]}).to_string();
    for body in ["", "{}", "<html>", r#"{"messages":[]}"#, r#"{"messages":[{"id":"wamid.cut of"#, &long] {
        let fault = decode::sent(&answer(200, body.to_owned())).expect_err("no id");
        assert_eq!(fault.cause, Cause::OutcomeUnknown, "{body}");
    }
}

#[test]
fn code_and_details_are_kept_for_people() {
    let fault = refused(
        400,
        json!({
            "message": "(#131026) Message undeliverable", "type": "OAuthException", "code": 131026,
            "error_data": {"messaging_product": "whatsapp", "details": "Message Undeliverable."},
            "fbtrace_id": "A"
        }),
    );
    let network = Some(NetworkCode::new("131026", "Message Undeliverable."));
    assert_eq!(fault, Fault { cause: Cause::NotOnChannel, retry_after: None, network });
}

#[test]
fn details_may_be_a_plain_text_and_codes_may_be_texts() {
    let fault = refused(404, json!({"message": "m", "code": "132001", "error_data": "no such template"}));
    assert_eq!(fault.cause, Cause::TemplateMissing);
    assert_eq!(fault.network, Some(NetworkCode::new("132001", "no such template")));
}

#[test]
fn the_code_decides_whatever_the_status() {
    for status in [200, 400, 401, 429, 500, 503] {
        assert_eq!(refused(status, json!({"code": 131047})).cause, Cause::WindowClosed, "{status}");
    }
}

#[test]
fn codes_outside_the_table_go_by_status() {
    for (status, cause) in [
        (400, Cause::NetworkRejected),
        (401, Cause::ProviderAccount),
        (403, Cause::NetworkRejected),
        (429, Cause::Throttled),
        (500, Cause::ProviderError),
        (503, Cause::ProviderError),
    ] {
        assert_eq!(refused(status, json!({"code": 999_999})).cause, cause, "{status}");
    }
}

#[test]
fn answers_that_are_not_of_the_api_go_by_status() {
    for (status, cause) in [
        (302, Cause::ProviderError),
        (401, Cause::ProviderAccount),
        (404, Cause::ProviderError),
        (429, Cause::Throttled),
        (500, Cause::ProviderDown),
        (502, Cause::ProviderDown),
        (503, Cause::ProviderDown),
        (504, Cause::OutcomeUnknown),
    ] {
        let fault = decode::sent(&answer(status, "<html>no</html>")).expect_err("refused");
        assert_eq!(fault.cause, cause, "{status}");
        assert_eq!(fault.network.map(|network| network.code), Some(format!("HTTP {status}")));
    }
}

#[test]
fn transient_provider_errors_are_worth_repeating() {
    let unknown = json!({"code": 999_999, "is_transient": true});
    assert_eq!(refused(500, unknown).cause, Cause::NetworkBusy);
    assert_eq!(refused(500, json!({"code": 131000})).cause, Cause::ProviderError);
    assert_eq!(refused(500, json!({"code": 131000, "is_transient": true})).cause, Cause::NetworkBusy);
    assert_eq!(refused(400, json!({"code": 131047, "is_transient": true})).cause, Cause::WindowClosed);
}

#[test]
fn media_errors_are_told_apart_by_their_details() {
    for (details, cause) in [
        ("Downloading media from weblink failed with http code 404", Cause::MediaUnreachable),
        ("Unsupported Video mime type video/webm.", Cause::MediaUnsupported),
        ("Media file size too big. Max file size we currently support: 5MB", Cause::MediaTooLarge),
        ("", Cause::MediaUnsupported),
    ] {
        let error = MetaError::read(&json!({"code": 131053, "error_data": {"details": details}}));
        assert_eq!(error.cause(), cause, "{details}");
    }
}

#[test]
fn headers_advise_before_the_table() {
    let body = json!({"error": {"code": 130429}}).to_string();
    let advice = |answer: Answer| decode::sent(&answer).expect_err("refused").retry_after;
    let plain = || answer(429, body.clone());
    let usage = r#"{"1":[{"call_count":100,"estimated_time_to_regain_access":3}]}"#;
    let name = "x-business-use-case-usage";
    assert_eq!(advice(plain()), Some(Span::from_secs(1)));
    assert_eq!(advice(with_header(plain(), "retry-after", "7")), Some(Span::from_secs(7)));
    assert_eq!(advice(with_header(plain(), name, usage)), Some(Span::from_mins(3)));
    assert_eq!(advice(with_header(plain(), "retry-after", "99999999999")), Some(MAX_RETRY_AFTER));
    assert_eq!(advice(with_header(plain(), "retry-after", "soon")), Some(Span::from_secs(1)));
}

#[test]
fn uploads_give_the_media_id() {
    assert_eq!(
        decode::uploaded(&answer(200, r#"{"id":"4490709327384033"}"#)),
        Ok("4490709327384033".to_owned())
    );
    assert_eq!(decode::uploaded(&answer(200, "{}")).map_err(|fault| fault.cause), Err(Cause::ProviderError));
    let large = decode::uploaded(&answer(400, r#"{"error":{"code":131053,"message":"File size exceeds"}}"#));
    assert_eq!(large.map_err(|fault| fault.cause), Err(Cause::MediaTooLarge));
}

#[test]
fn the_table_is_ascending_and_without_overlap() {
    for pair in TABLE.windows(2) {
        assert!(pair[0].last < pair[1].first, "{} and {}", pair[0].last, pair[1].first);
    }
}

#[test]
fn the_codes_that_steer_a_cascade_mean_what_the_engine_expects() {
    for (codes, cause) in [
        (&[131026, 1013][..], Cause::NotOnChannel),
        (&[131047, 470], Cause::WindowClosed),
        (&[4, 613, 80007, 130429, 132069], Cause::Throttled),
        (&[131056], Cause::PairLimited),
        (&[2, 131016, 131057], Cause::NetworkBusy),
        (&[1, 131000, 135000], Cause::ProviderError),
        (&[133004], Cause::ProviderDown),
        (
            &[
                0, 3, 10, 33, 104, 190, 200, 299, 368, 131005, 131030, 131031, 131037, 131042, 131044,
                131045, 131063, 133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016, 134011,
            ],
            Cause::ProviderAccount,
        ),
        (&[130472, 131049], Cause::MarketingCapped),
        (&[131050], Cause::OptedOut),
        (&[131048], Cause::Spam),
        (&[131064], Cause::QuotaExceeded),
        (&[130497], Cause::RegionBlocked),
        (&[131008], Cause::MissingParameter),
        (&[100, 131009], Cause::InvalidContent),
        (&[131021], Cause::SelfAddressed),
        (&[131051], Cause::UnsupportedContent),
        (&[131052], Cause::MediaUnreachable),
        (&[131053], Cause::MediaUnsupported),
        (&[131062], Cause::InvalidRecipient),
        (&[132000, 132008, 132012], Cause::TemplateParameters),
        (&[132001], Cause::TemplateMissing),
        (&[132005], Cause::TextTooLong),
        (&[132007, 132068], Cause::ContentRejected),
        (&[132015, 132016], Cause::TemplatePaused),
        (&[137000], Cause::IdentityChanged),
    ] {
        for code in codes {
            assert_eq!(MetaError::read(&json!({ "code": code })).cause(), cause, "{code}");
        }
    }
}

#[test]
fn the_documentation_lists_the_whole_table() {
    let page = include_str!("../../../../../docs/connectors/whatsapp-cloud.md");
    let documented: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("| code "))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let ours: Vec<String> = TABLE
        .iter()
        .map(|row| {
            let codes = if row.first == row.last {
                row.first.to_string()
            } else {
                format!("{}-{}", row.first, row.last)
            };
            let pause = row.pause.map(|seconds| format!("{seconds} s")).unwrap_or_default();
            format!("| {codes} | `{}` | {pause} | {} |", row.cause, row.note)
        })
        .collect();
    assert_eq!(documented, ours, "the table in the documentation should read:\n{}", ours.join("\n"));
}

proptest! {
    #[test]
    fn no_answer_makes_the_decoder_panic(status in 100_u16..600, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let answer = answer(status, body);
        let _ = (decode::sent(&answer), decode::uploaded(&answer), decode::is_token_refused(&answer));
    }
}
