//! The test bench: networks, a business with a webhook, and somebody who looks at handsets.

use std::{
    future::Future,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    routing::get,
};
use hmac::{Hmac, Mac};
use http::{HeaderMap, StatusCode};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{net::TcpListener, time::timeout};

/// Nothing takes longer than this.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
pub(crate) const PHONE: &str = "100000000000001";

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    pub(crate) webhook: Arc<Webhook>,
}

/// What the webhook of the business got.
#[derive(Default)]
pub(crate) struct Webhook {
    bodies: Mutex<Vec<String>>,
    pub(crate) fail_first: AtomicUsize,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::scaled(1.0).await
    }

    /// With all delays of the networks multiplied.
    pub(crate) async fn scaled(time_scale: f64) -> Self {
        let bench = Self::with(Options { time_scale, ..Options::default() }).await;
        bench.connect_webhook().await;
        bench
    }

    pub(crate) async fn in_folder(folder: &Path) -> Self {
        Self::with(Options { data: Some(folder.to_owned()), ..Options::default() }).await
    }

    async fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        let address = serve(sandbox.router()).await;
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self {
            base: format!("http://{address}/sandbox"),
            sandbox,
            http: http.build().unwrap(),
            webhook: Arc::default(),
        }
    }

    pub(crate) async fn connect_webhook(&self) {
        let handlers = get(verify).post(take);
        let app = Router::new().route("/hook", handlers).with_state(Arc::clone(&self.webhook));
        let address = serve(app).await;
        self.sandbox.set_whatsapp_webhook(&format!("http://{address}/hook")).unwrap();
    }

    /// Posts to the messages of the business; answers status and body.
    pub(crate) async fn send(&self, body: Value) -> (u16, Value) {
        self.graph_post("messages", body).await
    }

    pub(crate) async fn graph_post(&self, edge: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/v23.0/{PHONE}/{edge}", self.sandbox.graph_url());
        let response = self.http.post(url).bearer_auth("sandbox").json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Sends and gives the id of the message.
    pub(crate) async fn accepted(&self, body: Value) -> String {
        let (status, answer) = self.send(body).await;
        assert_eq!(status, 200, "{answer}");
        answer["messages"][0]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}/{path}", self.base)).send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let response = self.http.post(format!("{}/{path}", self.base)).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn inbox(&self, number: &str) -> Vec<Value> {
        self.get(&format!("handsets/{number}")).await["inbox"].as_array().unwrap().clone()
    }

    /// Waits until the inbox holds so many messages.
    pub(crate) async fn inbox_of(&self, number: &str, count: usize) -> Vec<Value> {
        until(async || Some(self.inbox(number).await).filter(|inbox| inbox.len() >= count)).await
    }

    /// Waits until the message has such a status, and gives it.
    pub(crate) async fn status(&self, id: &str, name: &str) -> Value {
        until(async || self.webhook.statuses(id).into_iter().find(|status| status["status"] == name)).await
    }

    /// Names of the statuses of a message, after everything sent before had time to arrive: a
    /// message to another handset was read meanwhile.
    pub(crate) async fn settled(&self, id: &str) -> Vec<String> {
        let last = self.accepted(text("15550999999", "are we there yet?")).await;
        self.status(&last, "read").await;
        self.webhook.statuses(id).iter().map(|status| status["status"].as_str().unwrap().to_owned()).collect()
    }
}

impl Webhook {
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    fn values(&self) -> Vec<Value> {
        let bodies = self.bodies();
        let changes = bodies.iter().flat_map(|body| {
            let body: Value = serde_json::from_str(body).unwrap();
            body["entry"].as_array().unwrap().clone()
        });
        changes.map(|entry| entry["changes"][0]["value"].clone()).collect()
    }

    pub(crate) fn statuses(&self, id: &str) -> Vec<Value> {
        self.list("statuses").into_iter().filter(|status| status["id"] == id).collect()
    }

    pub(crate) fn list(&self, name: &str) -> Vec<Value> {
        self.values().iter().filter_map(|value| value[name].as_array().cloned()).flatten().collect()
    }
}

type Pairs = Query<std::collections::HashMap<String, String>>;

async fn verify(query: Pairs) -> Result<String, StatusCode> {
    let known = query.get("hub.verify_token").is_some_and(|token| token == "sandbox-verify-token");
    if known { Ok(query["hub.challenge"].clone()) } else { Err(StatusCode::FORBIDDEN) }
}

async fn take(State(webhook): State<Arc<Webhook>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut hash = Hmac::<Sha256>::new_from_slice(b"sandbox-app-secret").unwrap();
    hash.update(&body);
    let expected = format!("sha256={}", hex::encode(hash.finalize().into_bytes()));
    assert_eq!(headers["x-hub-signature-256"], expected.as_str());
    let fails =
        webhook.fail_first.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if fails.is_ok() {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    webhook.bodies.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
    StatusCode::OK
}

pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Looks again and again until there is something, or the deadline has passed.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, looking).await.expect("it did not happen in time")
}

pub(crate) fn text(to: &str, body: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": to, "type": "text", "text": { "body": body } })
}

pub(crate) fn image(to: &str, link: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": to, "type": "image", "image": { "link": link, "caption": "look" } })
}

pub(crate) fn template(to: &str, name: &str, parameters: &[&str]) -> Value {
    let parameters: Vec<Value> =
        parameters.iter().map(|text| json!({ "type": "text", "text": text })).collect();
    json!({
        "messaging_product": "whatsapp",
        "to": to,
        "type": "template",
        "template": {
            "name": name,
            "language": { "code": "en_US" },
            "components": [{ "type": "body", "parameters": parameters }],
        },
    })
}
