//! Uploads whose contents lie in an object store.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn uploads_in_an_object_store_are_served_handed_over_and_removed() {
    let (folder, mount) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let store = format!("media.store.url=\"file://{}\"", mount.path().display());
    let gate = Gate::start(folder.path(), Graph::default(), &[&store]).await;
    let media = &gate.core().media;
    media.set_public_url(gate.running.app.url());
    let kept = media.put(&gate.account(), Some("image/jpeg".into()), None, JPEG).await.expect("is kept");
    let (first, second) = (&kept.sha256[..2], &kept.sha256[2..4]);
    let object = mount.path().join(first).join(second).join(&kept.sha256);
    assert_eq!(std::fs::read(&object).expect("is there"), JPEG);
    assert!(!folder.path().join("media/blobs").join(first).exists());

    let client = reqwest::Client::new();
    let url = media.url(&kept).expect("a public address");
    let part = client.get(&url).header("range", "bytes=2-11").send().await.expect("an answer");
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.expect("a body"), JPEG[2..12]);

    let id = gate.send(MediaSource::Id(kept.id.to_string()), 20).await[0];
    let messages = gate.until_sent(20).await;
    assert!(messages.iter().all(|message| message["image"]["id"] == "network-1"));
    assert!(gate.graph.0.uploaded_bytes.load(Ordering::SeqCst) > JPEG.len());
    let (notes, ..) = decided(gate.core(), id).await;
    assert!(notes.iter().any(|note| note.contains("the upload was checked: image/jpeg")), "{notes:?}");

    assert_eq!(media.remove(&gate.account(), kept.id).await, Ok(true));
    assert!(!object.exists());
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_for_an_object_store_that_is_away_and_fails_for_an_object_that_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, store) = listen(Router::new().fallback(any(flaky))).await;
    let set = [
        "media.store.url=\"s3://bucket\"".to_owned(),
        format!("media.store.options.endpoint=\"http://{address}\""),
        "media.store.options.access_key_id=\"key\"".to_owned(),
        "media.store.options.secret_access_key=\"secret\"".to_owned(),
        "cascade.retry_first_ms=50".to_owned(),
    ];
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let gate = Gate::start(folder.path(), Graph::default(), &set).await;
    let (media, account) = (&gate.core().media, gate.account());
    let missing =
        media.put(&account, Some("image/png".into()), None, &b"missing"[..]).await.expect("is kept");
    let id = gate.send(MediaSource::Id(missing.id.to_string()), 1).await[0];
    assert_eq!(decided(gate.core(), id).await.2, [Cause::MediaUnreachable]);
    let forbidden = media.put(&account, Some("image/png".into()), None, &b"other"[..]).await;
    let forbidden = forbidden.expect("is kept");
    DENIED.store(1, Ordering::SeqCst);
    let id = gate.send(MediaSource::Id(forbidden.id.to_string()), 1).await[0];
    let (notes, _, refused) = decided(gate.core(), id).await;
    assert_eq!(refused.first(), Some(&Cause::NetworkBusy), "{notes:?}");
    gate.stop().await;
    store.abort();
}

/// Whether reading is refused.
static DENIED: AtomicUsize = AtomicUsize::new(0);

/// Takes everything and has nothing.
async fn flaky(request: Request) -> Response {
    match request.method().as_str() {
        "PUT" => [(header::ETAG, "\"1\"")].into_response(),
        "GET" | "HEAD" if DENIED.load(Ordering::SeqCst) == 1 => StatusCode::FORBIDDEN.into_response(),
        "GET" | "HEAD" => StatusCode::NOT_FOUND.into_response(),
        _ => "<DeleteResult></DeleteResult>".into_response(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_out_of_reach_refuses_uploads_as_overload_and_stops_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let endpoint =
        format!("media.store.options.endpoint=\"http://{}\"", listener.local_addr().expect("bound"));
    drop(listener);
    let set = [
        "media.store.url=\"s3://bucket/prefix\"",
        &endpoint,
        "media.store.options.access_key_id=\"key\"",
        "media.store.options.secret_access_key=\"secret\"",
    ];
    let gate = Gate::start(folder.path(), Graph::default(), &set).await;
    let put = gate.core().media.put(&gate.account(), None, None, JPEG).await;
    assert_eq!(put.map(drop), Err(model::Refusal::Overloaded));
    assert_eq!(gate.metric("courant_media_uploads_total{outcome=\"refused\"}").await, 1.0);
    gate.stop().await;
}
