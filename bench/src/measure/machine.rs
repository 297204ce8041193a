//! On what was measured.

use std::{fs, path::Path, process::Command, thread};

use serde::Serialize;

/// Facts of the machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// Model of the processor.
    pub(crate) cpu: String,
    /// Cores that this program may use.
    pub(crate) cores: usize,
    /// Memory in MiB.
    pub(crate) memory_mib: u64,
    /// Kernel.
    pub(crate) kernel: String,
    /// Operating system.
    pub(crate) system: String,
    /// How many processes wanted a core when the measuring began, as a mean over a minute.
    pub(crate) load: f64,
    /// File system and device of the data folder.
    pub(crate) disk: String,
}

impl Machine {
    /// The machine this runs on, with its disk at `folder`.
    pub(crate) fn here(folder: &Path) -> Self {
        Self {
            cpu: entry("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| "unknown".into()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory_mib(),
            kernel: read("/proc/sys/kernel/osrelease"),
            system: entry("/etc/os-release", "PRETTY_NAME", '=')
                .unwrap_or_default()
                .trim_matches('"')
                .to_owned(),
            load: read("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0.0),
            disk: disk(folder),
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// The value of the first line that begins with the key.
fn entry(path: &str, key: &str, separator: char) -> Option<String> {
    let text = read(path);
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(separator)?.1.trim().to_owned())
}

fn memory_mib() -> u64 {
    let total = entry("/proc/meminfo", "MemTotal", ':').unwrap_or_default();
    total.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn disk(folder: &Path) -> String {
    let output = Command::new("df").args(["--output=fstype,source"]).arg(folder).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().nth(1).unwrap_or("unknown").split_whitespace().collect::<Vec<_>>().join(" on ")
}
