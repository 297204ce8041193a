//! `courant import`: sends the messages of a file, each exactly once however often it is begun.

use std::{
    collections::HashSet,
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::client::{Client, Remote, say};

/// Longest line of a file.
const MAX_LINE: u64 = 1024 * 1024;
/// Failures shown one by one; beyond, they are only counted.
const SHOWN: usize = 20;

/// Send the messages of a file.
#[derive(Debug, Args)]
#[command(
    after_help = "JSON Lines: each line is a message as the API takes it (POST /api/v1/messages).\nCSV: a header line, then one message per line, with the columns\n  to (required), text, channels (\"whatsapp>sms\"; sms if empty), account, sender, patience_ms,\n  priority, send_at, client_ref, bulk, media (KIND=URL)\n\nWhat was sent is noted in FILE.journal: run the same command again to go on after an interruption;\nlines sent before are left out, and the server takes none twice. Delete the journal to begin anew\n(the server still knows each line for a day)."
)]
pub(super) struct Import {
    /// The file.
    file: PathBuf,
    /// Its format [default: by its name, `.csv` or else JSON Lines].
    #[arg(long)]
    format: Option<Format>,
    /// Account of lines that name none.
    #[arg(long)]
    account: Option<String>,
    /// Requests at a time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    #[command(flatten)]
    remote: Remote,
}

/// Format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Comma-separated, with a header line.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// A message of the file.
struct Line {
    number: u64,
    body: Result<Value, String>,
}

/// What came of it all.
#[derive(Default)]
struct Tally {
    sent: u64,
    skipped: u64,
    failures: Vec<String>,
    failed: u64,
}

pub(super) async fn run(arguments: Import) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let named_csv = arguments.file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let format = arguments.format.unwrap_or(if named_csv { Format::Csv } else { Format::Jsonl });
    let digest = digest_of(&arguments.file)?;
    let mut journal = Journal::open(&arguments.file, &digest)?;
    let total = count_lines(&arguments.file)?.saturating_sub(u64::from(format == Format::Csv));
    let bar = progress(total, client.json);
    let mut tally = Tally::default();
    let mut tasks: JoinSet<(u64, Result<String, String>)> = JoinSet::new();
    for line in lines(&arguments.file, format)? {
        let line = line?;
        if journal.done.contains(&line.number) {
            tally.skipped += 1;
            bar.inc(1);
            continue;
        }
        while tasks.len() >= usize::from(arguments.parallel) {
            land(&mut tasks, &mut journal, &mut tally, &bar).await?;
        }
        launch(&mut tasks, &client, &arguments, &digest, line);
    }
    while !tasks.is_empty() {
        land(&mut tasks, &mut journal, &mut tally, &bar).await?;
    }
    bar.finish_and_clear();
    conclude(&client, &tally)
}

fn launch(
    tasks: &mut JoinSet<(u64, Result<String, String>)>,
    client: &Client,
    arguments: &Import,
    digest: &str,
    line: Line,
) {
    let (client, account) = (client.clone(), arguments.account.clone());
    let key = format!("import-{digest}-{}", line.number);
    tasks.spawn(async move {
        let sent = async {
            let mut body = line.body?;
            if let (Some(account), None) = (account, body.get("account")) {
                body["account"] = account.into();
            }
            let answer = client.act("/messages", Some(&body), Some(&key)).await?;
            Ok(answer["id"].as_str().unwrap_or_default().to_owned())
        };
        (line.number, sent.await)
    });
}

async fn land(
    tasks: &mut JoinSet<(u64, Result<String, String>)>,
    journal: &mut Journal,
    tally: &mut Tally,
    bar: &ProgressBar,
) -> Result<(), String> {
    let Some(landed) = tasks.join_next().await else { return Ok(()) };
    let (number, result) = landed.map_err(|error| format!("a task broke: {error}"))?;
    bar.inc(1);
    match result {
        Ok(id) => {
            journal.note(number, &id)?;
            tally.sent += 1;
        }
        Err(error) => {
            tally.failed += 1;
            if tally.failures.len() < SHOWN {
                tally.failures.push(format!("line {number}: {error}"));
            }
        }
    }
    Ok(())
}

fn conclude(client: &Client, tally: &Tally) -> Result<(), String> {
    let summary = json!({
        "sent": tally.sent,
        "sent_before": tally.skipped,
        "failed": tally.failed,
        "failures": tally.failures,
    });
    client.show(summary, |_: Value| {
        tally.failures.iter().for_each(|failure| say(failure));
        say(&format!("{} sent, {} sent before, {} failed", tally.sent, tally.skipped, tally.failed));
    })?;
    if tally.failed == 0 {
        return Ok(());
    }
    Err(format!("{} lines were not sent; correct them and run the same command again", tally.failed))
}

