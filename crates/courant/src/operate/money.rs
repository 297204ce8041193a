//! Puts money into accounts.

use model::AccountName;
use store::Balance;

use super::Hand;
use crate::{
    billing::{self, TopUpFault},
    core::Core,
};

/// Most digits of an amount before the point.
const WHOLE_DIGITS: usize = 9;

/// Puts money into an account, or takes it out if the amount is negative; what the account has
/// then.
///
/// # Errors
/// See [`TopUpFault`]; nothing is changed then.
pub async fn top_up(
    core: &Core,
    hand: Hand<'_>,
    account: &AccountName,
    amount: &str,
    reference: Option<String>,
) -> Result<Balance, TopUpFault> {
    let whole = amount.trim_start_matches('-').split('.').next().unwrap_or_default();
    if whole.len() > WHOLE_DIGITS {
        return Err(TopUpFault::BadAmount);
    }
    let detail = format!("{amount}, payment {}", reference.as_deref().unwrap_or("without a number"));
    let balance = billing::top_up(core, account, amount, reference).await?;
    hand.did(core, "changed a balance", account, &detail).await;
    Ok(balance)
}
