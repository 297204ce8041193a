//! Each sync takes a third of a second.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{Caller, shim::Shim};
use crate::harness::Stand;

const SYNC_MS: i64 = 300;

/// Sends until both files of the journal have their room: what is answered after that waits for the
/// sync of its own record, and for no other.
async fn fill_journals(caller: &Caller, data: &Path) {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let journals = store::sqlite::journals(&data.join(courant::backup::DATABASE));
    Stand::wait_for("both files of the journal", || async {
        let warm = caller.send("15558880004", 60_000).await;
        caller.reaches(&warm, 3000).await;
        journals.iter().all(|path| size(path) > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_makes_answers_slow_and_breaks_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let shim = Shim::build(folder.path());
    let process = shim.start(&folder.path().join("data"), &[]);
    let caller = Caller::of(&process);
    caller.says("/readyz", "route sms up").await;
    fill_journals(&caller, &folder.path().join("data")).await;
    shim.syncs_take(SYNC_MS);
    let began = Instant::now();
    let numbers: Vec<String> = (0..20).map(|index| format!("1555{index:03}0004")).collect();
    let sends = numbers.iter().map(|number| caller.send(number, 60_000));
    let references = futures_util::future::join_all(sends).await;
    assert!(began.elapsed() >= Duration::from_millis(SYNC_MS as u64), "it was answered before its sync");
    for reference in &references {
        caller.reaches(reference, 3000).await;
    }
    caller.says("/readyz", "the disk is slow").await;
    assert!(caller.text("/readyz").await.starts_with("ready"), "slow is not broken");
    for number in &numbers {
        let inbox = caller.inbox(number).await;
        assert_eq!(inbox.len(), 1, "{number} got {inbox:?}");
        assert_eq!(inbox[0]["channel"], "whatsapp", "a slow disk is no reason to fall back");
    }
    shim.syncs_take(0);
    let again = caller.send("15559990004", 60_000).await;
    caller.reaches(&again, 3000).await;
    assert_eq!(process.terminate(), Some(0));
}
