//! Reads request bodies within bounds of size and time.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use model::Span;

use super::pace::Pace;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It has more bytes than allowed.
    TooLarge,
    /// It did not come in time.
    Slow,
    /// The client went away or broke the protocol.
    Broken,
}

/// The whole body, at most `limit` bytes, within `timeout`.
pub(crate) async fn read(
    body: Body,
    declared: Option<u64>,
    limit: u64,
    timeout: Span,
) -> Result<Bytes, BodyFault> {
    let whole = collect(body, declared, limit);
    tokio::time::timeout(timeout.to_std(), whole).await.unwrap_or(Err(BodyFault::Slow))
}

/// The whole body, at most `limit` bytes, which may take its time while it keeps to the pace.
pub(crate) async fn read_steadily(
    body: Body,
    declared: Option<u64>,
    limit: u64,
    pace: Pace,
) -> Result<Bytes, BodyFault> {
    collect(pace.keep(body), declared, limit).await
}

async fn collect(body: Body, declared: Option<u64>, limit: u64) -> Result<Bytes, BodyFault> {
    if declared.is_some_and(|declared| declared > limit) {
        return Err(BodyFault::TooLarge);
    }
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge),
        Err(_) => Err(BodyFault::Broken),
    }
}

/// The `Content-Length`, if it is one.
pub(crate) fn declared(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
