//! Webex Connect (formerly imiconnect): the messaging API, v1 and v2.
//!
//! v1 is one endpoint, `POST /resources/v1/messaging`, for one channel per request; it answers
//! 200 even when it refuses. v2 is `POST /v2/messages` for SMS, email and RCS, and
//! `GET /v2/messages/{id}`. Neither has a cascade, but for RCS falling back to SMS in v2; the
//! account may store a plan under the app id, the service key or a name of its own.
//!
//! Not spoken here: flows and their custom events, media manager, RCS capability look-up.

mod callback;
mod channels;
mod credentials;
mod destinations;
mod path;
mod read;
mod refuse;
mod settings;
mod status;
mod templates;
#[cfg(test)]
mod tests;
mod v2;
mod whatsapp;
mod wire;
mod write;

use bytes::Bytes;
use http::{Request, Response};
use model::{Answer, Call, Inbound, Refusal, call::MessageReport, report::Occasion};

pub use self::settings::{RegisteredTemplate, ServiceKey, Settings, SignatureAlgorithm};
use crate::{Callback, Context, Credentials, Dialect, Identity, RetryPolicy};

/// Most bytes of a request's body: 1000 destinations with ids of their own fit many times over.
const BODY_LIMIT: u64 = 1024 * 1024;

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub struct WebexConnect;

impl Dialect for WebexConnect {
    fn name(&self) -> &'static str {
        "webex_connect"
    }

    fn claims(&self, segments: &[&str]) -> bool {
        // Kaleyra's `/v2/{sid}/...` shares the first segment, so only exact forms of v2 are ours.
        matches!(segments, ["resources", "v1", ..] | ["v2", "messages"] | ["v2", "messages", _])
    }

    fn body_limit(&self, _head: &http::request::Parts) -> u64 {
        BODY_LIMIT
    }

    fn identities(&self, settings: &crate::Settings) -> Vec<Identity> {
        settings.webex_connect.iter().flat_map(credentials::identities).collect()
    }

    fn credentials(&self, request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
        credentials::present(request)
    }

    fn read(&self, request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
        read::read(request, context)
    }

    fn write(
        &self,
        request: &Request<Bytes>,
        call: &Call,
        answer: &Answer,
        context: &Context<'_>,
    ) -> Response<Bytes> {
        write::write(request, call, answer, context)
    }

    fn refuse(&self, request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Response<Bytes> {
        refuse::refuse(request, refusal, context)
    }

    fn callback(&self, report: &MessageReport, occasion: &Occasion, context: &Context<'_>) -> Vec<Callback> {
        callback::report(report, occasion, context).into_iter().collect()
    }

    fn inbound(&self, inbound: &Inbound, context: &Context<'_>) -> Vec<Callback> {
        callback::inbound(inbound, context).into_iter().collect()
    }

    fn retry_policy(&self, _settings: &crate::Settings) -> RetryPolicy {
        callback::retry_policy()
    }
}
