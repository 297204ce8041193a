//! `courant media`: what channels take, whether a file or link would pass, and uploads.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use ipnet::IpNet;
use media::{
    check::{self, CheckPolicy, Checker, Verdict},
    fetch::{Fetcher, Patience},
    guard::{Guard, Policy},
    limits::{self, Purpose},
    probe::{Facts, Format, Size},
};
use model::{Channel, content::MediaKind, message::Extras};
use serde_json::{Value, json};

use super::{
    client::{Remote, say, segment, table as columns},
    install_crypto,
    messages::only_account,
    paging::{Paging, say_more},
};
use crate::{admin::Page, views::MediaView};

/// Media: limits, checks and uploads.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what dialects and channels take, as a table.
    Limits,
    /// Look at a file or link as the gateway would before sending it.
    Check(Check),
    Upload(Upload),
    List(List),
    Remove(Remove),
}

/// Upload a file, so that messages can name it by its id.
#[derive(Debug, Args)]
struct Upload {
    /// The file.
    file: PathBuf,
    /// Whose it will be [default: the only account there is].
    #[arg(long)]
    account: Option<String>,
    /// Its type [default: told by its content].
    #[arg(long)]
    mime: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// List the uploads of an account.
#[derive(Debug, Args)]
struct List {
    /// Whose [default: the only account there is].
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    remote: Remote,
}

/// Remove an upload.
#[derive(Debug, Args)]
struct Remove {
    /// Its id.
    id: String,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
struct Check {
    /// An http or https link, or a file on this machine.
    target: String,
    /// The channel it would go out on.
    #[arg(long, default_value = "whatsapp")]
    channel: String,
    /// The API that the message would come in by.
    #[arg(long, default_value = "")]
    dialect: String,
    /// What it would be shown as: image, video, audio, document or sticker; else told by its name.
    #[arg(long)]
    kind: Option<String>,
    /// Address ranges that are allowed although they are private.
    #[arg(long)]
    allow: Vec<IpNet>,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<(), String> {
    match arguments.command {
        Command::Limits => {
            print!("{}", table());
            Ok(())
        }
        Command::Check(check) => check.run().await,
        Command::Upload(upload) => upload.run().await,
        Command::List(list) => list.run().await,
        Command::Remove(remove) => remove.run().await,
    }
}

/// The whole table, in Markdown.
fn table() -> String {
    let mut text =
        String::from("| dialects | channel | kind | bytes | types | also |\n|---|---|---|---|---|---|\n");
    for row in limits::rows() {
        text += &format!("{row}\n");
    }
    text
}

impl Upload {
    async fn run(self) -> Result<(), String> {
        let client = self.remote.client()?;
        let explain = |error: std::io::Error| format!("{}: {error}", self.file.display());
        let told = match self.mime {
            Some(mime) => Some(mime),
            None => {
                let facts = Facts::of(File::open(&self.file).map_err(explain)?, None).map_err(explain)?;
                facts.format.mime().map(str::to_owned)
            }
        };
        let account = match self.account {
            Some(account) => account,
            None => only_account(&client).await?,
        };
        let mut query = vec![("account", account)];
        let name = self.file.file_name().and_then(|name| name.to_str());
        query.extend(name.map(|name| ("filename", name.to_owned())));
        let mime = told.as_deref().unwrap_or("application/octet-stream");
        let file = File::open(&self.file).map_err(explain)?;
        client.show(client.upload("/media", &query, mime, file).await?, |view: MediaView| {
            say(&format!("uploaded {} ({}, {} bytes)", view.id, view.mime, view.bytes));
            if let Some(url) = view.url {
                say(&url);
            }
        })
    }
}

impl List {
    async fn run(self) -> Result<(), String> {
        let client = self.remote.client()?;
        let account = match self.account {
            Some(account) => account,
            None => only_account(&client).await?,
        };
        let mut query = self.paging.query();
        query.push(("account", account));
        client.show(client.look("/media", &query).await?, print_uploads)
    }
}

fn print_uploads(page: Page<MediaView>) {
    let row = |view: MediaView| {
        let (bytes, until) = (view.bytes.to_string(), view.expires_at.to_string());
        vec![view.id, view.mime, bytes, until, view.filename.unwrap_or_default()]
    };
    let rows: Vec<_> = page.items.into_iter().map(row).collect();
    columns(&["ID", "TYPE", "BYTES", "EXPIRES", "NAME"], &rows);
    say_more(page.next.as_deref());
}

impl Remove {
    async fn run(self) -> Result<(), String> {
        let client = self.remote.client()?;
        client.remove(&format!("/media/{}", segment(&self.id))).await?;
        let id = self.id;
        client.show(json!({ "removed": id }), |_: Value| say(&format!("removed {id}")))
    }
}

impl Check {
    async fn run(self) -> Result<(), String> {
        let channel: Channel = serde_json::from_value(self.channel.as_str().into())
            .map_err(|_| format!("there is no channel `{}`", self.channel))?;
        if !self.dialect.is_empty() && dialects::by_name(&self.dialect).is_none() {
            return Err(format!("there is no dialect `{}`", self.dialect));
        }
        let kind = match &self.kind {
            Some(word) => MediaKind::parse(word).ok_or_else(|| format!("there is no kind `{word}`"))?,
            None => kind_of(&self.target),
        };
        // Messangi follows no redirects.
        let extras = Extras { no_redirects: self.dialect == "messangi", ..Extras::default() };
        let purpose = Purpose::new(&self.dialect, channel, kind, &extras);
        let (facts, faults) = if self.target.starts_with("http://") || self.target.starts_with("https://") {
            self.look_at_link(&purpose).await?
        } else {
            look_at_file(Path::new(&self.target), &purpose)?
        };
        if let Some(facts) = facts {
            println!("{}", described(&facts));
        }
        if faults.is_empty() {
            println!("it passes as {} on {channel}", kind.as_str());
            return Ok(());
        }
        Err(format!("it does not pass as {} on {channel}: {}", kind.as_str(), faults.join("; ")))
    }

