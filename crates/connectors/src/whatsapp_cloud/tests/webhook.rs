use ::http::{Method, Request, StatusCode};
use bytes::Bytes;
use hmac::{Hmac, Mac};
use model::{
    Cause, Inbound, NetworkEvent, Receipt, ReceiptStatus, RouteName, Time,
    network::{InboundContent, NetworkCode, Subject},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    super::{WhatsappCloud, webhook},
    SECRET, attempt, route, settings,
};
use crate::{Connector, Received};

const STATUS: &str = include_str!("../golden/status-v23.json");
const BATCH: &str = include_str!("../golden/status-batch-v24.json");
const INBOUND: &str = include_str!("../golden/inbound.json");

fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn post(body: &[u8], signature: Option<&str>) -> Request<Bytes> {
    let mut request = Request::builder().method(Method::POST).uri("/hook");
    if let Some(signature) = signature {
        request = request.header("X-Hub-Signature-256", signature);
    }
    request.body(Bytes::copy_from_slice(body)).expect("a request")
}

fn signed(body: &str) -> Received {
    route().receive(&post(body.as_bytes(), Some(&signature(body.as_bytes()))))
}

fn events(body: &str) -> Vec<NetworkEvent> {
    let received = signed(body);
    assert_eq!(received.response.status(), StatusCode::OK);
    received.events
}

fn get(query: &str) -> (StatusCode, Bytes) {
    let request = Request::builder().uri(format!("/hook?{query}")).body(Bytes::new()).expect("a request");
    let response = route().receive(&request).response;
    (response.status(), response.into_body())
}

fn receipt(id: &str, ours: bool, status: ReceiptStatus, seconds: Option<i64>) -> NetworkEvent {
    let subject = Subject { attempt: ours.then(attempt), upstream: Some(id.to_owned()) };
    NetworkEvent::Receipt {
        subject,
        receipt: Receipt { status, at: seconds.map(Time::from_secs), network: None },
    }
}

#[test]
fn the_handshake_echoes_the_challenge() {
    let (status, body) = get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=agreed%20word");
    assert_eq!((status, body.as_ref()), (StatusCode::OK, b"1158201444".as_ref()));
    let (status, _) = get("hub.verify_token=agreed+word&hub.challenge=x&hub.mode=subscribe");
    assert_eq!(status, StatusCode::OK);
}

#[test]
fn the_handshake_is_refused_without_the_agreed_word() {
    for query in [
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=agreed+word",
        "hub.mode=subscribe&hub.verify_token=agreed+word",
        "hub_mode=subscribe&hub_challenge=1&hub_verify_token=agreed+word",
        "",
    ] {
        assert_eq!(get(query), (StatusCode::FORBIDDEN, Bytes::new()), "{query}");
    }
}

#[test]
fn without_an_agreed_word_every_handshake_is_refused() {
    let mut settings = settings();
    settings.verify_token = None;
    let route = WhatsappCloud::new(settings, RouteName::from("wa")).expect("good settings");
    let uri = "/hook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=";
    let request = Request::builder().uri(uri).body(Bytes::new()).expect("a request");
    assert_eq!(route.receive(&request).response.status(), StatusCode::FORBIDDEN);
}

