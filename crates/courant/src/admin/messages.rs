//! Lists, finds, shows and stops messages.

use model::{BatchId, Cause, Channel, MessageId, Phone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Listed, Record, Search, StoreError};

use super::{
    ask::{Ask, Whole},
    problem::Problem,
};
use crate::{
    operate,
    views::{self, Moment},
};

/// Most pages of the store's that are looked through for one of those within reach.
const MOST_PAGES: usize = 8;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// Its entries.
    pub items: Vec<T>,
    /// Where to go on (`after`); none if this is the last page. A page may have fewer entries than
    /// asked for, even none, and yet not be the last: looking for what is rare stops in between.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A list that is whole.
    pub(super) const fn all(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

pub(super) async fn list(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (filter, limit) = (filter(ask)?, ask.limit());
    let before = match ask.text("after") {
        None => None,
        Some(text) => {
            Some(MessageId::parse(text).ok_or_else(|| Problem::invalid("`after` is not a cursor"))?)
        }
    };
    let page = match ask.text("id") {
        Some(id) => found(ask, id, &filter, before, limit).await?,
        None => page(ask, filter, before, limit).await?,
    };
    let next = page.next.map(|id| id.to_string());
    let items = page.records.iter().map(|record| views::row(ask.core(), record, ask.sight())).collect();
    Ok(ask.json(&Page { items, next }))
}

/// A page of those within reach. What is not is passed over, for a bounded number of pages of the
/// store's; the cursor may then be that of a message passed over.
async fn page(
    ask: &Ask<'_>,
    filter: Search,
    before: Option<MessageId>,
    limit: usize,
) -> Result<Listed, StoreError> {
    let store = &ask.core().store;
    let searches = match ask.reach().narrowed(filter.account.as_ref()).as_slice() {
        [] => return Ok(Listed::default()),
        [account] => return store.page(Search { account: account.clone(), ..filter }, before, limit).await,
        [_, ..] => MOST_PAGES,
    };
    let mut listed = Listed { records: Vec::new(), next: before };
    for _ in 0..searches {
        let page = store.page(filter.clone(), listed.next, limit).await?;
        listed.next = page.next;
        let covered = page.records.into_iter().filter(|record| ask.reach().covers(&record.message.account));
        listed.records.extend(covered);
        if listed.records.len() >= limit || listed.next.is_none() {
            break;
        }
    }
    if listed.records.len() > limit {
        listed.records.truncate(limit);
        listed.next = listed.records.last().map(|record| record.message.id);
    }
    Ok(listed)
}

/// A page of those that an id may mean. They are few: all are looked at for each page.
async fn found(
    ask: &Ask<'_>,
    id: &str,
    filter: &Search,
    before: Option<MessageId>,
    limit: usize,
) -> Result<Listed, StoreError> {
    let core = ask.core();
    let ids = views::find(core, id, ask.reach()).await?;
    let records = core.store.load(ids).await?;
    let fits = |record: &Record| {
        before.is_none_or(|before| record.message.id < before) && views::fits(core, record, filter)
    };
    let mut records: Vec<Record> = records.into_iter().flatten().filter(fits).collect();
    records.sort_by_key(|record| std::cmp::Reverse(record.message.id));
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| more).map(|record| record.message.id);
    Ok(Listed { records, next })
}

fn filter(ask: &Ask<'_>) -> Result<Search, Problem> {
    let batch = match ask.text("batch") {
        None => None,
        Some(text) => Some(
            BatchId::parse(text).ok_or_else(|| Problem::invalid("`batch` takes 32 hex digits or a UUID"))?,
        ),
    };
    let instant = |name| ask.text(name).and_then(Moment::parse).map(|moment| moment.0);
    let address =
        |text: &str| Phone::parse(text).map_or_else(|| text.to_owned(), |phone| phone.digits().to_owned());
    Ok(Search {
        account: ask.text("account").map(Into::into),
        dialect: ask.text("dialect").map(str::to_owned),
        channel: ask.text("channel").and_then(Channel::parse),
        status: ask.text("status").map(str::to_owned),
        cause: ask
            .text("cause")
            .and_then(|word| Cause::ALL.iter().copied().find(|cause| cause.as_str() == word)),
        recipient: ask.text("number").map(address),
        bulk: ask.text("bulk").map(str::to_owned),
        batch,
        since: instant("since"),
        until: instant("until"),
        settled: ask.text("settled").map(|word| word == "true"),
    })
}

pub(super) async fn find(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let ids = views::find(ask.core(), ask.text("text").unwrap_or_default(), ask.reach()).await?;
    let records = ask.core().store.load(ids).await?;
    let rows = records.iter().flatten().map(|record| views::row(ask.core(), record, ask.sight()));
    Ok(ask.json(&Page::all(rows.collect())))
}

/// The one message that an id means.
pub(super) async fn identify(ask: &Ask<'_>, text: &str) -> Result<MessageId, Problem> {
    match views::find(ask.core(), text, ask.reach()).await?.as_slice() {
        [id] => Ok(*id),
        [] => Err(Problem::missing("no message has this id; it may have been removed after its retention")),
        several => Err(Problem::conflict(format!(
            "{} messages have this id; /api/v1/find?text= lists them",
            several.len()
        ))),
    }
}

/// The message that the path names.
pub(super) async fn named(ask: &Ask<'_>) -> Result<Record, Problem> {
    let id = identify(ask, ask.path("id")).await?;
    let record = ask.core().store.load(vec![id]).await?.pop().flatten();
    record.ok_or_else(|| Problem::missing("the message was removed just now"))
}

pub(super) async fn read(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let id = identify(ask, ask.path("id")).await?;
    show(ask, id).await
}

async fn show(ask: &Ask<'_>, id: MessageId) -> Result<Whole, Problem> {
    let view = views::message_of(ask.core(), id, ask.sight()).await?;
    let view = view.ok_or_else(|| Problem::missing("the message was removed just now"))?;
    Ok(ask.json(&view))
}

pub(super) async fn history(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let record = named(ask).await?;
    let history = ask.core().store.history(record.message.id).await?;
    let entries = history.iter().map(|entry| views::entry(&record, entry, ask.sight()));
    Ok(ask.json(&Page::all(entries.collect())))
}

pub(super) async fn cancel(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let record = named(ask).await?;
    operate::cancel(ask.core(), ask.hand(), &record).await?;
    show(ask, record.message.id).await
}
