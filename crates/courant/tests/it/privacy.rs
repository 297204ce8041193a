//! What others on the machine, and readers of logs and metrics, do not get to see.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    harness::{PATIENCE, TELESIGN_BASIC, cascade},
    process::Process,
};

const ADMIN: &str = "hush-admin-token-5531";
const TEXT: &str = "hush-text-7431";
const WRONG: &str = "hush-wrong-password-8842";
const QUERY: &str = "hush-query-token-6620";

/// What must not be read anywhere, besides the numbers of phones.
const SECRETS: [&str; 13] = [
    ADMIN,
    TEXT,
    WRONG,
    QUERY,
    "vjE/ZDfPvDkuGNsuqCFFO4neYIs=",
    "open sesame",
    "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "MTIzNDU2NzgtOUFCQy1ERUYw",
    "003026bbc133714df1834b8638bb496e",
    "5c0f1e2a-3b4d-11ee-be56-0242ac120002",
    "A0123456789abcdef0123456789abcdef",
    "sandbox-app-secret",
    "sandbox-verify-token",
];

const NUMBERS: [&str; 6] =
    ["15553310001", "15553320001", "15553330004", "15553340004", "15553350004", "15553360013"];

/// Submissions of all dialects: path, header, body.
fn submissions(url: &str) -> Vec<(&'static str, (&'static str, &'static str), Value)> {
    let callback = format!("{url}/sandbox/bin/privacy?token={QUERY}");
    let [one, two, three, four, five, six] = NUMBERS;
    let telesign = |number: &str| {
        let mut body = cascade(url, number, 500, "privacy");
        body["callback_url"] = json!(callback);
        body["message"]["whatsapp"]["parameters"]["text"] = json!(TEXT);
        body["message"]["sms"]["parameters"]["text"] = json!(TEXT);
        ("/v1/omnichannel", ("authorization", TELESIGN_BASIC), body)
    };
    vec![
        telesign(one),
        telesign(six),
        (
            "/omni/1/advanced",
            ("authorization", "App 003026bbc133714df1834b8638bb496e-8f4b3d9a-e931-478d-a994-28a725159ab9"),
            json!({"destinations": [{"to": {"phoneNumber": two}}], "notifyUrl": callback, "callbackData": TEXT,
                "whatsApp": {"text": TEXT, "validityPeriod": 1}, "sms": {"text": TEXT}}),
        ),
        (
            "/resources/v1/messaging",
            ("key", "5c0f1e2a-3b4d-11ee-be56-0242ac120002"),
            json!({"deliverychannel": "whatsapp", "appid": "a_1", "destination": [{"waid": [three]}],
                "channels": {"OTT-Messaging": {"wa": {"type": "text", "text": {"body": TEXT}}}}}),
        ),
        (
            "/notification",
            ("authorization", "Bearer sandbox"),
            json!({"channel": "WHATSAPP", "request": {"from": "1000000001", "to": format!("+{four}"),
                "type": "image", "message": format!("{url}/sandbox/media/sample.png?token={QUERY}"), "caption": TEXT}}),
        ),
        (
            "/v2/HXAP16XXXXXX97IN/whatsapp/919800000001/messages",
            ("api-key", "A0123456789abcdef0123456789abcdef"),
            json!({"messaging_object": {"messaging_product": "whatsapp", "to": five, "type": "text", "text": {"body": TEXT}}}),
        ),
    ]
}

/// Requests that are refused, for every reason that may quote them.
async fn ask_wrongly(client: &reqwest::Client, url: &str) {
    for (path, header, body) in submissions(url) {
        for wrong in
            [WRONG.to_owned(), format!("Basic {WRONG}"), format!("Bearer {WRONG}"), format!("App {WRONG}")]
        {
            let request = client.post(format!("{url}{path}")).header(header.0, wrong);
            request.json(&body).send().await.expect("an answer");
        }
        for text in [
            format!("{{\"{TEXT}\": "),
            format!("{{\"{TEXT}\": \"{}\"}}", NUMBERS[0]),
            body.to_string().replace("text", TEXT),
        ] {
            let request = client.post(format!("{url}{path}")).header(header.0, header.1);
            request.header("content-type", "application/json").body(text).send().await.expect("an answer");
        }
    }
    let sign_in = json!({"username": "Aladdin", "password": WRONG});
    client.post(format!("{url}/auth/1/session")).json(&sign_in).send().await.expect("an answer");
    let hook = client.post(format!("{url}/hooks/whatsapp")).header("x-hub-signature-256", WRONG);
    hook.body(TEXT).send().await.expect("an answer");
    client.get(format!("{url}/m/{QUERY}")).send().await.expect("an answer");
    let console = client.post(format!("{url}/console/sign-in"));
    console.form(&[("name", "ann"), ("password", WRONG)]).send().await.expect("an answer");
    client.get(format!("{url}/api/v1/messages")).bearer_auth(WRONG).send().await.expect("an answer");
}

