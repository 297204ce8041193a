//! Five times more requests than are taken: how fast the refusals are, what the accepted ones and
//! those of another account feel, and when it is over. Latency counts from the instant at which a
//! request is written, because at this rate the load itself is late on a small machine.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use clap::Args;
use tokio::{sync::Mutex, task::JoinSet};

use super::{Common, world::Surroundings};
use crate::{
    client::Client,
    ledger::{Latencies, latencies},
    load::{self, Amount, Target},
    measure::process::Usage,
    network::{graph, smsc::Behaviour},
    peer::courant::Kind,
    report::Finding,
};

/// The dialect's answer to overload.
const OVERLOADED: (u16, &[u8]) = (503, b"\"code\":3500");
/// Requests per second of the quiet account.
const QUIET: f64 = 50.0;
/// An answer within this time is as good as without load.
const WELL: Duration = Duration::from_millis(50);
/// Good answers in a row after which the load is forgotten.
const IN_A_ROW: u32 = 5;

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Seconds of each part.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections when the capacity is looked for.
    #[arg(long, default_value_t = 128)]
    connections: usize,
    /// Connections of the overload.
    #[arg(long, default_value_t = 1024)]
    crowd: usize,
    /// How many times the capacity is asked for.
    #[arg(long, default_value_t = 5.0)]
    times: f64,
}

/// What came of a flood.
struct Flood {
    accepted: Latencies,
    refused: Latencies,
    took: Duration,
}

impl Flood {
    fn new() -> Self {
        Self { accepted: latencies(), refused: latencies(), took: Duration::ZERO }
    }
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let mut around = Surroundings::start(common, 0, graph::SILENT).await?;
    let courant = around.courant(&around.setup(common)).await?;
    around.smsc.behave(Behaviour::Hold);
    let part = Duration::from_secs(arguments.seconds).min(common.limit());
    let target = courant.sms(Kind::Notice);
    let amount = Amount { first: 0, count: 10_000_000, connections: arguments.connections, limit: part };
    let capacity = load::closed(&target, amount, &around.ledger).await.clean()?;
    let rate = capacity.rate() * arguments.times;
    let amount = Amount {
        first: 10_000_000,
        count: (rate * part.as_secs_f64()) as usize,
        connections: arguments.crowd,
        limit: part,
    };
    let quiet_amount = Amount {
        first: 90_000_000,
        count: (QUIET * part.as_secs_f64()) as usize,
        connections: 16,
        limit: part,
    };
    let before = Usage::of(&[courant.pid()]);
    let quiet_target = courant.quiet_sms();
    let (flood, quiet) =
        tokio::join!(flood(&target, amount, rate), flood(&quiet_target, quiet_amount, QUIET));
    let (flood, quiet) = (flood?, quiet?);
    let recovery = recover(&target).await?;
    let after = Usage::of(&[courant.pid()]);
    courant.end().await?;
    ensure!(quiet.refused.is_empty(), "{} requests of the quiet account were refused", quiet.refused.len());
    let (accepted, refused) = (flood.accepted.len(), flood.refused.len());
    let seconds = flood.took.as_secs_f64();
    common.reporter().tell(
        &Finding::new(format!("overload, {} times the capacity", arguments.times), "Courant")
            .with("capacity", capacity.rate(), "1/s")
            .with_latencies("at capacity", &capacity.latencies)
            .with("offered/s", (accepted + refused) as f64 / seconds, "1/s")
            .with("accepted/s", accepted as f64 / seconds, "1/s")
            .with("refused/s", refused as f64 / seconds, "1/s")
            .with_latencies("accepted", &flood.accepted)
            .with_latencies("refused", &flood.refused)
            .with("quiet account accepted", quiet.accepted.len() as f64, "")
            .with("quiet account refused", quiet.refused.len() as f64, "")
            .with_latencies("quiet account", &quiet.accepted)
            .with("recovery", recovery.as_secs_f64() * 1000.0, "ms")
            .with_usage(before, after, accepted + refused, flood.took),
    )
}

/// Offers requests by a timetable, whatever the answers are.
async fn flood(target: &Target, amount: Amount, rate: f64) -> Result<Flood> {
    let began = Instant::now();
    let due = Arc::new(Mutex::new(load::timetable(began, amount, rate)));
    let mut connections = JoinSet::new();
    for _ in 0..amount.connections {
        let (target, due) = (target.clone(), Arc::clone(&due));
        connections.spawn(async move {
            let (mut client, mut flood) = (Client::new(target.address), Flood::new());
            while began.elapsed() < amount.limit {
                let Some((message, _)) = due.lock().await.recv().await else { break };
                ask(&mut client, &target, message, &mut flood).await?;
            }
            anyhow::Ok(flood)
        });
    }
    let mut total = Flood::new();
    while let Some(flood) = connections.join_next().await {
        let flood = flood??;
        total.accepted.add(flood.accepted)?;
        total.refused.add(flood.refused)?;
    }
    total.took = began.elapsed();
    Ok(total)
}

async fn ask(client: &mut Client, target: &Target, message: usize, flood: &mut Flood) -> Result<()> {
    let request = (target.request)(message);
    let asked = Instant::now();
    let answer = client.exchange(&request).await?;
    let micros = asked.elapsed().as_micros() as u64;
    if answer.status == target.accepted {
        flood.accepted.saturating_record(micros);
    } else if answer.status == OVERLOADED.0
        && answer.body.windows(OVERLOADED.1.len()).any(|part| part == OVERLOADED.1)
    {
        flood.refused.saturating_record(micros);
    } else {
        bail!("status {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok(())
}

/// How long it takes until answers are as quick as without load.
async fn recover(target: &Target) -> Result<Duration> {
    let (began, mut client, mut well) = (Instant::now(), Client::new(target.address), 0);
    let mut message = 95_000_000;
    while well < IN_A_ROW {
        ensure!(began.elapsed() < Duration::from_secs(60), "it does not recover");
        let asked = Instant::now();
        let answer = client.exchange(&(target.request)(message)).await?;
        message += 1;
        let good = answer.status == target.accepted && asked.elapsed() < WELL;
        well = if good { well + 1 } else { 0 };
    }
    Ok(began.elapsed())
}
