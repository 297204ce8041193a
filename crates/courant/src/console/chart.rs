//! Little charts, drawn on the server as SVG without any style of their own.

use maud::{Markup, html};
use model::{AccountName, Channel, Time};

use super::parts;
use crate::stats::{Counts, Stats};

/// How far back charts look, and in how many bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// As forms name it.
    pub(super) word: &'static str,
    /// As people say it.
    pub(super) name: &'static str,
    pub(super) minutes: u32,
    /// Minutes of one bar.
    step: u32,
}

impl Period {
    /// All there are, the usual one first.
    pub(super) const ALL: [Self; 3] = [
        Self { word: "1h", name: "the last hour", minutes: 60, step: 1 },
        Self { word: "6h", name: "the last 6 hours", minutes: 360, step: 5 },
        Self { word: "24h", name: "the last 24 hours", minutes: 1440, step: 20 },
    ];

    /// The one of a word, else the usual one.
    pub(super) fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|period| period.word == word).unwrap_or(Self::ALL[0])
    }

    /// What a bar counts.
    pub(super) fn per(self) -> String {
        if self.step == 1 { "per minute".to_owned() } else { format!("per {} minutes", self.step) }
    }

    /// When its first bar begins, in words.
    pub(super) fn ago(self) -> String {
        if self.minutes == 60 { "60 min ago".to_owned() } else { format!("{} h ago", self.minutes / 60) }
    }
}

/// Height of the drawing, in its own units.
const HEIGHT: f64 = 40.0;
/// Width of one minute.
const STEP: f64 = 10.0;

/// One colour of a stack: its class and its number of a minute.
pub(super) type Layer = (&'static str, fn(&Counts) -> u64);

/// Layers of the outcomes.
pub(super) const OUTCOMES: [Layer; 3] = [
    ("good-fill", |counts| counts.delivered),
    ("wait-fill", |counts| counts.fell_back),
    ("bad-fill", |counts| counts.failed),
];

/// One minute of one account on one channel.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    minute: Time,
    pub(super) account: AccountName,
    pub(super) channel: Channel,
    counts: Counts,
}

/// Everything counted in a period, the running minute included.
pub(super) fn cells(stats: &Stats, now: Time, period: Period) -> Vec<Cell> {
    let known = stats.last(now, i64::from(period.minutes));
    let cells = known.into_iter().flat_map(|(minute, counts)| {
        counts.into_iter().map(move |((account, channel), counts)| Cell { minute, account, channel, counts })
    });
    cells.collect()
}

/// Cells as one count per bar, empty ones included, oldest first.
pub(super) fn per_bar<'a>(
    cells: impl Iterator<Item = &'a Cell>,
    now: Time,
    period: Period,
) -> Vec<(Time, Counts)> {
    let length = i64::from(period.step) * 60;
    let bar = |time: Time| time.as_secs().div_euclid(length);
    let (last, count) = (bar(now), period.minutes / period.step);
    let first = last - i64::from(count) + 1;
    let mut row: Vec<(Time, Counts)> =
        (first..=last).map(|bar| (Time::from_secs(bar * length), Counts::default())).collect();
    for cell in cells {
        let place = usize::try_from(bar(cell.minute) - first).ok();
        if let Some((_, counts)) = place.and_then(|place| row.get_mut(place)) {
            *counts += cell.counts;
        }
    }
    row
}

/// All bars together.
pub(super) fn sum(row: &[(Time, Counts)]) -> Counts {
    let mut sum = Counts::default();
    for (_, counts) in row {
        sum += *counts;
    }
    sum
}

/// Bars, stacked; `label` says for everybody what they show.
pub(super) fn bars(row: &[(Time, Counts)], layers: &[Layer], label: &str) -> Markup {
    let most = row.iter().map(|(_, counts)| total(counts, layers)).max().unwrap_or(0).max(1);
    let width = STEP * row.len() as f64;
    html! {
        svg.chart role="img" aria-label=(label) viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" {
            line.base x1="0" x2=(width) y1=(HEIGHT) y2=(HEIGHT) {}
            @for (index, (minute, counts)) in row.iter().enumerate() {
                @if total(counts, layers) > 0 {
                    g {
                        title { (parts::stamp(*minute)[11..16]) ": " (words(counts)) }
                        @for (class, y, height) in stack(counts, layers, most) {
                            rect.(class) x=(index as f64 * STEP + 1.0) width=(STEP - 2.0) y=(y) height=(height) {}
                        }
                    }
                }
            }
        }
    }
}

/// The highest bar of one layer.
pub(super) fn peak(row: &[(Time, Counts)], layer: Layer) -> u64 {
    row.iter().map(|(_, counts)| (layer.1)(counts)).max().unwrap_or(0)
}

fn total(counts: &Counts, layers: &[Layer]) -> u64 {
    layers.iter().map(|(_, number)| number(counts)).sum()
}

/// Class, top and height of each part of a bar. Whatever is there is at least one unit high.
fn stack(counts: &Counts, layers: &[Layer], most: u64) -> Vec<(&'static str, f64, f64)> {
    let mut top = HEIGHT;
    let mut parts = Vec::with_capacity(layers.len());
    for (class, number) in layers {
        let number = number(counts);
        if number > 0 {
            let height = (number as f64 / most as f64 * HEIGHT).max(1.0);
            top -= height;
            parts.push((*class, (top * 10.0).round() / 10.0, (height * 10.0).round() / 10.0));
        }
    }
    parts
}

/// Counts in words.
pub(super) fn words(counts: &Counts) -> String {
    let all = [
        (counts.accepted, "accepted"),
        (counts.delivered, "delivered"),
        (counts.fell_back, "fell back"),
        (counts.failed, "failed"),
    ];
    let said: Vec<String> = all
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_without_anything_are_shown_too() {
        let stats = Stats::default();
        let (shop, now) = (AccountName::from("shop"), Time::from_secs(6_000));
        let earlier = now - model::Span::from_mins(2);
        stats.count(earlier, &shop, Channel::Sms, |counts| counts.accepted += 1);
        stats.count(earlier, &shop, Channel::Whatsapp, |counts| counts.accepted += 1);
        let row = |word| {
            let period = Period::of(word);
            per_bar(cells(&stats, now, period).iter(), now, period)
        };
        let accepted: Vec<u64> = row("1h").iter().map(|(_, counts)| counts.accepted).collect();
        assert_eq!((accepted.len(), &accepted[56..]), (60, &[0, 2, 0, 0][..]));
        assert_eq!(sum(&row("1h")).accepted, 2);
        let day = row("24h");
        assert_eq!((day.len(), sum(&day).accepted), (72, 2));
        assert_eq!(day[70].0, Time::from_secs(4_800), "bars begin at whole steps");
    }

    #[test]
    fn a_stack_ends_at_the_height_of_the_fullest_minute() {
        let counts = Counts { delivered: 3, failed: 1, ..Counts::default() };
        let parts = stack(&counts, &OUTCOMES, 4);
        assert_eq!(parts, [("good-fill", 10.0, 30.0), ("bad-fill", 0.0, 10.0)]);
        assert_eq!(words(&counts), "3 delivered, 1 failed");
    }
}
