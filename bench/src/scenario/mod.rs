//! One file per question; this one is the command line.

mod accept;
mod batch;
mod callbacks;
mod compare;
mod e2e;
mod floor;
mod growth;
mod latency;
mod media;
mod media_memory;
mod otp;
mod overload;
mod paging;
mod queue;
mod restart;
mod timers;
mod webhooks;
mod whatsapp;
mod world;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::report::Reporter;

/// Measures Courant on this machine, with simulated networks and callers on loopback.
#[derive(Debug, Parser)]
#[command(name = "courant-bench", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What all scenarios share.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The measured program.
    #[arg(long, global = true, default_value = "target/release/courant")]
    courant: PathBuf,
    /// Folder for data; a fresh one is made in it and removed at the end. Must be on a real disk
    /// for the figures to mean something.
    #[arg(long, global = true, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    /// File to which results are added as JSON lines.
    #[arg(long, global = true)]
    out: Option<PathBuf>,
    /// Longest time in seconds in which a scenario makes requests.
    #[arg(long, global = true, default_value_t = 60)]
    limit: u64,
}

impl Common {
    fn reporter(&self) -> Reporter {
        Reporter { lines: self.out.clone() }
    }

    const fn limit(&self) -> Duration {
        Duration::from_secs(self.limit)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The floor of this machine: bare HTTP and bare disk syncs.
    Floor,
    /// Durable accepts: one SMS per request, the network holds everything back.
    Accept(accept::Arguments),
    /// Durable accepts of requests with many recipients.
    Batch(batch::Arguments),
    /// The whole way of an SMS: accept, SMPP, receipt after 200 ms, callback.
    E2e(e2e::Arguments),
    /// The whole way of a WhatsApp message: accept, Graph API, three webhooks, callbacks.
    E2eWhatsapp(whatsapp::Arguments),
    /// WhatsApp pictures with the same link: fetched once, and by id uploaded once.
    Media(media::Arguments),
    /// Memory while large documents are relayed by id.
    MediaMemory(media_memory::Arguments),
    /// Latency at a steady rate.
    Latency(latency::Arguments),
    /// From a burst of receipts to confirmed callbacks.
    Callbacks(callbacks::Arguments),
    /// Status webhooks in batches, as fast as they are confirmed.
    Webhooks(webhooks::Arguments),
    /// Memory while many recipients wait for a network.
    Queue(queue::Arguments),
    /// Time to the first answer after a crash with many unfinished messages.
    Restart(restart::Arguments),
    /// Whether a large store makes it slower.
    Growth(growth::Arguments),
    /// How exact fallbacks are under load.
    Timers(timers::Arguments),
    /// What a one-time code waits while a campaign is queued for the same sender.
    Otp(otp::Arguments),
    /// How long pages of lists and searches take with many messages stored.
    Paging(paging::Arguments),
    /// Five times more requests than are taken, and a quiet account beside them.
    Overload(overload::Arguments),
    /// Rounds of accept and e2e, alternating with other gateways; writes the page and the chart.
    Compare(compare::Arguments),
}

/// Does what the command line says.
///
/// # Errors
/// What went wrong.
pub(crate) async fn run(cli: Cli) -> Result<()> {
    let common = cli.common;
    match cli.command {
        Command::Floor => floor::run(&common).await,
        Command::Accept(arguments) => accept::run(&common, &arguments).await,
        Command::Batch(arguments) => batch::run(&common, &arguments).await,
        Command::E2e(arguments) => e2e::run(&common, &arguments).await,
        Command::E2eWhatsapp(arguments) => whatsapp::run(&common, &arguments).await,
        Command::Media(arguments) => media::run(&common, &arguments).await,
        Command::MediaMemory(arguments) => media_memory::run(&common, &arguments).await,
        Command::Latency(arguments) => latency::run(&common, &arguments).await,
        Command::Callbacks(arguments) => callbacks::run(&common, &arguments).await,
        Command::Webhooks(arguments) => webhooks::run(&common, &arguments).await,
        Command::Queue(arguments) => queue::run(&common, &arguments).await,
        Command::Restart(arguments) => restart::run(&common, &arguments).await,
        Command::Growth(arguments) => growth::run(&common, &arguments).await,
        Command::Timers(arguments) => timers::run(&common, &arguments).await,
        Command::Otp(arguments) => otp::run(&common, &arguments).await,
        Command::Paging(arguments) => paging::run(&common, &arguments).await,
        Command::Overload(arguments) => overload::run(&common, &arguments).await,
        Command::Compare(arguments) => compare::run(&common, &arguments).await,
    }
}
