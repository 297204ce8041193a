//! `{media_link}` in SMS.

use super::*;

/// A silent WhatsApp picture, then an SMS with a link to it; the message and the link.
async fn sms_with_link(stand: &Stand, source: MediaSource) -> (MessageId, String) {
    let mut whatsapp = picture(source);
    whatsapp.patience = Some(model::Span::from_millis(200));
    let mut sms = StepDraft::new(Channel::Sms, Content::Text(Text::new("See {media_link} now")));
    sms.sender = Some("Courant".into());
    let ids = submit_to(stand.core(), &sandbox_account(stand), vec![whatsapp, sms], to("15550100002")).await;
    let text = stand
        .find("the SMS", || async {
            let inbox = stand.inbox("15550100002").await;
            inbox.iter().rev().find_map(|entry| entry["text"].as_str().map(str::to_owned))
        })
        .await;
    let link = text.strip_prefix("See ").and_then(|rest| rest.strip_suffix(" now"));
    (ids[0], link.unwrap_or_else(|| panic!("no link in {text:?}")).to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sms_carries_a_short_link_to_the_picture_and_openings_are_counted() {
    const BROWSER: &str = "Mozilla/5.0 (Linux; Android 15) Chrome/130.0 Mobile";
    let stand = Stand::start().await;
    let picture = format!("{}/sandbox/media/sample.jpg", stand.url);
    let (id, link) = sms_with_link(&stand, MediaSource::Link(picture.clone())).await;
    assert!(
        link.starts_with(&format!("{}/m/", stand.url)) && link.len() <= stand.url.len() + 3 + 11,
        "{link}"
    );

    let page = stand.client.get(&link).header("user-agent", BROWSER).send().await.expect("an answer");
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert!(page.headers()["x-robots-tag"].to_str().expect("text").contains("noindex"));
    let text = page.text().await.expect("a text");
    assert!(text.contains(&format!("<img src=\"{picture}\"")), "{text}");
    assert!(text.contains("&lt;b&gt;Look&lt;/b&gt; &amp; see") && !text.contains("<script"), "{text}");

    let get = |agent: &'static str| stand.client.get(&link).header("user-agent", agent).send();
    get(BROWSER).await.expect("an answer");
    get("WhatsApp/2.23.20.0").await.expect("an answer");
    stand.client.head(&link).header("user-agent", BROWSER).send().await.expect("an answer");
    let opens = short::opens(stand.core(), id, 1).await.expect("was opened");
    assert_eq!(opens.count, 2);
    stand
        .until("the first opening is in the history", || async {
            history(stand.core(), id).await.0.iter().filter(|note| note.contains("opened")).count() == 1
        })
        .await;
    let unknown = stand.client.get(format!("{}/m/AAAAAAAAAAA", stand.url)).send().await.expect("an answer");
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_opening_is_told_and_an_upload_is_shown_by_its_public_address() {
    let bin = Stand::start().await;
    let callback = format!("account[sandbox].media.open_callback=\"{}/sandbox/bin/opened\"", bin.url);
    let stand = Stand::start_with(None, &[callback.as_str()]).await;
    let media = &stand.core().media;
    let kept =
        media.put(&sandbox_account(&stand), Some("image/jpeg".into()), None, JPEG).await.expect("is kept");
    let (id, link) = sms_with_link(&stand, MediaSource::Id(kept.id.to_string())).await;
    for _ in 0..3 {
        let page =
            stand.client.get(&link).header("user-agent", "Mozilla/5.0").send().await.expect("an answer");
        let text = page.text().await.expect("a text");
        assert!(text.contains(&media.url(&kept).expect("a public address")), "{text}");
    }
    let told = bin.find("the callback", || async { bin.bin("opened").await.into_iter().next() }).await;
    assert_eq!((&told["event"], &told["message_id"]), (&json!("media_link_opened"), &json!(id.to_string())));
    assert_eq!(short::opens(stand.core(), id, 1).await.map(|opens| opens.count), Some(3));
    assert_eq!(bin.bin("opened").await.len(), 1);
    stand.stop().await;
    bin.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_link_without_anything_to_show_leaves_no_trace_in_the_text() {
    let stand = Stand::start().await;
    let mut sms = StepDraft::new(Channel::Sms, Content::Text(Text::new("Hello {media_link}")));
    sms.sender = Some("Courant".into());
    submit_to(stand.core(), &sandbox_account(&stand), vec![sms], to("15550107777")).await;
    let entry = stand.find("the SMS", || async { stand.inbox("15550107777").await.into_iter().next() }).await;
    assert_eq!(entry["text"], "Hello");
    stand.stop().await;
}
