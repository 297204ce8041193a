use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::{guard::Policy, testing::Origin};

/// Gives up soon on slow bodies; everything else has time, however busy the machine is.
fn hasty() -> Patience {
    Patience { window: Duration::from_millis(100), window_bytes: 1_000, ..Patience::default() }
}

fn fetcher_with(patience: Patience) -> Fetcher {
    // Loopback by its one address only: 127.0.0.2 stands for the inside.
    let allow = vec!["127.0.0.1/32".parse().expect("a network")];
    let guard = Guard::new(Policy { allow, ports: Vec::new() });
    Fetcher::new(guard, patience).expect("builds")
}

fn order(link: &str) -> Order<'_> {
    Order { account: "acme", link, max_bytes: 10_000, max_redirects: 3, validators: None }
}

async fn fetch(order: Order<'_>) -> (Result<Fetched, FetchError>, Vec<u8>) {
    let mut sink = Vec::new();
    let outcome = fetcher_with(Patience::default()).fetch(order, &mut sink).await;
    (outcome, sink)
}

async fn fetch_within(patience: Patience, order: Order<'_>) -> Result<Fetched, FetchError> {
    fetcher_with(patience).fetch(order, &mut Vec::new()).await
}

#[tokio::test]
async fn a_file_arrives_whole_with_what_was_said_about_it() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nContent-Type: image/png; x=y\r\nETag: \"1\"\r\nCache-Control: max-age=5\r\nContent-Length: 5\r\n\r\nhello",
    )
    .await;
    let (outcome, sink) = fetch(order(&origin.url("/a.png"))).await;
    let Ok(Fetched::Whole { bytes: 5, head }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(sink, b"hello");
    assert_eq!(head.content_type.as_deref(), Some("image/png; x=y"));
    assert_eq!(head.caching.max_age, Some(Duration::from_secs(5)));
    assert!(!head.validators.is_empty());
    let request = origin.requests().remove(0);
    assert!(request.starts_with("GET /a.png HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("accept-encoding: identity\r\n"), "{request}");
}

#[tokio::test]
async fn every_status_without_a_file_is_said() {
    for status in [201, 204, 206, 300, 304, 400, 401, 403, 404, 410, 429, 500, 503] {
        let origin = Origin::answering(&format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n")).await;
        let (outcome, _) = fetch(order(&origin.url("/"))).await;
        assert_eq!(outcome, Err(FetchError::Status(status)));
    }
}

#[tokio::test]
async fn redirects_are_followed_up_to_the_limit() {
    let origin = Origin::new(|path, _| match path {
        "/3" => "HTTP/1.1 302 x\r\nLocation: 2\r\nContent-Length: 0\r\n\r\n".into(),
        "/2" => "HTTP/1.1 307 x\r\nLocation: /1?q\r\nContent-Length: 0\r\n\r\n".into(),
        "/1?q" => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into(),
        _ => "HTTP/1.1 301 x\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n".into(),
    })
    .await;
    let three = origin.url("/3");
    let (outcome, sink) = fetch(Order { max_redirects: 2, ..order(&three) }).await;
    assert!(matches!(outcome, Ok(Fetched::Whole { bytes: 2, .. })), "{outcome:?}");
    assert_eq!(sink, b"ok");
    for (link, max_redirects) in [(&three, 1), (&three, 0), (&origin.url("/loop"), 3)] {
        let (outcome, _) = fetch(Order { max_redirects, ..order(link) }).await;
        assert_eq!(outcome, Err(FetchError::Redirected(max_redirects)));
    }
}

#[tokio::test]
async fn a_redirect_inward_or_to_nowhere_is_not_followed() {
    let cases = [
        ("http://127.0.0.2/secret", FetchError::Blocked(Blocked::Address(crate::guard::Class::Loopback))),
        ("//169.254.169.254/", FetchError::Blocked(Blocked::Address(crate::guard::Class::LinkLocal))),
        ("file:///etc/passwd", FetchError::Blocked(Blocked::Scheme("file".into()))),
        ("http://user:pw@127.0.0.1/", FetchError::Blocked(Blocked::Userinfo)),
        ("http://[", FetchError::BadRedirect),
    ];
    for (location, expected) in cases {
        let answer = format!("HTTP/1.1 302 x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let origin = Origin::answering(&answer).await;
        let (outcome, _) = fetch(order(&origin.url("/"))).await;
        assert_eq!(outcome, Err(expected), "{location}");
    }
    let origin = Origin::answering("HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(fetch(order(&origin.url("/"))).await.0, Err(FetchError::BadRedirect));
}

#[tokio::test]
async fn a_file_that_announces_too_much_is_not_read() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\nx").await;
    let (outcome, sink) = fetch(order(&origin.url("/"))).await;
    assert!(matches!(outcome, Ok(Fetched::Larger(_))), "{outcome:?}");
    assert_eq!(sink, b"");
}

#[tokio::test]
async fn an_endless_file_is_read_up_to_the_limit_only() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let origin = Origin::streaming("HTTP/1.1 200 OK\r\n\r\n", move || {
        counter.fetch_add(1_000, Ordering::SeqCst);
        Some((Duration::ZERO, vec![b'x'; 1_000]))
    })
    .await;
    let (outcome, sink) = fetch(order(&origin.url("/"))).await;
    assert!(matches!(outcome, Ok(Fetched::Larger(_))), "{outcome:?}");
    assert!(sink.len() <= 10_000, "{}", sink.len());
}

#[tokio::test]
async fn a_file_of_exactly_the_limit_is_whole() {
    let body = "x".repeat(10_000);
    let origin = Origin::answering(&format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}")).await;
    let (outcome, sink) = fetch(order(&origin.url("/"))).await;
    assert!(matches!(outcome, Ok(Fetched::Whole { bytes: 10_000, .. })), "{outcome:?}");
    assert_eq!(sink.len(), 10_000);
}

#[tokio::test]
async fn a_file_shorter_than_announced_is_broken() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nonly this").await;
    let (outcome, _) = fetch(order(&origin.url("/"))).await;
    assert_eq!(outcome, Err(FetchError::Broken));
}

#[tokio::test]
async fn a_file_longer_than_announced_ends_where_announced() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more").await;
    let (outcome, sink) = fetch(order(&origin.url("/"))).await;
    assert!(matches!(outcome, Ok(Fetched::Whole { bytes: 2, .. })), "{outcome:?}");
    assert_eq!(sink, b"ok");
}

#[tokio::test]
async fn a_drip_is_given_up_long_before_the_whole_time() {
    let origin = Origin::streaming("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", || {
        Some((Duration::from_millis(10), vec![b'x']))
    })
    .await;
    assert_eq!(fetch_within(hasty(), order(&origin.url("/"))).await, Err(FetchError::TooSlow));
}

#[tokio::test]
async fn a_body_that_never_begins_is_too_slow() {
    let origin = Origin::streaming("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", || {
        Some((Duration::from_secs(60), vec![b'x']))
    })
    .await;
    assert_eq!(fetch_within(hasty(), order(&origin.url("/"))).await, Err(FetchError::TooSlow));
}

#[tokio::test]
async fn a_server_that_listens_and_never_answers_is_given_up() {
    let origin = Origin::streaming("", || Some((Duration::from_secs(60), Vec::new()))).await;
    let patience = Patience { head: Duration::from_millis(100), ..Patience::default() };
    assert_eq!(fetch_within(patience, order(&origin.url("/"))).await, Err(FetchError::NoAnswer));
}

#[tokio::test]
async fn the_whole_time_is_bounded_even_if_bytes_keep_coming() {
    let origin =
        Origin::streaming("HTTP/1.1 200 OK\r\n\r\n", || Some((Duration::from_millis(5), vec![b'x'; 100])))
            .await;
    let patience = Patience { total: Duration::from_millis(300), ..Patience::default() };
    let link = origin.url("/");
    let order = Order { max_bytes: u64::MAX, ..order(&link) };
    assert_eq!(fetch_within(patience, order).await, Err(FetchError::TooLong));
}

#[tokio::test]
async fn nobody_listening_is_told_from_a_refusal() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let link = format!("http://{}/", listener.local_addr().expect("is bound"));
    drop(listener);
    let (outcome, _) = fetch(order(&link)).await;
    assert_eq!(outcome, Err(FetchError::Unconnected));
    assert!(!FetchError::Unconnected.is_definite());
    assert!(FetchError::Status(404).is_definite());
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_broken() {
    let origin = Origin::answering("SSH-2.0-OpenSSH_9.9\r\n").await;
    assert_eq!(fetch(order(&origin.url("/"))).await.0, Err(FetchError::Broken));
}

#[tokio::test]
async fn compressed_transport_is_refused_not_unpacked() {
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x0b\x08",
    )
    .await;
    let (outcome, sink) = fetch(order(&origin.url("/"))).await;
    assert_eq!(outcome, Err(FetchError::Encoded));
    assert_eq!(sink, b"");
}

