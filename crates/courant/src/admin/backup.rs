//! Consistent copies of the store while it works.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ask::{Ask, Whole},
    problem::Problem,
};
use crate::{clock, views::Moment};

/// A copy of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackupView {
    /// Where it lies, on the server.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was begun; it holds what was stored before.
    pub at: Moment,
}

/// Writes a copy into the folder `backups` of the data folder: never to a path that a caller
/// chose, because a token must not write where it likes.
pub(super) async fn write(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let folder = ask.core().config.store.path.join("backups");
    let failed = |error: std::io::Error| {
        tracing::error!(%error, "the folder for backups");
        Problem::internal()
    };
    tokio::fs::create_dir_all(&folder).await.map_err(failed)?;
    let now = clock::now();
    let path = folder.join(format!("courant-{}.db", now.as_micros()));
    ask.core().store.backup(path.clone()).await?;
    let bytes = tokio::fs::metadata(&path).await.map_err(failed)?.len();
    tracing::info!(path = %path.display(), bytes, by = %ask.grant.name, "a backup was written");
    ask.hand().did(ask.core(), "wrote a backup", "the store", "").await;
    Ok(ask.json(&BackupView { path: path.display().to_string(), bytes, at: now.into() }))
}
