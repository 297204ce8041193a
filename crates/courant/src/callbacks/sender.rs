//! Delivers callbacks from the outbox: at least once, in order per message and address, retried
//! by the dialect's own schedule, parked afterwards.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use engine::callback::{Outcome, Schedule, Success, Verdict};
use media::guard::{Guard, Policy};
use model::{Span, Time};
use store::{CallbackResult, CallbackStanding, Change, StoredCallback};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::Letter;
use crate::{clock, core::Core};

/// Callbacks read from the outbox at a time.
const PAGE: usize = 512;
/// Results saved together at most.
const RESULTS: usize = 512;
/// Longest sleep; new callbacks ring earlier.
const IDLE: Span = Span::from_secs(30);
/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;

/// Delivers until `stop`.
pub struct Sender {
    core: Arc<Core>,
    guard: Guard,
    client: reqwest::Client,
    places: Arc<Semaphore>,
    in_flight: Mutex<Flight>,
    landed: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Flight {
    ids: HashSet<i64>,
    per_host: HashMap<String, usize>,
}

impl Sender {
    /// A sender with the guard and bounds of the configuration.
    ///
    /// # Errors
    /// If the HTTP client cannot be made.
    pub fn new(core: Arc<Core>) -> Result<Arc<Self>, String> {
        let settings = &core.config.callbacks;
        let guard = Guard::new(Policy { allow: settings.allow.clone(), ..Policy::default() });
        let client = guard
            .client()
            .connect_timeout(Span::from_secs(5).to_std())
            .pool_max_idle_per_host(settings.concurrency_per_host)
            .user_agent(concat!("courant/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        let places = Arc::new(Semaphore::new(settings.concurrency.max(1)));
        let (in_flight, landed) = (Mutex::default(), tokio::sync::Notify::new());
        Ok(Arc::new(Self { guard, client, places, in_flight, landed, core }))
    }

    /// Delivers until `stop`; then waits for what is in flight.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let (results, saved) = mpsc::channel(4096);
        let saver = tokio::spawn(save_results(Arc::clone(&self), saved));
        loop {
            let started = self.start_due(&results).await;
            let next = if started {
                Some(clock::now())
            } else {
                self.core.store.next_callback_at().await.ok().flatten()
            };
            let nap = self.nap(next, started);
            tokio::select! {
                () = tokio::time::sleep(nap.to_std()) => {}
                () = self.core.outbox.notified() => {}
                () = self.landed.notified() => {}
                () = stop.cancelled() => break,
            }
        }
        drop(results);
        let _ = saver.await;
    }

    fn nap(&self, next: Option<Time>, started: bool) -> Span {
        if started {
            return Span::from_millis(1);
        }
        // What is due but in flight (or its host is busy) rings when it has landed.
        let until = next.map_or(IDLE, |next| next.since(clock::now()));
        if until == Span::ZERO {
            Span::from_secs(1)
        } else if until > IDLE {
            IDLE
        } else {
            until
        }
    }

    /// Starts what is due and has a place; whether anything was started.
    async fn start_due(self: &Arc<Self>, results: &mpsc::Sender<CallbackResult>) -> bool {
        let flying = self.flight(|flight| flight.ids.len());
        let due = match self.core.store.callbacks_due(clock::now(), PAGE + flying).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the outbox could not be read");
                return false;
            }
        };
        let mut started = false;
        for callback in due {
            started |= self.start(callback, results);
        }
        started
    }

