//! The program with a library before it that slows down syncs and sets the wall clock.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::process::Process;

/// The files by which the library is told what to do.
pub(crate) struct Shim {
    library: PathBuf,
    sync_ms: PathBuf,
    clock_s: PathBuf,
}

impl Shim {
    /// Compiles the library into a folder; needs a C compiler, as the build of the program does.
    pub(crate) fn build(folder: &Path) -> Self {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/shim.c");
        let library = folder.join("shim.so");
        let done =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(done.expect("there is a C compiler").success(), "the shim does not compile");
        let shim = Self { library, sync_ms: folder.join("sync_ms"), clock_s: folder.join("clock_s") };
        shim.syncs_take(0);
        shim.clock_is_ahead(0);
        shim
    }

    /// From now on each sync takes so many milliseconds more.
    pub(crate) fn syncs_take(&self, ms: i64) {
        put(&self.sync_ms, ms);
    }

    /// From now on the wall clock is so many seconds ahead.
    pub(crate) fn clock_is_ahead(&self, seconds: i64) {
        put(&self.clock_s, seconds);
    }

    pub(crate) fn start(&self, data: &Path, set: &[&str]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
        command
            .env("LD_PRELOAD", &self.library)
            .env("SHIM_SYNC_MS", &self.sync_ms)
            .env("SHIM_CLOCK_S", &self.clock_s);
        Process::start_by(command, "127.0.0.1:0", data, set)
    }
}

/// Whole or not at all, because the program reads it at any moment.
fn put(path: &Path, number: i64) {
    let new = path.with_extension("new");
    fs::write(&new, number.to_string()).expect("written");
    fs::rename(&new, path).expect("renamed");
}
