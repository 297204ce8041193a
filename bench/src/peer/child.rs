//! A child process: its output in a file, ended when dropped.

use std::{
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
        let output = folder.join(format!("{name}.log"));
        let file = File::create(&output)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true);
        let process = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
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

    /// Tells it to end (SIGTERM) and waits for that; kills it if it takes too long.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub(crate) async fn end(mut self) -> Result<()> {
        let told = Command::new("kill").arg("-TERM").arg(self.pid.to_string()).status().await;
        let ends = told.is_ok_and(|status| status.success());
        if !ends || timeout(FAREWELL, self.process.wait()).await.is_err() {
            self.process.kill().await?;
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

/// A port that nobody listens on now.
///
/// # Errors
/// If there is none.
pub(crate) fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?.port())
}
