//! The load generator.
//!
//! Closed loop: each connection sends its next request when the last one is answered; it shows
//! the most a system takes. Open loop: requests have a timetable, and latency counts from the
//! instant at which a request was due, whether or not the system kept up; it shows what callers
//! feel.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::{sync::Mutex, sync::mpsc, task::JoinSet};

use crate::{
    client::Client,
    ledger::{Latencies, Ledger, Place, latencies},
};

/// Failed requests after which a connection gives up.
const MAX_FAILURES: usize = 20;

/// Makes the request of a message.
pub(crate) type Request = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

/// Whom to ask, and for what.
#[derive(Clone)]
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The status of a positive answer.
    pub(crate) accepted: u16,
    /// The request of each message.
    pub(crate) request: Request,
}

/// How much to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    /// The first message.
    pub(crate) first: usize,
    /// How many messages.
    pub(crate) count: usize,
    /// Over how many connections.
    pub(crate) connections: usize,
    /// After this long no new request starts.
    pub(crate) limit: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Positive answers.
    pub(crate) accepted: u64,
    /// Other answers, and failed connections.
    pub(crate) failed: u64,
    /// An example of what was answered instead.
    pub(crate) complaint: Option<String>,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// From request (closed) or due instant (open) to answer.
    pub(crate) latencies: Latencies,
}

impl Tally {
    fn new() -> Self {
        Self { accepted: 0, failed: 0, complaint: None, took: Duration::ZERO, latencies: latencies() }
    }

    fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.failed += other.failed;
        self.complaint = self.complaint.take().or(other.complaint);
        self.latencies.add(other.latencies).expect("the same bounds");
    }

    fn fail(&mut self, text: String) {
        self.failed += 1;
        self.complaint.get_or_insert(text);
    }

    /// Positive answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64()
    }

    /// The same tally, if every request was answered positively.
    ///
    /// # Errors
    /// With an example of another answer.
    pub(crate) fn clean(self) -> Result<Self> {
        match &self.complaint {
            None => Ok(self),
            Some(text) => bail!("{} of {} requests failed: {text}", self.failed, self.failed + self.accepted),
        }
    }
}

/// Runs the closed loop.
pub(crate) async fn closed(target: &Target, amount: Amount, ledger: &Arc<Ledger>) -> Tally {
    let next = Arc::new(AtomicUsize::new(amount.first));
    let began = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..amount.connections {
        let (target, ledger, next) = (target.clone(), Arc::clone(ledger), Arc::clone(&next));
        connections.spawn(async move {
            let mut sender = Sender::new(target, ledger);
            while began.elapsed() < amount.limit && !sender.gives_up() {
                let message = next.fetch_add(1, Relaxed);
                if message >= amount.first + amount.count {
                    break;
                }
                sender.send(message, Instant::now()).await;
            }
            sender.tally
        });
    }
    gather(connections, began).await
}

/// Runs the open loop at `rate` messages per second.
pub(crate) async fn open(target: &Target, amount: Amount, rate: f64, ledger: &Arc<Ledger>) -> Tally {
    let began = Instant::now();
    let due = Arc::new(Mutex::new(timetable(began, amount, rate)));
    let mut connections = JoinSet::new();
    for _ in 0..amount.connections {
        let (target, ledger, due) = (target.clone(), Arc::clone(ledger), Arc::clone(&due));
        connections.spawn(async move {
            let mut sender = Sender::new(target, ledger);
            while !sender.gives_up() {
                let Some((message, at)) = due.lock().await.recv().await else { break };
                sender.send(message, at).await;
            }
            sender.tally
        });
    }
    gather(connections, began).await
}

/// Tells messages when they are due. A thread of its own, because the runtime's timers are only
/// exact to a millisecond; the channel holds the whole timetable, so that it never waits.
pub(crate) fn timetable(began: Instant, amount: Amount, rate: f64) -> mpsc::Receiver<(usize, Instant)> {
    let (tell, due) = mpsc::channel(amount.count.max(1));
    let pace = move || {
        for index in 0..amount.count {
            let at = began + Duration::from_secs_f64(index as f64 / rate);
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if began.elapsed() > amount.limit || tell.try_send((amount.first + index, at)).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new().name("timetable".into()).spawn(pace).expect("a thread can be started");
    due
}

async fn gather(mut connections: JoinSet<Tally>, began: Instant) -> Tally {
    let mut total = Tally::new();
    while let Some(tally) = connections.join_next().await {
        total.add(tally.expect("connections do not panic"));
    }
    total.took = began.elapsed();
    total
}

struct Sender {
    client: Client,
    target: Target,
    ledger: Arc<Ledger>,
    tally: Tally,
}

impl Sender {
    fn new(target: Target, ledger: Arc<Ledger>) -> Self {
        Self { client: Client::new(target.address), target, ledger, tally: Tally::new() }
    }

    fn gives_up(&self) -> bool {
        self.tally.failed >= MAX_FAILURES as u64
    }

    async fn send(&mut self, message: usize, due: Instant) {
        self.ledger.mark_at(Place::Intended, message, due);
        let request = (self.target.request)(message);
        match self.client.exchange(&request).await {
            Ok(answer) if answer.status == self.target.accepted => {
                self.ledger.mark(Place::Accepted, message);
                self.tally.accepted += 1;
                self.tally.latencies.saturating_record(due.elapsed().as_micros() as u64);
            }
            Ok(answer) => {
                let body = String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>();
                self.tally.fail(format!("status {}: {body}", answer.status));
            }
            Err(error) => self.tally.fail(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_timetable_names_each_message_at_its_instant() {
        let began = Instant::now();
        let amount = Amount { first: 5, count: 3, connections: 1, limit: Duration::from_secs(9) };
        let mut due = timetable(began, amount, 1000.0);
        let mut told = Vec::new();
        while let Some((message, at)) = due.recv().await {
            told.push((message, at.duration_since(began).as_millis()));
        }
        assert_eq!(told, [(5, 0), (6, 1), (7, 2)]);
    }
}
