//! Requests with many recipients: how long one takes, and how many recipients per second.

use anyhow::Result;
use clap::Args;

use super::{Common, world::Surroundings};
use crate::{
    load::{self, Amount},
    measure::process::Usage,
    network::{graph, smsc::Behaviour},
    report::Finding,
};

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Requests, one after the other.
    #[arg(long, default_value_t = 30)]
    requests: usize,
    /// Recipients of each.
    #[arg(long, default_value_t = 1000)]
    recipients: usize,
    /// Connections.
    #[arg(long, default_value_t = 1)]
    connections: usize,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let mut around = Surroundings::start(common, 0, graph::SILENT).await?;
    let courant = around.courant(&around.setup(common)).await?;
    around.smsc.behave(Behaviour::Hold);
    let target = courant.batches(arguments.recipients, 0);
    let amount = Amount {
        first: 0,
        count: arguments.requests,
        connections: arguments.connections,
        limit: common.limit(),
    };
    let before = Usage::of(&[courant.pid()]);
    let tally = load::closed(&target, amount, &around.ledger).await.clean()?;
    let after = Usage::of(&[courant.pid()]);
    courant.end().await?;
    let recipients = tally.accepted * arguments.recipients as u64;
    common.reporter().tell(
        &Finding::new(format!("batch, {} recipients per request", arguments.recipients), "Courant")
            .with("recipients/s", recipients as f64 / tally.took.as_secs_f64(), "1/s")
            .with_latencies("request", &tally.latencies)
            .with_usage(before, after, recipients, tally.took),
    )
}
