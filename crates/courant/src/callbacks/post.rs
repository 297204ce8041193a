//! Carries letters to callers: one HTTP exchange, without the decision of what follows from it.

use connectors::BoxFuture;
use engine::callback::Outcome;
use media::guard::{Guard, Policy};
use model::Span;

use super::Letter;
use crate::config::Callbacks;

/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;

/// Carries one letter to its address and says what came of it.
pub trait Post: Send + Sync + 'static {
    /// Makes the exchange; it takes at most `timeout`.
    fn post<'a>(&'a self, url: &'a str, letter: Letter, timeout: Span) -> BoxFuture<'a, Outcome>;
}

/// The post over HTTP, behind the guard of addresses.
pub struct HttpPost {
    guard: Guard,
    client: reqwest::Client,
}

impl HttpPost {
    /// A post with the guard and bounds of the configuration.
    ///
    /// # Errors
    /// If the HTTP client cannot be made.
    pub fn new(settings: &Callbacks) -> Result<Self, String> {
        let guard = Guard::new(Policy { allow: settings.allow.clone(), ..Policy::default() });
        let client = guard
            .client()
            .connect_timeout(Span::from_secs(5).to_std())
            .pool_max_idle_per_host(settings.concurrency_per_host)
            .user_agent(concat!("courant/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { guard, client })
    }

    async fn exchange(&self, url: &str, letter: Letter, timeout: Span) -> Outcome {
        let Ok(url) = self.guard.check(url) else { return Outcome::Forbidden };
        let method = letter.method.parse().unwrap_or(reqwest::Method::POST);
        let mut request = self.client.request(method, url).timeout(timeout.to_std());
        for (name, value) in &letter.headers {
            request = request.header(name, value);
        }
        let mut response = match request.body(letter.body).send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Outcome::TimedOut,
            Err(_) => return Outcome::Disconnected,
        };
        let retry_after = retry_after(&response);
        let status = response.status().as_u16();
        match drain(&mut response).await {
            Ok(()) => Outcome::Answered { status, retry_after },
            Err(error) if error.is_timeout() => Outcome::TimedOut,
            Err(_) => Outcome::Disconnected,
        }
    }
}

impl Post for HttpPost {
    fn post<'a>(&'a self, url: &'a str, letter: Letter, timeout: Span) -> BoxFuture<'a, Outcome> {
        Box::pin(self.exchange(url, letter, timeout))
    }
}

/// The receiver's advice in seconds, if it gave any.
fn retry_after(response: &reqwest::Response) -> Option<Span> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?;
    Some(Span::from_secs(value.to_str().ok()?.trim().parse().ok()?))
}

/// Reads the answer's body up to the bound, so that the connection can be used again.
async fn drain(response: &mut reqwest::Response) -> Result<(), reqwest::Error> {
    let mut read = 0;
    while let Some(chunk) = response.chunk().await? {
        read += chunk.len();
        if read > MAX_ANSWER {
            return Ok(());
        }
    }
    Ok(())
}
