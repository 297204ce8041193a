//! Logs: what became of an account's messages, newest first.
//!
//! Where messages or submissions are named, only those are read; otherwise the list is gone through
//! from its newest end, up to a bound.

use std::cmp::Reverse;

use model::{
    BatchId, Refusal, Status, Time,
    call::{LogFilter, MessageReport, Standing},
};
use store::{Record, Search};

use super::{queries::identify, scenarios::refuse};
use crate::{accounts::Account, core::Core};

/// Records read at a time while filtering what the store cannot filter.
const PAGE: usize = 1000;
/// Most pages read for one list, and most records of them.
const MOST_PAGES: usize = 200;
const MOST_RECORDS: usize = 100_000;

/// Log rows, newest first.
///
/// # Errors
/// If the store cannot answer.
pub async fn logs(
    core: &Core,
    account: &Account,
    dialect: &'static str,
    filter: &LogFilter,
) -> Result<Vec<MessageReport>, Refusal> {
    let all = Search {
        account: Some(account.name.clone()),
        dialect: Some(dialect.to_owned()),
        channel: filter.channel,
        recipient: filter.to.clone(),
        since: filter.since,
        until: filter.until,
        ..Search::default()
    };
    if !filter.messages.is_empty() {
        return named(core, account, dialect, filter).await;
    }
    if filter.bulks.is_empty() {
        return listed(core, filter, all).await;
    }
    let mut rows = Vec::new();
    for search in filter.bulks.iter().flat_map(|bulk| of_bulk(&all, bulk)) {
        rows.extend(listed(core, filter, search).await?);
    }
    Ok(newest(rows, filter.limit))
}

/// A bulk id is the caller's own, or that of the submission.
fn of_bulk(all: &Search, bulk: &str) -> Vec<Search> {
    let own = Search { bulk: Some(bulk.to_owned()), ..all.clone() };
    let ours = BatchId::parse(bulk).map(|batch| Search { batch: Some(batch), ..all.clone() });
    std::iter::once(own).chain(ours).collect()
}

/// The newest rows, each message once.
fn newest(mut rows: Vec<MessageReport>, limit: usize) -> Vec<MessageReport> {
    rows.sort_by_key(|row| Reverse((row.message.accepted_at, row.message.id)));
    rows.dedup_by_key(|row| row.message.id);
    rows.truncate(limit);
    rows
}

/// The messages that the filter names.
async fn named(
    core: &Core,
    account: &Account,
    dialect: &'static str,
    filter: &LogFilter,
) -> Result<Vec<MessageReport>, Refusal> {
    let mut ids = Vec::new();
    for reference in &filter.messages {
        ids.extend(identify(core, account, dialect, reference).await?);
    }
    let records = core.store.load(ids).await.map_err(refuse)?;
    let own = |record: &Record| record.message.account == account.name && record.message.dialect == dialect;
    let rows = records.into_iter().flatten().filter(|record| own(record) && is_between(record, filter));
    let rows = rows.filter_map(|record| row(core, &record, filter));
    let rows = rows.filter(|row| is_by_channel(row, filter) && is_to(row, filter));
    Ok(newest(rows.collect(), filter.limit))
}

fn is_between(record: &Record, filter: &LogFilter) -> bool {
    let accepted: Time = record.message.accepted_at;
    filter.since.is_none_or(|since| accepted >= since) && filter.until.is_none_or(|until| accepted < until)
}

fn is_by_channel(row: &MessageReport, filter: &LogFilter) -> bool {
    let deciding = row.message.plan().step(row.report.deciding_step).map(|step| step.channel);
    filter.channel.is_none_or(|channel| deciding == Some(channel))
}

fn is_to(row: &MessageReport, filter: &LogFilter) -> bool {
    filter.to.as_ref().is_none_or(|to| row.message.recipient.display() == to)
}

/// What of a search fits, up to the limit.
async fn listed(core: &Core, filter: &LogFilter, search: Search) -> Result<Vec<MessageReport>, Refusal> {
    let size = if asks_more(filter) { PAGE } else { filter.limit.min(PAGE) };
    let (mut rows, mut before, mut looked_at) = (Vec::new(), None, 0);
    for _ in 0..MOST_PAGES {
        let page = core.store.page(search.clone(), before, size).await.map_err(refuse)?;
        looked_at += page.records.len();
        rows.extend(page.records.iter().filter_map(|record| row(core, record, filter)));
        before = page.next;
        if before.is_none() || rows.len() >= filter.limit || looked_at >= MOST_RECORDS {
            break;
        }
    }
    rows.truncate(filter.limit);
    Ok(rows)
}

/// Whether the filter asks for something that the store cannot filter by.
const fn asks_more(filter: &LogFilter) -> bool {
    filter.from.is_some() || filter.standing.is_some() || filter.mcc.is_some() || filter.mnc.is_some()
}

fn row(core: &Core, record: &Record, filter: &LogFilter) -> Option<MessageReport> {
    let report = fits(record, filter).then(|| core.report(record))?;
    (stands(&report, filter.standing) && is_on(&report, filter)).then_some(report)
}

/// Whether a record meets what the store was not asked for.
fn fits(record: &Record, filter: &LogFilter) -> bool {
    let message = &record.message;
    let of_bulk = |bulk: &String| {
        BatchId::parse(bulk) == Some(message.batch) || message.brief().bulk.as_ref() == Some(bulk)
    };
    let sent_by =
        |from: &String| message.plan().steps().iter().any(|step| step.sender.as_ref() == Some(from));
    (filter.bulks.is_empty() || filter.bulks.iter().any(of_bulk)) && filter.from.as_ref().is_none_or(sent_by)
}

fn stands(report: &MessageReport, wanted: Option<Standing>) -> bool {
    wanted.is_none_or(|wanted| standing(&report.report.status, report.report.settled) == wanted)
}

/// Whether the number's network is the one asked for.
fn is_on(report: &MessageReport, filter: &LogFilter) -> bool {
    let network = report.mcc_mnc.as_deref().unwrap_or_default();
    let (mcc, mnc) = network.split_at_checked(3).unwrap_or_default();
    filter.mcc.as_deref().is_none_or(|wanted| wanted == mcc)
        && filter.mnc.as_deref().is_none_or(|wanted| wanted == mnc)
}

fn standing(status: &Status, settled: bool) -> Standing {
    use model::Cause;
    match status {
        Status::Delivered | Status::Read | Status::Played => Standing::Delivered,
        Status::Failed(Cause::PatienceExpired | Cause::ValidityExpired) => Standing::Expired,
        Status::Failed(
            Cause::MissingAddress
            | Cause::MissingContent
            | Cause::InvalidRecipient
            | Cause::Duplicate
            | Cause::Unconfigured
            | Cause::ChannelDisabled
            | Cause::NoBalance
            | Cause::Blocked,
        ) => Standing::Rejected,
        Status::Failed(_) => Standing::Undeliverable,
        Status::Submitted if settled => Standing::Delivered,
        Status::Waiting | Status::Accepted | Status::Submitted | Status::Sent => Standing::Pending,
    }
}
