//! The process itself, as Linux tells it. The names are those that Prometheus' own clients use.

use std::{fs, sync::atomic::AtomicU64};

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use super::catalog::{Catalog, Kin};
use crate::app;

/// Ticks per second in /proc/self/stat: the same on every Linux that programs see.
const TICKS: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Process {
    cpu: Counter<f64, AtomicU64>,
    memory: Gauge,
    open_files: Gauge,
    most_files: Gauge,
    started: Gauge,
    tasks: Gauge,
    ready_tasks: Gauge,
    build: Kin<Gauge>,
}

impl Process {
    pub(super) fn new(catalog: &mut Catalog) -> Self {
        Self {
            cpu: catalog.float_counter("process_cpu_seconds", "Processor time used"),
            memory: catalog.gauge("process_resident_memory_bytes", "Memory used"),
            open_files: catalog.gauge("process_open_fds", "Files and connections open"),
            most_files: catalog.gauge("process_max_fds", "Files and connections that may be open"),
            started: catalog
                .gauge("process_start_time_seconds", "When the program was started, in seconds since 1970"),
            tasks: catalog.gauge("tasks", "Tasks of the runtime that have not ended"),
            ready_tasks: catalog
                .gauge("tasks_waiting", "Tasks that are ready and wait for a processor in the common queue"),
            build: catalog.kin(
                "build",
                &["version"],
                "Always 1; the label says which program runs",
                Gauge::default,
            ),
        }
    }

    pub(super) fn look(&self) {
        self.build.get_or_create(&vec![("version", env!("CARGO_PKG_VERSION").into())]).set(1);
        self.started.set(app::started_at().as_secs());
        let runtime = tokio::runtime::Handle::current().metrics();
        self.tasks.set(runtime.num_alive_tasks() as i64);
        self.ready_tasks.set(runtime.global_queue_depth() as i64);
        // Where there is no /proc, these stay as they are.
        let read = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        if let Some(seconds) = cpu_seconds(&read("stat")) {
            self.cpu.inner().store(seconds.to_bits(), std::sync::atomic::Ordering::Relaxed);
        }
        if let Some(kilobytes) = number_after(&read("status"), "VmRSS:") {
            self.memory.set(kilobytes * 1024);
        }
        if let Some(most) = number_after(&read("limits"), "Max open files") {
            self.most_files.set(most);
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(files.count() as i64);
        }
    }
}

/// User and system time: the 12th and 13th field after the program's name.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) as f64 / TICKS)
}

/// The first number in the line that begins so.
fn number_after(text: &str, beginning: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix(beginning))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_says_of_a_process_is_read() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 100 1000 200";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(number_after("VmPeak:\t 9 kB\nVmRSS:\t   512 kB\n", "VmRSS:"), Some(512));
        let limits = "Max open files            1024                 4096                 files\n";
        assert_eq!(number_after(limits, "Max open files"), Some(1024));
        assert_eq!((cpu_seconds(""), number_after("", "VmRSS:")), (None, None));
    }
}
