//! Two accounts, all five dialects, real sockets: what one has, the other can neither see nor
//! touch, and cannot tell from what never existed.

use serde_json::{Value, json};

use crate::harness::{Stand, TELESIGN_BASIC};

/// How an account presents itself, and where it writes to.
struct Caller {
    telesign: &'static str,
    infobip: &'static str,
    webex_connect: &'static str,
    messangi: &'static str,
    kaleyra: (&'static str, &'static str),
}

const FIRST: Caller = Caller {
    telesign: TELESIGN_BASIC,
    infobip: "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    webex_connect: "5c0f1e2a-3b4d-11ee-be56-0242ac120002",
    messangi: "Bearer sandbox",
    kaleyra: ("HXAP16XXXXXX97IN", "A0123456789abcdef0123456789abcdef"),
};

const OTHER: Caller = Caller {
    telesign: "Basic RkZGRkZGRkYtRUVFRS1ERERELUNDQ0MtQkJCQkJCQkJCQkJCOmIzUm9aWEl0WVdOamIzVnVkQzFyWlhrPQ==",
    infobip: "Basic b3RoZXI6b3RoZXI=",
    webex_connect: "0c0f1e2a-3b4d-11ee-be56-0242ac120002",
    messangi: "Bearer other",
    kaleyra: ("HXAP16OTHER997IN", "B0123456789abcdef0123456789abcdef"),
};

const DIALECTS: [&str; 5] = ["telesign", "infobip", "webex_connect", "messangi", "kaleyra"];

impl Caller {
    fn header(&self, dialect: &str) -> (&'static str, &'static str) {
        match dialect {
            "telesign" => ("authorization", self.telesign),
            "infobip" => ("authorization", self.infobip),
            "webex_connect" => ("key", self.webex_connect),
            "messangi" => ("authorization", self.messangi),
            _ => ("api-key", self.kaleyra.1),
        }
    }

    /// Path and body of a submission.
    fn submission(&self, dialect: &str, number: &str, text: &str) -> (String, Value) {
        match dialect {
            "telesign" => (
                "/v1/omnichannel".to_owned(),
                json!({"channels": [{"channel": "whatsapp", "fallback_time": 600_000}, {"channel": "sms"}],
                    "phone_number": number, "message_type": "ARN",
                    "message": {"default": {"template": "text", "parameters": {"text": text}}}}),
            ),
            "infobip" => (
                "/omni/1/advanced".to_owned(),
                json!({"bulkId": "bulk-1", "destinations": [{"to": {"phoneNumber": number}, "messageId": format!("mine-{number}")}],
                    "whatsApp": {"text": text}, "sms": {"text": text}}),
            ),
            "webex_connect" => (
                "/v2/messages".to_owned(),
                json!({"channel": "sms", "from": "Courant", "to": [{"msisdn": [number]}],
                    "content": {"type": "text", "text": text}}),
            ),
            "messangi" => (
                "/notification".to_owned(),
                json!({"channel": "WHATSAPP", "request": {"from": "1000000001", "to": format!("+{number}"), "type": "text", "message": text}}),
            ),
            _ => (
                format!("/v2/{}/whatsapp/919800000001/messages", self.kaleyra.0),
                json!({"messaging_object": {"messaging_product": "whatsapp", "to": number, "type": "text", "text": {"body": text}}}),
            ),
        }
    }

    async fn send(
        &self,
        stand: &Stand,
        dialect: &str,
        number: &str,
        text: &str,
        key: Option<&str>,
    ) -> (u16, bool, Value) {
        let (path, body) = self.submission(dialect, number, text);
        let mut request = stand.client.post(format!("{}{path}", stand.url));
        let (name, value) = self.header(dialect);
        request = request.header(name, value);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.json(&body).send().await.expect("an answer");
        let replayed = response.headers().contains_key("idempotent-replayed");
        (response.status().as_u16(), replayed, response.json().await.expect("JSON"))
    }

