//! SMS over SMPP 3.4 and 5.0, as an ESME.
//!
//! A message becomes one or more `submit_sm` ([`segment`], [`compose`], [`encode`]); a session
//! ([`session`], a state machine without sockets) holds window, pace and keep-alive; [`driver`]
//! runs it on a connection and connects again. What the carrier tells ([`receipt`], [`inbound`])
//! is stored by the desk before it is answered ([`deliveries`]).
//!
//! Receipts name a message by the carrier's id only, brought to one spelling by [`ids`]. They are
//! passed on at once, even if the submit's answer is still under way: holding them until the id
//! is known is the desk's business, because they may arrive on any node.

mod alphabet;
mod compose;
mod deliveries;
mod driver;
mod encode;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod ids;
mod inbound;
mod link;
mod pace;
mod pdu;
mod receipt;
mod segment;
mod session;
mod settings;
mod status;
mod transport;

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use model::{
    AttemptId, Cause, Channel, Content, Fault, RouteName, Span, message::Priority, network::NetworkCode,
};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

pub use self::settings::{
    BadSettings, BindMode, Charset, IdRule, InterfaceVersion, LongMessages, OnThrottle, Settings, StatusKey,
    TlvIds, TonNpi,
};
use self::{
    compose::References,
    deliveries::{Deliveries, Desk},
    driver::Driver,
    encode::Request,
    ids::Ids,
    inbound::Reassembly,
    link::{Job, Link},
    session::{Failure, Role},
    transport::Transport,
};
use crate::{BoxFuture, Capabilities, Connector, Health, Parcel, Sessions, Sink, Submitted};

/// How many segments a text takes by the usual rules of SMS, for prices: a carrier that
/// transliterates, or counts with 16-bit references, may come to another number.
#[must_use]
pub fn parts(text: &model::content::Text) -> usize {
    segment::parts(text)
}

/// How often incomplete messages from people are looked through.
const SWEEP: Duration = Duration::from_secs(1);
/// Advice after a throttled submit, and after a full queue.
const RETRY_THROTTLED: Span = Span::from_secs(1);
const RETRY_BUSY: Span = Span::from_secs(5);

/// One account at one carrier.
pub struct Smpp {
    settings: Arc<Settings>,
    route: RouteName,
    transport: Arc<Transport>,
    capabilities: Capabilities,
    links: Vec<Arc<Link>>,
    /// Taken by the first [`Connector::run`].
    jobs: Mutex<Vec<mpsc::Receiver<Job>>>,
    ids: Arc<Ids>,
    references: References,
    turn: AtomicUsize,
}

impl Smpp {
    /// A connector that is not connected until [`Connector::run`].
    ///
    /// # Errors
    /// If a setting cannot be, or the certificates cannot be read.
    pub fn new(settings: Settings, route: RouteName) -> Result<Self, BadSettings> {
        settings.check()?;
        let (links, jobs): (Vec<_>, Vec<_>) = roles(&settings).map(Link::new).unzip();
        Ok(Self {
            transport: Arc::new(Transport::new(&settings)?),
            capabilities: capabilities(&settings),
            links: links.into_iter().map(Arc::new).collect(),
            jobs: Mutex::new(jobs),
            ids: Arc::new(Ids::new(settings.receipt_ids)),
            references: References::default(),
            turn: AtomicUsize::new(0),
            settings: Arc::new(settings),
            route,
        })
    }

    async fn submit(&self, parcel: &Parcel) -> Result<Submitted, Fault> {
        let link = self.choose().ok_or_else(not_bound)?;
        let parts = compose::submits(&self.settings, &self.references, parcel, link.takes_tlvs())?;
        let answer = link.request(parts, parcel.priority, self.expiry()).await;
        let ids = answer.map_err(|failure| self.fault(&failure))?;
        let upstream = ids.iter().filter(|id| !id.is_empty()).map(|id| self.ids.of_submit(id)).collect();
        Ok(Submitted { upstream })
    }

    async fn cancel(&self, upstream: &[String], parcel: &Parcel) -> bool {
        let (Some(link), false) = (self.choose(), upstream.is_empty()) else { return false };
        let ids: Vec<String> = upstream.iter().map(|id| self.ids.as_submitted(id)).collect();
        let Ok(cancels) = compose::cancels(&self.settings, parcel, &ids) else { return false };
        // Each on its own: a refused one must not keep the others from being cancelled.
        let asked = cancels.into_iter().map(|cancel| self.cancel_part(link, cancel, parcel.priority));
        futures_util::future::join_all(asked).await.into_iter().all(|taken| taken)
    }

    async fn cancel_part(&self, link: &Link, cancel: Request, urgency: Priority) -> bool {
        link.request(vec![cancel], urgency, self.expiry()).await.is_ok()
    }

    /// The bound link with the least under way; among equals, each in turn.
    fn choose(&self) -> Option<&Link> {
        let submitting = || self.links.iter().filter(|link| link.role != Role::Receiver && link.is_bound());
        let count = submitting().count();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(count)?;
        let in_turn = submitting().skip(turn).chain(submitting().take(turn));
        in_turn.min_by_key(|link| link.load()).map(Arc::as_ref)
    }

    /// Until when a submit may wait for window and pace.
    fn expiry(&self) -> std::time::Instant {
        (Instant::now() + queue_time(&self.settings)).into_std()
    }

