//! Large bodies: no limit on their time as a whole, as long as they make progress.

use std::{io, time::Duration};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout};

/// The fewest bytes per second, measured over windows of some length.
const LEAST_PER_SECOND: u64 = 32 * 1024;
/// Length of a window, in waits for the next bytes.
const WINDOW: u32 = 4;

/// How fast a body has to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Longest wait for the next bytes.
    idle: Duration,
}

impl Pace {
    /// With this longest wait for the next bytes, and at least 32 KB per second.
    pub(crate) fn new(idle: Duration) -> Self {
        Self { idle: idle.max(Duration::from_millis(1)) }
    }

    /// The body, which ends in an error when it does not keep up.
    pub(crate) fn keep(self, body: Body) -> Body {
        let state = Coming { pace: self, body: body.into_data_stream(), since: Instant::now(), bytes: 0 };
        Body::from_stream(stream::try_unfold(state, |mut coming| async move {
            let chunk = coming.next().await?;
            Ok::<_, io::Error>(chunk.map(|chunk| (chunk, coming)))
        }))
    }

    fn window(self) -> Duration {
        self.idle * WINDOW
    }

    fn least(self) -> u64 {
        u64::try_from(self.window().as_millis()).unwrap_or(u64::MAX).saturating_mul(LEAST_PER_SECOND) / 1000
    }
}

/// A body that is being received.
struct Coming {
    pace: Pace,
    body: BodyDataStream,
    /// When the present window began, and what came in it.
    since: Instant,
    bytes: u64,
}

impl Coming {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Ok(chunk) = timeout(self.pace.idle, self.body.next()).await else {
            return Err(slow());
        };
        let chunk = chunk.transpose().map_err(io::Error::other)?;
        self.bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if chunk.is_some() && self.since.elapsed() >= self.pace.window() {
            if self.bytes < self.pace.least() {
                return Err(slow());
            }
            (self.since, self.bytes) = (Instant::now(), 0);
        }
        Ok(chunk)
    }
}

fn slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the body comes too slowly")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// So many pieces of so many bytes, with a pause before each.
    fn body(pieces: usize, bytes: usize, pause: Duration) -> Body {
        Body::from_stream(stream::unfold(0, move |sent| async move {
            tokio::time::sleep(pause).await;
            (sent < pieces).then(|| (Ok::<_, io::Error>(Bytes::from(vec![b'x'; bytes])), sent + 1))
        }))
    }

    async fn received(body: Body) -> Option<usize> {
        let kept = Pace::new(Duration::from_secs(10)).keep(body);
        kept.collect().await.ok().map(|body| body.to_bytes().len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_makes_progress_may_take_as_long_as_it_wants() {
        let pause = Duration::from_secs(2);
        assert_eq!(received(body(1_000, 80_000, pause)).await, Some(80_000_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_pauses_too_long_or_drips_is_given_up() {
        assert_eq!(received(body(3, 10_000_000, Duration::from_secs(11))).await, None);
        assert_eq!(received(body(1_000, 10_000, Duration::from_secs(2))).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_body_may_come_in_drops() {
        assert_eq!(received(body(5, 10, Duration::from_secs(5))).await, Some(50));
    }
}
