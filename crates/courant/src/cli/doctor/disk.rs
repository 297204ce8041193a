//! The disk of the data folder: room, and how long a sync takes, because every accepted message
//! waits for one.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use super::Finding;

/// Syncs measured.
const SYNCS: usize = 20;
/// Less room than this is worth a word, and than this too little.
const LITTLE: u64 = 5 << 30;
const TOO_LITTLE: u64 = 512 << 20;
/// A sync slower than this slows every caller.
const SLOW: Duration = Duration::from_millis(20);

pub(super) fn look(folder: &Path) -> Vec<Finding> {
    if let Err(error) = std::fs::create_dir_all(folder) {
        let found = format!("{}: {error}", folder.display());
        return vec![Finding::bad(
            "disk",
            found,
            "make the folder and give it to the user that runs Courant",
        )];
    }
    vec![room(folder), latency(folder)]
}

fn room(folder: &Path) -> Finding {
    let free = match rustix::fs::statvfs(folder) {
        Ok(system) => system.f_bavail.saturating_mul(system.f_frsize),
        Err(error) => return Finding::bad("disk", error.to_string(), "is the folder on a mounted disk?"),
    };
    let found = format!("{} MB free at {}", free >> 20, folder.display());
    let advice = "make room, or shorten store.retention_hours; a full disk refuses messages, it loses none";
    match free {
        _ if free < TOO_LITTLE => Finding::bad("disk", found, advice),
        _ if free < LITTLE => Finding::worry("disk", found, advice),
        _ => Finding::good("disk", found),
    }
}

fn latency(folder: &Path) -> Finding {
    match median_sync(folder) {
        Err(error) => Finding::bad(
            "disk",
            format!("cannot be written: {error}"),
            "give the folder to the user that runs Courant",
        ),
        Ok(median) => {
            let found = format!("a sync takes {:.2} ms", median.as_secs_f64() * 1e3);
            if median > SLOW {
                Finding::worry(
                    "disk",
                    found,
                    "put store.path on a local SSD: every accepted message waits for a sync",
                )
            } else {
                Finding::good("disk", found)
            }
        }
    }
}

fn median_sync(folder: &Path) -> std::io::Result<Duration> {
    let path = folder.join(format!(".courant-doctor-{}", std::process::id()));
    let measured = measure(&path);
    let _ = std::fs::remove_file(&path);
    let mut times = measured?;
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn measure(path: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = File::create_new(path)?;
    let one = |_| {
        file.write_all(&[0; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        Ok(began.elapsed())
    };
    (0..SYNCS).map(one).collect()
}
