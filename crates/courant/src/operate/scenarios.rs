//! Writes scenarios of accounts.

use model::{
    Refusal,
    call::{Scenario, ScenarioDraft},
};

use super::{Fault, Hand};
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

/// Removes a scenario that was written.
///
/// # Errors
/// If there is none of this key, it stands in the configuration only, or the store cannot take it.
pub async fn remove_scenario(core: &Core, hand: Hand<'_>, account: &Account, key: &str) -> Result<(), Fault> {
    match scenarios::remove(core, account, key).await {
        Ok(()) => {}
        Err(Refusal::NotFound(_)) if account.config.scenarios.iter().any(|known| known.key == key) => {
            let text = "this scenario stands in the configuration; it can be changed here, and removed there";
            return Err(Fault::Conflict(text.to_owned()));
        }
        Err(Refusal::NotFound(_)) => return Err(Fault::Missing("scenario")),
        Err(refusal) => return Err(refusal.into()),
    }
    hand.did(core, "removed a scenario", format!("{key} of {}", account.name), "").await;
    Ok(())
}
