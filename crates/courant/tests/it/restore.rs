//! A backup under load, the loss of the machine, and a restoration: what was accepted before the
//! backup is there, what was unfinished finishes, and what was settled is not sent again.

use std::{
    collections::HashMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::{
    harness::PATIENCE,
    process::{Process, free_address},
};

const JPEG: &[u8] = include_bytes!("../../../sandbox/samples/sample.jpg");
/// Senders at once while the backup is written.
const CLIENTS: u32 = 4;

/// Networks that outlive the gateway, as real ones do.
struct World {
    networks: Sandbox,
    url: String,
    client: reqwest::Client,
    listen: String,
    config: PathBuf,
}

impl World {
    async fn start(folder: &Path) -> Self {
        let options = Options { data: Some(folder.join("networks")), ..Options::default() };
        let networks = Sandbox::start(options).await.expect("networks");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = networks.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let listen = free_address();
        networks.set_whatsapp_webhook(&format!("http://{listen}/hooks/whatsapp")).expect("an address");
        let config = folder.join("courant.toml");
        std::fs::write(&config, courant::config::SANDBOX).expect("written");
        Self { networks, url, client: reqwest::Client::new(), listen, config }
    }

    /// The gateway, with this data folder.
    fn gateway(&self, data: &Path) -> Process {
        let smpp = self.networks.smpp_addr();
        let set = [
            format!("server.listen=\"{}\"", self.listen),
            format!("store.path=\"{}\"", data.display()),
            format!("route[whatsapp].whatsapp_cloud.base_url=\"{}\"", self.networks.graph_url()),
            format!("route[sms].smpp.host=\"{}\"", smpp.ip()),
            format!("route[sms].smpp.port={}", smpp.port()),
        ];
        Process::serve(&self.config, data, &set)
    }

    /// The command line, against the gateway.
    fn courant(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
        command.args(arguments).env("COURANT_TOKEN", "sandbox");
        let output = command.env("COURANT_URL", format!("http://{}", self.listen)).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}{}", String::from_utf8_lossy(&output.stderr));
        told
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Option<Value> {
        request.bearer_auth("sandbox").send().await.ok()?.json().await.ok()
    }

    /// Sends over one channel; the id, if it was accepted.
    async fn send(&self, to: &str, step: Value) -> Option<String> {
        let body = json!({ "account": "sandbox", "to": to, "steps": [step] });
        let url = format!("http://{}/api/v1/messages", self.listen);
        let sent = self.call(self.client.post(url).json(&body)).await?;
        Some(sent["id"].as_str()?.to_owned())
    }

    async fn message(&self, id: &str) -> Value {
        let url = format!("http://{}/api/v1/messages/{id}", self.listen);
        self.call(self.client.get(url)).await.unwrap_or_default()
    }

    async fn settled(&self, id: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.message(id).await;
            if message["settled"] == true || Instant::now() > deadline {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn inbox(&self, number: &str) -> Vec<Value> {
        let url = format!("{}/sandbox/handsets/{number}", self.url);
        let handset: Value =
            self.client.get(url).send().await.expect("an answer").json().await.expect("JSON");
        handset["inbox"].as_array().cloned().unwrap_or_default()
    }

    async fn whatsapp_is(&self, up: bool) {
        let url = format!("{}/sandbox/networks/whatsapp", self.url);
        self.client.post(url).json(&json!({ "up": up })).send().await.expect("an answer");
    }

    /// Numbers by id of messages sent over SMS until told to stop.
    async fn load(self: Arc<Self>, sent: Arc<Mutex<HashMap<String, String>>>, stop: Arc<Load>) {
        while !stop.over.load(Ordering::Acquire) {
            let number = format!("15{:05}7777", stop.serial.fetch_add(1, Ordering::Relaxed));
            let step = json!({ "channel": "sms", "text": "while the backup is written" });
            let Some(id) = self.send(&number, step).await else { return };
            sent.lock().expect("not poisoned").insert(id, number);
        }
    }
}

#[derive(Default)]
struct Load {
    over: AtomicBool,
    serial: AtomicU32,
}

/// Waits until so many were accepted.
async fn grown(sent: &Mutex<HashMap<String, String>>, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while sent.lock().expect("not poisoned").len() < count {
        assert!(Instant::now() < deadline, "waited in vain for {count} messages");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restores_what_was_accepted_and_sends_nothing_settled_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, again) = (folder.path().join("data"), folder.path().join("again"));
    let world = Arc::new(World::start(folder.path()).await);
    let gateway = world.gateway(&data);

    // Settled before: read on WhatsApp, once.
    let mut settled = HashMap::new();
    for index in 0..10 {
        let number = format!("1555019{index}100");
        let step = json!({ "channel": "whatsapp", "text": "before" });
        settled.insert(world.send(&number, step).await.expect("accepted"), number);
    }
    for id in settled.keys() {
        assert_eq!(world.settled(id).await["settled"], true);
    }
    // Unfinished: an uploaded picture that WhatsApp cannot take now.
    let upload =
        world.client.post(format!("http://{}/api/v1/media?account=sandbox&filename=a.jpg", world.listen));
    let upload = world.call(upload.header("content-type", "image/jpeg").body(JPEG)).await.expect("kept");
    world.whatsapp_is(false).await;
    let picture = json!({ "kind": "image", "id": upload["id"] });
    let picture = json!({ "channel": "whatsapp", "media": picture, "patience_ms": 120_000 });
    let waiting = world.send("15550180100", picture).await.expect("accepted");

    let (sent, load) = (Arc::new(Mutex::new(HashMap::new())), Arc::new(Load::default()));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(Arc::clone(&world).load(Arc::clone(&sent), Arc::clone(&load))))
        .collect();
    grown(&sent, 30).await;
    let before = sent.lock().expect("not poisoned").clone();
    for (id, number) in &before {
        if world.message(id).await["settled"] == true {
            settled.insert(id.clone(), number.clone());
        }
    }
    let asked = Arc::clone(&world);
    let backup = tokio::task::spawn_blocking(move || asked.courant(&["backup", "--json"])).await;
    let backup: Value = serde_json::from_str(&backup.expect("written")).expect("JSON");
    grown(&sent, before.len() + 60).await;
    gateway.kill();
    load.over.store(true, Ordering::Release);
    for client in clients {
        client.await.expect("a client");
    }

    // The machine is lost; what was carried away is the backup.
    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(backup["path"].as_str().expect("a path"), &elsewhere).expect("carried away");
    std::fs::remove_dir_all(&data).expect("lost");
    let told =
        world.courant(&["restore", &elsewhere.display().to_string(), "--into", &again.display().to_string()]);
    assert!(told.contains("is ready, with "), "{told}");
    let gateway = world.gateway(&again);
    world.whatsapp_is(true).await;

    let picture = world.settled(&waiting).await;
    assert_eq!((&picture["settled"], &picture["status"]), (&json!(true), &json!("delivered")), "{picture}");
    let shown = world.inbox("15550180100").await;
    assert_eq!((shown.len(), &shown[0]["media"]["size"]), (1, &json!(JPEG.len())), "{shown:?}");
    for (id, number) in &before {
        let message = world.settled(id).await;
        assert_eq!(message["status"], "delivered", "{message}");
        assert!(!world.inbox(number).await.is_empty(), "{number} has nothing");
    }
    for (id, number) in &settled {
        assert_eq!(world.message(id).await["settled"], true, "{id} is gone");
        assert_eq!(world.inbox(number).await.len(), 1, "{number} was sent to again");
    }
    println!("{} accepted before the backup, {} of them settled", before.len() + 11, settled.len());
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn a_restoration_refuses_a_folder_in_use_and_a_backup_that_is_not_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (backup, data) = (folder.path().join("backup"), folder.path().join("data"));
    std::fs::create_dir_all(&backup).expect("made");
    let refused = |what: &str| {
        let told = courant::backup::restore(&backup, &data).expect_err("it is refused");
        assert!(told.contains(what), "{told}");
        assert!(!data.join("courant.db.part").exists(), "something is left over");
    };
    refused("No such file");
    std::fs::write(backup.join("courant.db"), "not a database, whatever its name").expect("written");
    refused("not a database");
    std::fs::write(backup.join("courant.db"), "").expect("written");
    refused("it is empty, or not a database of Courant");
    let mode = std::fs::metadata(&data).expect("made").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others may look into it");
    std::fs::write(data.join("courant.db"), "").expect("written");
    refused("is there already");
}
