//! Delivers callbacks from the outbox: at least once, in order per message and address, retried
//! by the dialect's own schedule, parked afterwards.
//!
//! Most callbacks are delivered as soon as they are stored, without a look into the outbox: the
//! store tells of those that a commit made due. Those without a place wait in memory, as far as
//! there is room. The outbox is looked into when that was not all, when there was no room, and
//! when a retry is due.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use engine::callback::{Outcome, Schedule, Success, Verdict};
use model::{AccountName, Span, Time};
use store::{CallbackResult, CallbackStanding, Change, StoredCallback};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Letter, post::Post, tries, waiting::Waiting};
use crate::{clock, core::Core};

/// Callbacks read from the outbox at a time, beyond those that are known.
const PAGE: usize = 2048;
/// Callbacks of one receiver whose account has no place that are passed over, at most.
const PASSED: usize = 32;
/// Results saved together at most.
const RESULTS: usize = 512;
/// Callbacks read at a time behind the earliest, while those have nowhere to go.
const FURTHER: usize = 512;
/// How often in one go.
const PAGES: usize = 4;
/// Pause between such looks.
const LOOK: Span = Span::from_millis(50);
/// Longest sleep; new callbacks ring earlier.
const IDLE: Span = Span::from_secs(30);

/// Delivers until `stop`.
pub struct Sender {
    core: Arc<Core>,
    post: Arc<dyn Post>,
    places: Arc<Semaphore>,
    in_flight: Mutex<Flight>,
    landed: tokio::sync::Notify,
}

#[derive(Debug, Default)]
struct Flight {
    ids: HashSet<i64>,
    /// Landed since the outbox was last asked: its answer may still show them as they were.
    landed: HashSet<i64>,
    per_host: HashMap<String, usize>,
    per_account: HashMap<AccountName, usize>,
    /// Those that were due and found no place.
    waiting: Waiting,
    /// One more was due than may wait here.
    left_behind: bool,
    /// The earliest retry among those that landed.
    retry_at: Option<Time>,
    /// How far the outbox was looked through, while its beginning waits for receivers that have
    /// all they may get.
    looked: Option<(Time, i64)>,
}

/// What became of a callback that was to be started.
#[expect(clippy::large_enum_variant, reason = "one at a time, and handed on at once")]
enum Start {
    Begun,
    /// It was, or has been, started before.
    Known,
    NoPlace(StoredCallback),
}

/// Whether a callback is on board now.
enum Boarding {
    Aboard,
    /// It was already.
    Known,
    /// Its host or its account has too many.
    Full,
}