async fn look_at_all(client: &reqwest::Client, url: &str) {
    for path in ["messages", "callbacks", "routes", "accounts", "senders", "tokens", "events?limit=1"] {
        let request = client.get(format!("{url}/api/v1/{path}")).bearer_auth(ADMIN);
        let _answer = request.timeout(std::time::Duration::from_secs(1)).send().await;
    }
    let find = client.get(format!("{url}/api/v1/find")).query(&[("text", NUMBERS[0])]);
    find.bearer_auth(ADMIN).send().await.expect("an answer");
    let message =
        json!({"account": "sandbox", "to": NUMBERS[0], "steps": [{"channel": "sms", "text": TEXT}]});
    client
        .post(format!("{url}/api/v1/messages"))
        .bearer_auth(ADMIN)
        .json(&message)
        .send()
        .await
        .expect("an answer");
    for channel in ["whatsapp", "sms"] {
        let reply = json!({"channel": channel, "text": TEXT});
        let reply = client.post(format!("{url}/sandbox/handsets/{}/reply", NUMBERS[0])).json(&reply);
        reply.send().await.expect("an answer");
    }
}

async fn text(client: &reqwest::Client, url: &str, path: &str) -> String {
    client.get(format!("{url}{path}")).send().await.expect("an answer").text().await.expect("a text")
}

/// Everything that the program does, at a level of logging; the log and the metrics.
async fn said_at(level: &str, folder: &Path) -> String {
    let data = folder.join(level);
    let token = format!(
        r#"admin.tokens=[{{ name = "ops", scopes = ["administer", "numbers"], token = "{ADMIN}" }}]"#
    );
    let process = Process::start(&data, &[&token, &format!("log.level=\"{level}\"")]);
    let (client, url) = (reqwest::Client::new(), process.url.clone());
    ask_wrongly(&client, &url).await;
    for (path, header, body) in submissions(&url) {
        let request = client.post(format!("{url}{path}")).header(header.0, header.1).json(&body);
        let status = request.send().await.expect("an answer").status();
        assert!(status.is_success(), "{path}: {status}");
    }
    look_at_all(&client, &url).await;
    let deadline = std::time::Instant::now() + PATIENCE;
    for number in NUMBERS {
        while !text(&client, &url, &format!("/sandbox/handsets/{number}")).await.contains(TEXT) {
            assert!(std::time::Instant::now() < deadline, "nothing comes to {number}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    while !text(&client, &url, "/sandbox/bin/privacy").await.contains(QUERY) {
        assert!(std::time::Instant::now() < deadline, "no callback comes");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let metrics = text(&client, &url, "/metrics").await + &text(&client, &url, "/readyz").await;
    assert_eq!(process.terminate(), Some(0));
    fs::read_to_string(data.with_extension("log")).expect("a log") + &metrics
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_no_content_and_no_number_is_in_logs_or_metrics_at_any_level() {
    courant::cli::install_crypto();
    let folder = tempfile::tempdir().expect("a folder");
    for level in ["info", "debug", "trace"] {
        let said = said_at(level, folder.path()).await;
        // The welcome of the sandbox shows the credentials that are printed in its documentation.
        let (welcome, rest): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| line.starts_with("  "));
        assert!(welcome.len() < 40, "the welcome is one screen");
        assert!(level == "info" || rest.len() > 100, "something is logged: {}", rest.len());
        for line in rest {
            for secret in SECRETS.iter().chain(&NUMBERS) {
                assert!(!line.contains(secret), "{level}: {secret} in {line}");
            }
        }
    }
}

/// Every entry of a folder with its mode, the folder included.
fn modes(path: &Path, found: &mut Vec<(String, u32)>) {
    let meta = fs::symlink_metadata(path).expect("is there");
    found.push((path.display().to_string(), meta.permissions().mode() & 0o777));
    if meta.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            modes(&entry.expect("an entry").path(), found);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_umask_nobody_else_may_read_what_is_on_disk() {
    courant::cli::install_crypto();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_courant")]);
    command.args(["sandbox", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let ready = BufReader::new(child.stdout.take().expect("piped")).lines().next().expect("a line");
    let url = ready.expect("a line").strip_prefix("ready ").expect("ready").to_owned();
    let client = reqwest::Client::new();
    let body = cascade(&url, "15550107777", 60_000, "modes");
    let request = client.post(format!("{url}/v1/omnichannel")).header("authorization", TELESIGN_BASIC);
    assert_eq!(request.json(&body).send().await.expect("an answer").status(), 200);
    let file = reqwest::multipart::Part::bytes(&include_bytes!("../../../sandbox/samples/sample.jpg")[..]);
    let form = reqwest::multipart::Form::new()
        .part("file", file.file_name("a.jpg").mime_str("image/jpeg").expect("a type"));
    let upload = client.post(format!("{url}/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX/media"));
    let upload = upload.header("api-key", "A0123456789abcdef0123456789abcdef").multipart(form);
    assert_eq!(upload.send().await.expect("an answer").status(), 200);
    let backup = client.post(format!("{url}/api/v1/backup")).bearer_auth("sandbox").send().await;
    assert!(backup.as_ref().is_ok_and(|answer| answer.status().is_success()), "{backup:?}");
    let mut found = Vec::new();
    modes(&data, &mut found);
    child.kill().expect("killed");
    child.wait().expect("reaped");
    for kind in ["courant.db", "courant.db-wal", "courant.db-intake1", "backups", "media"] {
        assert!(found.iter().any(|(path, _)| path.contains(kind)), "{kind} is there: {found:?}");
    }
    for (path, mode) in found {
        assert_eq!(mode & 0o077, 0, "{path} has the mode {mode:o}");
    }
}
