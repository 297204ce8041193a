//! Lists and searches of operators, with more and more messages in the store.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use model::Time;
use serde_json::Value;

use super::{Common, world::Surroundings};
use crate::{
    client::Client,
    ledger::{Latencies, latencies},
    measure::process::Usage,
    network::graph,
    peer::courant::Courant,
    report::Finding,
    seed::{self, Seeded},
};

/// Pages after which a search that found nothing yet is given up.
const MOST_PAGES: usize = 1000;

#[derive(Clone, Debug, Args)]
pub(crate) struct Arguments {
    /// Messages in the store at each measurement, growing. They are written into the store's file
    /// directly; ten million take 10 GB.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000])]
    sizes: Vec<u64>,
    /// Questions of each kind.
    #[arg(long, default_value_t = 40)]
    rounds: u64,
    /// A folder that is kept: what is stored there stays, and is not stored again.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// One kind of question: its name, and the path for a message.
type Kind = (&'static str, fn(&Seeded) -> Option<String>);

const LISTS: &[Kind] = &[
    ("newest", |_| Some("/messages".into())),
    ("older, from anywhere", |one| Some(format!("/messages?after={}", one.id))),
    ("account", |one| Some(format!("/messages?account={}", one.account))),
    ("dialect", |_| Some("/messages?dialect=telesign".into())),
    ("rare dialect", |_| Some("/messages?dialect=kaleyra".into())),
    ("channel", |_| Some("/messages?channel=whatsapp".into())),
    ("status", |_| Some("/messages?status=failed".into())),
    ("status, from anywhere", |one| Some(format!("/messages?status=read&after={}", one.id))),
    ("status that none has", |_| Some("/messages?status=played".into())),
    ("cause", |_| Some("/messages?cause=invalid_recipient".into())),
    ("rare cause", |_| Some("/messages?cause=spam".into())),
    ("under way", |_| Some("/messages?settled=false".into())),
    ("account and cause", |one| Some(format!("/messages?account={}&cause=unknown_subscriber", one.account))),
    ("number", |one| Some(format!("/messages?number={}", one.phone))),
    ("number of nobody", |_| Some("/messages?number=19995550100".into())),
    ("number and status", |one| Some(format!("/messages?number={}&status=failed", one.phone))),
    ("submission", |one| Some(format!("/messages?batch={}", one.batch))),
    ("bulk id", |one| Some(format!("/messages?bulk={}", one.bulk.as_ref()?))),
    ("hour", |one| {
        let (from, to) = (instant(one.at), instant(one.at + model::Span::from_hours(1)));
        Some(format!("/messages?since={from}&until={to}"))
    }),
    ("hour and cause", |one| {
        let (from, to) = (instant(one.at), instant(one.at + model::Span::from_hours(1)));
        Some(format!("/messages?since={from}&until={to}&cause=content_rejected"))
    }),
];

const SEARCHES: &[Kind] = &[
    ("our id", |one| Some(format!("/find?text={}", one.id))),
    ("caller's id", |one| {
        (one.account == "bench").then(|| Some(format!("/find?text={}", one.client_ref.as_ref()?)))?
    }),
    ("network's id", |one| Some(format!("/find?text={}", one.upstream.as_ref()?))),
    ("submission's id", |one| Some(format!("/find?text={}", one.batch))),
    ("bulk id", |one| Some(format!("/find?text={}", one.bulk.as_ref()?))),
    ("number", |one| Some(format!("/find?text={}", one.phone))),
    ("nothing that is there", |_| Some("/find?text=no-such-thing".into())),
];

pub(super) async fn run(common: &Common, arguments: &Arguments) -> Result<()> {
    let mut around = Surroundings::start(common, 0, graph::SILENT).await?;
    let folder = arguments.keep.clone().unwrap_or_else(|| around.folder.path().to_owned());
    let mut store = Growing::open(&folder)?;
    for &size in &arguments.sizes {
        store.grow(size).await?;
        forget(&folder.join("data/courant.db"));
        let setup = around.setup(common);
        let courant = Courant::start(&setup, &folder).await?;
        around.graph.tell(courant.address(), crate::peer::courant::HOOK);
        let idle = Usage::of(&[courant.pid()]);
        let lists = Round { courant: &courant, store: &store, rounds: arguments.rounds };
        for (name, kind) in LISTS {
            common.reporter().tell(&lists.measure(&format!("list by {name}"), *kind).await?)?;
        }
        for (name, kind) in SEARCHES {
            common.reporter().tell(&lists.measure(&format!("find {name}"), *kind).await?)?;
        }
        common.reporter().tell(&lists.measure("overview", |_| Some("/overview".into())).await?)?;
        common.reporter().tell(&memory(&store, idle, Usage::of(&[courant.pid()])))?;
        courant.end().await?;
    }
    Ok(())
}

fn memory(store: &Growing, idle: Usage, after: Usage) -> Finding {
    let bytes = std::fs::metadata(store.data.join("courant.db")).map_or(0, |file| file.len());
    Finding::new(format!("paging, {} messages: memory and disk", store.size), "Courant")
        .with("memory at the start", idle.rss_kib as f64 / 1024.0, "MiB")
        .with("memory afterwards", after.rss_kib as f64 / 1024.0, "MiB")
        .with("stored per message", bytes as f64 / store.size as f64, "bytes")
}

/// A store that grows between measurements.
pub(super) struct Growing {
    data: PathBuf,
    start: Time,
    size: u64,
}

impl Growing {
    /// The store of a folder; what was seeded there before is taken up.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (data, notes) = (folder.join("data"), folder.join("seeded"));
        let noted = std::fs::read_to_string(&notes).unwrap_or_default();
        let mut numbers = noted.split_whitespace().filter_map(|word| word.parse::<i64>().ok());
        let now = Time(jiff::Timestamp::now().as_microsecond());
        let start = numbers.next().map_or_else(|| seed::start(now), Time);
        let size = numbers.next().unwrap_or_default() as u64;
        Ok(Self { data, start, size })
    }

    /// Makes it as large as this, if it is smaller.
    pub(super) async fn grow(&mut self, size: u64) -> Result<()> {
        if size > self.size {
            seed::fill(&self.data, self.start, self.size..size).await?;
            self.size = size;
        }
        let notes = self.data.with_file_name("seeded");
        std::fs::write(notes, format!("{} {}\n", self.start.0, self.size)).context("no note of the size")
    }

    /// A message somewhere in it; the same for the same number.
    fn any(&self, number: u64) -> Seeded {
        seed::seeded(self.start, seed::mixed(number) % self.size)
    }
}

/// Drops a file's pages from the kernel's memory, so that the first questions find the disk.
fn forget(file: &Path) {
    let name = format!("if={}", file.display());
    // Where there is no such command the first questions are warm, and that is all.
    let _ = Command::new("dd").args([name.as_str(), "iflag=nocache", "count=0"]).output();
}

struct Round<'a> {
    courant: &'a Courant,
    store: &'a Growing,
    rounds: u64,
}

