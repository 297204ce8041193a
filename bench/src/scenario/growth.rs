//! The same work with more and more messages in the store.

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    Common, e2e, queue,
    world::{Name, Program, STALLED, Surroundings, reaches},
};
use crate::{load::Amount, network::graph, report::Finding};

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages in the store at each measurement, growing.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 100_000, 300_000])]
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
    let mut program = around.program(common, Name::Courant).await?;
    let mut stored = 0;
    for (turn, &size) in arguments.sizes.iter().enumerate() {
        stored += grow(common, &around, &program, size.saturating_sub(stored), stored).await?;
        let first = turn * arguments.messages;
        let amount = Amount {
            first,
            count: arguments.messages,
            connections: arguments.connections,
            limit: common.limit(),
        };
        let finding = e2e::carry(&around, &program, amount).await?;
        common.reporter().tell(&titled(finding, stored))?;
        stored += arguments.messages;
        program = restarted(common, &mut around, program).await?;
    }
    program.end().await
}

/// Sends messages nobody hears of again, and waits until their receipts are in.
async fn grow(
    common: &Common,
    around: &Surroundings,
    program: &Program,
    count: usize,
    from: usize,
) -> Result<usize> {
    let Program::Courant(courant) = program else { return Ok(0) };
    let goal = around.smsc.receipts() + count.div_ceil(queue::RECIPIENTS) as u64 * queue::RECIPIENTS as u64;
    let filled =
        queue::fill(common, around, courant, count, from).await?.accepted as usize * queue::RECIPIENTS;
    ensure!(filled >= count, "only {filled} of {count} messages could be stored in time; raise --limit");
    ensure!(reaches(goal, STALLED, || around.smsc.receipts()).await, "the stored messages did not all leave");
    Ok(filled)
}

/// A fresh process each time, so that memory and caches say nothing about the time before.
async fn restarted(common: &Common, around: &mut Surroundings, program: Program) -> Result<Program> {
    program.end().await?;
    around.program(common, Name::Courant).await
}

fn titled(mut finding: Finding, stored: usize) -> Finding {
    finding.scenario = format!("growth, {stored} messages stored: {}", finding.scenario);
    finding
}
