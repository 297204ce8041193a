//! Money of accounts: what they have, what moved, and money put in.

use model::AccountName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ask::{Ask, Whole},
    messages::Page,
    problem::Problem,
};
use crate::{billing::TopUpFault, operate, views};

/// What is taken as an amount: below a billion, at most six places.
const AMOUNT: &str = "^-?[0-9]{1,9}([.][0-9]{1,6})?$";

/// Money to be put in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTopUp {
    /// How much, in the currency of the balance: `12.50`; a negative amount takes money out.
    #[schemars(regex(pattern = AMOUNT))]
    pub(super) amount: String,
    /// Number of the payment; a second top-up of the account with the same one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    reference: Option<String>,
}

pub(super) async fn balance(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let kept = ask.core().store.balance(account(ask)?).await?.ok_or_else(none)?;
    Ok(ask.json(&views::balance(&kept)))
}

pub(super) async fn ledger(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (account, limit) = (account(ask)?, ask.limit());
    let after = ask.number("after").unwrap_or(0);
    let rows = ask.core().store.ledger(account, None, after, limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| row.id.to_string());
    Ok(ask.json(&Page { items: rows.iter().map(views::movement).collect(), next }))
}

pub(super) async fn put_in(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (account, new) = (account(ask)?, ask.body::<NewTopUp>()?);
    let kept = operate::top_up(ask.core(), ask.hand(), &account, &new.amount, new.reference).await?;
    Ok(ask.json(&views::balance(&kept)))
}

fn account(ask: &Ask<'_>) -> Result<AccountName, Problem> {
    Ok(ask.path_account()?.name.clone())
}

fn none() -> Problem {
    Problem::missing("the account has no balance; `balance` in its section of the configuration begins one")
}

fn bad_amount() -> Problem {
    Problem::invalid("`amount` is a decimal number below a billion with at most six places: \"12.50\"")
}

impl From<TopUpFault> for Problem {
    fn from(fault: TopUpFault) -> Self {
        match fault {
            TopUpFault::NoBalance => none(),
            TopUpFault::BadAmount => bad_amount(),
            TopUpFault::BadReference => Self::invalid(fault.to_string()),
            TopUpFault::KnownPayment => {
                Self::conflict("the payment of this reference is in the ledger already; nothing was changed")
            }
            TopUpFault::Store(error) => error.into(),
        }
    }
}
