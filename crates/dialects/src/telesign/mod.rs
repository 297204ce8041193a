//! Telesign's omnichannel Messaging API, with the SMS API that the same clients use.
//!
//! `POST /v1/omnichannel` takes an ordered list of channels and content for each; the first
//! channel that delivers ends it. `GET /v1/omnichannel/{reference_id}` tells the state for
//! 12 hours after the end, and callbacks push it. `/v1/messaging` is the older form-encoded SMS
//! call. Template management, capability look-up and generated one-time codes are answered as
//! products that the account does not have.
//!
//! Start with `read.rs` for what is taken and `status.rs` for the codes. What we speak, and where
//! the vendor's own pages disagree, is told in `docs/dialects/telesign.md`.

mod asked;
mod callback;
mod credentials;
mod form;
mod path;
mod read;
mod refuse;
mod settings;
mod status;
mod templates;
mod wire;
mod write;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{Request, Response};
use model::{Answer, Call, Inbound, Refusal, call::MessageReport, report::Occasion};

use self::{path::Surface, settings::of};
pub use self::{
    settings::{CallbackMethod, FallbackTimeUnit, Settings},
    status::{Code, CodeRow, Finality, code_table},
};
use crate::{Callback, Context, Credentials, Dialect, Identity, RetryPolicy, support};

/// Telesign: the payload limit is 10 KB.
const OMNICHANNEL_LIMIT: u64 = 10 * 1024;
/// 1600 characters, url-encoded at worst at 12 bytes each, and the small members beside them.
const FORM_LIMIT: u64 = 32 * 1024;

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub struct Telesign;

impl Dialect for Telesign {
    fn name(&self) -> &'static str {
        "telesign"
    }

    fn claims(&self, segments: &[&str]) -> bool {
        matches!(segments, ["v1", "omnichannel" | "messaging" | "verify", ..] | ["capability", ..])
    }

    fn body_limit(&self, head: &http::request::Parts) -> u64 {
        match Surface::of(head.uri.path()) {
            Surface::Messaging => FORM_LIMIT,
            Surface::Omnichannel
            | Surface::Message(_)
            | Surface::Templates
            | Surface::Template
            | Surface::Capability
            | Surface::Sms(_)
            | Surface::Completion(_)
            | Surface::Nowhere => OMNICHANNEL_LIMIT,
        }
    }

    fn identities(&self, settings: &crate::Settings) -> Vec<Identity> {
        settings.telesign.iter().flat_map(credentials::identities).collect()
    }

    fn credentials(&self, request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
        credentials::present(request)
    }

    fn read(&self, request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
        let settings = of(context).ok_or(Refusal::NotEnabled(model::call::Feature::Dialect))?;
        credentials::check_form(request, settings)?;
        read::read(request, context, settings)
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
        of(context).map(|settings| callback::report(report, occasion, settings)).unwrap_or_default()
    }

    fn inbound(&self, inbound: &Inbound, context: &Context<'_>) -> Vec<Callback> {
        of(context).and_then(|settings| callback::inbound(inbound, context, settings)).into_iter().collect()
    }

    fn retry_policy(&self, _settings: &crate::Settings) -> RetryPolicy {
        callback::retry_policy()
    }
}

/// A parameter of the query string, the first of its name.
fn query_parameter(request: &Request<Bytes>, name: &str) -> Option<String> {
    support::query(request).remove(name)?.into_iter().next()
}