    async fn look_at_link(&self, purpose: &Purpose<'_>) -> Result<(Option<Facts>, Vec<String>), String> {
        install_crypto();
        let guard = Guard::new(Policy { allow: self.allow.clone(), ..Policy::default() });
        let fetcher = Fetcher::new(guard, Patience::default()).map_err(|error| error.to_string())?;
        let spool = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let checker = Checker::new(fetcher, check::Settings::new(spool.path().to_owned()));
        let checked = checker.check("", &self.target, purpose, CheckPolicy::Strict).await;
        let faults = match checked.verdict {
            Verdict::Ok => Vec::new(),
            Verdict::Violation(cause, text) => vec![format!("{text} ({cause})")],
            Verdict::Unverified(text) => vec![text.into_owned()],
        };
        Ok((checked.facts, faults))
    }
}

fn look_at_file(path: &Path, purpose: &Purpose<'_>) -> Result<(Option<Facts>, Vec<String>), String> {
    let explain = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut facts = Facts::of(File::open(path).map_err(explain)?, None).map_err(explain)?;
    // A file has no declared type; a server would declare what it is.
    facts.declared = facts.format.mime().map(str::to_owned);
    let violations = limits::judge(&facts, purpose);
    let faults = violations.iter().map(|violation| format!("{} ({})", violation.text, violation.cause));
    let faults = faults.collect();
    Ok((Some(facts), faults))
}

fn described(facts: &Facts) -> String {
    let mime = facts.declared.as_deref().unwrap_or("no type");
    let size = match facts.size {
        Size::Exactly(bytes) => format!("{bytes} bytes"),
        Size::MoreThan(bytes) => format!("more than {bytes} bytes"),
    };
    match &facts.format {
        Format::Unknown => format!("{mime}, {size}"),
        format => format!("{mime}, {size}, looks like {}", format.mime().unwrap_or("something else")),
    }
}

/// By the end of its name; documents take anything.
fn kind_of(target: &str) -> MediaKind {
    let name = target.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let extension = name.rsplit('.').next().unwrap_or_default();
    match extension {
        "jpg" | "jpeg" | "png" | "gif" => MediaKind::Image,
        "mp4" | "3gp" => MediaKind::Video,
        "aac" | "amr" | "mp3" | "m4a" | "ogg" | "opus" => MediaKind::Audio,
        "webp" => MediaKind::Sticker,
        _ => MediaKind::Document,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, channel: &str, kind: Option<&str>) -> Check {
        let kind = kind.map(str::to_owned);
        let allow = Vec::new();
        Check { target: target.into(), channel: channel.into(), dialect: String::new(), kind, allow }
    }

    #[test]
    fn the_table_has_a_line_for_every_row() {
        assert_eq!(table().lines().count(), limits::rows().len() + 2);
    }

    #[tokio::test]
    async fn files_pass_or_the_reason_is_told() {
        let sample = |name: &str| format!("{}/../sandbox/samples/sample.{name}", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(check(&sample("jpg"), "whatsapp", None).run().await, Ok(()));
        assert_eq!(check(&sample("webp"), "whatsapp", None).run().await, Ok(()));
        let fault =
            check(&sample("pdf"), "whatsapp", Some("image")).run().await.expect_err("it is no picture");
        assert!(fault.contains("application/pdf") && fault.contains("media_unsupported"), "{fault}");
        assert!(check(&sample("jpg"), "pigeon", None).run().await.is_err());
    }

    #[tokio::test]
    async fn links_to_the_inside_do_not_pass() {
        let fault =
            check("http://169.254.169.254/a.jpg", "whatsapp", None).run().await.expect_err("is forbidden");
        assert!(fault.contains("media_unreachable"), "{fault}");
    }
}
