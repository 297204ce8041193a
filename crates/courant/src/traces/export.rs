//! Sends spans to the collector in batches, over OTLP/HTTP.

use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{config::Telemetry, metrics::Spans};

/// Spans sent together at most.
const BATCH: usize = 512;
/// How long spans gather.
const GATHER: Duration = Duration::from_secs(1);
/// Longest exchange with the collector.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a batch is tried; the pauses between are one and two gathering times.
const TRIES: u32 = 3;
/// Longest flush at the end.
const FLUSH: Duration = Duration::from_secs(3);
/// Most of an answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Everything for sending, before it begins.
#[derive(Debug)]
pub(super) struct Prepared {
    exporter: SpanExporter,
    waiting: mpsc::Receiver<SpanData>,
    spans: Spans,
}

/// Sending under way.
#[derive(Debug)]
pub(super) struct Exporting {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Prepared {
    pub(super) fn new(
        endpoint: &str,
        settings: &Telemetry,
        waiting: mpsc::Receiver<SpanData>,
        spans: Spans,
    ) -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("courant/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| format!("telemetry: {error}"))?;
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Http(client))
            .with_endpoint(endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_headers(settings.headers.clone().into_iter().collect())
            // Its own pauses would hold up a thread of the runtime.
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|error| format!("telemetry: {error}"))?;
        let resource = Resource::builder_empty().with_attributes([
            KeyValue::new("service.name", settings.service.clone()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ]);
        exporter.set_resource(&resource.build());
        Ok(Self { exporter, waiting, spans })
    }

    pub(super) fn start(self) -> Exporting {
        let stop = CancellationToken::new();
        let task = tokio::spawn(self.run(stop.clone()));
        Exporting { stop, task }
    }

    async fn run(mut self, stop: CancellationToken) {
        while let Some(batch) = self.gather(&stop).await {
            self.send(batch, &stop).await;
        }
        // What is left when the time is over is lost, and nobody waits for it.
        let flush = async {
            loop {
                let batch = self.at_hand();
                if batch.is_empty() {
                    return;
                }
                self.send(batch, &stop).await;
            }
        };
        let _ = tokio::time::timeout(FLUSH, flush).await;
        let left = std::iter::from_fn(|| self.waiting.try_recv().ok()).count();
        self.spans.dropped.inc_by(left as u64);
    }

    /// The next batch; `None` once told to stop.
    async fn gather(&mut self, stop: &CancellationToken) -> Option<Vec<SpanData>> {
        let mut batch = Vec::with_capacity(BATCH);
        tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            received = self.waiting.recv_many(&mut batch, BATCH) => if received == 0 { return None },
        }
        if batch.len() < BATCH {
            let _ = tokio::time::timeout(GATHER, stop.cancelled()).await;
            while batch.len() < BATCH {
                let Ok(span) = self.waiting.try_recv() else { break };
                batch.push(span);
            }
        }
        Some(batch)
    }

    fn at_hand(&mut self) -> Vec<SpanData> {
        std::iter::from_fn(|| self.waiting.try_recv().ok()).take(BATCH).collect()
    }

    /// Sends a batch; tries again while there is time.
    async fn send(&self, batch: Vec<SpanData>, stop: &CancellationToken) {
        let count = batch.len() as u64;
        for tried in 1..=TRIES {
            match self.exporter.export(batch.clone()).await {
                Ok(()) => {
                    self.spans.exported.inc_by(count);
                    return;
                }
                Err(error) if tried == TRIES || stop.is_cancelled() => {
                    tracing::warn!(%error, spans = count, "the collector did not take spans; they are dropped");
                    self.spans.dropped.inc_by(count);
                    return;
                }
                Err(error) => {
                    tracing::debug!(%error, spans = count, "the collector did not take spans; trying again");
                    let _ = tokio::time::timeout(GATHER * tried, stop.cancelled()).await;
                }
            }
        }
    }
}

impl Exporting {
    /// Flushes and ends, within a bound.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let mut task = self.task;
        if tokio::time::timeout(FLUSH * 2, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// The program's own HTTP client as the exporter wants it.
#[derive(Debug)]
struct Http(reqwest::Client);

impl HttpClient for Http {
    fn send_bytes<'a, 'async_trait>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'async_trait>>
    where
        'a: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(exchange(self.0.clone(), request))
    }
}

async fn exchange(client: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (head, body) = request.into_parts();
    let request = client.request(head.method, head.uri.to_string()).headers(head.headers).body(body);
    // The address may carry credentials.
    let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if answer.len() + chunk.len() > MAX_ANSWER {
            return Err("the collector's answer is too long".into());
        }
        answer.extend_from_slice(&chunk);
    }
    let mut whole = Response::new(Bytes::from(answer));
    *whole.status_mut() = response.status();
    *whole.headers_mut() = response.headers().clone();
    Ok(whole)
}
