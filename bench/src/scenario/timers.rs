//! A step that gets no delivery within its patience gives way to the next: how exact that is
//! while messages keep coming. The clock of a step starts when the attempt is handed over, a little
//! before the network sees it; so some fallbacks look early by as much as the hand-over took.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    Common,
    world::{STALLED, Surroundings},
};
use crate::{
    ledger::{Place, latencies},
    load::{self, Amount},
    measure::process::Usage,
    network::graph,
    report::Finding,
};

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages per second.
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
    /// Seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Patience of the first step in milliseconds.
    #[arg(long, default_value_t = 600)]
    patience_ms: u64,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let messages = (arguments.rate * arguments.seconds as f64) as usize;
    let patience = Duration::from_millis(arguments.patience_ms);
    let mut around = Surroundings::start(common, messages, graph::SILENT).await?;
    let courant = around.courant(&around.setup(common)).await?;
    let amount = Amount { first: 0, count: messages, connections: 256, limit: common.limit() };
    let before = Usage::of(&[courant.pid()]);
    let tally =
        load::open(&courant.fallback(patience), amount, arguments.rate, &around.ledger).await.clean()?;
    let all = around.ledger.wait(Place::Reported, tally.accepted, STALLED).await;
    ensure!(
        all,
        "only {} of {} messages were reported",
        around.ledger.count(Place::Reported),
        tally.accepted
    );
    let after = Usage::of(&[courant.pid()]);
    courant.end().await?;
    let (mut late, mut early) = (latencies(), latencies());
    for (whatsapp, sms) in around.ledger.pairs(Place::Whatsapp, Place::Sms) {
        let due = whatsapp + patience.as_micros() as u64;
        match sms.checked_sub(due) {
            Some(micros) => late.saturating_record(micros),
            None => early.saturating_record(due - sms),
        }
    }
    common.reporter().tell(
        &Finding::new(
            format!("timers, fallback after {patience:?} at {} messages/s", arguments.rate),
            "Courant",
        )
        .with("fallbacks", (late.len() + early.len()) as f64, "")
        .with("early", early.len() as f64, "")
        .with_latencies("early by", &early)
        .with_latencies("late by", &late)
        .with_usage(before, after, tally.accepted, tally.took),
    )
}
