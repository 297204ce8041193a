//! `courant scenarios`: the stored scenarios of an account of a running Courant.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    client::{Client, Remote, say, segment, table},
    messages::read_body,
    paging::{Paging, say_more},
};
use crate::{admin::Page, views::ScenarioView};

/// Scenarios: list, show, write, remove.
#[derive(Debug, Subcommand)]
pub(super) enum Scenarios {
    /// List the scenarios of an account.
    List {
        /// Whose.
        account: String,
        #[command(flatten)]
        paging: Paging,
        #[command(flatten)]
        remote: Remote,
    },
    /// Show a scenario.
    Show(Which),
    /// Write a scenario: a new one, or in place of the one of a key.
    Put(Put),
    /// Remove a scenario that was written; requests that name it will be refused, unless one of this key stands in
    /// the configuration.
    Remove(Which),
}

/// Which scenario.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Whose it is.
    account: String,
    /// Its key.
    key: String,
    #[command(flatten)]
    remote: Remote,
}

/// What to write.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  echo '{\"name\": \"WhatsApp, then SMS\", \"flow\": [{\"channel\": \"whatsapp\"}, {\"channel\": \"sms\"}]}' |\n      courant scenarios put shop -"
)]
pub(super) struct Put {
    /// Whose it will be.
    account: String,
    /// A file with JSON, as `courant scenarios show ACCOUNT KEY --json` prints it (`-`: standard input).
    file: PathBuf,
    /// The key of the one to be replaced [default: a new one is made].
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn run(command: Scenarios) -> Result<(), String> {
    match command {
        Scenarios::List { account, paging, remote } => {
            let client = remote.client()?;
            client.show(client.look(&path(&account), &paging.query()).await?, print_all)
        }
        Scenarios::Show(Which { account, key, remote }) => {
            let client = remote.client()?;
            client.show(client.look(&one(&account, &key), &[]).await?, |view: ScenarioView| print(&view))
        }
        Scenarios::Put(arguments) => put(&arguments.remote.client()?, &arguments).await,
        Scenarios::Remove(Which { account, key, remote }) => {
            let client = remote.client()?;
            client.remove(&one(&account, &key)).await?;
            client.show(json!({ "removed": key }), |_: Value| say(&format!("removed {key}")))
        }
    }
}

fn path(account: &str) -> String {
    format!("/accounts/{}/scenarios", segment(account))
}

fn one(account: &str, key: &str) -> String {
    format!("{}/{}", path(account), segment(key))
}

async fn put(client: &Client, arguments: &Put) -> Result<(), String> {
    let mut body = read_body(&arguments.file)?;
    // What is told of one and is not for writing: so that one that was shown can be put.
    if let Some(members) = body.as_object_mut() {
        members.retain(|name, _| !matches!(name.as_str(), "key" | "configured"));
    }
    let path = match &arguments.key {
        Some(key) => one(&arguments.account, key),
        None => path(&arguments.account),
    };
    client.show(client.act(&path, Some(&body), None).await?, |view: ScenarioView| print(&view))
}

fn flow(view: &ScenarioView) -> String {
    let steps: Vec<&str> = view.flow.iter().map(|step| step.channel.0.as_str()).collect();
    steps.join(" → ")
}

fn print_all(page: Page<ScenarioView>) {
    let row = |view: &ScenarioView| {
        let default = if view.default { "default" } else { "" };
        vec![view.key.clone(), view.name.clone().unwrap_or_default(), flow(view), default.to_owned()]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    table(&["KEY", "NAME", "FLOW", ""], &rows);
    say_more(page.next.as_deref());
}

fn print(view: &ScenarioView) {
    let default = if view.default { " (default)" } else { "" };
    say(&format!("key       {}{default}", view.key));
    if let Some(name) = &view.name {
        say(&format!("name      {name}"));
    }
    for (index, step) in view.flow.iter().enumerate() {
        let sender = step.sender.as_deref().unwrap_or("-");
        say(&format!("  {} {:10} {sender}", index + 1, step.channel.0.as_str()));
    }
}