fn progress(total: u64, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    let bar = ProgressBar::new(total);
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

fn open(path: &Path) -> Result<BufReader<File>, String> {
    File::open(path).map(BufReader::new).map_err(|error| format!("{}: {error}", path.display()))
}

/// Names the file's content, so that a changed file does not meet the journal or keys of another.
fn digest_of(path: &Path) -> Result<String, String> {
    let (mut file, mut hash, mut buffer) = (open(path)?, Sha256::new(), vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer).map_err(|error| format!("{}: {error}", path.display()))?;
        if read == 0 {
            return Ok(hex::encode(&hash.finalize()[..12]));
        }
        hash.update(&buffer[..read]);
    }
}

fn count_lines(path: &Path) -> Result<u64, String> {
    let (mut file, mut count, mut buffer) = (open(path)?, 0, vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer).map_err(|error| format!("{}: {error}", path.display()))?;
        if read == 0 {
            return Ok(count);
        }
        count += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
    }
}

type Lines = Box<dyn Iterator<Item = Result<Line, String>>>;

fn lines(path: &Path, format: Format) -> Result<Lines, String> {
    match format {
        Format::Jsonl => Ok(Box::new(json_lines(path)?)),
        Format::Csv => Ok(Box::new(csv_lines(path)?)),
    }
}

fn json_lines(path: &Path) -> Result<impl Iterator<Item = Result<Line, String>> + use<>, String> {
    let (mut file, mut number) = (open(path)?, 0);
    Ok(std::iter::from_fn(move || {
        loop {
            let mut line = String::new();
            number += 1;
            match file.by_ref().take(MAX_LINE).read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim().is_empty() => {}
                Ok(_) => {
                    let body = serde_json::from_str(&line).map_err(|error| error.to_string());
                    return Some(Ok(Line { number, body }));
                }
                Err(error) => return Some(Err(format!("line {number}: {error}"))),
            }
        }
    }))
}

fn csv_lines(path: &Path) -> Result<impl Iterator<Item = Result<Line, String>> + use<>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(open(path)?);
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    if !headers.iter().any(|name| name == "to") {
        return Err(format!("{}: the header line has no column `to`", path.display()));
    }
    let rows = reader.into_records().zip(1..);
    Ok(rows.map(move |(row, number)| {
        let row = row.map_err(|error| error.to_string())?;
        let cell = |name: &str| {
            let place = headers.iter().position(|known| known == name)?;
            row.get(place).filter(|cell| !cell.is_empty())
        };
        Ok(Line { number, body: message_of(cell) })
    }))
}

/// The message of a CSV line.
fn message_of<'a>(cell: impl Fn(&str) -> Option<&'a str>) -> Result<Value, String> {
    let channels = cell("channels").or_else(|| cell("channel")).unwrap_or("sms");
    let steps: Result<Vec<Value>, String> =
        channels.split('>').map(|channel| step_of(channel.trim(), &cell)).collect();
    let mut body = json!({ "to": cell("to").ok_or("`to` is empty")?, "steps": steps? });
    for name in ["account", "priority", "send_at", "client_ref", "bulk"] {
        if let Some(value) = cell(name) {
            body[name] = value.into();
        }
    }
    Ok(body)
}

fn step_of<'a>(channel: &str, cell: &impl Fn(&str) -> Option<&'a str>) -> Result<Value, String> {
    let mut step = json!({ "channel": channel });
    if let Some(sender) = cell("sender") {
        step["sender"] = sender.into();
    }
    if let Some(patience) = cell("patience_ms") {
        step["patience_ms"] = patience.parse::<u64>().map_err(|_| "`patience_ms` is not a number")?.into();
    }
    match cell("media").filter(|_| channel != "sms") {
        Some(media) => {
            let (kind, url) = media.split_once('=').ok_or("`media` takes KIND=URL")?;
            step["media"] = json!({ "kind": kind, "url": url });
            if let Some(caption) = cell("text") {
                step["media"]["caption"] = caption.into();
            }
        }
        None => step["text"] = cell("text").ok_or("`text` is empty")?.into(),
    }
    Ok(step)
}

/// Which lines were sent: `FILE.journal`, one line per message, after a line that names the file's
/// content.
struct Journal {
    file: File,
    done: HashSet<u64>,
}

impl Journal {
    fn open(path: &Path, digest: &str) -> Result<Self, String> {
        let mut name = path.as_os_str().to_owned();
        name.push(".journal");
        let name = PathBuf::from(name);
        let fail = |error: std::io::Error| format!("{}: {error}", name.display());
        let known = match std::fs::read_to_string(&name) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(fail(error)),
        };
        let mut file = File::options().create(true).append(true).open(&name).map_err(fail)?;
        if known.is_empty() {
            writeln!(file, "{digest}").map_err(fail)?;
        } else if known.lines().next() != Some(digest) {
            return Err(format!(
                "{} belongs to another content of the file; delete it to send everything anew",
                name.display()
            ));
        }
        let done = known.lines().skip(1).filter_map(|line| line.split('\t').next()?.parse().ok()).collect();
        Ok(Self { file, done })
    }

    fn note(&mut self, number: u64, id: &str) -> Result<(), String> {
        writeln!(self.file, "{number}\t{id}").map_err(|error| format!("the journal: {error}"))
    }
}
