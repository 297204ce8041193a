//! Everything outside the process: what is going to happen, and the ledger of what did. It
//! outlives the lives of the gateway.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use courant::clock;
use engine::callback::Outcome;
use model::{AttemptId, Cause, MessageId, NetworkEvent, ReceiptStatus, Span, Time};
use tokio::sync::Notify;

use crate::{
    dice::Dice,
    memory::{Disk, Shelf},
    orders::Order,
    payments::Payment,
    profile::Profile,
};

/// Something that is going to happen.
#[derive(Clone, Debug)]
pub enum Errand {
    /// A client asks (again).
    Submit(usize),
    /// An operator puts money into an account (again).
    Pay(usize),
    /// A client cancels some message.
    Cancel,
    /// An attempt reaches its network.
    Arrive(AttemptId),
    /// A network tells something.
    Tell(Box<Tale>),
    /// The clock jumps.
    Jump(Span),
    /// The process is killed.
    Kill,
    /// The process is stopped in order and started again.
    Restart,
    /// Nothing goes wrong from now on.
    Calm,
}

/// Something that a network tells until it is heard.
#[derive(Clone, Debug)]
pub struct Tale {
    /// Index of the network.
    pub network: usize,
    /// What it tells.
    pub event: NetworkEvent,
    /// The attempt it is about, and the news.
    pub about: Option<(AttemptId, ReceiptStatus)>,
}

/// What really became of a hand-over.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The attempt.
    pub attempt: AttemptId,
    /// Index of the network.
    pub network: usize,
    /// When the gateway began it.
    pub at: Time,
    /// What the network will make of it.
    pub fate: Fate,
    /// The network has it.
    pub taken: bool,
    /// The network gave it back.
    pub recalled: bool,
    /// The network told that it failed.
    pub failed: bool,
    /// The network's ids.
    pub upstream: Vec<String>,
    /// News that the gateway confirmed to have stored.
    pub confirmed: Vec<(Option<String>, ReceiptStatus)>,
}

/// What a network makes of a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Takes it.
    Takes,
    /// Refuses it.
    Refuses(Cause),
    /// Takes it, and the answer is lost.
    TakesSilently,
    /// Never gets it, and nobody can tell.
    Misses,
}

/// A callback as its receiver saw it.
#[derive(Clone, Copy, Debug)]
pub struct Posted {
    /// When the request came.
    pub at: Time,
    /// What the gateway was told.
    pub outcome: Option<Outcome>,
}

/// The world's state.
pub struct Inner {
    /// Chance of faults.
    pub dice: Dice,
    /// What this run is about.
    pub profile: Profile,
    /// Faults happen.
    pub faults: bool,
    /// The process is about to end.
    pub ending: bool,
    /// What is going to happen.
    pub agenda: BTreeMap<(Time, u64), Errand>,
    /// Tales being told in this life.
    pub telling: BTreeMap<u64, Tale>,
    /// Requests of clients being worked on in this life: order by number.
    pub asking: BTreeMap<u64, usize>,
    /// Hand-overs in order of time.
    pub handed: Vec<Handed>,
    /// Their places.
    pub by_attempt: BTreeMap<AttemptId, usize>,
    /// Attempts whose message was settled in the commit that took them.
    pub doomed: BTreeSet<AttemptId>,
    /// Messages of which the gateway confirmed the cancellation.
    pub cancelled: BTreeSet<MessageId>,
    /// Callbacks by address and body.
    pub posted: BTreeMap<(String, String), Vec<Posted>>,
    /// Submissions.
    pub orders: Vec<Order>,
    /// Payments into accounts.
    pub payments: Vec<Payment>,
    /// Inbound messages by their network id: heard or not.
    pub inbound: BTreeMap<String, bool>,
    /// How often the process ended.
    pub crashes: u64,
    /// The first thing found wrong.
    pub failure: Option<String>,
    /// What happened, if somebody wants to read it.
    pub trace: Option<Vec<String>>,
    serial: u64,
}

/// The world, shared by everything in one run.
#[derive(Clone)]
pub struct World {
    inner: Arc<Mutex<Inner>>,
    /// What outlives processes.
    pub disk: Disk,
    /// Copies of it.
    pub shelf: Shelf,
    /// Rung when the agenda or the state of the process changed.
    pub bell: Arc<Notify>,
}

impl World {
    /// A new world.
    #[must_use]
    pub fn new(seed: u64, trace: bool) -> Self {
        let mut dice = Dice::new(seed);
        let profile = Profile::draw(&mut dice).with_money(&mut Dice::new(!seed));
        let inner = Inner {
            dice,
            profile,
            faults: true,
            ending: false,
            agenda: BTreeMap::new(),
            telling: BTreeMap::new(),
            asking: BTreeMap::new(),
            handed: Vec::new(),
            by_attempt: BTreeMap::new(),
            doomed: BTreeSet::new(),
            cancelled: BTreeSet::new(),
            posted: BTreeMap::new(),
            orders: Vec::new(),
            payments: Vec::new(),
            inbound: BTreeMap::new(),
            crashes: 0,
            failure: None,
            trace: trace.then(Vec::new),
            serial: 0,
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
            disk: Disk::default(),
            shelf: Shelf::default(),
            bell: Arc::new(Notify::new()),
        }
    }

    /// The state, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something on the agenda.
    pub fn plan(&self, at: Time, errand: Errand) {
        self.lock().plan(at, errand);
        self.bell.notify_one();
    }

    /// The process ends now.
    pub fn kill(&self) {
        self.lock().ending = true;
        self.bell.notify_one();
    }

    /// Something is wrong.
    pub fn fail(&self, what: impl FnOnce() -> String) {
        self.lock().fail(what);
        self.bell.notify_one();
    }
}

impl Inner {
    /// Puts something on the agenda.
    pub fn plan(&mut self, at: Time, errand: Errand) {
        let serial = self.serial();
        self.agenda.insert((at, serial), errand);
    }

    /// The next number.
    pub fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Notes what happened.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let at = clock::now().as_micros() % 1_000_000_000_000;
            trace.push(format!("{:>13.6} {}", at as f64 / 1e6, what()));
        }
    }

    /// Something is wrong; the first such thing counts.
    pub fn fail(&mut self, what: impl FnOnce() -> String) {
        if self.failure.is_none() {
            let what = what();
            self.note(|| format!("FAILURE {what}"));
            self.failure = Some(what);
        }
    }

    /// Whether a fault of this chance happens now.
    pub fn fault(&mut self, permille: u64) -> bool {
        self.faults && self.dice.permille(permille)
    }

    /// A hand-over.
    pub fn handed_mut(&mut self, attempt: AttemptId) -> Option<&mut Handed> {
        let place = *self.by_attempt.get(&attempt)?;
        self.handed.get_mut(place)
    }

    /// The life ended: what was under way is done again in the next one.
    pub fn bury(&mut self) {
        let now = clock::now();
        self.crashes += 1;
        self.ending = false;
        for (_, tale) in std::mem::take(&mut self.telling) {
            let later = now + self.dice.millis(1, 4000);
            self.plan(later, Errand::Tell(Box::new(tale)));
        }
        for (_, order) in std::mem::take(&mut self.asking) {
            self.lose_answer(order, now);
        }
        self.lose_payments(now);
        self.note(|| "the process ended".to_owned());
    }

    /// A client got no answer: with a key it asks again.
    pub fn lose_answer(&mut self, order: usize, now: Time) {
        if self.orders[order].key.is_some() && self.orders[order].answer.is_none() {
            let later = now + self.dice.millis(200, 5000);
            self.plan(later, Errand::Submit(order));
        }
    }
}
