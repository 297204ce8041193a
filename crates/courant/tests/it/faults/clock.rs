//! The wall clock is set by hours while the process runs.

use super::{Caller, shim::Shim};

#[tokio::test(flavor = "multi_thread")]
async fn setting_the_clock_by_hours_neither_rings_alarms_early_nor_holds_them_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let shim = Shim::build(folder.path());
    let process = shim.start(&folder.path().join("data"), &[]);
    let caller = Caller::of(&process);
    // WhatsApp is silent: this one waits ten minutes for its fallback.
    let patient = caller.send("15550100002", 600_000).await;
    caller.reaches(&patient, 3002).await;
    for (step, number, words) in
        [(7200, "15550110002", "ahead of ours"), (-10_800, "15550120002", "behind ours")]
    {
        shim.clock_is_ahead(step);
        let quick = caller.send(number, 600).await;
        caller.reaches(&quick, 3000).await;
        assert_eq!(caller.inbox(number).await.len(), 1);
        assert_eq!(caller.code(&patient).await, Some(3002), "after a step by {step} s");
        caller.says("/readyz", words).await;
    }
    assert_eq!(caller.inbox("15550100002").await.len(), 0);
    assert_eq!(process.terminate(), Some(0));
}
