//! Media end to end: links checked before they are sent, uploads, public addresses, networks that
//! take ids, and short links in SMS.

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

const JPEG: &[u8] = include_bytes!("../../../sandbox/samples/sample.jpg");
const MP4: &[u8] = include_bytes!("../../../sandbox/samples/sample.mp4");
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
        "silent.jpg" => std::future::pending().await,
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A network in the shape of the Cloud API that counts uploads and remembers messages.
#[derive(Clone, Default)]
struct Graph(Arc<Seen>);

#[derive(Default)]
struct Seen {
    uploads: AtomicUsize,
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
    let body = axum::body::to_bytes(request.into_body(), 64 << 20).await.expect("a body");
    if path.ends_with("/media") {
        let id = graph.0.uploads.fetch_add(1, Ordering::SeqCst) + 1;
        return Json(json!({ "id": format!("network-{id}") })).into_response();
    }
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
        Arc::clone(self.core().accounts.by_name(&AccountName::from("shop")).expect("is configured"))
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

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_file_passes_as_what_it_is_and_arrives() {
    let stand = Stand::start().await;
    let samples = [
        ("jpg", MediaKind::Image),
        ("png", MediaKind::Image),
        ("mp4", MediaKind::Video),
        ("3gp", MediaKind::Video),
        ("aac", MediaKind::Audio),
        ("amr", MediaKind::Audio),
        ("mp3", MediaKind::Audio),
        ("ogg", MediaKind::Audio),
        ("pdf", MediaKind::Document),
        ("docx", MediaKind::Document),
        ("webp", MediaKind::Sticker),
    ];
    for (extension, kind) in samples {
        let url = format!("{}/sandbox/media/sample.{extension}", stand.url);
        let id = send_kind(&stand, kind, url, Extras::default()).await;
        let (notes, submitted, refused) = decided(stand.core(), id).await;
        assert_eq!((submitted, refused), (1, Vec::new()), "{extension}: {notes:?}");
        assert!(notes.iter().any(|note| note.contains("was checked")), "{extension}: {notes:?}");
    }
    stand
        .until("all of them are shown", || async { stand.inbox("15550107777").await.len() == samples.len() })
        .await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_files_fail_with_their_cause_before_any_network_is_asked() {
    let stand = Stand::start().await;
    let no_redirects = Extras { no_redirects: true, ..Extras::default() };
    let tight = Extras { max_media_bytes: Some(10), ..Extras::default() };
    let cases = [
        ("?status=404", Extras::default(), Some(Cause::MediaUnreachable)),
        ("?type=text/html", Extras::default(), Some(Cause::MediaUnsupported)),
        ("?pad=6000000", Extras::default(), Some(Cause::MediaTooLarge)),
        ("?redirect=1", Extras::default(), None),
        ("?redirect=1", no_redirects, Some(Cause::MediaUnreachable)),
        ("", tight, Some(Cause::MediaTooLarge)),
    ];
    for (wish, extras, cause) in cases {
        let url = format!("{}/sandbox/media/sample.jpg{wish}", stand.url);
        let id = send_kind(&stand, MediaKind::Image, url, extras).await;
        let (notes, submitted, refused) = decided(stand.core(), id).await;
        assert_eq!(refused, Vec::from_iter(cause), "{wish}: {notes:?}");
        assert_eq!(submitted, usize::from(cause.is_none()), "{wish}");
        assert_eq!(notes.iter().any(|note| note.contains("not sent")), cause.is_some(), "{wish}: {notes:?}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_step_after_a_bad_file_gets_its_turn_at_once() {
    let stand = Stand::start().await;
    let body = json!({
        "channels": [{"channel": "whatsapp", "fallback_time": 3_600_000}, {"channel": "sms"}],
        "phone_number": "15550107777", "message_type": "ARN",
        "message": {
            "whatsapp": {"template": "image", "parameters": {"url": format!("{}/sandbox/media/sample.jpg?status=410", stand.url)}},
            "sms": {"template": "text", "parameters": {"text": "instead"}},
        },
    });
    let (_, answer) = stand.telesign(&body).await;
    stand.settled(answer["reference_id"].as_str().expect("a reference"), &[3000]).await;
    let inbox = stand.inbox("15550107777").await;
    assert_eq!(inbox.iter().map(|entry| entry["text"].as_str()).collect::<Vec<_>>(), [Some("instead")]);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_nobody_can_check_is_refused_sent_or_not_even_looked_at() {
    let origin = Origin::start().await;
    let cases = [("strict", false, 1), ("lenient", true, 1), ("off", true, 0)];
    for (policy, sent, fetches) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let policy_of = format!("account[shop].media.policy=\"{policy}\"");
        let set = [policy_of.as_str(), "media.fetch_timeout_ms=300"];
        let gate = Gate::start(folder.path(), Graph::default(), &set).await;
        let before = origin.fetches();
        let id = gate.send(link(origin.url("silent.jpg")), 1).await[0];
        let (notes, submitted, refused) = decided(gate.core(), id).await;
        assert_eq!(
            (submitted, refused.len()),
            (usize::from(sent), usize::from(!sent)),
            "{policy}: {notes:?}"
        );
        assert_eq!(gate.graph.messages().len(), usize::from(sent), "{policy}");
        assert_eq!(notes.len(), fetches, "{policy}: {notes:?}");
        assert_eq!(origin.fetches() - before, fetches, "{policy}");
        gate.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_counts_from_the_hand_over_and_not_while_a_link_is_looked_at() {
    let origin = Origin::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &["media.fetch_timeout_ms=600"]).await;
    let mut step = picture(link(origin.url("silent.jpg")));
    step.patience = Some(model::Span::from_millis(100));
    let mut last = picture(link(origin.url("picture.jpg")));
    last.patience = Some(model::Span::from_secs(60));
    let id = submit(gate.core(), &gate.account(), vec![step, last], 1).await[0];
    // Had the patience run while the link was looked at, the first step would never be sent.
    let (_, submitted, refused) = decided(gate.core(), id).await;
    assert_eq!((submitted, refused), (1, Vec::new()));
    assert_eq!(gate.until_sent(1).await[0]["image"]["link"], json!(origin.url("silent.jpg")));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_with_the_same_link_cause_one_fetch() {
    let (origin, folder) = (Origin::start().await, tempfile::tempdir().expect("a folder"));
    let gate = Gate::start(folder.path(), Graph::default(), &[]).await;
    gate.send(link(origin.url("picture.jpg")), 500).await;
    let messages = gate.until_sent(500).await;
    assert!(messages.iter().all(|message| message["image"]["link"] == json!(origin.url("picture.jpg"))));
    assert_eq!((origin.fetches(), gate.graph.uploads()), (1, 0));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_id_two_thousand_messages_cause_one_fetch_and_one_upload_even_across_a_restart() {
    let (origin, folder) = (Origin::start().await, tempfile::tempdir().expect("a folder"));
    let by_id = ["route[whatsapp].media=\"id\""];
    let gate = Gate::start(folder.path(), Graph::default(), &by_id).await;
    gate.send(link(origin.url("picture.jpg")), 2000).await;
    let messages = gate.until_sent(2000).await;
    assert!(messages.iter().all(|message| message["image"]["id"] == "network-1"));
    assert_eq!((origin.fetches(), gate.graph.uploads()), (1, 1));
    let graph = gate.graph.clone();
    gate.stop().await;

    let gate = Gate::start(folder.path(), graph, &by_id).await;
    gate.send(link(origin.url("picture.jpg")), 1).await;
    let messages = gate.until_sent(2001).await;
    assert_eq!(messages[2000]["image"]["id"], "network-1");
    assert_eq!((origin.fetches(), gate.graph.uploads()), (2, 1));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_the_network_forgot_is_renewed_once_and_the_message_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &[]).await;
    let kept =
        gate.core().media.put(&gate.account(), Some("image/jpeg".into()), None, JPEG).await.expect("is kept");
    let source = MediaSource::Id(kept.id.to_string());
    gate.send(source.clone(), 1).await;
    gate.until_sent(1).await;
    gate.graph.0.forgotten.lock().expect("no panic elsewhere").push("network-1".into());
    let ids = gate.send(source.clone(), 20).await;
    let messages = gate.until_sent(21).await;
    assert!(messages[1..].iter().all(|message| message["image"]["id"] == "network-2"));
    assert_eq!(gate.graph.uploads(), 2);
    assert_eq!(decided(gate.core(), ids[0]).await.2, []);
    // If it is not the id's fault, one renewal shows that, and no more are tried.
    gate.graph.0.forgotten.lock().expect("no panic elsewhere").push("network-2".into());
    let id = gate.send(source, 1).await[0];
    assert_eq!(decided(gate.core(), id).await.2, [Cause::InvalidContent]);
    assert_eq!(gate.graph.uploads(), 2);
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_not_the_accounts_is_passed_on_as_the_networks() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &[]).await;
    gate.send(MediaSource::Id("1234567890123456".into()), 1).await;
    assert_eq!(gate.until_sent(1).await[0]["image"]["id"], "1234567890123456");
    assert_eq!(gate.graph.uploads(), 0);
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_has_a_public_address_that_answers_whole_in_part_and_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &["route[whatsapp].media=\"link\""]).await;
    let media = &gate.core().media;
    media.set_public_url(gate.running.app.url());
    let kept = media
        .put(&gate.account(), Some("video/mp4".into()), Some("a.mp4".into()), MP4)
        .await
        .expect("is kept");
    let url = media.url(&kept).expect("a public address");
    let client = reqwest::Client::new();
    let whole = client.get(&url).send().await.expect("an answer");
    assert_eq!(whole.headers()["content-type"], "video/mp4");
    let tag = whole.headers()["etag"].clone();
    assert_eq!(whole.bytes().await.expect("a body"), MP4);
    let part = client.get(&url).header("range", "bytes=4-7").send().await.expect("an answer");
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.expect("a body"), MP4[4..8]);
    let head = client.head(&url).send().await.expect("an answer");
    assert_eq!(head.headers()["content-length"], MP4.len().to_string().as_str());
    let unchanged = client.get(&url).header("if-none-match", tag).send().await.expect("an answer");
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    let wrong = client.get(url.replace(".mp4", ".jpg")).send().await.expect("an answer");
    assert_eq!(wrong.status(), StatusCode::NOT_FOUND);

    // By its id, a route that takes links gets this address.
    let picture = media.put(&gate.account(), Some("image/jpeg".into()), None, JPEG).await.expect("is kept");
    gate.send(MediaSource::Id(picture.id.to_string()), 1).await;
    assert_eq!(gate.until_sent(1).await[0]["image"]["link"], json!(media.url(&picture)));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_own_limits_on_uploads_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = [
        "account[shop].media.max_file_bytes=20000",
        "account[shop].media.max_bytes=30000",
        "account[shop].media.max_files=2",
    ];
    let gate = Gate::start(folder.path(), Graph::default(), &set).await;
    let (media, account) = (&gate.core().media, gate.account());
    let put = async |bytes: usize| media.put(&account, None, None, &vec![7; bytes][..]).await;
    assert_eq!(put(20_001).await, Err(model::Refusal::TooLarge { limit: 20_000 }));
    let first = put(20_000).await.expect("fits");
    assert!(put(10_001).await.is_err());
    put(9_999).await.expect("fits");
    assert!(put(1).await.is_err());
    assert_eq!(media.list(&account, None, 10).len(), 2);
    assert_eq!(media.find(&account, &first.id.to_string()), Ok(Arc::clone(&first)));
    assert_eq!(media.remove(&account, first.id).await, Ok(true));
    assert!(media.find(&account, &first.id.to_string()).is_err());
    put(1).await.expect("fits again");
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_stays_while_an_accepted_message_needs_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &["media.keep_hours=24"]).await;
    let (media, account) = (&gate.core().media, gate.account());
    let kept = media.put(&account, Some("image/jpeg".into()), None, JPEG).await.expect("is kept");
    assert_eq!(kept.kept_until(), kept.expires_at);
    gate.send(MediaSource::Id(kept.id.to_string()), 1).await;
    let held = media.find(&account, &kept.id.to_string()).expect("is there");
    assert!(held.kept_until() >= held.created_at + model::Span::from_hours(7 * 24));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_servers_come_to_an_end_with_a_cause() {
    let (origin, folder) = (Origin::start().await, tempfile::tempdir().expect("a folder"));
    let set =
        ["account[shop].media.policy=\"strict\"", "media.slow_after_ms=200", "media.fetch_timeout_ms=5000"];
    let gate = Gate::start(folder.path(), Graph::default(), &set).await;
    for (file, cause) in [
        ("endless.jpg", Cause::MediaTooLarge),
        ("drip.jpg", Cause::MediaUnreachable),
        ("gone.jpg", Cause::MediaUnreachable),
    ] {
        let id = gate.send(link(origin.url(file)), 1).await[0];
        assert_eq!(decided(gate.core(), id).await.2, [cause], "{file}");
    }
    assert_eq!(gate.graph.messages(), Vec::<Value>::new());
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_to_the_inside_are_refused_whatever_the_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    for mode in ["auto", "id"] {
        let mode = format!("route[whatsapp].media=\"{mode}\"");
        let gate = Gate::start(folder.path(), Graph::default(), &["media.allow=[]", mode.as_str()]).await;
        for url in [
            "http://169.254.169.254/latest/meta-data/a.jpg",
            "http://127.0.0.1:8480/a.jpg",
            "http://[::ffff:10.0.0.1]/a.jpg",
        ] {
            let id = gate.send(link(url), 1).await[0];
            let (notes, _, refused) = decided(gate.core(), id).await;
            assert_eq!(refused, [Cause::MediaUnreachable], "{url}");
            assert!(notes.iter().all(|note| !note.contains("169.254")), "{notes:?}");
        }
        assert_eq!(gate.graph.messages(), Vec::<Value>::new());
        gate.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_too_large_is_made_fit_only_if_the_account_wants_that() {
    let stand = Stand::start_with(None, &["account[sandbox].media.fit=true"]).await;
    let url = format!("{}/sandbox/media/sample.jpg?pad=6000000", stand.url);
    let id = send_kind(&stand, MediaKind::Image, url, Extras::default()).await;
    let (notes, submitted, refused) = decided(stand.core(), id).await;
    assert_eq!((submitted, refused), (1, Vec::new()), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("changed, because")), "{notes:?}");
    let entry =
        stand.find("the picture", || async { stand.inbox("15550107777").await.into_iter().next() }).await;
    assert_eq!(entry["media"]["mime_type"], "image/jpeg");
    assert!(entry["media"]["size"].as_u64().expect("a size") < 5 << 20);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_program_makes_videos_fit_and_one_that_hangs_is_stopped() {
    use std::os::unix::fs::PermissionsExt;
    let tools = tempfile::tempdir().expect("a folder");
    let tool = |name: &str, script: String| {
        let path = tools.path().join(name);
        std::fs::write(&path, script).expect("is written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("is made executable");
        path.display().to_string()
    };
    let sample = tools.path().join("small.mp4");
    std::fs::write(&sample, MP4).expect("is written");
    // The output is the last argument.
    let works = tool(
        "works",
        format!("#!/bin/sh\nfor to in \"$@\"; do :; done\n/bin/cp '{}' \"$to\"\n", sample.display()),
    );
    let hangs = tool("hangs", "#!/bin/sh\nexec /bin/sleep 600\n".to_owned());
    for (program, passes) in [(works, true), (hangs, false)] {
        let set = [
            "account[sandbox].media.fit=true".to_owned(),
            format!("media.ffmpeg=\"{program}\""),
            "media.ffmpeg_timeout_ms=400".to_owned(),
        ];
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let stand = Stand::start_with(None, &set).await;
        let url = format!("{}/sandbox/media/sample.mp4?pad=17000000", stand.url);
        let id = send_kind(&stand, MediaKind::Video, url, Extras::default()).await;
        let (notes, submitted, refused) = decided(stand.core(), id).await;
        assert_eq!(submitted, usize::from(passes), "{program}: {notes:?}");
        assert_eq!(refused, if passes { vec![] } else { vec![Cause::MediaTooLarge] }, "{program}: {notes:?}");
        stand.stop().await;
    }
}

/// A silent WhatsApp picture, then an SMS with a link to it; the message and the link.
async fn sms_with_link(stand: &Stand, source: MediaSource) -> (MessageId, String) {
    let mut whatsapp = picture(source);
    whatsapp.patience = Some(model::Span::from_millis(200));
    let mut sms = StepDraft::new(Channel::Sms, Content::Text(Text::new("See {media_link} now")));
    sms.sender = Some("Courant".into());
    let ids = submit_to(stand.core(), &sandbox_account(stand), vec![whatsapp, sms], to("15550100002")).await;
    let text = stand
        .find("the SMS", || async {
            let inbox = stand.inbox("15550100002").await;
            inbox.iter().rev().find_map(|entry| entry["text"].as_str().map(str::to_owned))
        })
        .await;
    let link = text.strip_prefix("See ").and_then(|rest| rest.strip_suffix(" now"));
    (ids[0], link.unwrap_or_else(|| panic!("no link in {text:?}")).to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sms_carries_a_short_link_to_the_picture_and_openings_are_counted() {
    const BROWSER: &str = "Mozilla/5.0 (Linux; Android 15) Chrome/130.0 Mobile";
    let stand = Stand::start().await;
    let picture = format!("{}/sandbox/media/sample.jpg", stand.url);
    let (id, link) = sms_with_link(&stand, MediaSource::Link(picture.clone())).await;
    assert!(
        link.starts_with(&format!("{}/m/", stand.url)) && link.len() <= stand.url.len() + 3 + 11,
        "{link}"
    );

    let page = stand.client.get(&link).header("user-agent", BROWSER).send().await.expect("an answer");
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert!(page.headers()["x-robots-tag"].to_str().expect("text").contains("noindex"));
    let text = page.text().await.expect("a text");
    assert!(text.contains(&format!("<img src=\"{picture}\"")), "{text}");
    assert!(text.contains("&lt;b&gt;Look&lt;/b&gt; &amp; see") && !text.contains("<script"), "{text}");

    let get = |agent: &'static str| stand.client.get(&link).header("user-agent", agent).send();
    get(BROWSER).await.expect("an answer");
    get("WhatsApp/2.23.20.0").await.expect("an answer");
    stand.client.head(&link).header("user-agent", BROWSER).send().await.expect("an answer");
    let opens = short::opens(stand.core(), id, 1).await.expect("was opened");
    assert_eq!(opens.count, 2);
    stand
        .until("the first opening is in the history", || async {
            history(stand.core(), id).await.0.iter().filter(|note| note.contains("opened")).count() == 1
        })
        .await;
    let unknown = stand.client.get(format!("{}/m/AAAAAAAAAAA", stand.url)).send().await.expect("an answer");
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_opening_is_told_and_an_upload_is_shown_by_its_public_address() {
    let bin = Stand::start().await;
    let callback = format!("account[sandbox].media.open_callback=\"{}/sandbox/bin/opened\"", bin.url);
    let stand = Stand::start_with(None, &[callback.as_str()]).await;
    let media = &stand.core().media;
    let kept =
        media.put(&sandbox_account(&stand), Some("image/jpeg".into()), None, JPEG).await.expect("is kept");
    let (id, link) = sms_with_link(&stand, MediaSource::Id(kept.id.to_string())).await;
    for _ in 0..3 {
        let page =
            stand.client.get(&link).header("user-agent", "Mozilla/5.0").send().await.expect("an answer");
        let text = page.text().await.expect("a text");
        assert!(text.contains(&media.url(&kept).expect("a public address")), "{text}");
    }
    let told = bin.find("the callback", || async { bin.bin("opened").await.into_iter().next() }).await;
    assert_eq!((&told["event"], &told["message_id"]), (&json!("media_link_opened"), &json!(id.to_string())));
    assert_eq!(short::opens(stand.core(), id, 1).await.map(|opens| opens.count), Some(3));
    assert_eq!(bin.bin("opened").await.len(), 1);
    stand.stop().await;
    bin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_folder_of_an_earlier_run_is_cleared_and_the_key_stays() {
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let gate =
        Gate::start(folder.path(), Graph::default(), &["server.public_url=\"https://gate.example/\""]).await;
    let kept = gate.core().media.put(&gate.account(), None, None, JPEG).await.expect("is kept");
    let url = gate.core().media.url(&kept).expect("a public address");
    assert!(url.starts_with("https://gate.example/media/"), "{url}");
    gate.stop().await;
    let leftover = folder.path().join("media/spool/leftover");
    std::fs::write(&leftover, b"x").expect("is written");
    let gate =
        Gate::start(folder.path(), Graph::default(), &["server.public_url=\"https://gate.example\""]).await;
    assert!(!leftover.exists());
    assert_eq!(gate.core().media.url(&kept), Some(url));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_without_a_type_gets_the_one_its_content_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &[]).await;
    let upload = model::call::Upload { mime: None, filename: None, bytes: Bytes::from_static(JPEG) };
    let (id, url) = gate.core().media.upload(&gate.account(), &upload).await.expect("is kept");
    assert_eq!(gate.core().media.find(&gate.account(), &id).expect("is there").mime, "image/jpeg");
    assert_eq!(url, None);
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_link_without_anything_to_show_leaves_no_trace_in_the_text() {
    let stand = Stand::start().await;
    let mut sms = StepDraft::new(Channel::Sms, Content::Text(Text::new("Hello {media_link}")));
    sms.sender = Some("Courant".into());
    submit_to(stand.core(), &sandbox_account(&stand), vec![sms], to("15550107777")).await;
    let entry = stand.find("the SMS", || async { stand.inbox("15550107777").await.into_iter().next() }).await;
    assert_eq!(entry["text"], "Hello");
    stand.stop().await;
}
