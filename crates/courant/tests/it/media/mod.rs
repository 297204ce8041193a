//! Media end to end: links checked before they are sent, uploads, public addresses, networks that
//! take ids, and short links in SMS.

mod away;
mod ffmpeg;
mod fitting;
mod links;
mod memory;
mod networks;
mod receiving;
mod short_links;
mod uploads;

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path as PathPart, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use bytes::Bytes;
use courant::{
    accounts::Account,
    app::{App, Running},
    config::{Config, Source},
    core::Core,
    desk::accept,
    mediadesk::short,
};
use engine::Event;
use model::{
    AccountName, Cause, Channel, Content, MessageId, Phone, Recipient, Submission,
    content::{Media, MediaKind, MediaSource, Text},
    message::{Draft, Extras, PlanSource, StepDraft},
};
use serde_json::{Value, json};
use store::Happening;
use tempfile::TempDir;

use crate::harness::{PATIENCE, Stand};

const JPEG: &[u8] = include_bytes!("../../../../sandbox/samples/sample.jpg");
const MP4: &[u8] = include_bytes!("../../../../sandbox/samples/sample.mp4");
/// Callers and networks that fetch are told apart by their names.
const OURS: &str = "courant-media/";

/// A server of files that counts what the gateway fetches; ends when dropped.
struct Origin {
    address: SocketAddr,
    fetches: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Origin {
    async fn start() -> Self {
        let fetches = Arc::new(AtomicUsize::new(0));
        let router = Router::new().route("/{file}", get(serve_file)).with_state(Arc::clone(&fetches));
        let (address, task) = listen(router).await;
        Self { address, fetches, task }
    }

    fn url(&self, file: &str) -> String {
        format!("http://{}/{file}", self.address)
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(router: Router) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("is bound");
    let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
    (address, task)
}

async fn serve_file(
    State(fetches): State<Arc<AtomicUsize>>,
    PathPart(file): PathPart<String>,
    request: Request,
) -> Response {
    let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    if agent.is_some_and(|agent| agent.starts_with(OURS)) {
        fetches.fetch_add(1, Ordering::SeqCst);
    }
    let jpeg = [(header::CONTENT_TYPE, "image/jpeg")];
    match file.as_str() {
        "picture.jpg" => (jpeg, JPEG).into_response(),
        "endless.jpg" => {
            let chunk = Bytes::from_static(&[0xff; 64 * 1024]);
            let chunks = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
            (jpeg, Body::from_stream(chunks)).into_response()
        }
        "drip.jpg" => {
            let drops = futures_util::stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
            });
            (jpeg, Body::from_stream(drops)).into_response()
        }
        "large.pdf" => memory::large(b'2').into_response(),
        silent if silent.starts_with("silent") => std::future::pending().await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A network in the shape of the Cloud API that counts uploads and remembers messages.
#[derive(Clone, Default)]
struct Graph(Arc<Seen>);

#[derive(Default)]
struct Seen {
    uploads: AtomicUsize,
    uploaded_bytes: AtomicUsize,
    messages: std::sync::Mutex<Vec<Value>>,
    /// Ids that it does not know any more.
    forgotten: std::sync::Mutex<Vec<String>>,
}

impl Graph {
    async fn start(&self) -> (SocketAddr, tokio::task::JoinHandle<()>) {
        listen(Router::new().route("/{*path}", any(graph)).with_state(self.clone())).await
    }

    fn uploads(&self) -> usize {
        self.0.uploads.load(Ordering::SeqCst)
    }

    fn messages(&self) -> Vec<Value> {
        self.0.messages.lock().expect("no panic elsewhere").clone()
    }
}

async fn graph(State(graph): State<Graph>, PathPart(path): PathPart<String>, request: Request) -> Response {
    if path.ends_with("/media") {
        let mut body = request.into_body().into_data_stream();
        while let Some(chunk) = futures_util::StreamExt::next(&mut body).await {
            graph.0.uploaded_bytes.fetch_add(chunk.expect("a body").len(), Ordering::SeqCst);
        }
        let id = graph.0.uploads.fetch_add(1, Ordering::SeqCst) + 1;
        return Json(json!({ "id": format!("network-{id}") })).into_response();
    }
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    let message: Value = serde_json::from_slice(&body).expect("JSON");
    let id = message["image"]["id"].as_str().unwrap_or_default().to_owned();
    if graph.0.forgotten.lock().expect("no panic elsewhere").contains(&id) {
        let error = json!({"error": {"message": "Parameter value is not valid", "code": 131_009}});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    let mut messages = graph.0.messages.lock().expect("no panic elsewhere");
    messages.push(message);
    Json(json!({"messages": [{"id": format!("wamid.{}", messages.len())}]})).into_response()
}

/// A gateway for real traffic before such a network.
struct Gate {
    running: Running,
    graph: Graph,
    network: tokio::task::JoinHandle<()>,
}

impl Gate {
    async fn start(folder: &Path, graph: Graph, set: &[&str]) -> Self {
        courant::cli::install_crypto();
        let (address, network) = graph.start().await;
        let text = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            [store]
            path = "{}"
            [media]
            allow = ["127.0.0.0/8"]
            [[route]]
            name = "whatsapp"
            [route.whatsapp_cloud]
            base_url = "http://{address}"
            token = "t"
            verify_signature = false
            messages_per_second = 10000.0
            pair_interval_ms = 0
            numbers = [{{ phone_number_id = "1", display = "1", sender = "*" }}]
            [[account]]
            name = "shop"
            routes = {{ whatsapp = ["whatsapp"] }}
            [[account]]
            name = "neighbour"
            routes = {{ whatsapp = ["whatsapp"] }}
            [admin]
            tokens = [{{ name = "test", scopes = ["act", "numbers"], token = "test" }}]
            "#,
            folder.display()
        );
        let set: Vec<String> = set.iter().map(|text| (*text).to_owned()).collect();
        let config = Config::parse(&Source { name: "test".into(), text }, &set).expect("is right");
        let running = App::start(config, None).await.expect("starts");
        Self { running, graph, network }
    }

    fn core(&self) -> &Arc<Core> {
        &self.running.app.core
    }

    fn account(&self) -> Arc<Account> {
        self.account_named("shop")
    }

    fn account_named(&self, name: &str) -> Arc<Account> {
        Arc::clone(self.core().accounts.by_name(&AccountName::from(name)).expect("is configured"))
    }

    /// A counter as `/metrics` shows it; 0 if it is not shown.
    async fn metric(&self, name: &str) -> f64 {
        let url = format!("{}/metrics", self.running.app.url());
        let text = reqwest::get(url).await.expect("an answer").text().await.expect("a text");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// Sends a picture to so many numbers; the messages' ids.
    async fn send(&self, source: MediaSource, recipients: usize) -> Vec<MessageId> {
        submit(self.core(), &self.account(), vec![picture(source)], recipients).await
    }

    async fn until_sent(&self, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        while self.graph.messages().len() < count {
            assert!(Instant::now() < deadline, "{} of {count} were sent", self.graph.messages().len());
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        self.graph.messages()
    }

    async fn stop(self) {
        self.running.stop().await;
        self.network.abort();
    }
}

fn picture(source: MediaSource) -> StepDraft {
    let caption = Some("<b>Look</b> & see".to_owned());
    let media = Media { kind: MediaKind::Image, source, mime: None, caption, filename: None };
    StepDraft::new(Channel::Whatsapp, Content::Media(media))
}

fn link(text: impl Into<String>) -> MediaSource {
    MediaSource::Link(text.into())
}

async fn submit(
    core: &Arc<Core>,
    account: &Account,
    steps: Vec<StepDraft>,
    recipients: usize,
) -> Vec<MessageId> {
    let draft = |index| Draft {
        recipient: Recipient {
            phone: Some(
                Phone::parse(&format!("1555{:07}", index * 100_000 % 9_999_999 + index / 100))
                    .expect("digits"),
            ),
            ..Recipient::default()
        },
        ..Draft::default()
    };
    let recipients = (0..recipients).map(draft).collect();
    submit_to(core, account, steps, recipients).await
}

async fn submit_to(
    core: &Arc<Core>,
    account: &Account,
    steps: Vec<StepDraft>,
    recipients: Vec<Draft>,
) -> Vec<MessageId> {
    let submission = Submission {
        brief: model::Brief::default(),
        plan: PlanSource::Steps { steps, extend: None },
        recipients,
        bulk: None,
    };
    let prepared = accept::prepare(core, account, "telesign", submission).await.expect("is accepted");
    let ids = prepared.accepted.messages.iter().map(|message| message.id).collect();
    prepared.store(core, None).await.expect("is stored");
    ids
}

/// What the history says of a message, in order: notes, submissions and refusals.
async fn history(core: &Core, id: MessageId) -> (Vec<String>, usize, Vec<Cause>) {
    let entries = core.store.history(id).await.expect("is readable");
    let (mut notes, mut submitted, mut refused) = (Vec::new(), 0, Vec::new());
    for entry in entries {
        match entry.what {
            Happening::Note { text, .. } => notes.push(text),
            Happening::Event(Event::Submitted { .. }) => submitted += 1,
            Happening::Event(Event::Refused { fault, .. }) => refused.push(fault.cause),
            Happening::Event(_) => {}
        }
    }
    (notes, submitted, refused)
}

/// Waits until a message was submitted or refused.
async fn decided(core: &Core, id: MessageId) -> (Vec<String>, usize, Vec<Cause>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (notes, submitted, refused) = history(core, id).await;
        if submitted > 0 || !refused.is_empty() {
            return (notes, submitted, refused);
        }
        assert!(Instant::now() < deadline, "waited in vain for {id}: {notes:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

fn sandbox_account(stand: &Stand) -> Arc<Account> {
    Arc::clone(stand.core().accounts.by_name(&AccountName::from("sandbox")).expect("is configured"))
}

fn to(number: &str) -> Vec<Draft> {
    let phone = Some(Phone::parse(number).expect("digits"));
    vec![Draft { recipient: Recipient { phone, ..Recipient::default() }, ..Draft::default() }]
}

async fn send_kind(stand: &Stand, kind: MediaKind, url: String, extras: Extras) -> MessageId {
    let media = Media { kind, source: link(url), mime: None, caption: None, filename: None };
    let step = StepDraft { extras, ..StepDraft::new(Channel::Whatsapp, Content::Media(media)) };
    let ids = submit_to(stand.core(), &sandbox_account(stand), vec![step], to("15550107777")).await;
    ids[0]
}
