//! Traces of messages for OpenTelemetry: accept, steps, hand-overs, receipts, callbacks.
//!
//! A trace needs no memory: its id is the message's own (or its caller's), and each span's id is
//! derived from message and place, so that receipts and callbacks find their trace days and
//! restarts later. Whether a message is traced follows from its id too. What is made goes into a
//! bounded queue; what does not fit is dropped and counted. Without `[telemetry] otlp` there is
//! nothing but the question whether there is any.

mod export;

use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use model::{
    AttemptId, Cause, Message, MessageId, Receipt, ReceiptStatus, RouteName, Status, Time, TraceParent,
    call::MessageReport, report::Occasion,
};
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, SpanKind, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use store::Record;
use tokio::sync::mpsc;

use self::export::{Exporting, Prepared};
use crate::{config::Telemetry, metrics::Spans};

/// Spans waiting for the collector at most.
const QUEUE: usize = 8192;

/// Where spans go, if anywhere.
#[derive(Debug)]
pub struct Traces(Option<Inner>);

#[derive(Debug)]
struct Inner {
    /// Messages whose dice are below it are traced.
    threshold: u128,
    queue: mpsc::Sender<SpanData>,
    prepared: Mutex<Option<Prepared>>,
    exporting: Mutex<Option<Exporting>>,
    scope: InstrumentationScope,
    spans: Spans,
}

/// The trace of one message.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    inner: &'a Inner,
    message: MessageId,
    id: u128,
    /// The caller's span.
    remote: Option<u64>,
}

/// Places of a trace; with numbers they make a span's id.
#[derive(Clone, Copy, Debug)]
enum Place {
    Message,
    Accept,
    Commit,
    Step(u8),
    HandOver(AttemptId),
    Receipt(AttemptId, u8),
    Callback(i64, u32),
}

/// A span before it is sent.
struct Draft {
    place: Place,
    parent: Option<Place>,
    name: Cow<'static, str>,
    kind: SpanKind,
    from: Time,
    to: Time,
    attributes: Vec<KeyValue>,
    error: Option<Cow<'static, str>>,
}

impl Traces {
    /// As configured; nothing is sent before [`Self::start`].
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn new(settings: &Telemetry, spans: Spans) -> Result<Self, String> {
        let Some(endpoint) = settings.endpoint() else { return Ok(Self(None)) };
        let (queue, waiting) = mpsc::channel(QUEUE);
        let prepared = Prepared::new(&endpoint, settings, waiting, spans.clone())?;
        // Message ids have 80 random bits; 32 of them are dice enough.
        let threshold = (settings.sample * (1_u64 << 32) as f64) as u128;
        let scope = InstrumentationScope::builder("courant").with_version(env!("CARGO_PKG_VERSION")).build();
        let (prepared, exporting) = (Mutex::new(Some(prepared)), Mutex::new(None));
        Ok(Self(Some(Inner { threshold, queue, prepared, exporting, scope, spans })))
    }

    /// Begins to send what is made.
    pub fn start(&self) {
        let Some(inner) = &self.0 else { return };
        if let Some(prepared) = inner.prepared.lock().unwrap_or_else(PoisonError::into_inner).take() {
            *inner.exporting.lock().unwrap_or_else(PoisonError::into_inner) = Some(prepared.start());
        }
    }

    /// Sends what is left, within a bound of a few seconds, and ends.
    pub async fn stop(&self) {
        let Some(inner) = &self.0 else { return };
        let exporting = inner.exporting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(exporting) = exporting {
            exporting.stop().await;
        }
    }

    /// Whether any are made.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The trace that a request is part of, if its caller says so and anybody wants to know.
    #[must_use]
    pub fn parent(&self, headers: &http::HeaderMap) -> Option<TraceParent> {
        let header = self.is_on().then(|| headers.get("traceparent"))??;
        TraceParent::parse(header.to_str().ok()?)
    }

