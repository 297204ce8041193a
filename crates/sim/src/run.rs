//! One run: lives of the gateway one after the other, until the world is calm and everything has
//! come to its end; then the ledger is checked.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use connectors::{Connector, Sink};
use courant::{
    assembly::{Assembly, Parts, assemble},
    billing,
    clock::{self, substitute},
    core::Core,
    desk::sink::Desk,
    routes::Routes,
};
use model::{Channel, Inbound, NetworkEvent, RouteName, Span, Time, network::InboundContent};
use tokio::{runtime::Builder, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    callers::SimPost,
    check,
    memory::MemoryStore,
    network::SimNetwork,
    orders::{self, Order},
    payments,
    time::Clock,
    world::{Errand, Tale, World},
};

/// Longest wait of the driver without looking around.
const GLANCE: Span = Span::from_secs(20);
/// Glances in calm during which nothing came nearer to its end.
const PATIENCE: u32 = 60;
/// What is further ahead than this is reached by a jump of the clock, in calm.
const FAR: Span = Span::from_secs(90);

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// What was wrong, if anything.
    pub failure: Option<String>,
    /// What happened, if it was asked for.
    pub trace: Vec<String>,
    /// Numbers for people.
    pub tally: Tally,
}

/// How much a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages stored.
    pub messages: u64,
    /// Attempts handed over.
    pub handed: u64,
    /// Callback requests.
    pub posts: u64,
    /// Ends of the process.
    pub crashes: u64,
}

/// How a life ended.
enum End {
    /// Everything is done.
    Rest,
    /// The process ended, and is started again after this time.
    Died(Span),
    /// Something is wrong.
    Failed,
}

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics of simulated tasks for the report instead of printing them. Once per program.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        PANIC.with(|panic| panic.borrow_mut().get_or_insert_with(|| info.to_string()).len());
    }));
}

/// Runs a seed.
#[must_use]
pub fn run(seed: u64, trace: bool) -> Report {
    PANIC.with(|panic| panic.borrow_mut().take());
    let clock = Clock::install(seed);
    let world = World::new(seed, trace);
    // Nothing simulated has media, but the gateway wants a folder for them: a new one for each
    // run, because a key is made in it, by the run's own dice.
    let folder = tempfile::tempdir().expect("a temporary folder");
    world.lock().profile.config.store.path = folder.path().to_owned();
    prepare(&world);
    while let End::Died(pause) = live(&world, &clock) {
        clock.jump(pause);
    }
    check::check(&world, &parts(&world));
    substitute::put(None);
    report(&world)
}

fn report(world: &World) -> Report {
    let mut inner = world.lock();
    if let Some(panic) = PANIC.with(|panic| panic.borrow_mut().take()) {
        inner.failure = Some(format!("a task panicked: {panic}"));
    }
    let messages = world.disk.lock().map_or(0, |tables| tables.everything().len() as u64);
    Report {
        failure: inner.failure.take(),
        trace: inner.trace.take().unwrap_or_default(),
        tally: Tally {
            messages,
            handed: inner.handed.len() as u64,
            posts: inner.posted.values().map(|posted| posted.len() as u64).sum(),
            crashes: inner.crashes,
        },
    }
}

/// Puts the whole script on the agenda.
fn prepare(world: &World) {
    let mut inner = world.lock();
    let inner = &mut *inner;
    let (now, profile) = (clock::now(), inner.profile.clone());
    let busy = profile.busy.as_millis();
    for index in 0..profile.orders {
        let order = Order::draw(&mut inner.dice, index, profile.recipients);
        inner.orders.push(order);
        let at = now + inner.dice.millis(0, busy);
        inner.plan(at, Errand::Submit(index));
        if inner.dice.permille(profile.repeats) {
            let again = at + inner.dice.millis(0, 50);
            if inner.orders[index].key.is_some() {
                inner.plan(again, Errand::Submit(index));
            }
        }
    }
    let jump = Errand::Jump(inner.dice.millis(100, 7_200_000));
    let errands = [
        (profile.kills, Errand::Kill),
        (profile.restarts, Errand::Restart),
        (profile.jumps, jump),
        (profile.cancels, Errand::Cancel),
    ];
    for (count, errand) in errands {
        for _ in 0..count {
            let at = now + Span::from_millis(inner.dice.between(0, busy + 30_000));
            inner.plan(at, errand.clone());
        }
    }
    inner.prepare_payments(now, busy);
    for number in 0..profile.inbound {
        let tale = inbound(number, now);
        for _ in 0..inner.dice.between(1, 3) {
            let at = now + inner.dice.millis(0, busy);
            inner.plan(at, Errand::Tell(Box::new(tale.clone())));
        }
        inner.inbound.insert(format!("in-{number}"), false);
    }
    inner.plan(now + profile.busy + Span::from_secs(30), Errand::Calm);
}

