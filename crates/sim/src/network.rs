//! Networks: what they do with what they are handed, and what they tell afterwards.

use std::sync::{Arc, PoisonError};

use connectors::{BoxFuture, Capabilities, Connector, Health, Parcel, Submitted};
use courant::clock;
use engine::Event;
use model::{
    AttemptId, Cause, Channel, Content, Fault, NetworkEvent, Receipt, ReceiptStatus, Span, Time,
    network::Subject,
};
use store::Happening;

use crate::world::{Errand, Fate, Handed, Inner, Tale, World};

/// The client of a simulated network.
pub struct SimNetwork {
    world: World,
    index: usize,
    channel: Channel,
    capabilities: Capabilities,
}

/// How a hand-over goes, as decided when it begins.
struct Exchange {
    there: Span,
    back: Span,
    answer: Result<Submitted, Fault>,
}

impl SimNetwork {
    /// The client of the network at this index.
    #[must_use]
    pub fn new(world: World, index: usize) -> Arc<Self> {
        let network = world.lock().profile.networks[index].clone();
        Arc::new(Self { world, index, channel: network.channel, capabilities: network.capabilities })
    }

    fn begin(&self, attempt: AttemptId) -> Exchange {
        self.check_intent(attempt);
        let mut inner = self.world.lock();
        let exchange = inner.begin(self.index, attempt);
        drop(inner);
        self.world.bell.notify_one();
        exchange
    }

    /// Nothing is handed over without a stored intent.
    fn check_intent(&self, attempt: AttemptId) {
        let taken = {
            let tables = self.world.disk.lock().unwrap_or_else(PoisonError::into_inner);
            let row = tables.row(attempt.message);
            row.is_some_and(|row| {
                let is_taken = |what: &Happening| *what == Happening::Event(Event::Taken { attempt });
                row.history.iter().any(|entry| is_taken(&entry.what))
            })
        };
        let mut inner = self.world.lock();
        if !taken {
            inner.fail(|| format!("{attempt} is handed over without a stored intent"));
        }
        if inner.doomed.contains(&attempt) {
            inner.fail(|| format!("{attempt} is handed over, settled by the commit that took it"));
        }
        if inner.by_attempt.contains_key(&attempt) {
            inner.fail(|| format!("{attempt} is handed over twice"));
        }
    }
}

impl Inner {
    fn begin(&mut self, index: usize, attempt: AttemptId) -> Exchange {
        let fate = self.fate(index);
        let network = &self.profile.networks[index];
        let (slowest, parts) = (if self.faults { network.answer_ms } else { 30 }, network.parts);
        let there = self.dice.millis(1, slowest.min(9_000) / 2);
        let back = self.dice.millis(1, slowest);
        let upstream: Vec<String> =
            (0..self.dice.between(1, parts)).map(|part| format!("{attempt}/{part}")).collect();
        let answer = match fate {
            Fate::Takes => Ok(Submitted { upstream: upstream.clone() }),
            Fate::Refuses(cause) => Err(self.refusal(cause)),
            Fate::TakesSilently | Fate::Misses => Err(Fault::new(Cause::OutcomeUnknown)),
        };
        let now = clock::now();
        self.note(|| format!("{attempt} to network {index}: {fate:?}, {there:?} there and {back:?} back"));
        self.by_attempt.insert(attempt, self.handed.len());
        self.handed.push(Handed {
            attempt,
            network: index,
            at: now,
            fate,
            taken: false,
            recalled: false,
            failed: false,
            upstream,
            confirmed: Vec::new(),
        });
        if matches!(fate, Fate::Takes | Fate::TakesSilently) {
            self.plan(now + there, Errand::Arrive(attempt));
        }
        Exchange { there, back, answer }
    }

    fn fate(&mut self, index: usize) -> Fate {
        let (refuses, loses) = (self.profile.networks[index].refuses, self.profile.networks[index].loses);
        if self.fault(refuses) {
            let cause = self.dice.pick(Cause::ALL);
            return if cause == Cause::OutcomeUnknown { Fate::Misses } else { Fate::Refuses(cause) };
        }
        if self.fault(loses) {
            return if self.dice.permille(500) { Fate::TakesSilently } else { Fate::Misses };
        }
        Fate::Takes
    }

