//! WhatsApp pictures that all have the same link, as a campaign has: how fast they go, and that the
//! link is fetched once and, where the network gets files by id, uploaded once.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    Common,
    world::{STALLED, Surroundings},
};
use crate::{
    ledger::Place,
    load::{self, Amount},
    measure::process::Usage,
    network::{graph, origin::Origin},
    peer::courant::Setup,
    report::Finding,
};

/// Longest time in which requests are made.
const LIMIT: Duration = Duration::from_secs(600);

/// How the network gets the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// It fetches the link itself.
    Link,
    /// It is handed over before.
    Id,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages.
    #[arg(long, default_value_t = 100_000)]
    messages: usize,
    /// How the network gets the picture.
    #[arg(long, value_enum, default_value_t = By::Link)]
    by: By,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let (mode, uploads) = match arguments.by {
        By::Link => ("link", 0),
        By::Id => ("id", 1),
    };
    let origin = Origin::start(0).await?;
    let mut around = Surroundings::start(common, arguments.messages, graph::READ).await?;
    let setup = Setup { media: Some(mode), ..around.setup(common) };
    let courant = around.courant(&setup).await?;
    let (count, connections) = (arguments.messages, arguments.connections);
    let amount = Amount { first: 0, count, connections, limit: LIMIT.max(common.limit()) };
    let (began, before) = (Instant::now(), Usage::of(&[courant.pid()]));
    let target = courant.file("image", &origin.picture());
    let tally = load::closed(&target, amount, &around.ledger).await.clean()?;
    ensure!(tally.accepted == count as u64, "only {} of {count} were accepted in time", tally.accepted);
    let all = around.ledger.wait(Place::Reported, tally.accepted, STALLED).await;
    let reported = around.ledger.count(Place::Reported);
    ensure!(all, "only {reported} of {} messages were reported", tally.accepted);
    let (took, after) = (began.elapsed(), Usage::of(&[courant.pid()]));
    courant.end().await?;
    let (fetches, uploaded) = (origin.fetches(), around.graph.uploads().0);
    ensure!(fetches == 1, "the link was fetched {fetches} times");
    ensure!(uploaded == uploads, "the file was uploaded {uploaded} times, not {uploads}");
    common.reporter().tell(
        &Finding::new(format!("media, {count} pictures by {mode}"), "Courant")
            .with("carried/s", reported as f64 / took.as_secs_f64(), "1/s")
            .with("accepted/s", tally.rate(), "1/s")
            .with("fetches", fetches as f64, "")
            .with("uploads", uploaded as f64, "")
            .with_latencies("accept", &tally.latencies)
            .with_latencies("to the network", &around.ledger.between(Place::Intended, Place::Whatsapp))
            .with_usage(before, after, reported, took),
    )
}
