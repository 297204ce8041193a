//! The parts that every message passes, one by one: reading a request, walking a cascade,
//! storing, and cutting a text into SMS segments.

#[path = "micro/lives.rs"]
mod lives;

use std::{hint::black_box, sync::Arc};

use bytes::Bytes;
use connectors::{Connector as _, smpp::Smpp};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dialects::{Context, Dialect as _, telesign};
use engine::{Cascade, Event, Output, Rules, State};
use http::Request;
use model::{
    AttemptId, BatchId, Brief, Channel, Content, Message, MessageId, Phone, Plan, Receipt, ReceiptStatus,
    Recipient, RouteName, Span, Status, Step, Time,
    content::Text,
    message::{Body, Extras, OnUnknown, Priority, RouteChoice, Shared, Until},
};
use store::{
    Change, Facts, Happening, HistoryEntry, Insert, Lane, NewMessage, Store as _, Verdict,
    sqlite::{SqliteOptions, SqliteStore},
};

/// As the gateway has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Time = Time(1_795_210_404_123_456);
/// Inserts in one transaction, as the desk gathers them under load.
const BATCH: u64 = 256;

criterion_group!(benches, dialect, cascade, segments, storing);
criterion_main!(benches);

fn dialect(criterion: &mut Criterion) {
    let settings = dialects::Settings {
        telesign: Some(telesign::Settings::new(
            "12345678-9ABC-DEF0-1234-56789ABCDEF0",
            "vjE/ZDfPvDkuGNsuqCFFO4neYIs=",
        )),
        ..dialects::Settings::default()
    };
    let body = r#"{"channels":[{"channel":"whatsapp","fallback_time":600},{"channel":"sms"}],
"phone_number":"15558675309","message_type":"MKT","message":{
"whatsapp":{"template":"image","parameters":{"url":"https://s3.amazonaws.com/viatu-mktg/bogo_coupon_52359.jpg"}},
"sms":{"template":"text","parameters":{"text":"Buy one get one free! Use code 'BOGO' at checkout on viatushop.com."}}}}"#;
    let request = Request::post("/v1/omnichannel")
        .header("content-type", "application/json")
        .header(
            "authorization",
            "Basic MTIzNDU2NzgtOUFCQy1ERUYwLTEyMzQtNTY3ODlBQkNERUYwOnZqRS9aRGZQdkRrdUdOc3VxQ0ZGTzRuZVlJcz0=",
        )
        .body(Bytes::from_static(body.as_bytes()))
        .expect("a constant request");
    let context = Context {
        now: NOW,
        fresh: MessageId::new(NOW, 7),
        account: "bench",
        principal: "12345678-9ABC-DEF0-1234-56789ABCDEF0",
        settings: &settings,
        rate: None,
    };
    criterion.bench_function("dialect: read Telesign's sample", |bencher| {
        bencher.iter(|| {
            telesign::Telesign.read(black_box(&request), &context).expect("the vendor's own sample")
        });
    });
}

fn cascade(criterion: &mut Criterion) {
    let plan = plan();
    let (brief, rules) = (Brief::default(), Rules::default());
    let cascade = Cascade { id: MessageId::new(NOW, 7), plan: &plan, brief: &brief, rules: &rules };
    let events = fallback(cascade.id);
    criterion.bench_function("engine: WhatsApp to SMS, 8 events", |bencher| {
        bencher.iter(|| {
            let (mut state, mut output) = (State::default(), Output::default());
            for (after_ms, event) in &events {
                cascade.handle(&mut state, NOW + Span::from_millis(*after_ms), black_box(event), &mut output);
            }
            assert!(state.is_settled());
            output
        });
    });
}

/// WhatsApp takes it and stays silent; the SMS delivers.
fn fallback(message: MessageId) -> Vec<(u64, Event)> {
    let id = |step| AttemptId { message, step, attempt: 0 };
    let submitted =
        |step, upstream: &str| Event::Submitted { attempt: id(step), upstream: vec![upstream.to_owned()] };
    let received =
        |step, status| Event::Received { attempt: id(step), part: 0, receipt: Receipt::new(status) };
    vec![
        (0, Event::Accepted),
        (0, Event::Taken { attempt: id(0) }),
        (20, submitted(0, "wamid.1")),
        (90, received(0, ReceiptStatus::Sent)),
        (600, Event::Woken),
        (601, Event::Taken { attempt: id(1) }),
        (603, submitted(1, "0000000001")),
        (803, received(1, ReceiptStatus::Delivered)),
    ]
}