    fn refusal(&mut self, cause: Cause) -> Fault {
        let fault = Fault::new(cause).with_network("17", "no");
        if self.dice.permille(200) { fault.with_retry_after(self.dice.millis(100, 8000)) } else { fault }
    }

    /// The network has the attempt now; what it tells of it is decided.
    pub fn arrive(&mut self, attempt: AttemptId) {
        let Some(handed) = self.handed_mut(attempt) else { return };
        handed.taken = true;
        let (index, upstream) = (handed.network, handed.upstream.clone());
        let network = self.profile.networks[index].clone();
        self.note(|| format!("{attempt} arrived"));
        if !network.capabilities.reports_delivery || self.fault(network.silent) {
            return;
        }
        let failed = self.fault(network.fails).then(|| self.dice.pick(Cause::ALL));
        for upstream in upstream {
            self.tell_of_part(index, attempt, &upstream, failed);
        }
    }

    fn tell_of_part(&mut self, index: usize, attempt: AttemptId, upstream: &str, failed: Option<Cause>) {
        let end = failed.map_or(ReceiptStatus::Delivered, ReceiptStatus::Failed);
        let mut news = vec![end];
        if self.dice.permille(300) {
            news.insert(0, ReceiptStatus::Sent);
        }
        if failed.is_none() && self.dice.permille(300) {
            news.push(ReceiptStatus::Read);
        }
        for status in news {
            let at = clock::now() + self.news_delay(index);
            let tale = self.tale(index, attempt, upstream, status);
            let repeats = self.profile.networks[index].repeats;
            if self.fault(repeats) {
                let again = at + self.dice.millis(0, 20_000);
                self.plan(again, Errand::Tell(Box::new(tale.clone())));
            }
            self.plan(at, Errand::Tell(Box::new(tale)));
        }
    }

    fn news_delay(&mut self, index: usize) -> Span {
        let (early, late) = (self.profile.networks[index].early, self.profile.networks[index].late);
        if self.fault(early) {
            Span::from_millis(1)
        } else if self.fault(late) {
            self.dice.millis(5_000, 180_000)
        } else {
            self.dice.millis(1, 6_000)
        }
    }

    fn tale(&mut self, network: usize, attempt: AttemptId, upstream: &str, status: ReceiptStatus) -> Tale {
        let refers = self.profile.networks[network].refers;
        let subject = Subject {
            attempt: refers.then_some(attempt),
            upstream: (!refers || self.dice.permille(500)).then(|| upstream.to_owned()),
        };
        let at = self.dice.permille(500).then(|| Time(clock::now().0 - 10_000_000));
        let receipt = Receipt { status, at, network: None };
        Tale { network, event: NetworkEvent::Receipt { subject, receipt }, about: Some((attempt, status)) }
    }

    /// Whether the network takes an attempt back.
    fn recall(&mut self, attempt: AttemptId) -> bool {
        let agrees = self.dice.permille(500);
        let Some(handed) = self.handed_mut(attempt).filter(|handed| handed.taken && agrees) else {
            return false;
        };
        // What was delivered or has failed cannot be taken back; what is decided is on the agenda.
        if handed.failed || !handed.confirmed.is_empty() {
            return false;
        }
        handed.recalled = true;
        let of_it = |errand: &Errand| matches!(errand, Errand::Tell(tale) if tale.about.is_some_and(|about| about.0 == attempt));
        self.agenda.retain(|_, errand| !of_it(errand));
        self.note(|| format!("{attempt} is recalled"));
        true
    }
}

impl Connector for SimNetwork {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check(&self, _: &Content) -> Result<(), Fault> {
        Ok(())
    }

    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Submitted, Fault>> {
        Box::pin(async move {
            let exchange = self.begin(parcel.attempt);
            tokio::time::sleep((exchange.there + exchange.back).to_std()).await;
            exchange.answer
        })
    }

    fn recall<'a>(&'a self, attempt: AttemptId, _: &'a [String], _: &'a Parcel) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let (there, back) = {
                let mut inner = self.world.lock();
                (inner.dice.millis(1, 500), inner.dice.millis(1, 500))
            };
            tokio::time::sleep(there.to_std()).await;
            let done = self.world.lock().recall(attempt);
            tokio::time::sleep(back.to_std()).await;
            done
        })
    }

    fn health(&self) -> Health {
        Health { up: true, text: "simulated".to_owned(), last_error: None }
    }
}
