//! Whatever comes gets an answer.

use proptest::prelude::*;

use super::*;

fn anything_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        prop_oneof!["whatsapp", "text", "image", "media", "911,912", "individual", ".{0,12}"]
            .prop_map(serde_json::Value::String),
    ];
    let names = prop_oneof![
        "messaging_object",
        "messaging_product",
        "to",
        "type",
        "text",
        "image",
        "contacts",
        "context",
        "id",
        "link",
        "extra_info",
        "callback",
        "input",
        "send[12]",
        "recipient",
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

const PATHS: [&str; 6] = [
    MESSAGES,
    "/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX/media",
    "/v2/HXAP16XXXXXX97IN/messages",
    "/v1/HXAP16XXXXXX97IN/messages",
    "/v1/HXAP16XXXXXX97IN/sms",
    "/v1/HXAP16XXXXXX97IN/workflow/v1/instances/welcome/invoke",
];

fn survives(content_type: &str, body: &Bytes) {
    let settings = settings();
    for path in PATHS {
        let request = Request::builder().method("POST").uri(path).header("api-key", KEY);
        let request = request.header("Content-Type", content_type).body(body.clone()).expect("a request");
        let (_, response) = exchange(&Kaleyra, &request, &settings, desk);
        serde_json::from_slice::<serde_json::Value>(response.body()).expect("every answer is JSON");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_get_an_answer_in_json(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let body = Bytes::from(body);
        for content_type in ["application/json", "multipart/form-data; boundary=b", "text/plain"] {
            survives(content_type, &body);
        }
    }

    #[test]
    fn any_json_gets_an_answer_in_json(body in anything_json()) {
        survives("application/json", &Bytes::from(body.to_string()));
    }

    #[test]
    fn any_message_object_gets_an_answer_in_json(mut object in anything_json()) {
        if let Some(members) = object.as_object_mut() {
            members.insert("messaging_product".to_owned(), "whatsapp".into());
            members.insert("to".to_owned(), "911".into());
        }
        let body = serde_json::json!({ "messaging_object": object });
        survives("application/json", &Bytes::from(body.to_string()));
    }

    #[test]
    fn any_parts_get_an_answer_in_json(body in "(--b|\r\n|\n|Content-Disposition: form-data; name=|\"file\"|type|;|a|--){0,40}") {
        survives("multipart/form-data; boundary=b", &Bytes::from(body));
    }

    #[test]
    fn any_form_gets_an_answer_in_json(values in prop::collection::vec(("(to|from|channel|type|body|params|action|time|callback|media_url)", "[ -~]{0,20}"), 0..8)) {
        let pairs = values.iter().map(|(name, value)| format!("{name}={value}"));
        let body: Vec<String> = ["to=911".to_owned(), "channel=whatsapp".to_owned()].into_iter().chain(pairs).collect();
        survives("application/x-www-form-urlencoded", &Bytes::from(body.join("&")));
    }

    #[test]
    fn any_id_is_known_or_refused(id in "[ -.0-~]{0,40}", path in "[A-Z0-9:]{20,32}") {
        let encoded = percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC).to_string();
        let settings = settings();
        for target in [format!("{MESSAGES}/{encoded}"), format!("{MESSAGES}/A{path}"), format!("/v1/{SID}/sms/status?message_ids={encoded}")] {
            let (_, response) = exchange(&Kaleyra, &request("GET", &target, ""), &settings, desk);
            serde_json::from_slice::<serde_json::Value>(response.body()).expect("every answer is JSON");
        }
    }
}
