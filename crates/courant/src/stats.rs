//! Counters per minute, account and channel over the last day, for charts. In memory only: what
//! must survive is in the store, and Prometheus keeps longer series.

use std::{
    collections::{BTreeMap, HashMap},
    ops::AddAssign,
    sync::{Mutex, PoisonError},
};

use model::{AccountName, Channel, Status, Time};

/// How many minutes are kept.
pub const MINUTES: i64 = 24 * 60;
/// Most accounts and channels told apart within a minute; the rest is counted under an account
/// without a name.
const MOST_KEYS: usize = 512;

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages accepted, on the channel of their first step.
    pub accepted: u64,
    /// Attempts that a network took.
    pub submitted: u64,
    /// Messages settled by delivery.
    pub delivered: u64,
    /// Messages settled without.
    pub failed: u64,
    /// Steps given up.
    pub given_up: u64,
    /// Steps given up for the next one of their plan.
    pub fell_back: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.submitted += other.submitted;
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.given_up += other.given_up;
        self.fell_back += other.fell_back;
    }
}

/// Whose counts.
pub type Key = (AccountName, Channel);

/// The counters of the last day.
#[derive(Debug, Default)]
pub struct Stats {
    minutes: Mutex<BTreeMap<i64, HashMap<Key, Counts>>>,
}

impl Stats {
    /// Counts something that happened now.
    pub fn count(&self, now: Time, account: &AccountName, channel: Channel, count: impl FnOnce(&mut Counts)) {
        let minute = minute_of(now);
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = minutes.entry(minute).or_default();
        let key = (account.clone(), channel);
        let crowded = counts.len() >= MOST_KEYS && !counts.contains_key(&key);
        let key = if crowded { (AccountName::from(""), channel) } else { key };
        count(counts.entry(key).or_default());
        while minutes.first_key_value().is_some_and(|(first, _)| *first <= minute - MINUTES) {
            minutes.pop_first();
        }
    }

    /// Counts how a message ended.
    pub fn settled(&self, now: Time, account: &AccountName, channel: Channel, status: Status) {
        self.count(now, account, channel, |counts| match status {
            Status::Failed(_) => counts.failed += 1,
            Status::Waiting
            | Status::Accepted
            | Status::Submitted
            | Status::Sent
            | Status::Delivered
            | Status::Read
            | Status::Played => counts.delivered += 1,
        });
    }

    /// Counts a change of a step.
    pub fn step(&self, now: Time, account: &AccountName, channel: Channel, status: Status) {
        self.count(now, account, channel, |counts| match status {
            Status::Submitted => counts.submitted += 1,
            Status::Failed(_) => counts.given_up += 1,
            Status::Waiting
            | Status::Accepted
            | Status::Sent
            | Status::Delivered
            | Status::Read
            | Status::Played => {}
        });
    }

    /// The counts of the last `minutes` minutes, oldest first; minutes without any are left out.
    #[must_use]
    pub fn last(&self, now: Time, minutes: i64) -> Vec<(Time, Vec<(Key, Counts)>)> {
        let from = minute_of(now) - minutes.clamp(1, MINUTES) + 1;
        let known = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = |(minute, counts): (&i64, &HashMap<Key, Counts>)| {
            let mut counts: Vec<_> = counts.iter().map(|(key, counts)| (key.clone(), *counts)).collect();
            counts.sort_by(|one, other| one.0.cmp(&other.0));
            (Time::from_secs(minute * 60), counts)
        };
        known.range(from..).map(listed).collect()
    }
}

fn minute_of(time: Time) -> i64 {
    time.as_secs().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_counted_apart_and_forgotten_after_a_day() {
        let stats = Stats::default();
        let (account, start) = (AccountName::from("a"), Time::from_secs(600));
        stats.count(start, &account, Channel::Sms, |counts| counts.accepted += 1);
        stats.settled(Time::from_secs(660), &account, Channel::Sms, Status::Delivered);
        stats.settled(Time::from_secs(661), &account, Channel::Sms, Status::Failed(model::Cause::Spam));
        let told = stats.last(Time::from_secs(661), 60);
        assert_eq!(told.len(), 2);
        assert_eq!(
            told[0],
            (start, vec![((account.clone(), Channel::Sms), Counts { accepted: 1, ..Counts::default() })])
        );
        assert_eq!((told[1].1[0].1.delivered, told[1].1[0].1.failed), (1, 1));
        assert_eq!(stats.last(Time::from_secs(661), 1).len(), 1);
        let tomorrow = Time::from_secs(600 + MINUTES * 60);
        stats.count(tomorrow, &account, Channel::Sms, |counts| counts.accepted += 1);
        assert_eq!(stats.last(tomorrow, MINUTES).len(), 2);
    }
}
