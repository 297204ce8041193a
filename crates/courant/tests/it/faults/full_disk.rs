//! A real file system of a few megabytes that is full. Mounting it needs root, which this test is in
//! CI; elsewhere it fails and says so, rather than passing without having run.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;

use super::Caller;
use crate::{
    harness::PATIENCE,
    process::{Process, free_address},
};

/// The network has told that a message was read, however we answered.
const TOLD_OF_READING: &str = "courant_network_events_total{route=\"whatsapp\",kind=\"read\"}";

/// A small file system in memory, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Self {
        fs::create_dir_all(at).expect("a folder");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(at).status();
        assert!(
            mount.is_ok_and(|status| status.success()),
            "NOT RUN: this test mounts a small tmpfs, which needs root; run it as root"
        );
        Self(at.to_owned())
    }

    /// Fills it but for so many bytes.
    fn fill(&self, but: u64) {
        let free = rustix::fs::statvfs(&self.0).expect("it is mounted");
        let bytes = (free.f_bavail * free.f_frsize).saturating_sub(but);
        fs::write(self.ballast(), vec![7; usize::try_from(bytes).expect("it is small")]).expect("it fits");
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).expect("it is there");
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_work_confirms_no_receipt_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let disk = SmallDisk::mount(&data);
    // The simulated networks are other machines: their disks are not full.
    let networks = folder.path().join("networks");
    fs::create_dir(&networks).expect("a folder");
    symlink(&networks, data.join("networks")).expect("linked");
    let listen = free_address();
    let process = Process::start_at(&listen, &data, &[]);
    let caller = Caller::of(&process);
    caller.says("/readyz", "route sms up").await;
    // Delivered three seconds after it was taken, when the disk is full.
    let late = caller.send("15550100007", 600_000).await;
    caller.reaches(&late, 3002).await;
    disk.fill(200_000);
    let mut accepted = vec![late.clone()];
    let refused = loop {
        let number = format!("15{:05}0002", accepted.len());
        let (status, answer) = caller.ask(&number, 600_000).await;
        if status != 200 {
            break (status, answer);
        }
        accepted.push(answer["reference_id"].as_str().expect("a reference").to_owned());
        assert!(accepted.len() < 5000, "200 kB hold more than that?");
    };
    assert_eq!((refused.0, &refused.1["status"]["code"]), (503, &json!(3500)), "{}", refused.1);
    // From now on its network wants to get rid of all the news that there will be.
    caller.says("/metrics", TOLD_OF_READING).await;
    assert_eq!(caller.inbox("15550100007").await.len(), 1);
    assert_eq!(caller.code(&late).await, Some(3002), "what is not stored is not told");
    process.kill();
    // Killed while full: it starts on the full disk, and what is stored can be read.
    let process = Process::start_at(&listen, &data, &[]);
    let caller = Caller::of(&process);
    let last = caller.code(&accepted[accepted.len() - 1]).await;
    assert!(matches!(last, Some(3001 | 3002)), "{last:?}");
    assert_eq!(caller.ask("15559990002", 600_000).await.0, 503, "it is still full");
    disk.free();
    // The network tells again, and the rest goes on without help.
    // It is read, too.
    caller.reaches(&late, 3005).await;
    let began = Instant::now();
    while caller.ask("15558880004", 600_000).await.0 != 200 {
        assert!(began.elapsed() < PATIENCE, "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for reference in &accepted[1..] {
        caller.reaches(reference, 3002).await;
    }
    for index in 1..accepted.len() {
        let inbox = caller.inbox(&format!("15{index:05}0002")).await;
        assert!(inbox.is_empty(), "nothing is sent twice or too early: {inbox:?}");
    }
    assert_eq!(process.terminate(), Some(0));
    let log = fs::read_to_string(data.with_extension("log")).expect("a log");
    assert!(!log.contains("panicked"), "{log}");
}