impl Sender {
    /// A sender whose letters this post carries.
    #[must_use]
    pub fn new(core: Arc<Core>, post: Arc<dyn Post>) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(core.config.callbacks.concurrency.max(1)));
        let (in_flight, landed) = (Mutex::default(), tokio::sync::Notify::new());
        Arc::new(Self { post, places, in_flight, landed, core })
    }

    /// Delivers until `stop`; then waits for what is in flight.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let (results, saved) = mpsc::channel(4096);
        let saver = tokio::spawn(save_results(Arc::clone(&self), saved));
        let mut look_at = clock::now();
        loop {
            if self.start_fresh(&results) {
                look_at = look_at.min(clock::now() + self.until_look());
            }
            if look_at <= clock::now() {
                look_at = clock::now() + self.look(&results).await;
            }
            if let Some(retry_at) = self.flight(|flight| flight.retry_at.take()) {
                look_at = look_at.min(retry_at);
            }
            let nap = look_at.since(clock::now());
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep(nap.to_std()) => {}
                () = self.core.outbox.notified() => {}
                () = self.landed.notified() => {}
            }
        }
        drop(results);
        let _ = saver.await;
    }

    /// Starts what became due just now; whether the outbox must be looked into too.
    fn start_fresh(self: &Arc<Self>, results: &mpsc::Sender<CallbackResult>) -> bool {
        let mut behind = self.flight(|flight| std::mem::take(&mut flight.left_behind));
        let landed = self.flight(|flight| std::mem::take(&mut flight.landed));
        self.start_waiting(results);
        let fresh = self.core.store.fresh_callbacks();
        behind |= !fresh.complete;
        let now = clock::now();
        for callback in fresh.callbacks {
            // One that landed was found in the outbox before it was told of here.
            if landed.contains(&callback.id) {
                continue;
            }
            if callback.due_at > now {
                self.flight(|flight| flight.retry(callback.due_at));
            } else {
                self.start(callback, results);
            }
        }
        behind
    }

    /// How long the outbox need not be looked into although it has more: until those that wait
    /// here could be about to run out.
    fn until_look(&self) -> Span {
        Span::from_millis(self.flight(|flight| flight.waiting.len() as u64) / 16)
    }

    /// Starts those that waited, one receiver after the other, as far as there are places now.
    fn start_waiting(self: &Arc<Self>, results: &mpsc::Sender<CallbackResult>) {
        let hosts = self.flight(|flight| flight.waiting.hosts());
        for _ in 0..hosts {
            if self.places.available_permits() == 0 {
                return;
            }
            let Some(host) = self.flight(|flight| flight.waiting.turn()) else { return };
            self.start_line(&host, results);
        }
    }

    /// Starts those that wait for a receiver, as far as there are places.
    fn start_line(self: &Arc<Self>, host: &str, results: &mpsc::Sender<CallbackResult>) {
        let per_host = self.core.config.callbacks.concurrency_per_host;
        let mut passed = Vec::new();
        while passed.len() < PASSED && self.places.available_permits() > 0 {
            let next = self.flight(|flight| {
                let full = flight.per_host.get(host).is_some_and(|count| *count >= per_host);
                if full { None } else { flight.waiting.first(host) }
            });
            let Some(callback) = next else { break };
            if let Start::NoPlace(callback) = self.try_start(callback, host, results) {
                passed.push(callback);
            }
        }
        self.flight(|flight| passed.into_iter().for_each(|callback| flight.wait(host, callback)));
    }

    /// Looks into the outbox; how long until it should be looked into again.
    async fn look(self: &Arc<Self>, results: &mpsc::Sender<CallbackResult>) -> Span {
        if self.start_due(results).await {
            return Span::from_millis(1);
        }
        if self.flight(|flight| flight.looked.is_some()) {
            return LOOK;
        }
        let next = self.core.store.next_callback_at().await.ok().flatten();
        // What is due but in flight (or its host is busy) rings when it has landed.
        let until = next.map_or(IDLE, |next| next.since(clock::now()));
        if until == Span::ZERO { Span::from_secs(1) } else { until.min(IDLE) }
    }

    /// Starts what is due and has a place; whether anything was started.
    async fn start_due(self: &Arc<Self>, results: &mpsc::Sender<CallbackResult>) -> bool {
        let known = self.flight(|flight| flight.ids.len() + flight.waiting.len());
        let due = match self.core.store.callbacks_due(clock::now(), PAGE + known).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "the outbox could not be read");
                return false;
            }
        };
        let full = due.len() == PAGE + known;
        let started = self.start_all(due, results) > 0;
        self.flight(|flight| flight.left_behind |= full);
        if full && self.places.available_permits() > 0 {
            return self.look_further(results).await || started;
        }
        self.flight(|flight| flight.looked = None);
        started
    }

    fn start_all(
        self: &Arc<Self>,
        due: Vec<StoredCallback>,
        results: &mpsc::Sender<CallbackResult>,
    ) -> usize {
        due.into_iter().map(|callback| self.start(callback, results)).filter(|started| *started).count()
    }

    /// The earliest callbacks wait for receivers that have all they may get: looks for others
    /// behind them, a few pages at a time, from the beginning again after the end.
    async fn look_further(self: &Arc<Self>, results: &mpsc::Sender<CallbackResult>) -> bool {
        let mut started = 0;
        for _ in 0..PAGES {
            let after = self.flight(|flight| flight.looked).unwrap_or((Time(i64::MIN), 0));
            let Ok(due) = self.core.store.callbacks_due_after(clock::now(), after, FURTHER).await else {
                break;
            };
            let last = due.last().map(|callback| (callback.due_at, callback.id));
            let end = due.len() < FURTHER;
            started += self.start_all(due, results);
            let beginning = Some((Time(i64::MIN), 0));
            self.flight(|flight| flight.looked = if end { beginning } else { last });
            if end || self.places.available_permits() == 0 {
                break;
            }
        }
        started > 0
    }

    /// Starts a callback, or lets it wait; whether it was started.
    fn start(self: &Arc<Self>, callback: StoredCallback, results: &mpsc::Sender<CallbackResult>) -> bool {
        let host = host_of(&callback.url);
        match self.try_start(callback, &host, results) {
            Start::Begun => true,
            Start::Known => false,
            Start::NoPlace(callback) => {
                self.flight(|flight| flight.wait(&host, callback));
                false
            }
        }
    }

    fn try_start(
        self: &Arc<Self>,
        callback: StoredCallback,
        host: &str,
        results: &mpsc::Sender<CallbackResult>,
    ) -> Start {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Start::NoPlace(callback);
        };
        let settings = &self.core.config.callbacks;
        let bounds = (settings.concurrency_per_host, settings.concurrency.div_ceil(2));
        match self.flight(|flight| flight.board(&callback, host, bounds)) {
            Boarding::Known => return Start::Known,
            Boarding::Full => return Start::NoPlace(callback),
            Boarding::Aboard => {}
        }
        let (sender, results, host) = (Arc::clone(self), results.clone(), host.to_owned());
        self.core.metrics.callbacks_in_flight.inc();
        tokio::spawn(async move {
            let result = sender.deliver(&callback).await;
            sender.core.metrics.callbacks_in_flight.dec();
            drop(place);
            // The id leaves the flight only when its result is saved.
            let _ = results.send(result).await;
            let awaited = sender.flight(|flight| {
                flight.leave(&host, &callback.account);
                flight.waiting.len() > 0
            });
            if awaited {
                sender.landed.notify_one();
            }
        });
        Start::Begun
    }

    fn flight<T>(&self, with: impl FnOnce(&mut Flight) -> T) -> T {
        with(&mut self.in_flight.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn deliver(&self, callback: &StoredCallback) -> CallbackResult {
        let (timeout, schedule) = self.policy(callback);
        let began = clock::now();
        let mut letter = Letter::read(&callback.request);
        let parent = letter.as_ref().and_then(|letter| letter.trace);
        let trace = callback.message.and_then(|message| self.core.traces.of_id(message, parent));
        if let (Some(letter), Some(trace)) = (&mut letter, &trace) {
            let parent = trace.for_callback(callback.id, callback.tries);
            letter.headers.push(("traceparent".to_owned(), parent.to_string()));
        }
        let only_one = letter.as_ref().is_some_and(|letter| letter.no_retry);
        let outcome = match letter {
            Some(letter) => self.post.post(&callback.url, letter, timeout).await,
            None => Outcome::Forbidden,
        };
        let at = clock::now();
        let verdict = schedule.verdict(at, callback.tries, only_one, outcome);
        let age = at.since(callback.created_at);
        self.core.metrics.called_back(&callback.dialect, &verdict, at.since(began), age);
        tell(callback, &verdict);
        if let Some(trace) = trace {
            trace.called_back(callback, fault(&verdict), began, at);
        }
        result(callback, at, verdict)
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
}

/// Why a try was not confirmed.
const fn fault(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Done => None,
        Verdict::Retry { reason, .. } | Verdict::Park { reason } => Some(reason.as_str()),
    }
}

/// Tells the log of a try. Callbacks for messages from people have no message of ours.
fn tell(callback: &StoredCallback, verdict: &Verdict) {
    let message_id = callback.message.map(tracing::field::display);
    let (account, dialect, about) = (&callback.account, &callback.dialect, &callback.about);
    let tries = callback.tries + 1;
    match verdict {
        Verdict::Done => tracing::debug!(message_id, %account, %dialect, %about, tries, "called back"),
        Verdict::Retry { reason, .. } => {
            tracing::debug!(message_id, %account, %dialect, %about, tries, %reason, "a callback failed");
        }
        Verdict::Park { reason } => {
            tracing::info!(message_id, %account, %dialect, %about, tries, %reason, "a callback was given up");
        }
    }
}

fn result(callback: &StoredCallback, at: Time, verdict: Verdict) -> CallbackResult {
    let (standing, due_at, result) = match verdict {
        Verdict::Done => (CallbackStanding::Done, at, "delivered".to_owned()),
        Verdict::Retry { at, reason } => (CallbackStanding::Pending, at, reason),
        Verdict::Park { reason } => (CallbackStanding::Parked, at, reason),
    };
    let done = standing == CallbackStanding::Done;
    let result = tries::with(callback.last_result.as_deref(), at, &result, done);
    CallbackResult { id: callback.id, at, standing, due_at, result }
}

async fn save_results(sender: Arc<Sender>, mut results: mpsc::Receiver<CallbackResult>) {
    let mut batch = Vec::with_capacity(RESULTS);
    while results.recv_many(&mut batch, RESULTS).await > 0 {
        let ids: Vec<i64> = batch.iter().map(|result| result.id).collect();
        let pending = batch.iter().filter(|result| result.standing == CallbackStanding::Pending);
        let retry_at = pending.map(|result| result.due_at).min();
        let changes: Vec<Change> = batch.drain(..).map(Change::Callback).collect();
        while let Err(error) = sender.core.store.commit(changes.clone()).await {
            if matches!(error, store::StoreError::Closed) {
                return;
            }
            tracing::warn!(%error, "results of callbacks were not saved; trying again");
            tokio::time::sleep(Span::from_millis(200).to_std()).await;
        }
        sender.flight(|flight| {
            for id in ids {
                flight.ids.remove(&id);
                flight.landed.insert(id);
            }
            if let Some(at) = retry_at {
                flight.retry(at);
            }
        });
        sender.landed.notify_one();
    }
}

impl Flight {
    /// Takes a callback on board, unless it is, or its host or account has too many. An account
    /// may have half of the places: its receivers that hang leave the others to the others.
    fn board(
        &mut self,
        callback: &StoredCallback,
        host: &str,
        (per_host, per_account): (usize, usize),
    ) -> Boarding {
        if self.ids.contains(&callback.id) || self.landed.contains(&callback.id) {
            return Boarding::Known;
        }
        if self.per_host.get(host).is_some_and(|count| *count >= per_host)
            || self.per_account.get(&callback.account).is_some_and(|count| *count >= per_account)
        {
            return Boarding::Full;
        }
        self.waiting.forget(host, callback.id);
        self.ids.insert(callback.id);
        *self.per_host.entry(host.to_owned()).or_default() += 1;
        *self.per_account.entry(callback.account.clone()).or_default() += 1;
        Boarding::Aboard
    }

    /// Keeps a callback until there is a place, if there is room.
    fn wait(&mut self, host: &str, callback: StoredCallback) {
        let known = self.ids.contains(&callback.id) || self.landed.contains(&callback.id);
        if !known && !self.waiting.keep(host, callback) {
            self.left_behind = true;
        }
    }

    /// The outbox must be looked into then.
    fn retry(&mut self, at: Time) {
        self.retry_at = Some(self.retry_at.map_or(at, |earlier| earlier.min(at)));
    }

    fn leave(&mut self, host: &str, account: &AccountName) {
        one_less(&mut self.per_host, host);
        one_less(&mut self.per_account, account);
    }
}

fn one_less<K, Q>(counts: &mut HashMap<K, usize>, key: &Q)
where
    K: std::borrow::Borrow<Q> + std::hash::Hash + Eq,
    Q: std::hash::Hash + Eq + ?Sized,
{
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// The part of a URL that names its receiver: what stands between `//` and the next `/`, `?` or
/// `#`, without user name and port. Only a key for counting; the post parses and judges the URL.
fn host_of(url: &str) -> String {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let port = host.rfind(':').filter(|colon| !host[*colon..].contains(']')).unwrap_or(host.len());
    host[..port].to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn receivers_are_counted_by_their_host_however_the_url_goes_on() {
        for url in
            ["https://a.example/x?y", "https://A.example:8443", "http://u:p@a.example/", "//a.example#z"]
        {
            assert_eq!(host_of(url), "a.example", "{url}");
        }
        assert_eq!(host_of("http://[::1]:80/x"), "[::1]");
        assert_eq!(host_of("nonsense"), "nonsense");
    }
}