#[test]
fn the_signature_counts_for_the_bytes_as_they_came() {
    assert!(INBOUND.contains(r"\u00e9") && INBOUND.contains(r"\/"));
    assert_eq!(events(INBOUND).len(), 11);
    let rewritten = serde_json::from_str::<Value>(INBOUND).expect("JSON").to_string();
    let received = route().receive(&post(INBOUND.as_bytes(), Some(&signature(rewritten.as_bytes()))));
    assert_eq!(received.response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(received.events, []);
}

#[test]
fn webhooks_without_a_valid_signature_are_refused() {
    let good = signature(STATUS.as_bytes());
    for bad in [None, Some(""), Some("sha256="), Some("sha256=zz"), Some(&good[..70]), Some(&good[7..])] {
        let received = route().receive(&post(STATUS.as_bytes(), bad));
        assert_eq!(received.response.status(), StatusCode::UNAUTHORIZED, "{bad:?}");
        assert_eq!(received.events, []);
    }
}

#[test]
fn signatures_are_ignored_only_where_the_settings_say_so() {
    let mut settings = settings();
    settings.verify_signature = false;
    let route = WhatsappCloud::new(settings, RouteName::from("wa")).expect("good settings");
    assert_eq!(route.receive(&post(STATUS.as_bytes(), None)).events.len(), 1);
}

#[test]
fn broken_json_is_refused_so_that_it_comes_again() {
    let received = signed("{\"entry\":[");
    assert_eq!(received.response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(signed(&"[".repeat(100_000)).response.status(), StatusCode::BAD_REQUEST);
}

#[test]
fn json_that_tells_nothing_is_taken() {
    for body in ["{}", "[]", "null", "17", r#"{"entry":{}}"#, r#"{"entry":[{"changes":7}]}"#] {
        assert_eq!(events(body), [], "{body}");
    }
}

#[test]
fn bodies_over_three_megabytes_are_refused() {
    let large = format!("\"{}\"", "x".repeat(3 * 1024 * 1024));
    assert_eq!(signed(&large).response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn other_methods_are_refused() {
    let request = Request::builder().method(Method::PUT).uri("/").body(Bytes::new()).expect("a request");
    assert_eq!(route().receive(&request).response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn a_status_names_the_attempt_by_our_reference() {
    assert_eq!(events(STATUS), [receipt("wamid.A", true, ReceiptStatus::Sent, Some(1_750_263_773))]);
}

#[test]
fn batches_give_all_their_statuses_and_garbage_loses_only_itself() {
    let failed = |id: &str, cause, code: Option<(&str, &str)>| {
        let mut event = receipt(id, false, ReceiptStatus::Failed(cause), None);
        if let NetworkEvent::Receipt { receipt, .. } = &mut event {
            receipt.network = code.map(|(code, text)| NetworkCode::new(code, text));
        }
        event
    };
    let mut window_closed =
        failed("wamid.F", Cause::WindowClosed, Some(("131047", "More than 24 hours have passed.")));
    if let NetworkEvent::Receipt { subject, receipt } = &mut window_closed {
        subject.attempt = Some("0000000000000000000000000000abcd.0.0".parse().expect("an id"));
        receipt.at = Some(Time::from_secs(1_750_263_776));
    }
    assert_eq!(
        events(BATCH),
        [
            receipt("wamid.A", false, ReceiptStatus::Delivered, Some(1_750_263_774)),
            receipt("wamid.A", false, ReceiptStatus::Delivered, Some(1_750_263_774)),
            receipt("wamid.A", false, ReceiptStatus::Read, None),
            receipt("wamid.V", false, ReceiptStatus::Played, Some(1_750_263_775)),
            window_closed,
            failed("wamid.G", Cause::NetworkRejected, None),
            failed("wamid.H", Cause::NetworkRejected, Some(("999999", ""))),
        ]
    );
}

fn media(kind: &str, id: &str) -> InboundContent {
    InboundContent::Media {
        kind: kind.to_owned(),
        id: id.to_owned(),
        mime: None,
        caption: None,
        filename: None,
        sha256: None,
        url: None,
    }
}

fn expected_contents() -> Vec<InboundContent> {
    let own = |text: &str| Some(text.to_owned());
    let choice = |id: &str, title: &str, list, description| InboundContent::Choice {
        id: id.to_owned(),
        title: title.to_owned(),
        list,
        description,
    };
    let mut image = media("image", "77");
    if let InboundContent::Media { mime, sha256, caption, .. } = &mut image {
        (*mime, *sha256, *caption) = (own("image/jpeg"), own("b64="), own("c"));
    }
    let mut voice = media("voice", "78");
    if let InboundContent::Media { mime, url, .. } = &mut voice {
        (*mime, *url) = (own("audio/ogg; codecs=opus"), own("https://lookaside.fbsbx.com/x"));
    }
    let mut document = media("document", "79");
    if let InboundContent::Media { filename, .. } = &mut document {
        *filename = own("a.pdf");
    }
    vec![
        InboundContent::Text("1/2 déjà".to_owned()),
        image,
        voice,
        document,
        InboundContent::Location { latitude: 1.5, longitude: -2.0, name: own("N"), address: None },
        choice("YES", "Yes", false, None),
        choice("b", "B", false, None),
        choice("l", "L", true, own("D")),
    ]
}

#[test]
fn every_kind_of_message_is_understood_or_handed_on_as_it_is() {
    let messages: Vec<Inbound> = events(INBOUND)
        .into_iter()
        .map(|event| match event {
            NetworkEvent::Inbound(message) => message,
            other => panic!("not a message: {other:?}"),
        })
        .collect();
    let contents: Vec<_> = messages.iter().map(|message| message.content.clone()).collect();
    assert_eq!(contents[..8], expected_contents());
    for (content, kind) in contents[8..].iter().zip(["reaction", "interactive", "unsupported"]) {
        assert!(matches!(content, InboundContent::Other(value) if value["type"] == kind), "{content:?}");
    }
    assert_eq!(
        messages[0],
        Inbound {
            route: RouteName::from("wa"),
            channel: model::Channel::Whatsapp,
            upstream: "wamid.1".to_owned(),
            from: "16505551234".to_owned(),
            to: "15550783882".to_owned(),
            at: Time::from_secs(1_750_263_773),
            profile_name: Some("Zoé".to_owned()),
            content: InboundContent::Text("1/2 déjà".to_owned()),
            reply_to: Some("wamid.OURS".to_owned()),
        }
    );
}

#[test]
fn people_who_hide_their_number_are_known_by_user_id() {
    let NetworkEvent::Inbound(message) = &events(INBOUND)[8] else { panic!("a message") };
    assert_eq!((message.from.as_str(), message.profile_name.as_deref()), ("US.7", Some("Hidden")));
    let body = json!({"entry": [{"changes": [{"field": "messages", "value": {
        "contacts": [{"user_id": "US.8"}],
        "messages": [{"id": "wamid.1", "type": "text", "text": {"body": "x"}}]
    }}]}]});
    let NetworkEvent::Inbound(message) = &events(&body.to_string())[0] else { panic!("a message") };
    assert_eq!(message.from, "US.8");
}

#[test]
fn wishes_about_marketing_are_told() {
    let body = json!({"entry": [{"changes": [{"field": "user_preferences", "value": {
        "metadata": {"display_phone_number": "+1 555-078-3881", "phone_number_id": "unknown"},
        "user_preferences": [
            {"wa_id": "16505551234", "category": "marketing_messages", "value": "stop", "timestamp": 1_731_705_721},
            {"user_id": "US.7", "value": "resume"},
            {"wa_id": "1", "value": "perhaps"},
            {"value": "stop"}
        ]
    }}]}]});
    let wish = |from: &str, stopped| NetworkEvent::MarketingPreference {
        from: from.to_owned(),
        to: "15550783881".to_owned(),
        stopped,
    };
    assert_eq!(events(&body.to_string()), [wish("16505551234", true), wish("US.7", false)]);
}

/// JSON made of the words that webhooks are made of.
fn webhook_like() -> impl Strategy<Value = Value> {
    let word = || {
        prop::sample::select(vec![
            "entry",
            "changes",
            "field",
            "value",
            "messages",
            "statuses",
            "errors",
            "contacts",
            "metadata",
            "id",
            "from",
            "status",
            "failed",
            "sent",
            "timestamp",
            "type",
            "text",
            "body",
            "image",
            "code",
            "interactive",
            "button_reply",
            "user_preferences",
            "wa_id",
            "context",
            "error_data",
            "details",
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let request = post(&body, Some(&signature(&body)));
        let status = webhook::receive(&request, &unchecked().listener).response.status();
        prop_assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST);
    }

    #[test]
    fn no_json_makes_the_parser_panic(value in webhook_like()) {
        let changes = json!([
            {"field": "messages", "value": value},
            {"field": "messages", "value": {"messages": [value], "statuses": [value], "errors": [value]}},
            {"field": "user_preferences", "value": {"user_preferences": [value], "metadata": value}},
        ]);
        for body in [value, json!({"entry": [{"changes": changes}]})] {
            let request = post(body.to_string().as_bytes(), None);
            prop_assert_eq!(webhook::receive(&request, &unchecked().listener).response.status(), StatusCode::OK);
        }
    }
}

fn unchecked() -> &'static WhatsappCloud {
    static ROUTE: std::sync::LazyLock<WhatsappCloud> = std::sync::LazyLock::new(|| {
        let mut settings = settings();
        settings.verify_signature = false;
        WhatsappCloud::new(settings, RouteName::from("wa")).expect("good settings")
    });
    &ROUTE
}
