//! `docs/cascade.md` says what the code does, and names what proves it.

use super::*;

const DOCUMENT: &str = include_str!("../../../../../docs/cascade.md");
const ROWS: &str = include_str!("rows.rs");

fn tests() -> impl Iterator<Item = &'static str> {
    let after_attribute = ROWS.split("#[test]\nfn ").skip(1);
    after_attribute.filter_map(|text| text.split('(').next())
}

/// The cells of each row of the table under a heading, without its head.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with(heading));
    let lines = section.unwrap_or_default().lines().filter(|line| line.starts_with("| ")).skip(1);
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

fn in_ticks(cell: &str) -> &str {
    cell.trim_matches('`')
}

#[test]
fn every_row_of_the_rule_table_names_a_test_and_every_test_has_a_row() {
    let mut named: Vec<&str> = rows("Rules").iter().map(|row| in_ticks(row[row.len() - 1])).collect();
    let mut existing: Vec<&str> = tests().collect();
    named.sort_unstable();
    existing.sort_unstable();
    assert_eq!(named, existing);
}

#[test]
fn every_cause_stands_in_the_cause_table_with_its_advice() {
    let documented: Vec<(String, String)> = rows("Causes")
        .iter()
        .map(|row| (in_ticks(row[0]).to_owned(), row[row.len() - 1].to_owned()))
        .collect();
    let expected: Vec<(String, String)> = Cause::ALL
        .iter()
        .map(|&cause| (cause.as_str().to_owned(), Advice::of(cause).as_str().to_owned()))
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn every_advice_is_given_for_some_cause() {
    for advice in Advice::ALL {
        assert!(Cause::ALL.iter().any(|&cause| Advice::of(cause) == advice), "{advice:?}");
    }
}
