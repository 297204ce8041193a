//! What survives an ordinary end and a new start.

use serde_json::json;

use crate::{harness::Stand, process::Process};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waiting_for_its_fallback_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let stand = Stand::start_with(Some(folder.path().join("data")), &[]).await;
    let reference = stand.send("15550100002", 1500, "b").await;
    stand
        .until("WhatsApp has it", || async {
            stand.status(&reference).await["status"]["code"] == json!(3002)
        })
        .await;
    stand.stop().await;
    let stand = Stand::start_with(Some(folder.path().join("data")), &[]).await;
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(status["status"]["last_channel"], "sms");
    assert_eq!(stand.inbox("15550100002").await.len(), 1);
    stand.stop().await;
}

#[test]
fn the_end_is_clean_and_a_temporary_folder_is_not_left_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::start(&folder.path().join("data"), &[]);
    assert_eq!(process.terminate(), Some(0));
}

#[test]
fn two_processes_cannot_share_a_data_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let process = Process::start(&data, &[]);
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_courant"))
        .args(["sandbox", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .output()
        .expect("it runs");
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("courant:"), "{said}");
    process.kill();
}
