//! Receivers of callbacks that hang, drip, redirect, answer rubbish or without end.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::harness::{Stand, cascade};

/// What a receiver does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Manner {
    /// Takes the request and says nothing.
    Hangs,
    /// One byte of an answer each second.
    Drips,
    /// Sends on to a private address.
    Redirects,
    /// No HTTP.
    Rubbish,
    /// 200, and a body without end.
    Endless,
    /// Closes before it answers.
    Closes,
    /// Confirms.
    Works,
}

const MANNERS: [Manner; 6] =
    [Manner::Hangs, Manner::Drips, Manner::Redirects, Manner::Rubbish, Manner::Endless, Manner::Closes];

/// A receiver at a loopback address of its own, so that it is a host of its own.
struct Receiver {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Receiver {
    async fn start(host: u8, manner: Manner, elsewhere: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, host], 0))).await.expect("bound");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Relaxed);
                tokio::spawn(behave(stream, manner, elsewhere));
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }
}

async fn behave(mut stream: TcpStream, manner: Manner, elsewhere: Option<SocketAddr>) {
    if manner == Manner::Closes {
        return;
    }
    let mut request = [0; 16 * 1024];
    let Ok(1..) = stream.read(&mut request).await else { return };
    let _ = match manner {
        Manner::Hangs => std::future::pending().await,
        Manner::Drips => drip(&mut stream).await,
        Manner::Redirects => {
            let to = elsewhere.expect("it is told where");
            let answer =
                format!("HTTP/1.1 307 Temporary\r\nlocation: http://{to}/\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await
        }
        Manner::Rubbish => stream.write_all(&[0xff; 4096]).await,
        Manner::Endless => endless(&mut stream).await,
        Manner::Works => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await
        }
        Manner::Closes => Ok(()),
    };
}

async fn drip(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" {
        second.tick().await;
        stream.write_all(&[*byte]).await?;
    }
    Ok(())
}

async fn endless(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    let chunk = [b"1000\r\n".to_vec(), vec![b'x'; 0x1000], b"\r\n".to_vec()].concat();
    loop {
        stream.write_all(&chunk).await?;
    }
}

fn message(url: &str, number: &str, to: String) -> Value {
    let mut body = cascade(url, number, 60_000, "unused");
    body["callback_url"] = json!(to);
    body
}

/// Sends as the sandbox's other account.
async fn send_as_other(stand: &Stand, body: &Value) {
    let credentials = ("FFFFFFFF-EEEE-DDDD-CCCC-BBBBBBBBBBBB", "b3RoZXItYWNjb3VudC1rZXk=");
    let request = stand.client.post(format!("{}/v1/omnichannel", stand.url));
    let request = request.basic_auth(credentials.0, Some(credentials.1)).json(body);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_receivers_are_left_in_time_and_tried_again_and_redirects_lead_nowhere() {
    let stand = Stand::start().await;
    let inside = Receiver::start(99, Manner::Works, None).await;
    let mut receivers = BTreeMap::new();
    for (manner, host) in MANNERS.into_iter().zip(20..) {
        receivers.insert(manner, Receiver::start(host, manner, Some(inside.address)).await);
    }
    let mut references = BTreeMap::new();
    for (manner, number) in MANNERS.into_iter().zip(1000_u32..) {
        let body = message(&stand.url, &format!("1555{number}0004"), receivers[&manner].url());
        let (status, answer) = stand.telesign(&body).await;
        assert_eq!(status, 200, "{answer}");
        references.insert(manner, answer["reference_id"].as_str().expect("a reference").to_owned());
    }
    // An answer of 200 confirms, whatever its body: no more of that is read than a bound.
    let again = |manner| receivers.get(&manner).filter(|_| manner != Manner::Endless);
    for manner in MANNERS {
        let Some(receiver) = again(manner) else { continue };
        stand.until(&format!("{manner:?} is tried again"), || async { receiver.requests() >= 2 }).await;
    }
    let endless = format!("{}/api/v1/messages/{}", stand.url, references[&Manner::Endless]);
    stand
        .until("the endless one has confirmed", || async {
            let response = stand.client.get(&endless).bearer_auth("sandbox").send().await.expect("an answer");
            let message: Value = response.json().await.expect("JSON");
            message["callbacks"][0]["standing"] == "done"
        })
        .await;
    assert_eq!(receivers[&Manner::Endless].requests(), 1);
    assert_eq!(inside.requests(), 0, "nobody follows a redirect");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_hang_keep_no_other_account_waiting() {
    let set = ["callbacks.concurrency=8", "callbacks.concurrency_per_host=4"];
    let stand = Stand::start_with(None, &set).await;
    // So many that the turns of all of them take longer than the healthy one is given.
    let mut hanging = Vec::new();
    for host in 100..140 {
        hanging.push(Receiver::start(host, Manner::Hangs, None).await);
    }
    const BACKLOG: usize = 240;
    for index in 0..BACKLOG {
        let number = format!("1556{index:04}0004");
        let body = message(&stand.url, &number, hanging[index % hanging.len()].url());
        assert_eq!(stand.telesign(&body).await.0, 200);
    }
    stand
        .until("all are delivered", || async {
            stand.inbox(&format!("1556{:04}0004", BACKLOG - 1)).await.len() == 1
        })
        .await;
    stand
        .until("the receivers hang", || async { hanging.iter().map(Receiver::requests).sum::<usize>() >= 4 })
        .await;
    let healthy = Receiver::start(50, Manner::Works, None).await;
    let began = Instant::now();
    send_as_other(&stand, &message(&stand.url, "155799990004", healthy.url())).await;
    stand.until("the healthy receiver is told", || async { healthy.requests() == 1 }).await;
    // Less than one of the hanging ones takes, of which hundreds are due before.
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_finishes_its_tls_handshake_is_left_in_time() {
    let stand = Stand::start().await;
    let silent = Receiver::start(60, Manner::Hangs, None).await;
    let body = message(&stand.url, "155560000004", format!("https://{}/", silent.address));
    assert_eq!(stand.telesign(&body).await.0, 200);
    stand.until("it is tried again", || async { silent.requests() >= 2 }).await;
    stand.stop().await;
}
