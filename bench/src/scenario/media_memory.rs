//! Memory while large documents pass through: fetched, looked into, and handed over by id.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use super::{
    Common,
    world::{STALLED, Surroundings, reaches},
};
use crate::{
    ledger::Place,
    load::{self, Amount},
    measure::process::Usage,
    network::{graph, origin::Origin},
    peer::courant::Setup,
    report::Finding,
};

const MIB: usize = 1024 * 1024;

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Size of a document in MiB; WhatsApp takes 100.
    #[arg(long, default_value_t = 100)]
    megabytes: usize,
    /// Documents, one after the other, each with another content.
    #[arg(long, default_value_t = 5)]
    documents: u8,
    /// The most that memory may grow, in MiB.
    #[arg(long, default_value_t = 8)]
    most: u64,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let origin = Origin::start(arguments.megabytes * MIB).await?;
    let messages = usize::from(arguments.documents) + 1;
    let mut around = Surroundings::start(common, messages, graph::SILENT).await?;
    let setup = Setup { media: Some("id"), ..around.setup(common) };
    let courant = around.courant(&setup).await?;
    // The first goes ahead, so that what is made once counts as idle.
    let one = |first| Amount { first, count: 1, connections: 1, limit: common.limit() };
    load::closed(&courant.file("image", &origin.picture()), one(0), &around.ledger).await.clean()?;
    ensure!(around.ledger.wait(Place::Whatsapp, 1, STALLED).await, "the first picture was not sent");
    let idle = Usage::of(&[courant.pid()]);
    Usage::forget_peak(courant.pid()).context("the highest memory so far cannot be forgotten")?;
    let began = Instant::now();
    for number in 1..=arguments.documents {
        let target = courant.file("file", &origin.document(number));
        load::closed(&target, one(usize::from(number)), &around.ledger).await.clean()?;
        let sent = around.ledger.wait(Place::Whatsapp, u64::from(number) + 1, STALLED).await;
        ensure!(sent, "document {number} was not sent");
    }
    let took = began.elapsed();
    let uploads = u64::from(arguments.documents) + 1;
    ensure!(reaches(uploads, STALLED, || around.graph.uploads().0).await, "not all files were uploaded");
    let after = Usage::of(&[courant.pid()]);
    courant.end().await?;
    let grown = after.peak_kib.saturating_sub(idle.rss_kib);
    let carried = around.graph.uploads().1 as f64 / MIB as f64;
    let name = format!("media-memory, {} documents of {} MiB", arguments.documents, arguments.megabytes);
    common.reporter().tell(
        &Finding::new(name, "Courant")
            .with("idle memory", idle.rss_kib as f64 / 1024.0, "MiB")
            .with("grown at most", grown as f64 / 1024.0, "MiB")
            .with("carried", carried / took.as_secs_f64(), "MiB/s")
            .with("CPU", (after.cpu - idle.cpu).as_secs_f64(), "s"),
    )?;
    ensure!(grown <= arguments.most * 1024, "memory grew by {} MiB", grown / 1024);
    ensure!(origin.fetches() == uploads, "{} fetches for {uploads} files", origin.fetches());
    Ok(())
}
