//! What this machine can do at all: HTTP without a product behind it, and disk syncs.

use std::{sync::Arc, time::Duration};

use anyhow::Result;

use super::Common;
use crate::{
    client,
    ledger::Ledger,
    load::{self, Amount, Target},
    measure::{disk, machine::Machine},
    report::Finding,
    sink,
};

const REQUESTS: usize = 50_000;
const LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn run(common: &Common) -> Result<()> {
    let machine = Machine::here(&common.folder);
    println!(
        "{}, {} cores, {} MiB, {} ({}), {}",
        machine.cpu, machine.cores, machine.memory_mib, machine.system, machine.kernel, machine.disk
    );
    let reporter = common.reporter();
    for connections in [32, 128] {
        reporter.tell(&http(connections).await?)?;
    }
    reporter.tell(&syncs(common)?)
}

async fn http(connections: usize) -> Result<Finding> {
    let body = br#"{"channels":[{"channel":"sms"}],"phone_number":"15550000000","message_type":"ARN"}"#;
    let request = client::post("/", &[("Content-Type", "application/json")], body);
    let target =
        Target { address: sink::echo().await?, accepted: 200, request: Arc::new(move |_| request.clone()) };
    let amount = Amount { first: 0, count: REQUESTS, connections, limit: LIMIT };
    let tally = load::closed(&target, amount, &Ledger::new(0)).await.clean()?;
    Ok(Finding::new(format!("floor: HTTP echo, {connections} connections"), "hyper")
        .with("requests/s", tally.rate(), "1/s")
        .with_latencies("answer", &tally.latencies))
}

/// The latency of syncs in the data folder.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn syncs(common: &Common) -> Result<Finding> {
    let latencies = disk::sync_latency(&common.folder)?;
    Ok(Finding::new("floor: 4 KiB write and fdatasync", "disk")
        .with("syncs/s", 1e6 / latencies.mean(), "1/s")
        .with_latencies("sync", &latencies))
}
