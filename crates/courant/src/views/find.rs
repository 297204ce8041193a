//! Finds messages by any id that a person may hold.

use model::{AccountName, AttemptId, BatchId, MessageId, Phone};
use store::{Record, Search, StoreError};

use super::{Reach, Sight, row};
use crate::core::Core;

/// Most messages found.
const MOST: usize = 50;
/// Most accounts whose own ids are looked up.
const MAX_ACCOUNTS: usize = 1000;
/// Longest text looked for.
const MAX_TEXT: usize = 512;

/// The messages that a text may mean, most likely first: our id in any spelling (32 hex digits, a
/// UUID, with a vendor's suffix, of an attempt or a step), the caller's own id, a network's id, a
/// submission's id in any spelling or the caller's bulk id, a recipient's address. At most 50, all
/// within reach.
///
/// # Errors
/// If the store cannot answer.
pub async fn find(core: &Core, text: &str, reach: &Reach) -> Result<Vec<MessageId>, StoreError> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    add(&mut found, by_our_id(core, text).await?);
    add(&mut found, by_client_ref(core, text, reach).await?);
    add(&mut found, by_network_id(core, text).await?);
    add(&mut found, by_batch(core, text).await?);
    let mut found = within(core, reach, found).await?;
    if found.is_empty() {
        for account in reach.narrowed(None) {
            add(&mut found, by_bulk(core, text, account.clone()).await?);
            add(&mut found, by_address(core, text, account).await?);
        }
    }
    found.truncate(MOST);
    Ok(found)
}

async fn within(core: &Core, reach: &Reach, found: Vec<MessageId>) -> Result<Vec<MessageId>, StoreError> {
    if *reach == Reach::All {
        return Ok(found);
    }
    let records = core.store.load(found).await?;
    let covered = records.iter().flatten().filter(|record| reach.covers(&record.message.account));
    Ok(covered.map(|record| record.message.id).collect())
}

/// Whether a message that was found otherwise is one that a search asks for.
#[must_use]
pub fn fits(core: &Core, record: &Record, search: &Search) -> bool {
    let (message, row) = (&record.message, row(core, record, Sight::FULL));
    let accepted = message.accepted_at;
    search.account.as_ref().is_none_or(|account| *account == message.account)
        && search.dialect.as_ref().is_none_or(|dialect| *dialect == row.dialect)
        && search.channel.is_none_or(|channel| channel.as_str() == row.channel)
        && search.status.as_ref().is_none_or(|status| *status == row.status)
        && search.cause.is_none_or(|cause| row.cause.as_deref() == Some(cause.as_str()))
        && search.recipient.as_ref().is_none_or(|recipient| *recipient == row.to)
        && (search.bulk.is_none() || search.bulk == row.bulk)
        && search.batch.is_none_or(|batch| batch == message.batch)
        && search.since.is_none_or(|since| accepted >= since)
        && search.until.is_none_or(|until| accepted < until)
        && search.settled.is_none_or(|settled| settled == row.settled)
}

fn add(found: &mut Vec<MessageId>, more: Vec<MessageId>) {
    for id in more {
        if !found.contains(&id) {
            found.push(id);
        }
    }
}

async fn by_our_id(core: &Core, text: &str) -> Result<Vec<MessageId>, StoreError> {
    let Some(id) = our_id(text) else { return Ok(Vec::new()) };
    let mut candidates = vec![id];
    candidates.extend((0..16).filter_map(|step| step_reference_of(id, step)));
    let records = core.store.load(candidates).await?;
    Ok(records.into_iter().flatten().map(|record| record.message.id).collect())
}

/// Our id in a text: alone, before a vendor's suffix (`…:0`), or in an attempt's id.
fn our_id(text: &str) -> Option<MessageId> {
    MessageId::parse(text)
        .or_else(|| text.parse::<AttemptId>().ok().map(|attempt| attempt.message))
        .or_else(|| MessageId::parse(text.split(':').next()?))
}

