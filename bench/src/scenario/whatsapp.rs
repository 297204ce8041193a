//! The whole way of a WhatsApp message: accepted, sent to the Graph API, three status webhooks,
//! two callbacks (delivered and read).

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

/// Telesign tells delivery and reading.
const CALLBACKS_PER_MESSAGE: u64 = 2;

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages.
    #[arg(long, default_value_t = 20_000)]
    messages: usize,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let mut around = Surroundings::start(common, arguments.messages, graph::READ).await?;
    let courant = around.courant(&around.setup(common)).await?;
    let amount = Amount {
        first: 0,
        count: arguments.messages,
        connections: arguments.connections,
        limit: common.limit(),
    };
    let (began, before) = (Instant::now(), Usage::of(&[courant.pid()]));
    let tally = load::closed(&courant.whatsapp(), amount, &around.ledger).await.clean()?;
    let all = around.ledger.wait(Place::Reported, tally.accepted, STALLED).await;
    let reported = around.ledger.count(Place::Reported);
    ensure!(all, "only {reported} of {} messages were reported", tally.accepted);
    let statuses = tally.accepted * graph::READ.len() as u64;
    let confirmed = reaches(statuses, STALLED, || around.graph.webhooks().statuses).await;
    ensure!(confirmed, "only {} of {statuses} statuses were confirmed", around.graph.webhooks().statuses);
    let told = reaches(tally.accepted * CALLBACKS_PER_MESSAGE, STALLED, || around.sink.callbacks()).await;
    ensure!(told, "only {} callbacks for {} messages", around.sink.callbacks(), tally.accepted);
    let (took, after) = (began.elapsed(), Usage::of(&[courant.pid()]));
    courant.end().await?;
    let webhooks = around.graph.webhooks();
    common.reporter().tell(
        &Finding::new(format!("e2e-whatsapp, {} connections", arguments.connections), "Courant")
            .with("carried/s", reported as f64 / took.as_secs_f64(), "1/s")
            .with("accepted/s", tally.rate(), "1/s")
            .with("statuses", webhooks.statuses as f64, "")
            .with("webhooks refused", webhooks.failed as f64, "")
            .with("callbacks", around.sink.callbacks() as f64, "")
            .with_latencies("accept", &tally.latencies)
            .with_latencies("to the network", &around.ledger.between(Place::Intended, Place::Whatsapp))
            .with_latencies("webhook", &webhooks.latencies)
            .with_usage(before, after, reported, took),
    )
}
