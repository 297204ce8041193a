//! Fetching a caller's link: through the guard, in bounded time, into a sink, up to a number of
//! bytes.
//!
//! Nothing is decompressed and nothing is held but one chunk. Redirects are followed by hand,
//! each target through the guard again.

mod caching;
#[cfg(test)]
mod tests;

use std::{error::Error, io, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Client, Response};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout_at},
};
use url::Url;

pub use caching::{Caching, Validators};

use crate::{
    guard::{Blocked, Guard, Unresolved},
    turns::Turns,
};

/// Time limits and how much may be fetched at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, with TLS.
    pub connect: Duration,
    /// For the head of one answer, from asking; a redirect is an answer of its own.
    pub head: Duration,
    /// For everything.
    pub total: Duration,
    /// How long a window lasts over which the speed is measured.
    pub window: Duration,
    /// The fewest bytes in a window; who sends fewer is given up.
    pub window_bytes: u64,
    /// Fetches at the same time; others wait their turn within `total`. Shared fairly, see
    /// [`crate::turns`].
    pub parallel: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            head: Duration::from_secs(10),
            total: Duration::from_secs(60),
            window: Duration::from_secs(5),
            window_bytes: 16 * 1024,
            parallel: 32,
        }
    }
}

/// What to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// On whose behalf; who asks for much waits without holding up others.
    pub account: &'a str,
    /// The link as the caller wrote it.
    pub link: &'a str,
    /// The most bytes to read.
    pub max_bytes: u64,
    /// The most redirects to follow.
    pub max_redirects: u8,
    /// What an earlier fetch of the link answered, to be told if nothing changed.
    pub validators: Option<&'a Validators>,
}

/// What came of a fetch that was answered well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The whole body is in the sink.
    Whole {
        /// Its length.
        bytes: u64,
        /// What was said about it.
        head: Head,
    },
    /// There is more than was to be read; the sink has a part or nothing.
    Larger(Head),
    /// Nothing changed since the validators were given.
    Unchanged(Caching),
}

/// What an answer said about its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `Content-Type` as given.
    pub content_type: Option<String>,
    /// For asking again.
    pub validators: Validators,
    /// How long it may be believed.
    pub caching: Caching,
}

/// Why nothing was fetched. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The guard refuses the address.
    #[error("{0}")]
    Blocked(#[from] Blocked),
    /// The name has no address.
    #[error("{0}")]
    Unresolved(#[from] Unresolved),
    /// No connection, or TLS failed.
    #[error("the server cannot be connected to")]
    Unconnected,
    /// The server took the connection and did not answer in time.
    #[error("the server did not answer in time")]
    NoAnswer,
    /// The whole took too long.
    #[error("fetching the file took too long")]
    TooLong,
    /// Hardly anything came.
    #[error("the server sent the file too slowly")]
    TooSlow,
    /// The answer ended early or made no sense.
    #[error("the server's answer was broken off or malformed")]
    Broken,
    /// The answer is a refusal or another status without a file.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// A redirect where none may be, or one too many.
    #[error("the link redirects more often than allowed ({0} times)")]
    Redirected(u8),
    /// A redirect to nowhere.
    #[error("the link redirects without a valid target")]
    BadRedirect,
    /// The body is compressed in transport although that was not asked for.
    #[error("the server compresses the file in transport")]
    Encoded,
    /// Too many fetches, most of them for the same account, are under way.
    #[error("too many links are being fetched")]
    NoTurn,
    /// Our own side failed: disk full and the like.
    #[error("the file could not be stored")]
    Sink(io::ErrorKind),
}

impl FetchError {
    /// Whether the link itself is at fault, so that a network would fail at it too. The rest may
    /// pass, or be between us and the server only.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        match self {
            Self::Blocked(_) | Self::Status(_) | Self::Redirected(_) | Self::BadRedirect | Self::Encoded => {
                true
            }
            Self::Unresolved(_)
            | Self::Unconnected
            | Self::NoAnswer
            | Self::TooLong
            | Self::TooSlow
            | Self::Broken
            | Self::NoTurn
            | Self::Sink(_) => false,
        }
    }
}

/// Fetches callers' links.
pub struct Fetcher {
    guard: Guard,
    client: Client,
    patience: Patience,
    turns: Turns,
    witness: Option<Witness>,
}

/// Is told of every fetch that ended.
pub type Witness = Box<dyn Fn(&Seen) + Send + Sync>;

/// A fetch that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How.
    pub end: End,
    /// Bytes of the body that were read.
    pub bytes: u64,
    /// From asking to the end, without waiting for a turn.
    pub took: Duration,
}