/// The message whose step has this reference, if there is one: the inverse of
/// [`MessageId::step_reference`].
fn step_reference_of(reference: MessageId, step: u8) -> Option<MessageId> {
    /// The inverse of the reference's odd multiplier, modulo 2^64.
    const INVERSE: u64 = inverse(0x9E37_79B9_7F4A_7C15);
    let low = (reference.0 as u64).wrapping_mul(INVERSE).wrapping_sub(u64::from(step) + 1);
    let id = MessageId((reference.0 & !u128::from(u64::MAX)) | u128::from(low));
    (id.step_reference(step) == reference.0).then_some(id)
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut round = 0;
    while round < 6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

async fn by_client_ref(core: &Core, text: &str, reach: &Reach) -> Result<Vec<MessageId>, StoreError> {
    let mut found = Vec::new();
    let accounts = core.accounts.all().iter().filter(|account| reach.covers(&account.name));
    for account in accounts.take(MAX_ACCOUNTS) {
        for dialect in crate::app::dialect_names() {
            found.extend(core.store.by_client_ref(account.name.clone(), dialect, text.to_owned()).await?);
        }
    }
    Ok(found)
}

async fn by_network_id(core: &Core, text: &str) -> Result<Vec<MessageId>, StoreError> {
    let mut spellings = vec![text.to_owned(), text.to_ascii_lowercase(), text.to_ascii_uppercase()];
    spellings.dedup();
    let mut found = Vec::new();
    for route in core.routes.all() {
        let parts = core.store.by_upstream(route.name.clone(), spellings.clone()).await?;
        found.extend(parts.into_iter().flatten().map(|part| part.attempt.message));
    }
    Ok(found)
}

async fn by_batch(core: &Core, text: &str) -> Result<Vec<MessageId>, StoreError> {
    let Some((batch, position)) = batch_id(text) else { return Ok(Vec::new()) };
    let search = Search { batch: Some(batch), ..Search::default() };
    let records = core.store.page(search, None, MOST).await?.records;
    let wanted = records.iter().filter(|record| position.is_none_or(|at| record.message.position == at));
    Ok(wanted.map(|record| record.message.id).collect())
}

/// A submission's id, with the position of one message if the text has it: as we write it, or as
/// Kaleyra does (`A` and 25 digits of base 36, then `:1` for the first message).
fn batch_id(text: &str) -> Option<(BatchId, Option<u32>)> {
    let (batch, position) = match text.split_once(':') {
        Some((batch, number)) => (batch, Some(number.parse::<u32>().ok()?.checked_sub(1)?)),
        None => (text, None),
    };
    if let Some(batch) = BatchId::parse(batch) {
        return Some((batch, position));
    }
    let digits = batch.strip_prefix(['A', 'a']).filter(|digits| digits.len() == 25 && digits.is_ascii())?;
    u128::from_str_radix(digits, 36).ok().map(|value| (BatchId(value), position))
}

async fn by_bulk(
    core: &Core,
    text: &str,
    account: Option<AccountName>,
) -> Result<Vec<MessageId>, StoreError> {
    search(core, Search { account, bulk: Some(text.to_owned()), ..Search::default() }).await
}

async fn by_address(
    core: &Core,
    text: &str,
    account: Option<AccountName>,
) -> Result<Vec<MessageId>, StoreError> {
    let address = Phone::parse(text).map_or_else(|| text.to_owned(), |phone| phone.digits().to_owned());
    search(core, Search { account, recipient: Some(address), ..Search::default() }).await
}

async fn search(core: &Core, filter: Search) -> Result<Vec<MessageId>, StoreError> {
    let records = core.store.page(filter, None, MOST).await?.records;
    Ok(records.iter().map(|record| record.message.id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_of_a_step_leads_back_to_its_message() {
        let id = MessageId(0x0190_7c0a_1234_5678_9abc_def0_1122_3344);
        for step in 0..16 {
            assert_eq!(step_reference_of(MessageId(id.step_reference(step)), step), Some(id));
        }
    }

    #[test]
    fn ids_are_read_in_the_spellings_of_vendors() {
        let id = MessageId(0x0190_7c0a_1234_5678_9abc_def0_1122_3344);
        for text in
            [id.to_string(), id.upper_hex(), id.uuid(), format!("{}:0", id.uuid()), format!("{id}.1.2")]
        {
            assert_eq!(our_id(&text), Some(id), "{text}");
        }
        assert_eq!(our_id("15550100004"), None);
        assert_eq!(batch_id("A0000000000000000000000010"), Some((BatchId(36), None)));
        assert_eq!(batch_id("A0000000000000000000000010:2"), Some((BatchId(36), Some(1))));
        assert_eq!(batch_id("A00"), None);
    }
}
