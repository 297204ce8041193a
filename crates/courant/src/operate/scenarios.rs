//! Writes scenarios of accounts.

use model::{
    Refusal,
    call::{Scenario, ScenarioDraft},
};

use super::Hand;
use crate::{accounts::Account, core::Core, desk::scenarios};

/// Writes a new scenario, or replaces the one of this key.
///
/// # Errors
/// If there is none of this key, or the store cannot take it.
pub async fn save_scenario(
    core: &Core,
    hand: Hand<'_>,
    account: &Account,
    key: Option<&str>,
    draft: ScenarioDraft,
) -> Result<Scenario, Refusal> {
    let name = draft.name.clone().unwrap_or_default();
    let saved = match key {
        None => scenarios::create(core, account, draft).await?,
        Some(key) => scenarios::update(core, account, key, draft).await?,
    };
    hand.did(core, "saved a scenario", format!("{} of {}", saved.key, account.name), &name).await;
    Ok(saved)
}