fn plan() -> Plan {
    let step = |channel, route: &str, patience_ms| Step {
        channel,
        sender: Some("15550783881".to_owned()),
        body: Body::Ready(text()),
        patience: Span::from_millis(patience_ms),
        validity: Span::from_hours(48),
        until: Until::Delivered,
        routes: vec![RouteChoice { route: RouteName::from(route), on_unknown: OnUnknown::AtMostOnce }],
        extras: Extras::default(),
    };
    Plan::new(vec![step(Channel::Whatsapp, "whatsapp", 600), step(Channel::Sms, "sms", 300_000)])
        .expect("two steps")
}

fn text() -> Content {
    Content::Text(Text::new("Your order 4711 has been shipped and will arrive tomorrow between 9 and 12."))
}

fn segments(criterion: &mut Criterion) {
    let settings = r#"{"host":"127.0.0.1","system_id":"bench"}"#;
    let settings = serde_json::from_str(settings).expect("constant settings");
    let smpp = Smpp::new(settings, RouteName::from("sms")).expect("constant settings");
    let content = text();
    criterion.bench_function("SMPP: one text to GSM segments", |bencher| {
        bencher.iter(|| smpp.check(black_box(&content)).expect("a short text"));
    });
}

fn storing(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let options = SqliteOptions::new(folder.path().join("bench.db"), &["telesign"]);
    let store = SqliteStore::open(options).expect("a fresh store");
    let shared = Arc::new(Shared { brief: Brief::default(), plan: plan() });
    let mut number = 0;
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(BATCH)).sample_size(30);
    group.bench_function("256 inserts in one durable transaction", |bencher| {
        bencher.iter(|| {
            let changes = (number..number + BATCH).map(|number| insert(number, &shared)).collect();
            number += BATCH;
            let verdicts = runtime.block_on(store.commit(changes)).expect("it commits");
            assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Applied));
        });
    });
    let mut callback = 0;
    group.bench_function("256 messages from acceptance to their confirmed callback", |bencher| {
        let stations = || {
            let mut stations = [const { Vec::new() }; 4];
            for number in number..number + BATCH {
                callback += 1;
                let life = lives::life(number, &shared, callback);
                stations.iter_mut().zip(life).for_each(|(station, change)| station.push(change));
            }
            number += BATCH;
            stations
        };
        bencher.iter_batched(
            stations,
            |stations| runtime.block_on(live(&store, stations)),
            BatchSize::PerIteration,
        );
    });
    group.finish();
    runtime.block_on(store.close()).expect("it closes");
}

/// A durable transaction for each station of so many lives.
async fn live(store: &SqliteStore, stations: [Vec<Change>; 4]) {
    for changes in stations {
        let verdicts = store.commit(changes).await.expect("it commits");
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Applied));
    }
}

fn insert(number: u64, shared: &Arc<Shared>) -> Change {
    let now = NOW + Span::from_micros(number * 50);
    let id = MessageId::new(now, u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    let lane = Lane { route: "whatsapp".into(), sender: "15550783881".into(), account: "bench".into() };
    let message = Message {
        id,
        account: lane.account.clone(),
        dialect: "telesign",
        batch: BatchId(id.0 ^ 1),
        position: 0,
        batch_size: 1,
        recipient: Recipient::phone(
            Phone::parse(&format!("1555{:07}", number % 10_000_000)).expect("digits"),
        ),
        client_ref: None,
        memo: None,
        accepted_at: now,
        shared: Arc::clone(shared),
    };
    let facts = Facts {
        wake_at: Some(now + Span::from_secs(60)),
        queued: Some((lane, Priority::Notice, now)),
        status: Status::Accepted,
        channel: Channel::Whatsapp,
        settled_at: None,
        pullable: false,
    };
    let history =
        vec![HistoryEntry { at: now, what: Happening::Event(Event::Accepted), decisions: Vec::new() }];
    let new = NewMessage {
        message: Arc::new(message),
        state: State::default(),
        facts,
        history,
        callbacks: Vec::new(),
    };
    let batch = BatchId(id.0 ^ 1);
    Change::Insert(Insert {
        batch,
        shared: Arc::clone(shared),
        messages: vec![new],
        remember: None,
        reserve: None,
    })
}
