//! Stored plans of accounts at run time. What the configuration says holds until somebody writes
//! the plans of an account anew; from then on what was written holds, restarts included, until it
//! is given up again. The plans of an account are one document, so that they change as one.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use model::AccountName;
use store::{Change, Document, Store, StoreError, Verdict};

use crate::{
    accounts::Account,
    config::{AccountConfig, PlanConfig},
};

const KIND: &str = "plans";
/// Key of the one document of an account.
const KEY: &str = "all";

/// The plans of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// In the order in which they are looked at.
    pub plans: Vec<PlanConfig>,
    /// How often they were written; 0 for those of the configuration.
    pub version: u32,
}

/// The plans of all accounts, in memory: they are looked at with every submission.
#[derive(Debug, Default)]
pub struct StoredPlans {
    kept: RwLock<BTreeMap<AccountName, Arc<Kept>>>,
    configured: BTreeMap<AccountName, Arc<Kept>>,
}

impl StoredPlans {
    /// Those of the configuration.
    #[must_use]
    pub fn new(accounts: &[AccountConfig]) -> Self {
        let configured = accounts.iter().map(|account| {
            let kept = Kept { plans: account.plans.clone(), version: 0 };
            (AccountName::from(account.name.as_str()), Arc::new(kept))
        });
        Self { kept: RwLock::default(), configured: configured.collect() }
    }

    /// Reads what was written earlier.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub async fn load(&self, store: &dyn Store) -> Result<(), StoreError> {
        for account in self.configured.keys() {
            let Some(document) = store.document(account.clone(), KIND, KEY.to_owned()).await? else {
                continue;
            };
            match serde_json::from_str(&document.json) {
                Ok(plans) => self.remember(account, Kept { plans, version: document.version }),
                Err(error) => tracing::error!(%error, %account, "the account's plans cannot be read"),
            }
        }
        Ok(())
    }

    /// The plans of an account.
    #[must_use]
    pub fn of(&self, account: &Account) -> Arc<Kept> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let known = kept.get(&account.name).or_else(|| self.configured.get(&account.name));
        known.map(Arc::clone).unwrap_or_default()
    }

    /// Writes the plans of an account, durably first; `false` if they are not at this version any
    /// more.
    ///
    /// # Errors
    /// If the store cannot take it now.
    pub async fn put(
        &self,
        store: &dyn Store,
        account: &Account,
        plans: Vec<PlanConfig>,
        version: u32,
    ) -> Result<bool, StoreError> {
        let json = serde_json::to_string(&plans).expect("our own types serialise");
        let key = KEY.to_owned();
        let document = Document { account: account.name.clone(), kind: KIND, key, json, version };
        let verdicts = store.commit(vec![Change::PutDocument(document)]).await?;
        let applied = verdicts == [Verdict::Applied];
        if applied {
            self.remember(&account.name, Kept { plans, version: version + 1 });
        }
        Ok(applied)
    }

    /// Gives up what was written: the configuration holds again.
    ///
    /// # Errors
    /// If the store cannot take it now.
    pub async fn reset(&self, store: &dyn Store, account: &Account) -> Result<(), StoreError> {
        let change =
            Change::RemoveDocument { account: account.name.clone(), kind: KIND, key: KEY.to_owned() };
        store.commit(vec![change]).await?;
        self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(&account.name);
        Ok(())
    }

    /// Of two that were written at the same time, the later one stays.
    fn remember(&self, account: &AccountName, kept: Kept) {
        let mut known = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if known.get(account).is_none_or(|known| known.version < kept.version) {
            known.insert(account.clone(), Arc::new(kept));
        }
    }
}
