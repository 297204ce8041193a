//! What is wrong with a request, as `application/problem+json` (RFC 9457).

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use model::Refusal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::StoreError;

use crate::operate::Fault;

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// What kind of problem, for programs.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong with this request, and what to do.
    pub detail: String,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:courant:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
        }
    }

    /// 400: something in the request cannot be taken.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", "The request cannot be taken", detail)
    }

    /// 401: nobody known.
    pub(super) fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "A token is needed", detail)
    }

    /// 403: known, but not allowed.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The token may not do this", detail)
    }

    /// 404.
    pub(super) fn missing(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    /// 405.
    pub(super) fn wrong_method() -> Self {
        let detail = "this path has other methods; the Allow header names them";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    /// 409: it stands against what is.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "It stands against what is", detail)
    }

    /// 413.
    pub(super) fn too_large(limit: u64) -> Self {
        let detail = format!("the body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
    }

    /// 415.
    pub(super) fn wrong_type() -> Self {
        let detail = "send JSON with Content-Type: application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-type", "The body is not JSON", detail)
    }

    /// 503: come back later.
    pub(super) fn overloaded() -> Self {
        let detail = "more work waits than is taken, or the program ends; try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Not now", detail)
    }

    /// 500: our side.
    pub(super) fn internal() -> Self {
        let detail = "the log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here", detail)
    }

    /// The answer.
    #[must_use]
    pub fn response(&self) -> Response<Bytes> {
        let json = serde_json::to_vec(self).expect("our own types serialise");
        let mut response = Response::new(Bytes::from(json));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full | StoreError::Busy | StoreError::Closed => Self::overloaded(),
            StoreError::Other(text) => {
                tracing::error!(error = %text, "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing(_) => Self::missing(fault.to_string()),
            Fault::Invalid(text) => Self::invalid(text),
            Fault::Conflict(text) => Self::conflict(text),
            Fault::Refused(refusal) => refusal.into(),
            Fault::Store(error) => error.into(),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooLarge { limit } => Self::too_large(limit),
            Refusal::Unauthenticated(_) => Self::unauthenticated(refusal.to_string()),
            Refusal::Forbidden | Refusal::NotEnabled(_) => Self::forbidden(refusal.to_string()),
            Refusal::NotFound(_) | Refusal::UnknownPath => Self::missing(refusal.to_string()),
            Refusal::MethodNotAllowed { .. } => Self::wrong_method(),
            Refusal::UnsupportedType => Self::wrong_type(),
            Refusal::Malformed(_)
            | Refusal::MissingField(_)
            | Refusal::InvalidField { .. }
            | Refusal::TooManyRecipients { .. }
            | Refusal::UnknownSender => Self::invalid(refusal.to_string()),
            Refusal::LowBalance => Self::conflict(refusal.to_string()),
            Refusal::RateLimited { .. } | Refusal::Overloaded => Self::overloaded(),
            Refusal::KeyConflict => {
                Self::conflict("this Idempotency-Key was used with another request; use a new one")
            }
            Refusal::Internal => Self::internal(),
        }
    }
}
