//! Uploads over HTTP: forms, and bodies that take their time.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

fn form(part: reqwest::multipart::Part) -> reqwest::multipart::Form {
    reqwest::multipart::Form::new().text("comment", "from a browser").part("file", part)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_form_brings_a_file_with_its_name_and_type() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &["media.max_file_bytes=20000000"]).await;
    let client = reqwest::Client::new();
    let url = format!("{}/api/v1/media?account=shop", gate.running.app.url());
    let post = async |form| {
        let response = client.post(&url).bearer_auth("test").multipart(form).send().await.expect("an answer");
        (response.status().as_u16(), response.json::<Value>().await.expect("JSON"))
    };
    let part = |bytes: Vec<u8>| {
        reqwest::multipart::Part::bytes(bytes).file_name("a.jpg").mime_str("image/jpeg").expect("a type")
    };
    let (status, made) = post(form(part(JPEG.to_vec()))).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["mime"], &made["filename"], &made["bytes"]),
        (&json!("image/jpeg"), &json!("a.jpg"), &json!(JPEG.len()))
    );
    // Larger than what is read of other bodies.
    assert_eq!(post(form(part(vec![1; 19_000_000]))).await.0, 201);
    assert_eq!(post(form(part(vec![1; 20_000_001]))).await.0, 413);
    assert_eq!(post(form(part(Vec::new()))).await.0, 400);
    let (status, problem) = post(reqwest::multipart::Form::new().text("comment", "nothing else")).await;
    assert_eq!((status, &problem["detail"]), (400, &json!("the form has no file")));
    let broken = client.post(&url).bearer_auth("test").header("content-type", "multipart/form-data");
    assert_eq!(broken.body("x").send().await.expect("an answer").status(), 400);
    gate.stop().await;
}

/// Sends pieces with a pause before each; the status of the answer, if there is one.
async fn slowly(gate: &Gate, pieces: usize, bytes: usize, pause: Duration) -> Option<u16> {
    let address = gate.running.app.url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("connects");
    let head = format!(
        "POST /api/v1/media?account=shop HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer test\r\n\
         content-length: {}\r\n\r\n",
        pieces * bytes
    );
    stream.write_all(head.as_bytes()).await.expect("is written");
    for _ in 0..pieces {
        tokio::time::sleep(pause).await;
        if stream.write_all(&vec![1; bytes]).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.ok()?;
    std::str::from_utf8(&answer[9..]).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_may_take_longer_than_other_bodies_while_it_makes_progress() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = ["server.body_timeout_ms=100", "media.upload_idle_ms=400"];
    let gate = Gate::start(folder.path(), Graph::default(), &set).await;
    assert_eq!(slowly(&gate, 20, 100_000, Duration::from_millis(40)).await, Some(201));
    // Drops: in time one by one, and far too little together.
    assert_eq!(slowly(&gate, 60, 10, Duration::from_millis(40)).await, Some(400));
    // Silence.
    assert_eq!(slowly(&gate, 2, 100_000, Duration::from_millis(1_500)).await, Some(400));
    assert_eq!(gate.core().media.total().files, 1);
    gate.stop().await;
}
