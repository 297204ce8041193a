//! `courant-bench`: how fast the gateway is on this machine, measured from outside.
//!
//! Everything that the gateway talks to is here too and stays on loopback: an SMS centre
//! ([`network::smsc`]), Meta's Graph API ([`network::graph`]) and the caller's receiver of
//! callbacks ([`sink`]). [`load`] makes the requests, [`ledger`] remembers when each message
//! reached which place, [`measure`] reads CPU time and memory of the measured processes, and
//! `scenario/` has one file per question. `docs/performance.md` says how to read the answers.

mod client;
mod ledger;
mod load;
mod measure;
mod network;
mod peer;
mod report;
mod scenario;
mod seed;
mod sink;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = scenario::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime could not be started: {error}")),
    };
    match runtime.block_on(scenario::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("courant-bench: {text}");
    ExitCode::FAILURE
}
