//! Callbacks that were given up: shown, and sent again.

use model::AccountName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::StoredCallback;

use super::{
    ask::{Ask, Whole},
    messages::Page,
    problem::Problem,
};
use crate::{
    core::Core,
    operate,
    views::{self, Reach},
};

/// Most callbacks replayed by one request.
const MOST: usize = 10_000;
/// Callbacks read at a time.
const PAGE: usize = 1000;

/// Which callbacks to send again: those named, or all of an account or to an address, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = super::send::has_any_of(&["ids", "account", "url_prefix"])))]
pub(super) struct Replay {
    /// By id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10000))]
    ids: Option<Vec<i64>>,
    /// Of this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    account: Option<String>,
    /// Whose address begins like this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    url_prefix: Option<String>,
}

/// What was set going.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct Replayed {
    /// How many.
    replayed: usize,
    /// Whether there are more than are taken at once; ask again.
    more: bool,
}

pub(super) async fn list(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let after = match ask.text("after") {
        None => 0,
        Some(text) => text.parse().map_err(|_| Problem::invalid("`after` is not a cursor"))?,
    };
    let (account, limit) = (ask.text("account").map(AccountName::from), ask.limit());
    let mut parked = Vec::new();
    for account in ask.reach().narrowed(account.as_ref()) {
        parked.extend(ask.core().store.callbacks_parked(account, after, limit).await?);
    }
    parked.sort_by_key(|callback| callback.id);
    parked.truncate(limit);
    let next = parked.last().filter(|_| parked.len() == limit).map(|last| last.id.to_string());
    Ok(ask.json(&Page { items: parked.iter().map(views::callback).collect(), next }))
}

pub(super) async fn replay(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let wanted: Replay = ask.body()?;
    let too_long = |text: &Option<String>, most| {
        text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > most)
    };
    if too_long(&wanted.account, 200) || too_long(&wanted.url_prefix, 2048) {
        return Err(Problem::invalid("`account` has 1 to 200, `url_prefix` 1 to 2048 characters"));
    }
    if wanted == Replay::default() {
        return Err(Problem::invalid("name callbacks by `ids`, `account` or `url_prefix`"));
    }
    if wanted.ids.as_ref().is_some_and(|ids| ids.is_empty() || ids.len() > MOST) {
        return Err(Problem::invalid(format!("`ids` has 1 to {MOST} entries")));
    }
    let (ids, more) = chosen(ask, &wanted).await?;
    let replayed = ids.len();
    let of = match (&wanted.account, ask.reach()) {
        (Some(account), _) => account.clone(),
        (None, Reach::All) => "all accounts".to_owned(),
        (None, reach @ Reach::Only(_)) => reach.names().join(", "),
    };
    operate::replay_callbacks(ask.core(), ask.hand(), ids, of).await?;
    Ok(ask.json(&Replayed { replayed, more }))
}

async fn chosen(ask: &Ask<'_>, wanted: &Replay) -> Result<(Vec<i64>, bool), Problem> {
    let account = wanted.account.as_deref().map(AccountName::from);
    let mut ids = Vec::new();
    for account in ask.reach().narrowed(account.as_ref()) {
        gather(ask.core(), account, wanted, &mut ids).await?;
        if ids.len() > MOST {
            ids.truncate(MOST);
            return Ok((ids, true));
        }
    }
    Ok((ids, false))
}

/// Adds those that fit, until there are too many.
async fn gather(
    core: &Core,
    account: Option<AccountName>,
    wanted: &Replay,
    ids: &mut Vec<i64>,
) -> Result<(), Problem> {
    let mut after = 0;
    loop {
        let page = core.store.callbacks_parked(account.clone(), after, PAGE).await?;
        ids.extend(page.iter().filter(|callback| fits(callback, wanted)).map(|callback| callback.id));
        match page.last() {
            Some(last) if page.len() == PAGE && ids.len() <= MOST => after = last.id,
            Some(_) | None => return Ok(()),
        }
    }
}

fn fits(callback: &StoredCallback, wanted: &Replay) -> bool {
    wanted.ids.as_ref().is_none_or(|ids| ids.contains(&callback.id))
        && wanted.url_prefix.as_ref().is_none_or(|prefix| callback.url.starts_with(prefix.as_str()))
}
