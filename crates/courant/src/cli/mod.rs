//! The command line.

mod check;
mod client;
mod demo;
mod doctor;
mod generate;
mod health;
mod import;
mod media;
mod messages;
mod operate;
mod paging;
mod password;
mod plans;
mod restore;
pub mod sandbox;
mod scenarios;
mod serve;
mod watch;

use std::{io::IsTerminal as _, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Log, LogFormat};

/// A self-hosted omnichannel messaging gateway.
#[derive(Debug, Parser)]
#[command(name = "courant", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway for real traffic.
    Serve(Serve),
    /// Run the whole gateway with simulated networks, accounts and phones: nothing leaves this
    /// machine.
    Sandbox(SandboxArgs),
    /// Run the sandbox, send one sample message through each API and show what happens.
    Demo(DemoArgs),
    /// Check a configuration and say what is wrong with it.
    Check(Check),
    /// What channels take, whether a file or link would pass, and uploads.
    Media(media::Arguments),
    /// Print the commented default configuration.
    Config,
    /// Ask for a password and print its hash, for `[console] users`.
    PasswordHash,
    Send(messages::Send),
    Status(messages::Status),
    Cancel(messages::Cancel),
    Resend(messages::Resend),
    Watch(watch::Watch),
    Messages(messages::Messages),
    /// Callbacks that were given up: list them, send them again.
    #[command(subcommand)]
    Callbacks(operate::Callbacks),
    Accounts(operate::Accounts),
    /// Routes: list, pause, resume, drain.
    #[command(subcommand)]
    Routes(operate::Routes),
    /// Senders: list, pause, resume, drain.
    #[command(subcommand)]
    Senders(operate::Senders),
    /// Stored plans: list, show, write, remove, check.
    #[command(subcommand)]
    Plans(plans::Plans),
    /// Scenarios of accounts: list, show, write, remove.
    #[command(subcommand)]
    Scenarios(scenarios::Scenarios),
    Import(import::Import),
    Export(messages::Export),
    /// Tokens of the API: make, list, revoke.
    #[command(subcommand)]
    Tokens(operate::Tokens),
    Backup(operate::Backup),
    Restore(restore::Restore),
    Doctor(doctor::Doctor),
    Health(health::Health),
    Completions(generate::Completions),
    Man(generate::Man),
}

#[derive(Debug, Args)]
struct Serve {
    /// The configuration file.
    #[arg(long, short, env = "COURANT_CONFIG", hide_env_values = true, default_value = "courant.toml")]
    config: PathBuf,
    /// Override a key of the configuration: `server.listen="0.0.0.0:8480"`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Args)]
struct SandboxArgs {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8480")]
    listen: SocketAddr,
    /// Folder for data that survives restarts; without it a temporary one, removed at the end.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Override a key of the sandbox's configuration.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// End when all samples have come to their end; fail if one did not end as it should.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    sandbox: DemoSandbox,
}

#[derive(Debug, Args)]
struct DemoSandbox {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[derive(Debug, Args)]
struct Check {
    /// The configuration file.
    #[arg(long, short, env = "COURANT_CONFIG", hide_env_values = true, default_value = "courant.toml")]
    config: PathBuf,
    /// Override a key of the configuration.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Runs the command that the arguments name.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::Serve(_) | Command::Sandbox(_) | Command::Demo(_)) {
        keep_private();
        keep_small();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime could not be started: {error}")),
    };
    let result = runtime.block_on(run(cli.command));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => fail(&text),
    }
}

/// What a gateway writes holds numbers, contents and keys: whatever the surroundings say, it is for
/// its own user only.
fn keep_private() {
    let _before = rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// The allocator asks for pages of 2 MiB, each of which is resident as a whole as soon as one byte of
/// it is used: a third of all memory, and nothing that could be measured is quicker for it.
#[cfg(target_os = "linux")]
fn keep_small() {
    // Where it cannot be done, memory is larger, no more.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(not(target_os = "linux"))]
const fn keep_small() {}

async fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments.config, &arguments.set).await,
        Command::Sandbox(arguments) => sandbox::run(arguments.listen, arguments.data, &arguments.set).await,
        Command::Demo(arguments) => demo::run(arguments.sandbox.listen, arguments.once).await,
        Command::Check(arguments) => check::run(&arguments.config, &arguments.set).await,
        Command::Media(arguments) => media::run(arguments).await,
        Command::Config => {
            print!("{}", crate::config::DEFAULT);
            Ok(())
        }
        Command::PasswordHash => password::run(),
        Command::Send(arguments) => messages::send(arguments).await,
        Command::Status(arguments) => messages::status(arguments).await,
        Command::Cancel(arguments) => messages::cancel(arguments).await,
        Command::Resend(arguments) => messages::resend(arguments).await,
        Command::Watch(arguments) => watch::run(arguments).await,
        Command::Messages(arguments) => messages::list(arguments).await,
        Command::Callbacks(command) => operate::callbacks(command).await,
        Command::Accounts(arguments) => operate::accounts(arguments).await,
        Command::Routes(command) => operate::routes(command).await,
        Command::Senders(command) => operate::senders(command).await,
        Command::Plans(command) => plans::run(command).await,
        Command::Scenarios(command) => scenarios::run(command).await,
        Command::Import(arguments) => import::run(arguments).await,
        Command::Export(arguments) => messages::export(arguments).await,
        Command::Tokens(command) => operate::tokens(command).await,
        Command::Backup(arguments) => operate::backup(arguments).await,
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Doctor(arguments) => doctor::run(arguments).await,
        Command::Health(arguments) => health::run(arguments).await,
        Command::Completions(arguments) => {
            generate::completions(&arguments, Cli::command());
            Ok(())
        }
        Command::Man(arguments) => generate::man(&arguments, Cli::command()),
    }
}

/// The command line as clap knows it: for the reference.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

fn fail(text: &str) -> ExitCode {
    eprintln!("courant: {text}");
    ExitCode::FAILURE
}

/// Starts the log on stderr. `RUST_LOG` wins over the configuration.
fn start_log(log: &Log) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&log.level));
    // Colours are for eyes: in a file or journal they keep words from being found.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let started = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    // A second start in one process (tests) keeps the first log.
    drop(started);
}

/// Installs the cryptography that TLS uses. Doing it twice is harmless.
pub fn install_crypto() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Ctrl-C and SIGTERM, listened for from the moment this is made: whoever is told `ready` may stop
/// the program at once.
struct StopSignal {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl StopSignal {
    fn listen() -> Result<Self, String> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be listened for: {error}"));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for either.
    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The addresses a person wants to see at the start.
fn announce(config: &Config, url: &str) {
    eprintln!(
        "courant listens at {url}, with {} accounts and {} routes",
        config.accounts.len(),
        config.routes.len()
    );
}
