//! Takes what networks tell, finds the messages meant, and answers once it is stored.

use std::sync::Arc;

use connectors::{BoxFuture, NotStored, Sink};
use engine::Event;
use model::{Inbound, NetworkEvent, Receipt, RouteName, Span, network::Subject};
use store::{Change, NewCallback, Part, Remembered};
use tokio::sync::oneshot;

use crate::{callbacks, clock, core::Core};

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
    let matched = match_upstream(core, route, nameless).await?;
    for done in stored {
        if !matches!(done.await, Ok(Ok(()))) {
            return Err(NotStored);
        }
    }
    core.orphans.hand_on(core, route, matched).await
}

pub(super) type Stored = oneshot::Receiver<Result<(), store::StoreError>>;

pub(super) async fn hand_on(core: &Core, part: Part, receipt: Receipt) -> Stored {
    let event = Event::Received { attempt: part.attempt, part: part.part, receipt };
    core.shards.event_stored(part.attempt.message, event).await
}

/// Finds the attempts of receipts that carry only the network's id. What is not found yet waits:
/// networks tell of a message before they have answered its submission.
async fn match_upstream(
    core: &Arc<Core>,
    route: &RouteName,
    receipts: Vec<(String, Receipt)>,
) -> Result<Vec<(String, Part)>, NotStored> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    // First put all aside, then look: an answer recorded in between finds them, or we find it.
    let ids: Vec<String> = receipts.iter().map(|(upstream, _)| upstream.clone()).collect();
    core.orphans.put(route, receipts, clock::now());
    let parts = core.store.by_upstream(route.clone(), ids.clone()).await.map_err(|_| NotStored)?;
    let mut matched = Vec::new();
    let mut unknown = Vec::new();
    for (upstream, part) in ids.into_iter().zip(parts) {
        match part {
            Some(part) => matched.push((upstream, part)),
            None => unknown.push(upstream),
        }
    }
    // The network forgets what we acknowledge, so what still waits has to survive a crash.
    core.orphans.keep(core, route, &unknown).await.map_err(|_| NotStored)?;
    Ok(matched)
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
