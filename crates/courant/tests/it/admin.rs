//! The API for operators over real sockets.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Stand;

/// The sandbox's account has money.
const BALANCE: &str = "account[sandbox].balance={currency='EUR',initial='1.00'}";

/// The answer to a request with a token: status and body.
async fn ask(stand: &Stand, token: &str, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
    let request = stand.client.request(method, format!("{}/api/v1{path}", stand.url)).bearer_auth(token);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").map(|value| value.to_str().expect("text").to_owned());
    let text = response.text().await.expect("a text");
    let expected = if status < 400 { "application/json" } else { "application/problem+json" };
    if status != 204 {
        assert_eq!(kind.as_deref(), Some(expected), "{path}: {text}");
    }
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn look(stand: &Stand, path: &str) -> Value {
    let (status, answer) = ask(stand, "sandbox", Method::GET, path, None).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

async fn act(stand: &Stand, path: &str, body: Option<&Value>) -> (u16, Value) {
    ask(stand, "sandbox", Method::POST, path, body).await
}

fn message(to: &str) -> Value {
    json!({
        "account": "sandbox",
        "to": to,
        "steps": [
            {"channel": "whatsapp", "text": "over WhatsApp", "patience_ms": 5000},
            {"channel": "sms", "text": "over SMS"},
        ],
    })
}

/// Sends; the id.
async fn send(stand: &Stand, body: &Value) -> String {
    let (status, answer) = act(stand, "/messages", Some(body)).await;
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

/// Waits until a message is settled; what is told of it.
async fn settled(stand: &Stand, id: &str) -> Value {
    stand
        .find(&format!("{id} to be settled"), || async {
            let view = look(stand, &format!("/messages/{id}")).await;
            (view["settled"] == true).then_some(view)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_sent_falls_back_and_is_explained_and_found_by_any_of_its_ids() {
    let stand = Stand::start().await;
    let mut body = message("+1 555 010 0001");
    body["client_ref"] = "order 7".into();
    let id = send(&stand, &body).await;
    let view = settled(&stand, &id).await;
    assert_eq!((&view["status"], &view["channel"]), (&json!("delivered"), &json!("sms")));
    assert_eq!(view["summary"], "delivered on step 2 of 2 (sms)");
    assert_eq!(view["plan"][0]["cause"], "not_on_channel");
    assert_eq!(view["plan"][0]["network"]["code"], "131026");
    assert_eq!(view["plan"][1]["content"], "text: over SMS");
    assert_eq!(view["next"], Value::Null);
    let words: Vec<&str> = view["timeline"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|entry| entry["what"].as_str())
        .collect();
    assert_eq!(words[..2], ["accepted and stored", "handed to whatsapp"]);
    assert_eq!(words.last(), Some(&"sms says it is delivered"));
    let network = view["ids"]["networks"][1]["id"].as_str().expect("an id").to_owned();
    let uuid = view["ids"]["uuid"].as_str().expect("an id").to_owned();
    let batch = view["batch"].as_str().expect("an id").to_owned();
    for known in [id.to_uppercase(), uuid, network, "order%207".to_owned(), batch, "15550100001".to_owned()] {
        let found = look(&stand, &format!("/find?text={known}")).await;
        assert_eq!(found["items"][0]["id"], json!(id), "{known}");
    }
    let history = look(&stand, &format!("/messages/{id}/history")).await;
    assert_eq!(history["items"], view["timeline"]);
    let (status, problem) = ask(&stand, "sandbox", Method::GET, "/messages/nothing", None).await;
    assert_eq!((status, &problem["type"]), (404, &json!("urn:courant:problem:not-found")));
    let (status, problem) = act(&stand, "/messages", Some(&body)).await;
    assert_eq!(status, 409, "the same client_ref again: {problem}");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_go_on_page_by_page() {
    let stand = Stand::start().await;
    let mut sent = Vec::new();
    for number in 0..5 {
        let id = send(&stand, &message(&format!("1555010{number}004"))).await;
        settled(&stand, &id).await;
        sent.insert(0, id);
    }
    let (mut listed, mut after) = (Vec::new(), String::new());
    loop {
        let page = look(&stand, &format!("/messages?account=sandbox&settled=true&limit=2{after}")).await;
        let items = page["items"].as_array().expect("entries");
        listed.extend(items.iter().map(|row| row["id"].as_str().expect("an id").to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(listed, sent);
    let one = look(&stand, "/messages?number=%2B1-555-010-3004&dialect=courant").await;
    assert_eq!(one["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(look(&stand, "/messages?status=failed").await["items"], json!([]));
    for wrong in [
        "limit=0",
        "limit=x",
        "status=nonsense",
        "since=yesterday",
        "nonsense=1",
        "limit=1&limit=2",
        "after=x",
    ] {
        let (status, problem) =
            ask(&stand, "sandbox", Method::GET, &format!("/messages?{wrong}"), None).await;
        assert_eq!((status, &problem["status"]), (400, &json!(400)), "{wrong}: {problem}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_message_to_be_sent_is_told() {
    let stand = Stand::start().await;
    let with = |member: &str, value: Value| {
        let mut body = message("15550100004");
        body[member] = value;
        body
    };
    let cases = [
        (json!([]), "array"),
        (with("to", json!("not a number")), "phone number"),
        (with("to", json!({})), "no address"),
        (with("steps", json!([])), "`steps`"),
        (with("steps", json!([{"channel": "sms"}])), "no text"),
        (with("steps", json!([{"channel": "sms", "text": "a", "template": {"name": "b"}}])), "more than one"),
        (with("steps", json!([{"channel": "pigeon", "text": "a"}])), "pigeon"),
        (
            with("steps", json!([{"channel": "whatsapp", "media": {"kind": "image", "url": "file:///etc"}}])),
            "link",
        ),
        (with("steps", json!([{"channel": "sms", "text": "a", "patience_ms": 0}])), "patience_ms"),
        (with("send_at", json!("tomorrow")), "instant"),
        (with("nonsense", json!(1)), "nonsense"),
    ];
    for (body, hint) in cases {
        let (status, problem) = act(&stand, "/messages", Some(&body)).await;
        assert_eq!(status, 400, "{body}: {problem}");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(hint) || hint == "array", "{body}: {detail}");
    }
    let (status, problem) = act(&stand, "/messages", Some(&with("account", json!("nobody")))).await;
    assert_eq!(status, 404, "{problem}");
    let plain = stand.client.post(format!("{}/api/v1/messages", stand.url)).bearer_auth("sandbox").body("{}");
    assert_eq!(plain.send().await.expect("an answer").status().as_u16(), 415);
    let large = stand.client.post(format!("{}/api/v1/messages", stand.url)).bearer_auth("sandbox");
    let large = large.header("content-type", "application/json").body(vec![b' '; 2 << 20]);
    if let Ok(response) = large.send().await {
        assert_eq!(response.status().as_u16(), 413);
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_open_only_what_their_scopes_name_and_nothing_once_revoked() {
    let folder = tempfile::tempdir().expect("a folder");
    let stand = Stand::start_with(Some(folder.path().to_owned()), &[]).await;
    let id = send(&stand, &message("15550100004")).await;
    settled(&stand, &id).await;
    let new = json!({"name": "viewer", "scopes": ["look"]});
    let (status, made) = act(&stand, "/tokens", Some(&new)).await;
    assert_eq!(status, 201, "{made}");
    let token = made["token"].as_str().expect("a token").to_owned();
    assert_eq!(act(&stand, "/tokens", Some(&new)).await.0, 409);
    stand.stop().await;

    // It is known after a restart, and the store does not hold it.
    let stored = std::fs::read(folder.path().join("courant.db")).expect("the store");
    assert!(!stored.windows(token.len()).any(|window| window == token.as_bytes()));
    let stand = Stand::start_with(Some(folder.path().to_owned()), &[]).await;
    let (status, view) = ask(&stand, &token, Method::GET, &format!("/messages/{id}"), None).await;
    assert_eq!((status, &view["to"]), (200, &json!("155******04")));
    assert_eq!(view["plan"][0]["content"], "text");
    assert!(
        !view.to_string().contains("15550100004") && !view.to_string().contains("over WhatsApp"),
        "{view}"
    );
    for (method, path) in
        [(Method::POST, format!("/messages/{id}/resend")), (Method::GET, "/tokens".to_owned())]
    {
        let (status, problem) = ask(&stand, &token, method, &path, None).await;
        assert_eq!((status, &problem["type"]), (403, &json!("urn:courant:problem:forbidden")), "{path}");
    }
    let listed = look(&stand, "/tokens").await;
    assert_eq!(listed["items"][1]["name"], "viewer");
    assert!(!listed.to_string().contains(&token));
    let (status, _) = ask(&stand, "sandbox", Method::DELETE, "/tokens/viewer", None).await;
    assert_eq!(status, 204);
    assert_eq!(ask(&stand, &token, Method::GET, "/messages", None).await.0, 401);
    assert_eq!(ask(&stand, "sandbox", Method::DELETE, "/tokens/viewer", None).await.0, 404);
    assert_eq!(ask(&stand, "sandbox", Method::DELETE, "/tokens/sandbox", None).await.0, 409);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_token_configured_the_api_says_how_to_configure_one() {
    let stand = Stand::start_with(None, &["admin.tokens=[]"]).await;
    let response =
        stand.client.get(format!("{}/api/v1/messages", stand.url)).send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 401);
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    let problem: Value = response.json().await.expect("JSON");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("[admin]")), "{problem}");
    assert_eq!(ask(&stand, "sandbox", Method::GET, "/messages", None).await.0, 401);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_does_a_thing_once() {
    let stand = Stand::start().await;
    let post = |path: &'static str, body: Value| {
        let request = stand.client.post(format!("{}/api/v1{path}", stand.url)).bearer_auth("sandbox");
        let request = request.header("idempotency-key", "once").json(&body);
        async {
            let response = request.send().await.expect("an answer");
            (response.status().as_u16(), response.text().await.expect("a text"))
        }
    };
    let first = post("/messages", message("15550100004")).await;
    assert_eq!(first.0, 202);
    assert_eq!(post("/messages", message("15550100004")).await, first);
    assert_eq!(post("/messages", message("15550100005")).await.0, 409);
    assert_eq!(look(&stand, "/messages").await["items"].as_array().map(Vec::len), Some(1));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_stopped_before_its_time_and_sent_again_with_a_note_on_both() {
    let stand = Stand::start().await;
    let mut body = message("15550100004");
    body["send_at"] = "2100-01-01T00:00:00Z".into();
    let old = send(&stand, &body).await;
    assert_eq!(look(&stand, &format!("/messages/{old}")).await["summary"], "waiting for its time");
    let (status, view) = act(&stand, &format!("/messages/{old}/cancel"), None).await;
    assert_eq!((status, &view["cause"], &view["settled"]), (200, &json!("cancelled"), &json!(true)));
    assert_eq!(act(&stand, &format!("/messages/{old}/cancel"), None).await.0, 409);
    let (status, sent) = act(&stand, &format!("/messages/{old}/resend"), None).await;
    assert_eq!((status, &sent["resent_from"]), (202, &json!(old)));
    let new = sent["id"].as_str().expect("an id").to_owned();
    assert_eq!(settled(&stand, &new).await["channel"], "whatsapp");
    for (id, other, word) in [(&new, &old, "from"), (&old, &new, "as")] {
        let expected = format!("operator: sent again {word} {other} with token `sandbox`");
        stand
            .until("both have the note", || async {
                let view = look(&stand, &format!("/messages/{id}/history")).await;
                view["items"]
                    .as_array()
                    .is_some_and(|items| items.iter().any(|item| item["what"] == *expected))
            })
            .await;
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_route_keeps_its_messages_over_a_restart_until_it_is_resumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let stand = Stand::start_with(Some(folder.path().to_owned()), &[]).await;
    let (status, route) = act(&stand, "/routes/whatsapp/pause", None).await;
    assert_eq!((status, &route["standing"]), (200, &json!("paused")));
    let id = send(&stand, &message("15550100004")).await;
    stand.stop().await;

    let stand = Stand::start_with(Some(folder.path().to_owned()), &[]).await;
    let route = look(&stand, "/routes").await["items"][1].clone();
    assert_eq!((&route["standing"], &route["queued"]), (&json!("paused"), &json!(1)), "{route}");
    let view = look(&stand, &format!("/messages/{id}")).await;
    assert_eq!(
        (&view["status"], &view["next"]["what"]),
        (&json!("accepted"), &json!("waits for a place on route whatsapp"))
    );
    assert_eq!(act(&stand, "/routes/whatsapp/resume", None).await.1["standing"], "open");
    assert_eq!(settled(&stand, &id).await["channel"], "whatsapp");
    assert_eq!(act(&stand, "/routes/nothing/pause", None).await.0, 404);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_sender_keeps_its_messages_and_a_drained_one_gets_no_new_ones() {
    let stand = Stand::start().await;
    let sms = json!({"account": "sandbox", "to": "15550100004", "steps": [{"channel": "sms", "text": "a"}]});
    assert_eq!(act(&stand, "/senders/sms/Courant/pause", None).await.1["standing"], "paused");
    let held = send(&stand, &sms).await;
    let mut other = sms.clone();
    other["steps"][0]["sender"] = "Other".into();
    let passing = send(&stand, &other).await;
    assert_eq!(settled(&stand, &passing).await["status"], "delivered");
    let senders = look(&stand, "/senders").await;
    assert_eq!(
        (&senders["items"][0]["name"], &senders["items"][0]["queued"]),
        (&json!("Courant"), &json!(1))
    );
    assert_eq!(act(&stand, "/senders/sms/Courant/drain", None).await.1["standing"], "draining");
    assert_eq!(settled(&stand, &held).await["status"], "delivered");
    let refused = send(&stand, &sms).await;
    assert_eq!(settled(&stand, &refused).await["cause"], "sender_invalid");
    assert_eq!(act(&stand, "/senders/sms/Courant/resume", None).await.1["standing"], "open");
    let sent = send(&stand, &sms).await;
    assert_eq!(settled(&stand, &sent).await["status"], "delivered");
    assert_eq!(act(&stand, "/senders/pigeon/Courant/pause", None).await.0, 404);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_given_up_are_listed_and_sent_again() {
    let stand = Stand::start().await;
    let mut body = crate::harness::cascade(&stand.url, "15550100004", 5000, "b");
    // The guard lets nobody call there, so the callback is given up at its first try.
    body["callback_url"] = "http://10.9.8.7/hook?secret=1".into();
    assert_eq!(stand.telesign(&body).await.0, 200);
    let parked = stand
        .find("a callback given up", || async {
            let page = look(&stand, "/callbacks?standing=parked&account=sandbox").await;
            page["items"].as_array().filter(|items| !items.is_empty()).cloned()
        })
        .await;
    assert_eq!(parked[0]["url"], "http://10.9.8.7/hook?…");
    assert_eq!(parked[0]["last_result"], "the address may not be called");
    let (status, _) = act(&stand, "/callbacks/replay", Some(&json!({}))).await;
    assert_eq!(status, 400);
    let elsewhere = json!({"url_prefix": "http://elsewhere/"});
    assert_eq!(act(&stand, "/callbacks/replay", Some(&elsewhere)).await.1["replayed"], 0);
    let ids = json!({"ids": [parked[0]["id"]]});
    assert_eq!(act(&stand, "/callbacks/replay", Some(&ids)).await.1, json!({"replayed": 1, "more": false}));
    stand.stop().await;
}

/// Reads events until one fits; ids and data of all that were read.
async fn events(stand: &Stand, after: Option<&str>, until: impl Fn(&Value) -> bool) -> Vec<(String, Value)> {
    let mut request = stand.client.get(format!("{}/api/v1/events", stand.url)).bearer_auth("sandbox");
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let mut response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut text, mut read) = (String::new(), Vec::new());
    let all = async {
        loop {
            let chunk = response.chunk().await.expect("a chunk").expect("no end yet");
            text += &String::from_utf8_lossy(&chunk);
            while let Some((block, rest)) = text.split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned()))
            {
                text = rest;
                let line =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                if let (Some(id), Some(data)) = (line("id: "), line("data: ")) {
                    let data: Value = serde_json::from_str(&data).expect("JSON");
                    let last = until(&data);
                    read.push((id, data));
                    if last {
                        return;
                    }
                }
            }
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, all).await.expect("the events come");
    read
}

fn settles(event: &Value) -> bool {
    event["entry"]["decisions"].as_array().is_some_and(|all| all.iter().any(|one| one["kind"] == "settled"))
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_on_after_a_cursor_without_gap_or_repetition_over_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let stand = Stand::start_with(Some(folder.path().to_owned()), &[]).await;
    let first = send(&stand, &message("15550100001")).await;
    settled(&stand, &first).await;
    let whole = events(&stand, Some("0-0"), settles).await;
    // Wherever a client stopped, it gets exactly the rest.
    for (place, (id, _)) in whole.iter().enumerate().take(whole.len() - 1) {
        assert_eq!(events(&stand, Some(id), settles).await, whole[place + 1..]);
    }
    let kinds: Vec<_> = whole.iter().map(|(_, data)| data["entry"]["kind"].clone()).collect();
    let expected = ["accepted", "taken", "submitted", "received", "taken", "submitted", "received"];
    assert_eq!(kinds, expected);
    let last = whole.last().map(|(id, _)| id.clone()).expect("events");
    stand.stop().await;

    let stand = Stand::start_with(Some(folder.path().to_owned()), &[]).await;
    let second = send(&stand, &message("15550100004")).await;
    let rest = events(&stand, Some(&last), settles).await;
    assert_eq!(rest[0].1["message"], json!(second));
    assert_eq!(rest[0].1["entry"]["kind"], "accepted");
    let ids: BTreeSet<_> = whole.iter().chain(&rest).map(|(id, _)| id.clone()).collect();
    assert_eq!(ids.len(), whole.len() + rest.len());
    assert_eq!(ask(&stand, "sandbox", Method::GET, "/events?after=x", None).await.0, 400);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_by_account_and_channel() {
    let stand = Stand::start().await;
    let id = send(&stand, &message("15550100001")).await;
    settled(&stand, &id).await;
    let chart = look(&stand, "/stats?minutes=5&account=sandbox").await;
    let sum = |channel: &str, count: &str| -> u64 {
        let series =
            chart["series"].as_array().expect("series").iter().filter(|one| one["channel"] == channel);
        let points = series.flat_map(|one| one["points"].as_array().expect("points"));
        points.filter_map(|point| point[count].as_u64()).sum()
    };
    assert_eq!(
        (sum("whatsapp", "accepted"), sum("whatsapp", "given_up"), sum("sms", "delivered")),
        (1, 1, 1)
    );
    assert_eq!(look(&stand, "/stats?account=other").await["series"], json!([]));
    let overview = look(&stand, "/overview").await;
    assert_eq!((&overview["unfinished"], &overview["routes_up"]), (&json!(0), &json!(2)));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_written_while_the_gateway_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let stand = Stand::start_with(Some(folder.path().to_owned()), &[]).await;
    let id = send(&stand, &message("15550100004")).await;
    settled(&stand, &id).await;
    let (status, backup) = act(&stand, "/backup", None).await;
    assert_eq!(status, 201, "{backup}");
    let path = std::path::PathBuf::from(backup["path"].as_str().expect("a path"));
    stand.stop().await;
    // The copy is a whole data folder: restored, it has the message.
    let other = tempfile::tempdir().expect("a folder");
    courant::backup::restore(&path, other.path()).expect("restored");
    let stand = Stand::start_with(Some(other.path().to_owned()), &[]).await;
    assert_eq!(look(&stand, &format!("/messages/{id}")).await["settled"], true);
    stand.stop().await;
}

/// What of a value does not fit its schema, for the part of JSON Schema that the description uses.
fn misfits(description: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target =
            description.pointer(reference.trim_start_matches('#')).expect("references lead somewhere");
        return misfits(description, target, value, place);
    }
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let fits = choices.iter().any(|choice| misfits(description, choice, value, place).is_empty());
        return if fits { Vec::new() } else { vec![format!("{place}: none of the choices fits {value}")] };
    }
    let mut wrong = Vec::new();
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let fits = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    if !kinds.is_empty() && !kinds.iter().any(fits) {
        wrong.push(format!("{place}: {value} is not {kinds:?}"));
    }
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(required).is_none() {
            wrong.push(format!("{place}: {required} is missing"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => {
                wrong.extend(misfits(description, schema, member, &format!("{place}.{name}")));
            }
            (None, additional) if additional.is_object() => {
                wrong.extend(misfits(description, additional, member, &format!("{place}.{name}")));
            }
            (None, _) if schema["properties"].is_object() => {
                wrong.push(format!("{place}: {name} is not described"));
            }
            (None, _) => {}
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        wrong.extend(misfits(description, &schema["items"], item, &format!("{place}[{index}]")));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_uploaded_listed_sent_by_its_id_and_removed() {
    const JPEG: &[u8] = include_bytes!("../../../sandbox/samples/sample.jpg");
    let stand = Stand::start().await;
    let upload = async |account: &str, kind: &str, bytes: &'static [u8]| {
        let request =
            stand.client.post(format!("{}/api/v1/media?account={account}&filename=a.jpg", stand.url));
        let request = request.bearer_auth("sandbox").header("content-type", kind).body(bytes);
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json::<Value>().await.expect("JSON"))
    };
    let (status, made) = upload("sandbox", "Image/JPG; q=1", JPEG).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().expect("an id");
    assert_eq!(
        (&made["mime"], &made["filename"], &made["bytes"]),
        (&json!("image/jpeg"), &json!("a.jpg"), &json!(JPEG.len()))
    );
    let public = stand.client.get(made["url"].as_str().expect("an address")).send().await.expect("an answer");
    assert_eq!(public.bytes().await.expect("a body"), JPEG);
    assert_eq!(upload("sandbox", "image/jpeg", b"").await.0, 400);
    assert_eq!(upload("nobody", "image/jpeg", JPEG).await.0, 404);

    upload("sandbox", "nonsense", b"anything").await;
    let first = look(&stand, "/media?account=sandbox&limit=1").await;
    let rest = look(
        &stand,
        &format!("/media?account=sandbox&after={}", first["items"][0]["id"].as_str().expect("an id")),
    )
    .await;
    let all = [&first["items"][0], &rest["items"][0]];
    assert!(all.contains(&&made) && rest["items"].as_array().is_some_and(|rest| rest.len() == 1), "{rest}");
    assert!(all.iter().any(|view| view["mime"] == "application/octet-stream"));
    assert_eq!(look(&stand, "/media?account=other").await["items"], json!([]));
    let (_, token) = act(&stand, "/tokens", Some(&json!({"name": "eyes", "scopes": ["look"]}))).await;
    let token = token["token"].as_str().expect("a token");
    let (_, masked) = ask(&stand, token, Method::GET, &format!("/media/{id}"), None).await;
    assert_eq!(
        (&masked["id"], &masked["url"], &masked["filename"]),
        (&json!(id), &Value::Null, &Value::Null)
    );
    assert_eq!(ask(&stand, token, Method::DELETE, &format!("/media/{id}"), None).await.0, 403);

    let media = json!({"kind": "image", "id": id});
    let body = json!({"account": "sandbox", "to": "15550107777", "steps": [{"channel": "whatsapp", "media": media}]});
    let sent = send(&stand, &body).await;
    assert_eq!(settled(&stand, &sent).await["status"], "delivered");
    assert_eq!(stand.inbox("15550107777").await[0]["media"]["size"], JPEG.len());
    assert_eq!(ask(&stand, "sandbox", Method::DELETE, &format!("/media/{id}"), None).await.0, 204);
    assert_eq!(ask(&stand, "sandbox", Method::DELETE, &format!("/media/{id}"), None).await.0, 404);
    assert_eq!(ask(&stand, "sandbox", Method::GET, &format!("/media/{id}"), None).await.0, 404);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beyond_the_accounts_limit_is_refused_and_nothing_of_it_is_kept() {
    let stand = Stand::start_with(None, &["account[sandbox].media.max_file_bytes=20000"]).await;
    for bytes in [20_001, 8 << 20] {
        let request = stand.client.post(format!("{}/api/v1/media?account=sandbox", stand.url));
        let response = request.bearer_auth("sandbox").body(vec![7; bytes]).send().await.expect("an answer");
        assert_eq!(response.status(), 413);
        let problem: Value = response.json().await.expect("JSON");
        assert_eq!(problem["type"], "urn:courant:problem:too-large");
    }
    assert_eq!(look(&stand, "/media?account=sandbox").await["items"], json!([]));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_put_in_once_per_payment_and_every_movement_is_in_the_ledger() {
    let price = "price=[{channel='sms',amount='0.0075',currency='EUR'}]";
    let stand = Stand::start_with(None, &[BALANCE, price]).await;
    let top_up = json!({"amount": "12.5", "reference": "payment 1"});
    let (status, kept) = act(&stand, "/accounts/sandbox/top-ups", Some(&top_up)).await;
    assert_eq!((status, &kept), (200, &json!({"currency": "EUR", "available": "13.50", "held": "0.00"})));
    let (status, problem) = act(&stand, "/accounts/sandbox/top-ups", Some(&top_up)).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:courant:problem:conflict")));
    let out = json!({"amount": "-0.000001"});
    assert_eq!(act(&stand, "/accounts/sandbox/top-ups", Some(&out)).await.1["available"], "13.499999");
    for amount in ["", "-", "1.", "1,5", "0.0000001", "1000000000", "--1", "1e3"] {
        let (status, problem) =
            act(&stand, "/accounts/sandbox/top-ups", Some(&json!({ "amount": amount }))).await;
        assert_eq!(status, 400, "{amount}: {problem}");
    }
    let (_, token) =
        act(&stand, "/tokens", Some(&json!({"name": "worker", "scopes": ["look", "act"]}))).await;
    let token = token["token"].as_str().expect("a token");
    assert_eq!(ask(&stand, token, Method::POST, "/accounts/sandbox/top-ups", Some(&out)).await.0, 403);

    let step = json!({"channel": "sms", "text": "hello"});
    let body = json!({"account": "sandbox", "to": "15550107777", "steps": [step]});
    let sent = send(&stand, &body).await;
    settled(&stand, &sent).await;
    let kept = look(&stand, "/accounts/sandbox/balance").await;
    assert_eq!(kept, json!({"currency": "EUR", "available": "13.492499", "held": "0.00"}));
    assert_eq!(look(&stand, "/accounts/sandbox").await["balance"], kept);
    let (mut rows, mut after) = (Vec::new(), 0.to_string());
    loop {
        let page = look(&stand, &format!("/accounts/sandbox/ledger?limit=2&after={after}")).await;
        rows.extend(page["items"].as_array().expect("rows").clone());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    let told = |row: &Value| (row["kind"].clone(), row["amount"].clone(), row["reference"].clone());
    let expected = [
        (json!("opened"), json!("1.00"), Value::Null),
        (json!("top_up"), json!("12.50"), json!("payment 1")),
        (json!("top_up"), json!("-0.000001"), Value::Null),
    ];
    assert_eq!(rows[..3].iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!((&rows[3]["kind"], &rows[3]["message"]), (&json!("reserve"), &json!(sent)));
    assert!(rows.iter().any(|row| row["kind"] == "charge" && row["step"] == 1), "{rows:?}");

    let (status, _) = ask(&stand, "sandbox", Method::GET, "/accounts/other/balance", None).await;
    assert_eq!(status, 404);
    assert_eq!(act(&stand, "/accounts/other/top-ups", Some(&out)).await.0, 404);
    assert_eq!(look(&stand, "/accounts/other").await["balance"], Value::Null);
    assert_eq!(ask(&stand, "sandbox", Method::GET, "/accounts/nobody/ledger", None).await.0, 404);
    stand.stop().await;
}

/// A stored plan with one more step.
fn plan(attach: &str, channel: &str) -> Value {
    json!({"attach": attach, "patience_ms": 200, "then": [{"channel": channel, "text": "instead: {text}"}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_that_are_written_count_at_once_and_over_a_restart_until_they_are_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let stand = Stand::start_with(Some(folder.path().to_owned()), &[]).await;
    let path = "/accounts/sandbox/plans";
    let before = look(&stand, path).await;
    assert_eq!(before, json!({"written": false, "version": 0, "plans": []}));
    let wanted = json!({"version": 0, "plans": [plan("a_1", "sms")]});
    let (status, written) = act(&stand, path, Some(&wanted)).await;
    assert_eq!((status, &written["written"], &written["version"]), (200, &json!(true), &json!(1)));
    assert_eq!(act(&stand, path, Some(&wanted)).await.0, 409, "they were written meanwhile");
    let twice = json!({"version": 1, "plans": [plan("a_1", "sms"), plan("a_1", "sms")]});
    assert_eq!(act(&stand, path, Some(&twice)).await.0, 409, "two for the same");
    let endless = json!({"version": 1, "plans": [{"patience_ms": 0, "then": []}]});
    assert_eq!(act(&stand, path, Some(&endless)).await.0, 400);
    stand.stop().await;

    let stand = Stand::start_with(Some(folder.path().to_owned()), &[]).await;
    assert_eq!(look(&stand, path).await, written, "a restart changes nothing");
    assert_eq!(look(&stand, "/accounts/sandbox").await["plans"], 1);
    // The number has no WhatsApp, and the API no fallback of its own.
    webex(&stand, "15550100001").await;
    stand
        .until("the written plan's SMS is on the phone", || async {
            let phone = stand.json("/sandbox/handsets/15550100001").await;
            phone["inbox"].as_array().expect("an inbox").iter().any(|entry| entry["text"] == "instead: hello")
        })
        .await;
    let (status, _) = ask(&stand, "sandbox", Method::DELETE, path, None).await;
    assert_eq!((status, look(&stand, path).await), (204, before));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_that_is_written_is_what_requests_that_name_it_go_by() {
    let stand = Stand::start().await;
    let path = "/accounts/sandbox/scenarios";
    let new =
        json!({"name": "quick", "flow": [{"channel": "sms", "sender": "Quick"}, {"channel": "whatsapp"}]});
    let (status, made) = act(&stand, path, Some(&new)).await;
    assert_eq!((status, &made["default"], &made["configured"]), (201, &json!(false), &json!(false)));
    let key = made["key"].as_str().expect("a key");
    let one = format!("{path}/{key}");
    assert_eq!(look(&stand, &one).await, made);
    let request = stand.client.post(format!("{}/omni/1/advanced", stand.url));
    let request = request.header("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").json(&json!({
        "scenarioKey": key, "destinations": [{"to": {"phoneNumber": "15550100004"}, "messageId": "by scenario"}],
        "whatsApp": {"text": "a"}, "sms": {"text": "b"},
    }));
    assert!(request.send().await.expect("an answer").status().is_success());
    let view = look(&stand, "/messages/by%20scenario").await;
    assert_eq!(
        (&view["plan"][0]["channel"], &view["plan"][0]["sender"], &view["plan"][1]["channel"]),
        (&json!("sms"), &json!("Quick"), &json!("whatsapp"))
    );
    let wrong = [
        json!({"flow": []}),
        json!({"flow": [{"channel": "pigeon"}]}),
        json!({"flow": [{"channel": "sms", "sender": ""}]}),
        json!({"flow": vec![json!({"channel": "sms"}); 17]}),
        json!({"name": "", "flow": [{"channel": "sms"}]}),
    ];
    for wrong in wrong {
        assert_eq!(act(&stand, path, Some(&wrong)).await.0, 400, "{wrong}");
        assert_eq!(act(&stand, &one, Some(&wrong)).await.0, 400, "{wrong}");
    }
    assert_eq!(ask(&stand, "sandbox", Method::DELETE, &one, None).await.0, 204);
    for (method, body) in [(Method::GET, None), (Method::POST, Some(&new)), (Method::DELETE, None)] {
        assert_eq!(ask(&stand, "sandbox", method.clone(), &one, body).await.0, 404, "{method}");
    }
    // Those of the configuration can be replaced here, and be removed there.
    let configured = format!("{path}/CC9F01A5DC7BEE2C2B829D203482A654");
    assert_eq!(ask(&stand, "sandbox", Method::DELETE, &configured, None).await.0, 409);
    let before = look(&stand, &configured).await;
    assert_eq!(act(&stand, &configured, Some(&new)).await.1["name"], "quick");
    assert_eq!(ask(&stand, "sandbox", Method::DELETE, &configured, None).await.0, 204);
    assert_eq!(look(&stand, &configured).await, before);
    assert_eq!(look(&stand, "/accounts/other/scenarios").await["items"], json!([]));
    stand.stop().await;
}

/// Sends a text by an API without fallback.
async fn webex(stand: &Stand, number: &str) {
    let body = json!({
        "deliverychannel": "whatsapp", "appid": "a_1", "destination": [{ "waid": [number] }],
        "channels": { "OTT-Messaging": { "wa": { "type": "text", "text": { "body": "hello" } } } },
    });
    let request = stand.client.post(format!("{}/resources/v1/messaging", stand.url));
    let request = request.header("key", "5c0f1e2a-3b4d-11ee-be56-0242ac120002").json(&body);
    assert!(request.send().await.expect("an answer").status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_told_as_it_was_received_and_answered_without_its_credentials() {
    let stand = Stand::start().await;
    let reference = stand.send("15550101234", 5000, "kept").await;
    let kept = stand
        .find("the request to be kept", || async {
            let told = look(&stand, &format!("/messages/{reference}")).await;
            told["exchange"].is_object().then(|| told["exchange"].clone())
        })
        .await;
    let head = kept["head"].as_str().expect("text");
    assert!(head.starts_with("POST /v1/omnichannel\ncontent-type: application/json"), "{head}");
    assert!(kept["body"].as_str().expect("text").contains("whatsapp for 15550101234"), "{kept}");
    assert_eq!(kept["answer_head"], "200 OK\ncontent-type: application/json");
    assert!(kept["answer"].as_str().expect("text").contains(&reference), "{kept}");
    assert!(!kept.to_string().contains("Basic"), "{kept}");
    let looking = json!({"name": "looking", "scopes": ["look"]});
    let (_, made) = act(&stand, "/tokens", Some(&looking)).await;
    let token = made["token"].as_str().expect("a token");
    let (_, masked) = ask(&stand, token, Method::GET, &format!("/messages/{reference}"), None).await;
    assert_eq!(masked["exchange"], Value::Null, "for those who may see contents");
    stand.stop().await;

    let stand = Stand::start_with(None, &["store.keep_requests_hours=0"]).await;
    let reference = stand.send("15550101234", 5000, "kept").await;
    assert_eq!(look(&stand, &format!("/messages/{reference}")).await["exchange"], Value::Null);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_programs_do_is_written_down_with_their_token() {
    let stand = Stand::start().await;
    act(&stand, "/routes/sms/pause", None).await;
    act(&stand, "/routes/sms/resume", None).await;
    let page = stand.client.get(format!("{}/console/people/audit", stand.url)).send().await;
    let page = page.expect("an answer").text().await.expect("a page");
    for told in ["token sandbox", "paused", "resumed", "route sms"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_answers_of_every_operation_are_as_described() {
    let stand = Stand::start_with(None, &[BALANCE]).await;
    let description = stand.json("/api/v1/openapi.json").await;
    assert_eq!(description["openapi"], "3.1.0");
    let mut body = message("15550100001");
    body["send_at"] = "2100-01-01T00:00:00Z".into();
    let scheduled = send(&stand, &body).await;
    let done = send(&stand, &message("15550100001")).await;
    settled(&stand, &done).await;
    let bodies = |operation: &str| match operation {
        "sendMessage" => Some(message("15550100004")),
        "replayCallbacks" => Some(json!({"account": "sandbox"})),
        "uploadMedia" => Some(json!("a file")),
        "topUp" => Some(json!({"amount": "12.5"})),
        "writePlans" => Some(json!({"version": 0, "plans": [plan("SHOP", "sms")]})),
        "createScenario" | "replaceScenario" => {
            Some(json!({"name": "quick", "flow": [{"channel": "sms"}], "default": false}))
        }
        "checkPlans" => Some(json!({"plans": [plan("SHOP", "viber")]})),
        "createToken" => Some(json!({"name": "made", "scopes": ["look", "act"]})),
        _ => None,
    };
    let (_, upload) = act(&stand, "/media?account=sandbox&filename=a.json", Some(&json!("a file"))).await;
    let upload = upload["id"].as_str().expect("an id");
    let mut seen = 0;
    for operation in courant::admin::OPERATIONS {
        let described = format!("/api/v1{}", operation.path);
        let method = format!("{:?}", operation.method).to_lowercase();
        let entry = &description["paths"][&described][&method];
        assert_eq!(entry["operationId"], operation.id);
        if matches!(operation.id, "streamEvents" | "describe") {
            continue;
        }
        let (id, name) = match operation.id {
            "cancelMessage" => (scheduled.as_str(), ""),
            "revokeToken" => ("made", ""),
            "readAccount" | "readBalance" | "readLedger" | "topUp" => ("", "sandbox"),
            id if id.ends_with("Plans") || id.contains("Scenario") => ("", "sandbox"),
            "readMedia" | "removeMedia" => (upload, ""),
            id if id.ends_with("Sender") => ("", "Courant"),
            _ => (done.as_str(), "sms"),
        };
        let path = operation.path.replace("{id}", id).replace("{name}", name).replace("{channel}", "sms");
        // It stands in the sandbox's configuration, and is replaced before it is removed.
        let path = path.replace("{key}", "CC9F01A5DC7BEE2C2B829D203482A654");
        let path = match operation.id {
            "findMessages" => format!("{path}?text={done}"),
            "uploadMedia" | "listMedia" => format!("{path}?account=sandbox"),
            _ => path,
        };
        let verb = method.to_uppercase().parse().expect("a method");
        let (status, answer) = ask(&stand, "sandbox", verb, &path, bodies(operation.id).as_ref()).await;
        let response = &entry["responses"][status.to_string()];
        assert!(status < 300 && response.is_object(), "{} answered {status}: {answer}", operation.id);
        let schema = &response["content"]["application/json"]["schema"];
        assert_eq!(misfits(&description, schema, &answer, operation.id), Vec::<String>::new());
        seen += 1;
    }
    assert_eq!(seen, courant::admin::OPERATIONS.len() - 2);
    let (status, problem) = ask(&stand, "sandbox", Method::GET, "/nothing", None).await;
    assert_eq!(status, 404);
    let schema =
        &description["components"]["responses"]["Problem"]["content"]["application/problem+json"]["schema"];
    assert_eq!(misfits(&description, schema, &problem, "problem"), Vec::<String>::new());
    assert_eq!(ask(&stand, "sandbox", Method::DELETE, "/routes", None).await.0, 405);
    stand.stop().await;
}
