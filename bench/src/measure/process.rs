//! CPU time and memory of processes, from `/proc`.

use std::{collections::BTreeSet, fs, time::Duration};

/// Linux reports CPU time to programs in hundredths of a second on every machine.
const TICK: Duration = Duration::from_millis(10);

/// What some processes have used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// CPU time, all threads, user and system.
    pub(crate) cpu: Duration,
    /// Memory now, in KiB.
    pub(crate) rss_kib: u64,
    /// That part of it which is pages of files, such as the program itself, in KiB.
    pub(crate) file_kib: u64,
    /// Sum of the highest memory of each process, in KiB.
    pub(crate) peak_kib: u64,
}

impl Usage {
    /// What these processes and all their descendants have used so far.
    pub(crate) fn of(pids: &[u32]) -> Self {
        family(pids).into_iter().map(Self::of_one).fold(Self::default(), Self::plus)
    }

    /// What this program has used so far.
    pub(crate) fn own() -> Self {
        Self::of_one(std::process::id())
    }

    /// Forgets the highest memory of a process so far.
    ///
    /// # Errors
    /// If the system does not let it.
    pub(crate) fn forget_peak(pid: u32) -> std::io::Result<()> {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")
    }

    fn of_one(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        Self {
            cpu: cpu(pid),
            rss_kib: kib(&status, "VmRSS:"),
            file_kib: kib(&status, "RssFile:"),
            peak_kib: kib(&status, "VmHWM:"),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            rss_kib: self.rss_kib + other.rss_kib,
            file_kib: self.file_kib + other.file_kib,
            peak_kib: self.peak_kib + other.peak_kib,
        }
    }
}

/// These processes and all their descendants.
pub(crate) fn family(pids: &[u32]) -> BTreeSet<u32> {
    let mut family = BTreeSet::new();
    for &pid in pids {
        gather(pid, &mut family);
    }
    family
}

fn gather(pid: u32, family: &mut BTreeSet<u32>) {
    if !family.insert(pid) {
        return;
    }
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return };
    for task in tasks.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|text| text.parse().ok()) {
            gather(child, family);
        }
    }
}

/// Fields 14 and 15 of `stat`; the name before them may contain anything but ends with `)`.
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    TICK * fields.filter_map(|field| field.parse::<u32>().ok()).sum::<u32>()
}

fn kib(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
