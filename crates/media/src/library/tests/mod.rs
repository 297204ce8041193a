mod away;
mod s3;

use std::fs;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::probe::Facts;

const NOW: Time = Time::from_secs(1_795_000_000);

fn later(days: u64) -> Time {
    NOW + Span::from_hours(24 * days)
}

fn key() -> SigningKey {
    SigningKey::new(b"a secret of these tests")
}

fn open(folder: &TempDir) -> Library {
    open_with(folder, Limits::default())
}

fn open_with(folder: &TempDir, limits: Limits) -> Library {
    Library::open(folder.path(), limits, key(), None).expect("opens")
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

fn account(name: &str) -> AccountName {
    AccountName::from(name)
}

fn file(owner: &str) -> NewFile {
    NewFile { account: account(owner), mime: "image/png".into(), filename: Some("a.png".into()), now: NOW }
}

async fn put(library: &Library, owner: &str, content: &[u8]) -> Arc<Record> {
    library.put(file(owner), content).await.expect("is kept")
}

async fn content(library: &Library, record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut blob = library.open_blob(record).await.expect("is there");
    blob.read_to_end(&mut bytes).await.expect("is readable");
    bytes
}

/// Paths of all files, relative to the library.
fn all_files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("is a folder") {
            let path = entry.expect("is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path.strip_prefix(root).expect("is inside");
                found.push(relative.to_str().expect("is text").to_owned());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_kept_file_is_found_by_its_account_and_survives_a_restart() {
    let folder = folder();
    let library = open(&folder);
    let record = put(&library, "acme", b"hello").await;
    assert_eq!(record.id.to_string().len(), 16);
    assert_eq!(record.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_eq!(record.expires_at, later(30));

    let again = open(&folder);
    assert_eq!(again.find(&account("acme"), record.id, NOW), Some(Arc::clone(&record)));
    assert_eq!(content(&again, &record).await, b"hello");
    assert_eq!(again.find(&account("other"), record.id, NOW), None);
    assert_eq!(again.find(&account("acme"), record.id, later(30)), None);
    assert_eq!(again.held(record.id), Some(record));
}

#[tokio::test]
async fn a_kept_file_can_be_judged_like_a_fetched_one() {
    use crate::limits::{Purpose, judge};

    let folder = folder();
    let library = open(&folder);
    let record = put(&library, "acme", include_bytes!("../../../fixtures/rgb.jpg")).await;
    let facts = Facts::of(
        fs::File::open(library.blob_path(&record).expect("lies here")).expect("opens"),
        Some(&record.mime),
    )
    .expect("is readable");
    let extras = model::message::Extras::default();
    let image = Purpose::new("kaleyra", model::Channel::Whatsapp, model::content::MediaKind::Image, &extras);
    let texts: Vec<_> = judge(&facts, &image).into_iter().map(|violation| violation.text).collect();
    assert_eq!(texts, ["the file is declared as image/png but is image/jpeg"]);
}

#[tokio::test]
async fn the_same_content_lies_on_disk_once_and_goes_with_its_last_record() {
    let folder = folder();
    let library = open(&folder);
    let one = put(&library, "acme", b"same").await;
    let two = put(&library, "other", b"same").await;
    assert_ne!(one.id, two.id);
    let contents = |library: &Library| {
        all_files(library.root()).iter().filter(|name| name.starts_with("blobs/")).count()
    };
    assert_eq!(contents(&library), 1);

    assert!(!library.remove(&account("other"), one.id).await.expect("works"), "not its own");
    assert!(library.remove(&account("acme"), one.id).await.expect("works"));
    assert_eq!(content(&library, &two).await, b"same");
    assert!(library.remove(&account("other"), two.id).await.expect("works"));
    assert_eq!(all_files(library.root()), Vec::<String>::new());
}

#[tokio::test]
async fn a_sweep_takes_what_expired_and_is_not_needed() {
    let folder = folder();
    let library = open(&folder);
    let needed = put(&library, "acme", b"needed").await;
    let done = put(&library, "acme", b"done").await;
    let young =
        library.put(NewFile { now: later(10), ..file("acme") }, &b"young"[..]).await.expect("is kept");

    let nothing = library.sweep(later(29), |_| false).await.expect("works");
    assert_eq!(nothing, Swept::default());
    let swept = library.sweep(later(30), |id| *id == needed.id).await.expect("works");
    assert_eq!(swept, Swept { records: 1, blobs: 1 });
    assert_eq!(library.held(done.id), None);
    assert!(library.held(needed.id).is_some() && library.held(young.id).is_some());
    let reopened = open(&folder);
    assert_eq!(reopened.held(done.id), None);
    assert!(reopened.held(needed.id).is_some() && reopened.held(young.id).is_some());
}

#[tokio::test]
async fn what_a_message_needs_outlives_its_days_even_across_a_restart() {
    let folder = folder();
    let library = open(&folder);
    let (needed, other) = (put(&library, "a", b"needed").await, put(&library, "a", b"other").await);
    library.need(needed.id, later(40)).expect("is written");
    library.need(needed.id, later(35)).expect("changes nothing");
    drop(library);
    let library = open(&folder);
    assert_eq!(library.sweep(later(31), |_| false).await.expect("sweeps"), Swept { records: 1, blobs: 1 });
    assert!(library.held(other.id).is_none());
    assert_eq!(library.find(&account("a"), needed.id, later(31)), None);
    let held = library.held(needed.id).expect("is there");
    assert_eq!(held.kept_until(), later(40));
    assert_eq!(content(&library, &held).await, b"needed");
    assert_eq!(library.usage(&account("a")), Usage { files: 1, bytes: 6 });
    assert_eq!(library.sweep(later(41), |_| false).await.expect("sweeps").records, 1);
    assert_eq!(library.usage(&account("a")), Usage::default());
}

#[tokio::test]
async fn files_are_listed_by_account_in_pages() {
    let folder = folder();
    let library = open(&folder);
    for content in [b"1", b"2", b"3"] {
        put(&library, "a", content).await;
    }
    put(&library, "b", b"4").await;
    let first = library.list(&account("a"), None, 2);
    let rest = library.list(&account("a"), Some(first[1].id), 2);
    assert_eq!((first.len(), rest.len()), (2, 1));
    assert!(first[0].id < first[1].id && first[1].id < rest[0].id);
}

#[tokio::test]
async fn limits_hold_and_leave_nothing_behind() {
    let folder = folder();
    let limits =
        Limits { file_bytes: 10, account_bytes: 15, account_files: 3, files: 4, ..Limits::default() };
    let library = open_with(&folder, limits);
    let refused = |outcome: Result<Arc<Record>, PutError>| outcome.expect_err("is over a limit").to_string();

    assert_eq!(refused(library.put(file("acme"), &b"eleven byte"[..]).await), "the file is over 10 bytes");
    assert_eq!(refused(library.put(file("acme"), &b""[..]).await), "the file is empty");
    assert_eq!(all_files(library.root()), Vec::<String>::new());

    put(&library, "acme", b"ten bytes!").await;
    let full = "no more files can be kept for the account";
    assert_eq!(refused(library.put(file("acme"), &b"sixsix"[..]).await), full);
    put(&library, "acme", b"1").await;
    put(&library, "acme", b"2").await;
    assert_eq!(refused(library.put(file("acme"), &b"3"[..]).await), full);
    let last = put(&library, "other", b"4").await;
    assert_eq!(refused(library.put(file("third"), &b"5"[..]).await), full);
    assert_eq!(all_files(library.root()).len(), 8);

    assert!(library.remove(&account("other"), last.id).await.expect("works"));
    put(&library, "third", b"5").await;
    // A restart counts the same.
    let again = open_with(&folder, limits);
    assert_eq!(refused(again.put(file("acme"), &b"3"[..]).await), full);
}

/// Gives a few bytes and breaks off.
struct BrokenOff(bool);

impl AsyncRead for BrokenOff {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        if std::mem::replace(&mut self.0, true) {
            return std::task::Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        into.put_slice(b"half a file");
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let folder = folder();
    let library = open(&folder);
    let outcome = library.put(file("acme"), BrokenOff(false)).await;
    assert!(matches!(outcome, Err(PutError::Source(_))), "{outcome:?}");
    assert_eq!(all_files(library.root()), Vec::<String>::new());
}

#[tokio::test]
async fn leftovers_of_a_crash_are_cleared_away_at_start() {
    let folder = folder();
    let library = open(&folder);
    let kept = put(&library, "acme", b"kept").await;
    let lost = put(&library, "acme", b"lost").await;
    let cut = put(&library, "acme", b"cut short").await;
    let expected: Vec<String> =
        [disk::blob_path(folder.path(), &kept.sha256), disk::record_path(folder.path(), kept.id)]
            .iter()
            .map(|path| {
                path.strip_prefix(folder.path()).expect("is inside").to_str().expect("is text").to_owned()
            })
            .collect();

    // Died while writing; died between content and record; a disk that forgot.
    fs::write(folder.path().join("tmp/.tmpXYZ"), b"half").expect("writes");
    let orphan = disk::blob_path(folder.path(), &"ab".repeat(32));
    fs::create_dir_all(orphan.parent().expect("has a folder")).expect("makes");
    fs::write(orphan, b"orphan").expect("writes");
    fs::remove_file(library.blob_path(&lost).expect("lies here")).expect("removes");
    fs::write(library.blob_path(&cut).expect("lies here"), b"cut").expect("writes");

    let again = open(&folder);
    assert_eq!(content(&again, &kept).await, b"kept");
    assert_eq!((again.held(lost.id), again.held(cut.id)), (None, None));
    assert_eq!(all_files(folder.path()), expected);
}

#[tokio::test]
async fn a_damaged_record_hides_one_file_and_stops_nothing() {
    let folder = folder();
    let library = open(&folder);
    let good = put(&library, "acme", b"good").await;
    let bad = put(&library, "acme", b"bad").await;
    let path = disk::record_path(folder.path(), bad.id);
    // One that is no JSON, and one that claims to be another.
    for content in [&b"{\"id\":"[..], &serde_json::to_vec(&*good).expect("is JSON")] {
        fs::write(&path, content).expect("writes");
        let again = open(&folder);
        assert_eq!(again.held(bad.id), None);
        assert!(again.held(good.id).is_some());
        assert!(path.exists(), "is left for a person to look at");
    }
}

#[test]
fn only_sixteen_digits_are_an_id() {
    assert!(MediaId::parse("1234567890123456").is_some());
    for text in [
        "",
        "0234567890123456",
        "123456789012345",
        "12345678901234567",
        "+234567890123456",
        "../../etc/passwd",
    ] {
        assert_eq!(MediaId::parse(text), None, "{text}");
    }
}

async fn serve(
    library: &Library,
    method: Method,
    path: &str,
    headers: &[(HeaderName, &str)],
) -> Response<Option<Slice>> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).expect("is a value")))
        .collect();
    library.serve(&method, path, &headers)
}

async fn body(response: &Response<Option<Slice>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(slice) = response.body() {
        slice.open().await.expect("opens").read_to_end(&mut bytes).await.expect("reads");
    }
    bytes
}

fn header_of(response: &Response<Option<Slice>>, name: &HeaderName) -> String {
    response.headers().get(name).map(|value| value.to_str().expect("is text").to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_public_path_serves_the_file_whole_in_part_or_not_at_all() {
    let folder = folder();
    let library = open(&folder);
    let record = put(&library, "acme", b"0123456789").await;
    let path = library.public_path(record.id, extension(&record.mime));
    assert!(path.starts_with(&format!("/media/{}/", record.id)) && path.ends_with(".png"), "{path}");

    let whole = serve(&library, Method::GET, &path, &[]).await;
    assert_eq!((whole.status(), body(&whole).await), (StatusCode::OK, b"0123456789".to_vec()));
    let tag = format!("\"{}\"", record.sha256);
    let expected = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CONTENT_DISPOSITION, "inline; filename=\"a.png\"; filename*=UTF-8''a.png"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "private, max-age=3600"),
        (header::ETAG, &tag),
        (header::CONTENT_LENGTH, "10"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    assert_eq!(whole.headers().len(), expected.len());
    for (name, value) in expected {
        assert_eq!(header_of(&whole, &name), value);
    }

    let head = serve(&library, Method::HEAD, &path, &[(header::RANGE, "bytes=0-1")]).await;
    assert_eq!((head.status(), head.body().is_none()), (StatusCode::OK, true));
    assert_eq!(head.headers(), whole.headers());

    let part = serve(&library, Method::GET, &path, &[(header::RANGE, "bytes=2-4")]).await;
    assert_eq!((part.status(), body(&part).await), (StatusCode::PARTIAL_CONTENT, b"234".to_vec()));
    assert_eq!(header_of(&part, &header::CONTENT_RANGE), "bytes 2-4/10");
    assert_eq!(header_of(&part, &header::CONTENT_LENGTH), "3");

    let past = serve(&library, Method::GET, &path, &[(header::RANGE, "bytes=10-")]).await;
    assert_eq!((past.status(), past.body().is_none()), (StatusCode::RANGE_NOT_SATISFIABLE, true));
    assert_eq!(header_of(&past, &header::CONTENT_RANGE), "bytes */10");

    let same =
        serve(&library, Method::GET, &path, &[(header::IF_NONE_MATCH, &format!("\"x\", W/{tag}"))]).await;
    assert_eq!((same.status(), same.body().is_none()), (StatusCode::NOT_MODIFIED, true));

    let range = (header::RANGE, "bytes=2-4");
    let kept = serve(&library, Method::GET, &path, &[range.clone(), (header::IF_RANGE, &tag)]).await;
    assert_eq!(kept.status(), StatusCode::PARTIAL_CONTENT);
    let changed = serve(&library, Method::GET, &path, &[range, (header::IF_RANGE, "\"old\"")]).await;
    assert_eq!(changed.status(), StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_served_without_its_very_signature() {
    let folder = folder();
    let library = open(&folder);
    let one = put(&library, "acme", b"one").await;
    let two = put(&library, "acme", b"two").await;
    let path = library.public_path(one.id, "png");
    let stranger = SigningKey::new(b"another secret").public_path(one.id, "png");
    let wrong = [
        path.replace(&one.id.to_string(), &two.id.to_string()),
        path.replace(".png", ".html"),
        path.replace(".png", ""),
        path.replace(".png", ".png/"),
        path.to_uppercase(),
        stranger,
        format!("/media/{}/", one.id),
        format!("/media/{}/.png", one.id),
        format!("/media/{}", one.id),
        "/media/".into(),
        "/media/../index".into(),
        "/".into(),
        String::new(),
    ];
    for path in wrong {
        let response = serve(&library, Method::GET, &path, &[]).await;
        assert_eq!((response.status(), response.body().is_none()), (StatusCode::NOT_FOUND, true), "{path}");
    }
    let posted = serve(&library, Method::POST, &path, &[]).await;
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header_of(&posted, &header::ALLOW), "GET, HEAD");
}

#[tokio::test]
async fn hostile_types_and_names_stay_inside_their_headers() {
    let folder = folder();
    let library = open(&folder);
    let cases = [
        (
            "text/html",
            Some("a\"b\r\nSet-Cookie: x.html"),
            "text/html",
            "attachment; filename=\"a_b__Set-Cookie: x.html\"; filename*=UTF-8''a%22b%0D%0ASet-Cookie%3A%20x.html",
        ),
        ("image/svg+xml", None, "image/svg+xml", "attachment"),
        ("text/plain\r\nX: y", Some(""), "application/octet-stream", "attachment"),
        (
            "application/pdf",
            Some("r\u{e9}sum\u{e9}.pdf"),
            "application/pdf",
            "attachment; filename=\"r_sum_.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf",
        ),
    ];
    for (mime, name, expected_type, expected_disposition) in cases {
        let new = NewFile { mime: mime.into(), filename: name.map(Into::into), ..file("acme") };
        let record = library.put(new, &b"x"[..]).await.expect("is kept");
        let path = library.public_path(record.id, "bin");
        let response = serve(&library, Method::GET, &path, &[]).await;
        assert_eq!(header_of(&response, &header::CONTENT_TYPE), expected_type);
        assert_eq!(header_of(&response, &header::CONTENT_DISPOSITION), expected_disposition);
    }
}

proptest! {
    #[test]
    fn any_path_is_survived(path in "(/media/)?[0-9]{0,18}/?.{0,60}") {
        prop_assert_eq!(key().verify(&path), None);
    }
}
