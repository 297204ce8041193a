//! Where contents lie: on this disk, or in an object store.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempPath;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::{
    blocking, disk,
    objects::{Objects, Reader},
};

/// One content: the same bytes may lie here and away.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Content {
    /// Its digest in hex.
    pub(super) sha256: String,
    /// Whether the object store has it.
    pub(super) away: bool,
}

/// All contents. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    root: Arc<Path>,
    objects: Option<Objects>,
}

impl Contents {
    pub(super) fn new(root: &Path, objects: Option<Objects>) -> Self {
        Self { root: root.into(), objects }
    }

    /// Address of the object store that gets new contents, if there is one.
    pub(super) fn store(&self) -> Option<&str> {
        self.objects.as_ref().map(Objects::name)
    }

    /// Where a content lies on this disk, if it does.
    pub(super) fn path(&self, content: &Content) -> Option<PathBuf> {
        (!content.away).then(|| disk::blob_path(&self.root, &content.sha256))
    }

    fn objects(&self) -> io::Result<&Objects> {
        self.objects.as_ref().ok_or_else(|| io::Error::other("no object store is configured"))
    }

    /// Keeps what a file has.
    pub(super) async fn put(&self, content: &Content, from: TempPath) -> io::Result<()> {
        match self.path(content) {
            Some(place) => blocking(move || disk::place(from, &place)).await,
            None => self.objects()?.put(&content.sha256, &from).await,
        }
    }

    /// How many bytes are there; `None` if it is not there.
    pub(super) async fn size(&self, content: &Content) -> io::Result<Option<u64>> {
        match self.path(content) {
            Some(place) => blocking(move || Ok(disk::size(&place))).await,
            None => self.objects()?.size(&content.sha256).await,
        }
    }

    /// Part of a content, as a stream. The range must not be empty.
    pub(super) async fn read(&self, content: &Content, offset: u64, length: u64) -> io::Result<Reader> {
        let Some(place) = self.path(content) else {
            return self.objects()?.read(&content.sha256, offset, length).await;
        };
        let mut file = tokio::fs::File::open(place).await?;
        file.seek(io::SeekFrom::Start(offset)).await?;
        Ok(Box::new(file.take(length)))
    }

    /// Removes a content; it is no error if it is gone.
    pub(super) async fn remove(&self, content: &Content) -> io::Result<()> {
        match self.path(content) {
            Some(place) => blocking(move || disk::remove(&place)).await,
            None => self.objects()?.remove(&content.sha256).await,
        }
    }
}
