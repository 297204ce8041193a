//! Answers questions about messages: only about the account's own, and only in the dialect they
//! came in by.

use std::sync::Arc;

use engine::Event;
use model::{
    BatchId, MessageId, Refusal,
    call::{MessageRef, MessageReport, Missing, ReportFilter},
};
use store::{Change, PullFilter, Record, Verdict};

use super::scenarios::refuse;
use crate::{accounts::Account, core::Core};

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

pub(super) async fn identify(
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

/// A record by id, whoever's it is: for the operator.
///
/// # Errors
/// If the store cannot answer.
pub async fn record(core: &Arc<Core>, id: MessageId) -> Result<Option<Record>, Refusal> {
    Ok(core.store.load(vec![id]).await.map_err(refuse)?.pop().flatten())
}