    async fn ask(
        &self,
        stand: &Stand,
        dialect: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let request = stand.client.request(method.parse().expect("a method"), format!("{}{path}", stand.url));
        let (name, value) = self.header(dialect);
        let mut request = request.header(name, value);
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a text");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// The first text in an answer that is one of our ids in the dialect's spelling.
fn id_of(dialect: &str, answer: &Value) -> String {
    let pointer = match dialect {
        "telesign" => "/reference_id",
        "infobip" => "/messages/0/messageId",
        "kaleyra" => "/data/0/message_id",
        _ => "/messageId",
    };
    let found = answer.pointer(pointer).or_else(|| deep(answer));
    found.and_then(Value::as_str).unwrap_or_else(|| panic!("{dialect} has an id: {answer}")).to_owned()
}

/// The first member anywhere whose name ends in `id` and whose value looks like one.
fn deep(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            let is_id = lower.ends_with("id") && value.as_str().is_some_and(|text| text.len() >= 20);
            if is_id { Some(value) } else { deep(value) }
        }),
        Value::Array(items) => items.iter().find_map(deep),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// An id of the same form that nobody has.
fn unknown(id: &str) -> String {
    let last = id.char_indices().rev().find(|(_, character)| character.is_ascii_hexdigit()).expect("a digit");
    let swapped = if last.1 == '0' { "1" } else { "0" };
    format!("{}{swapped}{}", &id[..last.0], &id[last.0 + 1..])
}

/// Asks as the other account about an id of the first and about an id of nobody: both answers are
/// the same but for the id itself.
async fn cannot_tell(
    stand: &Stand,
    dialect: &str,
    method: &str,
    path: impl Fn(&str) -> String,
    body: Value,
    id: &str,
) {
    let (nobodys, with_id) = (unknown(id), body.to_string().contains(id));
    let said = |text: &str| {
        if with_id {
            serde_json::from_str(&body.to_string().replace(id, text)).expect("JSON")
        } else {
            body.clone()
        }
    };
    let (status, theirs) = OTHER.ask(stand, dialect, method, &path(id), &said(id)).await;
    let (absent, none) = OTHER.ask(stand, dialect, method, &path(&nobodys), &said(&nobodys)).await;
    let same = theirs.to_string().replace(id, &nobodys);
    // Some dialects make an id for each refusal.
    assert_eq!((status, shape(&same)), (absent, shape(&none.to_string())), "{dialect} {method} {}", path(id));
    assert!(!(200..300).contains(&status) || !theirs.to_string().contains("secret text"), "{theirs}");
}

/// A text with what is made anew for each answer blotted out: ids and times.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for word in text.split_inclusive(|character: char| !character.is_ascii_alphanumeric() && character != '-')
    {
        let end = word.trim_end_matches(|character: char| !character.is_ascii_alphanumeric()).len();
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        if digits >= 6 || end >= 20 {
            shape += "#";
        } else {
            shape += &word[..end];
        }
        shape += &word[end..];
    }
    shape
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_another_account_is_like_one_that_never_was_on_every_endpoint() {
    let stand = Stand::start().await;
    let mut ids = Vec::new();
    for (index, dialect) in DIALECTS.iter().enumerate() {
        let number = format!("1555010{index}0004");
        let (status, _, answer) = FIRST.send(&stand, dialect, &number, "secret text", None).await;
        assert!((200..300).contains(&status), "{dialect}: {status} {answer}");
        ids.push(id_of(dialect, &answer));
        stand.until("it arrives", || async { !stand.inbox(&number).await.is_empty() }).await;
    }
    let [telesign, infobip, webex, _, kaleyra] = &ids[..] else { panic!("five ids") };
    let none = Value::Null;
    for path in ["/v1/omnichannel/", "/v1/messaging/", "/v1/verify/completion/"] {
        for method in ["GET", "PUT", "POST", "DELETE"] {
            cannot_tell(&stand, "telesign", method, |id| format!("{path}{id}"), none.clone(), telesign).await;
        }
    }
    for path in [
        "/omni/1/reports?messageId=",
        "/omni/1/logs?messageId=",
        "/omni/1/logs?bulkId=",
        "/omni/1/reports?bulkId=",
    ] {
        let id = if path.contains("bulk") { "bulk-1" } else { infobip.as_str() };
        cannot_tell(&stand, "infobip", "GET", |id| format!("{path}{id}"), none.clone(), id).await;
    }
    for path in ["/omni/1/reports", "/omni/1/logs"] {
        assert_eq!(OTHER.ask(&stand, "infobip", "GET", path, &none).await, (200, json!({"results": []})));
    }
    for method in ["GET", "DELETE", "PUT"] {
        cannot_tell(&stand, "webex_connect", method, |id| format!("/v2/messages/{id}"), none.clone(), webex)
            .await;
    }
    let (sid, firsts) = (OTHER.kaleyra.0, FIRST.kaleyra.0);
    for method in ["GET", "DELETE", "PUT"] {
        cannot_tell(
            &stand,
            "kaleyra",
            method,
            |id| format!("/v2/{sid}/whatsapp/919800000001/messages/{id}"),
            none.clone(),
            kaleyra,
        )
        .await;
    }
    for kind in ["sms", "messages"] {
        cannot_tell(
            &stand,
            "kaleyra",
            "GET",
            |id| format!("/v1/{sid}/{kind}/status?message_ids={id}"),
            none.clone(),
            kaleyra,
        )
        .await;
    }
    // The key of one account with the name of the other opens nothing.
    for path in [
        format!("/v2/{firsts}/whatsapp/919800000001/messages/{kaleyra}"),
        format!("/v1/{firsts}/sms/status?message_ids={kaleyra}"),
    ] {
        let (status, answer) = OTHER.ask(&stand, "kaleyra", "GET", &path, &none).await;
        assert!(status == 401 || status == 403, "{status} {answer}");
    }
    // It was all there for its owner, before and after.
    for (dialect, path) in [
        ("telesign", format!("/v1/omnichannel/{telesign}")),
        ("infobip", format!("/omni/1/logs?messageId={infobip}")),
        ("infobip", format!("/omni/1/reports?messageId={infobip}")),
        ("webex_connect", format!("/v2/messages/{webex}")),
        ("kaleyra", format!("/v2/{firsts}/whatsapp/919800000001/messages/{kaleyra}")),
    ] {
        let (status, answer) = FIRST.ask(&stand, dialect, "GET", &path, &none).await;
        assert!(status == 200 && answer != json!({"results": []}), "{dialect} {path}: {status} {answer}");
    }
    // A dialect tells only of what came in by it, the owner included.
    let (status, _) =
        FIRST.ask(&stand, "webex_connect", "GET", &format!("/v2/messages/{telesign}"), &none).await;
    assert_eq!(status, 404);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scenarios_files_and_sessions_of_another_account_are_like_none() {
    const SCENARIO: &str = "CC9F01A5DC7BEE2C2B829D203482A654";
    let stand = Stand::start().await;
    let flow = json!({"name": "mine now", "flow": [{"from": "InfoSMS", "channel": "SMS"}], "default": true});
    for (method, body) in [("GET", Value::Null), ("PUT", flow)] {
        cannot_tell(&stand, "infobip", method, |id| format!("/omni/1/scenarios/{id}"), body, SCENARIO).await;
    }
    let message = json!({"scenarioKey": SCENARIO, "destinations": [{"to": {"phoneNumber": "15550107777"}}], "sms": {"text": "secret text"}});
    cannot_tell(&stand, "infobip", "POST", |_| "/omni/1/advanced".to_owned(), message, SCENARIO).await;
    let (_, scenario) =
        FIRST.ask(&stand, "infobip", "GET", &format!("/omni/1/scenarios/{SCENARIO}"), &Value::Null).await;
    assert_eq!(scenario["name"], "My WHATSAPP-SMS scenario", "nothing was changed");

    let file = reqwest::multipart::Part::bytes(&include_bytes!("../../../sandbox/samples/sample.jpg")[..]);
    let form = reqwest::multipart::Form::new()
        .part("file", file.file_name("a.jpg").mime_str("image/jpeg").expect("a type"));
    let upload =
        stand.client.post(format!("{}/v2/{}/whatsapp/91XXXXXXXXXX/media", stand.url, FIRST.kaleyra.0));
    let answer = upload.header("api-key", FIRST.kaleyra.1).multipart(form).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    let media = answer["data"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/v2/{}/whatsapp/91XXXXXXXXXX/messages", OTHER.kaleyra.0);
    let body = json!({"messaging_object": {"messaging_product": "whatsapp", "to": "15550106666", "type": "image", "image": {"id": media}}});
    cannot_tell(&stand, "kaleyra", "POST", |_| path.clone(), body, &media).await;
    assert_eq!(stand.inbox("15550106666").await.len(), 0, "the file is not sent by the other account");

    // A session is good for its own dialect only.
    let body = json!({"username": "other", "password": "other"});
    let (status, session) = OTHER.ask(&stand, "infobip", "POST", "/auth/1/session", &body).await;
    assert_eq!(status, 200, "{session}");
    let token = session["token"].as_str().expect("a token");
    let elsewhere = stand.client.post(format!("{}/notification", stand.url));
    let elsewhere = elsewhere.header("authorization", format!("Bearer session.{token}")).json(&json!({}));
    assert_eq!(elsewhere.send().await.expect("an answer").status(), 401);
    let here = stand.client.get(format!("{}/omni/1/scenarios/{SCENARIO}", stand.url));
    let here = here.header("authorization", format!("IBSSO {token}")).send().await.expect("an answer");
    assert_eq!(here.status(), 404, "a session sees what its account sees");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_does_a_thing_once_in_every_dialect_and_for_each_account_by_itself() {
    let stand = Stand::start().await;
    let scenario = json!({"flow": [{"from": "InfoSMS", "channel": "SMS"}], "default": true});
    let (status, answer) = OTHER.ask(&stand, "infobip", "POST", "/omni/1/scenarios", &scenario).await;
    assert_eq!(status, 200, "{answer}");
    for (index, dialect) in DIALECTS.iter().enumerate() {
        let (ours, theirs) = (format!("1555020{index}0004"), format!("1555030{index}0004"));
        let (status, replayed, first) = FIRST.send(&stand, dialect, &ours, "once", Some("key-1")).await;
        assert!((200..300).contains(&status) && !replayed, "{dialect}: {status} {first}");
        let (again, replayed, second) = FIRST.send(&stand, dialect, &ours, "once", Some("key-1")).await;
        assert_eq!((again, replayed, &second), (status, true, &first), "{dialect}: the first answer");
        let (conflict, _, answer) = FIRST.send(&stand, dialect, &ours, "twice", Some("key-1")).await;
        assert!((400..500).contains(&conflict), "{dialect}: {conflict} {answer}");
        let (status, replayed, answer) = OTHER.send(&stand, dialect, &theirs, "theirs", Some("key-1")).await;
        assert!((200..300).contains(&status) && !replayed, "{dialect}: {status} {answer}");
        for (number, text) in [(&ours, "once"), (&theirs, "theirs")] {
            stand.until("it arrives", || async { !stand.inbox(number).await.is_empty() }).await;
            let inbox = stand.inbox(number).await;
            assert_eq!((inbox.len(), &inbox[0]["text"]), (1, &json!(text)), "{dialect} {number}");
        }
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_that_a_vendors_api_answers_with_leads_people_to_the_message_wherever_they_ask() {
    let stand = Stand::start().await;
    for dialect in DIALECTS {
        let (_, _, answer) = FIRST.send(&stand, dialect, "15550100004", "hello", None).await;
        let shown = id_of(dialect, &answer);
        let get = |path: String| {
            let request = stand.client.get(format!("{}{path}", stand.url)).bearer_auth("sandbox").send();
            async { request.await.expect("an answer") }
        };
        let read: Value = get(format!("/api/v1/messages/{shown}")).await.json().await.expect("JSON");
        let id = read["id"].as_str().unwrap_or_else(|| panic!("{dialect}: {shown}: {read}"));
        for path in ["find?text=", "messages?id="] {
            let found: Value = get(format!("/api/v1/{path}{shown}")).await.json().await.expect("JSON");
            assert_eq!(found["items"][0]["id"], id, "{dialect}: {path}{shown}");
            assert_eq!(found["items"][0]["dialect"], dialect);
        }
        let page = get(format!("/console/messages?q={shown}")).await;
        assert_eq!(page.url().path(), format!("/console/messages/{id}"), "{dialect}: {shown}");
    }
    stand.stop().await;
}
