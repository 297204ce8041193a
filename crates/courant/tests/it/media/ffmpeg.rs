//! Sounds and videos made fit by the real ffmpeg.

use std::process::Command;

use super::*;

const FFMPEG: &str = "/usr/bin/ffmpeg";

/// Makes a file of test tones and pictures.
fn made(folder: &Path, name: &str, arguments: &[&str]) -> Vec<u8> {
    let path = folder.join(name);
    let done = Command::new(FFMPEG)
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"])
        .args(arguments)
        .arg(&path)
        .status()
        .expect("ffmpeg is installed; ./test does it");
    assert!(done.success(), "{name} could not be made");
    std::fs::read(path).expect("is readable")
}

/// Codecs and what is between them, as ffprobe sees a file; reading it whole must raise no error.
fn played(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let path = folder.join("received");
    std::fs::write(&path, bytes).expect("is written");
    let decoded = Command::new(FFMPEG)
        .args(["-nostdin", "-v", "error", "-xerror", "-i"])
        .arg(&path)
        .args(["-f", "null", "-"])
        .output()
        .expect("runs");
    assert!(decoded.status.success() && decoded.stderr.is_empty(), "{decoded:?}");
    let told = Command::new("/usr/bin/ffprobe")
        .args(["-v", "error", "-show_entries", "stream=codec_name,channels", "-of", "csv=p=0"])
        .arg(&path)
        .output()
        .expect("runs");
    String::from_utf8_lossy(&told.stdout).lines().map(str::to_owned).collect()
}

/// What the phone downloads: the file that the network has under the message's id.
async fn downloaded(stand: &Stand, entry: &Value) -> Vec<u8> {
    let url = entry["media"]["url"].as_str().expect("an address");
    let told: Value = stand
        .client
        .get(url)
        .bearer_auth("sandbox")
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let file = stand.client.get(told["url"].as_str().expect("an address")).bearer_auth("sandbox");
    file.send().await.expect("an answer").bytes().await.expect("a body").to_vec()
}

async fn serving(
    files: Vec<(&'static str, &'static str, Vec<u8>)>,
) -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let router = files.into_iter().fold(Router::new(), |router, (path, mime, bytes)| {
        let bytes = Bytes::from(bytes);
        router.route(path, get(move || async move { ([(header::CONTENT_TYPE, mime)], bytes) }))
    });
    listen(router).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sounds_and_videos_that_whatsapp_refuses_reach_the_phone_in_a_form_that_plays() {
    let folder = tempfile::tempdir().expect("a folder");
    let stereo = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-ac", "2", "-c:a"];
    let sound = made(folder.path(), "stereo.ogg", &[&stereo[..], &["libvorbis"]].concat());
    let picture = ["-f", "lavfi", "-i", "testsrc=size=1600x900:rate=10:duration=2"];
    let tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"];
    let codecs = ["-c:v", "mpeg4", "-c:a", "libmp3lame", "-shortest"];
    let video = made(folder.path(), "old.avi", &[&picture[..], &tone[..], &codecs[..]].concat());
    let files = vec![("/stereo.ogg", "audio/ogg", sound), ("/old.avi", "video/x-msvideo", video)];
    let (address, origin) = serving(files).await;
    let cases = [
        ("stereo.ogg", MediaKind::Audio, "audio/ogg", vec!["opus,1"]),
        ("old.avi", MediaKind::Video, "video/mp4", vec!["h264", "aac,1"]),
    ];

    let strict = Stand::start_with(None, &["account[sandbox].media.policy=\"strict\""]).await;
    for (name, kind, ..) in &cases {
        let id = send_kind(&strict, *kind, format!("http://{address}/{name}"), Extras::default()).await;
        let (notes, _, refused) = decided(strict.core(), id).await;
        assert_eq!(refused, [Cause::MediaUnsupported], "{name}: {notes:?}");
    }
    strict.stop().await;

    let program = format!("media.ffmpeg=\"{FFMPEG}\"");
    let stand = Stand::start_with(None, &["account[sandbox].media.fit=true", &program]).await;
    for (index, (name, kind, mime, streams)) in cases.into_iter().enumerate() {
        let id = send_kind(&stand, kind, format!("http://{address}/{name}"), Extras::default()).await;
        let (notes, submitted, refused) = decided(stand.core(), id).await;
        assert_eq!((submitted, refused), (1, Vec::new()), "{name}: {notes:?}");
        let changed = notes.iter().find(|note| note.contains("changed, because"));
        assert!(changed.is_some_and(|note| note.contains(&format!("became {mime}"))), "{name}: {notes:?}");
        let entry = stand
            .find("the file", || async { stand.inbox("15550107777").await.into_iter().nth(index) })
            .await;
        assert_eq!(entry["media"]["mime_type"], mime, "{name}");
        assert_eq!(played(folder.path(), &downloaded(&stand, &entry).await), streams, "{name}");
    }
    let metrics = stand.text("/metrics").await;
    for kind in ["audio", "video"] {
        let line = format!("courant_media_conversions_total{{kind=\"{kind}\",outcome=\"done\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
    stand.stop().await;
    origin.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_sound_at_all_is_refused_by_the_real_program_too() {
    let (address, origin) = serving(vec![("/noise.ogg", "audio/ogg", vec![7; 100_000])]).await;
    let program = format!("media.ffmpeg=\"{FFMPEG}\"");
    let stand = Stand::start_with(None, &["account[sandbox].media.fit=true", &program]).await;
    let id =
        send_kind(&stand, MediaKind::Audio, format!("http://{address}/noise.ogg"), Extras::default()).await;
    let (notes, _, refused) = decided(stand.core(), id).await;
    assert_eq!(refused, [Cause::MediaUnsupported], "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("could not be made fit")), "{notes:?}");
    stand.stop().await;
    origin.abort();
}
