//! Counters over time, for charts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock,
    core::Core,
    stats::Key,
    views::{Moment, Reach},
};

/// Counters per minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Chart {
    /// The clock when it was made.
    pub now: Moment,
    /// How many minutes it covers.
    pub minutes: i64,
    /// One series per account and channel.
    pub series: Vec<Series>,
}

/// Counters of one account and channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// Account; empty for those that were too many to tell apart.
    pub account: String,
    /// Channel.
    pub channel: String,
    /// Minutes in which something happened, oldest first.
    pub points: Vec<Point>,
}

/// Counters of one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Begin of the minute.
    pub at: Moment,
    /// Messages accepted whose first step is on the channel.
    pub accepted: u64,
    /// Attempts that a network took.
    pub submitted: u64,
    /// Messages settled by delivery.
    pub delivered: u64,
    /// Messages settled without.
    pub failed: u64,
    /// Steps given up.
    pub given_up: u64,
}

/// The counters of the last minutes, of one account or all within reach.
#[must_use]
pub fn chart(core: &Core, minutes: i64, account: Option<&str>, reach: &Reach) -> Chart {
    let now = clock::now();
    let mut series: BTreeMap<Key, Vec<Point>> = BTreeMap::new();
    for (at, counts) in core.stats.last(now, minutes) {
        let wanted =
            |key: &Key| reach.covers(&key.0) && account.is_none_or(|account| key.0.as_str() == account);
        for (key, counts) in counts.into_iter().filter(|(key, _)| wanted(key)) {
            series.entry(key).or_default().push(Point {
                at: at.into(),
                accepted: counts.accepted,
                submitted: counts.submitted,
                delivered: counts.delivered,
                failed: counts.failed,
                given_up: counts.given_up,
            });
        }
    }
    let series = series.into_iter().map(|((account, channel), points)| Series {
        account: account.to_string(),
        channel: channel.to_string(),
        points,
    });
    Chart { now: now.into(), minutes, series: series.collect() }
}
