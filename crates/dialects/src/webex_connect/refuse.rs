//! Refusals as responses: v1 with HTTP 200 and an object, v2 with real statuses.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use model::{Refusal, call::AuthFault};

use super::{
    channels::PARAMETER_TOO_LARGE,
    path::Surface,
    read::{Delivery, EXPIRED},
    settings::own,
    wire::{RefusedReasonV1, RefusedV1, RefusedV2},
};
use crate::{Context, fields::Fields, support};

pub(super) fn refuse(request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Response<Bytes> {
    let mut response =
        if Surface::of(request.uri().path()).is_v2() { v2(refusal) } else { v1(request, refusal, context) };
    support::add_refusal_headers(&mut response, refusal);
    response
}

fn v1(request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Response<Bytes> {
    let channel = channel(request, refusal, context);
    let whatsapp = channel.as_deref().and_then(Delivery::parse) == Some(Delivery::Whatsapp);
    let status = match refusal {
        Refusal::UnknownPath => StatusCode::NOT_FOUND,
        Refusal::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        // Not the caller's mistakes: a client that looks at the status should try again.
        Refusal::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ if whatsapp => own(context)
            .whatsapp_error_status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::OK),
        _ => StatusCode::OK,
    };
    let response = RefusedReasonV1 {
        code: code(refusal),
        description: description(refusal, channel.as_deref()),
        transid: context.fresh.uuid(),
    };
    support::json(status, &RefusedV1 { response })
}

/// The channel a refused request named, for the wording and the status of its refusal.
fn channel(request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Option<String> {
    if matches!(refusal, Refusal::TooLarge { .. } | Refusal::UnknownPath | Refusal::MethodNotAllowed { .. }) {
        return None;
    }
    let body = support::parse_json(request.body(), context.settings).ok()?;
    let channel = Fields::root(&body).ok()?.text("deliverychannel").ok()??;
    Some(support::truncate_chars(channel, 30).to_owned())
}

fn v2(refusal: &Refusal) -> Response<Bytes> {
    let status = match refusal {
        Refusal::Unauthenticated(_) => return empty(StatusCode::UNAUTHORIZED),
        Refusal::Forbidden | Refusal::NotEnabled(_) => StatusCode::FORBIDDEN,
        Refusal::NotFound(_) | Refusal::UnknownPath => StatusCode::NOT_FOUND,
        Refusal::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Refusal::Malformed(_)
        | Refusal::MissingField(_)
        | Refusal::InvalidField { .. }
        | Refusal::TooManyRecipients { .. }
        | Refusal::UnknownSender
        | Refusal::LowBalance
        | Refusal::KeyConflict => StatusCode::BAD_REQUEST,
    };
    support::json(status, &RefusedV2 { code: code(refusal), message: description(refusal, None) })
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// The vendor's code of a refusal.
pub(super) fn code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed(_) => "7000",
        Refusal::Unauthenticated(AuthFault::Absent) => "7002",
        Refusal::Unauthenticated(AuthFault::Suspended) | Refusal::NotEnabled(_) => "7007",
        Refusal::Unauthenticated(
            AuthFault::Malformed
            | AuthFault::UnknownPrincipal
            | AuthFault::WrongSecret
            | AuthFault::WrongSignature
            | AuthFault::Replayed
            | AuthFault::ClockSkew,
        ) => "7001",
        Refusal::Forbidden => "7010",
        Refusal::MissingField(field) => missing_code(field),
        Refusal::InvalidField { field, reason, .. } => invalid_code(field, reason),
        Refusal::TooManyRecipients { .. } => "7009",
        Refusal::UnknownSender
        | Refusal::NotFound(_)
        | Refusal::UnknownPath
        | Refusal::MethodNotAllowed { .. }
        | Refusal::KeyConflict => "7004",
        Refusal::LowBalance | Refusal::RateLimited { .. } => "7020",
        Refusal::TooLarge { .. } => "7022",
        Refusal::UnsupportedType => "7126",
        Refusal::Overloaded | Refusal::Internal => "7006",
    }
}

fn missing_code(field: &str) -> &'static str {
    if field.starts_with("contactPolicy") { "9001" } else { "7003" }
}

fn invalid_code(field: &str, reason: &str) -> &'static str {
    match (field, reason) {
        (_, EXPIRED) => "7005",
        (_, PARAMETER_TOO_LARGE) => "7026",
        ("appid", _) => "7104",
        ("message.template" | "template.id", _) => "7108",
        ("contactPolicy", _) => "9000",
        _ => "7004",
    }
}

/// The sentence for people. Values given by the caller are not repeated: they may be content.
fn description(refusal: &Refusal, channel: Option<&str>) -> String {
    let for_channel = channel.map(|channel| format!(" for channel {channel}")).unwrap_or_default();
    match refusal {
        Refusal::Unauthenticated(AuthFault::Absent) => "Service key is missing.".to_owned(),
        Refusal::Unauthenticated(AuthFault::Suspended) => "Service is not active.".to_owned(),
        Refusal::Unauthenticated(_) => "Authentication failed.".to_owned(),
        Refusal::Malformed(detail) => format!("Invalid JSON: {detail}"),
        Refusal::MissingField(field) => format!("param '{}' missing{for_channel}", shown(field)),
        Refusal::InvalidField { field, reason, .. } => {
            format!("param '{}' has an invalid value{for_channel}: {reason}", shown(field))
        }
        Refusal::TooManyRecipients { limit } => format!("More than {limit} destinations in one request."),
        Refusal::RateLimited { .. } => "Transaction limit reached.".to_owned(),
        Refusal::TooLarge { .. }
        | Refusal::Forbidden
        | Refusal::NotEnabled(_)
        | Refusal::NotFound(_)
        | Refusal::UnknownPath
        | Refusal::MethodNotAllowed { .. }
        | Refusal::UnsupportedType
        | Refusal::UnknownSender
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
