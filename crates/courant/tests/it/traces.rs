//! Traces as a collector gets them: accept, steps, hand-overs, receipts and callbacks of one
//! message in one trace.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::{Span, status::StatusCode as SpanStatus},
};
use prost::Message as _;
use serde_json::json;

use crate::harness::{Stand, TELESIGN_BASIC, cascade};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What a collector got.
#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

/// A collector on a free port; its address.
async fn collector(collected: Collected) -> String {
    let router = Router::new().route("/v1/traces", post(take)).with_state(collected);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn take(State(collected): State<Collected>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    collected.0.lock().expect("not poisoned").push(request);
    StatusCode::OK
}

impl Collected {
    fn services(&self) -> Vec<String> {
        let requests = self.0.lock().expect("not poisoned");
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.filter_map(|spans| text(&spans.resource.as_ref()?.attributes, "service.name")).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().expect("not poisoned");
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|spans| &spans.scope_spans).flat_map(|spans| spans.spans.clone()).collect()
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

/// Sends a fallback, waits for its callbacks, ends the gateway; what the collector got of it.
async fn trace_a_fallback(traceparent: Option<&str>, sample: &str) -> (Collected, String, Vec<String>) {
    let collected = Collected::default();
    let address = collector(collected.clone()).await;
    let set = [
        format!("telemetry.otlp=\"{address}\""),
        format!("telemetry.sample={sample}"),
        "telemetry.service=\"test-gateway\"".to_owned(),
    ];
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let stand = Stand::start_with(None, &set).await;
    let mut request = stand
        .client
        .post(format!("{}/v1/omnichannel", stand.url))
        .header("authorization", TELESIGN_BASIC)
        .json(&cascade(&stand.url, "15558675309", 300, "traced"));
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let answer: serde_json::Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let reference = answer["reference_id"].as_str().expect("a reference").to_owned();
    stand
        .until("the last callback has come", || async {
            let codes: Vec<_> =
                stand.bin("traced").await.iter().map(|body| body["status"]["code"].clone()).collect();
            codes.contains(&json!(3000))
        })
        .await;
    let bin = stand.json("/sandbox/bin/traced").await;
    let header = |request: &serde_json::Value| {
        request["headers"].as_object().and_then(|headers| headers.get("traceparent").cloned())
    };
    let headers = bin["requests"].as_array().into_iter().flatten().filter_map(header);
    let headers = headers.map(|header| header.as_str().unwrap_or_default().to_owned()).collect();
    stand.stop().await;
    (collected, reference, headers)
}

fn by_name(spans: &[Span]) -> BTreeMap<&str, &Span> {
    spans.iter().map(|span| (span.name.as_str(), span)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_is_one_trace_from_the_request_to_the_callback() {
    let (collected, reference, headers) = trace_a_fallback(None, "1.0").await;
    let spans = collected.spans();
    let trace = spans.first().expect("spans").trace_id.clone();
    assert!(spans.iter().all(|span| span.trace_id == trace), "{spans:#?}");
    assert_eq!(hex::encode_upper(&trace), reference, "the trace has the message's own id");
    assert!(collected.services().iter().all(|service| service == "test-gateway"));
    let named = by_name(&spans);
    let root = named["message"];
    assert!(root.parent_span_id.is_empty());
    let parents = [
        ("accept", "message"),
        ("commit", "accept"),
        ("step whatsapp", "message"),
        ("step sms", "message"),
        ("hand-over whatsapp", "step whatsapp"),
        ("hand-over sms", "step sms"),
        ("receipt delivered", "hand-over sms"),
        ("callback", "message"),
    ];
    for (child, parent) in parents {
        let span = named.get(child).unwrap_or_else(|| panic!("no {child} in {:?}", named.keys()));
        assert_eq!(span.parent_span_id, named[parent].span_id, "{child} belongs to {parent}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{child}");
        assert!(span.start_time_unix_nano >= named["accept"].start_time_unix_nano, "{child}");
    }
    let whatsapp = named["step whatsapp"];
    let status = whatsapp.status.as_ref().expect("a status");
    assert_eq!((status.code(), status.message.as_str()), (SpanStatus::Error, "patience_expired"));
    assert!(whatsapp.end_time_unix_nano - whatsapp.start_time_unix_nano >= 300_000_000);
    assert_eq!(text(&named["step sms"].attributes, "courant.status").as_deref(), Some("delivered"));
    assert!(!headers.is_empty());
    for header in headers {
        assert!(header.starts_with(&format!("00-{}-", hex::encode(&trace))), "{header}");
    }
    let said = format!("{spans:?}");
    assert!(!said.contains("15558675309") && !said.contains("sms for"), "no numbers, no content");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callers_trace_goes_on_although_no_share_is_traced() {
    let (collected, reference, headers) = trace_a_fallback(Some(PARENT), "0.0").await;
    let spans = collected.spans();
    let named = by_name(&spans);
    assert!(spans.iter().all(|span| hex::encode(&span.trace_id) == PARENT[3..35]), "{spans:#?}");
    let root = named["message"];
    assert_eq!(hex::encode(&root.parent_span_id), PARENT[36..52]);
    let message = text(&root.attributes, "courant.message_id").expect("the message's id");
    assert_eq!(message.to_uppercase(), reference);
    assert!(headers.iter().any(|header| header.starts_with(&PARENT[..36])), "{headers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_of_a_program_that_sends_by_the_operators_api_goes_on_too() {
    let collected = Collected::default();
    let address = collector(collected.clone()).await;
    let set = [format!("telemetry.otlp=\"{address}\""), "telemetry.sample=0.0".to_owned()];
    let stand = Stand::start_with(None, &[&set[0], &set[1]]).await;
    let post = |path: String, body: serde_json::Value, traceparent: String| {
        let request = stand.client.post(format!("{}/api/v1{path}", stand.url)).bearer_auth("sandbox");
        let request = request.header("traceparent", traceparent).json(&body);
        async move {
            let answer: serde_json::Value =
                request.send().await.expect("an answer").json().await.expect("JSON");
            answer["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
        }
    };
    let steps = json!([{"channel": "sms", "text": "hello"}]);
    let body = json!({"account": "sandbox", "to": "15550100004", "steps": steps});
    let sent = post("/messages".to_owned(), body, PARENT.to_owned()).await;
    let later = PARENT.replace("4bf9", "5bf9");
    let again = post(format!("/messages/{sent}/resend"), json!({}), later.clone()).await;
    for message in [&sent, &again] {
        let path = format!("{}/api/v1/messages/{message}", stand.url);
        stand
            .until("it is settled", || async {
                let read = stand.client.get(&path).bearer_auth("sandbox").send().await.expect("an answer");
                read.json::<serde_json::Value>().await.expect("JSON")["settled"] == true
            })
            .await;
    }
    stand.stop().await;
    let spans = collected.spans();
    for (message, parent) in [(sent, PARENT), (again, &later)] {
        let of = |span: &&Span| text(&span.attributes, "courant.message_id").as_ref() == Some(&message);
        let accepted = spans.iter().filter(of).find(|span| hex::encode(&span.trace_id) == parent[3..35]);
        assert!(accepted.is_some(), "{message} in {parent}: {spans:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_share_is_not_traced() {
    let (collected, _, headers) = trace_a_fallback(None, "0.0").await;
    assert_eq!((collected.spans().len(), headers.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_up_neither_messages_nor_the_end() {
    let stand =
        Stand::start_with(None, &["telemetry.otlp=\"http://127.0.0.1:9\"", "telemetry.sample=1.0"]).await;
    let reference = stand.send("15558675309", 300, "away").await;
    stand.settled(&reference, &[3000]).await;
    let began = std::time::Instant::now();
    stand.stop().await;
    assert!(began.elapsed().as_secs() < 15, "{:?}", began.elapsed());
}
