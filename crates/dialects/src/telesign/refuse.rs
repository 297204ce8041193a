//! Refusals as the vendor's error bodies. Every one is JSON: the vendor's Node client parses all
//! answers and hides the HTTP status.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use model::{
    Refusal,
    call::{AuthFault, Feature, Missing},
};
use serde_json::Value;

use super::{
    path::Surface,
    wire::{Fault, Receipt, Status},
};
use crate::{Context, support};

/// HTTP status, code, description.
type Answer = (StatusCode, i32, String);

pub(super) fn refuse(request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Response<Bytes> {
    let surface = Surface::of(request.uri().path());
    let (http, code, description) = if surface.is_sms_family() {
        sms(refusal, request.method())
    } else {
        omnichannel(refusal, &surface, request.method())
    };
    let status = Status { code, description };
    let mut response = match surface {
        Surface::Omnichannel | Surface::Messaging => {
            let (reference_id, external_id) = echo(http, request, context);
            support::json(http, &Receipt { status, reference_id, external_id })
        }
        Surface::Message(_)
        | Surface::Templates
        | Surface::Template
        | Surface::Capability
        | Surface::Sms(_)
        | Surface::Completion(_)
        | Surface::Nowhere => support::json(http, &Fault { status }),
    };
    support::add_refusal_headers(&mut response, refusal);
    response
}

/// Telesign: a bad request has a reference, the other refusals of a submission have none. What
/// is echoed comes from the body, so nothing is before the caller is known.
fn echo(
    http: StatusCode,
    request: &Request<Bytes>,
    context: &Context<'_>,
) -> (Option<String>, Option<String>) {
    if http != StatusCode::BAD_REQUEST {
        return (None, None);
    }
    (Some(context.fresh.upper_hex()), external_id(request, context))
}

/// The caller's own id in the body, if there is a good one.
pub(super) fn external_id(request: &Request<Bytes>, context: &Context<'_>) -> Option<String> {
    let id = if Surface::of(request.uri().path()).is_sms_family() {
        support::form(request.body()).remove("external_id")?.into_iter().next()?
    } else {
        match support::parse_json(request.body(), context.settings).ok()?.get("external_id")? {
            Value::String(id) => id.clone(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return None;
            }
        }
    };
    super::read::check_external_id(Some(&id)).is_ok().then_some(id)
}

fn omnichannel(refusal: &Refusal, surface: &Surface, method: &Method) -> Answer {
    let is_post = method == Method::POST;
    match refusal {
        Refusal::TooLarge { .. } => {
            answer(StatusCode::PAYLOAD_TOO_LARGE, 3116, "Payload limit size exceeded")
        }
        Refusal::Unauthenticated(fault) => unauthenticated(*fault, is_post),
        Refusal::Forbidden => not_authorized(),
        Refusal::NotEnabled(feature) => not_enabled(*feature, is_post),
        Refusal::NotFound(missing) => not_found(*missing),
        Refusal::UnknownPath => answer(StatusCode::NOT_FOUND, 3110, "Invalid request"),
        Refusal::MethodNotAllowed { .. } => answer(StatusCode::METHOD_NOT_ALLOWED, 3110, "Invalid request"),
        Refusal::UnsupportedType | Refusal::Malformed(_) | Refusal::KeyConflict => {
            bad(3110, "Invalid request")
        }
        Refusal::MissingField(field) => missing_field(field),
        Refusal::InvalidField { field, value, .. } => invalid_field(field, value),
        Refusal::TooManyRecipients { .. } => bad(3110, "Invalid request"),
        Refusal::UnknownSender => bad(3109, "Invalid value for parameter sender_id"),
        // Not documented with an HTTP status; what the words call for.
        Refusal::LowBalance => {
            answer(StatusCode::PAYMENT_REQUIRED, 3073, "Insufficient funds in prepaid wallet")
        }
        Refusal::RateLimited { .. } => answer(StatusCode::TOO_MANY_REQUESTS, 3204, "Rate limit exceeded"),
        Refusal::Overloaded => unavailable(surface),
        Refusal::Internal => answer(StatusCode::INTERNAL_SERVER_ERROR, 3500, "System Unavailable"),
    }
}

fn answer(http: StatusCode, code: i32, description: impl Into<String>) -> Answer {
    (http, code, description.into())
}

fn bad(code: i32, description: impl Into<String>) -> Answer {
    answer(StatusCode::BAD_REQUEST, code, description)
}

fn unauthorized(code: i32, description: &str) -> Answer {
    answer(StatusCode::UNAUTHORIZED, code, description)
}

fn not_authorized() -> Answer {
    unauthorized(3400, "Not authorized")
}

/// Telesign has no codes here for bad signatures, nonces and dates. A wrong name and a wrong key
/// answer alike, so that names cannot be found out.
fn unauthenticated(fault: AuthFault, is_post: bool) -> Answer {
    match fault {
        AuthFault::Absent => unauthorized(3405, "Missing required `Authorization` header"),
        AuthFault::Malformed => {
            unauthorized(3412, "Required 'Authorization' header is not in the correct format")
        }
        AuthFault::UnknownPrincipal | AuthFault::WrongSecret if is_post => not_authorized(),
        AuthFault::UnknownPrincipal | AuthFault::WrongSecret => unauthorized(3411, "Invalid API Key."),
        AuthFault::WrongSignature | AuthFault::Replayed | AuthFault::ClockSkew => not_authorized(),
        AuthFault::Suspended => unauthorized(3406, "CustomerID Account Suspended."),
    }
}

/// Telesign: what the account lacks is 429 for submissions and 401 for questions.
fn not_enabled(feature: Feature, is_post: bool) -> Answer {
    let product = "Omnichannel Product not enabled for Customer ID";
    match feature {
        Feature::CallbackUrl => {
            answer(StatusCode::TOO_MANY_REQUESTS, 3203, "Callback URL parameter not enabled for Customer ID")
        }
        Feature::Templates => {
            answer(StatusCode::TOO_MANY_REQUESTS, 3818, "Product not enabled for Customer ID")
        }
        Feature::Capability => unauthorized(3210, "Capability Check not enabled for Customer ID"),
        Feature::Dialect | Feature::GeneratedCodes | Feature::Upload | Feature::ApiVersion if is_post => {
            answer(StatusCode::TOO_MANY_REQUESTS, 3206, product)
        }
        Feature::Dialect | Feature::GeneratedCodes | Feature::Upload | Feature::ApiVersion => {
            unauthorized(3206, product)
        }
    }
}

/// Telesign: one code for references that ran out; unknown ones cannot be told from them.
fn not_found(missing: Missing) -> Answer {
    match missing {
        Missing::Message
        | Missing::MessageExpired
        | Missing::Scenario
        | Missing::DefaultScenario
        | Missing::Media => answer(StatusCode::NOT_FOUND, -10004, "ReferenceID expired."),
    }
}

fn unavailable(surface: &Surface) -> Answer {
    let http = StatusCode::SERVICE_UNAVAILABLE;
    match surface {
        // Telesign: the status call has a code of its own.
        Surface::Message(_) => answer(http, 3041, "System unavailable"),
        Surface::Omnichannel
        | Surface::Templates
        | Surface::Template
        | Surface::Capability
        | Surface::Messaging
        | Surface::Sms(_)
        | Surface::Completion(_)
        | Surface::Nowhere => answer(http, 3500, "System Unavailable"),
    }
}

fn missing_field(field: &str) -> Answer {
    let code = match field {
        "channels" => 3300,
        "channel" => 3301,
        "phone_number" => 3302,
        "message" => 3303,
        "message_type" => 3304,
        _ => return bad(3110, "Invalid request"),
    };
    bad(code, format!("Missing parameter {field}"))
}

fn invalid_field(field: &str, value: &str) -> Answer {
    match field {
        "channels" => bad(3113, format!("Invalid value for parameter channel: {value}")),
        "message_type" => bad(3102, format!("Invalid value for parameter message_type: {value}")),
        "external_id" => bad(3103, format!("Unsupported value for parameter external_id: {value}")),
        "account_lifecycle_event" => {
            bad(3104, format!("Invalid value for parameter account_lifecycle_event: {value}"))
        }
        "originating_ip" => bad(3105, format!("Invalid value for parameter originating_ip: {value}")),
        "callback_url" => bad(3106, format!("Invalid value for parameter callback_url: {value}")),
        "reference_id" => bad(3311, "Invalid value for parameter reference_id"),
        _ => bad(3110, "Invalid request"),
    }
}

/// The SMS family's codes.
fn sms(refusal: &Refusal, method: &Method) -> Answer {
    match refusal {
        Refusal::Unauthenticated(fault) => sms_unauthenticated(*fault),
        Refusal::Forbidden => unauthorized(10011, "This product is not enabled for this Customer ID."),
        Refusal::NotEnabled(Feature::CallbackUrl) => sms_invalid("callback_url"),
        Refusal::NotEnabled(_) => unauthorized(10011, "This product is not enabled for this Customer ID."),
        Refusal::MissingField(field) => sms_missing(field),
        Refusal::InvalidField { field, .. } => sms_invalid(field),
        Refusal::UnknownSender => sms_invalid("sender_id"),
        Refusal::RateLimited { .. } => answer(StatusCode::TOO_MANY_REQUESTS, 10019, "Rate Limit Exceeded"),
        Refusal::LowBalance => answer(
            StatusCode::TOO_MANY_REQUESTS,
            10020,
            "Product exceeded transaction hard cap. Request denied.",
        ),
        Refusal::Overloaded => answer(StatusCode::SERVICE_UNAVAILABLE, 10000, "System Unavailable"),
        Refusal::Internal => answer(StatusCode::INTERNAL_SERVER_ERROR, 10000, "System Unavailable"),
        // The rest reads the same in both families.
        Refusal::TooLarge { .. }
        | Refusal::NotFound(_)
        | Refusal::UnknownPath
        | Refusal::MethodNotAllowed { .. }
        | Refusal::UnsupportedType
        | Refusal::Malformed(_)
        | Refusal::TooManyRecipients { .. }
        | Refusal::KeyConflict => omnichannel(refusal, &Surface::Nowhere, method),
    }
}

fn sms_unauthenticated(fault: AuthFault) -> Answer {
    match fault {
        AuthFault::Replayed => unauthorized(10002, "'x-ts-nonce' header value has been used recently"),
        AuthFault::ClockSkew => {
            unauthorized(10004, "'Date' or 'x-ts-date' header is not within tolerable range")
        }
        AuthFault::WrongSignature => unauthorized(10008, "Invalid Signature"),
        AuthFault::Absent => unauthorized(10009, "Missing required 'Authorization' header"),
        AuthFault::Suspended => unauthorized(10010, "Customer ID Account Suspended."),
        // A wrong name and a wrong key answer alike.
        AuthFault::UnknownPrincipal | AuthFault::WrongSecret => unauthorized(10022, "Invalid API Key."),
        AuthFault::Malformed => {
            unauthorized(10028, "Required 'Authorization' header is not in the correct format")
        }
    }
}

fn sms_missing(field: &str) -> Answer {
    let code = match field {
        "phone_number" => 12000,
        "message" => 12009,
        "message_type" => 12017,
        _ => return bad(3110, "Invalid request"),
    };
    bad(code, format!("Missing Required Parameter {field}"))
}

fn sms_invalid(field: &str) -> Answer {
    // Telesign: some of these texts end in a full stop, some do not.
    match field {
        "phone_number" => bad(11000, "Invalid value for parameter phone_number."),
        "account_lifecycle_event" => bad(11003, "Invalid value for parameter account_lifecycle_event"),
        "callback_url" => bad(11004, "Invalid value for parameter callback_url"),
        "message" => bad(11009, "Invalid value for parameter message."),
        "originating_ip" => bad(11010, "Invalid value for parameter originating_ip."),
        "sender_id" => bad(11013, "Invalid value for parameter sender_id."),
        "external_id" => bad(11016, "Invalid value for parameter external_id"),
        "message_type" => bad(11017, "Invalid value for parameter message_type."),
        "dlt_template_id" => bad(11034, "Invalid value for parameter dlt_template_id"),
        "dlt_entity_id" => bad(11035, "Invalid value for parameter dlt_entity_id"),
        "reference_id" => bad(3311, "Invalid value for parameter reference_id"),
        _ => bad(3110, "Invalid request"),
    }
}
