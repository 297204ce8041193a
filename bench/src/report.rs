//! Results, for people and for programs.

use std::{fs::OpenOptions, io::Write as _, path::PathBuf, time::Duration};

use anyhow::Result;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{ledger::Latencies, measure::process::Usage};

/// One measured thing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// What was done.
    pub(crate) scenario: String,
    /// Which program did it.
    pub(crate) program: String,
    /// What came of it, in the order of reading: name, value, unit.
    pub(crate) values: Vec<(String, f64, &'static str)>,
}

impl Finding {
    /// An empty finding.
    pub(crate) fn new(scenario: impl Into<String>, program: impl Into<String>) -> Self {
        Self { scenario: scenario.into(), program: program.into(), values: Vec::new() }
    }

    /// Adds a value.
    pub(crate) fn with(mut self, name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        self.values.push((name.into(), value, unit));
        self
    }

    /// Adds median, 99th percentile and maximum of latencies, in milliseconds.
    pub(crate) fn with_latencies(self, name: &str, latencies: &Latencies) -> Self {
        let millis = |micros: u64| micros as f64 / 1000.0;
        self.with(format!("{name} p50"), millis(latencies.value_at_quantile(0.5)), "ms")
            .with(format!("{name} p99"), millis(latencies.value_at_quantile(0.99)), "ms")
            .with(format!("{name} max"), millis(latencies.max()), "ms")
    }

    /// Adds CPU time per message between two looks, share of a core, and memory.
    pub(crate) fn with_usage(self, before: Usage, after: Usage, messages: u64, took: Duration) -> Self {
        let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
        self.with("CPU per message", cpu * 1e6 / messages.max(1) as f64, "µs")
            .with("cores used", cpu / took.as_secs_f64(), "")
            .with("memory", after.rss_kib as f64 / 1024.0, "MiB")
            .with("peak memory", after.peak_kib as f64 / 1024.0, "MiB")
    }

    /// The value of this name.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(other, ..)| other == name).map(|&(_, value, _)| value)
    }

    fn json(&self) -> Value {
        let values: Map<String, Value> = self
            .values
            .iter()
            .map(|(name, value, unit)| (name.clone(), json!({ "value": value, "unit": unit })))
            .collect();
        json!({
            "at": jiff::Timestamp::now().to_string(),
            "scenario": self.scenario,
            "program": self.program,
            "values": values,
        })
    }
}

/// Where findings go: a table on stdout, and JSON lines in a file if there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reporter {
    /// The file that lines are added to.
    pub(crate) lines: Option<PathBuf>,
}

impl Reporter {
    /// Tells a finding.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn tell(&self, finding: &Finding) -> Result<()> {
        println!("\n{} · {}", finding.scenario, finding.program);
        for (name, value, unit) in &finding.values {
            println!("  {name:<28} {:>14} {unit}", number(*value));
        }
        if let Some(path) = &self.lines {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            writeln!(file, "{}", finding.json())?;
        }
        Ok(())
    }
}

/// A number with as many digits as make sense: `12 345`, `12.3`, `0.12`.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => grouped(value.round() as i64),
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn grouped(value: i64) -> String {
    let digits = value.abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if value < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_make_sense() {
        let texts = [0.123, 1.26, 12.34, 123.4, 1234.5, 1_234_567.0].map(number);
        assert_eq!(texts, ["0.12", "1.3", "12.3", "123", "1\u{202f}235", "1\u{202f}234\u{202f}567"]);
    }
}
