//! What a caller and a handset feel at a steady rate. Latency counts from the instant at which a
//! request was due, so a stall shows in every request that it delayed.

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
    network::graph,
    peer::courant::Kind,
    report::Finding,
};

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages per second.
    #[arg(long, default_value_t = 1000.0)]
    rate: f64,
    /// Seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Connections; enough that none is ever waited for.
    #[arg(long, default_value_t = 256)]
    connections: usize,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let messages = (arguments.rate * arguments.seconds as f64) as usize;
    let mut around = Surroundings::start(common, messages, graph::SILENT).await?;
    let courant = around.courant(&around.setup(common)).await?;
    let amount =
        Amount { first: 0, count: messages, connections: arguments.connections, limit: common.limit() };
    let before = Usage::of(&[courant.pid()]);
    let tally =
        load::open(&courant.sms(Kind::Notice), amount, arguments.rate, &around.ledger).await.clean()?;
    let all = around.ledger.wait(Place::Reported, tally.accepted, STALLED).await;
    ensure!(
        all,
        "only {} of {} messages were reported",
        around.ledger.count(Place::Reported),
        tally.accepted
    );
    let after = Usage::of(&[courant.pid()]);
    courant.end().await?;
    common.reporter().tell(
        &Finding::new(format!("latency at {} messages/s", arguments.rate), "Courant")
            .with("accepted/s", tally.rate(), "1/s")
            .with_latencies("accept", &tally.latencies)
            .with_latencies("to the handset", &around.ledger.between(Place::Intended, Place::Sms))
            .with_latencies("to the callback", &around.ledger.between(Place::Intended, Place::Reported))
            .with_usage(before, after, tally.accepted, tally.took),
    )
}