/// How a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The whole file came.
    Whole,
    /// It had more bytes than were to be read.
    TooLarge,
    /// Nothing had changed.
    Unchanged,
    /// The guard refused the address.
    Blocked,
    /// The server refused.
    Refused,
    /// The server could not be reached, or took too long.
    Unreachable,
}

/// Who asks, as servers see it.
const USER_AGENT: &str = concat!("courant-media/", env!("CARGO_PKG_VERSION"));

impl Fetcher {
    /// A fetcher behind this guard.
    ///
    /// # Errors
    /// If the system's certificates cannot be loaded.
    pub fn new(guard: Guard, patience: Patience) -> reqwest::Result<Self> {
        let client = guard
            .client()
            .connect_timeout(patience.connect)
            .user_agent(USER_AGENT)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self { guard, client, patience, turns: Turns::new(patience.parallel), witness: None })
    }

    /// The same, with somebody who is told of every fetch.
    #[must_use]
    pub fn seen_by(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Fetches a link into a sink. The sink is not flushed.
    ///
    /// # Errors
    /// If no file came; the sink may have a part of it.
    pub async fn fetch(
        &self,
        order: Order<'_>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Fetched, FetchError> {
        self.in_turn(order.account, self.fetch_now(order, sink)).await
    }

    /// Does work around one [`Self::fetch_now`] when its turn comes, within the time for the
    /// whole. What the work opens is so bounded in number.
    pub(crate) async fn in_turn<T>(
        &self,
        account: &str,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let end = Instant::now() + self.patience.total;
        let Ok(_turn) = timeout_at(end, self.turns.take(account)).await else {
            return Err(FetchError::NoTurn);
        };
        timeout_at(end, work).await.unwrap_or(Err(FetchError::TooLong))
    }

    /// Fetches without waiting for a turn; only inside [`Self::in_turn`].
    pub(crate) async fn fetch_now(
        &self,
        order: Order<'_>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Fetched, FetchError> {
        let mut sight =
            Sight { witness: self.witness.as_ref(), end: End::Unreachable, bytes: 0, began: Instant::now() };
        let outcome = match self.follow(&order).await {
            Ok(response) => self.take(response, &order, sink, &mut sight.bytes).await,
            Err(error) => Err(error),
        };
        sight.end = End::of(&outcome);
        outcome
    }

    /// Asks, and goes where the answers point to, until one does not redirect.
    async fn follow(&self, order: &Order<'_>) -> Result<Response, FetchError> {
        let mut url = self.guard.check(order.link)?;
        for _ in 0..=order.max_redirects {
            let response = self.ask(&url, order.validators).await?;
            if !is_redirect(response.status()) {
                return Ok(response);
            }
            url = self.redirect_target(&response)?;
        }
        Err(FetchError::Redirected(order.max_redirects))
    }

    async fn ask(&self, url: &Url, validators: Option<&Validators>) -> Result<Response, FetchError> {
        let headers = validators.map(Validators::conditions).unwrap_or_default();
        let asking = self
            .client
            .get(url.clone())
            .header(header::ACCEPT, "*/*")
            .header(header::ACCEPT_ENCODING, "identity")
            .headers(headers)
            .send();
        match timeout_at(Instant::now() + self.patience.head, asking).await {
            Ok(answer) => answer.map_err(|error| asking_failed(&error)),
            Err(_) => Err(FetchError::NoAnswer),
        }
    }

    fn redirect_target(&self, response: &Response) -> Result<Url, FetchError> {
        let location = text(response.headers(), &header::LOCATION).ok_or(FetchError::BadRedirect)?;
        let target = response.url().join(&location).map_err(|_| FetchError::BadRedirect)?;
        Ok(self.guard.check(target.as_str())?)
    }

    async fn take(
        &self,
        response: Response,
        order: &Order<'_>,
        sink: &mut (impl AsyncWrite + Unpin),
        read: &mut u64,
    ) -> Result<Fetched, FetchError> {
        match response.status() {
            StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => {}
            StatusCode::NOT_MODIFIED if order.validators.is_some() => {
                return Ok(Fetched::Unchanged(Caching::of(response.headers())));
            }
            status => return Err(FetchError::Status(status.as_u16())),
        }
        if is_encoded(response.headers()) {
            return Err(FetchError::Encoded);
        }
        let head = Head::of(response.headers());
        if response.content_length().is_some_and(|length| length > order.max_bytes) {
            return Ok(Fetched::Larger(head));
        }
        let whole = self.pour(response, order.max_bytes, sink, read).await?;
        Ok(if whole { Fetched::Whole { bytes: *read, head } } else { Fetched::Larger(head) })
    }

    /// Pours the body into the sink, counting bytes; `false` if there is more than `max_bytes`,
    /// whatever length was announced.
    async fn pour(
        &self,
        mut response: Response,
        max_bytes: u64,
        sink: &mut (impl AsyncWrite + Unpin),
        read: &mut u64,
    ) -> Result<bool, FetchError> {
        let mut speed = Speed::new(&self.patience);
        while let Some(chunk) = speed.next_chunk(&mut response).await? {
            *read += chunk.len() as u64;
            if *read > max_bytes {
                return Ok(false);
            }
            sink.write_all(&chunk).await.map_err(|error| FetchError::Sink(error.kind()))?;
        }
        Ok(true)
    }
}

