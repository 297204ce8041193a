//! How long the disk takes to make bytes durable: the floor under every durable answer.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
    time::Instant,
};

use crate::ledger::{Latencies, latencies};

/// Syncs that are timed.
const SYNCS: usize = 200;
const PAGE: [u8; 4096] = [0xA5; 4096];

/// Times appending 4 KiB and syncing them, over and over, in a file of its own.
///
/// # Errors
/// If the folder cannot be written.
pub(crate) fn sync_latency(folder: &Path) -> io::Result<Latencies> {
    let path = folder.join("courant-bench-sync");
    let mut file = OpenOptions::new().create_new(true).append(true).open(&path)?;
    let mut latencies = latencies();
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        latencies.saturating_record(began.elapsed().as_micros() as u64);
    }
    std::fs::remove_file(path)?;
    Ok(latencies)
}
