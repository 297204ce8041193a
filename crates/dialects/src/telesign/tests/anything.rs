//! Whatever comes gets an answer.

use proptest::prelude::*;

use super::*;

fn anything_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        prop_oneof!["sms", "whatsapp", "text", "image", "location", "OTP", ".{0,12}"]
            .prop_map(serde_json::Value::String),
    ];
    let names = prop_oneof![
        "channels",
        "channel",
        "phone_number",
        "message",
        "message_type",
        "template",
        "parameters",
        "recipient",
        "fallback_time",
        "default",
        "sms",
        "url",
        "text",
        "[a-z_]{1,8}"
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::Array),
            prop::collection::btree_map(names.clone(), inner, 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn survives(path: &str, body: Bytes) {
    let settings = settings();
    let request = request("POST", path, body);
    let (_, response) = testkit::exchange(&Telesign, &request, &settings, testkit::accept_all);
    serde_json::from_slice::<serde_json::Value>(response.body()).expect("every answer is JSON");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_get_an_answer_in_json(body in prop::collection::vec(any::<u8>(), 0..200)) {
        survives("/v1/omnichannel", Bytes::from(body.clone()));
        survives("/v1/messaging", Bytes::from(body));
    }

    #[test]
    fn any_json_gets_an_answer_in_json(body in anything_json()) {
        survives("/v1/omnichannel", Bytes::from(body.to_string()));
    }

    #[test]
    fn any_authorization_is_taken_or_refused(header in "[ -~]{0,80}", signature in "[A-Za-z0-9+/=:]{0,40}") {
        for value in [header, format!("TSA {signature}"), format!("Basic {signature}")] {
            let request = Request::builder()
                .uri("/v1/omnichannel")
                .header("Authorization", value)
                .header("Date", DATE)
                .header("x-ts-auth-method", "HMAC-SHA256")
                .body(Bytes::new())
                .expect("a request");
            let _taken_or_refused = Telesign.credentials(&request);
        }
    }
}
