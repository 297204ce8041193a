//! The program as a process of its own, for tests that kill it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// A running `courant sandbox` or `courant serve`, killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    /// Starts it on a free port and waits until it is ready.
    pub(crate) fn start(data: &Path, set: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", data, set)
    }

    /// Starts it at an address and waits until it is ready.
    pub(crate) fn start_at(listen: &str, data: &Path, set: &[&str]) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_courant")), listen, data, set)
    }

    /// Starts it by a command that runs the program with the arguments that it gets.
    pub(crate) fn start_by(mut command: Command, listen: &str, data: &Path, set: &[&str]) -> Self {
        command.args(["sandbox", "--listen", listen, "--data"]).arg(data);
        for assignment in set {
            command.args(["--set", assignment]);
        }
        Self::run(command, data)
    }

    /// Starts `courant serve` with a configuration and waits until it is ready; its log lies
    /// beside `data`.
    pub(crate) fn serve(config: &Path, data: &Path, set: &[String]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_courant"));
        command.args(["serve", "--config"]).arg(config);
        for assignment in set {
            command.args(["--set", assignment]);
        }
        Self::run(command, data)
    }

    fn run(mut command: Command, data: &Path) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(data.with_extension("log"))
            .expect("a log");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::from(log)).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ready = lines.next().and_then(Result::ok).unwrap_or_default();
        let url = ready.strip_prefix("ready ").unwrap_or_else(|| {
            let log = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
            panic!("not ready: {ready:?}\n{log}")
        });
        Self { url: url.to_owned(), child }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("told");
        self.child.wait().expect("reaped").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that is free now, for processes that have to come back to it.
pub(crate) fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}