impl End {
    fn of(outcome: &Result<Fetched, FetchError>) -> Self {
        match outcome {
            Ok(Fetched::Whole { .. }) => Self::Whole,
            Ok(Fetched::Larger(_)) => Self::TooLarge,
            Ok(Fetched::Unchanged(_)) => Self::Unchanged,
            Err(FetchError::Blocked(_)) => Self::Blocked,
            Err(
                FetchError::Status(_)
                | FetchError::Redirected(_)
                | FetchError::BadRedirect
                | FetchError::Encoded,
            ) => Self::Refused,
            Err(
                FetchError::Unresolved(_)
                | FetchError::Unconnected
                | FetchError::NoAnswer
                | FetchError::TooLong
                | FetchError::TooSlow
                | FetchError::Broken
                | FetchError::NoTurn
                | FetchError::Sink(_),
            ) => Self::Unreachable,
        }
    }

    /// For labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::TooLarge => "too_large",
            Self::Unchanged => "unchanged",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
        }
    }
}

/// A fetch under way; tells how it ended, even if it is given up.
struct Sight<'a> {
    witness: Option<&'a Witness>,
    end: End,
    bytes: u64,
    began: Instant,
}

impl Drop for Sight<'_> {
    fn drop(&mut self) {
        if let Some(witness) = self.witness {
            witness(&Seen { end: self.end, bytes: self.bytes, took: self.began.elapsed() });
        }
    }
}

/// Watches that bytes keep coming.
struct Speed {
    window: Duration,
    least: u64,
    end: Instant,
    bytes: u64,
}

impl Speed {
    fn new(patience: &Patience) -> Self {
        let end = Instant::now() + patience.window;
        Self { window: patience.window, least: patience.window_bytes, end, bytes: 0 }
    }

    async fn next_chunk(&mut self, response: &mut Response) -> Result<Option<bytes::Bytes>, FetchError> {
        let chunk = match timeout_at(self.end, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|_| FetchError::Broken)?,
            // Nothing at all came in what was left of the window; bytes before count.
            Err(_) => {
                self.turn_window()?;
                match timeout_at(self.end, response.chunk()).await {
                    Ok(chunk) => chunk.map_err(|_| FetchError::Broken)?,
                    Err(_) => return Err(FetchError::TooSlow),
                }
            }
        };
        self.bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if chunk.is_some() && Instant::now() >= self.end {
            self.turn_window()?;
        }
        Ok(chunk)
    }

    fn turn_window(&mut self) -> Result<(), FetchError> {
        if self.bytes < self.least {
            return Err(FetchError::TooSlow);
        }
        self.bytes = 0;
        self.end = Instant::now() + self.window;
        Ok(())
    }
}

impl Head {
    fn of(headers: &HeaderMap) -> Self {
        Self {
            content_type: text(headers, &header::CONTENT_TYPE),
            validators: Validators::of(headers),
            caching: Caching::of(headers),
        }
    }
}

/// A header as text, if it is one of bounded length.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    const MAX_BYTES: usize = crate::guard::MAX_URL_BYTES;
    let value = headers.get(name).map(HeaderValue::as_bytes)?;
    let value = std::str::from_utf8(value).ok().filter(|value| value.len() <= MAX_BYTES)?;
    Some(value.to_owned())
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity") && !value.is_empty())
}

fn asking_failed(error: &reqwest::Error) -> FetchError {
    let source: &(dyn Error + 'static) = error;
    if let Some(blocked) = Blocked::within(source) {
        FetchError::Blocked(blocked.clone())
    } else if let Some(unresolved) = Unresolved::within(source) {
        FetchError::Unresolved(*unresolved)
    } else if error.is_connect() {
        FetchError::Unconnected
    } else if error.is_timeout() {
        FetchError::NoAnswer
    } else {
        FetchError::Broken
    }
}
