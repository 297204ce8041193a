//! Accounts as people see them: everything but secrets.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Balance, StoreError};

use super::{BalanceView, Reach, balance};
use crate::{accounts::Account, core::Core};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AccountView {
    /// Its name.
    pub name: String,
    /// Whether everything it asks is refused.
    pub suspended: bool,
    /// The dialects it has credentials for.
    pub dialects: Vec<String>,
    /// Routes by channel, in the order to be tried.
    pub routes: BTreeMap<String, Vec<String>>,
    /// Sender by channel, where a caller names none.
    pub default_sender: BTreeMap<String, String>,
    /// Senders by channel that it may use; a channel not listed takes any.
    pub senders: BTreeMap<String, Vec<String>>,
    /// Most requests per second; none is unlimited.
    pub requests_per_second: Option<f64>,
    /// How many stored plans add fallback steps.
    pub plans: usize,
    /// Keys of configured scenarios.
    pub scenarios: Vec<String>,
    /// Messages accepted and not settled.
    pub unfinished: u64,
    /// What it has; none if it has no balance.
    pub balance: Option<BalanceView>,
}

/// All accounts within reach, in the order of the configuration.
///
/// # Errors
/// If the store cannot count.
pub async fn accounts(core: &Core, reach: &Reach) -> Result<Vec<AccountView>, StoreError> {
    let unfinished = core.store.unfinished().await?;
    let count = |account: &Account| {
        unfinished.iter().find(|(name, _)| *name == account.name).map_or(0, |(_, count)| *count)
    };
    let mut views = Vec::new();
    for known in core.accounts.all().iter().filter(|account| reach.covers(&account.name)) {
        views.push(account(core, known, count(known), balance_of(core, known).await?.as_ref()));
    }
    Ok(views)
}

/// What an account has, if it keeps a balance now.
///
/// # Errors
/// If the store cannot read.
pub async fn balance_of(core: &Core, account: &Account) -> Result<Option<Balance>, StoreError> {
    if core.billing.keeps_balance(&account.name) {
        core.store.balance(account.name.clone()).await
    } else {
        Ok(None)
    }
}

/// One account, with how many of its messages are not settled and what it has.
#[must_use]
pub fn account(core: &Core, account: &Account, unfinished: u64, kept: Option<&Balance>) -> AccountView {
    let config = &account.config;
    AccountView {
        name: config.name.clone(),
        suspended: config.suspended,
        dialects: dialects_of(account),
        routes: config.routes.iter().map(|(channel, names)| (channel.to_string(), names.clone())).collect(),
        default_sender: config
            .default_sender
            .iter()
            .map(|(channel, sender)| (channel.to_string(), sender.clone()))
            .collect(),
        senders: config
            .senders
            .iter()
            .map(|(channel, senders)| (channel.to_string(), senders.clone()))
            .collect(),
        requests_per_second: config.requests_per_second,
        plans: core.plans.of(account).plans.len(),
        scenarios: config.scenarios.iter().map(|scenario| scenario.key.clone()).collect(),
        unfinished,
        balance: kept.map(balance),
    }
}

fn dialects_of(account: &Account) -> Vec<String> {
    let has = |dialect: &&&dyn dialects::Dialect| !dialect.identities(&account.settings).is_empty();
    dialects::ALL.iter().filter(has).map(|dialect| dialect.name().to_owned()).collect()
}
