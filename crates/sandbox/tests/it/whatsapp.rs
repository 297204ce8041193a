//! The simulated WhatsApp network.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::bench::{Bench, image, template, text, until};

fn code(status: &Value) -> i64 {
    status["errors"][0]["code"].as_i64().unwrap_or(0)
}

#[tokio::test]
async fn a_message_is_sent_delivered_and_read() {
    let bench = Bench::start().await;
    let mut body = text("+1 (555) 123-4567", "Grüße");
    body["biz_opaque_callback_data"] = json!("reference-1");
    let (status, answer) = bench.send(body).await;
    assert_eq!(status, 200);
    let id = answer["messages"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        answer,
        json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": "+1 (555) 123-4567", "wa_id": "15551234567" }],
            "messages": [{ "id": id }],
        })
    );
    let read = bench.status(&id, "read").await;
    assert_eq!(read["biz_opaque_callback_data"], "reference-1");
    assert_eq!(read["recipient_id"], "15551234567");
    let sent = bench.status(&id, "sent").await;
    assert_eq!(sent["pricing"]["category"], "service");
    assert!(sent["conversation"]["expiration_timestamp"].is_string());
    bench.status(&id, "delivered").await;

    let inbox = bench.inbox("15551234567").await;
    let expected = json!({
        "channel": "whatsapp",
        "network_id": id,
        "from": "18005550199",
        "type": "text",
        "text": "Grüße",
        "media": null,
        "at": inbox[0]["at"],
        "state": "read",
    });
    assert_eq!(inbox, [expected]);
}

#[tokio::test]
async fn message_ids_have_the_shape_of_the_real_ones() {
    let bench = Bench::start().await;
    let id = bench.accepted(text("16505551234", "hello")).await;
    let record = STANDARD.decode(id.strip_prefix("wamid.").unwrap()).unwrap();
    assert_eq!(record[..3], [0x1C, 0x18, 0x0B]);
    assert_eq!(record[3..14], *b"16505551234");
    assert_eq!(record[14..20], [0x15, 0x02, 0x00, 0x11, 0x18, 0x12]);
    assert!(record[20..38].iter().all(u8::is_ascii_hexdigit));
    assert_eq!(record[38..], [0]);
}

#[tokio::test]
async fn handsets_without_whatsapp_fail_after_acceptance() {
    let bench = Bench::start().await;
    for number in ["15551230001", "15551230003"] {
        let id = bench.accepted(text(number, "hello")).await;
        assert_eq!(code(&bench.status(&id, "failed").await), 131_026, "{number}");
        assert_eq!(bench.settled(&id).await, ["failed"]);
        assert!(bench.inbox(number).await.is_empty());
    }
}

#[tokio::test]
async fn a_silent_handset_gets_nothing_and_the_sample_number_is_one() {
    let bench = Bench::start().await;
    for number in ["15551230002", "15558675309"] {
        let id = bench.accepted(text(number, "hello")).await;
        bench.status(&id, "sent").await;
        assert_eq!(bench.settled(&id).await, ["sent"]);
        assert!(bench.inbox(number).await.is_empty());
    }
}

#[tokio::test]
async fn some_people_never_read() {
    let bench = Bench::start().await;
    let id = bench.accepted(text("15551230004", "hello")).await;
    bench.status(&id, "delivered").await;
    let mut statuses = bench.settled(&id).await;
    statuses.sort_unstable();
    assert_eq!(statuses, ["delivered", "sent"]);
    assert_eq!(bench.inbox("15551230004").await[0]["state"], "delivered");
}

#[tokio::test]
async fn a_closed_window_takes_templates_only_until_the_person_writes() {
    let bench = Bench::start().await;
    let number = "15551230005";
    let refused = bench.accepted(text(number, "hello")).await;
    assert_eq!(code(&bench.status(&refused, "failed").await), 131_047);
    let taken = bench.accepted(template(number, "order_update", &["Ann", "7"])).await;
    bench.status(&taken, "delivered").await;
    let inbox = bench.inbox(number).await;
    assert_eq!(inbox[0]["text"], "Hello Ann, your order 7 is on its way.");

    let (status, answer) = bench
        .post(&format!("handsets/{number}/reply"), json!({ "channel": "whatsapp", "text": "Ja/é" }))
        .await;
    assert_eq!(status, 200, "{answer}");
    let inbound = until(async || bench.webhook.list("messages").pop()).await;
    assert_eq!(inbound["from"], number);
    assert_eq!(inbound["text"]["body"], "Ja/é");
    assert_eq!(inbound["id"], answer["network_id"]);
    let body = bench.webhook.bodies().pop().unwrap();
    assert!(body.contains(r"Ja\/\u00e9"), "{body}");

    let id = bench.accepted(text(number, "hello again")).await;
    bench.status(&id, "delivered").await;
}

