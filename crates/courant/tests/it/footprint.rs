//! What the program takes of the machine.

use crate::process::Process;

#[cfg(target_os = "linux")]
#[test]
fn memory_is_taken_in_small_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::start(&folder.path().join("data"), &[]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("THP_enabled:"));
    assert_eq!(line, Some("THP_enabled:\t0"));
}
