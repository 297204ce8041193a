//! Infobip OMNI v1: scenarios (flows of channels and senders) and messages that run through them.
//!
//! JSON only; the vendor's XML forms are refused in the vendor's error shape. What is spoken,
//! which quirks are kept and where the facts come from is told in `docs/dialects/infobip.md`.
//! Start with `path.rs` (the operations), then `status.rs` (the codes).

mod callback;
mod credentials;
mod path;
mod read;
mod refuse;
mod settings;
mod status;
#[cfg(test)]
mod tests;
mod time;
mod wire;
mod write;

use bytes::Bytes;
use http::{Request, Response};
use model::{Answer, Call, Inbound, Refusal, call::MessageReport, report::Occasion};

pub use self::settings::{CreateStatus, Offset, SeenForm, Settings, User};
use crate::{Callback, Context, Credentials, Dialect, Identity, RetryPolicy};

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub struct Infobip;

impl Dialect for Infobip {
    fn name(&self) -> &'static str {
        "infobip"
    }

    fn claims(&self, segments: &[&str]) -> bool {
        matches!(segments, ["omni", ..] | ["auth", "1", ..])
    }

    fn body_limit(&self, head: &http::request::Parts) -> u64 {
        path::body_limit(head.uri.path())
    }

    fn identities(&self, settings: &crate::Settings) -> Vec<Identity> {
        settings.infobip.iter().flat_map(credentials::identities).collect()
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
        callback::inbound(inbound, context)
    }

    fn retry_policy(&self, _settings: &crate::Settings) -> RetryPolicy {
        callback::retry_policy()
    }

    fn keeps_reports(&self, report: &MessageReport, context: &Context<'_>) -> bool {
        callback::push_url(&report.message, Settings::of(context.settings)).is_none()
    }
}
