//! Checking links before they are sent: one fetch per link and not one per recipient.
//!
//! A network that fetches a link itself tells late and vaguely that it could not. The
//! [`Checker`] fetches it first, looks into it, and judges it by the tables of
//! [`crate::limits`]. What it found is kept as long as the server allows, without the bytes.

mod cache;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use model::Cause;
use sha2::{Digest, Sha256};
use tokio::{sync::oneshot, task::spawn_blocking, time::Instant};

use crate::{
    fetch::{Caching, FetchError, Fetched, Fetcher, Head, Order, Validators},
    limits::{self, Purpose},
    probe::{Facts, Format, Size, normal_type, probe},
    turns::Shares,
};

use cache::Cache;

/// Redirects that are followed unless the purpose forbids them.
const MAX_REDIRECTS: u8 = 3;

/// How links are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckPolicy {
    /// A link that cannot be checked is taken for bad.
    Strict,
    /// A link that cannot be checked passes; the network may be luckier.
    #[default]
    Lenient,
    /// Nothing is checked.
    Off,
}

/// Bounds of a [`Checker`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where files lie while they are looked at; they have no name there.
    pub spool: PathBuf,
    /// Links whose finding is kept.
    pub max_links: usize,
    /// Links that are being fetched or wait for their turn; one account has at most half of what
    /// others leave.
    pub max_flights: usize,
    /// How long a finding is believed if the server does not say.
    pub fresh: Duration,
    /// How long a failure is believed.
    pub fresh_failure: Duration,
}

impl Settings {
    /// The usual bounds with this spool folder, which must exist.
    #[must_use]
    pub fn new(spool: PathBuf) -> Self {
        Self {
            spool,
            max_links: 10_000,
            max_flights: 2_000,
            // WhatsApp keeps a link's file for about ten minutes.
            fresh: Duration::from_secs(10 * 60),
            fresh_failure: Duration::from_secs(30),
        }
    }
}

/// Result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Whether the link may be sent.
    pub verdict: Verdict,
    /// What was found, if anything was.
    pub facts: Option<Facts>,
    /// Where the finding came from.
    pub found: Found,
}

/// Where a finding came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was known.
    Known,
    /// From a fetch that was under way or began now.
    Fetched,
    /// Nothing was looked at.
    Nowhere,
}

/// Whether a link may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Ok,
    /// No: the cause and words for people.
    Violation(Cause, Cow<'static, str>),
    /// It could not be found out, and the policy lets it pass; words for people.
    Unverified(Cow<'static, str>),
}

/// Checks links. Clones share cache and flights.
#[derive(Clone)]
pub struct Checker {
    shared: Arc<Inner>,
}

struct Inner {
    fetcher: Fetcher,
    settings: Settings,
    state: Mutex<State>,
}

struct State {
    findings: Cache<Key, Entry>,
    flights: HashMap<Key, Flight>,
    shares: Shares,
}

/// Digest of account, link, redirect rule and byte limit.
type Key = [u8; 32];

/// A fetch that is under way; all who wait for it get the same finding.
type Flight = Shared<BoxFuture<'static, Option<Arc<Finding>>>>;

/// What a fetch found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    File(Facts),
    Failed(FetchError),
}

#[derive(Clone)]
struct Entry {
    finding: Arc<Finding>,
    validators: Validators,
    caching: Caching,
    fresh_until: Instant,
}

/// One fetch, owned by the task that does it.
struct Errand {
    key: Key,
    account: String,
    link: String,
    max_bytes: u64,
    max_redirects: u8,
    known: Option<Entry>,
}

impl Checker {
    /// A checker without findings.
    #[must_use]
    pub fn new(fetcher: Fetcher, settings: Settings) -> Self {
        let findings = Cache::new(settings.max_links);
        let shares = Shares::new(settings.max_flights);
        let state = Mutex::new(State { findings, flights: HashMap::new(), shares });
        Self { shared: Arc::new(Inner { fetcher, settings, state }) }
    }

