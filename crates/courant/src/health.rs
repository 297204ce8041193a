//! Whether the gateway can take work, and what people should know: what `/readyz` tells.

use std::path::Path;

use model::{Span, Time};
use serde::{Deserialize, Serialize};
use store::StoreStats;

use crate::{clock, core::Core};

/// A transaction that failed longer ago says nothing of the next one.
const FAILURE_COUNTS: Span = Span::from_secs(10);
/// With less room on the disk than this nothing can be taken, and with less than that soon.
const NO_ROOM: u64 = 16 << 20;
const LITTLE_ROOM: u64 = 1 << 30;
/// A commit that takes longer is told; a good disk needs a hundredth of it.
const SLOW_COMMIT: Span = Span::from_millis(100);
/// How far the system's clock may be from ours before it is told.
const CLOCK_TOLERANCE: Span = Span::from_secs(2);
/// Before this, 2025-01-01, a clock was never set.
const NEVER_SET: Time = Time::from_secs(1_735_689_600);

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Good,
    /// Work is taken, but somebody should look.
    Worry,
    /// No work can be taken.
    Bad,
}

impl Grade {
    /// The word people see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Worry => "worry",
            Self::Bad => "bad",
        }
    }
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at: `store`, `route sms`.
    pub name: String,
    /// How it came out.
    pub grade: Grade,
    /// What was found, in words.
    pub found: String,
    /// What to do, unless it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Everything looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether work is taken: no check is bad.
    pub ready: bool,
    /// The checks.
    pub checks: Vec<Check>,
}

impl Check {
    fn good(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), grade: Grade::Good, found: found.into(), advice: None }
    }

    fn worry(name: &str, found: impl Into<String>, advice: &str) -> Self {
        Self { grade: Grade::Worry, advice: Some(advice.to_owned()), ..Self::good(name, found) }
    }

    fn bad(name: &str, found: impl Into<String>, advice: &str) -> Self {
        Self { grade: Grade::Bad, ..Self::worry(name, found, advice) }
    }
}

impl Readiness {
    /// Looks at everything. `accepting` is `None` while requests are taken, or why they are not;
    /// `commit` is how long a commit took lately.
    #[must_use]
    pub fn of(core: &Core, accepting: Option<&str>, commit: Span) -> Self {
        let mut checks = vec![taking(accepting), requests(core), store(&core.store.stats(), commit)];
        checks.extend(disk_free(&core.config.store.path).map(disk));
        checks.push(clock_check(clock::wall(), clock::ahead()));
        checks
            .extend(core.routes.all().map(|known| route(&known.name.to_string(), &known.connector.health())));
        Self { ready: checks.iter().all(|check| check.grade != Grade::Bad), checks }
    }

    /// As text: one line whether it is ready, and one for each check.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", if self.ready { "ready" } else { "not ready" });
        for Check { name, grade, found, advice } in &self.checks {
            let word = match (name.starts_with("route "), grade) {
                (true, Grade::Good) => "up",
                (true, Grade::Worry | Grade::Bad) => "down",
                (false, grade) => grade.as_str(),
            };
            text += &format!("{name} {word}: {found}");
            if let Some(advice) = advice {
                text += &format!(" ({advice})");
            }
            text.push('\n');
        }
        text
    }
}

fn taking(refusing: Option<&str>) -> Check {
    match refusing {
        None => Check::good("requests", "taken"),
        Some(why) => {
            Check::bad("requests", format!("not taken: {why}"), "send them to another instance, or wait")
        }
    }
}

fn requests(core: &Core) -> Check {
    let in_work = core.metrics.in_work.load(std::sync::atomic::Ordering::Relaxed);
    let most = core.config.server.max_requests as u64;
    let found = format!("{in_work} of {most} in work");
    if in_work >= most {
        return Check::bad(
            "load",
            found,
            "callers are refused until some are answered; see store, or add capacity",
        );
    }
    Check::good("load", found)
}

fn store(stats: &StoreStats, commit: Span) -> Check {
    let since = |micros: u64| format!("{:.1} s", micros as f64 * 1e-6);
    let waiting = format!("{} changes wait to be saved", stats.waiting);
    if stats.max_waiting > 0 && stats.waiting >= stats.max_waiting {
        return Check::bad(
            "store",
            format!("its queue is full: {waiting}"),
            "the disk is too slow for this load; `courant doctor` measures it",
        );
    }
    match stats.failing_micros {
        Some(ago) if ago < FAILURE_COUNTS.as_micros().unsigned_abs() => Check::bad(
            "store",
            format!("the last transaction failed {} ago; {waiting}", since(ago)),
            "see the log; usually the disk is full, or store.max_mb is reached",
        ),
        Some(_) | None if commit >= SLOW_COMMIT => Check::worry(
            "store",
            format!("a commit takes {} ms; the disk is slow", commit.as_millis()),
            "put store.path on a local SSD: every accepted message waits for a sync",
        ),
        Some(_) | None => {
            let last =
                stats.idle_micros.map_or_else(|| "none yet".to_owned(), |ago| format!("{} ago", since(ago)));
            Check::good("store", format!("last commit {last}; {waiting}"))
        }
    }
}

