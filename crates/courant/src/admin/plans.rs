//! Stored plans of accounts: shown, written, given up.

use std::sync::Arc;

use model::AccountName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ask::{Ask, Whole},
    problem::Problem,
};
use crate::{
    accounts::Account,
    operate,
    views::{self, PlanView},
};

/// All plans of an account, to be written in the place of those that are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPlans {
    /// The version they were read at.
    #[schemars(range(max = 4_294_967_295_u32))]
    version: u32,
    /// The plans; the first that fits is taken, and one without `attach` if none does.
    #[schemars(length(max = 200))]
    plans: Vec<PlanView>,
}

pub(super) fn read(ask: &Ask<'_>) -> Result<Whole, Problem> {
    Ok(ask.json(&views::plans(ask.core(), &*account(ask)?)))
}

pub(super) async fn write(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (account, new) = (account(ask)?, ask.body::<NewPlans>()?);
    let plans = new.plans.into_iter().map(Into::into).collect();
    operate::plans::write(ask.core(), ask.hand(), &account, plans, new.version).await?;
    Ok(ask.json(&views::plans(ask.core(), &account)))
}

pub(super) async fn reset(ask: &Ask<'_>) -> Result<Whole, Problem> {
    operate::plans::reset(ask.core(), ask.hand(), &*account(ask)?).await?;
    Ok(ask.nothing())
}

fn account(ask: &Ask<'_>) -> Result<Arc<Account>, Problem> {
    let name = AccountName::from(ask.path("name"));
    let account = ask.core().accounts.by_name(&name).map(Arc::clone);
    account.ok_or_else(|| Problem::missing("there is no account of this name; `courant accounts` lists them"))
}
