//! A hand-over that a crash left open.

use std::time::Duration;

use serde_json::json;

use super::Caller;
use crate::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_flight_at_a_crash_waits_no_longer_than_its_grace_after_the_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    // A living hand-over may take a minute; nobody waits for one that died.
    let set = ["cascade.grace_ms=1000"];
    let process = Process::start(&data, &set);
    let caller = Caller::of(&process);
    caller.says("/readyz", "route sms up").await;
    // The network takes two seconds for its answer.
    let body = json!({
        "channels": [{"channel": "sms"}], "phone_number": "15550100012", "message_type": "OTP",
        "message": {"sms": {"template": "text", "parameters": {"text": "123456"}}},
    });
    let (status, answer) = caller.post(&body).await;
    assert_eq!(status, 200, "{answer}");
    process.kill();
    let process = Process::start(&data, &set);
    let reference = answer["reference_id"].as_str().expect("a reference");
    let took = Caller::of(&process).reaches(reference, 3000).await;
    assert!(took < Duration::from_secs(30), "it took {took:?}");
    process.kill();
}
