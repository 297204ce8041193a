//! A crash with many unfinished messages: how long until the next answer, and whether any was
//! lost.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::{
    Common, queue,
    world::{Surroundings, reaches},
};
use crate::{
    client::Client,
    ledger::Place,
    network::{graph, smsc::Behaviour},
    peer::courant::{Courant, Kind},
    report::Finding,
};

/// Messages in flight at the crash have an unknown outcome: by default a minute for the answer
/// and 20 s for a receipt pass before they are sent again.
const DOUBT: Duration = Duration::from_secs(100);

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Unfinished messages, one run each.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 20_000, 200_000])]
    sizes: Vec<usize>,
    /// Afterwards, let the network take them and count that none was lost.
    #[arg(long)]
    drain: bool,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    for &size in &arguments.sizes {
        common.reporter().tell(&measure(common, size, arguments.drain).await?)?;
    }
    Ok(())
}

async fn measure(common: &Common, size: usize, drain: bool) -> Result<Finding> {
    let mut around = Surroundings::start(common, 1, graph::SILENT).await?;
    around.smsc.behave(Behaviour::Throttle);
    let setup = around.setup(common);
    let courant = around.courant(&setup).await?;
    let queued = queue::fill(common, &around, &courant, size, 0).await?.accepted * queue::RECIPIENTS as u64;
    courant.crash().await?;
    let began = Instant::now();
    let courant = Courant::start(&setup, around.folder.path()).await?;
    let ready = began.elapsed();
    first_answer(&courant).await?;
    let answered = began.elapsed();
    let mut finding = Finding::new(format!("restart after a crash with {queued} unfinished"), "Courant")
        .with("until ready", millis(ready), "ms")
        .with("until the first accept", millis(answered), "ms");
    if drain {
        around.smsc.behave(Behaviour::Take);
        let goal = queued + 1;
        let all = reaches(goal, DOUBT, || around.ledger.sightings(Place::Sms)).await;
        let seen = around.ledger.sightings(Place::Sms);
        ensure!(all, "only {seen} of {goal} messages reached the network after the restart");
        finding = finding.with("until all were sent", millis(began.elapsed()), "ms").with(
            "sent more than once",
            (seen - goal) as f64,
            "",
        );
    }
    courant.end().await?;
    Ok(finding)
}

async fn first_answer(courant: &Courant) -> Result<()> {
    let target = courant.sms(Kind::OneTimeCode);
    let answer = Client::new(target.address).exchange(&(target.request)(0)).await.context("no answer")?;
    ensure!(answer.status == target.accepted, "status {}", answer.status);
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
