//! Links checked before they are sent.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_file_passes_as_what_it_is_and_arrives() {
    let stand = Stand::start().await;
    let samples = [
        ("jpg", MediaKind::Image),
        ("png", MediaKind::Image),
        ("mp4", MediaKind::Video),
        ("3gp", MediaKind::Video),
        ("aac", MediaKind::Audio),
        ("amr", MediaKind::Audio),
        ("mp3", MediaKind::Audio),
        ("ogg", MediaKind::Audio),
        ("pdf", MediaKind::Document),
        ("docx", MediaKind::Document),
        ("webp", MediaKind::Sticker),
    ];
    for (extension, kind) in samples {
        let url = format!("{}/sandbox/media/sample.{extension}", stand.url);
        let id = send_kind(&stand, kind, url, Extras::default()).await;
        let (notes, submitted, refused) = decided(stand.core(), id).await;
        assert_eq!((submitted, refused), (1, Vec::new()), "{extension}: {notes:?}");
        assert!(notes.iter().any(|note| note.contains("was checked")), "{extension}: {notes:?}");
    }
    stand
        .until("all of them are shown", || async { stand.inbox("15550107777").await.len() == samples.len() })
        .await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_files_fail_with_their_cause_before_any_network_is_asked() {
    let stand = Stand::start().await;
    let no_redirects = Extras { no_redirects: true, ..Extras::default() };
    let tight = Extras { max_media_bytes: Some(10), ..Extras::default() };
    let cases = [
        ("?status=404", Extras::default(), Some(Cause::MediaUnreachable)),
        ("?type=text/html", Extras::default(), Some(Cause::MediaUnsupported)),
        ("?pad=6000000", Extras::default(), Some(Cause::MediaTooLarge)),
        ("?redirect=1", Extras::default(), None),
        ("?redirect=1", no_redirects, Some(Cause::MediaUnreachable)),
        ("", tight, Some(Cause::MediaTooLarge)),
    ];
    for (wish, extras, cause) in cases {
        let url = format!("{}/sandbox/media/sample.jpg{wish}", stand.url);
        let id = send_kind(&stand, MediaKind::Image, url, extras).await;
        let (notes, submitted, refused) = decided(stand.core(), id).await;
        assert_eq!(refused, Vec::from_iter(cause), "{wish}: {notes:?}");
        assert_eq!(submitted, usize::from(cause.is_none()), "{wish}");
        assert_eq!(notes.iter().any(|note| note.contains("not sent")), cause.is_some(), "{wish}: {notes:?}");
    }
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_step_after_a_bad_file_gets_its_turn_at_once() {
    let stand = Stand::start().await;
    let body = json!({
        "channels": [{"channel": "whatsapp", "fallback_time": 3_600_000}, {"channel": "sms"}],
        "phone_number": "15550107777", "message_type": "ARN",
        "message": {
            "whatsapp": {"template": "image", "parameters": {"url": format!("{}/sandbox/media/sample.jpg?status=410", stand.url)}},
            "sms": {"template": "text", "parameters": {"text": "instead"}},
        },
    });
    let (_, answer) = stand.telesign(&body).await;
    stand.settled(answer["reference_id"].as_str().expect("a reference"), &[3000]).await;
    let inbox = stand.inbox("15550107777").await;
    assert_eq!(inbox.iter().map(|entry| entry["text"].as_str()).collect::<Vec<_>>(), [Some("instead")]);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_nobody_can_check_is_refused_sent_or_not_even_looked_at() {
    let origin = Origin::start().await;
    let cases = [("strict", false, 1), ("lenient", true, 1), ("off", true, 0)];
    for (policy, sent, fetches) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let policy_of = format!("account[shop].media.policy=\"{policy}\"");
        let set = [policy_of.as_str(), "media.fetch_timeout_ms=300"];
        let gate = Gate::start(folder.path(), Graph::default(), &set).await;
        let before = origin.fetches();
        let id = gate.send(link(origin.url("silent.jpg")), 1).await[0];
        let (notes, submitted, refused) = decided(gate.core(), id).await;
        assert_eq!(
            (submitted, refused.len()),
            (usize::from(sent), usize::from(!sent)),
            "{policy}: {notes:?}"
        );
        assert_eq!(gate.graph.messages().len(), usize::from(sent), "{policy}");
        assert_eq!(notes.len(), fetches, "{policy}: {notes:?}");
        assert_eq!(origin.fetches() - before, fetches, "{policy}");
        gate.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_counts_from_the_hand_over_and_not_while_a_link_is_looked_at() {
    let origin = Origin::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let gate = Gate::start(folder.path(), Graph::default(), &["media.fetch_timeout_ms=600"]).await;
    let mut step = picture(link(origin.url("silent.jpg")));
    step.patience = Some(model::Span::from_millis(100));
    let mut last = picture(link(origin.url("picture.jpg")));
    last.patience = Some(model::Span::from_secs(60));
    let id = submit(gate.core(), &gate.account(), vec![step, last], 1).await[0];
    // Had the patience run while the link was looked at, the first step would never be sent.
    let (_, submitted, refused) = decided(gate.core(), id).await;
    assert_eq!((submitted, refused), (1, Vec::new()));
    assert_eq!(gate.until_sent(1).await[0]["image"]["link"], json!(origin.url("silent.jpg")));
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_servers_come_to_an_end_with_a_cause() {
    let (origin, folder) = (Origin::start().await, tempfile::tempdir().expect("a folder"));
    let set =
        ["account[shop].media.policy=\"strict\"", "media.slow_after_ms=200", "media.fetch_timeout_ms=5000"];
    let gate = Gate::start(folder.path(), Graph::default(), &set).await;
    for (file, cause) in [
        ("endless.jpg", Cause::MediaTooLarge),
        ("drip.jpg", Cause::MediaUnreachable),
        ("gone.jpg", Cause::MediaUnreachable),
    ] {
        let id = gate.send(link(origin.url(file)), 1).await[0];
        assert_eq!(decided(gate.core(), id).await.2, [cause], "{file}");
    }
    assert_eq!(gate.graph.messages(), Vec::<Value>::new());
    gate.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_to_the_inside_are_refused_whatever_the_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    for mode in ["auto", "id"] {
        let mode = format!("route[whatsapp].media=\"{mode}\"");
        let gate = Gate::start(folder.path(), Graph::default(), &["media.allow=[]", mode.as_str()]).await;
        for url in [
            "http://169.254.169.254/latest/meta-data/a.jpg",
            "http://127.0.0.1:8480/a.jpg",
            "http://[::ffff:10.0.0.1]/a.jpg",
        ] {
            let id = gate.send(link(url), 1).await[0];
            let (notes, _, refused) = decided(gate.core(), id).await;
            assert_eq!(refused, [Cause::MediaUnreachable], "{url}");
            assert!(notes.iter().all(|note| !note.contains("169.254")), "{notes:?}");
        }
        assert_eq!(gate.graph.messages(), Vec::<Value>::new());
        gate.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_links_hang_does_not_hold_up_another() {
    let origin = Origin::start().await;
    for mode in ["auto", "id"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mode = format!("route[whatsapp].media=\"{mode}\"");
        // The hanging ones take far longer than this test may.
        let set = ["media.fetches=4", "media.fetch_timeout_ms=600000", mode.as_str()];
        let gate = Gate::start(folder.path(), Graph::default(), &set).await;
        let before = origin.fetches();
        for number in 0..30 {
            gate.send(link(origin.url(&format!("silent{number}.jpg"))), 1).await;
        }
        let deadline = Instant::now() + PATIENCE;
        while origin.fetches() - before < 2 {
            assert!(Instant::now() < deadline, "nothing is fetched");
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        let neighbour = gate.account_named("neighbour");
        let picture = picture(link(origin.url("picture.jpg")));
        let id = submit(gate.core(), &neighbour, vec![picture], 1).await[0];
        let (notes, submitted, refused) = decided(gate.core(), id).await;
        assert_eq!((submitted, refused), (1, Vec::new()), "{notes:?}");
        assert_eq!(origin.fetches() - before, 3, "the first has half of the four turns");
        gate.stop().await;
    }
}
