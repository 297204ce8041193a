//! The one HTTP client of all connectors that speak HTTP.
//!
//! It adds to reqwest what a connector must be able to rely on: every wait and every body has a
//! bound, nothing is repeated or redirected behind the connector's back, an error tells whether
//! the network may have seen the request, and no error text contains an address or a credential.

use std::{error::Error as _, time::Duration};

use ::http::{HeaderMap, Method, StatusCode, header::RETRY_AFTER};
use bytes::{Bytes, BytesMut};
use model::{Cause, Fault, Span};
use reqwest::{RequestBuilder, redirect, retry};
use url::Url;

/// The most bytes of an answer that are read; networks answer with a few hundred.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The longest pause that a network can talk us into.
pub const MAX_RETRY_AFTER: Span = Span::from_hours(24);

const MAX_DETAIL_CHARS: usize = 200;
const POOL_IDLE: Duration = Duration::from_secs(55);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const HTTP2_PING: Duration = Duration::from_secs(10);

/// How a client reaches its network.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Any address of the network; its scheme decides whether certificates are loaded.
    pub base_url: Url,
    /// Time for name lookup, TCP and TLS together.
    pub connect_timeout: Duration,
    /// Time for everything from the call to the last byte of the answer.
    pub timeout: Duration,
    /// The most idle connections kept.
    pub max_idle: usize,
}

/// A pooled client for one network.
#[derive(Clone, Debug)]
pub struct HttpClient {
    inner: reqwest::Client,
}

/// What a network answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or as much of it as came within time and [`MAX_ANSWER_BYTES`].
    pub body: Bytes,
    /// Whether the body is all there.
    pub complete: bool,
}

/// Why there is no answer. The texts hold neither addresses nor credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection came about, so nothing was written.
    #[error("not connected: {0}")]
    NotConnected(String),
    /// The request may have been written, and no answer came.
    #[error("no answer: {0}")]
    Lost(String),
    /// The request could not even be built.
    #[error("the request cannot be built")]
    Unsendable,
}

/// The client cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot set up the HTTP client: {0}")]
pub struct ClientSetupError(String);

impl HttpClient {
    /// A client with TLS by rustls and ring.
    ///
    /// # Errors
    /// If the address is `https` and the system has no certificate authorities.
    pub fn new(settings: &HttpSettings) -> Result<Self, ClientSetupError> {
        install_crypto();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("courant/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .redirect(redirect::Policy::none())
            // Repeating is the engine's decision: a message must not leave twice unrecorded.
            .retry(retry::never())
            .referer(false)
            // Whatever other crates enable: a small compressed answer must not become a large one.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(settings.max_idle)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEP_ALIVE)
            // A connection that died silently is noticed within twice this, not only by timeouts.
            .http2_keep_alive_interval(HTTP2_PING)
            .http2_keep_alive_timeout(HTTP2_PING);
        let builder = match settings.base_url.scheme() {
            "https" => builder,
            // Plain HTTP is for loopback: no proxy in between, no certificates to load.
            _ => builder.no_proxy().tls_certs_only([]),
        };
        builder.build().map(|inner| Self { inner }).map_err(|error| ClientSetupError(detail(&error)))
    }

    /// Begins a request; finish it with [`Self::exchange`].
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.inner.request(method, url)
    }

    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// See [`HttpError`]. Once a status has come there is an [`Answer`], if need be an incomplete
    /// one.
    pub async fn exchange(&self, request: RequestBuilder) -> Result<Answer, HttpError> {
        let response = request.send().await.map_err(|error| classify(&error))?;
        let status = response.status();
        let headers = response.headers().clone();
        let (body, complete) = read_capped(response).await;
        Ok(Answer { status, headers, body, complete })
    }
}

impl Answer {
    /// The pause the network asks for with `Retry-After` in seconds, at most
    /// [`MAX_RETRY_AFTER`]. Dates are not understood.
    #[must_use]
    pub fn retry_after(&self) -> Option<Span> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Span::from_secs(seconds).min(MAX_RETRY_AFTER))
    }
}

impl HttpError {
    /// The cause with which a send fails.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Self::NotConnected(_) => Cause::ProviderDown,
            Self::Lost(_) => Cause::OutcomeUnknown,
            Self::Unsendable => Cause::ProviderError,
        }
    }

    /// The fault of a send, with the error's text for people.
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::new(self.cause()).with_network("", self.to_string())
    }
}

/// Makes ring the process's provider. Whoever was first wins; the workspace builds no other.
fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

fn classify(error: &reqwest::Error) -> HttpError {
    if error.is_builder() {
        HttpError::Unsendable
    } else if error.is_connect() {
        HttpError::NotConnected(detail(error))
    } else {
        HttpError::Lost(detail(error))
    }
}

/// The innermost text of an error: the outer ones repeat the address.
fn detail(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut innermost = error.source();
    while let Some(source) = innermost.and_then(std::error::Error::source) {
        innermost = Some(source);
    }
    let text = innermost.map_or_else(|| "failed".to_owned(), ToString::to_string);
    text.chars().take(MAX_DETAIL_CHARS).collect()
}

async fn read_capped(mut response: reqwest::Response) -> (Bytes, bool) {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = MAX_ANSWER_BYTES - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return (body.freeze(), false);
                }
            }
            Ok(None) => return (body.freeze(), true),
            Err(_) => return (body.freeze(), false),
        }
    }
}
