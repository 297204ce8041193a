//! Meta's Graph API, as much of it as sends messages: each is taken at once, and signed status
//! webhooks follow in batches.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use sha2::Sha256;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

use crate::{
    client::{self, Client},
    ledger::{Latencies, Ledger, Place, latencies, message_to},
};

/// Secret of the app, with which webhooks are signed.
pub(crate) const APP_SECRET: &str = "bench-app-secret";
/// Id of the sending number.
pub(crate) const PHONE_NUMBER_ID: &str = "106540352242922";
/// The sending number.
pub(crate) const DISPLAY: &str = "15550783881";

/// Statuses in one webhook, at most.
const BATCH: usize = 100;
/// How often due statuses are sent.
const TICK: Duration = Duration::from_millis(5);
/// Webhooks under way at once.
const SENDERS: usize = 4;
/// Meta repeats what was not confirmed with 200, though more patiently.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(100);
/// Batches that may wait for a sender.
const BATCHES: usize = 10_000;

/// A status and how long after the message it is told.
pub(crate) type Plan = &'static [(&'static str, Duration)];

/// Sent at once, delivered after 200 ms, read after 400 ms.
pub(crate) const READ: Plan = &[
    ("sent", Duration::ZERO),
    ("delivered", Duration::from_millis(200)),
    ("read", Duration::from_millis(400)),
];

/// Not a word: for steps that run out of patience.
pub(crate) const SILENT: Plan = &[];

/// A running network; ends when dropped.
#[derive(Debug)]
pub(crate) struct Graph {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Ended when dropped.
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    plan: Plan,
    silent: AtomicBool,
    ledger: Arc<Ledger>,
    ids: AtomicU64,
    uploads: AtomicU64,
    uploaded_bytes: AtomicU64,
    due: Mutex<BinaryHeap<Reverse<Due>>>,
    webhooks: Mutex<Webhooks>,
}

/// What came of the webhooks.
#[derive(Clone, Debug)]
pub(crate) struct Webhooks {
    /// Statuses confirmed.
    pub(crate) statuses: u64,
    /// Webhooks not confirmed.
    pub(crate) failed: u64,
    /// From sending a webhook to its confirmation.
    pub(crate) latencies: Latencies,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    at: Instant,
    wamid: String,
    status: &'static str,
    to: String,
    reference: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    to: String,
    biz_opaque_callback_data: Option<String>,
}

impl Graph {
    /// Starts the network.
    ///
    /// # Errors
    /// If it cannot listen.
    pub(crate) async fn start(ledger: Arc<Ledger>, plan: Plan) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let webhooks = Webhooks { statuses: 0, failed: 0, latencies: latencies() };
        let shared = Arc::new(Shared {
            plan,
            silent: AtomicBool::new(false),
            ledger,
            ids: AtomicU64::new(1),
            uploads: AtomicU64::new(0),
            uploaded_bytes: AtomicU64::new(0),
            due: Mutex::default(),
            webhooks: Mutex::new(webhooks),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, tasks })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends webhooks to this server from now on.
    pub(crate) fn tell(&mut self, address: SocketAddr, target: &'static str) {
        let (batches, waiting) = mpsc::channel(BATCHES);
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        for _ in 0..SENDERS {
            self.tasks.spawn(send(
                Arc::clone(&self.shared),
                Arc::clone(&waiting),
                Client::new(address),
                target,
            ));
        }
        self.tasks.spawn(collect(Arc::clone(&self.shared), batches));
    }

