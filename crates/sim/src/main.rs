//! Runs seeds by the million, or one seed with its trace.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use clap::Parser;
use sim::run::{catch_panics, run};

/// Runs seeds of the simulation; a failing one is printed with the command that replays it.
#[derive(Parser)]
struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this one.
    #[arg(long)]
    seed: Option<u64>,
    /// Print what happened.
    #[arg(long)]
    trace: bool,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Go on after a failing seed.
    #[arg(long)]
    keep_going: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    catch_panics();
    match options.seed {
        Some(seed) => one(seed, options.trace),
        None => many(&options),
    }
}

fn one(seed: u64, trace: bool) -> ExitCode {
    let report = run(seed, trace);
    for line in &report.trace {
        println!("{line}");
    }
    println!("{:?}", report.tally);
    match report.failure {
        Some(failure) => {
            println!("seed {seed} fails: {failure}");
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn many(options: &Options) -> ExitCode {
    let began = Instant::now();
    let (next, failed) = (AtomicU64::new(options.from), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| work(options, &next, &failed));
        }
    });
    let (failed, seconds) = (failed.into_inner(), began.elapsed().as_secs_f64());
    let run = next.into_inner().min(options.from + options.seeds) - options.from;
    println!("{run} seeds in {seconds:.1} s ({:.0} per second), {failed} failed", run as f64 / seconds);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn work(options: &Options, next: &AtomicU64, failed: &AtomicU64) {
    let end = options.from + options.seeds;
    while options.keep_going || failed.load(Ordering::Relaxed) == 0 {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        if let Some(failure) = run(seed, false).failure {
            failed.fetch_add(1, Ordering::Relaxed);
            println!("seed {seed} fails: {failure}");
            println!("  replay: cargo run --release -p sim -- --seed {seed} --trace");
        }
    }
}
