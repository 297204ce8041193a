//! Answers questions about messages: only about the account's own, and only in the dialect they
//! came in by.

use std::sync::Arc;

use engine::Event;
use model::{
    BatchId, MessageId, Refusal, Status,
    call::{LogFilter, MessageRef, MessageReport, Missing, ReportFilter, Standing},
};
use store::{Change, PullFilter, Record, Search, Verdict};

use super::scenarios::refuse;
use crate::{accounts::Account, core::Core};

/// Rows looked at per page while filtering logs.
const PAGE: usize = 1000;
/// Most rows looked at for one page of logs.
const MAX_LOOKED_AT: usize = 100_000;

/// The state of one message.
///
/// # Errors
/// If the account has no such message in this dialect.
pub async fn status(
    core: &Core,
    account: &Account,
    dialect: &'static str,
    reference: &MessageRef,
) -> Result<MessageReport, Refusal> {
    Ok(core.report(&find(core, account, dialect, reference).await?))
}

/// Stops one message if it is not settled.
///
/// # Errors
/// If the account has no such message in this dialect, or the store cannot take it now.
pub async fn cancel(
    core: &Core,
    account: &Account,
    dialect: &'static str,
    reference: &MessageRef,
) -> Result<(), Refusal> {
    let record = find(core, account, dialect, reference).await?;
    let stored = core.shards.event_stored(record.message.id, Event::Cancelled).await;
    match stored.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(refuse(error)),
        Err(_) => Err(Refusal::Overloaded),
    }
}

async fn find(
    core: &Core,
    account: &Account,
    dialect: &'static str,
    reference: &MessageRef,
) -> Result<Record, Refusal> {
    let missing = Refusal::NotFound(Missing::Message);
    let id = identify(core, account, dialect, reference).await?.ok_or_else(|| missing.clone())?;
    let record = core.store.load(vec![id]).await.map_err(refuse)?.pop().flatten();
    record
        .filter(|record| record.message.account == account.name && record.message.dialect == dialect)
        .ok_or(missing)
}

async fn identify(
    core: &Core,
    account: &Account,
    dialect: &'static str,
    reference: &MessageRef,
) -> Result<Option<MessageId>, Refusal> {
    match reference {
        // A caller's own id can have the shape of ours.
        MessageRef::Id(id) => {
            let own =
                core.store.by_client_ref(account.name.clone(), dialect, id.uuid()).await.map_err(refuse)?;
            Ok(Some(own.unwrap_or(*id)))
        }
        MessageRef::Client(text) => {
            let known = core
                .store
                .by_client_ref(account.name.clone(), dialect, text.clone())
                .await
                .map_err(refuse)?;
            Ok(known.or_else(|| MessageId::parse(text)))
        }
    }
}

/// Hands out finished reports, each once. They are marked after they were read: a crash in
/// between hands them out again rather than losing them.
///
/// # Errors
/// If the store cannot answer.
pub async fn take_reports(
    core: &Core,
    account: &Account,
    dialect: &'static str,
    filter: &ReportFilter,
) -> Result<Vec<MessageReport>, Refusal> {
    let mut wanted = PullFilter { channel: filter.channel, ..PullFilter::default() };
    if let Some(reference) = &filter.message {
        let Some(id) = identify(core, account, dialect, reference).await? else { return Ok(Vec::new()) };
        wanted.message = Some(id);
    }
    if let Some(bulk) = &filter.bulk {
        match BatchId::parse(bulk) {
            Some(batch) => wanted.batch = Some(batch),
            None => wanted.bulk = Some(bulk.clone()),
        }
    }
    loop {
        let ids = core
            .store
            .pullable(account.name.clone(), dialect, wanted.clone(), filter.limit)
            .await
            .map_err(refuse)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let records = core.store.load(ids.clone()).await.map_err(refuse)?;
        let reports = records.iter().flatten().map(|record| core.report(record)).collect();
        let verdicts = core.store.commit(vec![Change::Pulled(ids)]).await.map_err(refuse)?;
        // Another request may have been handed some of them meanwhile: look again.
        if verdicts.iter().all(|verdict| *verdict == Verdict::Applied) {
            return Ok(reports);
        }
    }
}

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
    let search = Search {
        account: Some(account.name.clone()),
        dialect: Some(dialect.to_owned()),
        channel: filter.channel,
        recipient: filter.to.clone(),
        since: filter.since,
        until: filter.until,
        ..Search::default()
    };
    let wanted = wanted_ids(core, account, dialect, filter).await?;
    let (mut rows, mut before, mut looked_at) = (Vec::new(), None, 0);
    while rows.len() < filter.limit && looked_at < MAX_LOOKED_AT {
        let page = core.store.search(search.clone(), before, PAGE).await.map_err(refuse)?;
        looked_at += page.len();
        before = page.last().map(|record| record.message.id);
        let fitting = page.iter().filter(|record| fits(record, filter, wanted.as_deref()));
        rows.extend(
            fitting
                .map(|record| core.report(record))
                .filter(|report| stands(report, filter.standing) && is_on(report, filter)),
        );
        if page.len() < PAGE {
            break;
        }
    }
    rows.truncate(filter.limit);
    Ok(rows)
}

async fn wanted_ids(
    core: &Core,
    account: &Account,
    dialect: &'static str,
    filter: &LogFilter,
) -> Result<Option<Vec<MessageId>>, Refusal> {
    if filter.messages.is_empty() {
        return Ok(None);
    }
    let mut ids = Vec::new();
    for reference in &filter.messages {
        ids.extend(identify(core, account, dialect, reference).await?);
    }
    Ok(Some(ids))
}

fn fits(record: &Record, filter: &LogFilter, wanted: Option<&[MessageId]>) -> bool {
    let message = &record.message;
    let of_bulk = |bulk: &String| {
        BatchId::parse(bulk) == Some(message.batch) || message.brief().bulk.as_ref() == Some(bulk)
    };
    let sent_by =
        |from: &String| message.plan().steps().iter().any(|step| step.sender.as_ref() == Some(from));
    wanted.is_none_or(|wanted| wanted.contains(&message.id))
        && (filter.bulks.is_empty() || filter.bulks.iter().any(of_bulk))
        && filter.from.as_ref().is_none_or(sent_by)
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

/// A record by id, whoever's it is: for the operator.
///
/// # Errors
/// If the store cannot answer.
pub async fn record(core: &Arc<Core>, id: MessageId) -> Result<Option<Record>, Refusal> {
    Ok(core.store.load(vec![id]).await.map_err(refuse)?.pop().flatten())
}
