//! Reads request bodies within bounds of size and time.

use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use model::Span;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
    /// There is no room for it now.
    NoRoom,
}

/// Room for bodies in memory, shared by all connections. What counts is what came, not what was
/// announced, so that an announcement takes nothing away from others.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

/// A body, with the room it takes.
#[derive(Debug)]
pub(crate) struct Held {
    /// The body.
    pub(crate) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// What room is counted in, in bytes.
const UNIT: usize = 1024;

impl Room {
    /// Room for so many megabytes (MiB).
    #[must_use]
    pub fn new(megabytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(megabytes.saturating_mul(1024).min(Semaphore::MAX_PERMITS))))
    }

    /// Makes room for `bytes` in all, beside what is held already.
    fn grow(&self, held: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), BodyFault> {
        let missing = bytes.div_ceil(UNIT) - held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| BodyFault::NoRoom)?;
        let more = Arc::clone(&self.0).try_acquire_many_owned(missing).map_err(|_| BodyFault::NoRoom)?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// The whole body, at most `limit` bytes, within `timeout`, if there is `room`. Uploads, which
/// are counted otherwise, need none.
pub(crate) async fn read(
    body: Body,
    declared: Option<u64>,
    limit: u64,
    timeout: Span,
    room: Option<&Room>,
) -> Result<Held, BodyFault> {
    let whole = bounded(body, declared, limit, room);
    tokio::time::timeout(timeout.to_std(), whole).await.unwrap_or(Err(BodyFault::Slow))
}

/// The whole body of an upload, at most `limit` bytes, which may take its time while it keeps to
/// the pace.
pub(crate) async fn read_steadily(
    body: Body,
    declared: Option<u64>,
    limit: u64,
    pace: Pace,
) -> Result<Held, BodyFault> {
    bounded(pace.keep(body), declared, limit, None).await
}

async fn bounded(
    body: Body,
    declared: Option<u64>,
    limit: u64,
    room: Option<&Room>,
) -> Result<Held, BodyFault> {
    if declared.is_some_and(|declared| declared > limit) {
        return Err(BodyFault::TooLarge);
    }
    collect(body, usize::try_from(limit).unwrap_or(usize::MAX), room).await
}

async fn collect(mut body: Body, limit: usize, room: Option<&Room>) -> Result<Held, BodyFault> {
    let (mut bytes, mut held) = (BytesMut::new(), None);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyFault::Broken)?.into_data() else { continue };
        if data.len() > limit - bytes.len() {
            return Err(BodyFault::TooLarge);
        }
        if let Some(room) = room {
            room.grow(&mut held, bytes.len() + data.len())?;
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Held { bytes: bytes.freeze(), _room: held })
}

/// The `Content-Length`, if it is one.
pub(crate) fn declared(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
