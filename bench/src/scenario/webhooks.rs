//! Status webhooks of up to 100 statuses, as fast as they are confirmed; each is stored before.

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    Common,
    world::{STALLED, Surroundings, reaches},
};
use crate::{
    ledger::Place,
    load::{self, Amount},
    measure::process::Usage,
    network::graph,
    report::Finding,
};

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages; each has three statuses.
    #[arg(long, default_value_t = 20_000)]
    messages: usize,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let mut around = Surroundings::start(common, arguments.messages, graph::READ).await?;
    around.graph.keep_silent(true);
    let courant = around.courant(&around.setup(common)).await?;
    let amount = Amount { first: 0, count: arguments.messages, connections: 64, limit: common.limit() };
    let tally = load::closed(&courant.whatsapp(), amount, &around.ledger).await.clean()?;
    let taken = reaches(tally.accepted, STALLED, || around.ledger.count(Place::Whatsapp)).await;
    ensure!(taken, "only {} of {} reached the network", around.ledger.count(Place::Whatsapp), tally.accepted);
    let (began, before) = (Instant::now(), Usage::of(&[courant.pid()]));
    around.graph.keep_silent(false);
    let statuses = tally.accepted * graph::READ.len() as u64;
    let all = reaches(statuses, STALLED, || around.graph.webhooks().statuses).await;
    let (took, after) = (began.elapsed(), Usage::of(&[courant.pid()]));
    let webhooks = around.graph.webhooks();
    ensure!(
        all,
        "only {} of {statuses} statuses were confirmed, {} webhooks refused",
        webhooks.statuses,
        webhooks.failed
    );
    courant.end().await?;
    common.reporter().tell(
        &Finding::new("webhooks, up to 100 statuses each", "Courant")
            .with("statuses/s", statuses as f64 / took.as_secs_f64(), "1/s")
            .with("webhooks", webhooks.latencies.len() as f64, "")
            .with_latencies("confirmation", &webhooks.latencies)
            .with_usage(before, after, statuses, took),
    )
}
