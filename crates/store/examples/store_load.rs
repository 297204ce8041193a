//! How fast the embedded store is on this machine: single messages inserted by many tasks at
//! once, then four updates of each, with history, network ids and callbacks as in real life.
//!
//! `store_load [messages] [tasks] [folder] [pages of log] [KiB of writer's cache]`

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::State;
use model::{
    AttemptId, BatchId, Brief, Cause, Channel, Content, Fault, Message, MessageId, Phone, Plan, Recipient,
    Span, Status, Step, Time,
    content::Text,
    message::{Body, Extras, OnUnknown, Priority, RouteChoice, Shared, Until},
};
use store::{
    CallbackResult, CallbackStanding, Change, Facts, Happening, HistoryEntry, Insert, Lane, NewCallback,
    NewMessage, Part, Store, Update, UpstreamRow, Verdict,
    sqlite::{SqliteOptions, SqliteStore},
};

const START: i64 = 1_790_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (messages, tasks) = (number(40_000), number(500));
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("store-load-{}.db", std::process::id()));
    let mut options = SqliteOptions::new(&path, &["infobip"]);
    for (setting, value) in
        [(&mut options.checkpoint_pages, arguments.next()), (&mut options.writer_cache_kib, arguments.next())]
    {
        *setting = value.map_or(*setting, |text| text.parse().expect("a number"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(run(options, messages, tasks));
    for suffix in ["", "-wal", "-shm", "-intake1", "-intake2", ".lock"] {
        let mut file = path.clone().into_os_string();
        file.push(suffix);
        let _ = std::fs::remove_file(file);
    }
}

async fn run(options: SqliteOptions, messages: u64, tasks: u64) {
    let store = SqliteStore::open(options).expect("the store opens");
    let store: Arc<dyn Store> = Arc::new(store);
    let lane = Lane { route: "whatsapp".into(), sender: "44777".into(), account: "acme".into() };
    phase("insert", &*store, messages, || spawn(&store, messages, tasks, &lane, &[0])).await;
    phase("4 updates", &*store, messages, || spawn(&store, messages, tasks, &lane, &[1, 2, 3, 4])).await;
    let mixed = || spawn_from(&store, messages, messages, tasks, &lane, &[0, 1, 2, 3, 4]);
    phase("insert + 4 updates", &*store, messages, mixed).await;
    finish_callbacks(&*store).await;
    println!("{} bytes per message", store.stats().bytes / (2 * messages));
    let begun = Instant::now();
    store.close().await.expect("the store closes");
    println!("closed in {:?}", begun.elapsed());
}

/// Sends all callbacks, by the hundred, as a sender would that is never refused.
async fn finish_callbacks(store: &dyn Store) {
    let (mut finished, mut listing, begun) = (0, Duration::ZERO, Instant::now());
    loop {
        let asked = Instant::now();
        let due = store.callbacks_due(Time(i64::MAX), 100).await.expect("callbacks are listed");
        listing += asked.elapsed();
        if due.is_empty() {
            break;
        }
        finished += due.len();
        store.commit(due.iter().map(|one| acknowledged(one.id)).collect()).await.expect("it commits");
    }
    println!(
        "callbacks: {:.0}/s finished, {:.2} µs each to list",
        finished as f64 / begun.elapsed().as_secs_f64(),
        listing.as_secs_f64() * 1e6 / finished as f64,
    );
}

fn acknowledged(id: i64) -> Change {
    let (at, result) = (Time::from_secs(START), "200".into());
    Change::Callback(CallbackResult { id, at, standing: CallbackStanding::Done, due_at: at, result })
}

async fn phase<F: Future<Output = ()>>(
    name: &str,
    store: &dyn Store,
    messages: u64,
    work: impl FnOnce() -> F,
) {
    let (before, cpu, begun) = (store.stats(), cpu_micros(), Instant::now());
    work().await;
    let (after, took) = (store.stats(), begun.elapsed());
    let commits = after.commits - before.commits;
    let changes = after.changes - before.changes;
    println!(
        "{name}: {:.0} messages/s, {:.0} changes/s, {commits} commits of {:.0}, {:.1} µs CPU and {:.1} µs of the writer per change",
        messages as f64 / took.as_secs_f64(),
        changes as f64 / took.as_secs_f64(),
        changes as f64 / commits as f64,
        (cpu_micros() - cpu) / changes as f64,
        (after.commit_micros - before.commit_micros) as f64 / changes as f64,
    );
}

/// CPU time of this process so far, all threads, in microseconds.
fn cpu_micros() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks * 10_000.0
}

async fn spawn(store: &Arc<dyn Store>, messages: u64, tasks: u64, lane: &Lane, stages: &'static [u32]) {
    spawn_from(store, 0, messages, tasks, lane, stages).await;
}

async fn spawn_from(
    store: &Arc<dyn Store>,
    first: u64,
    messages: u64,
    tasks: u64,
    lane: &Lane,
    stages: &'static [u32],
) {
    let mut running = Vec::new();
    for task in 0..tasks {
        let (store, lane) = (Arc::clone(store), lane.clone());
        running.push(tokio::spawn(async move {
            for number in (first + task..first + messages).step_by(tasks as usize) {
                for &stage in stages {
                    let verdicts =
                        store.commit(vec![change(number, stage, &lane)]).await.expect("it commits");
                    assert_eq!(verdicts, [Verdict::Applied]);
                }
            }
        }));
    }
    for task in running {
        task.await.expect("no task panics");
    }
}

fn change(number: u64, stage: u32, lane: &Lane) -> Change {
    let now = Time::from_secs(START) + Span::from_micros(number * 50);
    let id = MessageId::new(now, u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    if stage == 0 { insert(id, number, now, lane) } else { update(id, number, stage, now, lane) }
}

fn insert(id: MessageId, number: u64, now: Time, lane: &Lane) -> Change {
    let batch = BatchId(id.0 ^ 1);
    let shared = Arc::new(Shared { brief: Brief::default(), plan: plan() });
    let message = Message {
        id,
        account: lane.account.clone(),
        dialect: "infobip",
        batch,
        position: 0,
        batch_size: 1,
        recipient: Recipient::phone(
            Phone::parse(&format!("4479{:08}", number * 7919 % 100_000_000)).expect("digits"),
        ),
        client_ref: None,
        memo: Some("{\"callbackData\":\"order 4711\"}".into()),
        accepted_at: now,
        shared: Arc::clone(&shared),
    };
    let mut facts = facts(now, Status::Accepted);
    facts.queued = Some((lane.clone(), Priority::Notice, now));
    let new = NewMessage {
        message: Arc::new(message),
        state: State::default(),
        facts,
        history: vec![entry(now, engine::Event::Accepted)],
        callbacks: Vec::new(),
    };
    Change::Insert(Insert { batch, shared, messages: vec![new], remember: None, reserve: None })
}

fn plan() -> Plan {
    let step = |channel, route: &str| Step {
        channel,
        sender: Some("447700900000".into()),
        body: Body::Ready(Content::Text(Text::new("Your parcel is on its way and will be with you today."))),
        patience: Span::from_secs(60),
        validity: Span::from_secs(3600),
        until: Until::Delivered,
        routes: vec![RouteChoice { route: route.into(), on_unknown: OnUnknown::AtMostOnce }],
        extras: Extras::default(),
    };
    Plan::new(vec![step(Channel::Whatsapp, "whatsapp"), step(Channel::Sms, "smsc")]).expect("two steps")
}

fn update(id: MessageId, number: u64, stage: u32, now: Time, lane: &Lane) -> Change {
    let attempt = AttemptId { message: id, step: 0, attempt: 0 };
    let upstream =
        format!("wamid.{:032x}", u128::from(number).wrapping_mul(0xC2B2_AE3D_27D4_EB4F_1656_67B1_9E37_79F9));
    let (event, status) = match stage {
        1 => (engine::Event::Taken { attempt }, Status::Accepted),
        2 => (engine::Event::Submitted { attempt, upstream: vec![upstream.clone()] }, Status::Submitted),
        3 => (engine::Event::Woken, Status::Sent),
        _ => (engine::Event::Refused { attempt, fault: Fault::new(Cause::Throttled) }, Status::Delivered),
    };
    let mut facts = facts(now + Span::from_secs(u64::from(stage)), status);
    let mut callbacks = Vec::new();
    if stage == 4 {
        facts.wake_at = None;
        facts.settled_at = Some(now);
        callbacks.push(NewCallback {
            url: "https://client.example/reports".into(),
            request: vec![b'x'; 600],
            due_at: now,
            about: "delivered".into(),
        });
    }
    let row = UpstreamRow { route: lane.route.clone(), upstream, part: Part { attempt, part: 0 } };
    Change::Update(Update {
        id,
        version: stage,
        state: State::default(),
        facts,
        history: vec![entry(now, event)],
        upstream: if stage == 2 { vec![row] } else { Vec::new() },
        callbacks,
        money: None,
    })
}

fn facts(now: Time, status: Status) -> Facts {
    let wake_at = Some(now + Span::from_secs(60));
    Facts { wake_at, queued: None, status, channel: Channel::Whatsapp, settled_at: None, pullable: false }
}

fn entry(at: Time, event: engine::Event) -> HistoryEntry {
    let decisions = vec![
        engine::Decision::StepBegun { step: 0 },
        engine::Decision::PatienceStarted { step: 0, until: at + Span::from_secs(60) },
    ];
    HistoryEntry { at, what: Happening::Event(event), decisions }
}