    /// Keeps due statuses back, or sends them.
    pub(crate) fn keep_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Relaxed);
    }

    /// Files uploaded so far, and the bytes of their requests.
    pub(crate) fn uploads(&self) -> (u64, u64) {
        (self.shared.uploads.load(Relaxed), self.shared.uploaded_bytes.load(Relaxed))
    }

    /// What came of the webhooks so far.
    pub(crate) fn webhooks(&self) -> Webhooks {
        self.shared.webhooks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| take(Arc::clone(&shared), request));
        // A client that breaks off is its own business.
        tokio::spawn(async move {
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn take(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    if request.uri().path().ends_with("/media") {
        return store(&shared, request.into_body()).await;
    }
    let body = request.into_body().collect().await?.to_bytes();
    let Ok(message) = serde_json::from_slice::<Message>(&body) else {
        let mut refused = Response::new(Full::from("{\"error\":{\"code\":100,\"message\":\"bad message\"}}"));
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(refused);
    };
    if let Some(index) = message_to(message.to.as_bytes()) {
        shared.ledger.mark(Place::Whatsapp, index);
    }
    let wamid = format!("wamid.BENCH{:012}", shared.ids.fetch_add(1, Relaxed));
    shared.schedule(&wamid, &message);
    let answer = format!(
        r#"{{"messaging_product":"whatsapp","contacts":[{{"input":"{to}","wa_id":"{to}"}}],"messages":[{{"id":"{wamid}"}}]}}"#,
        to = message.to
    );
    let mut response = Response::new(Full::from(answer));
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    Ok(response)
}

/// Takes a file and lets it go, so that this side takes no memory.
async fn store(shared: &Shared, mut body: Incoming) -> Result<Response<Full<Bytes>>, hyper::Error> {
    while let Some(frame) = body.frame().await {
        let bytes = frame?.data_ref().map_or(0, Bytes::len);
        shared.uploaded_bytes.fetch_add(bytes as u64, Relaxed);
    }
    let id = shared.uploads.fetch_add(1, Relaxed) + 1;
    Ok(Response::new(Full::from(format!("{{\"id\":\"{id}\"}}"))))
}

impl Shared {
    fn schedule(&self, wamid: &str, message: &Message) {
        let now = Instant::now();
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        for &(status, after) in self.plan {
            let to = message.to.trim_start_matches('+').to_owned();
            let reference = message.biz_opaque_callback_data.clone();
            due.push(Reverse(Due { at: now + after, wamid: wamid.to_owned(), status, to, reference }));
        }
    }

    fn note(&self, confirmed: bool, statuses: usize, took: Duration) {
        let mut webhooks = self.webhooks.lock().unwrap_or_else(PoisonError::into_inner);
        webhooks.latencies.saturating_record(took.as_micros() as u64);
        if confirmed {
            webhooks.statuses += statuses as u64;
        } else {
            webhooks.failed += 1;
        }
    }

    fn take_due(&self) -> Vec<Due> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, mut taken) = (Instant::now(), Vec::new());
        while taken.len() < BATCH && due.peek().is_some_and(|Reverse(next)| next.at <= now) {
            taken.extend(due.pop().map(|Reverse(next)| next));
        }
        taken
    }
}

/// Makes webhooks of the statuses that are due.
async fn collect(shared: Arc<Shared>, batches: mpsc::Sender<Vec<Due>>) {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        while !shared.silent.load(Relaxed) {
            let batch = shared.take_due();
            if batch.is_empty() {
                break;
            }
            if batches.send(batch).await.is_err() {
                return;
            }
        }
    }
}

async fn send(
    shared: Arc<Shared>,
    waiting: Arc<tokio::sync::Mutex<mpsc::Receiver<Vec<Due>>>>,
    mut client: Client,
    target: &'static str,
) {
    loop {
        let Some(batch) = waiting.lock().await.recv().await else { return };
        let request = webhook(target, &batch);
        for _ in 0..TRIES {
            let began = Instant::now();
            let confirmed = client.exchange(&request).await.is_ok_and(|answer| answer.status == 200);
            shared.note(confirmed, batch.len(), began.elapsed());
            if confirmed {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A signed webhook with these statuses.
fn webhook(target: &str, batch: &[Due]) -> Vec<u8> {
    let second = jiff::Timestamp::now().as_second();
    let statuses: Vec<_> = batch.iter().map(|due| status(due, second)).collect();
    let body = serde_json::json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "102290129340398", "changes": [{ "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": DISPLAY, "phone_number_id": PHONE_NUMBER_ID },
            "statuses": statuses,
        }}]}],
    });
    let body = body.to_string();
    let mut mac =
        Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let headers = [("Content-Type", "application/json"), ("X-Hub-Signature-256", signature.as_str())];
    client::post(target, &headers, body.as_bytes())
}

fn status(due: &Due, second: i64) -> serde_json::Value {
    let mut status = serde_json::json!({
        "id": due.wamid,
        "status": due.status,
        "timestamp": second.to_string(),
        "recipient_id": due.to,
    });
    if let Some(reference) = &due.reference {
        status["biz_opaque_callback_data"] = reference.as_str().into();
    }
    status
}
