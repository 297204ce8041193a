//! The same work with more and more messages in the store.

use anyhow::Result;
use clap::Args;

use super::{
    Common, e2e,
    paging::Growing,
    world::{Name, Surroundings},
};
use crate::{load::Amount, network::graph, report::Finding};

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages in the store at each measurement, growing.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000])]
    sizes: Vec<usize>,
    /// Messages of each measurement.
    #[arg(long, default_value_t = 10_000)]
    messages: usize,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let capacity = arguments.sizes.len() * arguments.messages;
    let mut around = Surroundings::start(common, capacity, graph::SILENT).await?;
    let mut store = Growing::open(around.folder.path())?;
    for (turn, &size) in arguments.sizes.iter().enumerate() {
        // Written beside the program, which is not running then: through its door ten million would
        // take half an hour.
        store.grow(size as u64).await?;
        // A fresh process each time, so that memory and caches say nothing about the time before.
        let program = around.program(common, Name::Courant).await?;
        let first = turn * arguments.messages;
        let amount = Amount {
            first,
            count: arguments.messages,
            connections: arguments.connections,
            limit: common.limit(),
        };
        let finding = e2e::carry(&around, &program, amount).await?;
        common.reporter().tell(&titled(finding, size))?;
        program.end().await?;
    }
    Ok(())
}

fn titled(mut finding: Finding, stored: usize) -> Finding {
    finding.scenario = format!("growth, {stored} messages stored: {}", finding.scenario);
    finding
}