#[tokio::test]
async fn media_can_be_refused_and_marketing_stopped() {
    let bench = Bench::start().await;
    let sample = format!("{}/media/sample.jpg", bench.base);
    let id = bench.accepted(image("15551230006", &sample)).await;
    assert_eq!(code(&bench.status(&id, "failed").await), 131_053);
    let id = bench.accepted(text("15551230006", "words are fine")).await;
    bench.status(&id, "read").await;
    for body in [text("15551230009", "offer"), template("15551230009", "any_offer", &[])] {
        let id = bench.accepted(body).await;
        assert_eq!(code(&bench.status(&id, "failed").await), 131_050);
    }
    let id = bench.accepted(template("15551230009", "one_time_code", &["123456"])).await;
    bench.status(&id, "delivered").await;
}

#[tokio::test]
async fn late_handsets_get_messages_three_seconds_later() {
    let bench = Bench::scaled(0.2).await;
    let start = Instant::now();
    let id = bench.accepted(text("15551230007", "hello")).await;
    bench.status(&id, "delivered").await;
    assert!(start.elapsed() >= Duration::from_millis(600), "{:?}", start.elapsed());
}

#[tokio::test]
async fn throttling_ends_after_two_tries_and_server_errors_after_one() {
    let bench = Bench::start().await;
    for (number, tries, expected) in [("15551230008", 2, (429, 130_429)), ("15551230013", 1, (500, 131_000))]
    {
        for _ in 0..tries {
            let (status, answer) = bench.send(text(number, "hello")).await;
            assert_eq!((status, answer["error"]["code"].as_i64().unwrap()), expected);
        }
        let id = bench.accepted(text(number, "hello")).await;
        bench.status(&id, "read").await;
        assert_eq!(bench.inbox(number).await.len(), 1);
    }
}

#[tokio::test]
async fn statuses_can_be_repeated_out_of_order_and_without_delivered() {
    let bench = Bench::start().await;
    let id = bench.accepted(text("15551230010", "hello")).await;
    let names = until(async || {
        let names: Vec<Value> =
            bench.webhook.statuses(&id).into_iter().map(|status| status["status"].clone()).collect();
        Some(names).filter(|names| names.len() >= 4)
    })
    .await;
    let count = |name: &str| names.iter().filter(|one| *one == name).count();
    assert_eq!((count("sent"), count("read"), names.len()), (2, 2, 4));
    assert_eq!(names[0], "read");
}

