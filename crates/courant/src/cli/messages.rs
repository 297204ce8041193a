//! `courant send`, `status`, `cancel`, `resend`, `messages` and `export`.

use std::{io::Read as _, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{
    client::{Client, Remote, say, segment, table},
    paging::{Paging, say_more},
    watch,
};
use crate::{
    admin::{Page, Sent},
    views::{AccountView, MessageRow, MessageView, TimelineEntry},
};

/// Send a message over one or several channels, one after the other until it arrives.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  courant send --to +15550100001 --channel whatsapp --channel sms \\\n      --text 'Your parcel is here' --patience-ms 60000 --wait"
)]
pub(super) struct Send {
    /// The account that sends [default: the only one there is].
    #[arg(long)]
    account: Option<String>,
    /// The recipient's number in international form.
    #[arg(long, required_unless_present = "body")]
    to: Option<String>,
    /// A step's channel; repeat it for a cascade.
    #[arg(long = "channel", default_value = "sms")]
    channels: Vec<String>,
    /// The text; with --media the caption.
    #[arg(long)]
    text: Option<String>,
    /// Media for all channels but SMS: `image=https://…`, `video=…`, `audio=…`, `document=…`; an
    /// upload by its id.
    #[arg(long, value_name = "KIND=URL")]
    media: Option<String>,
    /// A template for WhatsApp: `NAME` or `NAME:LANGUAGE`.
    #[arg(long, conflicts_with = "media")]
    template: Option<String>,
    /// Sender for all steps [default: the account's for the channel].
    #[arg(long)]
    sender: Option<String>,
    /// How long each step may take before the next one begins.
    #[arg(long)]
    patience_ms: Option<u64>,
    /// one_time, notice or marketing.
    #[arg(long)]
    priority: Option<String>,
    /// When it shall leave: 2026-01-31T08:00:00Z.
    #[arg(long)]
    send_at: Option<String>,
    /// Your own id for it.
    #[arg(long)]
    client_ref: Option<String>,
    /// Sends once for each key, however often it is called.
    #[arg(long)]
    idempotency_key: Option<String>,
    /// The whole message as the API takes it, from a file (`-`: standard input).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "text", "media", "template"])]
    body: Option<PathBuf>,
    /// Show what happens until it is settled.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn send(arguments: Send) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let body = match &arguments.body {
        Some(path) => read_body(path)?,
        None => {
            let account = match &arguments.account {
                Some(account) => account.clone(),
                None => only_account(&client).await?,
            };
            compose(&arguments, &account)?
        }
    };
    let answer = client.act("/messages", Some(&body), arguments.idempotency_key.as_deref()).await?;
    let id = answer["id"].as_str().unwrap_or_default().to_owned();
    client.show(answer, |sent: Sent| say(&format!("accepted {}", sent.id)))?;
    if arguments.wait { watch::follow(&client, &id).await } else { Ok(()) }
}

/// JSON of a file, or of standard input (`-`).
pub(super) fn read_body(path: &std::path::Path) -> Result<Value, String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    } else {
        text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The account to act for, where none is named and there is only one.
pub(super) async fn only_account(client: &Client) -> Result<String, String> {
    let accounts: Page<AccountView> = serde_json::from_value(client.look("/accounts", &[]).await?)
        .map_err(|error| format!("the accounts cannot be read: {error}"))?;
    match accounts.items.as_slice() {
        [account] => Ok(account.name.clone()),
        accounts => {
            let names: Vec<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
            Err(format!("say which account: --account {}", names.join(" or ")))
        }
    }
}

fn compose(arguments: &Send, account: &str) -> Result<Value, String> {
    let steps: Result<Vec<Value>, String> =
        arguments.channels.iter().map(|channel| step(arguments, channel)).collect();
    let mut body = json!({ "account": account, "to": arguments.to, "steps": steps? });
    let optional = [
        ("priority", &arguments.priority),
        ("send_at", &arguments.send_at),
        ("client_ref", &arguments.client_ref),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = value.as_str().into();
        }
    }
    Ok(body)
}

