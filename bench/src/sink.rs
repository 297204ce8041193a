//! The caller's receiver of callbacks: confirms each, notes when it came and for which message.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::Result;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::{net::TcpListener, task::JoinSet};

use crate::ledger::{Ledger, Place};

/// A running sink; takes no new connections once dropped.
#[derive(Debug)]
pub(crate) struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Ended when dropped.
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    ledger: Arc<Ledger>,
    /// Key of the signatures, if they are checked.
    key: Option<Vec<u8>>,
    callbacks: AtomicU64,
    forged: AtomicU64,
}

impl Sink {
    /// Starts a sink; with a key, Telesign's signatures are checked.
    ///
    /// # Errors
    /// If it cannot listen.
    pub(crate) async fn start(ledger: Arc<Ledger>, key: Option<Vec<u8>>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Shared { ledger, key, callbacks: AtomicU64::new(0), forged: AtomicU64::new(0) };
        let shared = Arc::new(shared);
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many callbacks came.
    pub(crate) fn callbacks(&self) -> u64 {
        self.shared.callbacks.load(Relaxed)
    }

    /// How many of them had a wrong signature.
    pub(crate) fn forged(&self) -> u64 {
        self.shared.forged.load(Relaxed)
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| confirm(Arc::clone(&shared), request));
        // A client that breaks off is its own business.
        tokio::spawn(async move {
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn confirm(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    shared.callbacks.fetch_add(1, Relaxed);
    let signature = head.headers.get("x-ts-authorization").map(hyper::header::HeaderValue::as_bytes);
    if shared.key.as_ref().is_some_and(|key| !is_signed(key, &body, signature)) {
        shared.forged.fetch_add(1, Relaxed);
    }
    let message = head.uri.query().and_then(from_query).or_else(|| from_body(&body));
    if let Some(message) = message {
        shared.ledger.mark(Place::Reported, message);
    }
    // Jasmin repeats a report until it is answered with these words; the others ignore them.
    Ok::<_, hyper::Error>(Response::new(Full::from("ACK/Jasmin")))
}

/// Kannel and Jasmin: the message stands in the address that we gave.
fn from_query(query: &str) -> Option<usize> {
    query.split('&').find_map(|pair| pair.strip_prefix("message="))?.parse().ok()
}

/// Telesign and Infobip: the message is the caller's id.
fn from_body(body: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("\"external_id\":\"").or_else(|| text.split_once("\"messageId\":\""))?;
    rest.split('"').next()?.parse().ok()
}

fn is_signed(key: &[u8], body: &[u8], signature: Option<&[u8]>) -> bool {
    let Some(claimed) = signature.and_then(|text| STANDARD.decode(text).ok()) else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(body);
    mac.verify_slice(&claimed).is_ok()
}

/// Answers everything with nothing: the floor of an HTTP server on this machine.
///
/// # Errors
/// If it cannot listen.
pub(crate) async fn echo() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let service = service_fn(|request: Request<Incoming>| async {
                let body =
                    request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                Ok::<_, Infallible>(Response::new(Full::new(body)))
            });
            tokio::spawn(async move {
                drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    Ok(address)
}