fn inbound(number: u64, now: Time) -> Tale {
    let event = NetworkEvent::Inbound(Inbound {
        route: RouteName::from("wa"),
        channel: Channel::Whatsapp,
        upstream: format!("in-{number}"),
        from: "44770090".to_owned(),
        to: "acme".to_owned(),
        at: now,
        profile_name: None,
        content: InboundContent::Text(format!("inbound number {number}.")),
        reply_to: None,
    });
    Tale { network: 0, event, about: None }
}

/// What the gateway is made of, in each of its lives.
fn parts(world: &World) -> Parts {
    let profile = world.lock().profile.clone();
    let connector = |(index, network): (usize, &crate::profile::Network)| {
        let connector: Arc<dyn Connector> = SimNetwork::new(world.clone(), index);
        (RouteName::from(network.name), connector)
    };
    let connectors: Vec<_> = profile.networks.iter().enumerate().map(connector).collect();
    let store = MemoryStore::open(Arc::clone(&world.disk), Arc::clone(&world.shelf), Arc::new(world.clone()));
    Parts {
        routes: Routes::given(&profile.config, connectors),
        config: profile.config,
        store: Arc::new(store),
        post: Arc::new(SimPost(world.clone())),
    }
}

/// One life of the process. All its tasks end with its runtime.
fn live(world: &World, clock: &Rc<Clock>) -> End {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O needs nothing");
    let end = runtime.block_on(async {
        clock.start();
        let end = match Life::begin(world, clock).await {
            Some(life) => life.run().await,
            None => End::Died(world.lock().dice.millis(10, 30_000)),
        };
        clock.halt();
        end
    });
    drop(runtime);
    if matches!(end, End::Died(_)) {
        world.lock().bury();
    }
    end
}

struct Life<'a> {
    world: &'a World,
    clock: &'a Clock,
    core: Arc<Core>,
    stop: CancellationToken,
    workers: JoinSet<()>,
    /// Glances since something last came nearer to its end.
    idle: u32,
}

impl<'a> Life<'a> {
    /// Starts the process; `None` if it does not come that far.
    async fn begin(world: &'a World, clock: &'a Clock) -> Option<Self> {
        world.lock().note(|| "the process starts".to_owned());
        let mut assembly: Assembly = assemble(parts(world)).expect("the configuration is right");
        let (core, stop) = (Arc::clone(&assembly.core), CancellationToken::new());
        let opened = tokio::select! {
            biased;
            () = ended(world) => return None,
            opened = billing::open(&core) => opened,
        };
        if let Err(what) = opened {
            world.lock().note(|| format!("the process does not start: {what}"));
            return None;
        }
        tokio::select! {
            biased;
            () = ended(world) => return None,
            () = assembly.look_back() => {}
        }
        let workers = assembly.start(&stop);
        Some(Self { world, clock, core, stop, workers, idle: 0 })
    }

    async fn run(mut self) -> End {
        loop {
            if self.perform_due() {
                self.restart().await;
            }
            if let Some(end) = self.look_around() {
                return end;
            }
            let next = self.world.lock().agenda.first_key_value().map(|((at, _), _)| *at);
            let glance = clock::now() + GLANCE;
            let nap = next.map_or(glance, |next| next.min(glance)).since(clock::now());
            let began = Instant::now();
            tokio::select! {
                biased;
                () = self.world.bell.notified() => {}
                () = tokio::time::sleep(nap.to_std()) => {}
            }
            if began.elapsed() >= GLANCE.to_std() {
                self.idle += 1;
                self.hasten();
            }
        }
    }

    /// Does what is due; whether the process is to be restarted.
    fn perform_due(&self) -> bool {
        let mut restart = false;
        loop {
            let mut inner = self.world.lock();
            let now = clock::now();
            if inner.agenda.first_key_value().is_none_or(|((at, _), _)| *at > now) {
                return restart;
            }
            let Some((_, errand)) = inner.agenda.pop_first() else { return restart };
            drop(inner);
            restart |= matches!(errand, Errand::Restart);
            self.perform(errand);
        }
    }

    fn perform(&self, errand: Errand) {
        match errand {
            Errand::Submit(index) => self.submit(index),
            Errand::Pay(index) => {
                tokio::spawn(payments::pay(self.world.clone(), Arc::clone(&self.core), index));
            }
            Errand::Cancel => {
                tokio::spawn(orders::cancel(self.world.clone(), Arc::clone(&self.core)));
            }
            Errand::Arrive(attempt) => self.world.lock().arrive(attempt),
            Errand::Tell(tale) => self.tell(*tale),
            Errand::Jump(by) => {
                self.world.lock().note(|| format!("the clock jumps by {by:?}"));
                self.clock.jump(by);
            }
            Errand::Kill => self.world.kill(),
            Errand::Restart => {}
            Errand::Calm => {
                let mut inner = self.world.lock();
                inner.faults = false;
                inner
                    .agenda
                    .retain(|_, errand| !matches!(errand, Errand::Kill | Errand::Restart | Errand::Jump(_)));
                inner.note(|| "calm".to_owned());
            }
        }
    }

    fn submit(&self, index: usize) {
        let serial = {
            let mut inner = self.world.lock();
            let serial = inner.serial();
            inner.asking.insert(serial, index);
            inner.note(|| format!("order {index} is asked"));
            serial
        };
        tokio::spawn(orders::submit(self.world.clone(), Arc::clone(&self.core), index, serial));
    }

