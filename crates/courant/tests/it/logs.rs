//! What the log says of a message, it says with the message's id, and without number and content.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use crate::{
    harness::{PATIENCE, TELESIGN_BASIC, cascade},
    process::Process,
};

const NUMBER: &str = "15558675309";
/// Parts that speak of messages only.
const OF_MESSAGES: [&str; 4] = [
    "courant::desk::accept",
    "courant::desk::transition",
    "courant::desk::shard",
    "courant::callbacks::sender",
];

/// Runs a fallback in a process of its own; its log lines and the message's id.
async fn log_of_a_fallback(format: &str) -> (String, String) {
    courant::cli::install_crypto();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let level = "log.level=\"info,courant=debug,connectors=debug,store=debug,media=debug\"";
    let process = Process::start(&data, &[level, &format!("log.format=\"{format}\"")]);
    let (client, url) = (reqwest::Client::new(), process.url.clone());
    let request = client.post(format!("{url}/v1/omnichannel")).header("authorization", TELESIGN_BASIC);
    let answer: Value = request
        .json(&cascade(&url, NUMBER, 300, "logged"))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let reference = answer["reference_id"].as_str().expect("a reference").to_lowercase();
    let log = data.with_extension("log");
    let deadline = std::time::Instant::now() + PATIENCE;
    let done = |text: &str| text.contains("settled") && text.contains("called back");
    while !done(&std::fs::read_to_string(&log).expect("a log")) {
        assert!(std::time::Instant::now() < deadline, "waited in vain for the last callback's line");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.terminate();
    (std::fs::read_to_string(&log).expect("a log"), reference)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_about_a_message_carries_its_id() {
    let (log, id) = log_of_a_fallback("json").await;
    let mut told = BTreeSet::new();
    for line in log.lines().filter(|line| line.starts_with('{')) {
        let line: Value = serde_json::from_str(line).expect("one object per line");
        let target = line["target"].as_str().unwrap_or_default();
        let in_span = line["span"]["message_id"].as_str();
        let about = line["message_id"].as_str().or(in_span);
        if OF_MESSAGES.contains(&target) || line.get("attempt").is_some() || line.get("event").is_some() {
            assert_eq!(about, Some(id.as_str()), "{line}");
        }
        let word = line["event"].as_str().or_else(|| line["message"].as_str()).unwrap_or_default();
        told.insert(word.to_owned());
    }
    for word in ["accepted", "taken", "submitted", "woken", "delivered", "settled", "called back"] {
        assert!(told.contains(word), "the log does not say {word}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_neither_numbers_nor_content_and_text_lines_name_the_message_too() {
    let (log, id) = log_of_a_fallback("text").await;
    // The greeting of the sandbox shows a sample number; it is no log line.
    let lines =
        log.lines().filter(|line| line.contains("DEBUG") || line.contains("INFO") || line.contains("WARN"));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.iter().filter(|line| line.contains(&format!("message_id={id}"))).count() > 5, "{log}");
    for line in lines {
        for secret in [NUMBER, "whatsapp for", "sms for"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