impl Round<'_> {
    /// Asks about one message after the other; the first answer is told apart.
    async fn measure(&self, what: &str, kind: fn(&Seeded) -> Option<String>) -> Result<Finding> {
        let mut client = Client::new(self.courant.address());
        let (mut pages, mut first, mut asked) = (latencies(), None, 0);
        let (mut found, mut most_pages) = (0, 0);
        for paths in (0..).map(|number| kind(&self.store.any(number))) {
            let Some(path) = paths else { continue };
            let (rows, read) = self.to_the_first(&mut client, &path, &mut pages, &mut first).await?;
            found += rows;
            most_pages = most_pages.max(read);
            asked += 1;
            if asked == self.rounds {
                break;
            }
        }
        Ok(Finding::new(format!("paging, {} messages: {what}", self.store.size), "Courant")
            .with("first page of all", first.unwrap_or_default(), "ms")
            .with_latencies("page", &pages)
            .with("rows per question", found as f64 / asked as f64, "")
            .with("most pages until something was found", most_pages as f64, ""))
    }

    /// Reads pages until there is something on one, or there are no more; how much, and how many
    /// pages.
    async fn to_the_first(
        &self,
        client: &mut Client,
        path: &str,
        pages: &mut Latencies,
        first: &mut Option<f64>,
    ) -> Result<(usize, usize)> {
        let mut after = String::new();
        for page in 1..=MOST_PAGES {
            let began = Instant::now();
            let answer = client.exchange(&Courant::look(&format!("{path}{after}"))).await?;
            let took = began.elapsed();
            ensure!(answer.status == 200, "{path}: status {}", answer.status);
            match first {
                None => *first = Some(took.as_secs_f64() * 1000.0),
                Some(_) => pages.saturating_record(took.as_micros() as u64),
            }
            let body: Value = serde_json::from_slice(&answer.body)?;
            let rows = body["items"].as_array().map_or(0, Vec::len);
            match body["next"].as_str().filter(|_| rows == 0) {
                Some(next) => {
                    let sign = if path.contains('?') { '&' } else { '?' };
                    after = format!("{sign}after={next}");
                }
                None => return Ok((rows, page)),
            }
        }
        Ok((0, MOST_PAGES))
    }
}

/// As the API reads instants.
fn instant(at: Time) -> String {
    jiff::Timestamp::from_microsecond(at.0).map(|at| at.to_string()).unwrap_or_default()
}
