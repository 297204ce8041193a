//! Takes what networks tell, finds the messages meant, and answers once it is stored.

use std::sync::Arc;

use connectors::{BoxFuture, NotStored, Sink};
use engine::Event;
use model::{Inbound, NetworkEvent, Receipt, RouteName, Span, network::Subject};
use store::{Change, NewCallback, Part, Remembered};
use tokio::{sync::oneshot, time::Instant};

use crate::{callbacks, clock, core::Core};

/// How long a network waits while its receipt waits for the answer to the submission.
const ORPHAN_PATIENCE: Span = Span::from_secs(2);
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
            self.0.metrics.told(route, &events);
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
    let mut stored = Vec::new();
    let mut unknown = Vec::new();
    let parts = look_up(core, route, receipts.iter().map(|(upstream, _)| upstream)).await?;
    for ((upstream, receipt), part) in receipts.into_iter().zip(parts) {
        match part {
            Some(part) => stored.push(hand_on(core, part, receipt).await),
            None => unknown.push((core.orphans.expect(route, upstream)?, receipt)),
        }
    }
    // An answer recorded from here on finds them; one recorded meanwhile is found by this look.
    let deadline = Instant::now() + ORPHAN_PATIENCE.to_std();
    let parts = look_up(core, route, unknown.iter().map(|(orphan, _)| orphan.upstream())).await?;
    for ((orphan, receipt), part) in unknown.into_iter().zip(parts) {
        let part = match part {
            Some(part) => Some(part),
            None => orphan.part(core, deadline).await?,
        };
        match part {
            Some(part) => stored.push(hand_on(core, part, receipt).await),
            None => {
                core.metrics.unmatched(route);
                tracing::warn!(%route, "a receipt for an unknown message was dropped");
            }
        }
    }
    Ok(stored)
}

/// The attempts and parts of these ids, as far as their answers came.
pub(super) async fn look_up(
    core: &Core,
    route: &RouteName,
    ids: impl Iterator<Item = &String>,
) -> Result<Vec<Option<Part>>, NotStored> {
    let ids: Vec<&String> = ids.collect();
    let mut parts = core.orphans.recent(route, &ids);
    let unknown = ids.iter().zip(&parts).filter(|(_, part)| part.is_none());
    let unknown: Vec<String> = unknown.map(|(id, _)| (*id).clone()).collect();
    if unknown.is_empty() {
        return Ok(parts);
    }
    let stored = core.store.by_upstream(route.clone(), unknown).await.map_err(|_| NotStored)?;
    let gaps = parts.iter_mut().filter(|part| part.is_none());
    gaps.zip(stored).for_each(|(gap, part)| *gap = part);
    Ok(parts)
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