    /// The trace of a message, if it is traced.
    #[must_use]
    pub fn of(&self, message: &Message) -> Option<Trace<'_>> {
        self.of_id(message.id, message.brief().trace)
    }

    /// The same by id, with what its caller said.
    #[must_use]
    pub fn of_id(&self, message: MessageId, parent: Option<TraceParent>) -> Option<Trace<'_>> {
        let inner = self.0.as_ref()?;
        match parent {
            Some(parent) => parent.sampled.then_some(Trace {
                inner,
                message,
                id: parent.trace,
                remote: Some(parent.span),
            }),
            None if (message.0 & 0xFFFF_FFFF) < inner.threshold => {
                Some(Trace { inner, message, id: message.0, remote: None })
            }
            None => None,
        }
    }
}

impl Trace<'_> {
    /// The request that brought the message was answered.
    pub fn accepted(&self, message: &Message, began: Time, commit: Time, answered: Time) {
        let attributes = vec![
            KeyValue::new("courant.dialect", message.dialect),
            KeyValue::new("courant.account", message.account.to_string()),
            KeyValue::new("courant.batch", message.batch.to_string()),
            KeyValue::new("courant.batch_size", i64::from(message.batch_size)),
        ];
        self.span(Draft {
            kind: SpanKind::Server,
            attributes,
            ..Draft::new(Place::Accept, Place::Message, "accept", began, answered)
        });
        self.span(Draft::new(Place::Commit, Place::Accept, "commit", commit, answered));
    }

    /// A step came to its end, well or not.
    pub fn step(&self, report: &MessageReport, occasion: &Occasion) {
        let Some(step) = report.report.steps.iter().find(|step| step.index == occasion.step) else { return };
        let to = match occasion.status {
            _ if occasion.late => return,
            Status::Delivered => step.delivered_at.unwrap_or(step.updated_at),
            Status::Failed(_) => step.updated_at,
            Status::Waiting
            | Status::Accepted
            | Status::Submitted
            | Status::Sent
            | Status::Read
            | Status::Played => return,
        };
        let attributes = vec![
            KeyValue::new("courant.channel", step.channel.as_str()),
            KeyValue::new("courant.step", i64::from(step.index)),
            KeyValue::new("courant.status", occasion.status.as_str()),
            KeyValue::new("courant.attempts", i64::from(step.attempts)),
        ];
        self.span(Draft {
            name: format!("step {}", step.channel).into(),
            attributes,
            error: occasion.status.cause().map(word),
            ..Draft::new(Place::Step(step.index), Place::Message, "", step.begun_at, to)
        });
    }

    /// A network answered a hand-over, or did not.
    pub fn handed_over(
        &self,
        attempt: AttemptId,
        route: &RouteName,
        cause: Option<Cause>,
        from: Time,
        to: Time,
    ) {
        let attributes = vec![
            KeyValue::new("courant.route", route.to_string()),
            KeyValue::new("courant.step", i64::from(attempt.step)),
            KeyValue::new("courant.attempt", i64::from(attempt.attempt)),
            KeyValue::new("courant.outcome", cause.map_or("submitted", Cause::as_str)),
        ];
        self.span(Draft {
            name: format!("hand-over {route}").into(),
            kind: SpanKind::Client,
            attributes,
            error: cause.map(word),
            ..Draft::new(Place::HandOver(attempt), Place::Step(attempt.step), "", from, to)
        });
    }

    /// A network told the fate of an attempt.
    pub fn receipt(&self, attempt: AttemptId, receipt: &Receipt, now: Time) {
        let (status, cause) = match receipt.status {
            ReceiptStatus::Sent => (0, None),
            ReceiptStatus::Delivered => (1, None),
            ReceiptStatus::Read => (2, None),
            ReceiptStatus::Played => (3, None),
            ReceiptStatus::Failed(cause) => (4, Some(cause)),
        };
        let word_of = ["sent", "delivered", "read", "played", "failed"][usize::from(status)];
        let attributes = vec![
            KeyValue::new("courant.status", word_of),
            KeyValue::new("courant.attempt", i64::from(attempt.attempt)),
        ];
        self.span(Draft {
            name: format!("receipt {word_of}").into(),
            kind: SpanKind::Consumer,
            attributes,
            error: cause.map(word),
            ..Draft::new(Place::Receipt(attempt, status), Place::HandOver(attempt), "", now, now)
        });
    }

    /// A message came to its end.
    pub fn settled(&self, record: &Record) {
        let (message, state) = (&record.message, &record.state);
        let status = state.status();
        let attributes = vec![
            KeyValue::new("courant.message_id", message.id.to_string()),
            KeyValue::new("courant.dialect", message.dialect),
            KeyValue::new("courant.account", message.account.to_string()),
            KeyValue::new("courant.status", status.as_str()),
            KeyValue::new("courant.steps", message.plan().steps().len() as i64),
        ];
        let to = state.settled_at().unwrap_or(message.accepted_at);
        self.span(Draft {
            parent: None,
            attributes,
            error: status.cause().map(word),
            ..Draft::new(Place::Message, Place::Message, "message", message.accepted_at, to)
        });
    }

    /// A callback was tried; `fault` says why it was not confirmed.
    pub fn called_back(&self, callback: &store::StoredCallback, fault: Option<&str>, from: Time, to: Time) {
        let attributes = vec![
            KeyValue::new("courant.dialect", callback.dialect.clone()),
            KeyValue::new("courant.about", callback.about.clone()),
            KeyValue::new("courant.try", i64::from(callback.tries) + 1),
        ];
        self.span(Draft {
            kind: SpanKind::Client,
            attributes,
            error: fault.map(|fault| Cow::Owned(fault.to_owned())),
            ..Draft::new(Place::Callback(callback.id, callback.tries), Place::Message, "callback", from, to)
        });
    }

    /// The `traceparent` for the receiver of a callback.
    #[must_use]
    pub fn for_callback(&self, id: i64, tries: u32) -> TraceParent {
        TraceParent { trace: self.id, span: self.id_of(Place::Callback(id, tries)), sampled: true }
    }

    fn span(&self, draft: Draft) {
        let Inner { queue, scope, spans, .. } = self.inner;
        let parent = match draft.parent {
            Some(place) => self.id_of(place),
            None => self.remote.unwrap_or(0),
        };
        let span = SpanData {
            span_context: SpanContext::new(
                TraceId::from(self.id),
                SpanId::from(self.id_of(draft.place)),
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: SpanId::from(parent),
            parent_span_is_remote: draft.parent.is_none() && self.remote.is_some(),
            span_kind: draft.kind,
            name: draft.name,
            start_time: instant(draft.from),
            end_time: instant(draft.to.max(draft.from)),
            attributes: draft.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: match draft.error {
                Some(description) => opentelemetry::trace::Status::Error { description },
                None => opentelemetry::trace::Status::Unset,
            },
            instrumentation_scope: scope.clone(),
        };
        if queue.try_send(span).is_err() {
            spans.dropped.inc();
        }
    }

    /// Always the same for the same place of the same message; never zero.
    fn id_of(&self, place: Place) -> u64 {
        let number = match place {
            Place::Message => 1,
            Place::Accept => 2,
            Place::Commit => 3,
            Place::Step(step) => 1 << 8 | u64::from(step),
            Place::HandOver(attempt) => 1 << 32 | u64::from(attempt.step) << 16 | u64::from(attempt.attempt),
            Place::Receipt(attempt, status) => {
                2 << 32 | u64::from(status) << 24 | u64::from(attempt.step) << 16 | u64::from(attempt.attempt)
            }
            Place::Callback(id, tries) => 3 << 60 | id.unsigned_abs() << 16 | u64::from(tries & 0xFFFF),
        };
        let message = self.message.0;
        mixed(mixed(message as u64 ^ mixed(number)) ^ (message >> 64) as u64).max(1)
    }
}

impl Draft {
    fn new(place: Place, parent: Place, name: &'static str, from: Time, to: Time) -> Self {
        Self {
            place,
            parent: Some(parent),
            name: name.into(),
            kind: SpanKind::Internal,
            from,
            to,
            attributes: Vec::new(),
            error: None,
        }
    }
}

/// Spreads the bits of a number over all 64, one to one.
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

fn word(cause: Cause) -> Cow<'static, str> {
    cause.as_str().into()
}

fn instant(time: Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests;
