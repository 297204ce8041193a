//! The simulation as a test: as many seeds as fit into the time, and the proof that a seed tells
//! the whole story.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sim::run::{Report, Tally, catch_panics, run};

/// How long seeds are run if `SIM_SECONDS` does not say otherwise.
const SECONDS: u64 = 30;
/// Fewer seeds than this, however slow the machine, prove too little.
const LEAST: u64 = 2000;
/// More are run by the program `sim`, not by a test.
const MOST: u64 = 20_000;

#[test]
fn whatever_goes_wrong_every_promise_is_kept() {
    catch_panics();
    let seconds = std::env::var("SIM_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let until = Instant::now() + Duration::from_secs(seconds);
    let (next, failures) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| work(until, &next, &failures));
        }
    });
    let failures = failures.into_inner().expect("no worker panics");
    let seeds = next.into_inner().min(MOST);
    println!("{seeds} seeds, {} per second", seeds / seconds.max(1));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn work(until: Instant, next: &AtomicU64, failures: &Mutex<Vec<String>>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let enough = seed >= MOST || (seed >= LEAST && Instant::now() > until);
        if enough || !failures.lock().expect("no worker panics").is_empty() {
            return;
        }
        if let Some(failure) = run(seed, false).failure {
            let replay = format!("cargo run --release -p sim -- --seed {seed} --trace");
            let text = format!("seed {seed}: {failure}\n  replay: {replay}");
            failures.lock().expect("no worker panics").push(text);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    catch_panics();
    for seed in 0..20 {
        let (first, second) = (run(seed, true), run(seed, true));
        assert!(first.trace.len() > 10, "seed {seed} has a trace");
        assert!(first.trace == second.trace, "seed {seed} ran differently the second time");
    }
}

#[test]
fn the_seeds_bring_about_what_they_are_meant_to() {
    catch_panics();
    let reports: Vec<Report> = (0..200).map(|seed| run(seed, true)).collect();
    let total = |count: fn(&Tally) -> u64| reports.iter().map(|report| count(&report.tally)).sum::<u64>();
    assert!(total(|tally| tally.messages) > 500, "messages");
    assert!(total(|tally| tally.handed) > 500, "hand-overs");
    assert!(total(|tally| tally.posts) > 500, "callbacks");
    assert!(total(|tally| tally.crashes) > 30, "crashes");
    for wanted in WANTED {
        let seen = reports.iter().any(|report| report.trace.iter().any(|line| line.contains(wanted)));
        assert!(seen, "no seed brings about: {wanted}");
    }
}

/// Words of the trace that must occur: each stands for a fault or a way of the cascade.
const WANTED: &[&str] = &[
    "CrashesBefore",
    "CrashesAfter",
    "Fails(Full)",
    "Fails(Busy)",
    "Err(NotStored)",
    "Misses",
    "TakesSilently",
    "Refuses(Throttled)",
    "Refuses(NotOnChannel)",
    "Failed(",
    "is recalled",
    "Recalled {",
    "Cancelled",
    "TimedOut",
    "Disconnected",
    "Parked",
    "Duplicate",
    "Remembered(",
    "the clock jumps",
    "stopping in order",
    "Inbound(",
    "LowBalance",
    "Charge {",
    "is paid",
    "is known",
    "the process does not start",
];
