//! The routes under `/sandbox/`.

use serde_json::{Value, json};

use crate::bench::{Bench, text};

#[tokio::test]
async fn bins_keep_what_they_get_and_fail_on_demand() {
    let bench = Bench::start().await;
    let url = |rest: &str| format!("{}/bin/mine{rest}", bench.base);
    let post = |rest: &str| bench.http.post(url(rest)).header("x-trace", "7").body("payload é").send();
    assert_eq!(post("?fail=2").await.unwrap().status(), 500);
    assert_eq!(post("/below/here?fail=2&status=503").await.unwrap().status(), 503);
    assert_eq!(post("?fail=2").await.unwrap().status(), 200);
    assert_eq!(post("?status=418").await.unwrap().status(), 418);
    assert_eq!(bench.http.get(url("?id=1")).send().await.unwrap().status(), 200);
    assert_eq!(bench.http.put(url("")).send().await.unwrap().status(), 200);

    let caught = bench.get("bin/mine").await["requests"].as_array().unwrap().clone();
    let methods: Vec<&Value> = caught.iter().map(|request| &request["method"]).collect();
    assert_eq!(methods, ["POST", "POST", "POST", "POST", "GET", "PUT"]);
    assert_eq!(caught[1]["path"], "/sandbox/bin/mine/below/here");
    assert_eq!(caught[1]["query"], "fail=2&status=503");
    assert_eq!(caught[1]["body"], "payload é");
    assert_eq!(caught[1]["headers"]["x-trace"], "7");

    bench.http.delete(url("")).send().await.unwrap();
    assert_eq!(bench.get("bin/mine").await, json!({ "requests": [] }));
    assert_eq!(post("?fail=1").await.unwrap().status(), 500);
}

#[tokio::test]
async fn samples_are_served_as_asked_for() {
    let bench = Bench::start().await;
    let get = |file: &str| bench.http.get(format!("{}/media/{file}", bench.base)).send();
    for extension in ["jpg", "png", "mp4", "3gp", "aac", "amr", "mp3", "ogg", "pdf", "docx", "webp"] {
        let answer = get(&format!("sample.{extension}")).await.unwrap();
        assert_eq!(answer.status(), 200, "{extension}");
        assert!(answer.headers().contains_key("etag"));
        let length = answer.content_length().unwrap();
        assert_eq!(answer.bytes().await.unwrap().len() as u64, length);
        assert!((500..12_000).contains(&length), "{extension} {length}");
    }
    let plain = get("sample.pdf").await.unwrap().bytes().await.unwrap();
    let padded = get("sample.pdf?pad=100000").await.unwrap().bytes().await.unwrap();
    assert_eq!(padded.len(), plain.len() + 100_000);
    assert_eq!(padded[..plain.len()], plain);
    let redirect = get("sample.pdf?redirect=1").await.unwrap();
    assert_eq!(
        (redirect.status().as_u16(), &redirect.headers()["location"]),
        (302, &"/sandbox/media/sample.pdf".parse().unwrap())
    );
    assert_eq!(get("sample.pdf?status=404").await.unwrap().status(), 404);
    assert_eq!(get("sample.pdf?type=text/html").await.unwrap().headers()["content-type"], "text/html");
    assert_eq!(get("sample.exe").await.unwrap().status(), 404);
    let head = bench.http.head(format!("{}/media/sample.png", bench.base)).send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"2355".parse().unwrap()));
}

#[tokio::test]
async fn any_number_can_be_given_any_behaviour() {
    let bench = Bench::start().await;
    let put = |number: &str, behaviour: &str| {
        let url = format!("{}/handsets/{number}", bench.base);
        bench.http.put(url).json(&json!({ "behaviour": behaviour })).send()
    };
    let answer: Value = put("+49 170 1234567", "0001").await.unwrap().json().await.unwrap();
    assert_eq!(answer, json!({ "number": "491701234567", "behaviour": "0001", "inbox": [] }));
    let id = bench.accepted(text("491701234567", "hello")).await;
    bench.status(&id, "failed").await;
    put("491701234567", "default").await.unwrap();
    let id = bench.accepted(text("491701234567", "hello")).await;
    bench.status(&id, "read").await;
    assert_eq!(put("491701234567", "0099").await.unwrap().status(), 400);
    assert_eq!(bench.get("handsets/15551230010").await["behaviour"], "0010");
    assert_eq!(bench.get("handsets/9100000XXXX").await["number"], "91000000000");
}

#[tokio::test]
async fn handsets_are_listed_newest_first() {
    let bench = Bench::start().await;
    for number in ["15551110000", "15552220000", "15553330000"] {
        bench.accepted(text(number, "hello")).await;
    }
    let expected = json!(["15553330000", "15552220000", "15551110000"]);
    assert_eq!(bench.get("handsets").await, expected);
}

#[tokio::test]
async fn networks_are_known_by_name() {
    let bench = Bench::start().await;
    assert_eq!(bench.sandbox.networks(), ["whatsapp", "sms"]);
    let setting = json!({ "up": true, "latency_ms": 0, "throttle_mps": null });
    assert_eq!(bench.get("networks").await, json!({ "whatsapp": setting, "sms": setting }));
    assert_eq!(bench.post("networks/fax", json!({ "up": false })).await.0, 404);
    assert_eq!(bench.post("networks/sms", json!({ "latency_ms": "much" })).await.0, 400);
}
