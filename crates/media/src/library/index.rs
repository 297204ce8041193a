//! The index of kept files in memory.

use std::{collections::HashMap, sync::Arc};

use model::{AccountName, Time};

use super::{Limits, MediaId, PutError, Record, contents::Content};

/// What an account keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files.
    pub files: u64,
    /// Their bytes; content uploaded twice counts twice.
    pub bytes: u64,
}

#[derive(Default)]
pub(super) struct Index {
    pub(super) records: HashMap<MediaId, Arc<Record>>,
    /// With those that are being stored and have no record yet.
    usage: HashMap<AccountName, Usage>,
    total: Usage,
    references: HashMap<Content, u32>,
}

impl Index {
    /// Adds a record whose content is there.
    pub(super) fn add(&mut self, record: Arc<Record>) {
        self.reserve(&record);
        self.finish(record);
    }

    /// Whether the account, and the library, may keep one more file of so many bytes.
    pub(super) fn check_room(
        &self,
        limits: &Limits,
        account: &AccountName,
        bytes: u64,
    ) -> Result<(), PutError> {
        let usage = self.usage(account);
        let fits = self.total.files < limits.files as u64
            && usage.files < limits.account_files
            && usage.bytes.saturating_add(bytes) <= limits.account_bytes;
        if fits { Ok(()) } else { Err(PutError::Full) }
    }

    /// Counts a record that is being stored.
    pub(super) fn reserve(&mut self, record: &Record) {
        for usage in [self.usage.entry(record.account.clone()).or_default(), &mut self.total] {
            usage.files += 1;
            usage.bytes += record.bytes;
        }
        *self.references.entry(record.content()).or_default() += 1;
    }

    /// Shows a counted record.
    pub(super) fn finish(&mut self, record: Arc<Record>) {
        self.records.insert(record.id, record);
    }

    /// Uncounts a record; `true` if nobody refers to its content any more.
    pub(super) fn give_back(&mut self, record: &Record) -> bool {
        self.total.files -= 1;
        self.total.bytes -= record.bytes;
        if let Some(usage) = self.usage.get_mut(&record.account) {
            usage.files -= 1;
            usage.bytes -= record.bytes;
            if usage.files == 0 {
                self.usage.remove(&record.account);
            }
        }
        let content = record.content();
        match self.references.get_mut(&content) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => self.references.remove(&content).is_some(),
        }
    }

    /// Forgets a record: `true` if nobody refers to its content any more, `None` if it was gone.
    pub(super) fn forget(&mut self, record: &Record) -> Option<bool> {
        self.records.remove(&record.id)?;
        Some(self.give_back(record))
    }

    pub(super) fn refers_to(&self, content: &Content) -> bool {
        self.references.contains_key(content)
    }

    /// Whether more than one refers to a content.
    pub(super) fn is_shared(&self, content: &Content) -> bool {
        self.references.get(content).is_some_and(|count| *count > 1)
    }

    pub(super) fn usage(&self, account: &AccountName) -> Usage {
        self.usage.get(account).copied().unwrap_or_default()
    }

    pub(super) const fn total(&self) -> Usage {
        self.total
    }

    pub(super) fn expired(&self, now: Time) -> Vec<Arc<Record>> {
        self.records.values().filter(|record| record.kept_until() <= now).cloned().collect()
    }
}
