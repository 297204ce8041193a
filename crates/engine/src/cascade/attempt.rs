//! One attempt and the news of its parts.

use model::{ReceiptStatus, Status};
use serde::{Deserialize, Serialize};

/// One attempt that a network took, or may have taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    #[serde(rename = "n", default, skip_serializing_if = "super::state::is_zero_wide")]
    pub(super) number: u16,
    /// Index of its route.
    #[serde(rename = "o", default, skip_serializing_if = "super::state::is_zero")]
    pub(super) route: u8,
    /// Whether the network's answer came.
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) answered: bool,
    /// Whether it failed or was taken back.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) over: bool,
    /// The network's ids, one per part.
    #[serde(rename = "u", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) upstream: Vec<String>,
    /// The news of each part, in the codes of [`code`].
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<u8>,
}

const NO_NEWS: u8 = 0;
const DELIVERED: u8 = 2;
const FAILED: u8 = 5;

/// The number under which the news of a part is kept.
const fn code(status: ReceiptStatus) -> u8 {
    match status {
        ReceiptStatus::Sent => 1,
        ReceiptStatus::Delivered => DELIVERED,
        ReceiptStatus::Read => 3,
        ReceiptStatus::Played => 4,
        ReceiptStatus::Failed(_) => FAILED,
    }
}

impl Attempt {
    /// Most parts counted; the part of a receipt is one byte wide.
    pub(super) const MAX_PARTS: usize = 255;

    pub(super) const fn handed_over(number: u16, route: u8) -> Self {
        Self { number, route, answered: false, over: false, upstream: Vec::new(), parts: Vec::new() }
    }

    pub(super) fn has_news(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Keeps the news of a part. `false` if it is no news, or no such part exists.
    pub(super) fn note(&mut self, part: u8, status: ReceiptStatus) -> bool {
        let place = usize::from(part);
        if place >= self.upstream.len().max(1) && (self.answered || place >= Self::MAX_PARTS) {
            return false;
        }
        let known = self.parts.get(place).copied().unwrap_or(NO_NEWS);
        let news = code(status);
        if !is_news(known, news) {
            return false;
        }
        if self.parts.len() <= place {
            self.parts.resize(place + 1, NO_NEWS);
        }
        self.parts[place] = news;
        true
    }

    /// The rung on which all parts together stand; `None` if there is none or a part failed.
    pub(super) fn rung(&self) -> Option<Status> {
        if self.parts.contains(&FAILED) {
            return None;
        }
        let complete = self.parts.len() >= self.upstream.len();
        let lowest = self.parts.iter().copied().min().filter(|_| complete).unwrap_or(NO_NEWS);
        let highest = self.parts.iter().copied().max().unwrap_or(NO_NEWS);
        match (lowest, highest) {
            (_, NO_NEWS) => None,
            (NO_NEWS | 1, _) => Some(Status::Sent),
            (DELIVERED, _) => Some(Status::Delivered),
            (3, _) => Some(Status::Read),
            (_, _) => Some(Status::Played),
        }
    }
}

/// Whether `news` adds to what is known of a part: higher rungs do, a failure does before
/// delivery, and a delivery corrects a failure.
const fn is_news(known: u8, news: u8) -> bool {
    match (known, news) {
        (FAILED, _) => news >= DELIVERED && news != FAILED,
        (_, FAILED) => known < DELIVERED,
        (_, _) => news > known,
    }
}
