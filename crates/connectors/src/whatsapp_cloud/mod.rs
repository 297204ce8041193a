//! WhatsApp over Meta's Cloud API.
//!
//! A send is answered with "accepted", no more: a number without WhatsApp, a closed conversation
//! window or bad media is told later by a webhook. There is no idempotency key and no way to take
//! a message back; but Meta returns `biz_opaque_callback_data` with every status, where the
//! attempt's id travels, so that an unknown outcome is settled by the first status that comes.
//!
//! - `encode.rs`: a parcel to path and JSON; `decode.rs`: the answer to its meaning
//! - `errors.rs`: the one table of Meta's error codes
//! - `webhook.rs`: handshake, signature and envelope; `status.rs`, `inbound.rs`: what is in it
//! - this file: the HTTP calls themselves, and how the route is doing

mod decode;
mod encode;
mod errors;
mod inbound;
mod loose;
mod settings;
mod status;
#[cfg(test)]
mod tests;
mod webhook;

use std::{
    mem,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ::http::{HeaderValue, Method, Request, header};
use bytes::Bytes;
use model::{Cause, Channel, Content, Fault, RouteName, Span};
use reqwest::{Body, RequestBuilder, multipart};
use tokio_util::io::ReaderStream;
use url::Url;

use crate::{
    BoxFuture, Capabilities, Connector, Health, PairLimit, Parcel, Received, Submitted, UploadFile,
    UploadedId,
    http::{Answer, HttpClient, HttpError, HttpSettings},
};

pub use settings::{Labels, Number, Secret, Settings, SettingsError};

/// Meta keeps uploaded files for 30 days.
const UPLOADS_KEPT_FOR: Span = Span::from_hours(30 * 24);
/// Bytes of an upload that are read at once. Each read goes through another thread, so that small ones cost more
/// than they save; the HTTP library holds a few hundred KiB of them at most.
const UPLOAD_CHUNK: usize = 32 * 1024;
const MAX_CONNECT_TIME: Duration = Duration::from_secs(5);
/// How much longer than the HTTP timeout a send may take: encoding, and waking up.
const ANSWER_MARGIN: Span = Span::from_millis(500);

/// One WhatsApp Business app with its numbers, as a route.
#[derive(Debug)]
pub struct WhatsappCloud {
    client: HttpClient,
    base_url: Url,
    authorization: HeaderValue,
    upload_timeout: Duration,
    dialing: encode::Dialing,
    listener: webhook::Listener,
    capabilities: Capabilities,
    condition: Mutex<Condition>,
}

/// How the last call went.
#[derive(Clone, Debug, Default)]
enum Condition {
    #[default]
    Untried,
    Working {
        last_error: Option<String>,
    },
    TokenRefused(String),
    Down(String),
}

impl WhatsappCloud {
    /// A route with these settings. Nothing is asked of the network yet.
    ///
    /// # Errors
    /// If a setting cannot be used; the text says which, without secrets.
    pub fn new(settings: Settings, route: RouteName) -> Result<Self, SettingsError> {
        let numbers = settings.check()?;
        Ok(Self {
            client: client(&settings)?,
            authorization: authorization(&settings.token)?,
            upload_timeout: Duration::from_millis(settings.upload_timeout_ms),
            capabilities: capabilities(&settings),
            dialing: encode::Dialing {
                version: settings.version,
                numbers: numbers.clone(),
                default_language: settings.default_language,
                marketing_endpoint: settings.marketing_endpoint,
            },
            listener: webhook::Listener {
                route,
                numbers,
                app_secret: settings.app_secret.filter(|_| settings.verify_signature),
                verify_token: settings.verify_token,
            },
            base_url: settings.base_url,
            condition: Mutex::default(),
        })
    }

    async fn deliver(&self, parcel: &Parcel) -> Result<Submitted, Fault> {
        let call = encode::message(parcel, &self.dialing)?;
        let request = self.post(&call.path)?.header(header::CONTENT_TYPE, "application/json").body(call.body);
        let answer = self.exchange(request).await.map_err(|error| error.fault())?;
        let outcome = decode::sent(&answer);
        self.note_answer(&answer, outcome.as_ref().err());
        outcome
    }

    async fn store(&self, file: &UploadFile) -> Result<UploadedId, Fault> {
        let path = encode::upload_path(file.sender.as_deref(), &self.dialing)?;
        let form = upload_form(file).await?;
        let request = self.post(&path)?.multipart(form).timeout(self.upload_timeout);
        // An upload reaches nobody, so one whose fate is unknown may simply be repeated.
        let answer = self
            .exchange(request)
            .await
            .map_err(|error| Fault::new(Cause::ProviderDown).with_network("", error.to_string()))?;
        let outcome = decode::uploaded(&answer);
        self.note_answer(&answer, outcome.as_ref().err());
        outcome.map(|id| UploadedId { id, keeps_for: UPLOADS_KEPT_FOR })
    }

    fn post(&self, path: &str) -> Result<RequestBuilder, Fault> {
        let base = self.base_url.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}/{path}")).map_err(|_| HttpError::Unsendable.fault())?;
        let request = self.client.request(Method::POST, url);
        Ok(request.header(header::AUTHORIZATION, self.authorization.clone()))
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Answer, HttpError> {
        let outcome = self.client.exchange(request).await;
        if let Err(error) = &outcome {
            self.note(Condition::Down(error.to_string()));
        }
        outcome
    }

    fn note_answer(&self, answer: &Answer, fault: Option<&Fault>) {
        let last_error = fault.map(|fault| describe(answer, fault));
        self.note(match (fault.map(|fault| fault.cause), last_error) {
            (Some(_), Some(text)) if decode::is_token_refused(answer) => Condition::TokenRefused(text),
            (Some(Cause::ProviderDown), Some(text)) => Condition::Down(text),
            (_, last_error) => Condition::Working { last_error },
        });
    }

    /// Remembers how the last call went. Only changes are logged: an outage fails every call.
    fn note(&self, condition: Condition) {
        let health = condition.health();
        let before =
            mem::replace(&mut *self.condition.lock().unwrap_or_else(PoisonError::into_inner), condition);
        if before.health().up != health.up {
            let error = health.last_error.unwrap_or_default();
            tracing::warn!(route = %self.listener.route, up = health.up, state = health.text, error, "route changed");
        }
    }
}

impl Connector for WhatsappCloud {
    fn channel(&self) -> Channel {
        Channel::Whatsapp
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check(&self, content: &Content) -> Result<(), Fault> {
        encode::check(content)
    }

    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Submitted, Fault>> {
        Box::pin(self.deliver(parcel))
    }

    fn receive(&self, request: &Request<Bytes>) -> Received {
        webhook::receive(request, &self.listener)
    }

    fn upload<'a>(&'a self, file: &'a UploadFile) -> BoxFuture<'a, Result<UploadedId, Fault>> {
        Box::pin(self.store(file))
    }

    fn health(&self) -> Health {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).health()
    }
}

impl Condition {
    fn health(&self) -> Health {
        let (up, text, last_error) = match self {
            Self::Untried => (true, "ready, nothing sent yet", None),
            Self::Working { last_error } => (true, "working", last_error.clone()),
            Self::TokenRefused(error) => (false, "token refused", Some(error.clone())),
            Self::Down(error) => (false, "no answer", Some(error.clone())),
        };
        Health { up, text: text.to_owned(), last_error }
    }
}

fn client(settings: &Settings) -> Result<HttpClient, SettingsError> {
    let timeout = Duration::from_millis(settings.timeout_ms);
    // Shorter than the whole, so that a connection that never comes about is told from a lost one.
    let connect_timeout = MAX_CONNECT_TIME.min(timeout.mul_f32(0.75));
    let base_url = settings.base_url.clone();
    Ok(HttpClient::new(&HttpSettings { base_url, connect_timeout, timeout, max_idle: settings.window })?)
}

fn authorization(token: &Secret) -> Result<HeaderValue, SettingsError> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| SettingsError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

fn capabilities(settings: &Settings) -> Capabilities {
    let interval = Span::from_millis(settings.pair_interval_ms);
    let limited = settings.pair_interval_ms > 0;
    Capabilities {
        window: settings.window,
        rate_per_sender: Some(settings.messages_per_second),
        rate: None,
        pair_limit: limited.then_some(PairLimit { interval, burst: settings.pair_burst }),
        answer_timeout: Span::from_millis(settings.timeout_ms) + ANSWER_MARGIN,
        reports_delivery: true,
        reports_reading: true,
        recalls: false,
        // Meta: how long a template is tried is set with the template, not with the send.
        max_validity: None,
        echoes_reference: true,
    }
}

async fn upload_form(file: &UploadFile) -> Result<multipart::Form, Fault> {
    let opened = tokio::fs::File::open(&file.path).await.map_err(|_| Cause::MediaUnreachable)?;
    let size = opened.metadata().await.map_err(|_| Cause::MediaUnreachable)?.len();
    let body = Body::wrap_stream(ReaderStream::with_capacity(opened, UPLOAD_CHUNK));
    let part = multipart::Part::stream_with_length(body, size)
        .file_name("file")
        .mime_str(&file.mime)
        .map_err(|_| Cause::MediaUnsupported)?;
    let form = multipart::Form::new().text("messaging_product", "whatsapp");
    Ok(form.text("type", file.mime.clone()).part("file", part))
}

/// Status, code and our word for it: no words of Meta's, which may quote content.
fn describe(answer: &Answer, fault: &Fault) -> String {
    let code = fault.network.as_ref().map(|network| network.code.as_str()).unwrap_or_default();
    format!("HTTP {}, code {code}: {}", answer.status.as_u16(), fault.cause)
}
