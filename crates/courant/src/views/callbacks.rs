//! Callbacks as people see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{CallbackStanding, StoredCallback};
use url::Url;

use super::Moment;
use crate::callbacks::tries;

/// A report pushed (or to be pushed) to a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallbackView {
    /// Its id; later ones have higher ids.
    pub id: i64,
    /// The message it is about; none for messages from people.
    pub message: Option<String>,
    /// Whose.
    pub account: String,
    /// Dialect it speaks.
    pub dialect: String,
    /// Where it goes, without user information and query, which may hold secrets.
    pub url: String,
    /// What it tells: `delivered`, `read`.
    pub about: String,
    /// `pending`, `done` or `parked`.
    pub standing: String,
    /// How often it was tried since it was made or replayed.
    pub tries: u32,
    /// What came of the last try, in words.
    pub last_result: Option<String>,
    /// What came of each try, oldest first, at most the last 20.
    pub attempts: Vec<TryView>,
    /// When it was called for.
    pub created_at: Moment,
    /// When it is due (pending), or was finished.
    pub due_at: Moment,
}

/// One try of a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TryView {
    /// When.
    pub at: Moment,
    /// What came of it, in words.
    pub result: String,
}

/// A stored callback as people see it.
#[must_use]
pub fn callback(stored: &StoredCallback) -> CallbackView {
    let tried = tries::read(stored.last_result.as_deref().unwrap_or_default());
    CallbackView {
        id: stored.id,
        message: stored.message.map(|id| id.to_string()),
        account: stored.account.to_string(),
        dialect: stored.dialect.clone(),
        url: shown_url(&stored.url),
        about: stored.about.clone(),
        standing: standing(stored.standing).to_owned(),
        tries: stored.tries,
        last_result: tried.last().map(|last| last.result.clone()),
        attempts: tried
            .into_iter()
            .map(|one| TryView { at: one.at.unwrap_or(stored.due_at).into(), result: one.result })
            .collect(),
        created_at: stored.created_at.into(),
        due_at: stored.due_at.into(),
    }
}

/// The word for a standing.
pub(super) const fn standing(standing: CallbackStanding) -> &'static str {
    match standing {
        CallbackStanding::Pending => "pending",
        CallbackStanding::Done => "done",
        CallbackStanding::Parked => "parked",
    }
}

/// An address without what may be secret.
fn shown_url(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "(not an address)".to_owned() };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.query().is_some() {
        url.set_query(Some("…"));
    }
    url.set_fragment(None);
    url.to_string().replace("%E2%80%A6", "…")
}
