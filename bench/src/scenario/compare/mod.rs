//! Courant beside other gateways, on the same machine, in the same run, in alternation: fresh
//! processes and folders each time, medians over the rounds.

mod chart;
mod page;

use std::{fs, path::PathBuf};

use anyhow::Result;
use clap::Args;

use super::{Common, accept, e2e, floor, world::Name};
use crate::{
    measure::machine::Machine,
    peer::{jasmin::Jasmin, kannel::Kannel},
    report::Finding,
};

/// Connections of the runs that are compared.
const CONNECTIONS: usize = 32;

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Fewer rounds and messages: done in four minutes.
    #[arg(long)]
    short: bool,
    /// Rounds, instead of 3 (short) or 5.
    #[arg(long)]
    rounds: Option<usize>,
    /// Messages of each run, instead of 20000 (short) or 50000.
    #[arg(long)]
    messages: Option<usize>,
    /// The programs, in the order of each round.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Name::Kannel, Name::Courant])]
    programs: Vec<Name>,
    /// The page whose results are replaced.
    #[arg(long, default_value = "docs/benchmarks.md")]
    page: PathBuf,
    /// The chart.
    #[arg(long, default_value = "docs/benchmarks.svg")]
    chart: PathBuf,
}

impl Arguments {
    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.short { 3 } else { 5 }).max(1)
    }

    fn messages(&self) -> usize {
        self.messages.unwrap_or(if self.short { 20_000 } else { 50_000 })
    }
}

/// What was measured of one program: the medians of its rounds.
#[derive(Clone, Debug)]
pub(super) struct Column {
    name: Name,
    version: String,
    accept: Finding,
    e2e: Finding,
}

/// All that the page tells.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    machine: Machine,
    sync: Finding,
    rounds: usize,
    messages: usize,
    columns: Vec<Column>,
}

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let comparison = compare(common, arguments).await?;
    let old = fs::read_to_string(&arguments.page).unwrap_or_default();
    fs::write(&arguments.page, page::with_results(&old, &page::results(&comparison)))?;
    fs::write(&arguments.chart, chart::svg(&comparison))?;
    println!("\nwritten: {}, {}", arguments.page.display(), arguments.chart.display());
    Ok(())
}

async fn compare(common: &Common, arguments: &Arguments) -> Result<Comparison> {
    let reporter = common.reporter();
    let machine = Machine::here(&common.folder);
    let sync = floor::syncs(common)?;
    reporter.tell(&sync)?;
    let mut rounds: Vec<(Vec<Finding>, Vec<Finding>)> = vec![Default::default(); arguments.programs.len()];
    for round in 1..=arguments.rounds() {
        println!("\n== round {round} of {}", arguments.rounds());
        for (&program, (accepts, e2es)) in arguments.programs.iter().zip(&mut rounds) {
            let (messages, connections) = (arguments.messages(), CONNECTIONS);
            let accept =
                accept::measure(common, &accept::Arguments { messages, connections, program }).await?;
            reporter.tell(&accept)?;
            accepts.push(accept);
            let e2e = e2e::measure(common, &e2e::Arguments { messages, connections, program }).await?;
            reporter.tell(&e2e)?;
            e2es.push(e2e);
        }
    }
    let columns = arguments.programs.iter().zip(&rounds).map(|(&name, (accepts, e2es))| Column {
        name,
        version: version(name, common),
        accept: median(accepts),
        e2e: median(e2es),
    });
    Ok(Comparison {
        machine,
        sync,
        rounds: arguments.rounds(),
        messages: arguments.messages(),
        columns: columns.collect(),
    })
}

/// The median of each value.
fn median(findings: &[Finding]) -> Finding {
    let mut median = findings.first().cloned().unwrap_or_else(|| Finding::new("none", "none"));
    for (name, value, _) in &mut median.values {
        let mut values: Vec<f64> = findings.iter().filter_map(|finding| finding.value(name)).collect();
        values.sort_by(f64::total_cmp);
        *value = values.get(values.len() / 2).copied().unwrap_or(*value);
    }
    median
}

fn version(name: Name, common: &Common) -> String {
    match name {
        Name::Courant => {
            let output = std::process::Command::new(&common.courant).arg("--version").output();
            let text =
                output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
            text.trim().trim_start_matches("courant ").to_owned()
        }
        Name::Jasmin => Jasmin::VERSION.to_owned(),
        Name::Kannel => Kannel::version().unwrap_or_else(|| "unknown".into()),
    }
}
