//! Signed requests over real sockets: taken once, within their time, and not again after a restart.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::{
    harness::{Stand, cascade},
    process::Process,
};

const CUSTOMER: &str = "12345678-9ABC-DEF0-1234-56789ABCDEF0";
const KEY: &str = "vjE/ZDfPvDkuGNsuqCFFO4neYIs=";

/// A request as the vendor's clients sign it.
struct Signed {
    method: &'static str,
    path: String,
    date: String,
    nonce: Option<&'static str>,
    body: String,
}

impl Signed {
    fn post(url: &str, number: &str, date: String, nonce: Option<&'static str>) -> Self {
        let body = cascade(url, number, 60_000, "signed").to_string();
        Self { method: "POST", path: "/v1/omnichannel".to_owned(), date, nonce, body }
    }

    fn signature(&self) -> String {
        let nonce = self.nonce.map(|nonce| format!("x-ts-nonce:{nonce}\n")).unwrap_or_default();
        let (kind, body) = if self.body.is_empty() {
            ("", String::new())
        } else {
            ("application/json", format!("{}\n", self.body))
        };
        let text = format!(
            "{}\n{kind}\n{}\nx-ts-auth-method:HMAC-SHA256\n{nonce}{body}{}",
            self.method, self.date, self.path
        );
        let key = STANDARD.decode(KEY).expect("base64");
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("keys of any length");
        mac.update(text.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }

    fn request(&self, url: &str, body: &str) -> RequestBuilder {
        let method = self.method.parse().expect("a method");
        let mut request = reqwest::Client::new().request(method, format!("{url}{}", self.path));
        request = request.header("authorization", format!("TSA {CUSTOMER}:{}", self.signature()));
        request = request.header("date", &self.date).header("x-ts-auth-method", "HMAC-SHA256");
        if let Some(nonce) = self.nonce {
            request = request.header("x-ts-nonce", nonce);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        request.body(body.to_owned())
    }

    async fn send(&self, url: &str) -> u16 {
        status(self.request(url, &self.body)).await
    }
}

async fn status(request: RequestBuilder) -> u16 {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let _json: Value = response.json().await.expect("JSON");
    status
}

/// An instant so many minutes from now, as HTTP writes it.
fn date(minutes: i64) -> String {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
    now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_is_taken_once_within_its_time_and_unchanged_only() {
    let stand = Stand::start().await;
    let url = &stand.url;
    let first = Signed::post(url, "15550500001", date(0), Some("nonce-0001"));
    assert_eq!(first.send(url).await, 200);
    assert_eq!(first.send(url).await, 401, "the same again");
    let renamed = Signed::post(url, "15550500002", date(0), Some("nonce-0001"));
    assert_eq!(renamed.send(url).await, 401, "the nonce again");
    let fresh = Signed::post(url, "15550500003", date(0), Some("nonce-0002"));
    assert_eq!(
        status(fresh.request(url, &fresh.body.replace("15550500003", "15550500009"))).await,
        401,
        "tampered"
    );
    assert_eq!(fresh.send(url).await, 200, "a forgery does not use up the nonce");
    // Without the header, the line of the nonce would be the beginning of the body.
    let stripped = Signed {
        nonce: None,
        body: format!("x-ts-nonce:nonce-0002\n{}", fresh.body),
        date: fresh.date.clone(),
        ..Signed::post(url, "1", date(0), None)
    };
    assert_eq!(stripped.signature(), fresh.signature(), "one signature for both");
    assert_eq!(stripped.send(url).await, 401);
    for minutes in [-16, 16] {
        let late = Signed::post(url, "15550500004", date(minutes), Some("nonce-0003"));
        assert_eq!(late.send(url).await, 401, "{minutes} minutes off");
    }
    for (minutes, nonce) in [(-14, "nonce-0004"), (14, "nonce-0005")] {
        let near = Signed::post(url, "15550500005", date(minutes), Some(nonce));
        assert_eq!((near.send(url).await, near.send(url).await), (200, 401), "{minutes} minutes off");
    }
    let bare = Signed::post(url, "15550500006", date(0), None);
    assert_eq!((bare.send(url).await, bare.send(url).await), (200, 401), "without a nonce");
    let question = Signed {
        method: "GET",
        path: "/v1/omnichannel/01A1FB35ED5947AE617F689E9D5603CB".to_owned(),
        date: date(0),
        nonce: None,
        body: String::new(),
    };
    assert_eq!(
        (question.send(url).await, question.send(url).await),
        (404, 404),
        "a question may be repeated"
    );
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_is_not_taken_again_after_the_process_was_killed() {
    courant::cli::install_crypto();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let process = Process::start(&data, &[]);
    let signed = Signed::post(&process.url, "15550510001", date(0), Some("nonce-0001"));
    assert_eq!(signed.send(&process.url).await, 200);
    process.kill();
    let process = Process::start(&data, &[]);
    assert_eq!(signed.send(&process.url).await, 401);
    let fresh = Signed::post(&process.url, "15550510002", date(0), Some("nonce-0002"));
    assert_eq!(fresh.send(&process.url).await, 200);
    process.kill();
}
