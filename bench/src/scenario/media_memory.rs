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
    load::{self, Amount, Target},
    measure::process::Usage,
    network::{graph, origin::Origin},
    peer::courant::Setup,
    report::Finding,
};

const MIB: usize = 1024 * 1024;

/// A picture and a document of 1 MiB, which go ahead of what is measured.
const AHEAD: usize = 2;

/// Memory while large documents pass through, one after the other.
///
/// A picture and a document of 1 MiB go ahead, so that the code of the way, its threads and its
/// connections are in memory. What counts is the peak after them, not samples.
#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Size of a document in MiB; WhatsApp takes 100.
    #[arg(long, default_value_t = 100)]
    megabytes: usize,
    /// Documents, one after the other, each with another content.
    #[arg(long, default_value_t = 5)]
    documents: u8,
    /// The most that memory may grow after the small files, in MiB.
    #[arg(long, default_value_t = 8)]
    most: u64,
    /// The most that it may grow in all, in MiB, with what the small files touched.
    #[arg(long, default_value_t = 12)]
    most_in_all: u64,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let origin = Origin::start(arguments.megabytes * MIB).await?;
    let messages = usize::from(arguments.documents) + AHEAD;
    let mut around = Surroundings::start(common, messages, graph::SILENT).await?;
    let setup = Setup { media: Some("id"), ..around.setup(common) };
    let courant = around.courant(&setup).await?;
    let unused = Usage::of(&[courant.pid()]);
    let ahead = [courant.file("image", &origin.picture()), courant.file("file", &origin.leaflet())];
    relay(&around, common, 0, &ahead).await?;
    let idle = Usage::of(&[courant.pid()]);
    Usage::forget_peak(courant.pid()).context("the highest memory so far cannot be forgotten")?;
    let (began, carried_ahead) = (Instant::now(), around.graph.uploads().1);
    let documents = (1..=arguments.documents).map(|number| courant.file("file", &origin.document(number)));
    relay(&around, common, AHEAD, &documents.collect::<Vec<_>>()).await?;
    let took = began.elapsed();
    let after = Usage::of(&[courant.pid()]);
    courant.end().await?;
    let mib = |kib: u64| kib as f64 / 1024.0;
    let grown = after.peak_kib.saturating_sub(idle.rss_kib);
    let in_all = after.peak_kib.saturating_sub(unused.rss_kib);
    let carried = (around.graph.uploads().1 - carried_ahead) as f64 / MIB as f64;
    let name = format!("media-memory, {} documents of {} MiB", arguments.documents, arguments.megabytes);
    common.reporter().tell(
        &Finding::new(name, "Courant")
            .with("memory before any file", mib(unused.rss_kib), "MiB")
            .with("memory after the small files", mib(idle.rss_kib), "MiB")
            .with("peak", mib(after.peak_kib), "MiB")
            .with("grown at most", mib(grown), "MiB")
            .with("of it pages of files", mib(after.file_kib.saturating_sub(idle.file_kib)), "MiB")
            .with("carried", carried / took.as_secs_f64(), "MiB/s")
            .with("CPU", (after.cpu - idle.cpu).as_secs_f64(), "s"),
    )?;
    ensure!(grown <= arguments.most * 1024, "memory grew by {} MiB", grown / 1024);
    ensure!(in_all <= arguments.most_in_all * 1024, "memory grew by {} MiB in all", in_all / 1024);
    let (fetches, files) = (origin.fetches(), messages as u64);
    ensure!(fetches == files, "{fetches} fetches for {files} files");
    Ok(())
}

/// Sends messages one after the other, the next when the network has the one before and its file.
async fn relay(around: &Surroundings, common: &Common, first: usize, targets: &[Target]) -> Result<()> {
    for (number, target) in (first..).zip(targets) {
        let amount = Amount { first: number, count: 1, connections: 1, limit: common.limit() };
        load::closed(target, amount, &around.ledger).await.clean()?;
        let sent = number as u64 + 1;
        ensure!(around.ledger.wait(Place::Whatsapp, sent, STALLED).await, "file {sent} was not sent");
        ensure!(reaches(sent, STALLED, || around.graph.uploads().0).await, "file {sent} was not uploaded");
    }
    Ok(())
}
