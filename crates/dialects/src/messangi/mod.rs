//! Messangi: the notification API, one endpoint for all channels.
//!
//! `POST /notification` (and its longer spellings) takes `{channel, request, callbacks}` for one
//! recipient and answers with a `meta` object only; everything else comes by callback. The older
//! services of single channels (`/raven`, `/crowsnest`, `/balerion`) are taken as well. A client
//! signs in at `/kingslanding/login`, where the token comes in a response header, or uses a
//! long-lived key.
//!
//! Not spoken here: the signed MT and tools APIs of the older platform, campaigns, sender lists.

mod callback;
mod content;
mod credentials;
mod path;
mod read;
mod refuse;
mod settings;
mod status;
#[cfg(test)]
mod tests;
mod wire;
mod write;

use bytes::Bytes;
use http::{Request, Response};
use model::{Answer, Call, Inbound, Refusal, call::MessageReport, report::Occasion};

pub use self::settings::{ApiKey, MediaLimit, Quota, Settings, User};
use crate::{Callback, Context, Credentials, Dialect, Identity, RetryPolicy};

/// Most bytes of a request's body.
const BODY_LIMIT: u64 = 1024 * 1024;

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub struct Messangi;

impl Dialect for Messangi {
    fn name(&self) -> &'static str {
        "messangi"
    }

    fn claims(&self, segments: &[&str]) -> bool {
        matches!(
            segments,
            ["notification"]
                | ["v2", "notification"]
                | ["v3", "messages"]
                | ["kingslanding" | "oberyn" | "raven" | "crowsnest" | "balerion", ..]
        )
    }

    fn body_limit(&self, _head: &http::request::Parts) -> u64 {
        BODY_LIMIT
    }

    fn identities(&self, settings: &crate::Settings) -> Vec<Identity> {
        settings.messangi.iter().flat_map(credentials::identities).collect()
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
        callback::report(report, occasion, context)
    }

    fn inbound(&self, inbound: &Inbound, context: &Context<'_>) -> Vec<Callback> {
        callback::inbound(inbound, context).into_iter().collect()
    }

    fn retry_policy(&self, _settings: &crate::Settings) -> RetryPolicy {
        callback::retry_policy()
    }
}
