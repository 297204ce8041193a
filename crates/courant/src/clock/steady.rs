//! A clock that runs evenly while the system's clock is set.
//!
//! Patience, retries and alarms are differences of times, and they are stored as times of the day.
//! If these came from the system's clock, setting it forward by an hour would make every message
//! fall back at once, and setting it back would hold all of them up for an hour. So the clock of
//! this program counts the time since the machine was started, sleep included, and approaches what
//! the system's clock says at no more than an eighth of that pace: ten minutes of patience last
//! between 8:45 and 11:15 while a step is being made up for. A small difference is gone at once.

use model::Time;

/// How much faster or slower than real time it may run: an eighth.
const PACE: i64 = 8;

/// The clock.
#[derive(Debug)]
pub(super) struct Steady {
    /// Uptime and time at the last reading, in microseconds.
    last: Option<(i64, i64)>,
}

impl Steady {
    pub(super) const fn new() -> Self {
        Self { last: None }
    }

    /// The time at this uptime (in microseconds), while the system's clock says `wall`.
    pub(super) fn read(&mut self, uptime: i64, wall: Time) -> Time {
        let wall = wall.as_micros();
        let Some((before, time)) = self.last else {
            self.last = Some((uptime, wall));
            return Time(wall);
        };
        // Two threads may come in another order than they looked at the uptime.
        let passed = uptime.saturating_sub(before).max(0);
        let even = time.saturating_add(passed);
        let most = passed / PACE;
        let now = even.saturating_add(wall.saturating_sub(even).clamp(-most, most));
        // Readings so close that nothing could be made up for are counted together.
        if most > 0 {
            self.last = Some((before + passed, now));
        }
        Time(now)
    }
}

/// Microseconds since the machine was started, sleep included.
#[cfg(target_os = "linux")]
pub(super) fn uptime() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)
}

/// Microseconds since the first call, as evenly as the system can tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn uptime() -> i64 {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    i64::try_from(BEGAN.get_or_init(std::time::Instant::now).elapsed().as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use model::Time;

    use super::Steady;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3600 * SECOND;
    const BEGAN: i64 = 1_800_000_000 * SECOND;

    /// Reads the clock each millisecond for so many seconds; the last reading.
    fn run(clock: &mut Steady, from: i64, seconds: i64, ahead: i64) -> i64 {
        let mut last = clock.read(from, Time(BEGAN + from + ahead)).as_micros();
        for uptime in (from..=from + seconds * SECOND).step_by(1000) {
            let now = clock.read(uptime, Time(BEGAN + uptime + ahead)).as_micros();
            assert!(now >= last, "it went back from {last} to {now}");
            last = now;
        }
        last
    }

    #[test]
    fn it_says_what_the_system_says_as_long_as_that_does_not_step() {
        let mut clock = Steady::new();
        assert_eq!(run(&mut clock, 0, 5, 0), BEGAN + 5 * SECOND);
    }

    #[test]
    fn a_step_forward_is_made_up_for_at_an_eighth_of_the_pace() {
        let mut clock = Steady::new();
        run(&mut clock, 0, 1, 0);
        let after = run(&mut clock, SECOND, 8, 2 * HOUR);
        assert_eq!(after, BEGAN + 10 * SECOND, "eight seconds count as nine");
    }

    #[test]
    fn a_step_back_slows_it_and_never_turns_it() {
        let mut clock = Steady::new();
        run(&mut clock, 0, 1, 0);
        let after = run(&mut clock, SECOND, 8, -2 * HOUR);
        assert_eq!(after, BEGAN + 8 * SECOND, "eight seconds count as seven");
    }

    #[test]
    fn it_arrives_at_the_systems_time_and_stays_there() {
        let mut clock = Steady::new();
        run(&mut clock, 0, 1, 0);
        assert_eq!(run(&mut clock, SECOND, 20, 2 * SECOND), BEGAN + 23 * SECOND);
    }

    #[test]
    fn readings_too_close_to_make_up_for_anything_still_add_up() {
        let mut clock = Steady::new();
        clock.read(0, Time(BEGAN));
        let mut last = 0;
        for uptime in 1..=80 {
            last = clock.read(uptime, Time(BEGAN + HOUR)).as_micros();
        }
        assert_eq!(last, BEGAN + 90);
    }
}
