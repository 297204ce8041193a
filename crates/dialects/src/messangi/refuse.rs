//! Refusals as responses. Messangi documents `errors.reason` and the status 429 only; the
//! envelope around is that of success.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use model::{Refusal, call::AuthFault};

use super::{
    path::Surface,
    wire::{Errors, Refused},
    write::{meta, with_quota},
};
use crate::{Context, support};

pub(super) fn refuse(request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Response<Bytes> {
    let surface = Surface::of(request.uri().path());
    let status = status(refusal, surface);
    let explain = status.canonical_reason().unwrap_or_default();
    let body = Refused {
        meta: meta(context.now, context.fresh, explain),
        errors: Errors { reason: reason(refusal) },
    };
    let mut response = support::json(status, &body);
    support::add_refusal_headers(&mut response, refusal);
    let retry = match refusal {
        Refusal::RateLimited { retry_after } => Some(*retry_after),
        _ => None,
    };
    if surface == Surface::Login { response } else { with_quota(response, context, retry) }
}

fn status(refusal: &Refusal, surface: Surface) -> StatusCode {
    match refusal {
        Refusal::Malformed(_)
        | Refusal::MissingField(_)
        | Refusal::InvalidField { .. }
        | Refusal::TooManyRecipients { .. } => StatusCode::BAD_REQUEST,
        // Clients take only 403 for a failed sign-in.
        Refusal::Unauthenticated(_) if surface == Surface::Login => StatusCode::FORBIDDEN,
        Refusal::Unauthenticated(AuthFault::Suspended) => StatusCode::FORBIDDEN,
        Refusal::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Refusal::Forbidden | Refusal::NotEnabled(_) | Refusal::UnknownSender => StatusCode::FORBIDDEN,
        Refusal::LowBalance => StatusCode::PAYMENT_REQUIRED,
        Refusal::NotFound(_) | Refusal::UnknownPath => StatusCode::NOT_FOUND,
        Refusal::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::KeyConflict => StatusCode::CONFLICT,
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The sentence for people. Values given by the caller are not repeated: they may be content.
fn reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::RateLimited { .. } => "Too Many Requests".to_owned(),
        Refusal::InvalidField { field, reason, .. } => format!("{}: {reason}", shown(field)),
        Refusal::MissingField(field) => format!("{} is missing", shown(field)),
        Refusal::Unauthenticated(AuthFault::Absent) => "Missing bearer token".to_owned(),
        Refusal::Unauthenticated(AuthFault::Suspended) => "Account suspended".to_owned(),
        // One text for unknown users and wrong passwords: guesses learn nothing.
        Refusal::Unauthenticated(_) => "Invalid credentials".to_owned(),
        Refusal::UnknownSender => "CODE_NOT_ALLOWED".to_owned(),
        Refusal::TooLarge { .. }
        | Refusal::Forbidden
        | Refusal::NotEnabled(_)
        | Refusal::NotFound(_)
        | Refusal::UnknownPath
        | Refusal::MethodNotAllowed { .. }
        | Refusal::UnsupportedType
        | Refusal::Malformed(_)
        | Refusal::TooManyRecipients { .. }
        | Refusal::LowBalance
        | Refusal::Overloaded
        | Refusal::KeyConflict
        | Refusal::Internal => refusal.to_string(),
    }
}

/// A member's path, shortened: the names in it are the caller's.
fn shown(field: &str) -> &str {
    support::truncate_chars(field, 200)
}
