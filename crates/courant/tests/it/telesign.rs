//! The Telesign dialect over real sockets: the vendor's own sample, and everything that can be
//! wrong with a request.

use serde_json::{Value, json};

use crate::harness::{Stand, TELESIGN_BASIC, cascade};

/// As the vendor prints it, with a link that this machine can fetch.
const SAMPLE: &str = r#"{
  "channels": [
    {
      "channel": "whatsapp",
      "fallback_time": 600
    },
    {
      "channel": "sms"
    }
  ],
  "phone_number": "15558675309",
  "message": {
    "whatsapp": {
      "template": "image",
      "parameters": {
        "url":"https://s3.amazonaws.com/viatu-mktg/bogo_coupon_52359.jpg"
      }
    },
    "sms": {
      "template": "text",
      "parameters": {
        "text": "Buy one get one free! Use code 'BOGO' at checkout on viatushop.com."
      }
    }
  },
  "message_type": "MKT"
}"#;

async fn post(stand: &Stand, authorization: Option<&str>, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let mut request =
        stand.client.post(format!("{}/v1/omnichannel", stand.url)).header("content-type", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let response = request.body(body).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_sample_works_as_printed_with_its_unencoded_basic_header() {
    let stand = Stand::start().await;
    let printed = "Basic 12345678-9ABC-DEF0-1234-56789ABCDEF0:vjE/ZDfPvDkuGNsuqCFFO4neYIs=";
    let (status, answer) = post(&stand, Some(printed), SAMPLE).await;
    assert_eq!(status, 200);
    let reference = answer["reference_id"].as_str().expect("a reference").to_owned();
    assert_eq!(
        answer,
        json!({"status": {"code": 3001, "description": "Message in progress"}, "reference_id": reference, "external_id": null})
    );
    assert!(
        reference.len() == 32
            && reference.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
    );
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(status["status"]["last_channel"], "sms");
    assert_eq!(status["channel_status"][0]["whatsapp"]["code"], 3056);
    assert_eq!(status["channel_status"][1]["sms"]["code"], 3000);
    let inbox = stand.inbox("15558675309").await;
    assert_eq!(inbox[0]["text"], "Buy one get one free! Use code 'BOGO' at checkout on viatushop.com.");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_signed_so_that_the_vendors_check_holds() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use hmac::{Hmac, Mac};
    let stand = Stand::start().await;
    stand.send("15550100004", 5000, "signed").await;
    let request = stand
        .find("a callback", || async {
            let bin = stand.json("/sandbox/bin/signed").await;
            bin["requests"].as_array().and_then(|requests| requests.last().cloned())
        })
        .await;
    let key = STANDARD.decode("vjE/ZDfPvDkuGNsuqCFFO4neYIs=").expect("base64");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key");
    mac.update(request["body"].as_str().expect("a body").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(request["headers"]["x-ts-authorization"], json!(signature));
    assert_eq!(
        request["headers"]["authorization"],
        json!(format!("TSA 12345678-9ABC-DEF0-1234-56789ABCDEF0:{signature}"))
    );
    assert_eq!(request["method"], "POST");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_told_in_the_vendors_codes() {
    let stand = Stand::start().await;
    let good = cascade(&stand.url, "15550107777", 600, "b");
    let without = |member: &str| {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(member);
        body.to_string()
    };
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body.to_string()
    };
    let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
    let cases = [
        ("not JSON".to_owned(), 400, 3110),
        (deep, 400, 3110),
        ("[]".to_owned(), 400, 3110),
        (String::new(), 400, 3110),
        (without("channels"), 400, 3300),
        (without("phone_number"), 400, 3302),
        (without("message"), 400, 3303),
        (without("message_type"), 400, 3304),
        (with("message_type", json!("XXX")), 400, 3102),
        (with("external_id", json!("ä")), 400, 3103),
        (with("callback_url", json!("")), 400, 3106),
        (with("channels", json!([{"channel": "sms"}, {"channel": "sms"}])), 400, 3113),
        (with("padding", json!("x".repeat(11_000))), 413, 3116),
    ];
    for (body, http, code) in cases {
        let shown: String = body.chars().take(60).collect();
        let (status, answer) = post(&stand, Some(TELESIGN_BASIC), body).await;
        assert_eq!((status, &answer["status"]["code"]), (http, &json!(code)), "{shown}: {answer}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_the_right_credentials_whatever_the_body_is() {
    let stand = Stand::start().await;
    for authorization in
        [None, Some("Basic bm9ib2R5Om5vdGhpbmc="), Some("Bearer x"), Some("Basic"), Some("TSA a:b")]
    {
        let (status, answer) = post(&stand, authorization, "not even JSON").await;
        assert_eq!(status, 401, "{authorization:?}: {answer}");
        assert_eq!(answer.get("reference_id"), None);
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_100_megabytes_is_refused_and_the_server_lives_on() {
    let stand = Stand::start().await;
    let request =
        stand.client.post(format!("{}/v1/omnichannel", stand.url)).header("authorization", TELESIGN_BASIC);
    // The server answers and closes; the client may see the answer or the closed connection.
    if let Ok(response) = request.body(vec![b'x'; 100 * 1024 * 1024]).send().await {
        assert_eq!(response.status().as_u16(), 413);
    }
    assert_eq!(stand.text("/healthz").await, "alive\n");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_id_leads_people_to_all_messages_that_have_it() {
    let stand = Stand::start().await;
    let body = SAMPLE.replacen('{', r#"{"external_id": "order 7","#, 1);
    let mut sent = Vec::new();
    for _ in 0..2 {
        let (_, answer) = post(&stand, Some(TELESIGN_BASIC), body.clone()).await;
        sent.push(answer["reference_id"].as_str().expect("a reference").to_lowercase());
    }
    let find = stand.client.get(format!("{}/api/v1/find", stand.url)).query(&[("text", "order 7")]);
    let found = find.bearer_auth("sandbox").send().await.expect("an answer");
    let found: Value = found.json().await.expect("JSON");
    let ids = found["items"].as_array().expect("a list").iter().map(|item| item["id"].clone());
    assert_eq!(ids.collect::<Vec<_>>(), [json!(sent[1]), json!(sent[0])]);
    let listed = |query: &'static str| {
        let list = stand.client.get(format!("{}/api/v1/messages?id=order+7&{query}", stand.url));
        let list = list.bearer_auth("sandbox").send();
        async move { list.await.expect("an answer").json::<Value>().await.expect("JSON") }
    };
    let page = listed("limit=1").await;
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!(sent[1]), &json!(sent[1])));
    let all = listed("account=sandbox&dialect=telesign").await;
    assert_eq!((all["items"].as_array().map(Vec::len), &all["next"]), (Some(2), &Value::Null));
    assert_eq!(listed("account=other").await["items"], json!([]));
    assert_eq!(listed("until=2000-01-01T00:00:00Z").await["items"], json!([]));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_accounts_reference_does_not_exist() {
    let stand = Stand::start().await;
    let reference = stand.send("15550107777", 5000, "b").await;
    let other = "Basic RkZGRkZGRkYtRUVFRS1ERERELUNDQ0MtQkJCQkJCQkJCQkJCOmIzUm9aWEl0WVdOamIzVnVkQzFyWlhrPQ==";
    let request =
        stand.client.get(format!("{}/v1/omnichannel/{reference}", stand.url)).header("authorization", other);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 404);
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["status"]["code"], -10004);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_gets_the_first_answer_and_sends_once() {
    let stand = Stand::start().await;
    let body = cascade(&stand.url, "15550107777", 5000, "b").to_string();
    let post = |body: String| async {
        let request = stand.client.post(format!("{}/v1/omnichannel", stand.url));
        let request = request.header("authorization", TELESIGN_BASIC).header("idempotency-key", "once");
        let response =
            request.header("content-type", "application/json").body(body).send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("a text"))
    };
    let first = post(body.clone()).await;
    assert_eq!(post(body.clone()).await, first);
    let (status, _) = post(body.replace("ARN", "MKT")).await;
    assert!((400..500).contains(&status), "{status}");
    stand.until("it arrived", || async { !stand.inbox("15550107777").await.is_empty() }).await;
    assert_eq!(stand.inbox("15550107777").await.len(), 1);
    stand.stop().await;
}
