use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::future::join_all;
use model::{Channel, content::MediaKind, message::Extras};
use tempfile::TempDir;

use super::*;
use crate::{
    fetch::Patience,
    guard::{Guard, Policy},
    testing::Origin,
};

const JPEG: &[u8] = include_bytes!("../../fixtures/rgb.jpg");
const VIDEO: &[u8] = include_bytes!("../../fixtures/h264_aac_moov_last.mp4");
const HEVC: &[u8] = include_bytes!("../../fixtures/hevc.mp4");

/// A checker with its own spool folder, which goes with it.
struct Bench {
    checker: Checker,
    _spool: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let spool = TempDir::new().expect("a folder");
        let mut settings = Settings::new(spool.path().to_owned());
        change(&mut settings);
        let allow = vec!["127.0.0.1/32".parse().expect("a network")];
        let guard = Guard::new(Policy { allow, ports: Vec::new() });
        let fetcher = Fetcher::new(guard, Patience::default()).expect("builds");
        Self { checker: Checker::new(fetcher, settings), _spool: spool }
    }

    async fn check(&self, link: &str, kind: MediaKind) -> Checked {
        self.checker.check("acme", link, &purpose(kind), CheckPolicy::Strict).await
    }
}

fn purpose(kind: MediaKind) -> Purpose<'static> {
    Purpose::new("telesign", Channel::Whatsapp, kind, &Extras::default())
}

/// A whole answer with this type, these further header lines and this body.
fn file(mime: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\nContent-Length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn good_files_pass_with_their_facts() {
    let origin = Origin::new(|path, _| match path {
        "/a.jpg" => file("image/jpg", "", JPEG),
        _ => file("video/mp4", "", VIDEO),
    })
    .await;
    let bench = Bench::new();
    let picture = bench.check(&origin.url("/a.jpg"), MediaKind::Image).await;
    assert_eq!(picture.verdict, Verdict::Ok);
    let facts = picture.facts.expect("were found");
    assert_eq!(facts.size, Size::Exactly(JPEG.len() as u64));
    assert_eq!(facts.declared.as_deref(), Some("image/jpeg"));
    assert_eq!(bench.check(&origin.url("/a.mp4"), MediaKind::Video).await.verdict, Verdict::Ok);
}

#[tokio::test]
async fn bad_files_are_told_by_cause() {
    let origin = Origin::new(|path, _| match path {
        "/hevc" => file("video/mp4", "", HEVC),
        "/gone" => b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "/page" => file("text/html", "", b"<html>sign in"),
        "/lie" => file("image/png", "", JPEG),
        _ => b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 5242881\r\n\r\n".to_vec(),
    })
    .await;
    let cases = [
        ("/hevc", MediaKind::Video, Cause::MediaUnsupported, "the video codec is hev1, not H.264"),
        ("/gone", MediaKind::Image, Cause::MediaUnreachable, "the server answered with status 404"),
        (
            "/page",
            MediaKind::Image,
            Cause::MediaUnsupported,
            "the type text/html is not one of image/jpeg, image/png",
        ),
        (
            "/lie",
            MediaKind::Image,
            Cause::MediaUnsupported,
            "the file is declared as image/png but is image/jpeg",
        ),
        (
            "/large",
            MediaKind::Image,
            Cause::MediaTooLarge,
            "the file has more than the 5242880 bytes that are taken",
        ),
    ];
    let bench = Bench::new();
    for (path, kind, cause, text) in cases {
        let found = bench.check(&origin.url(path), kind).await;
        assert_eq!(found.verdict, Verdict::Violation(cause, text.into()), "{path}");
    }
}

#[tokio::test]
async fn a_forbidden_address_is_a_violation_under_every_policy() {
    let bench = Bench::new();
    for policy in [CheckPolicy::Strict, CheckPolicy::Lenient] {
        let found =
            bench.checker.check("acme", "http://10.0.0.1/a.png", &purpose(MediaKind::Image), policy).await;
        assert!(matches!(found.verdict, Verdict::Violation(Cause::MediaUnreachable, _)), "{found:?}");
    }
}

#[tokio::test]
async fn a_server_out_of_reach_passes_only_where_that_is_allowed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let link = format!("http://{}/", listener.local_addr().expect("is bound"));
    drop(listener);
    let bench = Bench::new();
    let text: Cow<'static, str> = "the server cannot be connected to".into();
    let image = purpose(MediaKind::Image);
    let cases = [
        (CheckPolicy::Strict, Verdict::Violation(Cause::MediaUnreachable, text.clone()), Found::Fetched),
        (CheckPolicy::Lenient, Verdict::Unverified(text), Found::Known),
        (CheckPolicy::Off, Verdict::Ok, Found::Nowhere),
    ];
    for (policy, verdict, found) in cases {
        assert_eq!(
            bench.checker.check("acme", &link, &image, policy).await,
            Checked { verdict, facts: None, found }
        );
    }
}