#[tokio::test]
async fn an_unanswered_send_still_has_an_outcome() {
    let bench = Bench::scaled(0.1).await;
    let mut body = text("15551230011", "hello");
    body["biz_opaque_callback_data"] = json!("attempt-1");
    let url = format!("{}/{}/messages", bench.sandbox.graph_url(), crate::bench::PHONE);
    let request = bench.http.post(url).bearer_auth("sandbox").json(&body).send();
    let told = until(async || {
        let statuses = bench.webhook.list("statuses");
        statuses
            .into_iter()
            .find(|status| status["biz_opaque_callback_data"] == "attempt-1" && status["status"] == "read")
    });
    tokio::select! {
        answer = request => panic!("the first try must not be answered: {answer:?}"),
        status = told => assert_eq!(status["recipient_id"], "15551230011"),
    }
    let start = Instant::now();
    bench.accepted(text("15551230011", "again")).await;
    assert!(start.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn a_slow_network_answers_after_two_seconds() {
    let bench = Bench::scaled(0.1).await;
    let start = Instant::now();
    let id = bench.accepted(text("15551230012", "hello")).await;
    assert!(start.elapsed() >= Duration::from_millis(200));
    bench.status(&id, "read").await;
}

#[tokio::test]
async fn tokens_and_numbers_are_checked() {
    let bench = Bench::start().await;
    let url = format!("{}/v23.0/1/messages", bench.sandbox.graph_url());
    let none = bench.http.post(&url).json(&text("1", "x")).send().await.unwrap();
    assert_eq!(none.status(), 401);
    assert_eq!(none.json::<Value>().await.unwrap()["error"]["code"], 104);
    let wrong = bench.http.post(&url).bearer_auth("wrong").json(&text("1", "x")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    let error = wrong.json::<Value>().await.unwrap()["error"].clone();
    assert_eq!((&error["code"], &error["error_subcode"]), (&json!(190), &json!(463)));
    let url = format!("{}/v23.0/letters/messages", bench.sandbox.graph_url());
    let unknown = bench.http.post(&url).bearer_auth("sandbox").json(&text("1", "x")).send().await.unwrap();
    assert_eq!(unknown.status(), 400);
    assert_eq!(unknown.json::<Value>().await.unwrap()["error"]["error_subcode"], 33);
}

#[tokio::test]
async fn wrong_requests_are_refused_at_once() {
    let bench = Bench::start().await;
    let send = |kind: &str, object: Value| {
        let mut body = json!({ "messaging_product": "whatsapp", "to": "15551234567", "type": kind });
        body[kind] = object;
        body
    };
    let buttons = |titles: &[&str]| {
        let buttons: Vec<Value> = titles
            .iter()
            .map(|title| json!({ "type": "reply", "reply": { "id": format!("id-{title}"), "title": title } }))
            .collect();
        json!({ "type": "button", "body": { "text": "?" }, "action": { "buttons": buttons } })
    };
    let cases = [
        (json!({ "to": "15551234567", "text": { "body": "x" } }), 100),
        (json!({ "messaging_product": "whatsapp", "text": { "body": "x" } }), 100),
        (send("text", json!({})), 131_008),
        (send("text", json!({ "body": "x".repeat(4097) })), 100),
        (send("image", json!({})), 100),
        (send("image", json!({ "id": "1", "link": "http://example.com/x.jpg" })), 100),
        (send("image", json!({ "link": "ftp://example.com/x.jpg" })), 131_009),
        (send("image", json!({ "id": "12345" })), 131_009),
        (send("fax", json!({})), 100),
        (send("location", json!({ "latitude": "91", "longitude": 0 })), 131_009),
        (send("contacts", json!([{ "name": { "formatted_name": "Ann" } }])), 100),
        (send("reaction", json!({ "message_id": "wamid.x" })), 131_008),
        (send("interactive", buttons(&["a", "b", "c", "d"])), 100),
        (send("interactive", buttons(&["same", "same"])), 100),
        (send("interactive", buttons(&["a title that is too long"])), 100),
        (template("15551234567", "missing_offer", &[]), 132_001),
        (template("15551234567", "paused_offer", &[]), 132_015),
        (template("15551234567", "order_update", &["only one"]), 132_000),
        (text("18005550199", "to myself"), 131_021),
    ];
    for (body, expected) in cases {
        let (status, answer) = bench.send(body.clone()).await;
        assert!((400..500).contains(&status), "{body}");
        assert_eq!(answer["error"]["code"], expected, "{body} {answer}");
    }
}

#[tokio::test]
async fn every_type_of_message_arrives() {
    let bench = Bench::start().await;
    let number = "15551237777";
    let base = json!({ "messaging_product": "whatsapp", "to": number });
    let cases = [
        ("location", json!({ "latitude": "52.5", "longitude": 13, "name": "Berlin" }), "52.5,13 Berlin"),
        ("contacts", json!([{ "name": { "formatted_name": "Ann Lee", "first_name": "Ann" } }]), "Ann Lee"),
        ("reaction", json!({ "message_id": "wamid.x", "emoji": "👍" }), "👍"),
        (
            "interactive",
            json!({
                "type": "list",
                "body": { "text": "choose" },
                "action": { "button": "open", "sections": [{ "rows": [{ "id": "1", "title": "one" }] }] },
            }),
            "choose",
        ),
    ];
    for (at, (kind, object, shown)) in cases.into_iter().enumerate() {
        let mut body = base.clone();
        body["type"] = json!(kind);
        body[kind] = object;
        bench.accepted(body).await;
        let inbox = bench.inbox_of(number, at + 1).await;
        assert_eq!((inbox[at]["type"].as_str(), inbox[at]["text"].as_str()), (Some(kind), Some(shown)));
    }
    let mark = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x" });
    assert_eq!(bench.send(mark).await, (200, json!({ "success": true })));
}

#[tokio::test]
async fn uploads_belong_to_the_number_that_made_them() {
    let bench = Bench::start().await;
    let graph = bench.sandbox.graph_url();
    let file =
        reqwest::multipart::Part::bytes(vec![7; 100]).file_name("wrong.mp3").mime_str("text/plain").unwrap();
    let form = reqwest::multipart::Form::new().part("file", file).text("type", "image/png");
    let upload = bench
        .http
        .post(format!("{graph}/v20.0/{}/media?messaging_product=whatsapp", crate::bench::PHONE))
        .bearer_auth("sandbox")
        .multipart(form);
    let id = upload.send().await.unwrap().json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();

    let get = |url: String| bench.http.get(url).bearer_auth("sandbox").send();
    let found: Value = get(format!("{graph}/v23.0/{id}")).await.unwrap().json().await.unwrap();
    assert_eq!(found["mime_type"], "image/png");
    assert_eq!(found["file_size"], "100");
    let link = found["url"].as_str().unwrap().to_owned();
    assert_eq!(bench.http.get(&link).send().await.unwrap().status(), 401);
    assert_eq!(get(link.clone()).await.unwrap().bytes().await.unwrap(), vec![7; 100]);
    assert_eq!(get(format!("{link}0")).await.unwrap().status(), 404);

    let body = json!({ "messaging_product": "whatsapp", "to": "15551237001", "type": "image", "image": { "id": id } });
    let sent = bench.accepted(body.clone()).await;
    bench.status(&sent, "delivered").await;
    let elsewhere = bench.http.post(format!("{graph}/v23.0/42/messages")).bearer_auth("sandbox").json(&body);
    assert_eq!(elsewhere.send().await.unwrap().json::<Value>().await.unwrap()["error"]["code"], 131_009);
    let mut wrong = body.clone();
    wrong["type"] = json!("video");
    wrong["video"] = json!({ "id": id });
    let failed = bench.accepted(wrong).await;
    assert_eq!(code(&bench.status(&failed, "failed").await), 131_053);

    let deleted =
        bench.http.delete(format!("{graph}/v23.0/{id}")).bearer_auth("sandbox").send().await.unwrap();
    assert_eq!(deleted.json::<Value>().await.unwrap(), json!({ "success": true }));
    assert_eq!(bench.send(body).await.1["error"]["code"], 131_009);
}

#[tokio::test]
async fn linked_media_are_really_fetched() {
    let bench = Bench::start().await;
    let media = format!("{}/media", bench.base);
    let good = ["sample.jpg", "sample.png", "sample.jpg?redirect=1", "sample.jpg?pad=1000000"];
    for (at, file) in good.into_iter().enumerate() {
        let number = format!("1555123800{}", at + 1);
        let id = bench.accepted(image(&number, &format!("{media}/{file}"))).await;
        bench.status(&id, "read").await;
        let shown = bench.inbox(&number).await[0]["media"].clone();
        assert!(shown["size"].as_u64().unwrap() > 1000, "{shown}");
        assert_eq!(shown["caption"], "look");
    }
    let bad = [
        "sample.jpg?status=404",
        "sample.jpg?type=text/html",
        "sample.jpg?pad=6000000",
        "sample.webp",
        "none",
    ];
    for file in bad {
        let id = bench.accepted(image("15551238100", &format!("{media}/{file}"))).await;
        assert_eq!(code(&bench.status(&id, "failed").await), 131_053, "{file}");
    }
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let id = bench.accepted(image("15551238100", &format!("http://{closed}/x.jpg"))).await;
    bench.status(&id, "failed").await;
    assert!(bench.inbox("15551238100").await.is_empty());
}

#[tokio::test]
async fn media_of_unreachable_hosts_count_as_fetched() {
    let bench = Bench::start().await;
    let link = "http://no-such-host.invalid/picture.jpg";
    let id = bench.accepted(image("15551238200", link)).await;
    bench.status(&id, "read").await;
    let inbox = bench.inbox("15551238200").await;
    assert_eq!(inbox[0]["unverified"], true);
    assert_eq!(inbox[0]["media"]["unverified"], true);
    assert_eq!(inbox[0]["media"]["url"], link);
}

#[tokio::test]
async fn the_webhook_is_called_until_it_answers_200() {
    let bench = Bench::start().await;
    bench.webhook.fail_first.store(2, Ordering::SeqCst);
    let id = bench.accepted(text("15551237002", "hello")).await;
    for name in ["sent", "delivered", "read"] {
        bench.status(&id, name).await;
    }
}

#[tokio::test]
async fn an_outage_refuses_connections_and_holds_events() {
    let bench = Bench::start().await;
    let id = bench.accepted(text("15551230007", "late")).await;
    let (status, setting) = bench.post("networks/whatsapp", json!({ "up": false })).await;
    assert_eq!((status, &setting["up"]), (200, &json!(false)));
    let url = format!("{}/{}", bench.sandbox.graph_url(), crate::bench::PHONE);
    let fresh =
        || reqwest::Client::builder().no_proxy().build().unwrap().get(&url).bearer_auth("sandbox").send();
    until(async || fresh().await.err().filter(reqwest::Error::is_connect)).await;
    bench.post("networks/whatsapp", json!({ "up": true })).await;
    until(async || fresh().await.ok().filter(|answer| answer.status() == 200)).await;
    bench.status(&id, "read").await;
}

#[tokio::test]
async fn limits_and_latency_can_be_set() {
    let bench = Bench::start().await;
    bench.post("networks/whatsapp", json!({ "throttle_mps": 1, "latency_ms": 50 })).await;
    let start = Instant::now();
    bench.accepted(text("15551237003", "one")).await;
    assert!(start.elapsed() >= Duration::from_millis(50));
    let (status, answer) = bench.send(text("15551237003", "two")).await;
    assert_eq!((status, &answer["error"]["code"]), (429, &json!(130_429)));
    bench.post("networks/whatsapp", json!({ "throttle_mps": 0, "latency_ms": 0 })).await;
    bench.accepted(text("15551237003", "three")).await;
}
