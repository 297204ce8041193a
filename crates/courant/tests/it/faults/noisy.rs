//! One account asks for far more than there is, another for little.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::json;

use super::shim::Shim;
use crate::harness::{TELESIGN_BASIC, cascade};

/// Requests that may be in work.
const ALL: usize = 32;
/// Requests of the noisy account under way at once: without a share, every other request of anybody
/// would be refused.
const NOISE: usize = 2 * ALL;
/// How many of them may be in work.
const SHARE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_asks_too_much_is_refused_and_a_quiet_one_never_is() {
    courant::cli::install_crypto();
    let folder = tempfile::tempdir().expect("a folder");
    let shim = Shim::build(folder.path());
    let share = format!("server.max_requests_per_account={SHARE}");
    let all = format!("server.max_requests={ALL}");
    let process = shim.start(&folder.path().join("data"), &[&all, &share]);
    // A disk on which the noise is more than there is capacity for.
    shim.syncs_take(20);
    let (over, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let noise: Vec<_> = (0..NOISE)
        .map(|index| tokio::spawn(shout(process.url.clone(), index, Arc::clone(&over), Arc::clone(&refused))))
        .collect();
    let client = reqwest::Client::new();
    for index in 0..40 {
        let mut body = cascade(&process.url, &format!("1577{index:03}0002"), 600_000, "unused");
        body["callback_url"] = json!(format!("{}/sandbox/bin/quiet", process.url));
        let request = client.post(format!("{}/v1/omnichannel", process.url)).json(&body);
        let credentials = ("FFFFFFFF-EEEE-DDDD-CCCC-BBBBBBBBBBBB", Some("b3RoZXItYWNjb3VudC1rZXk="));
        let request = request.basic_auth(credentials.0, credentials.1).timeout(Duration::from_secs(10));
        let response = request.send().await.expect("an answer in time");
        assert_eq!(response.status(), 200, "request {index} of the quiet account");
    }
    over.store(true, Relaxed);
    for task in noise {
        task.await.expect("no panic");
    }
    assert!(refused.load(Relaxed) > 0, "the noise was less than the capacity: nothing is shown");
    process.kill();
}

async fn shout(url: String, index: usize, over: Arc<AtomicBool>, refused: Arc<AtomicUsize>) {
    let client = reqwest::Client::new();
    let mut round = 0;
    while !over.load(Relaxed) {
        let number = format!("158{index:02}{round:03}0002");
        let body = cascade(&url, &number, 600_000, "unused");
        let request =
            client.post(format!("{url}/v1/omnichannel")).header("authorization", TELESIGN_BASIC).json(&body);
        let response = request.send().await.expect("an answer");
        match response.status().as_u16() {
            200 => {}
            503 => {
                let answer: serde_json::Value = response.json().await.expect("the dialect's words");
                assert_eq!(answer["status"]["code"], json!(3500), "{answer}");
                refused.fetch_add(1, Relaxed);
            }
            status => panic!("status {status}"),
        }
        round += 1;
    }
}