fn step(arguments: &Send, channel: &str) -> Result<Value, String> {
    let mut step = json!({ "channel": channel });
    if let Some(sender) = &arguments.sender {
        step["sender"] = sender.as_str().into();
    }
    if let Some(patience) = arguments.patience_ms {
        step["patience_ms"] = patience.into();
    }
    match (&arguments.media, &arguments.template) {
        (Some(media), _) if channel != "sms" => {
            let (kind, url) = media.split_once('=').ok_or("--media takes KIND=URL: image=https://…")?;
            let source = if url.contains("://") { "url" } else { "id" };
            step["media"] = json!({ "kind": kind, source: url });
            if let Some(caption) = &arguments.text {
                step["media"]["caption"] = caption.as_str().into();
            }
        }
        (_, Some(template)) if channel == "whatsapp" => {
            let (name, language) = template.split_once(':').unwrap_or((template, "en"));
            step["template"] = json!({ "name": name, "language": language });
        }
        (_, _) => {
            let text = arguments.text.as_ref();
            let text =
                text.ok_or_else(|| format!("the step over {channel} has nothing to say: give --text"))?;
            step["text"] = text.as_str().into();
        }
    }
    Ok(step)
}

/// Show everything about a message: its ids, its plan, what happened and why, what is next.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Any id: ours in any spelling, the caller's, a network's, a number.
    id: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn status(arguments: Status) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let found = client.look("/find", &[("text", arguments.id.clone())]).await?;
    let page: Page<MessageRow> = serde_json::from_value(found.clone())
        .map_err(|error| format!("the server speaks another version of the API: {error}"))?;
    match page.items.as_slice() {
        [] => Err("no message has this id; it may have been removed after its retention".to_owned()),
        [row] => {
            let answer = client.look(&format!("/messages/{}", segment(&row.id)), &[]).await?;
            client.show(answer, |view: MessageView| print(&view))
        }
        _ => client.show(found, |page: Page<MessageRow>| rows(&page.items)),
    }
}

/// Stop a message that is not settled.
#[derive(Debug, Args)]
pub(super) struct Cancel {
    /// Any id: ours in any spelling, the caller's, a network's, a number.
    id: String,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn cancel(arguments: Cancel) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let answer = client.act_plainly(&format!("/messages/{}/cancel", segment(&arguments.id))).await?;
    client.show(answer, |view: MessageView| say(&format!("{}: {}", view.row.id, view.summary)))
}

/// Send a new message with the recipient, plan and contents of an earlier one.
#[derive(Debug, Args)]
pub(super) struct Resend {
    /// Any id of the earlier one: ours in any spelling, the caller's, a network's, a number.
    id: String,
    /// Sends once for each key, however often it is called.
    #[arg(long)]
    idempotency_key: Option<String>,
    /// Show what happens until it is settled.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn resend(arguments: Resend) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let path = format!("/messages/{}/resend", segment(&arguments.id));
    let answer = client.act(&path, None::<&Value>, arguments.idempotency_key.as_deref()).await?;
    let id = answer["id"].as_str().unwrap_or_default().to_owned();
    client.show(answer, |sent: Sent| say(&format!("accepted {}", sent.id)))?;
    if arguments.wait { watch::follow(&client, &id).await } else { Ok(()) }
}

fn print(view: &MessageView) {
    let row = &view.row;
    say(&format!("message   {}\nstatus    {}", row.id, view.summary));
    say(&format!("account   {} (by {})\nto        {}", row.account, row.dialect, row.to));
    if let Some(client) = &view.ids.client {
        say(&format!("client id {client}"));
    }
    for network in &view.ids.networks {
        say(&format!("network   {} {} (step {})", network.route, network.id, network.step));
    }
    say("\nplan");
    for step in &view.plan {
        let cause = step.cause_text.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
        let sender = step.sender.as_deref().unwrap_or("-");
        say(&format!("  {} {:10} {sender:16} {}{cause}", step.step, step.channel, step.status));
    }
    say("\nwhat happened");
    view.timeline.iter().for_each(entry);
    for callback in &view.callbacks {
        let result = callback.last_result.as_deref().unwrap_or("not tried yet");
        say(&format!("callback  {} to {}: {}, {result}", callback.about, callback.url, callback.standing));
    }
    if let Some(next) = &view.next {
        say(&format!("\nnext      {} (at the latest {})", next.what, next.at));
    }
}

