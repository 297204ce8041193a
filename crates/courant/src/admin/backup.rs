//! Consistent copies of the data folder while it works.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ask::{Ask, Whole},
    problem::Problem,
};
use crate::{backup, clock, views::Moment};

/// A copy of the store and of the media library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupView {
    /// Its folder, on the server.
    pub path: String,
    /// The size of its files.
    pub bytes: u64,
    /// When it was begun; it holds what was stored before.
    pub at: Moment,
}

/// Writes a backup into the folder `backups` of the data folder: never to a path that a caller
/// chose, because a token must not write where it likes.
pub(super) async fn write(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let core = ask.core();
    let at = clock::now().into();
    let backup = backup::write(&core.config.store.path, &*core.store).await?;
    let path = backup.path.display().to_string();
    tracing::info!(path, bytes = backup.bytes, by = %ask.grant.name, "a backup was written");
    ask.hand().did(core, "wrote a backup", "the store", "").await;
    Ok(ask.json(&BackupView { path, bytes: backup.bytes, at }))
}
