//! The log: JSON lines in the data folder, written before anything is answered.
//!
//! Lines are handed to the operating system and not forced to disk: they survive a killed
//! process, which is all that simulated networks promise.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use super::{record::Record, state::State};

/// The log is rewritten once it is this large and four times as large as after the last rewrite.
const COMPACT_AT: u64 = 64 << 20;

/// An open log.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    size: u64,
    compacted: u64,
}

impl Log {
    /// Reads what the folder holds, compacts it, and opens the log for writing.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, State)> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("networks.jsonl");
        let state = replay(&path)?;
        let (file, size) = compact(&path, &state)?;
        Ok((Self { path, file, size, compacted: size }, state))
    }

    /// Adds records as one line, so that they are kept together or not at all.
    pub(crate) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut line = serde_json::to_vec(records)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.size += line.len() as u64;
        Ok(())
    }

    /// Rewrites the log if it has grown enough.
    pub(crate) fn tidy(&mut self, state: &State) -> io::Result<()> {
        if self.size > COMPACT_AT.max(self.compacted * 4) {
            (self.file, self.size) = compact(&self.path, state)?;
            self.compacted = self.size;
        }
        Ok(())
    }
}

fn replay(path: &Path) -> io::Result<State> {
    let mut state = State::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(state),
        Err(error) => return Err(error),
    };
    let mut torn = 0_u64;
    for line in BufReader::new(file).split(b'\n') {
        match serde_json::from_slice::<Vec<Record>>(&line?) {
            Ok(records) => records.into_iter().for_each(|record| state.apply(record)),
            Err(_) => torn += 1,
        }
    }
    if torn > 0 {
        tracing::warn!(lines = torn, "left out torn lines of the sandbox log");
    }
    Ok(state)
}

/// [`Record::Whole`] without a copy of the state.
#[derive(serde::Serialize)]
enum Snapshot<'a> {
    Whole(&'a State),
}

fn compact(path: &Path, state: &State) -> io::Result<(File, u64)> {
    let fresh = path.with_extension("fresh");
    let mut line = serde_json::to_vec(&[Snapshot::Whole(state)])?;
    line.push(b'\n');
    std::fs::write(&fresh, &line)?;
    std::fs::rename(&fresh, path)?;
    let file = OpenOptions::new().append(true).open(path)?;
    Ok((file, line.len() as u64))
}