#[tokio::test]
async fn a_dialect_without_redirects_does_not_follow_and_does_not_spoil_the_others() {
    let origin = Origin::new(|path, _| match path {
        "/" => b"HTTP/1.1 302 x\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => file("image/jpeg", "", JPEG),
    })
    .await;
    let bench = Bench::new();
    let free = purpose(MediaKind::Image);
    let bound = Purpose { no_redirects: true, ..free };
    let link = origin.url("/");
    assert_eq!(bench.checker.check("acme", &link, &free, CheckPolicy::Strict).await.verdict, Verdict::Ok);
    let found = bench.checker.check("acme", &link, &bound, CheckPolicy::Lenient).await;
    let text = "the link redirects more often than allowed (0 times)".into();
    assert_eq!(found.verdict, Verdict::Violation(Cause::MediaUnreachable, text));
}

#[tokio::test]
async fn a_thousand_recipients_cost_one_fetch() {
    let origin = Origin::new(|_, _| file("image/jpeg", "", JPEG)).await;
    let bench = Bench::new();
    let link = origin.url("/");
    let all = join_all((0..1_000).map(|_| bench.check(&link, MediaKind::Image))).await;
    assert!(all.iter().all(|checked| checked.verdict == Verdict::Ok));
    assert_eq!(bench.check(&link, MediaKind::Image).await.verdict, Verdict::Ok);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn a_caller_who_stops_waiting_does_not_stop_the_fetch() {
    let origin = Origin::new(|_, _| file("image/jpeg", "", JPEG)).await;
    let bench = Bench::new();
    let link = origin.url("/");
    {
        let first = bench.check(&link, MediaKind::Image);
        // Polled once, which starts the flight, and dropped.
        assert!(first.now_or_never().is_none());
    }
    assert_eq!(bench.check(&link, MediaKind::Image).await.verdict, Verdict::Ok);
    assert_eq!(origin.requests().len(), 1);
}

/// Checks twice, after each other, and counts the requests.
async fn requests_for_two_checks(headers: &'static str) -> Vec<String> {
    let origin = Origin::new(move |_, request| {
        if request.contains("if-none-match") {
            b"HTTP/1.1 304 x\r\n\r\n".to_vec()
        } else {
            file("image/jpeg", headers, JPEG)
        }
    })
    .await;
    let bench = Bench::new();
    for _ in 0..2 {
        assert_eq!(bench.check(&origin.url("/"), MediaKind::Image).await.verdict, Verdict::Ok);
    }
    origin.requests()
}

#[tokio::test]
async fn servers_decide_how_long_a_finding_is_believed() {
    let cases = [
        ("", 1),
        ("Cache-Control: max-age=60\r\n", 1),
        ("Cache-Control: max-age=0\r\n", 2),
        ("Cache-Control: no-store\r\n", 2),
        ("Cache-Control: no-store\r\nETag: \"1\"\r\n", 2),
        ("Cache-Control: no-cache\r\n", 2),
        ("Cache-Control: no-cache\r\nETag: \"1\"\r\n", 2),
        ("Cache-Control: max-age=60\r\nETag: \"1\"\r\n", 1),
    ];
    for (headers, expected) in cases {
        let requests = requests_for_two_checks(headers).await;
        assert_eq!(requests.len(), expected, "{headers}");
        let asked_by_validator = requests.iter().any(|request| request.contains("if-none-match: \"1\""));
        assert_eq!(asked_by_validator, headers == "Cache-Control: no-cache\r\nETag: \"1\"\r\n", "{headers}");
    }
}

#[tokio::test]
async fn a_changed_file_is_looked_at_again() {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let origin = Origin::new(|_, _| match TURN.fetch_add(1, Ordering::SeqCst) {
        0 => file("image/jpeg", "Cache-Control: no-cache\r\nETag: \"1\"\r\n", JPEG),
        _ => file("image/jpeg", "Cache-Control: no-cache\r\nETag: \"2\"\r\n", b"<html>"),
    })
    .await;
    let bench = Bench::new();
    assert_eq!(bench.check(&origin.url("/"), MediaKind::Image).await.verdict, Verdict::Ok);
    let again = bench.check(&origin.url("/"), MediaKind::Image).await.verdict;
    assert!(matches!(again, Verdict::Violation(Cause::MediaUnsupported, _)), "{again:?}");
}

#[tokio::test]
async fn failures_are_believed_briefly() {
    static HEALED: AtomicBool = AtomicBool::new(false);
    let origin = Origin::new(|_, _| {
        if HEALED.load(Ordering::SeqCst) {
            file("image/jpeg", "", JPEG)
        } else {
            b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n".to_vec()
        }
    })
    .await;
    let patient = Bench::new();
    let hasty = Bench::with(|settings| settings.fresh_failure = Duration::ZERO);
    let link = origin.url("/");
    for bench in [&patient, &hasty] {
        let found = bench.check(&link, MediaKind::Image).await;
        assert!(matches!(found.verdict, Verdict::Violation(Cause::MediaUnreachable, _)), "{found:?}");
    }
    HEALED.store(true, Ordering::SeqCst);
    assert!(matches!(patient.check(&link, MediaKind::Image).await.verdict, Verdict::Violation(..)));
    assert_eq!(hasty.check(&link, MediaKind::Image).await.verdict, Verdict::Ok);
}

#[tokio::test]
async fn more_links_than_can_be_kept_are_forgotten_not_piled_up() {
    let origin = Origin::new(|_, _| file("image/jpeg", "", JPEG)).await;
    let bench = Bench::with(|settings| settings.max_links = 1);
    for path in ["/a", "/b", "/b", "/a"] {
        bench.check(&origin.url(path), MediaKind::Image).await;
    }
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test]
async fn with_too_many_fetches_under_way_a_check_does_not_wait() {
    let silent = Origin::streaming("", || Some((Duration::from_secs(60), Vec::new()))).await;
    let bench = Bench::with(|settings| settings.max_flights = 2);
    assert!(bench.check(&silent.url("/a"), MediaKind::Image).now_or_never().is_none());
    let image = purpose(MediaKind::Image);
    let found = bench.checker.check("acme", &silent.url("/b"), &image, CheckPolicy::Lenient).await;
    assert_eq!(found.verdict, Verdict::Unverified("too many links are being checked".into()));
}

#[tokio::test]
async fn an_account_whose_links_hang_holds_no_other_up() {
    let silent = Origin::streaming("", || Some((Duration::from_secs(60), Vec::new()))).await;
    let origin = Origin::new(|_, _| file("image/jpeg", "", JPEG)).await;
    let bench = Bench::new();
    let image = purpose(MediaKind::Image);
    let hanging: Vec<String> = (0..3_000).map(|number| silent.url(&format!("/{number}"))).collect();
    let mut waiting = Vec::new();
    for link in &hanging {
        let mut check = Box::pin(bench.checker.check("slow", link, &image, CheckPolicy::Strict));
        match check.as_mut().now_or_never() {
            None => waiting.push(check),
            Some(refused) => assert_eq!(refused.found, Found::Nowhere),
        }
    }
    assert_eq!(waiting.len(), 1_000, "half of what may be under way");
    // All of its own turns are taken; with a turn in reach, others are served at once.
    let link = origin.url("/");
    let found = bench.checker.check("quick", &link, &image, CheckPolicy::Strict);
    let found = tokio::time::timeout(Duration::from_secs(5), found).await.expect("does not wait");
    assert_eq!((found.verdict, found.found), (Verdict::Ok, Found::Fetched));
}

#[tokio::test]
async fn what_one_account_found_is_not_told_to_another() {
    let origin = Origin::new(|_, _| file("image/jpeg", "", JPEG)).await;
    let (bench, image) = (Bench::new(), purpose(MediaKind::Image));
    for account in ["a", "b", "a"] {
        bench.checker.check(account, &origin.url("/"), &image, CheckPolicy::Strict).await;
    }
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn a_missing_spool_folder_blames_nobody_else() {
    let origin = Origin::new(|_, _| file("image/jpeg", "", JPEG)).await;
    let bench = Bench::with(|settings| settings.spool.push("missing"));
    let image = purpose(MediaKind::Image);
    let found = bench.checker.check("acme", &origin.url("/"), &image, CheckPolicy::Lenient).await;
    assert_eq!(found.verdict, Verdict::Unverified("the file could not be stored".into()));
}