    fn fault(&self, failure: &Failure) -> Fault {
        match failure {
            Failure::NotWritten => not_bound(),
            Failure::Crowded => Fault::new(Cause::NetworkBusy).with_retry_after(RETRY_THROTTLED),
            Failure::Unknown => Fault::new(Cause::OutcomeUnknown),
            Failure::Refused { status, part, parts, accepted } => {
                let fault = status::fault(*status, &self.settings.status_causes);
                advise(note_parts(fault, (*part, *parts, *accepted)))
            }
        }
    }

    fn drivers(&self, desk: &Arc<Desk>, stop: &CancellationToken) -> Vec<Driver> {
        let jobs = std::mem::take(&mut *self.jobs.lock().unwrap_or_else(PoisonError::into_inner));
        let links = self.links.iter().zip(jobs);
        let driver = |(link, jobs): (&Arc<Link>, _)| Driver {
            settings: Arc::clone(&self.settings),
            transport: Arc::clone(&self.transport),
            link: Arc::clone(link),
            jobs,
            deliveries: Deliveries::new(Arc::clone(desk)),
            stop: stop.clone(),
        };
        links.map(driver).collect()
    }

    async fn hold(self: Arc<Self>, sink: Arc<dyn Sink>, stop: CancellationToken) {
        let desk = Arc::new(Desk {
            settings: Arc::clone(&self.settings),
            route: self.route.clone(),
            ids: Arc::clone(&self.ids),
            reassembly: Arc::new(Reassembly::new(Duration::from_secs(u64::from(self.settings.reassembly_s)))),
            sink,
        });
        let drivers = self.drivers(&desk, &stop);
        let mut running = JoinSet::new();
        for driver in drivers {
            running.spawn(driver.run());
        }
        sweep_until(&desk, &stop).await;
        while let Some(ended) = running.join_next().await {
            if ended.is_err() {
                tracing::error!("an SMPP link broke down");
            }
        }
    }
}

/// Each session is one link, or a pair.
fn roles(settings: &Settings) -> impl Iterator<Item = Role> {
    let roles: &[Role] = match settings.bind {
        BindMode::Transceiver => &[Role::Transceiver],
        BindMode::TransmitterReceiver => &[Role::Transmitter, Role::Receiver],
    };
    roles.iter().copied().cycle().take(roles.len() * settings.sessions)
}

fn capabilities(settings: &Settings) -> Capabilities {
    let answer = Duration::from_millis(u64::from(settings.response_timeout_ms));
    let longest = queue_time(settings) + answer + Duration::from_secs(1);
    Capabilities {
        window: settings.sessions * settings.window,
        rate_per_sender: None,
        rate: settings.tps,
        pair_limit: None,
        answer_timeout: Span::from_millis(u64::try_from(longest.as_millis()).unwrap_or(u64::MAX)),
        reports_delivery: true,
        reports_reading: false,
        recalls: true,
        max_validity: Some(Span::from_hours(u64::from(settings.max_validity_hours))),
        echoes_reference: false,
    }
}

/// A submit waits for its turn no longer than for its answer.
fn queue_time(settings: &Settings) -> Duration {
    Duration::from_millis(u64::from(settings.response_timeout_ms))
}

async fn sweep_until(desk: &Desk, stop: &CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => desk.sweep(Instant::now().into_std()).await,
        }
    }
}

fn not_bound() -> Fault {
    Fault::new(Cause::ProviderDown)
}

fn advise(fault: Fault) -> Fault {
    if fault.cause == Cause::Throttled {
        fault.with_retry_after(RETRY_THROTTLED)
    } else if fault.cause == Cause::NetworkBusy {
        fault.with_retry_after(RETRY_BUSY)
    } else {
        fault
    }
}

/// Tells which of several parts was refused.
fn note_parts(fault: Fault, (part, parts, accepted): (usize, usize, usize)) -> Fault {
    let Some(NetworkCode { code, text }) = fault.network.as_ref().filter(|_| parts > 1) else {
        return fault;
    };
    let (code, text) = (code.clone(), format!("{text}: part {part} of {parts} refused, {accepted} accepted"));
    fault.with_network(code, text)
}

impl Connector for Smpp {
    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check(&self, content: &Content) -> Result<(), Fault> {
        let text = compose::text(content)?;
        segment::segment(text, compose::shape(&self.settings, true))?;
        Ok(())
    }

    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Submitted, Fault>> {
        Box::pin(self.submit(parcel))
    }

    fn recall<'a>(
        &'a self,
        _attempt: AttemptId,
        upstream: &'a [String],
        parcel: &'a Parcel,
    ) -> BoxFuture<'a, bool> {
        Box::pin(self.cancel(upstream, parcel))
    }

    fn run(self: Arc<Self>, sink: Arc<dyn Sink>, stop: CancellationToken) -> BoxFuture<'static, ()> {
        Box::pin(self.hold(sink, stop))
    }

    fn sessions(&self) -> Option<Sessions> {
        Some(Sessions {
            wanted: self.links.len(),
            bound: self.links.iter().filter(|link| link.is_bound()).count(),
            binds: self.links.iter().map(|link| link.binds()).sum(),
        })
    }

    fn health(&self) -> Health {
        let bound = self.links.iter().filter(|link| link.is_bound()).count();
        let able = self.links.iter().any(|link| link.role != Role::Receiver && link.is_bound());
        let word = if able { "bound" } else { "not bound" };
        Health {
            up: able,
            text: format!("{word}, {bound} of {} sessions", self.links.len()),
            last_error: self.links.iter().find_map(|link| link.last_error()),
        }
    }
}
