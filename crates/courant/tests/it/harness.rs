//! A sandbox of its own for each test, and conditions waited for with a bound.

use std::{
    future::Future,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use courant::cli::sandbox::RunningSandbox;
use serde_json::{Value, json};

/// Longest wait for any condition.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The vendor's example credentials in proper Basic form.
pub(crate) const TELESIGN_BASIC: &str =
    "Basic MTIzNDU2NzgtOUFCQy1ERUYwLTEyMzQtNTY3ODlBQkNERUYwOnZqRS9aRGZQdkRrdUdOc3VxQ0ZGTzRuZVlJcz0=";

/// A running sandbox and a client for it.
pub(crate) struct Stand {
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    sandbox: RunningSandbox,
}

impl Stand {
    pub(crate) async fn start() -> Self {
        Self::start_with(None, &[]).await
    }

    pub(crate) async fn start_with(data: Option<PathBuf>, set: &[&str]) -> Self {
        let listen: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let set: Vec<String> = set.iter().map(|text| (*text).to_owned()).collect();
        let sandbox = RunningSandbox::start(listen, data, &set).await.expect("the sandbox starts");
        let url = sandbox.gateway.app.url().to_owned();
        let stand = Self { url, client: reqwest::Client::new(), sandbox };
        stand
            .until("the networks are up", || async { stand.text("/readyz").await.contains("route sms up") })
            .await;
        stand
    }

    /// The gateway's middle.
    pub(crate) fn core(&self) -> &std::sync::Arc<courant::core::Core> {
        &self.sandbox.gateway.app.core
    }

    pub(crate) async fn stop(self) {
        self.sandbox.stop().await.expect("a clean end");
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let response = self.client.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        response.text().await.expect("a text")
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).expect("JSON")
    }

    /// Waits until the condition holds.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, what: &str, condition: impl Fn() -> F) {
        let deadline = Instant::now() + PATIENCE;
        while !condition().await {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Waits until the condition gives something.
    pub(crate) async fn find<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        condition: impl Fn() -> F,
    ) -> T {
        Self::wait_for(what, condition).await
    }

    /// The same, of whatever is not a stand.
    pub(crate) async fn wait_for<T, F: Future<Output = Option<T>>>(
        what: &str,
        condition: impl Fn() -> F,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// What the handset of a number shows.
    pub(crate) async fn inbox(&self, number: &str) -> Vec<Value> {
        let handset = self.json(&format!("/sandbox/handsets/{number}")).await;
        handset["inbox"].as_array().cloned().unwrap_or_default()
    }

    /// Bodies that a bin got, parsed.
    pub(crate) async fn bin(&self, name: &str) -> Vec<Value> {
        let bin = self.json(&format!("/sandbox/bin/{name}")).await;
        let requests = bin["requests"].as_array().cloned().unwrap_or_default();
        requests
            .iter()
            .map(|request| {
                serde_json::from_str(request["body"].as_str().unwrap_or("null")).unwrap_or(Value::Null)
            })
            .collect()
    }

    /// Posts JSON to the Telesign API.
    pub(crate) async fn telesign(&self, body: &Value) -> (u16, Value) {
        let request =
            self.client.post(format!("{}/v1/omnichannel", self.url)).header("authorization", TELESIGN_BASIC);
        let response = request.json(body).send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// Sends a WhatsApp text with an SMS behind it; the reference.
    pub(crate) async fn send(&self, number: &str, fallback_ms: u64, bin: &str) -> String {
        let (status, answer) = self.telesign(&cascade(&self.url, number, fallback_ms, bin)).await;
        assert_eq!((status, &answer["status"]["code"]), (200, &json!(3001)), "{answer}");
        answer["reference_id"].as_str().expect("a reference").to_owned()
    }

    /// What the Telesign API says of a reference.
    pub(crate) async fn status(&self, reference: &str) -> Value {
        let request = self.client.get(format!("{}/v1/omnichannel/{reference}", self.url));
        let response = request.header("authorization", TELESIGN_BASIC).send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// Waits until the overall status has one of these codes; the whole answer.
    pub(crate) async fn settled(&self, reference: &str, codes: &[i64]) -> Value {
        self.find(&format!("{reference} to reach one of {codes:?}"), || async {
            let status = self.status(reference).await;
            codes.contains(&status["status"]["code"].as_i64()?).then_some(status)
        })
        .await
    }
}

/// A WhatsApp text, then an SMS.
pub(crate) fn cascade(url: &str, number: &str, fallback_ms: u64, bin: &str) -> Value {
    json!({
        "channels": [{"channel": "whatsapp", "fallback_time": fallback_ms}, {"channel": "sms"}],
        "phone_number": number,
        "message": {
            "whatsapp": {"template": "text", "parameters": {"text": format!("whatsapp for {number}")}},
            "sms": {"template": "text", "parameters": {"text": format!("sms for {number}")}},
        },
        "message_type": "ARN",
        "callback_url": format!("{url}/sandbox/bin/{bin}"),
    })
}

/// Code of a channel in `channel_status`.
pub(crate) fn channel_code(status: &Value, channel: &str) -> Option<i64> {
    let channels = status["channel_status"].as_array()?;
    channels.iter().find_map(|entry| entry[channel]["code"].as_i64())
}
