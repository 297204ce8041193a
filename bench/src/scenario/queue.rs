//! Many recipients wait for a network that does not take them: memory must not grow with them.

use std::{fs, path::Path};

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::{Common, world::Surroundings};
use crate::{
    load::{self, Amount, Tally},
    measure::process::Usage,
    network::{graph, smsc::Behaviour},
    peer::{child::free_port, courant::Courant},
    report::Finding,
};

/// Recipients of each request.
pub(super) const RECIPIENTS: usize = 1000;
/// The first recipient that is counted, but not timed.
pub(super) const UNTIMED: usize = 100_000_000;

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Recipients in all, one run each: 20000 is small, 10000000 takes a while.
    #[arg(long, value_delimiter = ',', default_values_t = [20_000, 1_000_000])]
    sizes: Vec<usize>,
    /// What is wrong with the network.
    #[arg(long, value_enum, default_value_t = Trouble::Down)]
    network: Trouble,
}

/// What is wrong with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Trouble {
    /// Nobody listens.
    Down,
    /// It refuses everything as too fast.
    Throttled,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    for &size in &arguments.sizes {
        common.reporter().tell(&measure(common, size, arguments.network).await?)?;
    }
    Ok(())
}

async fn measure(common: &Common, size: usize, trouble: Trouble) -> Result<Finding> {
    let mut around = Surroundings::start(common, 0, graph::SILENT).await?;
    let mut setup = around.setup(common);
    let word = match trouble {
        Trouble::Down => {
            setup.smsc = Some(([127, 0, 0, 1], free_port()?).into());
            "down"
        }
        Trouble::Throttled => {
            around.smsc.behave(Behaviour::Throttle);
            "throttled"
        }
    };
    let courant = around.courant(&setup).await?;
    let empty = Usage::of(&[courant.pid()]);
    let tally = fill(common, &around, &courant, size, 0).await?;
    let full = Usage::of(&[courant.pid()]);
    let recipients = tally.accepted * RECIPIENTS as u64;
    let stored = bytes_in(&around.folder.path().join("data"));
    courant.end().await?;
    Ok(Finding::new(format!("queue, {size} recipients, network {word}"), "Courant")
        .with("queued/s", recipients as f64 / tally.took.as_secs_f64(), "1/s")
        .with("memory when empty", empty.rss_kib as f64 / 1024.0, "MiB")
        .with("memory", full.rss_kib as f64 / 1024.0, "MiB")
        .with("peak memory", full.peak_kib as f64 / 1024.0, "MiB")
        .with("stored per recipient", stored as f64 / recipients as f64, "bytes")
        .with_latencies("request", &tally.latencies))
}

/// Queues recipients, a thousand per request, beginning with recipient `from`.
pub(super) async fn fill(
    common: &Common,
    around: &Surroundings,
    courant: &Courant,
    recipients: usize,
    from: usize,
) -> Result<Tally> {
    let target = courant.batches(RECIPIENTS, UNTIMED + from);
    let count = recipients.div_ceil(RECIPIENTS);
    let amount = Amount { first: 0, count, connections: 2, limit: common.limit() };
    load::closed(&target, amount, &around.ledger).await.clean()
}

fn bytes_in(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
