//! Runs a link: connects, feeds the session state machine from the socket, and connects again.

use std::{io, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    deliveries::Deliveries,
    link::{Answer, Job, Link},
    session::{End, Failure, Outcome, Session},
    settings::Settings,
    status,
    transport::{Connection, Transport},
};
use crate::BoxFuture;

/// First and longest wait before connecting again.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LONGEST: Duration = Duration::from_secs(60);
/// Wait after refused credentials: carriers lock accounts that try fast.
const BACKOFF_CREDENTIALS: Duration = Duration::from_secs(30);
/// A link that held this long starts the next back-off from the beginning.
const STEADY: Duration = Duration::from_secs(10);
/// Octets read at once.
const READ_CHUNK: usize = 64 * 1024;
/// Unwritten octets beyond which nothing more is read: the peer has to take its answers first.
const MAX_UNWRITTEN: usize = 256 * 1024;
/// Parts in the session's queue beyond which further requests wait outside.
const MAX_QUEUED: usize = 4096;
/// Requests looked at before the next write, so that many travel in one segment of TCP.
const JOBS_AT_ONCE: usize = 64;

/// All that a link needs to run.
pub(super) struct Driver {
    pub(super) settings: Arc<Settings>,
    pub(super) transport: Arc<Transport>,
    pub(super) link: Arc<Link>,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) deliveries: Deliveries,
    pub(super) stop: CancellationToken,
}

impl Driver {
    /// Holds the link until stopped.
    pub(super) async fn run(mut self) {
        let mut tries = 0;
        while !self.stop.is_cancelled() {
            let begun = Instant::now();
            let wait = match self.hold().await {
                End::Unbound => break,
                End::BindRefused(refused) if status::is_credential_error(refused) => BACKOFF_CREDENTIALS,
                End::BindRefused(_)
                | End::BindTimeout
                | End::PeerUnbound
                | End::Silent
                | End::Garbage
                | End::NotBound
                | End::ConnectionLost => {
                    tries = if begun.elapsed() >= STEADY { 0 } else { tries + 1 };
                    backoff(tries)
                }
            };
            self.wait(wait).await;
        }
        self.jobs.close();
        while let Some(job) = self.jobs.recv().await {
            refuse(job);
        }
    }

    /// Connects and serves one session to its end.
    async fn hold(&mut self) -> End {
        let connected = {
            let (transport, stop) = (Arc::clone(&self.transport), self.stop.clone());
            let connect = async move {
                tokio::select! {
                    connected = transport.connect() => Some(connected),
                    () = stop.cancelled() => None,
                }
            };
            self.meanwhile(connect).await
        };
        let end = match connected {
            None => End::Unbound,
            Some(Ok(connection)) => Conversation::new(self, connection).serve().await,
            Some(Err(error)) => {
                self.link.set_error(format!("cannot connect: {}", error.kind()));
                End::ConnectionLost
            }
        };
        self.link.set_unbound();
        self.note(end);
        end
    }

    async fn wait(&mut self, wait: Duration) {
        let stop = self.stop.clone();
        let until = Instant::now() + wait;
        let pause = async move {
            tokio::select! {
                () = sleep_until(until) => {}
                () = stop.cancelled() => {}
            }
        };
        self.meanwhile(pause).await;
    }

    /// Refuses requests while there is no session to put them to.
    async fn meanwhile<O>(&mut self, work: impl Future<Output = O>) -> O {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                Some(job) = self.jobs.recv() => refuse(job),
            }
        }
    }

    fn note(&self, end: End) {
        match end {
            End::Unbound => tracing::info!("SMPP session unbound"),
            End::BindRefused(refused) => {
                let name = status::lookup(refused).name;
                tracing::error!(status = refused, name, "SMPP bind refused");
                self.link.set_error(format!("bind refused: 0x{refused:08X} {name}"));
            }
            End::ConnectionLost => tracing::warn!("SMPP connection lost"),
            other @ (End::BindTimeout | End::PeerUnbound | End::Silent | End::Garbage | End::NotBound) => {
                tracing::warn!(end = ?other, "SMPP session ended");
                self.link.set_error(format!("session ended: {}", words(other)));
            }
        }
    }
}

const fn words(end: End) -> &'static str {
    match end {
        End::BindRefused(_) => "bind refused",
        End::BindTimeout => "no answer to the bind",
        End::Unbound => "unbound",
        End::PeerUnbound => "unbound by the peer",
        End::Silent => "no answer to enquire_link",
        End::Garbage => "the peer's octets make no sense",
        End::NotBound => "the peer says that we are not bound",
        End::ConnectionLost => "connection lost",
    }
}

fn refuse(job: Job) {
    // Whoever asked may have gone; then nobody needs the answer.
    let _ = job.reply.send(Err(Failure::NotWritten));
}

/// Exponential back-off with full jitter.
fn backoff(tries: u32) -> Duration {
    let ceiling = BACKOFF_FIRST.saturating_mul(1 << tries.min(6)).min(BACKOFF_LONGEST);
    let random = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    ceiling.mul_f64(random)
}

/// One session on one connection.
struct Conversation<'a> {
    settings: &'a Settings,
    link: &'a Link,
    jobs: &'a mut mpsc::Receiver<Job>,
    deliveries: &'a mut Deliveries,
    stop: &'a CancellationToken,
    connection: Connection,
    session: Session<oneshot::Sender<Answer>>,
    unwritten: BytesMut,
    unflushed: bool,
    leaving: bool,
    end: Option<End>,
}

