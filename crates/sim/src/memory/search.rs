//! Lists of messages by anything: plain walks along the rows.

use model::{AccountName, MessageId};
use store::{PullFilter, Record, Search};

use super::{Row, Tables};

impl Tables {
    pub(super) fn search(&self, filter: &Search, before: Option<MessageId>, limit: usize) -> Vec<Record> {
        let below = match before {
            Some(id) => self.rows.get(&id).map_or(u64::MAX, |row| row.key),
            None => u64::MAX,
        };
        let newest_first = self.by_key.range(..below).rev().filter_map(|(_, id)| self.rows.get(id));
        newest_first.filter(|row| fits(row, filter)).take(limit).map(|row| row.record.clone()).collect()
    }

    pub(super) fn pullable(
        &self,
        account: &AccountName,
        dialect: &str,
        filter: &PullFilter,
        limit: usize,
    ) -> Vec<MessageId> {
        let rows = self.by_key.values().filter_map(|id| self.rows.get(id));
        let own = rows.filter(|row| {
            let message = &row.record.message;
            row.pullable && message.account == *account && message.dialect == dialect && pulls(row, filter)
        });
        own.take(limit).map(|row| row.record.message.id).collect()
    }
}

fn pulls(row: &Row, filter: &PullFilter) -> bool {
    let message = &row.record.message;
    (filter.bulk.is_none() || message.brief().bulk == filter.bulk)
        && filter.batch.is_none_or(|batch| message.batch == batch)
        && filter.message.is_none_or(|id| message.id == id)
        && filter.channel.is_none_or(|channel| row.facts.channel == channel)
}

fn fits(row: &Row, filter: &Search) -> bool {
    let (message, facts) = (&row.record.message, &row.facts);
    let accepted = message.accepted_at;
    filter.account.as_ref().is_none_or(|account| message.account == *account)
        && filter.dialect.as_deref().is_none_or(|dialect| message.dialect == dialect)
        && filter.channel.is_none_or(|channel| facts.channel == channel)
        && filter.status.as_deref().is_none_or(|status| facts.status.as_str() == status)
        && filter.cause.is_none_or(|cause| facts.status.cause() == Some(cause))
        && filter.recipient.as_deref().is_none_or(|recipient| message.recipient.display() == recipient)
        && (filter.bulk.is_none() || message.brief().bulk == filter.bulk)
        && filter.batch.is_none_or(|batch| message.batch == batch)
        && filter.since.is_none_or(|since| accepted >= since)
        && filter.until.is_none_or(|until| accepted < until)
        && filter.settled.is_none_or(|settled| facts.settled_at.is_some() == settled)
}
