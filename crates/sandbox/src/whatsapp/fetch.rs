//! The network's own look at linked media.
//!
//! Whatever answers is judged for real. A host that cannot be reached at all counts as fetched,
//! unverified, so that sample links of vendor documentation work without internet.

use std::{
    collections::HashMap,
    io::ErrorKind,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt;
use http::{HeaderMap, header};
use reqwest::{Client, Response, Url};
use tokio::{
    net::{TcpStream, lookup_host},
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    error::GraphError,
    mime::{MediaKind, essence},
};

const MAX_REDIRECTS: usize = 3;
/// Within this time a host is reached, or it counts as unreachable.
const REACH_WITHIN: Duration = Duration::from_secs(2);
/// A fetch may take this long altogether.
const FETCH_WITHIN: Duration = Duration::from_secs(30);
const CACHE_FOR: Duration = Duration::from_secs(600);
/// Hosts that could not be reached are not asked again for this long.
const UNREACHED_FOR: Duration = Duration::from_secs(30);
const MAX_CACHED: usize = 10_000;
const MAX_FETCHES: usize = 64;

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    File { mime: String, size: u64 },
    Unverified,
}

/// Fetches links, and remembers for ten minutes what it found.
#[derive(Debug)]
pub(crate) struct Fetcher {
    client: Client,
    cache: Mutex<HashMap<String, (Instant, Found)>>,
    slots: Semaphore,
}

impl Fetcher {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .user_agent("facebookexternalua")
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(REACH_WITHIN)
            .timeout(FETCH_WITHIN)
            .no_proxy()
            .build()?;
        Ok(Self { client, cache: Mutex::default(), slots: Semaphore::new(MAX_FETCHES) })
    }

    /// Fetches a link for a message of a kind.
    ///
    /// # Errors
    /// 131053 with the reason.
    pub(crate) async fn fetch(&self, link: &str, kind: MediaKind) -> Result<Found, GraphError> {
        let found = match self.cached(link) {
            Some(found) => found,
            None => {
                let _slot = self.slots.acquire().await.map_err(|_| GraphError::server())?;
                match self.cached(link) {
                    Some(found) => found,
                    None => self.look(link, kind).await?,
                }
            }
        };
        judge(found, kind)
    }

    async fn look(&self, link: &str, kind: MediaKind) -> Result<Found, GraphError> {
        let mut url = Url::parse(link).map_err(|_| failed("the link is no URL"))?;
        for _ in 0..=MAX_REDIRECTS {
            if !reachable(&url).await {
                self.remember(link, UNREACHED_FOR, &Found::Unverified);
                return Ok(Found::Unverified);
            }
            let response = self
                .client
                .get(url.clone())
                .send()
                .await
                .map_err(|_| failed("the server did not answer properly"))?;
            if response.status().is_redirection() {
                url = redirected(&url, response.headers())?;
                continue;
            }
            if !response.status().is_success() {
                return Err(failed(&format!("HTTP status {}", response.status().as_u16())));
            }
            let keep = freshness(response.headers());
            // Only what passes is remembered: a file that was too large was not read to its end.
            let found = judge(weigh(response, kind).await?, kind)?;
            self.remember(link, keep, &found);
            return Ok(found);
        }
        Err(failed("too many redirects"))
    }

    fn cached(&self, link: &str) -> Option<Found> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, found) = cache.get(link)?;
        (Instant::now() < *until).then(|| found.clone())
    }

    fn remember(&self, link: &str, keep: Duration, found: &Found) {
        if keep.is_zero() {
            return;
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if cache.len() >= MAX_CACHED {
            cache.retain(|_, (until, _)| now < *until);
        }
        if cache.len() < MAX_CACHED {
            cache.insert(link.to_owned(), (now + keep, found.clone()));
        }
    }
}

fn failed(reason: &str) -> GraphError {
    GraphError::media(format!("Media could not be downloaded: {reason}."))
}

/// Whether anything at the host answers. A refused connection is an answer.
async fn reachable(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let attempt = async {
        for address in lookup_host((host.as_str(), port)).await? {
            match TcpStream::connect(address).await {
                Err(error) if out_of_reach(error.kind()) => {}
                Ok(_) | Err(_) => return Ok(true),
            }
        }
        Ok::<bool, std::io::Error>(false)
    };
    matches!(timeout(REACH_WITHIN, attempt).await, Ok(Ok(true)))
}

fn out_of_reach(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::TimedOut
            | ErrorKind::AddrNotAvailable
    )
}

fn redirected(from: &Url, headers: &HeaderMap) -> Result<Url, GraphError> {
    let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
    to.and_then(|to| from.join(to).ok())
        .filter(|to| matches!(to.scheme(), "http" | "https"))
        .ok_or_else(|| failed("a redirect to nowhere"))
}

/// How long the server allows the file to be kept.
fn freshness(headers: &HeaderMap) -> Duration {
    let control =
        headers.get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut keep = CACHE_FOR;
    for directive in control.split(',').map(|one| one.trim().to_ascii_lowercase()) {
        match directive.split_once('=') {
            Some(("max-age", seconds)) => {
                keep = seconds.trim_matches('"').parse().map_or(keep, Duration::from_secs);
            }
            None if matches!(directive.as_str(), "no-store" | "no-cache") => return Duration::ZERO,
            Some(_) | None => {}
        }
    }
    keep.min(Duration::from_secs(24 * 60 * 60))
}

/// Reads the file to its end, or until it is too large.
async fn weigh(response: Response, kind: MediaKind) -> Result<Found, GraphError> {
    let mime = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mime = essence(mime.unwrap_or_default());
    let mut size = 0;
    if response.content_length().is_none_or(|length| length <= kind.limit()) {
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            size += chunk.map_err(|_| failed("the download broke off"))?.len() as u64;
            if size > kind.limit() {
                break;
            }
        }
    } else {
        size = kind.limit() + 1;
    }
    Ok(Found::File { mime, size })
}

fn judge(found: Found, kind: MediaKind) -> Result<Found, GraphError> {
    match &found {
        Found::Unverified => Ok(found),
        Found::File { mime, .. } if !kind.takes(mime) => {
            Err(GraphError::media(format!("Unsupported media type {mime:?} for this kind of message.")))
        }
        Found::File { size, .. } if *size > kind.limit() => {
            Err(GraphError::media(format!("The file is larger than {} bytes.", kind.limit())))
        }
        Found::File { size: 0, .. } => Err(failed("the file is empty")),
        Found::File { .. } => Ok(found),
    }
}
