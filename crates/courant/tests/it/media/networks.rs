//! Files by link and by id at networks.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn messages_with_the_same_link_cause_one_fetch() {
    let (origin, folder) = (Origin::start().await, tempfile::tempdir().expect("a folder"));
    let gate = Gate::start(folder.path(), Graph::default(), &[]).await;
    gate.send(link(origin.url("picture.jpg")), 500).await;
    let messages = gate.until_sent(500).await;
    assert!(messages.iter().all(|message| message["image"]["link"] == json!(origin.url("picture.jpg"))));
    assert_eq!((origin.fetches(), gate.graph.uploads()), (1, 0));
    assert_eq!(gate.metric("courant_media_checks_total{outcome=\"passed\"}").await, 500.0);
    assert_eq!(gate.metric("courant_media_fetches_total{outcome=\"whole\"}").await, 1.0);
    assert_eq!(gate.metric("courant_media_fetch_bytes_total").await, JPEG.len() as f64);
    assert!(gate.metric("courant_media_findings_total{outcome=\"known\"}").await > 0.0);
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
    let done = "{route=\"whatsapp\",outcome=\"done\"}";
    assert_eq!(gate.metric(&format!("courant_media_network_uploads_total{done}")).await, 1.0);
    assert_eq!(gate.metric(&format!("courant_media_renewals_total{done}")).await, 1.0);
    assert_eq!(gate.metric("courant_media_library_bytes").await, JPEG.len() as f64);
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
