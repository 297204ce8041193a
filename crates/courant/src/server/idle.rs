//! Ends connections that nothing comes of: strangers that connect and say nothing, callers that
//! went away without a word, and readers that stopped reading.
//!
//! Hyper bounds the time of a head on HTTP/1, but neither the time until it knows which HTTP is
//! spoken, nor anything on HTTP/2.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Duration, Instant, Sleep, sleep_until},
};

/// How long a connection may be without any octet while no request is in work.
pub(super) const IDLE: Duration = Duration::from_secs(120);
/// What HTTP/2 begins with; only after as many octets it is known which HTTP is spoken.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The requests of a connection that are in work.
#[derive(Clone, Debug, Default)]
pub(super) struct InWork(Arc<AtomicUsize>);

/// One request in work.
#[derive(Debug)]
pub(super) struct Work(Arc<AtomicUsize>);

impl InWork {
    /// One more, until it is dropped.
    pub(super) fn begin(&self) -> Work {
        self.0.fetch_add(1, Ordering::AcqRel);
        Work(Arc::clone(&self.0))
    }

    fn none(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A stream that fails when nothing comes of it.
pub(super) struct Watched<S> {
    inner: S,
    in_work: InWork,
    /// Octets of the preface seen, and until when they must have come; `None` once the HTTP is known.
    opening: Option<(usize, Instant)>,
    /// The last progress.
    last: Instant,
    writing: bool,
    sleep: Pin<Box<Sleep>>,
}

impl<S> Watched<S> {
    /// Watches a stream; `opening` bounds the time until it is known which HTTP is spoken.
    pub(super) fn new(inner: S, in_work: InWork, opening: Duration) -> Self {
        let now = Instant::now();
        let until = now + opening;
        let sleep = Box::pin(sleep_until(until));
        Self { inner, in_work, opening: Some((0, until)), last: now, writing: false, sleep }
    }

    /// Ready when the connection is to end.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let deadline = match self.opening {
            Some((_, until)) => until,
            None if !self.writing && !self.in_work.none() => {
                // Work counts as progress. When it is done, there is something to be written.
                self.last = Instant::now();
                return Poll::Pending;
            }
            None => self.last + IDLE,
        };
        // Progress puts the deadline off all the time. The alarm is moved when it rings.
        if deadline < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if self.sleep.deadline() >= deadline {
                return Poll::Ready(io::Error::from(io::ErrorKind::TimedOut));
            }
            self.sleep.as_mut().reset(deadline);
        }
    }

    fn note_read(&mut self, octets: &[u8]) {
        self.last = Instant::now();
        if let Some((seen, _)) = &mut self.opening {
            let expected = &PREFACE[*seen..];
            let known = octets.len().min(expected.len());
            *seen += known;
            if octets[..known] != expected[..known] || *seen == PREFACE.len() {
                self.opening = None;
            }
        }
    }

    fn note_write<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            (self.writing, self.last) = (false, Instant::now());
            return outcome;
        }
        if !self.writing {
            (self.writing, self.last) = (true, Instant::now());
        }
        self.poll_end(cx).map(Err)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.inner).poll_read(cx, buffer) {
            Poll::Ready(outcome) => {
                self.note_read(&buffer.filled()[before..]);
                Poll::Ready(outcome)
            }
            Poll::Pending => self.poll_end(cx).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, octets);
        self.note_write(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, pieces);
        self.note_write(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(cx);
        // A flush of nothing is no progress.
        if outcome.is_ready() { outcome } else { self.note_write(cx, outcome) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    const OPENING: Duration = Duration::from_secs(10);

    fn pair() -> (Watched<DuplexStream>, DuplexStream, InWork) {
        let (ours, theirs) = tokio::io::duplex(64);
        let in_work = InWork::default();
        (Watched::new(ours, in_work.clone(), OPENING), theirs, in_work)
    }

    async fn ends_after(watched: &mut Watched<DuplexStream>) -> Duration {
        let began = Instant::now();
        let mut octet = [0];
        while watched.read_exact(&mut octet).await.is_ok() {}
        began.elapsed()
    }

    fn about(elapsed: Duration, expected: Duration) -> bool {
        elapsed >= expected && elapsed < expected + Duration::from_millis(50)
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_gone_after_the_opening() {
        let (mut watched, _theirs, _) = pair();
        assert!(about(ends_after(&mut watched).await, OPENING));
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_ends_the_preface_is_gone_after_the_opening() {
        let (mut watched, mut theirs, _) = pair();
        theirs.write_all(&PREFACE[..PREFACE.len() - 1]).await.expect("written");
        assert!(about(ends_after(&mut watched).await, OPENING));
    }

    #[tokio::test(start_paused = true)]
    async fn who_spoke_may_be_silent_for_longer_but_not_for_ever() {
        for octets in [&b"GET / HTTP/1.1\r\n"[..], PREFACE] {
            let (mut watched, mut theirs, _) = pair();
            theirs.write_all(octets).await.expect("written");
            assert!(about(ends_after(&mut watched).await, IDLE));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_keeps_a_connection_and_its_end_starts_the_time_anew() {
        let (mut watched, mut theirs, in_work) = pair();
        theirs.write_all(b"GET / HTTP/1.1\r\n").await.expect("written");
        let work = in_work.begin();
        let began = Instant::now();
        let mut octets = [0; 17];
        let waited = tokio::time::timeout(IDLE * 3, watched.read_exact(&mut octets)).await;
        assert!(waited.is_err(), "it waits while there is work");
        drop(work);
        assert!(about(ends_after(&mut watched).await, IDLE));
        assert!(began.elapsed() >= IDLE * 4);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_reading_is_gone_even_while_there_is_work() {
        let (mut watched, mut theirs, in_work) = pair();
        theirs.write_all(b"GET / HTTP/1.1\r\n").await.expect("written");
        let mut octets = [0; 16];
        watched.read_exact(&mut octets).await.expect("read");
        let _work = in_work.begin();
        let began = Instant::now();
        let outcome = watched.write_all(&[b'x'; 1000]).await;
        assert_eq!(outcome.expect_err("it does not take it").kind(), io::ErrorKind::TimedOut);
        assert!(about(began.elapsed(), IDLE));
    }
}