fn disk(free: u64) -> Check {
    let found = format!("{} MB free", free >> 20);
    let advice = "make room, or shorten store.retention_hours; a full disk refuses messages, it loses none";
    match free {
        _ if free < NO_ROOM => Check::bad("disk", found, advice),
        _ if free < LITTLE_ROOM => Check::worry("disk", found, advice),
        _ => Check::good("disk", found),
    }
}

/// The system's clock, and by how many microseconds it is ahead of ours.
fn clock_check(system: Time, ahead: i64) -> Check {
    let advice = "run a time service (chrony, systemd-timesyncd)";
    if system < NEVER_SET {
        return Check::bad("clock", "it was never set", advice);
    }
    let (apart, way) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
    if apart >= CLOCK_TOLERANCE.as_micros().unsigned_abs() {
        let found = format!(
            "the system's clock was set and is {} s {way} ours, which follows slowly",
            apart / 1_000_000
        );
        return Check::worry("clock", found, "a restart takes the system's time over at once");
    }
    Check::good("clock", "agrees with the system's")
}

fn route(name: &str, health: &connectors::Health) -> Check {
    let name = format!("route {name}");
    if health.up {
        return Check::good(&name, health.text.clone());
    }
    let error = health.last_error.as_ref().filter(|error| **error != health.text);
    let found = error.map_or_else(|| health.text.clone(), |error| format!("{}, {error}", health.text));
    Check::worry(&name, found, "messages wait, or go on by their plans; see docs/operations.md")
}

/// Free bytes of the disk under a folder, as far as they may be used.
#[must_use]
pub fn disk_free(folder: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(folder).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

#[cfg(test)]
mod tests {
    use connectors::Health;

    use super::*;

    fn grade(stats: StoreStats) -> Grade {
        store(&stats, Span::ZERO).grade
    }

    #[test]
    fn a_store_that_failed_just_now_takes_no_work_and_one_that_failed_long_ago_is_asked_again() {
        let failed = |micros| StoreStats { failing_micros: Some(micros), ..StoreStats::default() };
        assert_eq!(grade(failed(1_000_000)), Grade::Bad);
        assert_eq!(grade(failed(11_000_000)), Grade::Good);
        assert_eq!(grade(StoreStats::default()), Grade::Good);
    }

    #[test]
    fn a_full_queue_of_the_store_takes_no_work() {
        let waiting = |waiting| StoreStats { waiting, max_waiting: 100, ..StoreStats::default() };
        assert_eq!((grade(waiting(99)), grade(waiting(100))), (Grade::Good, Grade::Bad));
    }

    #[test]
    fn little_room_is_a_worry_and_none_is_bad() {
        let grades = [8 << 20, 500 << 20, 5 << 30].map(|free| disk(free).grade);
        assert_eq!(grades, [Grade::Bad, Grade::Worry, Grade::Good]);
    }

    #[test]
    fn a_clock_that_was_never_set_or_jumped_is_told() {
        let now = Time::from_secs(1_800_000_000);
        let grades = [
            clock_check(Time::from_secs(100), 0),
            clock_check(now, 60_000_000),
            clock_check(now, -60_000_000),
            clock_check(now, 3_000),
        ]
        .map(|check| check.grade);
        assert_eq!(grades, [Grade::Bad, Grade::Worry, Grade::Worry, Grade::Good]);
    }

    #[test]
    fn a_slow_disk_is_a_worry_and_refuses_nothing() {
        let check = store(&StoreStats::default(), Span::from_millis(300));
        assert_eq!((check.grade, check.advice.is_some()), (Grade::Worry, true));
    }

    #[test]
    fn a_route_that_is_down_is_named_with_its_error_and_stops_nothing() {
        let health =
            Health { up: false, text: "not bound".to_owned(), last_error: Some("refused".to_owned()) };
        let checks = vec![route("sms", &health)];
        let readiness = Readiness { ready: true, checks };
        assert!(
            readiness.text().starts_with("ready\nroute sms down: not bound, refused ("),
            "{}",
            readiness.text()
        );
        assert_eq!(readiness.checks[0].grade, Grade::Worry);
    }

    #[test]
    fn every_check_that_is_not_good_says_what_to_do() {
        let health = Health { up: false, text: "not bound".to_owned(), last_error: None };
        let full = StoreStats { waiting: 9, max_waiting: 9, ..StoreStats::default() };
        let checks = [
            taking(Some("it ends")),
            store(&full, Span::ZERO),
            disk(0),
            clock_check(Time::default(), 0),
            route("a", &health),
        ];
        for check in checks {
            assert!(check.grade != Grade::Good && check.advice.is_some(), "{check:?}");
        }
    }
}
