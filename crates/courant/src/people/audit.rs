//! Who did what, when: one document of the store per action, kept for a year and bounded.

use std::fmt;

use model::{Refusal, Span, Time};
use serde::{Deserialize, Serialize};
use store::{Change, Document};

use crate::{
    clock,
    core::Core,
    desk::{accept::nobody, scenarios::refuse},
};

const KIND: &str = "audit";
/// How long an entry is kept.
const KEEP: Span = Span::from_hours(365 * 24);
/// Expired entries removed with each new one, at most.
const REMOVED_AT_ONCE: usize = 20;
/// Longest subject and detail, in characters.
const MAX_TEXT: usize = 200;

/// One action of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// Who.
    pub who: String,
    /// What was done, a word or two: `cancelled`, `signed in`.
    pub action: String,
    /// To what: a message's id, a person's name.
    pub subject: String,
    /// More, in words for people, without content and numbers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Writes down that somebody did something. Never fails what was done: if the store cannot take
/// it, the log has it.
pub async fn note(core: &Core, who: &str, action: &str, subject: impl fmt::Display, detail: &str) {
    let now = clock::now();
    let entry = Entry {
        at: now,
        who: who.to_owned(),
        action: action.to_owned(),
        subject: shortened(&subject.to_string()),
        detail: shortened(detail),
    };
    tracing::info!(who, action, "a person acted");
    let json = serde_json::to_string(&entry).expect("our own types serialise");
    let key = format!("{}-{:08x}", newest_first(now), clock::random() as u32);
    let document = Document { account: nobody(), kind: KIND, key, json, version: 0 };
    let mut changes = vec![Change::PutDocument(document)];
    changes.extend(expired(core, now).await);
    if let Err(error) = core.store.commit(changes).await {
        tracing::error!(%error, who, action, "an action of a person was not written down");
    }
}

/// Entries, newest first, after the given key; with their keys.
///
/// # Errors
/// If the store cannot answer.
pub async fn list(core: &Core, after: String, limit: usize) -> Result<Vec<(String, Entry)>, Refusal> {
    let documents = core.store.documents(nobody(), KIND, after, limit).await.map_err(refuse)?;
    let entry = |document: Document| Some((document.key, serde_json::from_str(&document.json).ok()?));
    Ok(documents.into_iter().filter_map(entry).collect())
}

async fn expired(core: &Core, now: Time) -> Vec<Change> {
    let after = newest_first(now - KEEP);
    let old = core.store.documents(nobody(), KIND, after, REMOVED_AT_ONCE).await.unwrap_or_default();
    let remove =
        |document: Document| Change::RemoveDocument { account: nobody(), kind: KIND, key: document.key };
    old.into_iter().map(remove).collect()
}

/// Documents are listed by key, so that the key counts down.
fn newest_first(at: Time) -> String {
    format!("{:020}", i64::MAX - at.as_micros())
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_entries_come_first_in_the_order_of_keys() {
        assert!(newest_first(Time::from_secs(2)) < newest_first(Time::from_secs(1)));
        assert_eq!(newest_first(Time(0)).len(), newest_first(Time::from_secs(4_000_000_000)).len());
    }
}
