//! Sends callbacks again that were given up.

use std::fmt;

use store::{Change, StoreError};

use super::Hand;
use crate::{clock, core::Core};

/// Sets these callbacks going again; those not given up are left as they are. `of` says in the log
/// of actions whose they are.
///
/// # Errors
/// If the store cannot take it now.
pub async fn replay_callbacks(
    core: &Core,
    hand: Hand<'_>,
    ids: Vec<i64>,
    of: impl fmt::Display,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let detail = if ids.len() == 1 { "1 callback".to_owned() } else { format!("{} callbacks", ids.len()) };
    core.store.commit(vec![Change::ReplayCallbacks { ids, due_at: clock::now() }]).await?;
    core.outbox.notify_one();
    hand.did(core, "replayed callbacks", of, &detail).await;
    Ok(())
}