/// What happened next.
enum Happening {
    Read(io::Result<usize>),
    Wrote(io::Result<usize>),
    Flushed(io::Result<()>),
    Asked(Job),
    Stored,
    Stopped,
    Time,
}

impl<'a> Conversation<'a> {
    fn new(driver: &'a mut Driver, connection: Connection) -> Self {
        let session = Session::open(Arc::clone(&driver.settings), driver.link.role, now());
        Self {
            settings: &driver.settings,
            link: &driver.link,
            jobs: &mut driver.jobs,
            deliveries: &mut driver.deliveries,
            stop: &driver.stop,
            connection,
            session,
            unwritten: BytesMut::new(),
            unflushed: false,
            leaving: false,
            end: None,
        }
    }

    async fn serve(mut self) -> End {
        let mut chunk = BytesMut::with_capacity(READ_CHUNK);
        loop {
            self.settle();
            if let Some(end) = self.end {
                self.part().await;
                return end;
            }
            let happening = self.next(&mut chunk).await;
            self.handle(happening, &mut chunk);
        }
    }

    /// Acts on the session's outcomes and fetches its output.
    fn settle(&mut self) {
        self.deliveries.begin();
        while let Some(outcome) = self.session.next_outcome() {
            match outcome {
                Outcome::Bound { tlvs } => {
                    tracing::info!(role = ?self.link.role, tlvs, "SMPP session bound");
                    self.link.set_bound(tlvs);
                }
                // Whoever asked may have gone; then nobody needs the answer.
                Outcome::Finished { token, result } => drop(token.send(result)),
                Outcome::Delivered { call, delivery } => {
                    if let Some((call, status)) = self.deliveries.take(call, &delivery, now()) {
                        self.session.answer(call, status);
                    }
                }
                Outcome::Closed(end) => self.end = Some(end),
            }
        }
        self.deliveries.begin();
        if !self.session.is_bound() {
            self.link.set_unbound();
        }
        self.session.move_output(&mut self.unwritten);
    }

    async fn next(&mut self, chunk: &mut BytesMut) -> Happening {
        let (reader, writer) = &mut self.connection;
        let reading = self.unwritten.len() < MAX_UNWRITTEN && !self.deliveries.is_full();
        let writing = !self.unwritten.is_empty();
        // Without a bind the session refuses at once, which is better than to wait for one.
        let asking = self.session.queued() < MAX_QUEUED;
        let deadline = Instant::from_std(self.session.deadline());
        tokio::select! {
            read = reader.read_buf(chunk), if reading => Happening::Read(read),
            pushed = push(writer, &mut self.unwritten), if writing || self.unflushed => pushed,
            Some(job) = self.jobs.recv(), if asking => Happening::Asked(job),
            () = self.deliveries.stored(), if self.deliveries.is_storing() => Happening::Stored,
            () = self.stop.cancelled(), if !self.leaving => Happening::Stopped,
            () = sleep_until(deadline) => Happening::Time,
        }
    }

    fn handle(&mut self, happening: Happening, chunk: &mut BytesMut) {
        match happening {
            Happening::Read(Ok(1..)) => {
                self.session.receive(now(), chunk);
                chunk.clear();
            }
            Happening::Wrote(Ok(1..)) => {
                self.unflushed = true;
                self.session.note_unwritten(self.unwritten.len());
            }
            Happening::Flushed(Ok(())) => self.unflushed = false,
            Happening::Asked(job) => self.ask(job),
            Happening::Stored => {
                for (call, status) in self.deliveries.answers() {
                    self.session.answer(call, status);
                }
            }
            Happening::Stopped => {
                self.leaving = true;
                let drain = Duration::from_millis(u64::from(self.settings.drain_ms));
                self.session.unbind(now(), now() + drain);
            }
            Happening::Time => self.session.tick(now()),
            Happening::Read(Ok(0) | Err(_))
            | Happening::Wrote(Ok(0) | Err(_))
            | Happening::Flushed(Err(_)) => {
                self.link.set_error("connection lost".into());
                self.session.connection_lost();
            }
        }
    }

    fn ask(&mut self, job: Job) {
        let mut next = Some(job);
        for _ in 0..JOBS_AT_ONCE {
            let Some(job) = next else { return };
            self.session.submit(now(), job.parts, job.urgency, job.expires, job.reply);
            next = if self.session.queued() < MAX_QUEUED { self.jobs.try_recv().ok() } else { None };
        }
        if let Some(job) = next {
            self.session.submit(now(), job.parts, job.urgency, job.expires, job.reply);
        }
    }

    /// Writes the last words (an answer to `unbind`, a nack), and forgets deliveries that were
    /// not answered: the peer will tell them again.
    async fn part(&mut self) {
        let (_, writer) = &mut self.connection;
        let words = async {
            writer.write_all(&self.unwritten).await?;
            writer.shutdown().await
        };
        // The peer may be gone already; there is nobody to tell.
        let _ = tokio::time::timeout(Duration::from_secs(1), words).await;
        self.deliveries.abandon().await;
    }
}

/// Writes, or flushes what was written; the latter counts with TLS only.
async fn push<W: AsyncWrite + Unpin>(writer: &mut W, unwritten: &mut BytesMut) -> Happening {
    if unwritten.is_empty() {
        Happening::Flushed(writer.flush().await)
    } else {
        Happening::Wrote(writer.write_buf(unwritten).await)
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Storing that is under way.
pub(super) type Storing = BoxFuture<'static, bool>;
