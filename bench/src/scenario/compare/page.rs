//! The results as Markdown, in the place that the page keeps for them.

use super::{Column, Comparison};
use crate::report::{Finding, number};

const BEGIN: &str = "<!-- results: written by bench/compare -->";
const END: &str = "<!-- end of results -->";

/// The rows: scenario, name of the value, words, unit, whether more is better.
const ROWS: &[(Which, &str, &str, &str, bool)] = &[
    (Which::Accept, "accepted/s", "Accepted, network held back", "messages/s", true),
    (Which::Accept, "accept p99", "… 99th percentile of the answer", "ms", false),
    (Which::E2e, "carried/s", "Carried end to end", "messages/s", true),
    (Which::E2e, "accepted/s", "… accepted meanwhile", "messages/s", true),
    (Which::E2e, "accept p50", "… median of the answer", "ms", false),
    (Which::E2e, "accept p99", "… 99th percentile of the answer", "ms", false),
    (Which::E2e, "CPU per message", "… CPU time per message", "µs", false),
    (Which::E2e, "cores used", "… cores used", "", false),
    (Which::E2e, "cores used by the load", "… cores used by load and networks", "", false),
    (Which::E2e, "peak memory", "… peak memory", "MiB", false),
];

#[derive(Clone, Copy, Debug)]
enum Which {
    Accept,
    E2e,
}

impl Which {
    const fn of(self, column: &Column) -> &Finding {
        match self {
            Self::Accept => &column.accept,
            Self::E2e => &column.e2e,
        }
    }
}

/// The page with these results in place of the old ones; at its end if it has no place for them.
pub(super) fn with_results(page: &str, results: &str) -> String {
    let block = format!("{BEGIN}\n\n{results}\n{END}");
    match (page.find(BEGIN), page.find(END)) {
        (Some(begin), Some(end)) if begin < end => {
            format!("{}{block}{}", &page[..begin], &page[end + END.len()..])
        }
        _ => format!("{page}{block}\n"),
    }
}

/// The results.
pub(super) fn results(comparison: &Comparison) -> String {
    format!("{}\n{}\n![Messages per second](benchmarks.svg)\n", facts(comparison), table(comparison))
}

fn facts(comparison: &Comparison) -> String {
    let machine = &comparison.machine;
    let sync = |name| number(comparison.sync.value(name).unwrap_or_default());
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC");
    let versions: Vec<_> = comparison
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name.as_str(), column.version))
        .collect();
    format!(
        "| | |\n|---|---|\n| Date | {date} |\n| Machine | {}, {} cores, {} MiB, {}, kernel {}; load before the run {:.1} |\n| Disk | {}; 4 KiB write and fdatasync: median {} ms, 99th percentile {} ms |\n| Versions | {} |\n| Run | medians of {} alternating rounds, {} messages each, 32 connections, one message per request |\n",
        machine.cpu,
        machine.cores,
        machine.memory_mib,
        machine.system,
        machine.kernel,
        machine.load,
        machine.disk,
        sync("sync p50"),
        sync("sync p99"),
        versions.join(", "),
        comparison.rounds,
        comparison.messages,
    )
}

fn table(comparison: &Comparison) -> String {
    let ours = comparison.columns.iter().find(|column| column.name == super::Name::Courant);
    let others: Vec<_> =
        comparison.columns.iter().filter(|column| column.name != super::Name::Courant).collect();
    let mut text = String::from("| |");
    for column in ours.into_iter().chain(others.iter().copied()) {
        text += &format!(" {} |", column.name.as_str());
    }
    for other in &others {
        text += &format!(" Courant : {} |", other.name.as_str());
    }
    text += "\n|---|";
    text += &"---:|".repeat(ours.iter().count() + 2 * others.len());
    text.push('\n');
    for row in ROWS {
        text += &line(row, ours, &others);
    }
    text
}

fn line(row: &(Which, &str, &str, &str, bool), ours: Option<&Column>, others: &[&Column]) -> String {
    let &(which, name, words, unit, more_is_better) = row;
    let value = |column: &Column| which.of(column).value(name);
    let mut text = format!("| {words} |");
    for column in ours.into_iter().chain(others.iter().copied()) {
        let cell = value(column).map_or_else(|| "–".to_owned(), |value| format!("{} {unit}", number(value)));
        text += &format!(" {} |", cell.trim());
    }
    for other in others {
        text += &match (ours.and_then(value), value(other)) {
            (Some(ours), Some(theirs)) if theirs > 0.0 => {
                let ratio = format!("{:.2}", ours / theirs);
                let better = (ours > theirs) == more_is_better;
                if better { format!(" **{ratio}** |") } else { format!(" {ratio} |") }
            }
            _ => " – |".to_owned(),
        };
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_results_replace_the_old_ones_and_nothing_else() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let page = with_results(&page, "new\n");
        assert_eq!(page, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(with_results(&page, "new\n"), page);
    }

    #[test]
    fn a_page_without_a_place_gets_one_at_its_end() {
        assert_eq!(with_results("text\n", "new\n"), format!("text\n{BEGIN}\n\nnew\n\n{END}\n"));
    }
}