    /// Checks a link of an account for a purpose.
    pub async fn check(
        &self,
        account: &str,
        link: &str,
        purpose: &Purpose<'_>,
        policy: CheckPolicy,
    ) -> Checked {
        if policy == CheckPolicy::Off {
            return Checked { verdict: Verdict::Ok, facts: None, found: Found::Nowhere };
        }
        let (finding, found) = self.finding(account, link, purpose).await;
        match finding.as_deref() {
            Some(Finding::File(facts)) => {
                Checked { verdict: judged(facts, purpose), facts: Some(facts.clone()), found }
            }
            Some(Finding::Failed(error)) => Checked { verdict: failed(error, policy), facts: None, found },
            None => Checked {
                verdict: unverified("too many links are being checked".into(), policy),
                facts: None,
                found,
            },
        }
    }

    async fn finding(
        &self,
        account: &str,
        link: &str,
        purpose: &Purpose<'_>,
    ) -> (Option<Arc<Finding>>, Found) {
        let errand = Errand::new(account, link, purpose);
        match self.shared.known_or_flight(errand) {
            Known::Fresh(finding) => (Some(finding), Found::Known),
            Known::Flight(flight) => (flight.await, Found::Fetched),
            Known::Full => (None, Found::Nowhere),
        }
    }
}

/// The end of a flight; without an entry if its task died, so that the next who comes tries again.
struct Landing<'a> {
    inner: &'a Inner,
    key: Key,
    account: String,
    entry: Option<Entry>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.inner.land(self.key, &self.account, self.entry.take());
    }
}

enum Known {
    Fresh(Arc<Finding>),
    Flight(Flight),
    Full,
}

