//! The other four dialects over real sockets: the vendors' printed samples, fallback, reports,
//! batches, stored plans, isolation.

use serde_json::{Value, json};

use crate::harness::Stand;

const ALADDIN: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
const WEBEX_KEY: &str = "5c0f1e2a-3b4d-11ee-be56-0242ac120002";
const KALEYRA: (&str, &str) = ("api-key", "A0123456789abcdef0123456789abcdef");

async fn call(stand: &Stand, method: &str, path: &str, header: (&str, &str), body: &str) -> (u16, Value) {
    let method = method.parse().expect("a method");
    let request = stand.client.request(method, format!("{}{path}", stand.url));
    let request = request.header("content-type", "application/json").header(header.0, header.1);
    let response = request.body(body.to_owned()).send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a text");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn infobip(stand: &Stand, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    call(stand, method, path, ("authorization", ALADDIN), &text).await
}

async fn arrived(stand: &Stand, number: &str, channel: &str) -> Value {
    stand
        .find(&format!("{channel} at {number}"), || async {
            stand.inbox(number).await.into_iter().find(|entry| entry["channel"] == channel)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn infobips_three_steps_work_as_printed_scenario_message_report() {
    let stand = Stand::start().await;
    let scenario = r#"{ "name":"My WHATSAPP-SMS scenario", "flow": [ { "from": "WhatsAppSender", "channel": "WHATSAPP" },
        { "from": "InfoSMS", "channel": "SMS" } ], "default": true }"#;
    let (status, created) =
        call(&stand, "POST", "/omni/1/scenarios", ("authorization", ALADDIN), scenario).await;
    assert_eq!(status, 200, "{created}");
    let key = created["key"].as_str().expect("a key");
    assert_eq!((key.len(), &created["default"]), (32, &json!(true)));
    let message = json!({
        "scenarioKey": key,
        "destinations": [{"to": {"phoneNumber": "41793020001"}}],
        "whatsApp": {"text": "This WhatsApp message will be delivered to WhatsApp application on the user device."},
        "sms": {"text": "This is the SMS failover message"},
    });
    let (status, sent) = infobip(&stand, "POST", "/omni/1/advanced", &message).await;
    assert_eq!((status, &sent["messages"][0]["status"]["name"]), (200, &json!("PENDING_ENROUTE")), "{sent}");
    let id = sent["messages"][0]["messageId"].as_str().expect("an id").to_owned();
    let report = stand
        .find("the report", || async {
            let (_, reports) = infobip(&stand, "GET", "/omni/1/reports", &Value::Null).await;
            reports["results"].as_array().and_then(|results| results.first().cloned())
        })
        .await;
    assert_eq!(
        (&report["messageId"], &report["channel"], &report["status"]["groupName"]),
        (&json!(id), &json!("SMS"), &json!("DELIVERED"))
    );
    let (_, again) = infobip(&stand, "GET", "/omni/1/reports", &Value::Null).await;
    assert_eq!(again, json!({"results": []}), "a report is handed out once");
    assert_eq!(arrived(&stand, "41793020001", "sms").await["from"], "InfoSMS");
    let (_, logs) = infobip(&stand, "GET", "/omni/1/logs", &Value::Null).await;
    assert_eq!(logs["results"][0]["messageId"], json!(id));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn infobip_pushes_the_report_and_tells_a_second_messageid_from_the_first() {
    let stand = Stand::start().await;
    let message = json!({
        "destinations": [{"messageId": "mine-1", "to": {"phoneNumber": "41793027777"}}],
        "whatsApp": {"text": "Get your message across!", "imageUrl": format!("{}/sandbox/media/sample.png", stand.url)},
        "sms": {"text": "unused", "validityPeriod": 1},
        "notifyUrl": format!("{}/sandbox/bin/infobip", stand.url), "callbackData": "mine",
    });
    let (_, sent) = infobip(&stand, "POST", "/omni/1/advanced", &message).await;
    assert_eq!(sent["messages"][0]["messageId"], "mine-1");
    let pushed = stand.find("the push", || async { stand.bin("infobip").await.into_iter().next() }).await;
    assert_eq!(
        (&pushed["results"][0]["messageId"], &pushed["results"][0]["callbackData"]),
        (&json!("mine-1"), &json!("mine"))
    );
    let (_, again) = infobip(&stand, "POST", "/omni/1/advanced", &message).await;
    assert_eq!(again["messages"][0]["status"]["name"], "REJECTED_DUPLICATE_MESSAGE_ID", "{again}");
    assert_eq!(stand.inbox("41793027777").await.len(), 1);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn infobips_scenarios_and_reports_are_invisible_to_another_account() {
    let stand = Stand::start().await;
    let other = ("authorization", "Basic b3RoZXI6b3RoZXI=");
    let (status, _) =
        call(&stand, "GET", "/omni/1/scenarios/CC9F01A5DC7BEE2C2B829D203482A654", other, "").await;
    assert_eq!(status, 404);
    let (_, list) = call(&stand, "GET", "/omni/1/scenarios", other, "").await;
    assert_eq!(list, json!({"scenarios": []}));
    let (status, list) = infobip(&stand, "GET", "/omni/1/scenarios", &Value::Null).await;
    assert_eq!((status, list["scenarios"].as_array().map(Vec::len)), (200, Some(1)));
    let (status, _) = call(&stand, "GET", "/omni/1/reports", ("authorization", "Basic eDp5"), "").await;
    assert_eq!(status, 401);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn infobip_sessions_open_doors_and_end() {
    let stand = Stand::start().await;
    let body = r#"{"username":"Aladdin","password":"open sesame","unsafe":true}"#;
    let (status, session) = call(&stand, "POST", "/auth/1/session", ("accept", "*/*"), body).await;
    assert_eq!(status, 200, "{session}");
    let header = format!("IBSSO {}", session["token"].as_str().expect("a token"));
    let (status, _) = call(&stand, "GET", "/omni/1/scenarios", ("authorization", &header), "").await;
    assert_eq!(status, 200);
    let (status, _) = call(&stand, "DELETE", "/auth/1/session", ("authorization", &header), "").await;
    assert_eq!(status, 200);
    let (status, _) = call(&stand, "GET", "/omni/1/scenarios", ("authorization", &header), "").await;
    assert_eq!(status, 401);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_recipients_in_one_request_get_their_ids_in_order() {
    let stand = Stand::start_with(None, &["cascade.default_patience_ms=600000"]).await;
    let destinations: Vec<Value> =
        (0..10_000).map(|n| json!({"to": {"phoneNumber": format!("4179{n:05}7777")}})).collect();
    let message = json!({"destinations": destinations, "sms": {"text": "hello"}});
    let (status, sent) = infobip(&stand, "POST", "/omni/1/advanced", &message).await;
    assert_eq!(status, 200, "{}", sent.to_string().chars().take(300).collect::<String>());
    let messages = sent["messages"].as_array().expect("a list");
    assert_eq!(messages.len(), 10_000);
    for (n, message) in messages.iter().enumerate() {
        assert_eq!(message["to"]["phoneNumber"], json!(format!("4179{n:05}7777")));
    }
    stand
        .until("all of them are delivered", || async {
            let metrics = stand.text("/metrics").await;
            let delivered = metrics.lines().find(|line| {
                line.starts_with("courant_messages_settled_total") && line.contains("delivered")
            });
            delivered.is_some_and(|line| line.ends_with(" 10000"))
        })
        .await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webex_connects_video_sample_is_delivered_and_notified() {
    let stand = Stand::start().await;
    let body = json!({
        "deliverychannel": "whatsapp", "appid": "a_163939937300040800",
        "destination": [{"waid": ["447700900123", "447700900001"]}],
        "channels": {"OTT-Messaging": {"wa": {"type": "video", "video": {
            "url": format!("{}/sandbox/media/sample.mp4", stand.url), "mimeType": "VIDEO/MP4"}}}},
        "correlationid": "c-1", "callbackData": "d-1", "notifyurl": format!("{}/sandbox/bin/webex", stand.url),
    });
    let (status, sent) =
        call(&stand, "POST", "/resources/v1/messaging", ("key", WEBEX_KEY), &body.to_string()).await;
    assert_eq!(
        (status, sent["response"].as_array().map(Vec::len), &sent["response"][0]["code"]),
        (200, Some(2), &json!("1001")),
        "{sent}"
    );
    assert_eq!(arrived(&stand, "447700900123", "whatsapp").await["media"]["mime_type"], "video/mp4");
    let notified = |code: &'static str| {
        let stand = &stand;
        stand.find("a notification", move || async move {
            stand
                .bin("webex")
                .await
                .into_iter()
                .find(|body| body["deliveryInfoNotification"]["deliveryInfo"]["code"] == json!(code))
        })
    };
    assert_eq!(notified("7500").await["deliveryInfoNotification"]["correlationid"], "c-1");
    assert_eq!(
        notified("7871").await["deliveryInfoNotification"]["deliveryInfo"]["deliveryStatus"],
        "Failed"
    );
    let (status, refused) =
        call(&stand, "POST", "/resources/v1/messaging", ("key", "wrong"), &body.to_string()).await;
    assert_eq!((status, &refused["response"]["code"]), (200, &json!("7001")));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messangis_sample_with_its_trailing_comma_is_taken_and_called_back_in_order() {
    let stand = Stand::start().await;
    let login = stand.client.post(format!("{}/kingslanding/login", stand.url));
    let login =
        login.json(&json!({"username": "sandbox", "password": "sandbox"})).send().await.expect("an answer");
    let bearer = login.headers()["authorization"].to_str().expect("text").to_owned();
    assert!(login.text().await.expect("a text").is_empty());
    let body = format!(
        r#"{{ "channel": "WHATSAPP", "request": {{ "from": "1000000001", "to": "+12125557777",
        "message": "{0}/sandbox/media/sample.jpg", "type": "image", "caption": "The best coffee in the town!", }},
        "callbacks": "{0}/sandbox/bin/a, {0}/sandbox/bin/b" }}"#,
        stand.url
    );
    let (status, answer) = call(&stand, "POST", "/notification", ("authorization", &bearer), &body).await;
    assert_eq!((status, &answer["meta"]["explain"]), (200, &json!("Send Notification")), "{answer}");
    for bin in ["a", "b"] {
        stand
            .until("it is read", || async {
                stand.bin(bin).await.iter().any(|body| body["status"] == "READ")
            })
            .await;
        let statuses: Vec<Value> = stand.bin(bin).await.iter().map(|body| body["status"].clone()).collect();
        let ranks: Vec<_> = statuses
            .iter()
            .map(|status| ["QUEUE", "SENT", "DELIVERED", "READ"].iter().position(|word| status == word))
            .collect();
        assert!(ranks.is_sorted(), "{statuses:?}");
    }
    assert_eq!(
        arrived(&stand, "12125557777", "whatsapp").await["media"]["caption"],
        "The best coffee in the town!"
    );
    let (status, _) =
        call(&stand, "POST", "/notification", ("authorization", "Bearer nonsense"), &body).await;
    assert_eq!(status, 401);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kaleyras_sample_with_comments_is_taken_and_its_failures_are_worded_to_the_letter() {
    let stand = Stand::start().await;
    let path = "/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX/messages";
    let body = format!(
        r#"{{ "messaging_object": {{ "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+91XXXXXXXXXX",
        "type": "image", "image": {{ "id": "10xxxxxxxxxxxx91", /* Only if using uploaded media */
        "link": "{}/sandbox/media/sample.jpg" /* Only if linking to your media (Use Public URL) */ }} }},
        "extra_info": {{ "ref": "customer1", "ref1": "marketing", "ref2": "dictionary", "wa_source": "api" }} }}"#,
        stand.url
    );
    let (status, answer) = call(&stand, "POST", path, KALEYRA, &body).await;
    assert_eq!((status, &answer["code"], &answer["error"]), (202, &json!("WA202"), &json!({})), "{answer}");
    arrived(&stand, "910000000000", "whatsapp").await;
    let (status, answer) = call(&stand, "POST", path, ("api-key", "wrong"), &body).await;
    let text = "Incorrect SID or API key.";
    assert_eq!(
        (status, answer),
        (401, json!({"code": "RBC001", "message": text, "data": [], "error": {"error": text}}))
    );
    let (status, answer) = call(&stand, "POST", path, KALEYRA, "{}").await;
    let refused = json!({"code": "WA400", "message": "Refer to correct payload format", "data": {}, "error": {"payload": "Incorrect payload format"}});
    assert_eq!((status, answer), (400, refused));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kaleyras_upload_is_sent_by_its_id_and_the_handset_shows_the_picture() {
    const JPEG: &[u8] = include_bytes!("../../../sandbox/samples/sample.jpg");
    let stand = Stand::start().await;
    let sender = "/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX";
    let file =
        reqwest::multipart::Part::bytes(JPEG).file_name("a.jpg").mime_str("image/jpeg").expect("a type");
    let form = reqwest::multipart::Form::new().part("file", file).text("type", "image/jpeg");
    let upload = stand.client.post(format!("{}{sender}/media", stand.url)).header(KALEYRA.0, KALEYRA.1);
    let answer = upload.multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.expect("JSON");
    let id = answer["data"]["id"].as_str().expect("an id").to_owned();
    assert_eq!((&answer["code"], &answer["data"]["media_id"]), (&json!("WA200"), &json!(id)));

    let body = json!({"messaging_object": {"messaging_product": "whatsapp", "recipient_type": "individual",
        "to": "+917777777777", "type": "image", "image": {"id": id, "caption": "Look"}}});
    let (status, sent) =
        call(&stand, "POST", &format!("{sender}/messages"), KALEYRA, &body.to_string()).await;
    assert_eq!((status, &sent["code"]), (202, &json!("WA202")), "{sent}");
    let shown = arrived(&stand, "917777777777", "whatsapp").await;
    let media = &shown["media"];
    assert_eq!((&media["mime_type"], &media["caption"]), (&json!("image/jpeg"), &json!("Look")), "{shown}");
    assert_eq!(media["size"], JPEG.len(), "{shown}");

    let account = stand.core().accounts.by_name(&"sandbox".into()).expect("is configured");
    let kept = stand.core().media.find(account, &id).expect("is kept");
    let public = stand.core().media.url(&kept).expect("a public address");
    let picture = stand.client.get(public).send().await.expect("an answer");
    assert_eq!(picture.bytes().await.expect("a body"), JPEG);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_plan_adds_the_fallback_that_the_vendors_api_lacks() {
    let plan = r#"account[sandbox].plan=[{ dialect = "messangi", patience_ms = 500, then = [{ channel = "sms", text = "{caption} {link}" }] }]"#;
    let stand = Stand::start_with(None, &[plan]).await;
    let link = format!("{}/sandbox/media/sample.png", stand.url);
    let body = json!({"channel": "WHATSAPP", "request": {"from": "1000000001", "to": "+12125550002", "message": link, "type": "image", "caption": "Coffee"}});
    let (status, _) =
        call(&stand, "POST", "/notification", ("authorization", "Bearer sandbox"), &body.to_string()).await;
    assert_eq!(status, 200);
    assert_eq!(arrived(&stand, "12125550002", "sms").await["text"], json!(format!("Coffee {link}")));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dialect_answers_unknown_paths_and_rubbish_in_its_own_json() {
    let stand = Stand::start().await;
    let bearer = ("authorization", "Bearer sandbox");
    let cases = [
        ("POST", "/v1/omnichannel/x/y", ("authorization", crate::harness::TELESIGN_BASIC)),
        ("DELETE", "/v1/omnichannel", ("authorization", crate::harness::TELESIGN_BASIC)),
        ("POST", "/omni/1/nothing", ("authorization", ALADDIN)),
        ("DELETE", "/omni/1/scenarios/x", ("authorization", ALADDIN)),
        ("POST", "/omni/1/advanced", ("authorization", ALADDIN)),
        ("POST", "/resources/v1/nothing", ("key", WEBEX_KEY)),
        ("POST", "/resources/v1/messaging", ("key", WEBEX_KEY)),
        ("GET", "/notification", bearer),
        ("POST", "/notification", bearer),
        ("POST", "/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX/nothing", KALEYRA),
        ("POST", "/v1/HXAP16XXXXXX97IN/messages", KALEYRA),
    ];
    for (method, path, header) in cases {
        for body in ["rubbish \u{0} { [", "[[[[[[", "{\"a\":", "null"] {
            let (status, answer) = call(&stand, method, path, header, body).await;
            assert!(status < 500, "{method} {path}: {status} {answer}");
            assert!(answer.is_object(), "{method} {path} {body}: {status} {answer}");
        }
    }
    let (status, answer) = call(&stand, "GET", "/nowhere", bearer, "").await;
    assert!(status == 404 && answer.is_object(), "{status} {answer}");
    stand.stop().await;
}

/// One campaign: who gets the text over WhatsApp, and who falls back to the SMS.
const CAMPAIGN: [(&str, &str); 4] =
    [("7777", "whatsapp"), ("0001", "sms"), ("0005", "sms"), ("0010", "whatsapp")];

/// The request of each dialect for one recipient: path, credentials, body.
fn campaign_request(dialect: &str, number: &str) -> (&'static str, (&'static str, &'static str), Value) {
    let text = "One text for all";
    match dialect {
        "telesign" => (
            "/v1/omnichannel",
            ("authorization", crate::harness::TELESIGN_BASIC),
            json!({"channels": [{"channel": "whatsapp", "fallback_time": 60_000}, {"channel": "sms"}],
                "phone_number": number, "message_type": "MKT",
                "message": {"default": {"template": "text", "parameters": {"text": text}}}}),
        ),
        "infobip" => (
            "/omni/1/advanced",
            ("authorization", ALADDIN),
            json!({"destinations": [{"to": {"phoneNumber": number}}],
                "whatsApp": {"text": text, "validityPeriod": 1}, "sms": {"text": text}}),
        ),
        "webex_connect" => (
            "/resources/v1/messaging",
            ("key", WEBEX_KEY),
            json!({"deliverychannel": "whatsapp", "appid": "a_1", "destination": [{"waid": [number]}],
                "channels": {"OTT-Messaging": {"wa": {"type": "text", "text": {"body": text}}}}}),
        ),
        "messangi" => (
            "/notification",
            ("authorization", "Bearer sandbox"),
            json!({"channel": "WHATSAPP", "request": {"from": "1000000001", "to": format!("+{number}"), "type": "text", "message": text}}),
        ),
        _ => (
            "/v2/HXAP16XXXXXX97IN/whatsapp/919800000001/messages",
            KALEYRA,
            json!({"messaging_object": {"messaging_product": "whatsapp", "to": number, "type": "text", "text": {"body": text}}}),
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_campaign_through_all_five_dialects_ends_the_same_on_every_phone() {
    let plan = r#"account[sandbox].plan=[{ patience_ms = 60000, then = [{ channel = "sms" }] }]"#;
    let stand = Stand::start_with(None, &[plan]).await;
    let names = ["telesign", "infobip", "webex_connect", "messangi", "kaleyra"];
    for (index, dialect) in names.iter().enumerate() {
        for (ending, _) in CAMPAIGN {
            let (path, header, body) = campaign_request(dialect, &format!("1555{index}00{ending}"));
            let (status, answer) = call(&stand, "POST", path, header, &body.to_string()).await;
            assert!((200..300).contains(&status), "{dialect}: {status} {answer}");
        }
    }
    for (index, dialect) in names.iter().enumerate() {
        for (ending, channel) in CAMPAIGN {
            let number = format!("1555{index}00{ending}");
            let entry = arrived(&stand, &number, channel).await;
            assert_eq!(entry["text"], "One text for all", "{dialect} {number}");
            assert_eq!(stand.inbox(&number).await.len(), 1, "{dialect} {number}");
        }
    }
    stand
        .until("every message is settled as delivered", || async {
            let metrics = stand.text("/metrics").await;
            let settled = metrics.lines().filter(|line| line.starts_with("courant_messages_settled_total"));
            let delivered = settled
                .filter(|line| line.contains("status=\"delivered\"") || line.contains("status=\"read\""));
            let count: u64 = delivered.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
            count == (names.len() * CAMPAIGN.len()) as u64
        })
        .await;
    stand.stop().await;
}
