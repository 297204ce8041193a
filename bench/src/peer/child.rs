//! A child process: its output in a file, ended when dropped.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    process::{Child as Process, Command},
    time::{sleep, timeout},
};

use crate::measure::process::family;

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(2);
/// Longest wait for a program to end when told to.
const FAREWELL: Duration = Duration::from_secs(20);

/// A running program.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    pid: u32,
    output: PathBuf,
}

impl Child {
    /// Starts a program; what it prints goes to `NAME.log` in the folder.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn start(program: &Path, arguments: &[&str], folder: &Path, name: &str) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::run(command, folder, name)
    }

    /// Runs a command; what it prints goes to `NAME.log` in the folder.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn run(mut command: Command, folder: &Path, name: &str) -> Result<Self> {
        let output = folder.join(format!("{name}.log"));
        let file = File::create(&output)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).kill_on_drop(true);
        let process = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let pid = process.id().context("the program ended at once")?;
        Ok(Self { process, pid, output })
    }

    /// Its process id.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has printed so far.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Waits until a condition holds.
    ///
    /// # Errors
    /// If it does not within `patience`, or the program ends.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        patience: Duration,
        mut condition: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let began = Instant::now();
        loop {
            if let Some(value) = condition(&self.printed()) {
                return Ok(value);
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the program ended with {status} instead of: {what}\n{}", self.last_words());
            }
            if began.elapsed() > patience {
                bail!("not within {patience:?}: {what}\n{}", self.last_words());
            }
            sleep(GLANCE).await;
        }
    }

    fn last_words(&self) -> String {
        let printed = self.printed();
        let lines: Vec<_> = printed.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Tells it and its descendants to end (SIGTERM) and waits for that; kills what takes too long.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub(crate) async fn end(mut self) -> Result<()> {
        signal("-TERM", &family(&[self.pid]));
        if let Ok(ended) = timeout(FAREWELL, self.process.wait()).await {
            ended?;
        }
        Ok(())
    }

    /// Ends it as a crash would (SIGKILL).
    ///
    /// # Errors
    /// If it cannot be ended.
    pub(crate) async fn crash(mut self) -> Result<()> {
        Ok(self.process.kill().await?)
    }
}

impl Drop for Child {
    /// Kills what is left of it, descendants included.
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            signal("-KILL", &family(&[self.pid]));
        }
    }
}

/// Signals processes by their ids.
fn signal(signal: &str, pids: &BTreeSet<u32>) {
    let pids = pids.iter().map(ToString::to_string);
    // One that has just ended cannot be signalled, which is as well.
    let _ = std::process::Command::new("kill").arg(signal).args(pids).stderr(Stdio::null()).status();
}

/// A port of this machine, seen from itself.
pub(crate) const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Waits until somebody listens at a port.
///
/// # Errors
/// If nobody does within `patience`.
pub(crate) async fn listens(port: u16, patience: Duration) -> Result<()> {
    let began = Instant::now();
    while tokio::net::TcpStream::connect(local(port)).await.is_err() {
        if began.elapsed() > patience {
            bail!("nobody listens at port {port}");
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A port that nobody listens on now.
///
/// # Errors
/// If there is none.
pub(crate) fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?.port())
}
