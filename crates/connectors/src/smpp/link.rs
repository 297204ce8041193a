//! One link as others see it: where requests are put, and how it is doing.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use model::message::Priority;
use tokio::sync::{mpsc, oneshot};

use super::{encode::Request, session::Failure, session::Role};

/// Most requests that wait to be looked at by a link.
const MAX_JOBS: usize = 1024;

/// What became of a request.
pub(super) type Answer = Result<Vec<String>, Failure>;

/// A request to a link.
#[derive(Debug)]
pub(super) struct Job {
    /// PDUs that belong together.
    pub(super) parts: Vec<Request>,
    /// How urgent they are.
    pub(super) urgency: Priority,
    /// Until when they may wait to be written.
    pub(super) expires: Instant,
    /// Where the answer goes.
    pub(super) reply: oneshot::Sender<Answer>,
}

/// The shared state of a link.
#[derive(Debug)]
pub(super) struct Link {
    /// What it is for.
    pub(super) role: Role,
    jobs: mpsc::Sender<Job>,
    bound: AtomicBool,
    binds: AtomicU64,
    tlvs: AtomicBool,
    load: AtomicUsize,
    last_error: Mutex<Option<String>>,
}

impl Link {
    /// A link that is not connected yet, and its requests.
    pub(super) fn new(role: Role) -> (Self, mpsc::Receiver<Job>) {
        let (jobs, receiver) = mpsc::channel(MAX_JOBS);
        let link = Self {
            role,
            jobs,
            bound: AtomicBool::new(false),
            binds: AtomicU64::new(0),
            tlvs: AtomicBool::new(false),
            load: AtomicUsize::new(0),
            last_error: Mutex::default(),
        };
        (link, receiver)
    }

    /// Whether it is bound.
    pub(super) fn is_bound(&self) -> bool {
        self.bound.load(Ordering::Acquire)
    }

    /// Whether its peer understands TLVs.
    pub(super) fn takes_tlvs(&self) -> bool {
        self.tlvs.load(Ordering::Acquire)
    }

    /// How many PDUs are under way on it.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// The last thing that went wrong.
    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_bound(&self, tlvs: bool) {
        self.tlvs.store(tlvs, Ordering::Release);
        self.bound.store(true, Ordering::Release);
        self.binds.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was bound.
    pub(super) fn binds(&self) -> u64 {
        self.binds.load(Ordering::Relaxed)
    }

    pub(super) fn set_unbound(&self) {
        self.bound.store(false, Ordering::Release);
    }

    pub(super) fn set_error(&self, text: String) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// Submits PDUs that belong together and waits until all are settled.
    pub(super) async fn request(&self, parts: Vec<Request>, urgency: Priority, expires: Instant) -> Answer {
        let _load = Load::new(&self.load, parts.len());
        let (reply, answer) = oneshot::channel();
        if self.jobs.send(Job { parts, urgency, expires, reply }).await.is_err() {
            return Err(Failure::NotWritten);
        }
        // The link answers every job it takes; if it broke down we cannot know how far it came.
        answer.await.unwrap_or(Err(Failure::Unknown))
    }
}

/// Counts PDUs for as long as somebody waits for them.
struct Load<'a>(&'a AtomicUsize, usize);

impl<'a> Load<'a> {
    fn new(load: &'a AtomicUsize, parts: usize) -> Self {
        load.fetch_add(parts, Ordering::Relaxed);
        Self(load, parts)
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::Relaxed);
    }
}
