//! Few files may be open, and callers open connections until there are no more.

use std::{
    io::Read,
    net::TcpStream,
    process::Command,
    time::{Duration, Instant},
};

use super::Caller;
use crate::{harness::PATIENCE, process::Process};

/// Files that the process may have open.
const FILES: usize = 160;

#[tokio::test(flavor = "multi_thread")]
async fn connections_never_use_up_the_files_that_networks_and_the_store_need() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("sh");
    let limited = format!("ulimit -n {FILES} && exec \"$0\" \"$@\"");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_courant")]);
    let set = ["server.header_timeout_ms=1000"];
    let process = Process::start_by(command, "127.0.0.1:0", &folder.path().join("data"), &set);
    let caller = Caller::of(&process);
    caller.says("/readyz", "route sms up").await;
    let address = process.url.strip_prefix("http://").expect("http").to_owned();
    let (began, before) = (Instant::now(), cpu(&process));
    let crowd: Vec<TcpStream> =
        (0..FILES).map(|_| TcpStream::connect(&address).expect("the kernel takes it")).collect();
    // The caller has a connection already; networks, callbacks and the store need new files.
    for (number, channel) in [("15550100004", "whatsapp"), ("15550100002", "sms")] {
        let reference = caller.send(number, 600).await;
        caller.reaches(&reference, 3000).await;
        let inbox = caller.inbox(number).await;
        assert_eq!((inbox.len(), &inbox[0]["channel"]), (1, &channel.into()), "{inbox:?}");
    }
    let (took, used) = (began.elapsed(), cpu(&process) - before);
    assert!(used < took.mul_f64(0.9) + Duration::from_secs(1), "{used:?} of CPU in {took:?}");
    drop(crowd);
    let newcomer = Caller::of(&process);
    assert_eq!(newcomer.text("/healthz").await, "alive\n");
    let log = std::fs::read_to_string(folder.path().join("data.log")).expect("a log");
    assert!(log.contains("too few files"), "the operator is told: {log}");
    assert!(!log.contains("os error 24"), "there was a file for everything: {log}");
    assert_eq!(process.terminate(), Some(0));
}

/// CPU time used by a process; a tick is ten milliseconds.
fn cpu(process: &Process) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.id())).expect("it runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn a_connection_that_says_nothing_is_closed_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::start(&folder.path().join("data"), &["server.header_timeout_ms=300"]);
    let address = process.url.strip_prefix("http://").expect("http");
    let mut silent = TcpStream::connect(address).expect("connected");
    silent.set_read_timeout(Some(PATIENCE)).expect("set");
    assert_eq!(silent.read(&mut [0; 1]).expect("the end, not a timeout"), 0);
    process.kill();
}
