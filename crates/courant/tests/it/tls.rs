//! Everything that listens, behind TLS: only TLS is spoken, by both HTTPs, with the certificate
//! that stands in the files now.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use reqwest::{Certificate, Client, Version};
use serde_json::json;

use crate::{
    harness::{PATIENCE, TELESIGN_BASIC, cascade},
    process::Process,
};

const AUTHORITY: &[u8] = include_bytes!("../../../connectors/src/smpp/tests/tls/ca.pem");
const FIRST: (&[u8], &[u8]) = (
    include_bytes!("../../../connectors/src/smpp/tests/tls/smsc.pem"),
    include_bytes!("../../../connectors/src/smpp/tests/tls/smsc.key"),
);
/// Signed by itself.
const SECOND: (&[u8], &[u8]) = (include_bytes!("tls/second.pem"), include_bytes!("tls/second.key"));

/// `courant serve`, killed when dropped.
struct Server {
    child: Child,
    url: String,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        put(folder.path(), FIRST);
        let config = folder.path().join("courant.toml");
        fs::write(&config, configuration(folder.path())).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
        command.args(["serve", "--config"]).arg(&config);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let ready = BufReader::new(child.stdout.take().expect("piped")).lines().next();
        let ready = ready.and_then(Result::ok).expect("a line");
        let url = ready.strip_prefix("ready ").expect("ready").to_owned();
        Self { child, url, folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn files(folder: &Path) -> [PathBuf; 2] {
    [folder.join("chain.pem"), folder.join("key.pem")]
}

fn put(folder: &Path, (chain, key): (&[u8], &[u8])) {
    let [chain_file, key_file] = files(folder);
    fs::write(chain_file, chain).expect("written");
    fs::write(key_file, key).expect("written");
}

fn configuration(folder: &Path) -> String {
    let [chain, key] = files(folder);
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
tls_cert = "{}"
tls_key = "{}"
[store]
path = "{}"
[[account]]
name = "shop"
[account.dialects.telesign]
customer_id = "12345678-9ABC-DEF0-1234-56789ABCDEF0"
api_keys = ["vjE/ZDfPvDkuGNsuqCFFO4neYIs="]
"#,
        chain.display(),
        key.display(),
        folder.join("data").display(),
    )
}

fn client(authority: &[u8], version: Version) -> Client {
    let authority = Certificate::from_pem(authority).expect("PEM");
    let client = Client::builder().tls_certs_only([authority]).redirect(reqwest::redirect::Policy::none());
    let client =
        if version == Version::HTTP_2 { client.http2_prior_knowledge() } else { client.http1_only() };
    // Each request with a handshake of its own.
    client.pool_max_idle_per_host(0).build().expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_is_behind_tls_and_nothing_answers_in_the_clear() {
    courant::cli::install_crypto();
    let server = Server::start();
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let expected = [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/metrics", 200),
        ("/v1/omnichannel/01", 401),
        ("/hooks/nothing", 404),
        ("/console/sign-in", 403),
        ("/api/v1/messages", 401),
        ("/media/x/y", 404),
    ];
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let client = client(AUTHORITY, version);
        for (path, status) in expected {
            let answer = client.get(format!("{}{path}", server.url)).send().await.expect("an answer");
            assert_eq!((answer.status().as_u16(), answer.version()), (status, version), "{path}");
        }
    }
    let stranger = client(SECOND.0, Version::HTTP_11).get(format!("{}/healthz", server.url)).send().await;
    assert!(stranger.is_err(), "a client that does not trust the certificate does not talk");
    let mut clear =
        std::net::TcpStream::connect(server.url.strip_prefix("https://").expect("https")).expect("connected");
    clear.set_read_timeout(Some(PATIENCE)).expect("set");
    clear.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").expect("written");
    let mut answer = Vec::new();
    let _cut = clear.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(!answer.contains("HTTP") && !answer.contains("alive"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    courant::cli::install_crypto();
    let server = Server::start();
    let url = format!("{}/healthz", server.url);
    let (old, new) = (client(AUTHORITY, Version::HTTP_11), client(SECOND.0, Version::HTTP_11));
    put(server.folder.path(), (b"no certificate", FIRST.1));
    // The files are looked at once a second; a broken one is never taken in these.
    let until = Instant::now() + std::time::Duration::from_millis(2500);
    while Instant::now() < until {
        assert_eq!(old.get(&url).send().await.expect("the old one still works").status(), 200);
    }
    put(server.folder.path(), SECOND);
    let deadline = Instant::now() + PATIENCE;
    while new.get(&url).send().await.is_err() {
        assert!(Instant::now() < deadline, "the new certificate is not used");
    }
    assert!(old.get(&url).send().await.is_err(), "the old one is gone");
}

/// A sandbox that trusts the authorities of a file.
fn trusting(authorities: &Path, data: &Path) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
    command.env("SSL_CERT_FILE", authorities).env_remove("SSL_CERT_DIR");
    Process::start_by(command, "127.0.0.1:0", data, &["account[sandbox].media.policy=strict"])
}

/// Sends a picture at `receiver` whose outcome is told to it, and waits until it is settled: the
/// channel that delivered it.
async fn send_by(process: &Process, receiver: &str, bin: &str) -> String {
    let client = reqwest::Client::new();
    let mut body = cascade(receiver, "15550100100", 600_000, bin);
    let picture = json!({"url": format!("{receiver}/sandbox/media/sample.jpg")});
    body["message"]["whatsapp"] = json!({"template": "image", "parameters": picture});
    let request = client.post(format!("{}/v1/omnichannel", process.url));
    let answer = request.header("authorization", TELESIGN_BASIC).json(&body).send().await.expect("an answer");
    let accepted: serde_json::Value = answer.json().await.expect("JSON");
    let reference = accepted["reference_id"].as_str().expect("accepted").to_owned();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let url = format!("{}/api/v1/messages/{reference}", process.url);
        let request = client.get(url).bearer_auth("sandbox");
        let message: serde_json::Value = request.send().await.expect("an answer").json().await.expect("JSON");
        if message["status"] == "delivered" || message["status"] == "read" {
            return message["channel"].as_str().expect("a channel").to_owned();
        }
        assert!(Instant::now() < deadline, "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_addresses_are_called_over_tls_if_the_system_trusts_them_and_not_otherwise() {
    courant::cli::install_crypto();
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), FIRST);
    let [chain, key] = files(folder.path()).map(|file| file.display().to_string());
    let tls = [format!("server.tls_cert={chain:?}"), format!("server.tls_key={key:?}")];
    let receiver = Process::start(&folder.path().join("receiver"), &tls.each_ref().map(String::as_str));
    let authority = folder.path().join("authority.pem");
    fs::write(&authority, AUTHORITY).expect("written");
    let known = trusting(&authority, &folder.path().join("known"));
    assert_eq!(send_by(&known, &receiver.url, "trusted").await, "whatsapp");
    let stranger = folder.path().join("stranger.pem");
    fs::write(&stranger, SECOND.0).expect("written");
    let unknown = trusting(&stranger, &folder.path().join("unknown"));
    assert_eq!(
        send_by(&unknown, &receiver.url, "stranger").await,
        "sms",
        "its picture could not be looked at"
    );
    let client = client(AUTHORITY, Version::HTTP_11);
    let caught = async |bin: &str| {
        let answer =
            client.get(format!("{}/sandbox/bin/{bin}", receiver.url)).send().await.expect("an answer");
        let bin: serde_json::Value = answer.json().await.expect("JSON");
        bin["requests"].as_array().expect("a list").len()
    };
    let deadline = Instant::now() + PATIENCE;
    while caught("trusted").await == 0 {
        assert!(Instant::now() < deadline, "no callback came");
    }
    assert_eq!(caught("stranger").await, 0);
}

#[test]
fn one_half_of_a_certificate_is_a_fault_of_the_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), FIRST);
    let text = configuration(folder.path());
    for missing in ["tls_cert", "tls_key"] {
        let half: Vec<&str> = text.lines().filter(|line| !line.starts_with(missing)).collect();
        let config = folder.path().join("half.toml");
        fs::write(&config, half.join("\n")).expect("written");
        let output =
            Command::new(env!("CARGO_BIN_EXE_courant")).args(["check", "--config"]).arg(&config).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("go together"), "{said}");
    }
}