/// Prints an entry of a history with its decisions.
pub(super) fn entry(entry: &TimelineEntry) {
    let network = entry.network.as_ref();
    let network = network.map(|network| format!(" [{} {}]", network.code, network.text)).unwrap_or_default();
    say(&format!("  {:9.3}  {}{}", entry.since_ms as f64 / 1000.0, entry.what, network.trim_end()));
    for decision in entry.decisions.iter().filter_map(|decision| decision.what.as_ref()) {
        say(&format!("             → {decision}"));
    }
}

fn rows(items: &[MessageRow]) {
    let cells = |row: &MessageRow| {
        let status =
            row.cause.as_ref().map_or_else(|| row.status.clone(), |cause| format!("{}: {cause}", row.status));
        vec![
            row.id.clone(),
            row.accepted_at.to_string(),
            row.account.clone(),
            row.to.clone(),
            row.channel.clone(),
            status,
        ]
    };
    let rows: Vec<Vec<String>> = items.iter().map(cells).collect();
    table(&["ID", "ACCEPTED", "ACCOUNT", "TO", "CHANNEL", "STATUS"], &rows);
}

/// Which messages.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct Filters {
    /// Only those that this may mean: our id in any spelling, the caller's, a network's, a number.
    #[arg(long)]
    id: Option<String>,
    /// Only of this account.
    #[arg(long)]
    account: Option<String>,
    /// Only those that came in by this dialect.
    #[arg(long)]
    dialect: Option<String>,
    /// Only those decided by this channel.
    #[arg(long)]
    channel: Option<String>,
    /// Only in this status.
    #[arg(long)]
    status: Option<String>,
    /// Only those that failed for this cause.
    #[arg(long)]
    cause: Option<String>,
    /// Only to this number.
    #[arg(long)]
    number: Option<String>,
    /// Only of this submission.
    #[arg(long)]
    batch: Option<String>,
    /// Only with this bulk id of the caller.
    #[arg(long)]
    bulk: Option<String>,
    /// Only accepted at or after: 2026-01-31T08:00:00Z.
    #[arg(long)]
    since: Option<String>,
    /// Only accepted before.
    #[arg(long)]
    until: Option<String>,
    /// Only settled (true) or unsettled (false) ones.
    #[arg(long)]
    settled: Option<bool>,
}

impl Filters {
    fn query(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("id", self.id.clone()),
            ("account", self.account.clone()),
            ("dialect", self.dialect.clone()),
            ("channel", self.channel.clone()),
            ("status", self.status.clone()),
            ("cause", self.cause.clone()),
            ("number", self.number.clone()),
            ("batch", self.batch.clone()),
            ("bulk", self.bulk.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
            ("settled", self.settled.map(|settled| settled.to_string())),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// List messages, newest first.
#[derive(Debug, Args)]
pub(super) struct Messages {
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn list(arguments: Messages) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let (filters, mut paging) = (arguments.filters.query(), arguments.paging);
    let answer = loop {
        let query = [filters.clone(), paging.query()].concat();
        let answer = client.look("/messages", &query).await?;
        // Looking for what is rare stops in between; whoever asked wants to see something.
        match answer["next"].as_str() {
            Some(next) if answer["items"].as_array().is_some_and(Vec::is_empty) => {
                paging.after = Some(next.to_owned());
            }
            Some(_) | None => break answer,
        }
    };
    client.show(answer, |page: Page<MessageRow>| {
        rows(&page.items);
        say_more(page.next.as_deref());
    })
}

/// Write messages to standard output, one JSON object per line, or as CSV.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    filters: Filters,
    /// CSV instead of JSON Lines.
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn export(arguments: Export) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let mut query = arguments.filters.query();
    query.push(("limit", "500".to_owned()));
    let mut after: Option<String> = None;
    let mut csv = arguments.csv.then(|| csv::Writer::from_writer(std::io::stdout()));
    loop {
        let mut page_query = query.clone();
        page_query.extend(after.take().map(|after| ("after", after)));
        let answer = client.look("/messages", &page_query).await?;
        let page: Page<MessageRow> = serde_json::from_value(answer)
            .map_err(|error| format!("the server speaks another version of the API: {error}"))?;
        for row in &page.items {
            match &mut csv {
                Some(csv) => csv.serialize(row).map_err(|error| error.to_string())?,
                None => say(&serde_json::to_string(row).unwrap_or_default()),
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    match csv {
        Some(mut csv) => csv.flush().map_err(|error| error.to_string()),
        None => Ok(()),
    }
}
