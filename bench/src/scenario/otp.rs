//! A campaign is queued behind a slow link: what a one-time code from the same sender waits.

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    Common,
    world::{STALLED, Surroundings},
};
use crate::{
    ledger::Place,
    load::{self, Amount},
    network::graph,
    peer::courant::Kind,
    report::Finding,
};

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages of the campaign.
    #[arg(long, default_value_t = 20_000)]
    campaign: usize,
    /// What the link takes per second.
    #[arg(long, default_value_t = 100.0)]
    tps: f64,
    /// One-time codes.
    #[arg(long, default_value_t = 50)]
    codes: usize,
    /// One-time codes per second.
    #[arg(long, default_value_t = 5.0)]
    rate: f64,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    // The codes come first in the ledger, so that only they are timed.
    let mut around = Surroundings::start(common, arguments.codes, graph::SILENT).await?;
    let mut setup = around.setup(common);
    setup.tps = Some(arguments.tps);
    let courant = around.courant(&setup).await?;
    let campaign =
        Amount { first: arguments.codes, count: arguments.campaign, connections: 64, limit: common.limit() };
    let queued = load::closed(&courant.sms(Kind::Marketing), campaign, &around.ledger).await.clean()?;
    let codes = Amount { first: 0, count: arguments.codes, connections: 16, limit: common.limit() };
    let tally =
        load::open(&courant.sms(Kind::OneTimeCode), codes, arguments.rate, &around.ledger).await.clean()?;
    let all = around.ledger.wait(Place::Sms, tally.accepted, STALLED).await;
    ensure!(all, "only {} of {} codes were sent", around.ledger.count(Place::Sms), tally.accepted);
    let sent = around.ledger.sightings(Place::Sms) - tally.accepted;
    courant.end().await?;
    ensure!(sent < queued.accepted, "the campaign was over before the codes; make it larger");
    common.reporter().tell(
        &Finding::new(
            format!("otp, campaign of {} queued at {}/s", queued.accepted, arguments.tps),
            "Courant",
        )
        .with("codes", tally.accepted as f64, "")
        .with("campaign sent meanwhile", sent as f64, "")
        .with_latencies("code to the network", &around.ledger.between(Place::Intended, Place::Sms)),
    )
}
