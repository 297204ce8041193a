//! `courant restore`.

use std::path::PathBuf;

use clap::Args;

use super::client::say;
use crate::backup;

/// Make a data folder from a backup: check it, and copy it.
#[derive(Debug, Args)]
#[command(
    after_help = "Then start the server with this folder as `store.path`. The backup itself is not changed.\n\nExample:\n  courant restore /mnt/backups/courant-1795224770913000 --into /var/lib/courant/data"
)]
pub(super) struct Restore {
    /// The backup's folder, as `courant backup` wrote it.
    backup: PathBuf,
    /// The data folder to make; it must not have a database yet.
    #[arg(long)]
    into: PathBuf,
}

pub(super) fn run(arguments: &Restore) -> Result<(), String> {
    let messages = backup::restore(&arguments.backup, &arguments.into)?;
    say(&format!("{} is ready, with {messages} messages", arguments.into.display()));
    Ok(())
}
