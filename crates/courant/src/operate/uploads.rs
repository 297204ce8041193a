//! Keeps and removes files of accounts.

use std::sync::Arc;

use media::library::{MediaId, Record};
use model::Refusal;
use tokio::io::AsyncRead;

use super::Hand;
use crate::{accounts::Account, core::Core};

/// Keeps a file of an account, read to its end and never held as a whole.
///
/// # Errors
/// As [`crate::mediadesk::MediaDesk::put`].
pub async fn upload(
    core: &Core,
    hand: Hand<'_>,
    account: &Account,
    mime: Option<String>,
    filename: Option<String>,
    source: impl AsyncRead + Unpin,
) -> Result<Arc<Record>, Refusal> {
    let record = core.media.put(account, mime, filename, source).await?;
    hand.did(core, "uploaded a file", record.id, &format!("of {}", account.name)).await;
    Ok(record)
}

/// Removes a file of an account; `false` if there was none.
///
/// # Errors
/// If the disk fails.
pub async fn remove_upload(
    core: &Core,
    hand: Hand<'_>,
    account: &Account,
    id: MediaId,
) -> Result<bool, Refusal> {
    let removed = core.media.remove(account, id).await?;
    if removed {
        hand.did(core, "removed a file", id, &format!("of {}", account.name)).await;
    }
    Ok(removed)
}
