//! The real process on a machine that misbehaves: full and slow disks, clocks that are set, too few
//! files, receivers and networks that hang.

mod clock;
mod files;
mod full_disk;
mod lost;
mod networks;
mod noisy;
mod parked;
mod receivers;
mod shim;
mod slow_disk;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    harness::{PATIENCE, TELESIGN_BASIC, cascade},
    process::Process,
};

/// A caller of a process.
pub(crate) struct Caller {
    client: reqwest::Client,
    url: String,
}

impl Caller {
    pub(crate) fn of(process: &Process) -> Self {
        courant::cli::install_crypto();
        Self { client: reqwest::Client::new(), url: process.url.clone() }
    }

    /// Asks for a WhatsApp text with an SMS behind it; status and body of the answer.
    pub(crate) async fn ask(&self, number: &str, fallback_ms: u64) -> (u16, Value) {
        self.post(&cascade(&self.url, number, fallback_ms, "bin")).await
    }

    pub(crate) async fn post(&self, body: &Value) -> (u16, Value) {
        let request = self.client.post(format!("{}/v1/omnichannel", self.url));
        let request = request.header("authorization", TELESIGN_BASIC).json(body);
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// The same, accepted; its reference.
    pub(crate) async fn send(&self, number: &str, fallback_ms: u64) -> String {
        let (status, answer) = self.ask(number, fallback_ms).await;
        assert_eq!(status, 200, "{answer}");
        answer["reference_id"].as_str().expect("a reference").to_owned()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let response = self.client.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        response.text().await.expect("a text")
    }

    pub(crate) async fn code(&self, reference: &str) -> Option<i64> {
        let request = self.client.get(format!("{}/v1/omnichannel/{reference}", self.url));
        let response = request.header("authorization", TELESIGN_BASIC).send().await.expect("an answer");
        let answer: Value = response.json().await.expect("JSON");
        answer["status"]["code"].as_i64()
    }

    /// Waits until a message's status has this code; how long that took.
    pub(crate) async fn reaches(&self, reference: &str, code: i64) -> Duration {
        let began = Instant::now();
        loop {
            let now = self.code(reference).await;
            if now == Some(code) {
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "{reference} is {now:?} instead of {code}");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Waits until a text contains words.
    pub(crate) async fn says(&self, path: &str, words: &str) {
        let began = Instant::now();
        loop {
            let text = self.text(path).await;
            if text.contains(words) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{path} does not say `{words}`: {text}");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    pub(crate) async fn inbox(&self, number: &str) -> Vec<Value> {
        let text = self.text(&format!("/sandbox/handsets/{number}")).await;
        let handset: Value = serde_json::from_str(&text).expect("JSON");
        handset["inbox"].as_array().cloned().unwrap_or_default()
    }
}
