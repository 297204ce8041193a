//! Addresses of callbacks over the real wire: what is not allowed is not reached, in whatever
//! spelling and by whatever detour. 127.0.0.2 stands for the outside here, 127.0.0.1 for the inside.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::any};
use serde_json::json;

use crate::harness::{Stand, cascade};

/// What the outside is asked.
#[derive(Clone)]
struct Outside {
    asked: Arc<AtomicUsize>,
    inside: String,
    status: StatusCode,
}

async fn answer(State(outside): State<Outside>) -> impl IntoResponse {
    outside.asked.fetch_add(1, Ordering::SeqCst);
    (outside.status, [("location", outside.inside)])
}

/// A receiver outside that sends who asks to `inside`; its address, and how often it was asked.
async fn outside(status: StatusCode, inside: String) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let outside = Outside { asked: Arc::clone(&asked), inside, status };
    let listener = tokio::net::TcpListener::bind("127.0.0.2:0").await.expect("the loopback network is whole");
    let address = listener.local_addr().expect("is bound");
    let router = Router::new().fallback(any(answer)).with_state(outside);
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
    (format!("http://{address}/here"), asked)
}

const OUTSIDE_ONLY: &str = r#"callbacks.allow=["127.0.0.2/32"]"#;

async fn send(stand: &Stand, number: &str, callback: &str) -> u16 {
    let mut body = cascade(&stand.url, number, 60_000, "x");
    body["callback_url"] = json!(callback);
    stand.telesign(&body).await.0
}

async fn count(stand: &Stand, outcome: &str) -> u64 {
    let metrics = stand.text("/metrics").await;
    let lines =
        metrics.lines().filter(|line| line.starts_with("courant_callbacks_total") && line.contains(outcome));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_an_inner_address_is_reached() {
    let stand = Stand::start_with(None, &[OUTSIDE_ONLY]).await;
    let port = stand.url.rsplit(':').next().expect("a port").to_owned();
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let spellings = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "１２７.0.0.1",
        "127。0。0。1",
        "ip6-localhost",
        "127.0.0.2@127.0.0.1",
        host.trim(),
    ];
    let mut accepted = 0;
    for (index, spelling) in spellings.iter().enumerate() {
        let callback = format!("http://{spelling}:{port}/sandbox/bin/inside");
        if send(&stand, &format!("155506{index:02}0004"), &callback).await == 200 {
            accepted += 1;
        }
    }
    assert!(accepted > 5, "most are judged when the callback is made: {accepted}");
    let (url, asked) = outside(StatusCode::OK, String::new()).await;
    assert_eq!(send(&stand, "15550690004", &url).await, 200);
    stand.until("the outside is reached", || async { asked.load(Ordering::SeqCst) > 0 }).await;
    stand.until("the others are given up", || async { count(&stand, "failed").await >= 5 }).await;
    assert_eq!(stand.bin("inside").await.len(), 0);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_an_inner_address_is_not_followed() {
    let stand = Stand::start_with(None, &[OUTSIDE_ONLY]).await;
    let inside = format!("{}/sandbox/bin/inside", stand.url);
    for (index, status) in [301_u16, 302, 303, 307, 308].into_iter().enumerate() {
        let status = StatusCode::from_u16(status).expect("a status");
        let (url, asked) = outside(status, inside.clone()).await;
        assert_eq!(send(&stand, &format!("155507{index:02}0004"), &url).await, 200);
        stand.until("the outside is asked", || async { asked.load(Ordering::SeqCst) > 0 }).await;
    }
    // The answers were read: they count as failed tries, or are tried again.
    let (url, asked) = outside(StatusCode::OK, String::new()).await;
    assert_eq!(send(&stand, "15550790004", &url).await, 200);
    stand
        .until("a later callback is delivered", || async {
            asked.load(Ordering::SeqCst) > 0 && count(&stand, "done").await > 0
        })
        .await;
    assert_eq!(stand.bin("inside").await.len(), 0);
    stand.stop().await;
}