#[tokio::test]
async fn a_second_fetch_asks_whether_anything_changed() {
    let conditions = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&conditions);
    let origin = Origin::new(move |_, request| {
        let conditional = request.contains("if-none-match: \"7\"")
            && request.contains("if-modified-since: Fri, 20 Nov 2026 00:00:00 GMT");
        seen.lock().expect("no panic elsewhere").push(conditional);
        if conditional {
            "HTTP/1.1 304 x\r\nCache-Control: max-age=9\r\n\r\n".into()
        } else {
            "HTTP/1.1 200 OK\r\nETag: \"7\"\r\nLast-Modified: Fri, 20 Nov 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
                .into()
        }
    })
    .await;
    let link = origin.url("/");
    let Ok(Fetched::Whole { head, .. }) = fetch(order(&link)).await.0 else { panic!("no file") };
    let again = Order { validators: Some(&head.validators), ..order(&link) };
    let expected = Caching { max_age: Some(Duration::from_secs(9)), ..Caching::default() };
    assert_eq!(fetch(again).await.0, Ok(Fetched::Unchanged(expected)));
    assert_eq!(*conditions.lock().expect("no panic elsewhere"), [false, true]);
}

/// A sink that fails.
struct Full;

impl AsyncWrite for Full {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        std::task::Poll::Ready(Err(io::ErrorKind::StorageFull.into()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_full_disk_is_our_fault_and_not_the_links() {
    let origin = Origin::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let outcome = fetcher_with(Patience::default()).fetch(order(&origin.url("/")), &mut Full).await;
    assert_eq!(outcome, Err(FetchError::Sink(io::ErrorKind::StorageFull)));
}
