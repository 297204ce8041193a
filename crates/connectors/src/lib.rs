//! Connectors: the southbound clients of networks, one folder per network.
//!
//! A connector takes a [`Parcel`], hands it to its network and says what came of it; what the
//! network tells later reaches the desk as [`NetworkEvent`]s, through [`Connector::receive`] for
//! networks that call us over HTTP, or through the [`Sink`] for networks with sessions. A
//! connector decides nothing: retries, fallback and limits per sender are the engine's and the
//! dispatcher's business. It does keep to its network's own session rules (windows, throttling,
//! keep-alive).

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod http;
pub mod smpp;
pub mod whatsapp_cloud;

use std::{future::Future, pin::Pin, sync::Arc};

use ::http::{Request, Response, StatusCode};
use bytes::Bytes;
use model::{
    AttemptId, Channel, Content, Fault, NetworkEvent, Recipient, RouteName, Span, Time,
    message::{Extras, Priority},
};
use tokio_util::sync::CancellationToken;

/// A boxed future, so that connectors can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The client of one network, configured as one route.
pub trait Connector: Send + Sync + 'static {
    /// The channel it serves.
    fn channel(&self) -> Channel;

    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// Whether its network can carry this content at all; asked before anything is sent.
    ///
    /// # Errors
    /// The cause with which the attempt fails, without the network having been asked.
    fn check(&self, content: &Content) -> Result<(), Fault>;

    /// Hands a parcel to the network and waits for its answer, within the connector's own timeout
    /// ([`Capabilities::answer_timeout`]).
    ///
    /// The error's cause must be [`model::Cause::OutcomeUnknown`] if and only if the network may
    /// have taken the parcel although no answer came.
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Submitted, Fault>>;

    /// Understands a request that the network made to us. Pure: nothing is changed, and
    /// `response` is sent only after all `events` are stored.
    fn receive(&self, request: &Request<Bytes>) -> Received {
        let _ = request;
        Received::not_found()
    }

    /// Takes a parcel back, if the network can. `true` only if the network says it did.
    fn recall<'a>(
        &'a self,
        attempt: AttemptId,
        upstream: &'a [String],
        parcel: &'a Parcel,
    ) -> BoxFuture<'a, bool> {
        let _ = (attempt, upstream, parcel);
        Box::pin(async { false })
    }

    /// Uploads a file to the network and returns the network's id for it, for networks that send
    /// media by id.
    fn upload<'a>(&'a self, file: &'a UploadFile) -> BoxFuture<'a, Result<UploadedId, Fault>> {
        let _ = file;
        Box::pin(async { Err(Fault::new(model::Cause::UnsupportedContent)) })
    }

    /// Runs the connector's sessions, if it has any, until `stop`; returns after unbinding.
    fn run(self: Arc<Self>, sink: Arc<dyn Sink>, stop: CancellationToken) -> BoxFuture<'static, ()> {
        let _ = sink;
        Box::pin(async move { stop.cancelled().await })
    }

    /// How it is doing, for people and for `/readyz`.
    fn health(&self) -> Health;

    /// Its sessions, if its network has any.
    fn sessions(&self) -> Option<Sessions> {
        None
    }
}

/// What a connector and its network can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    /// Most parcels handed over and not answered yet, for the whole route.
    pub window: usize,
    /// Most messages (SMS: segments) per second and sender; `None` if the network sets no limit.
    pub rate_per_sender: Option<f64>,
    /// Most messages per second for the whole route; `None` if there is no such limit. The
    /// dispatcher keeps to it, so that urgent messages overtake before the connector, not behind
    /// what it holds already.
    pub rate: Option<f64>,
    /// Shortest time between two messages of one sender to one recipient, where the network has
    /// such a limit, with the burst that it allows.
    pub pair_limit: Option<PairLimit>,
    /// Longest time that [`Connector::send`] takes.
    pub answer_timeout: Span,
    /// Whether the network reports delivery.
    pub reports_delivery: bool,
    /// Whether the network reports reading.
    pub reports_reading: bool,
    /// Whether a parcel can be taken back.
    pub recalls: bool,
    /// Longest validity that the network takes, if it takes one.
    pub max_validity: Option<Span>,
    /// Whether the opaque reference comes back with receipts, so that unknown outcomes can be
    /// settled by them.
    pub echoes_reference: bool,
}

/// A limit on messages between one sender and one recipient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairLimit {
    /// Sustained interval between messages.
    pub interval: Span,
    /// How many may go at once before the interval counts.
    pub burst: u32,
}

/// One attempt, with all that a network needs to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    /// Its id; travels as the opaque reference wherever the network has a field for it.
    pub attempt: AttemptId,
    /// Whom to reach.
    pub recipient: Recipient,
    /// The sender as the account named it; `None` for the route's own.
    pub sender: Option<String>,
    /// What to say. Media sources are as the network shall get them: `Link` a link it can fetch,
    /// `Id` an id of the network.
    pub content: Content,
    /// Extras of single channels.
    pub extras: Extras,
    /// Urgency.
    pub priority: Priority,
    /// Now, for computing validity.
    pub now: Time,
    /// The network should give up at this instant.
    pub give_up_at: Time,
}

/// The network took a parcel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submitted {
    /// The network's ids in canonical spelling, one per part, in order.
    pub upstream: Vec<String>,
}

/// What came of a request by the network.
#[derive(Debug)]
pub struct Received {
    /// What to answer once `events` are stored.
    pub response: Response<Bytes>,
    /// What the network told.
    pub events: Vec<NetworkEvent>,
}

impl Received {
    /// For requests that no connector expects.
    #[must_use]
    pub fn not_found() -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        Self { response, events: Vec::new() }
    }
}

/// A file for a network's own media store. Read in chunks; the bytes are on local disk.
#[derive(Clone, Debug)]
pub struct UploadFile {
    /// Where it lies.
    pub path: std::path::PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Its MIME type.
    pub mime: String,
    /// Sender that will use it.
    pub sender: Option<String>,
}

/// The network's id for an uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedId {
    /// The id.
    pub id: String,
    /// How long the network keeps it.
    pub keeps_for: Span,
}

/// Where connectors deliver what their networks tell them.
pub trait Sink: Send + Sync + 'static {
    /// Stores the events; the network may be answered once this is done.
    fn deliver<'a>(
        &'a self,
        route: &'a RouteName,
        events: Vec<NetworkEvent>,
    ) -> BoxFuture<'a, Result<(), NotStored>>;
}

/// The events could not be stored now; the network should tell them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not stored, tell again")]
pub struct NotStored;

/// The sessions of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// How many there should be.
    pub wanted: usize,
    /// How many are bound now.
    pub bound: usize,
    /// How often one was bound since the start.
    pub binds: u64,
}

/// State of a route, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether parcels can be sent now.
    pub up: bool,
    /// In words: `bound, 2 of 2 sessions`, `token refused`.
    pub text: String,
    /// The last error, if any, without secrets and content.
    pub last_error: Option<String>,
}
