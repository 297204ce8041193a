//! Infobip OMNI v1: scenarios (flows of channels and senders) and messages that run through them.
//!
//! JSON only; the vendor's XML forms are refused in the vendor's error shape. What is spoken,
//! which quirks are kept and where the facts come from is told in `docs/dialects/infobip.md`.
//! Start with `read/mod.rs` (the paths), then `status.rs` (the codes).

mod callback;
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
use model::{
    Answer, Call, Inbound, Refusal,
    call::{AuthFault, MessageReport},
    report::Occasion,
};

pub use self::settings::{CreateStatus, Key, Offset, SeenForm, Settings, User};
use crate::{
    Callback, Context, Credentials, Dialect, Identity, Proof, RetryPolicy,
    support::{self, key_name},
};

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
        read::body_limit(head.uri.path())
    }

    fn identities(&self, settings: &crate::Settings) -> Vec<Identity> {
        settings.infobip.as_ref().map(Settings::identities).unwrap_or_default()
    }

    fn credentials(&self, request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
        if read::signs_in(request) {
            return Ok(None);
        }
        let (scheme, rest) = support::authorization(request.headers())?;
        present(&scheme.to_ascii_lowercase(), rest)
            .map(Some)
            .ok_or(Refusal::Unauthenticated(AuthFault::Malformed))
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
        callback::callbacks(report, occasion, context)
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

/// Credentials by scheme (lower case).
fn present(scheme: &str, rest: &str) -> Option<Credentials> {
    if rest.is_empty() {
        return None;
    }
    match scheme {
        "basic" => {
            let (principal, password) = support::basic(rest)?;
            Some(Credentials { principal, proof: Proof::Plain(password) })
        }
        "app" => Some(Credentials { principal: key_name(rest), proof: Proof::Plain(rest.to_owned()) }),
        "ibsso" | "bearer" => {
            Some(Credentials { principal: String::new(), proof: Proof::Session(rest.to_owned()) })
        }
        _ => None,
    }
}
