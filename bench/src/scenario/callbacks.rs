//! All receipts come at once: how fast they become confirmed callbacks.

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
    peer::courant::{Kind, callback_key},
    report::Finding,
    sink::Sink,
};

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages.
    #[arg(long, default_value_t = 20_000)]
    messages: usize,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let mut around = Surroundings::start(common, arguments.messages, graph::SILENT).await?;
    around.sink = Sink::start(around.ledger.clone(), Some(callback_key())).await?;
    let courant = around.courant(&around.setup(common)).await?;
    around.smsc.keep_silent(true);
    let amount = Amount { first: 0, count: arguments.messages, connections: 64, limit: common.limit() };
    let tally = load::closed(&courant.sms(Kind::Notice), amount, &around.ledger).await.clean()?;
    let taken = reaches(tally.accepted, STALLED, || around.ledger.count(Place::Sms)).await;
    ensure!(
        taken,
        "only {} of {} messages reached the network",
        around.ledger.count(Place::Sms),
        tally.accepted
    );
    let (began, before) = (Instant::now(), Usage::of(&[courant.pid()]));
    around.smsc.keep_silent(false);
    let all = around.ledger.wait(Place::Reported, tally.accepted, STALLED).await;
    ensure!(
        all,
        "only {} of {} messages were reported",
        around.ledger.count(Place::Reported),
        tally.accepted
    );
    let took = around.ledger.last(Place::Reported).duration_since(began);
    let after = Usage::of(&[courant.pid()]);
    courant.end().await?;
    ensure!(around.sink.forged() == 0, "{} callbacks had a wrong signature", around.sink.forged());
    common.reporter().tell(
        &Finding::new("callbacks, from a burst of receipts", "Courant")
            .with("callbacks/s", tally.accepted as f64 / took.as_secs_f64(), "1/s")
            .with("callbacks", around.sink.callbacks() as f64, "")
            .with("reported more than once", around.ledger.repeated(Place::Reported) as f64, "")
            .with_usage(before, after, tally.accepted, took),
    )
}
