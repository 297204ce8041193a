//! Making media fit.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_too_large_is_made_fit_only_if_the_account_wants_that() {
    let stand = Stand::start_with(None, &["account[sandbox].media.fit=true"]).await;
    let url = format!("{}/sandbox/media/sample.jpg?pad=6000000", stand.url);
    let id = send_kind(&stand, MediaKind::Image, url, Extras::default()).await;
    let (notes, submitted, refused) = decided(stand.core(), id).await;
    assert_eq!((submitted, refused), (1, Vec::new()), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("changed, because")), "{notes:?}");
    let entry =
        stand.find("the picture", || async { stand.inbox("15550107777").await.into_iter().next() }).await;
    assert_eq!(entry["media"]["mime_type"], "image/jpeg");
    assert!(entry["media"]["size"].as_u64().expect("a size") < 5 << 20);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_program_makes_videos_fit_and_one_that_hangs_is_stopped() {
    use std::os::unix::fs::PermissionsExt;
    let tools = tempfile::tempdir().expect("a folder");
    let tool = |name: &str, script: String| {
        let path = tools.path().join(name);
        std::fs::write(&path, script).expect("is written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("is made executable");
        path.display().to_string()
    };
    let sample = tools.path().join("small.mp4");
    std::fs::write(&sample, MP4).expect("is written");
    // The output is the last argument.
    let works = tool(
        "works",
        format!("#!/bin/sh\nfor to in \"$@\"; do :; done\n/bin/cp '{}' \"$to\"\n", sample.display()),
    );
    let hangs = tool("hangs", "#!/bin/sh\nexec /bin/sleep 600\n".to_owned());
    for (program, passes) in [(works, true), (hangs, false)] {
        let set = [
            "account[sandbox].media.fit=true".to_owned(),
            format!("media.ffmpeg=\"{program}\""),
            "media.ffmpeg_timeout_ms=400".to_owned(),
        ];
        let set: Vec<&str> = set.iter().map(String::as_str).collect();
        let stand = Stand::start_with(None, &set).await;
        let url = format!("{}/sandbox/media/sample.mp4?pad=17000000", stand.url);
        let id = send_kind(&stand, MediaKind::Video, url, Extras::default()).await;
        let (notes, submitted, refused) = decided(stand.core(), id).await;
        assert_eq!(submitted, usize::from(passes), "{program}: {notes:?}");
        assert_eq!(refused, if passes { vec![] } else { vec![Cause::MediaTooLarge] }, "{program}: {notes:?}");
        stand.stop().await;
    }
}
