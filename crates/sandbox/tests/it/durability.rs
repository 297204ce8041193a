//! What survives an end without notice.

use std::io::Write;

use serde_json::json;

use crate::{
    bench::{Bench, text},
    esme::{Esme, Submit, TRANSCEIVER, TRANSMITTER},
};

#[tokio::test]
async fn accepted_messages_arrive_and_are_reported_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let before = Bench::in_folder(folder.path()).await;
    let late = before.accepted(text("15551230007", "late")).await;
    let shown = before.accepted(text("15551234567", "shown")).await;
    before.inbox_of("15551234567", 1).await;
    let mut esme = Esme::bound(before.sandbox.smpp_addr(), TRANSMITTER).await;
    let sms = esme.accepted(&Submit::text("15551234567", "by SMS")).await;
    before.inbox_of("15551234567", 2).await;
    drop(before);

    let after = Bench::in_folder(folder.path()).await;
    let inbox = after.inbox("15551234567").await;
    assert_eq!((&inbox[0]["text"], &inbox[1]["text"]), (&json!("shown"), &json!("by SMS")));
    after.connect_webhook().await;
    for id in [&late, &shown] {
        for name in ["sent", "delivered", "read"] {
            after.status(id, name).await;
        }
    }
    assert_eq!(after.inbox("15551230007").await.len(), 1);
    let mut esme = Esme::bound(after.sandbox.smpp_addr(), TRANSCEIVER).await;
    assert!(esme.received().await.text().starts_with(&format!("id:{sms} ")));
    let next = esme.accepted(&Submit::text("15551234567", "a new one")).await;
    assert_ne!(next, sms);
}

#[tokio::test]
async fn bins_behaviours_counters_and_uploads_survive_a_torn_log() {
    let folder = tempfile::tempdir().unwrap();
    let before = Bench::in_folder(folder.path()).await;
    before.http.post(format!("{}/bin/mine", before.base)).body("kept").send().await.unwrap();
    let put = before.http.put(format!("{}/handsets/15551234567", before.base));
    put.json(&json!({ "behaviour": "0004" })).send().await.unwrap();
    assert_eq!(before.send(text("15551230013", "fails")).await.0, 500);
    let form = reqwest::multipart::Form::new()
        .text("messaging_product", "whatsapp")
        .text("type", "image/png")
        .part("file", reqwest::multipart::Part::bytes(vec![1, 2, 3]));
    let url = format!("{}/{}/media", before.sandbox.graph_url(), crate::bench::PHONE);
    let uploaded: serde_json::Value = before
        .http
        .post(url)
        .bearer_auth("sandbox")
        .multipart(form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    drop(before);
    let log = folder.path().join("networks.jsonl");
    std::fs::OpenOptions::new()
        .append(true)
        .open(log)
        .unwrap()
        .write_all(br#"[{"Caught":{"bin":"mi"#)
        .unwrap();

    let after = Bench::in_folder(folder.path()).await;
    assert_eq!(after.get("bin/mine").await["requests"][0]["body"], "kept");
    assert_eq!(after.get("handsets/15551234567").await["behaviour"], "0004");
    assert_eq!(after.send(text("15551230013", "works")).await.0, 200);
    let image = json!({
        "messaging_product": "whatsapp",
        "to": "15551234568",
        "type": "image",
        "image": { "id": uploaded["id"] },
    });
    after.accepted(image).await;
    assert_eq!(after.inbox_of("15551234568", 1).await[0]["media"]["size"], 3);
}
