//! What the peer tells: read, stored by the desk, and answered after that.

use std::{sync::Arc, time::Instant};

use model::{NetworkEvent, RouteName, Time, network::Subject};

use super::{
    driver::Storing,
    ids::Ids,
    inbound::{self, Key, Reassembly, Whole},
    pdu::Delivery,
    receipt,
    session::Call,
    settings::{Settings, TlvIds},
    status,
};
use crate::Sink;

/// Most deliveries that wait to be stored; beyond it nothing more is read from the link.
const MAX_WAITING: usize = 1024;

/// What all links of a route share about deliveries.
pub(super) struct Desk {
    pub(super) settings: Arc<Settings>,
    pub(super) route: RouteName,
    pub(super) ids: Arc<Ids>,
    pub(super) reassembly: Arc<Reassembly>,
    pub(super) sink: Arc<dyn Sink>,
}

impl Desk {
    /// The event of a delivery, and what to settle once it is stored; `None` if there is nothing
    /// to tell.
    fn read(&self, delivery: &Delivery, now: Instant) -> Option<(NetworkEvent, Option<Key>)> {
        if receipt::is_receipt(delivery) {
            return self.read_receipt(delivery).map(|event| (event, None));
        }
        if receipt::is_acknowledgement(delivery) {
            return None;
        }
        let whole = self.reassembly.offer(inbound::read(delivery), now)?;
        Some(self.inbound(whole))
    }

    fn read_receipt(&self, delivery: &Delivery) -> Option<NetworkEvent> {
        let raw = receipt::read(delivery);
        let upstream = match (&raw.tlv_id, &raw.text_id, self.settings.receipt_tlv_ids) {
            (Some(id), _, TlvIds::AsResponse) => self.ids.of_submit_again(id),
            (Some(id), _, TlvIds::AsText) | (None, Some(id), _) => self.ids.of_receipt(id),
            (None, None, _) => {
                tracing::warn!("receipt without an id");
                return None;
            }
        };
        let Some(receipt) = status::receipt(&raw, &self.settings) else {
            tracing::warn!("receipt without a known state");
            return None;
        };
        let subject = Subject { attempt: None, upstream: Some(upstream) };
        Some(NetworkEvent::Receipt { subject, receipt })
    }

    fn inbound(&self, mut whole: Whole) -> (NetworkEvent, Option<Key>) {
        let key = whole.key.take();
        let inbound = whole.into_inbound(&self.route, self.settings.default_charset, wall_clock());
        (NetworkEvent::Inbound(inbound), key)
    }

    /// Tells the messages whose missing parts did not come.
    pub(super) async fn sweep(&self, now: Instant) {
        let expired = self.reassembly.expired(now).into_iter().map(|whole| self.inbound(whole));
        let (events, keys): (Vec<_>, Vec<_>) = expired.unzip();
        if events.is_empty() {
            return;
        }
        let stored = self.sink.deliver(&self.route, events).await.is_ok();
        for key in keys.iter().flatten() {
            self.reassembly.settle(key, stored);
        }
    }
}

/// SMPP puts no date on messages from people; the moment they reach us has to do.
#[allow(clippy::disallowed_methods, reason = "the network gives no time and `Sink` takes none")]
fn wall_clock() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// The deliveries of one link. Those that come while others are being stored are stored together
/// afterwards.
pub(super) struct Deliveries {
    desk: Arc<Desk>,
    waiting: Batch,
    storing: Option<(Storing, Batch)>,
    answers: Vec<(Call, u32)>,
}

#[derive(Default)]
struct Batch {
    calls: Vec<Call>,
    keys: Vec<Key>,
    events: Vec<NetworkEvent>,
}

impl Deliveries {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self { desk, waiting: Batch::default(), storing: None, answers: Vec::new() }
    }

    /// Takes a delivery. What needs no storing is answered at once: parts of a message that is
    /// not whole yet too, because carriers with a small window would never send the rest.
    pub(super) fn take(&mut self, call: Call, delivery: &Delivery, now: Instant) -> Option<(Call, u32)> {
        let Some((event, key)) = self.desk.read(delivery, now) else {
            return Some((call, status::OK));
        };
        self.waiting.calls.push(call);
        self.waiting.keys.extend(key);
        self.waiting.events.push(event);
        None
    }

    /// Begins to store what waits, unless something is being stored.
    pub(super) fn begin(&mut self) {
        if self.storing.is_some() || self.waiting.calls.is_empty() {
            return;
        }
        let mut batch = std::mem::take(&mut self.waiting);
        let events = std::mem::take(&mut batch.events);
        let desk = Arc::clone(&self.desk);
        let storing = async move { desk.sink.deliver(&desk.route, events).await.is_ok() };
        self.storing = Some((Box::pin(storing), batch));
    }

    pub(super) fn is_storing(&self) -> bool {
        self.storing.is_some()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting.calls.len() >= MAX_WAITING
    }

    /// Waits until the batch is stored; the answers are then at [`Self::answers`].
    pub(super) async fn stored(&mut self) {
        let Some((storing, _)) = &mut self.storing else { return };
        let stored = storing.as_mut().await;
        let Some((_, batch)) = self.storing.take() else { return };
        for key in &batch.keys {
            self.desk.reassembly.settle(key, stored);
        }
        let status = if stored { status::OK } else { status::TEMPORARY_APP_ERROR };
        self.answers.extend(batch.calls.into_iter().map(|call| (call, status)));
    }

    /// The answers that can be given now.
    pub(super) fn answers(&mut self) -> Vec<(Call, u32)> {
        std::mem::take(&mut self.answers)
    }

    /// The link is gone: lets storing that is under way finish, and drops the rest unanswered.
    pub(super) async fn abandon(&mut self) {
        self.waiting = Batch::default();
        self.stored().await;
        self.answers.clear();
    }
}
