//! `courant watch`: what happens, as it happens.

use std::time::Duration;

use clap::Args;
use reqwest::Response;

use super::{
    client::{Client, Remote, say, segment},
    messages::entry,
};
use crate::{
    admin::EventView,
    views::{MessageView, TimelineEntry},
};

/// Longest event that is read.
const MAX_EVENT: usize = 1024 * 1024;
/// Pause before a broken stream is opened again.
const PAUSE: Duration = Duration::from_millis(500);
/// Most tries to open a broken stream again.
const TRIES: u32 = 120;

/// Show what happens to messages as it happens; of one message, until it is settled.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Any id of the message; all messages if not given.
    id: Option<String>,
    /// Only of this account.
    #[arg(long)]
    account: Option<String>,
    /// Begin after this event's id, `0-0` for all there are.
    #[arg(long)]
    after: Option<String>,
    /// End after this many events.
    #[arg(long)]
    count: Option<usize>,
    #[command(flatten)]
    remote: Remote,
}

pub(super) async fn run(arguments: Watch) -> Result<(), String> {
    let client = arguments.remote.client()?;
    if let Some(id) = &arguments.id {
        return follow(&client, id).await;
    }
    let query: Vec<_> = arguments.account.iter().map(|account| ("account", account.clone())).collect();
    let mut events = Events::open(&client, query, arguments.after.clone()).await?;
    let mut left = arguments.count.unwrap_or(usize::MAX);
    while left > 0 {
        let Some(event) = events.next().await? else { return Ok(()) };
        print(&client, &event);
        left -= 1;
    }
    Ok(())
}

fn print(client: &Client, event: &EventView) {
    if client.json {
        say(&serde_json::to_string(event).unwrap_or_default());
        return;
    }
    say(&format!("{} {} {} {}", event.entry.at, event.message, event.account, event.to));
    entry(&event.entry);
}

/// Prints what happened to a message and what happens until it is settled.
pub(super) async fn follow(client: &Client, id: &str) -> Result<(), String> {
    // The stream is opened first, so that nothing falls between it and what is read.
    let mut events = Events::open(client, vec![("message", id.to_owned())], None).await?;
    let path = format!("/messages/{}", segment(id));
    let view: MessageView = serde_json::from_value(client.look(&path, &[]).await?)
        .map_err(|error| format!("the server speaks another version of the API: {error}"))?;
    for known in &view.timeline {
        print_entry(client, &view.row.id, known);
    }
    let mut settled = view.row.settled;
    while !settled {
        let Some(event) = events.next().await? else { return Ok(()) };
        if !view.timeline.contains(&event.entry) {
            print_entry(client, &event.message, &event.entry);
        }
        settled = event.entry.decisions.iter().any(|decision| decision.kind == "settled");
    }
    Ok(())
}

fn print_entry(client: &Client, message: &str, known: &TimelineEntry) {
    if client.json {
        say(&serde_json::json!({ "message": message, "entry": known }).to_string());
    } else {
        entry(known);
    }
}

/// A stream that is opened again where it broke.
struct Events<'a> {
    client: &'a Client,
    query: Vec<(&'static str, String)>,
    after: Option<String>,
    response: Response,
    buffer: Vec<u8>,
}

impl<'a> Events<'a> {
    async fn open(
        client: &'a Client,
        query: Vec<(&'static str, String)>,
        after: Option<String>,
    ) -> Result<Self, String> {
        let response = client.stream(&query, after.as_deref()).await?;
        Ok(Self { client, query, after, response, buffer: Vec::new() })
    }

    async fn next(&mut self) -> Result<Option<EventView>, String> {
        loop {
            if let Some(event) = self.take()? {
                self.after = Some(event.cursor.clone());
                return Ok(Some(event));
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) if self.buffer.len() + bytes.len() <= MAX_EVENT => {
                    self.buffer.extend_from_slice(&bytes);
                }
                Ok(Some(_)) => return Err("an event is larger than any can be".to_owned()),
                Ok(None) | Err(_) => self.reopen().await?,
            }
        }
    }

    /// The next whole event in the buffer; comments are passed over.
    fn take(&mut self) -> Result<Option<EventView>, String> {
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block).into_owned();
            if let Some(data) = block.lines().find_map(|line| line.strip_prefix("data: ")) {
                return serde_json::from_str(data)
                    .map(Some)
                    .map_err(|error| format!("the server speaks another version of the API: {error}"));
            }
        }
        Ok(None)
    }

    async fn reopen(&mut self) -> Result<(), String> {
        self.buffer.clear();
        let mut tries = 0;
        loop {
            tokio::time::sleep(PAUSE).await;
            match self.client.stream(&self.query, self.after.as_deref()).await {
                Ok(response) => {
                    self.response = response;
                    return Ok(());
                }
                Err(error) if tries >= TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        }
    }
}
