//! A receiver of callbacks that never confirms, over tries that are more than a restart apart.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering::Relaxed},
};

use axum::{Router, extract::State, http::StatusCode, routing::any};
use serde_json::{Value, json};

use super::{Caller, shim::Shim};
use crate::{
    harness::{Stand, cascade},
    process::Process,
};

/// Telesign: four attempts.
const TRIES: u64 = 4;
/// Longer than any pause between them, in seconds.
const PAUSE: i64 = 20;

/// What a receiver answers, and what it was told.
#[derive(Clone, Debug)]
struct Receiver {
    status: Arc<AtomicU16>,
    told: Arc<Mutex<Vec<(String, String)>>>,
}

impl Receiver {
    /// One that refuses; and its address.
    async fn start() -> (Self, String) {
        let receiver = Self { status: Arc::new(AtomicU16::new(503)), told: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(any(answer)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        (receiver, url)
    }

    /// Bodies that came for a path.
    fn told(&self, path: &str) -> Vec<String> {
        let told = self.told.lock().expect("not poisoned");
        told.iter().filter(|(to, _)| to == path).map(|(_, body)| body.clone()).collect()
    }
}

async fn answer(State(receiver): State<Receiver>, request: axum::extract::Request) -> StatusCode {
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    receiver.told.lock().expect("not poisoned").push((path, String::from_utf8_lossy(&body).into_owned()));
    StatusCode::from_u16(receiver.status.load(Relaxed)).expect("a status")
}

/// Sends a message whose callbacks go there; its reference.
async fn send(process: &Process, number: &str, callback: String) -> String {
    let mut body = cascade(&process.url, number, 600_000, "unused");
    body["callback_url"] = json!(callback);
    let (status, answer) = Caller::of(process).post(&body).await;
    assert_eq!(status, 200, "{answer}");
    answer["reference_id"].as_str().expect("a reference").to_owned()
}

/// Waits until the only callback of a message is as wanted.
async fn callback(process: &Process, reference: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let url = format!("{}/api/v1/messages/{reference}", process.url);
    let client = reqwest::Client::new();
    let (url, client, wanted) = (&url, &client, &wanted);
    Stand::wait_for(&format!("the callback of {reference}"), || async move {
        let response = client.get(url).bearer_auth("sandbox").send().await.expect("an answer");
        let message: Value = response.json().await.expect("JSON");
        let callbacks = message["callbacks"].as_array()?;
        assert!(callbacks.len() <= 1, "{message}");
        callbacks.first().filter(|callback| wanted(callback)).cloned()
    })
    .await
}

async fn replay(process: &Process, id: &Value) -> Value {
    let request = reqwest::Client::new().post(format!("{}/api/v1/callbacks/replay", process.url));
    let response =
        request.bearer_auth("sandbox").json(&json!({"ids": [id]})).send().await.expect("an answer");
    response.json().await.expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_that_is_never_confirmed_is_parked_after_its_last_try_and_replay_delivers_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let shim = Shim::build(folder.path());
    let (receiver, url) = Receiver::start().await;
    let mut process = shim.start(&data, &[]);
    let reference = send(&process, "15550100004", format!("{url}/bad")).await;
    // Tries are counted through crashes: the next one comes when its time has come, not anew.
    for tries in 1..TRIES {
        let waiting = callback(&process, &reference, |it| it["tries"] == tries).await;
        assert_eq!(waiting["standing"], "pending", "{waiting}");
        process.kill();
        shim.clock_is_ahead(PAUSE * i64::try_from(tries).expect("a few"));
        process = shim.start(&data, &[]);
    }
    let parked = callback(&process, &reference, |it| it["tries"] == TRIES).await;
    assert_eq!(parked["standing"], "parked", "{parked}");
    assert_eq!(parked["last_result"], "the receiver answered 503; that was the last try");
    assert_eq!(parked["attempts"].as_array().map(Vec::len), Some(4), "{parked}");
    process.kill();
    // Nothing brings it back but an operator: not time, not a restart, not a receiver that recovers.
    receiver.status.store(200, Relaxed);
    shim.clock_is_ahead(3600);
    let process = shim.start(&data, &[]);
    let other = send(&process, "15550110004", format!("{url}/good")).await;
    callback(&process, &other, |it| it["standing"] == "done").await;
    assert_eq!(receiver.told("/bad").len(), 4);
    assert_eq!(replay(&process, &parked["id"]).await, json!({"replayed": 1, "more": false}));
    let done = callback(&process, &reference, |it| it["standing"] == "done").await;
    assert_eq!((&done["id"], &done["tries"]), (&parked["id"], &json!(1)), "{done}");
    let told = receiver.told("/bad");
    assert_eq!(told.len(), 5);
    assert!(told.iter().all(|body| *body == told[0] && body.contains(&reference)), "{told:?}");
    assert_eq!(replay(&process, &parked["id"]).await["replayed"], 0, "what was delivered is not sent again");
    assert_eq!(process.terminate(), Some(0));
}
