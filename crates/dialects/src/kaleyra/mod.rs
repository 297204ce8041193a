//! Kaleyra's WhatsApp API of the second version, and the older calls that its clients still use.
//!
//! `POST /v2/{sid}/whatsapp/{phone_number}/messages` passes a Cloud API message object on to one
//! or many recipients; files are uploaded beside it. `/v1/{sid}/messages` is the form-encoded
//! call for WhatsApp and SMS, `/v1/{sid}/sms` and `/v2/{sid}/messages` send SMS, and a fallback
//! flow runs WhatsApp and SMS in order. Management of templates, numbers and groups, resumable
//! uploads, consent, email and verification are not spoken.
//!
//! Start with `read/whatsapp.rs` for what is taken and `status.rs` for the codes. What we speak,
//! and where the vendor's pages are silent, is told in `docs/dialects/kaleyra.md`.

mod callback;
mod credentials;
mod fields;
mod ids;
mod multipart;
mod path;
mod read;
mod refuse;
mod settings;
mod status;
mod wire;
mod write;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http::{Request, Response};
use model::{Answer, Call, Inbound, Refusal, call::MessageReport, report::Occasion};

use self::{path::Surface, settings::of};
pub use self::{
    settings::{AccountType, BodyFormat, Flow, FlowStep, Generation, Method, Profile, Settings},
    status::{CodeRow, MetaCode, NotSent, code_table},
};
use crate::{Callback, Context, Credentials, Dialect, Identity, RetryPolicy};

/// A thousand numbers and the largest of Meta's objects fit well.
const MESSAGE_LIMIT: u64 = 1024 * 1024;
/// Meta: documents have at most 100 MB; the parts around the file are small.
const UPLOAD_LIMIT: u64 = 100 * 1024 * 1024 + 64 * 1024;

/// The dialect.
#[derive(Clone, Copy, Debug)]
pub struct Kaleyra;

impl Dialect for Kaleyra {
    fn name(&self) -> &'static str {
        "kaleyra"
    }

    fn claims(&self, segments: &[&str]) -> bool {
        matches!(segments, ["v1" | "v2", sid, ..] if settings::is_sid(sid))
    }

    fn body_limit(&self, head: &http::request::Parts) -> u64 {
        match Surface::of(head.uri.path()) {
            Surface::Media { .. } => UPLOAD_LIMIT,
            Surface::Probe
            | Surface::Messages { .. }
            | Surface::Message { .. }
            | Surface::SmsJson
            | Surface::FormMessages
            | Surface::FormSms
            | Surface::Statuses
            | Surface::Invoke(_)
            | Surface::Templates
            | Surface::ResumableMedia
            | Surface::Nowhere => MESSAGE_LIMIT,
        }
    }

    fn identities(&self, settings: &crate::Settings) -> Vec<Identity> {
        settings.kaleyra.iter().flat_map(credentials::identities).collect()
    }

    fn credentials(&self, request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
        credentials::present(request)
    }

    fn read(&self, request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
        let settings = of(context).ok_or(Refusal::NotEnabled(model::call::Feature::Dialect))?;
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

    fn refuse(&self, request: &Request<Bytes>, refusal: &Refusal, _context: &Context<'_>) -> Response<Bytes> {
        refuse::refuse(request, refusal)
    }

    fn callback(&self, report: &MessageReport, occasion: &Occasion, context: &Context<'_>) -> Vec<Callback> {
        of(context).and_then(|settings| callback::report(report, occasion, settings)).into_iter().collect()
    }

    fn inbound(&self, inbound: &Inbound, context: &Context<'_>) -> Vec<Callback> {
        of(context).and_then(|settings| callback::inbound(inbound, context, settings)).into_iter().collect()
    }

    fn retry_policy(&self, _settings: &crate::Settings) -> RetryPolicy {
        callback::retry_policy()
    }
}
