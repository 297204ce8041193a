//! Takes what networks tell, finds the messages meant, and answers once it is stored.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use connectors::{BoxFuture, NotStored, Sink};
use engine::Event;
use model::{AttemptId, Inbound, NetworkEvent, Receipt, RouteName, Span, Time, network::Subject};
use store::{Change, NewCallback, Part, Remembered};
use tokio::sync::oneshot;

use crate::{callbacks, clock, core::Core};

/// How long a receipt waits for the answer to its submission.
const ORPHAN_LIFE: Span = Span::from_mins(10);
/// Most waiting receipts; beyond, the oldest are dropped (and said so in the log).
const MAX_ORPHANS: usize = 100_000;
/// How long an inbound message is known, so that a repetition is not told twice.
const INBOUND_MEMORY: Span = Span::from_hours(7 * 24);

/// The desk as networks see it.
pub struct Desk(pub Arc<Core>);

impl Sink for Desk {
    fn deliver<'a>(
        &'a self,
        route: &'a RouteName,
        events: Vec<NetworkEvent>,
    ) -> BoxFuture<'a, Result<(), NotStored>> {
        Box::pin(async move {
            self.0.metrics.told(route, events.len());
            deliver(&self.0, route, events).await
        })
    }
}

async fn deliver(core: &Arc<Core>, route: &RouteName, events: Vec<NetworkEvent>) -> Result<(), NotStored> {
    let mut stored = Vec::with_capacity(events.len());
    let mut nameless = Vec::new();
    for event in events {
        match event {
            NetworkEvent::Receipt { subject: Subject { attempt: Some(attempt), .. }, receipt } => {
                stored.push(hand_on(core, Part { attempt, part: 0 }, receipt).await);
            }
            NetworkEvent::Receipt {
                subject: Subject { attempt: None, upstream: Some(upstream) },
                receipt,
            } => {
                nameless.push((upstream, receipt));
            }
            NetworkEvent::Receipt { subject: Subject { attempt: None, upstream: None }, .. } => {
                tracing::warn!(%route, "a receipt names nothing");
            }
            NetworkEvent::Inbound(inbound) => take_inbound(core, &inbound).await?,
            NetworkEvent::MarketingPreference { stopped, .. } => {
                tracing::info!(%route, stopped, "a recipient changed the marketing preference");
            }
        }
    }
    stored.extend(match_upstream(core, route, nameless).await?);
    for done in stored {
        if !matches!(done.await, Ok(Ok(()))) {
            return Err(NotStored);
        }
    }
    Ok(())
}

type Stored = oneshot::Receiver<Result<(), store::StoreError>>;

async fn hand_on(core: &Core, part: Part, receipt: Receipt) -> Stored {
    let event = Event::Received { attempt: part.attempt, part: part.part, receipt };
    core.shards.event_stored(part.attempt.message, event).await
}

/// Finds the attempts of receipts that carry only the network's id. What is not found yet waits:
/// networks tell of a message before they have answered its submission.
async fn match_upstream(
    core: &Core,
    route: &RouteName,
    receipts: Vec<(String, Receipt)>,
) -> Result<Vec<Stored>, NotStored> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    // First put all aside, then look: an answer recorded in between finds them, or we find it.
    let now = clock::now();
    core.orphans.put(route, &receipts, now);
    let ids = receipts.iter().map(|(upstream, _)| upstream.clone()).collect();
    let parts = core.store.by_upstream(route.clone(), ids).await.map_err(|_| NotStored)?;
    let mut stored = Vec::new();
    for ((upstream, _), part) in receipts.iter().zip(parts) {
        let Some(part) = part else { continue };
        for receipt in core.orphans.take(route, upstream) {
            stored.push(hand_on(core, part, receipt).await);
        }
    }
    Ok(stored)
}

/// Receipts waiting for the answer to their submission.
#[derive(Debug, Default)]
pub struct Orphans {
    inner: Mutex<OrphanBook>,
}

#[derive(Debug, Default)]
struct OrphanBook {
    by_id: HashMap<(RouteName, String), Vec<Receipt>>,
    order: VecDeque<(Time, (RouteName, String))>,
}

impl Orphans {
    fn put(&self, route: &RouteName, receipts: &[(String, Receipt)], now: Time) {
        let mut book = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for (upstream, receipt) in receipts {
            let key = (route.clone(), upstream.clone());
            book.by_id.entry(key.clone()).or_default().push(receipt.clone());
            book.order.push_back((now + ORPHAN_LIFE, key));
        }
        book.forget_old(now);
    }

    fn take(&self, route: &RouteName, upstream: &str) -> Vec<Receipt> {
        let mut book = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        book.by_id.remove(&(route.clone(), upstream.to_owned())).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).by_id.is_empty()
    }

    /// Hands on the receipts that came before their submission was recorded.
    pub async fn settle(&self, core: &Core, route: &RouteName, attempt: AttemptId) {
        if self.is_empty() {
            return;
        }
        // The record is saved before this looks, so the order of events is right.
        let stored = core.shards.event_stored(attempt.message, Event::Woken).await;
        if !matches!(stored.await, Ok(Ok(()))) {
            return;
        }
        let Ok(mut records) = core.store.load(vec![attempt.message]).await else { return };
        let Some(record) = records.pop().flatten() else { return };
        for (upstream, part) in record.state.upstream(attempt.step, attempt.attempt).iter().zip(0_u8..) {
            for receipt in self.take(route, upstream) {
                // Nobody waits for these: the network was answered when they were put aside.
                core.shards.event(attempt.message, Event::Received { attempt, part, receipt }).await;
            }
        }
    }
}

impl OrphanBook {
    fn forget_old(&mut self, now: Time) {
        while self.order.front().is_some_and(|(until, _)| *until < now) || self.order.len() > MAX_ORPHANS {
            let Some((_, key)) = self.order.pop_front() else { return };
            if self.by_id.remove(&key).is_some() {
                tracing::warn!(route = %key.0, upstream = %key.1, "a receipt for an unknown message was dropped");
            }
        }
    }
}

/// A person wrote: every dialect of the account that owns the sender may tell its caller.
async fn take_inbound(core: &Core, inbound: &Inbound) -> Result<(), NotStored> {
    let now = clock::now();
    for account in core.accounts.all().iter().filter(|account| callbacks::owns(account, inbound)) {
        let mut composed: Vec<(&'static str, Vec<NewCallback>)> = Vec::new();
        for dialect in dialects::ALL {
            let callbacks = callbacks::compose_inbound(account, *dialect, inbound, now);
            if !callbacks.is_empty() {
                composed.push((dialect.name(), callbacks));
            }
        }
        for (dialect, callbacks) in composed {
            let seen = Remembered {
                account: account.name.clone(),
                kind: "inbound",
                key: format!("{}/{}/{dialect}", inbound.route, inbound.upstream),
                value: Vec::new(),
                until: now + INBOUND_MEMORY,
            };
            let change = Change::Inbound { seen, dialect, callbacks };
            core.store.commit(vec![change]).await.map_err(|_| NotStored)?;
            core.outbox.notify_one();
        }
    }
    Ok(())
}