    fn start(self: &Arc<Self>, callback: StoredCallback, results: &mpsc::Sender<CallbackResult>) -> bool {
        let host = host_of(&callback.url);
        let most = self.core.config.callbacks.concurrency_per_host;
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return false };
        if !self.flight(|flight| flight.board(callback.id, &host, most)) {
            return false;
        }
        let (sender, results) = (Arc::clone(self), results.clone());
        tokio::spawn(async move {
            let result = sender.deliver(&callback).await;
            drop(place);
            // The id leaves the flight only when its result is saved.
            let _ = results.send(result).await;
            sender.flight(|flight| flight.leave_host(&host));
        });
        true
    }

    fn flight<T>(&self, with: impl FnOnce(&mut Flight) -> T) -> T {
        with(&mut self.in_flight.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn deliver(&self, callback: &StoredCallback) -> CallbackResult {
        let (timeout, schedule) = self.policy(callback);
        let began = clock::now();
        let letter: Option<Letter> = serde_json::from_slice(&callback.request).ok();
        let only_one = letter.as_ref().is_some_and(|letter| letter.no_retry);
        let outcome = match letter {
            Some(letter) => self.post(&callback.url, letter, timeout).await,
            None => Outcome::Forbidden,
        };
        let at = clock::now();
        let verdict = schedule.verdict(at, callback.tries, only_one, outcome);
        self.core.metrics.called_back(&callback.dialect, verdict == Verdict::Done, at.since(began));
        result(callback.id, at, verdict)
    }

    fn policy(&self, callback: &StoredCallback) -> (Span, Schedule) {
        match (self.core.accounts.by_name(&callback.account), dialects::by_name(&callback.dialect)) {
            (Some(account), Some(dialect)) => {
                let policy = dialect.retry_policy(&account.settings);
                let success = match policy.success {
                    dialects::Success::Ok => Success::Ok,
                    dialects::Success::TwoHundreds => Success::TwoHundreds,
                };
                let final_statuses = policy.final_statuses;
                (policy.timeout, Schedule { delays: policy.delays, success, final_statuses })
            }
            (_, _) => {
                let schedule = Schedule {
                    delays: Vec::new(),
                    success: Success::TwoHundreds,
                    final_statuses: Vec::new(),
                };
                (Span::from_secs(10), schedule)
            }
        }
    }

    async fn post(&self, url: &str, letter: Letter, timeout: Span) -> Outcome {
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

fn result(id: i64, at: Time, verdict: Verdict) -> CallbackResult {
    let (standing, due_at, result) = match verdict {
        Verdict::Done => (CallbackStanding::Done, at, "delivered".to_owned()),
        Verdict::Retry { at, reason } => (CallbackStanding::Pending, at, reason),
        Verdict::Park { reason } => (CallbackStanding::Parked, at, reason),
    };
    CallbackResult { id, at, standing, due_at, result }
}

async fn save_results(sender: Arc<Sender>, mut results: mpsc::Receiver<CallbackResult>) {
    let mut batch = Vec::with_capacity(RESULTS);
    while results.recv_many(&mut batch, RESULTS).await > 0 {
        let ids: Vec<i64> = batch.iter().map(|result| result.id).collect();
        let changes: Vec<Change> = batch.drain(..).map(Change::Callback).collect();
        while let Err(error) = sender.core.store.commit(changes.clone()).await {
            if matches!(error, store::StoreError::Closed) {
                return;
            }
            tracing::warn!(%error, "results of callbacks were not saved; trying again");
            tokio::time::sleep(Span::from_millis(200).to_std()).await;
        }
        sender.flight(|flight| {
            for id in &ids {
                flight.ids.remove(id);
            }
        });
        sender.landed.notify_one();
    }
}

impl Flight {
    /// Takes a callback on board, unless it is, or its host has too many.
    fn board(&mut self, id: i64, host: &str, most: usize) -> bool {
        if self.ids.contains(&id) || self.per_host.get(host).is_some_and(|count| *count >= most) {
            return false;
        }
        self.ids.insert(id);
        *self.per_host.entry(host.to_owned()).or_default() += 1;
        true
    }

    fn leave_host(&mut self, host: &str) {
        if let Some(count) = self.per_host.get_mut(host) {
            *count -= 1;
            if *count == 0 {
                self.per_host.remove(host);
            }
        }
    }
}

fn host_of(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}
