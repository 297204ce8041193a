//! `courant health`: whether a running Courant is well, for container engines and scripts.

use std::time::Duration;

use clap::Args;

use super::{
    client::{Remote, say},
    install_crypto,
};

/// Longest wait for the answer: what asks has little patience itself.
const ANSWER: Duration = Duration::from_secs(4);

/// Ask a running Courant whether it takes work; no token is needed. Ends with 0 if it does.
#[derive(Debug, Args)]
pub(super) struct Health {
    /// Ask only whether it is alive: also true while it starts, drains or waits for its disk.
    #[arg(long)]
    alive: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn run(arguments: Health) -> Result<(), String> {
    install_crypto();
    let client = arguments.remote.client()?;
    if arguments.alive {
        let answer = client.plain("/healthz", ANSWER).await?;
        let status = answer.status();
        return if status.is_success() { Ok(()) } else { Err(format!("it answers {status}")) };
    }
    let readiness = client.readiness(ANSWER).await?;
    if arguments.remote.json {
        say(&serde_json::to_string_pretty(&readiness).unwrap_or_default());
    } else {
        say(readiness.text().trim_end());
    }
    if readiness.ready { Ok(()) } else { Err("it takes no work".to_owned()) }
}