impl Errand {
    fn new(account: &str, link: &str, purpose: &Purpose<'_>) -> Self {
        let max_bytes = limits::max_bytes(purpose);
        let max_redirects = if purpose.no_redirects { 0 } else { MAX_REDIRECTS };
        let digest = Sha256::new()
            .chain_update(max_bytes.to_be_bytes())
            .chain_update([max_redirects])
            .chain_update((account.len() as u64).to_be_bytes())
            .chain_update(account)
            .chain_update(link)
            .finalize();
        let (account, link) = (account.to_owned(), link.to_owned());
        Self { key: digest.into(), account, link, max_bytes, max_redirects, known: None }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_or_flight(self: &Arc<Self>, mut errand: Errand) -> Known {
        let mut state = self.state();
        if let Some(entry) = state.findings.fetch(&errand.key) {
            if Instant::now() < entry.fresh_until {
                return Known::Fresh(Arc::clone(&entry.finding));
            }
            errand.known = Some(entry.clone());
        }
        if let Some(flight) = state.flights.get(&errand.key) {
            return Known::Flight(flight.clone());
        }
        if !state.shares.take(&errand.account) {
            return Known::Full;
        }
        let key = errand.key;
        let flight = self.depart(errand);
        state.flights.insert(key, flight.clone());
        Known::Flight(flight)
    }

    /// Starts the fetch in a task of its own, so that it outlives a caller who stops waiting.
    fn depart(self: &Arc<Self>, errand: Errand) -> Flight {
        let (tell, told) = oneshot::channel();
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            let mut landing =
                Landing { inner: &inner, key: errand.key, account: errand.account.clone(), entry: None };
            let (finding, entry) = inner.run(errand).await;
            landing.entry = entry;
            drop(landing);
            // Nobody listens if all callers are gone.
            let _ = tell.send(finding);
        });
        told.map(Result::ok).boxed().shared()
    }

    fn land(&self, key: Key, account: &str, entry: Option<Entry>) {
        let mut state = self.state();
        state.flights.remove(&key);
        state.shares.give_back(account);
        match entry {
            Some(entry) => state.findings.insert(key, entry),
            None => state.findings.remove(&key),
        }
    }

    async fn run(&self, errand: Errand) -> (Arc<Finding>, Option<Entry>) {
        match self.fetcher.in_turn(&errand.account, self.fetch_and_probe(&errand)).await {
            Ok(Looked::At(facts, head)) => self.keep(Finding::File(facts), head),
            Ok(Looked::Unchanged(caching)) => self.keep_on(errand.known, caching),
            Err(error) => self.keep_failure(error),
        }
    }

    async fn fetch_and_probe(&self, errand: &Errand) -> Result<Looked, FetchError> {
        let spool = self.settings.spool.clone();
        let file = blocking(move || tempfile::tempfile_in(spool)).await?;
        let spare = file.try_clone().map_err(|error| FetchError::Sink(error.kind()))?;
        let mut sink = tokio::fs::File::from_std(file);
        let validators = errand.known.as_ref().map(|entry| &entry.validators).filter(|kept| !kept.is_empty());
        let (max_bytes, max_redirects) = (errand.max_bytes, errand.max_redirects);
        let (account, link) = (errand.account.as_str(), errand.link.as_str());
        let order = Order { account, link, max_bytes, max_redirects, validators };
        let (size, head) = match self.fetcher.fetch_now(order, &mut sink).await? {
            Fetched::Whole { bytes, head } => (Size::Exactly(bytes), head),
            Fetched::Larger(head) => (Size::MoreThan(max_bytes), head),
            Fetched::Unchanged(caching) => return Ok(Looked::Unchanged(caching)),
        };
        tokio::io::AsyncWriteExt::flush(&mut sink).await.map_err(|error| FetchError::Sink(error.kind()))?;
        let format = match size {
            Size::Exactly(_) => blocking(move || probe(spare)).await?,
            Size::MoreThan(_) => Format::Unknown,
        };
        let declared = head.content_type.as_deref().and_then(normal_type);
        Ok(Looked::At(Facts { size, declared, format }, head))
    }

    fn keep(&self, finding: Finding, head: Head) -> (Arc<Finding>, Option<Entry>) {
        let finding = Arc::new(finding);
        let Head { validators, caching, .. } = head;
        let entry = self.entry(Arc::clone(&finding), validators, caching);
        (finding, entry)
    }

    fn keep_on(&self, known: Option<Entry>, caching: Caching) -> (Arc<Finding>, Option<Entry>) {
        let Some(known) = known else { return self.keep_failure(FetchError::Broken) };
        // What an answer without a body does not repeat still holds.
        let caching = if caching == Caching::default() { known.caching } else { caching };
        let entry = self.entry(Arc::clone(&known.finding), known.validators, caching);
        (known.finding, entry)
    }

    fn keep_failure(&self, error: FetchError) -> (Arc<Finding>, Option<Entry>) {
        // Neither says anything of the link.
        let ours = matches!(error, FetchError::Sink(_) | FetchError::NoTurn);
        let finding = Arc::new(Finding::Failed(error));
        let caching = Caching { max_age: Some(self.settings.fresh_failure), no_store: ours, no_cache: false };
        let entry = self.entry(Arc::clone(&finding), Validators::default(), caching);
        (finding, entry)
    }

    /// What to keep of a finding, if anything.
    fn entry(&self, finding: Arc<Finding>, validators: Validators, caching: Caching) -> Option<Entry> {
        let fresh = match caching {
            Caching { no_cache: true, .. } => Duration::ZERO,
            Caching { max_age, .. } => max_age.unwrap_or(self.settings.fresh),
        };
        let useless = caching.no_store || (fresh.is_zero() && validators.is_empty());
        (!useless).then(|| Entry { finding, validators, caching, fresh_until: Instant::now() + fresh })
    }
}

enum Looked {
    At(Facts, Head),
    Unchanged(Caching),
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FetchError> {
    let outcome = spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    outcome.map_err(|error| FetchError::Sink(error.kind()))
}

fn judged(facts: &Facts, purpose: &Purpose<'_>) -> Verdict {
    let violations = limits::judge(facts, purpose);
    let Some(first) = violations.first() else { return Verdict::Ok };
    let texts: Vec<&str> = violations.iter().map(|violation| &*violation.text).collect();
    Verdict::Violation(first.cause, texts.join("; ").into())
}

fn failed(error: &FetchError, policy: CheckPolicy) -> Verdict {
    let text = error.to_string().into();
    if error.is_definite() {
        Verdict::Violation(Cause::MediaUnreachable, text)
    } else {
        unverified(text, policy)
    }
}

fn unverified(text: Cow<'static, str>, policy: CheckPolicy) -> Verdict {
    match policy {
        CheckPolicy::Strict => Verdict::Violation(Cause::MediaUnreachable, text),
        CheckPolicy::Lenient | CheckPolicy::Off => Verdict::Unverified(text),
    }
}
