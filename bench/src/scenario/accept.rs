//! How many single messages per second are taken, each durable before it is confirmed.

use anyhow::Result;
use clap::Args;

use super::{
    Common,
    world::{Name, Surroundings},
};
use crate::{
    load::{self, Amount},
    measure::process::Usage,
    network::{graph, smsc::Behaviour},
    report::Finding,
};

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages.
    #[arg(long, default_value_t = 50_000)]
    pub(super) messages: usize,
    /// Connections.
    #[arg(long, default_value_t = 128)]
    pub(super) connections: usize,
    /// Which program.
    #[arg(long, value_enum, default_value_t = Name::Courant)]
    pub(super) program: Name,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    common.reporter().tell(&measure(common, arguments).await?)
}

/// The network is there but answers nothing, so that accepting is all there is to do.
pub(super) async fn measure(common: &Common, arguments: &Arguments) -> Result<Finding> {
    let mut around = Surroundings::start(common, 0, graph::SILENT).await?;
    let program = around.program(common, arguments.program).await?;
    around.smsc.behave(Behaviour::Hold);
    let amount = Amount {
        first: 0,
        count: arguments.messages,
        connections: arguments.connections,
        limit: common.limit(),
    };
    let before = Usage::of(&program.pids());
    let tally = load::closed(&program.sms(), amount, &around.ledger).await.clean()?;
    let after = Usage::of(&program.pids());
    program.end().await?;
    Ok(Finding::new(format!("accept, {} connections", arguments.connections), arguments.program.as_str())
        .with("accepted/s", tally.rate(), "1/s")
        .with("messages", tally.accepted as f64, "")
        .with_latencies("accept", &tally.latencies)
        .with_usage(before, after, tally.accepted, tally.took))
}