    fn tell(&self, tale: Tale) {
        let serial = {
            let mut inner = self.world.lock();
            inner.begin_telling(&tale)
        };
        tokio::spawn(deliver(self.world.clone(), Arc::clone(&self.core), serial, tale));
    }

    async fn restart(&mut self) {
        self.world.lock().note(|| "stopping in order".to_owned());
        self.stop.cancel();
        let drained = async { while self.workers.join_next().await.is_some() {} };
        let bound = Span::from_secs(10).to_std();
        if tokio::time::timeout(bound, drained).await.is_err() {
            self.world.lock().note(|| "it did not drain in time".to_owned());
        }
        self.world.kill();
    }

    fn look_around(&mut self) -> Option<End> {
        self.check_bounds();
        let mut inner = self.world.lock();
        if PANIC.with(|panic| panic.borrow().is_some()) || inner.failure.is_some() {
            return Some(End::Failed);
        }
        if inner.ending {
            return Some(End::Died(inner.dice.millis(10, 30_000)));
        }
        let asked = inner.asking.is_empty() && inner.payments.iter().all(|payment| payment.heard);
        let quiet = inner.agenda.is_empty() && inner.telling.is_empty() && asked;
        if inner.faults || !quiet {
            return None;
        }
        let tables = self.world.disk.lock().expect("no reader panics");
        let unsettled = tables.rows().find(|row| !row.record.state.is_settled());
        if unsettled.is_none() && tables.outbox().0 == 0 {
            return Some(End::Rest);
        }
        if self.idle > PATIENCE {
            let what = unsettled.map(|row| row.record.message.id);
            inner.fail(|| format!("it does not come to rest: {what:?}, outbox {:?}", tables.outbox()));
            return Some(End::Failed);
        }
        None
    }

    /// What memory holds is within the bounds of the configuration.
    fn check_bounds(&self) {
        let limits = &self.core.config.limits;
        let timers = self.core.timers.len();
        if timers > limits.timers {
            self.world.fail(|| format!("{timers} alarms in memory, more than {}", limits.timers));
        }
        // Two accounts, three classes, one sender.
        let most = limits.lane_memory * 6;
        for route in self.core.routes.all().map(|route| &route.name) {
            let held = self.core.dispatcher.depth(route).map_or(0, |depth| depth.queued);
            if held > most {
                self.world.fail(|| format!("{held} entries of {route} in memory, more than {most}"));
            }
        }
    }

    /// In calm, time until the next thing of interest is jumped over.
    fn hasten(&mut self) {
        let agenda = self.world.lock().agenda.first_key_value().map(|((at, _), _)| *at);
        if self.world.lock().faults {
            return;
        }
        let stored = {
            let tables = self.world.disk.lock().expect("no reader panics");
            [tables.next_alarm(), tables.outbox().1]
        };
        let Some(next) = stored.into_iter().flatten().chain(agenda).min() else { return };
        if next > clock::now() + FAR {
            self.world.lock().note(|| "time passes".to_owned());
            self.clock.jump((next - Span::from_secs(70)).since(clock::now()));
            self.idle = 0;
        }
    }
}

/// The process is about to end.
async fn ended(world: &World) {
    while !world.lock().ending {
        world.bell.notified().await;
    }
}

/// A network tells something until it is heard.
async fn deliver(world: World, core: Arc<Core>, serial: u64, tale: Tale) {
    let route = RouteName::from(world.lock().profile.networks[tale.network].name);
    let answer = Desk(core).deliver(&route, vec![tale.event.clone()]).await;
    let mut inner = world.lock();
    inner.telling.remove(&serial);
    inner.note(|| format!("told {:?} {:?}: {answer:?}", tale.about, tale.event));
    if answer.is_ok() {
        inner.confirm(&tale);
    } else {
        let later = clock::now() + inner.dice.millis(500, 10_000);
        inner.plan(later, Errand::Tell(Box::new(tale)));
    }
    drop(inner);
    world.bell.notify_one();
}

impl crate::world::Inner {
    fn begin_telling(&mut self, tale: &Tale) -> u64 {
        if let Some((attempt, model::ReceiptStatus::Failed(_))) = tale.about
            && let Some(handed) = self.handed_mut(attempt)
        {
            handed.failed = true;
        }
        let serial = self.serial();
        self.telling.insert(serial, tale.clone());
        serial
    }

    fn confirm(&mut self, tale: &Tale) {
        match (&tale.event, tale.about) {
            (NetworkEvent::Receipt { subject, .. }, Some((attempt, status))) => {
                let upstream = subject.upstream.clone();
                if let Some(handed) = self.handed_mut(attempt) {
                    handed.confirmed.push((upstream, status));
                }
            }
            (NetworkEvent::Inbound(inbound), _) => {
                self.inbound.insert(inbound.upstream.clone(), true);
            }
            (NetworkEvent::Receipt { .. } | NetworkEvent::MarketingPreference { .. }, _) => {}
        }
    }
}
