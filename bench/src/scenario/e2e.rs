//! The whole way of an SMS: accepted, submitted over SMPP, receipt 200 ms later, callback
//! confirmed by the caller.

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    Common,
    world::{Name, Program, STALLED, Surroundings},
};
use crate::{
    ledger::Place,
    load::{self, Amount},
    measure::process::Usage,
    network::graph,
    report::Finding,
};

/// Messages sent before the clock starts.
const WARM_UP: usize = 200;

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages.
    #[arg(long, default_value_t = 30_000)]
    pub(super) messages: usize,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    pub(super) connections: usize,
    /// Which program.
    #[arg(long, value_enum, default_value_t = Name::Courant)]
    pub(super) program: Name,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    common.reporter().tell(&measure(common, arguments).await?)
}

pub(super) async fn measure(common: &Common, arguments: &Arguments) -> Result<Finding> {
    let mut around = Surroundings::start(common, WARM_UP + arguments.messages, graph::SILENT).await?;
    let program = around.program(common, arguments.program).await?;
    let amount =
        Amount { first: 0, count: WARM_UP, connections: arguments.connections, limit: common.limit() };
    carry(&around, &program, amount).await?;
    let amount = Amount { first: WARM_UP, count: arguments.messages, ..amount };
    let finding = carry(&around, &program, amount).await?;
    program.end().await?;
    Ok(finding)
}

/// Sends messages and waits until the last has been reported.
pub(super) async fn carry(around: &Surroundings, program: &Program, amount: Amount) -> Result<Finding> {
    let ledger = &around.ledger;
    let earlier = (ledger.count(Place::Reported), around.smsc.submits());
    let (began, before, ours) = (Instant::now(), Usage::of(&program.pids()), Usage::own());
    let tally = load::closed(&program.sms(), amount, ledger).await.clean()?;
    let all = ledger.wait(Place::Reported, earlier.0 + tally.accepted, STALLED).await;
    let (after, ours_after) = (Usage::of(&program.pids()), Usage::own());
    let reported = ledger.count(Place::Reported) - earlier.0;
    ensure!(all, "only {reported} of {} messages were reported", tally.accepted);
    let took = ledger.last(Place::Reported).duration_since(began);
    let ours_cpu = ours_after.cpu.saturating_sub(ours.cpu).as_secs_f64();
    Ok(Finding::new(format!("e2e, {} connections", amount.connections), program.name().as_str())
        .with("carried/s", reported as f64 / took.as_secs_f64(), "1/s")
        .with("accepted/s", tally.rate(), "1/s")
        .with("messages", reported as f64, "")
        .with("submitted to the network", (around.smsc.submits() - earlier.1) as f64, "")
        .with("submitted more than once", ledger.repeated(Place::Sms) as f64, "")
        .with("reported more than once", ledger.repeated(Place::Reported) as f64, "")
        .with_latencies("accept", &tally.latencies)
        .with_latencies("to the network", &ledger.between(Place::Intended, Place::Sms))
        .with_latencies("to the callback", &ledger.between(Place::Intended, Place::Reported))
        .with_usage(before, after, reported, took)
        .with("cores used by the load", ours_cpu / took.as_secs_f64(), ""))
}
