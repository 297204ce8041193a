//! What happened lately, minute by minute, by account and channel: a few hours in memory, for
//! charts. Lost at a restart, on purpose: the long run is a job for the metrics' collector.

use std::{
    collections::{HashMap, VecDeque},
    ops::AddAssign,
    sync::{Mutex, PoisonError},
};

use model::{AccountName, Channel, Time};

/// Minutes remembered.
pub const MINUTES: usize = 180;
/// Pairs of account and channel counted apart within a minute; the rest is left out.
const MAX_CELLS: usize = 1024;
const MINUTE: i64 = 60_000_000;

/// Something worth counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// A message was accepted; its channel is that of its first step.
    Accepted,
    /// A message was delivered.
    Delivered,
    /// A step was given up and the next one began.
    FellBack,
    /// A message failed.
    Failed,
}

/// How often it happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages accepted.
    pub accepted: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Steps given up for the next one.
    pub fell_back: u64,
    /// Messages failed.
    pub failed: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.fell_back += other.fell_back;
        self.failed += other.failed;
    }
}

impl Counts {
    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn count(&mut self, beat: Beat) {
        match beat {
            Beat::Accepted => self.accepted += 1,
            Beat::Delivered => self.delivered += 1,
            Beat::FellBack => self.fell_back += 1,
            Beat::Failed => self.failed += 1,
        }
    }
}

/// One minute of one account on one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// When the minute began.
    pub minute: Time,
    /// The account.
    pub account: AccountName,
    /// The channel.
    pub channel: Channel,
    /// What happened.
    pub counts: Counts,
}

#[derive(Debug)]
struct Minute {
    number: i64,
    cells: HashMap<(AccountName, Channel), Counts>,
}

/// The last minutes.
#[derive(Debug, Default)]
pub struct Pulse {
    minutes: Mutex<VecDeque<Minute>>,
}

impl Pulse {
    /// Counts something that happened at this instant. What is older than the newest minute is
    /// counted in the newest.
    pub fn count(&self, at: Time, account: &AccountName, channel: Channel, beat: Beat) {
        let number = at.as_micros().div_euclid(MINUTE);
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        if minutes.back().is_none_or(|last| last.number < number) {
            minutes.push_back(Minute { number, cells: HashMap::new() });
        }
        while minutes.len() > MINUTES {
            minutes.pop_front();
        }
        let cells = &mut minutes.back_mut().expect("one was just added").cells;
        let key = (account.clone(), channel);
        if cells.len() < MAX_CELLS || cells.contains_key(&key) {
            cells.entry(key).or_default().count(beat);
        }
    }

    /// Everything counted in the last `minutes` minutes, the running one included, oldest first.
    #[must_use]
    pub fn cells(&self, now: Time, minutes: usize) -> Vec<Cell> {
        let first = first_minute(now, minutes);
        let known = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = known.iter().filter(|minute| minute.number >= first);
        let cells = recent.flat_map(|minute| {
            minute.cells.iter().map(|((account, channel), counts)| Cell {
                minute: Time(minute.number * MINUTE),
                account: account.clone(),
                channel: *channel,
                counts: *counts,
            })
        });
        cells.collect()
    }
}

/// Cells as one count per minute, empty minutes included, oldest first.
#[must_use]
pub fn per_minute<'a>(
    cells: impl Iterator<Item = &'a Cell>,
    now: Time,
    minutes: usize,
) -> Vec<(Time, Counts)> {
    let first = first_minute(now, minutes);
    let mut row: Vec<(Time, Counts)> =
        (first..).take(minutes).map(|number| (Time(number * MINUTE), Counts::default())).collect();
    for cell in cells {
        let index = cell.minute.as_micros().div_euclid(MINUTE) - first;
        if let Some((_, counts)) = usize::try_from(index).ok().and_then(|index| row.get_mut(index)) {
            *counts += cell.counts;
        }
    }
    row
}

fn first_minute(now: Time, minutes: usize) -> i64 {
    now.as_micros().div_euclid(MINUTE) - i64::try_from(minutes).unwrap_or(i64::MAX) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(number: i64) -> Time {
        Time(number * MINUTE + 1)
    }

    #[test]
    fn beats_are_counted_by_minute_account_and_channel() {
        let pulse = Pulse::default();
        let (shop, bank) = (AccountName::from("shop"), AccountName::from("bank"));
        pulse.count(minute(100), &shop, Channel::Sms, Beat::Accepted);
        pulse.count(minute(100), &shop, Channel::Sms, Beat::Accepted);
        pulse.count(minute(102), &bank, Channel::Whatsapp, Beat::Failed);
        let cells = pulse.cells(minute(102), 60);
        let row = per_minute(cells.iter().filter(|cell| cell.account == shop), minute(102), 3);
        let counts: Vec<u64> = row.iter().map(|(_, counts)| counts.accepted).collect();
        assert_eq!(counts, [2, 0, 0]);
        assert_eq!(row[0].0, Time(100 * MINUTE));
        let all = per_minute(cells.iter(), minute(102), 3);
        assert_eq!(all[2].1, Counts { failed: 1, ..Counts::default() });
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let pulse = Pulse::default();
        let shop = AccountName::from("shop");
        for number in 0..1000 {
            pulse.count(minute(number), &shop, Channel::Sms, Beat::Delivered);
        }
        assert_eq!(pulse.cells(minute(999), 5000).len(), MINUTES);
        assert_eq!(pulse.cells(minute(999), 10).len(), 10);
        assert!(pulse.cells(minute(5000), 60).is_empty());
    }
}
