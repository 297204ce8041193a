//! `kill -9` at random moments under load: nothing accepted is lost, and nothing is sent twice
//! that need not be.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    harness::{PATIENCE, TELESIGN_BASIC, cascade},
    process::{Process, free_address},
};

/// How often the process is killed.
const KILLS: u32 = 50;
/// Requests under way at once.
const CLIENTS: u32 = 8;
/// Messages per run: all their callbacks fit into the sandbox's bin.
const MESSAGES: u32 = 60;
/// Short waits for unknown outcomes, so that the test does not take all day.
const SET: &[&str] = &["cascade.answer_within_ms=1500", "cascade.grace_ms=2500"];

/// What the callers know: reference by number.
type Accepted = Arc<Mutex<HashMap<String, String>>>;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_under_load_lose_nothing_and_double_only_what_is_truly_unknown() {
    courant::cli::install_crypto();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let accepted = Accepted::default();
    let serial = Arc::new(AtomicU32::new(0));
    // Callbacks go to the sandbox's own bin, so it comes back to the same address.
    let listen = free_address();
    for round in 0..KILLS {
        let process = Process::start_at(&listen, &data, SET);
        load_until_killed(process, &accepted, &serial, moment(round)).await;
    }
    let process = Process::start_at(&listen, &data, SET);
    let client = reqwest::Client::new();
    let accepted = accepted.lock().expect("not poisoned").clone();
    assert!(accepted.len() > 100, "only {} messages were accepted", accepted.len());
    for (number, reference) in &accepted {
        let status = settled(&client, &process.url, reference).await;
        assert!(matches!(status["status"]["code"].as_i64(), Some(3000 | 3005)), "{number}: {status}");
    }
    let doubled = doubled(&client, &process.url, &accepted).await;
    println!("{} messages accepted, {} SMS doubled", accepted.len(), doubled.len());
    for (number, inbox) in &doubled {
        let channels: Vec<_> =
            inbox.iter().map(|entry| entry["channel"].as_str().unwrap_or_default()).collect();
        assert!(channels.iter().all(|channel| *channel == "sms"), "{number} got {channels:?}");
    }
    // Only hand-overs in flight at a kill can double: at most one window of them each time.
    assert!(
        doubled.len() < KILLS as usize * 4,
        "{} of {} SMS arrived more than once",
        doubled.len(),
        accepted.len()
    );
    called_back(&client, &process.url, &accepted).await;
    assert_eq!(process.terminate(), Some(0));
    check_log(&data);
}

/// Milliseconds of load before the kill: spread over the first half second of a run.
fn moment(round: u32) -> Duration {
    Duration::from_millis(u64::from(round.wrapping_mul(97) % 450 + 20))
}

async fn load_until_killed(process: Process, accepted: &Accepted, serial: &Arc<AtomicU32>, moment: Duration) {
    let over = Arc::new(AtomicBool::new(false));
    let url = process.url.clone();
    let most = serial.load(Ordering::Relaxed) + MESSAGES;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            tokio::spawn(send_until(
                url.clone(),
                Arc::clone(accepted),
                Arc::clone(serial),
                most,
                Arc::clone(&over),
            ))
        })
        .collect();
    // The moment of the kill is what is being tested, not something waited for.
    let killed = tokio::task::spawn_blocking(move || {
        let at = Instant::now() + moment;
        while Instant::now() < at {
            std::thread::yield_now();
        }
        process.kill();
    });
    killed.await.expect("killed");
    over.store(true, Ordering::Release);
    for client in clients {
        client.await.expect("a client");
    }
}

async fn send_until(
    url: String,
    accepted: Accepted,
    serial: Arc<AtomicU32>,
    most: u32,
    over: Arc<AtomicBool>,
) {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().expect("a client");
    while !over.load(Ordering::Acquire) {
        let number = serial.fetch_add(1, Ordering::Relaxed);
        if number >= most {
            return;
        }
        let number = format!("15{number:05}7777");
        let body = cascade(&url, &number, 60_000, "crash");
        let request =
            client.post(format!("{url}/v1/omnichannel")).header("authorization", TELESIGN_BASIC).json(&body);
        let Ok(response) = request.send().await else { return };
        let Ok(answer) = response.json::<Value>().await else { return };
        if let Some(reference) =
            answer["reference_id"].as_str().filter(|_| answer["status"]["code"] == json!(3001))
        {
            accepted.lock().expect("not poisoned").insert(number, reference.to_owned());
        }
    }
}

async fn settled(client: &reqwest::Client, url: &str, reference: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request =
            client.get(format!("{url}/v1/omnichannel/{reference}")).header("authorization", TELESIGN_BASIC);
        let status: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        let waits = matches!(status["status"]["code"].as_i64(), Some(3001 | 3002 | 3040));
        if !waits || Instant::now() > deadline {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What arrived more than once. The outcome of an SMS in flight at the kill is unknown (SMPP
/// carries no reference of ours back), and the route's policy is to send it again; WhatsApp goes
/// on to the SMS instead, but only when no receipt with our reference came.
async fn doubled(
    client: &reqwest::Client,
    url: &str,
    accepted: &HashMap<String, String>,
) -> Vec<(String, Vec<Value>)> {
    let mut doubled = Vec::new();
    for number in accepted.keys() {
        let handset = client.get(format!("{url}/sandbox/handsets/{number}")).send().await.expect("an answer");
        let handset: Value = handset.json().await.expect("JSON");
        let inbox = handset["inbox"].as_array().cloned().unwrap_or_default();
        assert!(!inbox.is_empty(), "{number} was told as delivered and has nothing");
        if inbox.len() > 1 {
            doubled.push((number.clone(), inbox));
        }
    }
    doubled
}

/// Every accepted message had its final callback (at least once).
async fn called_back(client: &reqwest::Client, url: &str, accepted: &HashMap<String, String>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let bin: Value = client
            .get(format!("{url}/sandbox/bin/crash"))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let bodies = bin["requests"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|request| serde_json::from_str::<Value>(request["body"].as_str()?).ok());
        let told: std::collections::HashSet<String> =
            bodies.filter_map(|body| body["reference_id"].as_str().map(str::to_owned)).collect();
        let missing = accepted.values().filter(|reference| !told.contains(*reference)).count();
        if missing == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "{missing} messages were never called back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The program never panicked.
fn check_log(data: &Path) {
    let log = std::fs::read_to_string(data.with_extension("log")).expect("a log");
    assert!(!log.contains("panicked"), "{log}");
}
