//! Uploads and their public addresses.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_has_a_public_address_that_answers_whole_in_part_and_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &["route[whatsapp].media=\"link\""]).await;
    let media = &gate.core().media;
    media.set_public_url(gate.running.app.url());
    let kept = media
        .put(&gate.account(), Some("video/mp4".into()), Some("a.mp4".into()), MP4)
        .await
        .expect("is kept");
    let url = media.url(&kept).expect("a public address");
    let client = reqwest::Client::new();
    let whole = client.get(&url).send().await.expect("an answer");
    assert_eq!(whole.headers()["content-type"], "video/mp4");
    let tag = whole.headers()["etag"].clone();
    assert_eq!(whole.bytes().await.expect("a body"), MP4);
    let part = client.get(&url).header("range", "bytes=4-7").send().await.expect("an answer");
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.expect("a body"), MP4[4..8]);
    let head = client.head(&url).send().await.expect("an answer");
    assert_eq!(head.headers()["content-length"], MP4.len().to_string().as_str());
    let unchanged = client.get(&url).header("if-none-match", tag).send().await.expect("an answer");
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    let wrong = client.get(url.replace(".mp4", ".jpg")).send().await.expect("an answer");
    assert_eq!(wrong.status(), StatusCode::NOT_FOUND);

    // By its id, a route that takes links gets this address.
    let picture = media.put(&gate.account(), Some("image/jpeg".into()), None, JPEG).await.expect("is kept");
    gate.send(MediaSource::Id(picture.id.to_string()), 1).await;
    assert_eq!(gate.until_sent(1).await[0]["image"]["link"], json!(media.url(&picture)));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_own_limits_on_uploads_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = [
        "account[shop].media.max_file_bytes=20000",
        "account[shop].media.max_bytes=30000",
        "account[shop].media.max_files=2",
    ];
    let gate = Gate::start(folder.path(), Graph::default(), &set).await;
    let (media, account) = (&gate.core().media, gate.account());
    let put = async |bytes: usize| media.put(&account, None, None, &vec![7; bytes][..]).await;
    assert_eq!(put(20_001).await, Err(model::Refusal::TooLarge { limit: 20_000 }));
    let first = put(20_000).await.expect("fits");
    assert!(put(10_001).await.is_err());
    put(9_999).await.expect("fits");
    assert!(put(1).await.is_err());
    assert_eq!(media.list(&account, None, 10).len(), 2);
    assert_eq!(media.find(&account, &first.id.to_string()), Ok(Arc::clone(&first)));
    assert_eq!(media.remove(&account, first.id).await, Ok(true));
    assert!(media.find(&account, &first.id.to_string()).is_err());
    put(1).await.expect("fits again");
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_stays_while_an_accepted_message_needs_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &["media.keep_hours=24"]).await;
    let (media, account) = (&gate.core().media, gate.account());
    let kept = media.put(&account, Some("image/jpeg".into()), None, JPEG).await.expect("is kept");
    assert_eq!(kept.kept_until(), kept.expires_at);
    gate.send(MediaSource::Id(kept.id.to_string()), 1).await;
    let held = media.find(&account, &kept.id.to_string()).expect("is there");
    assert!(held.kept_until() >= held.created_at + model::Span::from_hours(7 * 24));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_folder_of_an_earlier_run_is_cleared_and_the_key_stays() {
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let gate =
        Gate::start(folder.path(), Graph::default(), &["server.public_url=\"https://gate.example/\""]).await;
    let kept = gate.core().media.put(&gate.account(), None, None, JPEG).await.expect("is kept");
    let url = gate.core().media.url(&kept).expect("a public address");
    assert!(url.starts_with("https://gate.example/media/"), "{url}");
    gate.stop().await;
    let leftover = folder.path().join("media/spool/leftover");
    std::fs::write(&leftover, b"x").expect("is written");
    let gate =
        Gate::start(folder.path(), Graph::default(), &["server.public_url=\"https://gate.example\""]).await;
    assert!(!leftover.exists());
    assert_eq!(gate.core().media.url(&kept), Some(url));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_without_a_type_gets_the_one_its_content_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &[]).await;
    let upload = model::call::Upload { mime: None, filename: None, bytes: Bytes::from_static(JPEG) };
    let (id, url) = gate.core().media.upload(&gate.account(), &upload).await.expect("is kept");
    assert_eq!(gate.core().media.find(&gate.account(), &id).expect("is there").mime, "image/jpeg");
    assert_eq!(url, None);
    gate.stop().await;
}
