//! Files that accounts upload, kept on disk by the digest of their content.
//!
//! ```text
//! blobs/ab/cd/abcd…   content, named by its SHA-256; once for all who uploaded it
//! index/42/…42        one small JSON file per media id
//! doubtful/           digests of objects that are being put away or removed
//! tmp/                what is being written; emptied at start
//! ```
//!
//! Content and index files are written aside, synced and renamed, content first, so that after a
//! crash a media id is either wholly there or not at all. The index is held in memory too, within
//! [`Limits::files`]. One process owns a folder.
//!
//! With [`Objects`], contents lie in an object store and the rest stays here. An object that may be
//! without an id (it is being put, or could not be removed) has its digest in `doubtful`; the next
//! sweep clears it away, so that nothing has to be listed and nobody else's objects are touched.
//! Each record says where its content lies, so that files kept before the store was configured are
//! still served from here, and those of a store that is not configured any more are left alone.

mod contents;
mod disk;
mod index;
mod objects;
mod serve;
mod sign;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use model::{AccountName, Span, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    task::spawn_blocking,
};

use self::{
    contents::{Content, Contents},
    index::Index,
};

pub use index::Usage;
pub use objects::{Objects, Reader};
pub use serve::Slice;
pub use sign::{SigningKey, extension};

/// The longest name of a file that is kept, in characters.
const MAX_FILENAME: usize = 240;

/// Identifies an uploaded file: 16 decimal digits, like the ids of Meta's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaId(u64);

impl MediaId {
    const SMALLEST: u64 = 1_000_000_000_000_000;
    const LARGEST: u64 = 9_999_999_999_999_999;

    /// Reads 16 digits; `None` for anything else, such as a network's own id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits)?;
        (Self::SMALLEST..=Self::LARGEST).contains(&number).then_some(Self(number))
    }

    fn of(random: u64) -> Self {
        Self(Self::SMALLEST + random % (Self::LARGEST - Self::SMALLEST + 1))
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in bytes.
    pub file_bytes: u64,
    /// All files of one account, in bytes; content uploaded twice counts twice.
    pub account_bytes: u64,
    /// Files of one account.
    pub account_files: u64,
    /// Files of all accounts.
    pub files: usize,
    /// How long a file is kept.
    pub keep: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 100 * 1024 * 1024,
            account_bytes: 10 * 1024 * 1024 * 1024,
            account_files: 100_000,
            files: 250_000,
            // Meta keeps uploads for 30 days.
            keep: Span::from_hours(30 * 24),
        }
    }
}

/// A file to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Whose it is.
    pub account: AccountName,
    /// Its type as declared.
    pub mime: String,
    /// Its name, for showing only; shortened if very long.
    pub filename: Option<String>,
    /// The present.
    pub now: Time,
}

/// What is known about a kept file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: MediaId,
    /// Whose it is.
    pub account: AccountName,
    /// Digest of its content in hex.
    pub sha256: String,
    /// Length of its content.
    pub bytes: u64,
    /// Its type as declared.
    pub mime: String,
    /// Its name, for showing only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// When it was kept.
    pub created_at: Time,
    /// When it may go.
    pub expires_at: Time,
    /// A message that was accepted needs it until then, expired or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_until: Option<Time>,
    /// Address of the object store that has its content; none if it lies on this disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

impl Record {
    /// When it may go, with what messages need.
    #[must_use]
    pub fn kept_until(&self) -> Time {
        self.needed_until.map_or(self.expires_at, |needed| needed.max(self.expires_at))
    }

    fn content(&self) -> Content {
        Content { sha256: self.sha256.clone(), away: self.store.is_some() }
    }
}

/// Why a file is not kept.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// It has more bytes than one file may have.
    #[error("the file is over {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The account, or the library, keeps as much as it may.
    #[error("no more files can be kept for the account")]
    Full,
    /// Whoever sent it broke off.
    #[error("the file was not received whole")]
    Source(#[source] io::Error),
    /// Our disk failed.
    #[error("the file could not be stored")]
    Disk(#[source] io::Error),
    /// The object store failed or is not reached.
    #[error("the file could not be put into the object store")]
    Away(#[source] io::Error),
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Media ids.
    pub records: usize,
    /// Contents.
    pub blobs: usize,
}

/// The files of all accounts. Clones are the same library.
#[derive(Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    limits: Limits,
    key: SigningKey,
    counter: AtomicU64,
    contents: Contents,
    /// Held while index files are written or removed.
    records: Mutex<()>,
    /// Held, by digest, while a content appears or vanishes: what one removes another may be about
    /// to refer to.
    turns: [tokio::sync::Mutex<()>; TURNS],
    index: Mutex<Index>,
}

/// Contents that appear or vanish at once, more or less; a large one takes its time.
const TURNS: usize = 64;

/// Content written aside and not yet part of the library.
struct Written {
    path: TempPath,
    sha256: String,
    bytes: u64,
}

impl Library {
    /// Opens the library in a folder, which is made if need be. Blocks. Leftovers of a crash are
    /// cleared away: unfinished files, ids without content, content without ids. With `objects`,
    /// new contents go there; whether it can be reached is not looked at.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn open(root: &Path, limits: Limits, key: SigningKey, objects: Option<Objects>) -> io::Result<Self> {
        disk::prepare(root)?;
        let contents = Contents::new(root, objects);
        let mut index = Index::default();
        for record in disk::read_index(root, contents.store())? {
            index.add(Arc::new(record));
        }
        let here = |sha256: &str| Content { sha256: sha256.to_owned(), away: false };
        disk::remove_blobs(root, |sha256| !index.refers_to(&here(sha256)))?;
        let inner = Inner {
            root: root.to_owned(),
            limits,
            key,
            counter: AtomicU64::new(0),
            contents,
            records: Mutex::new(()),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::new(())),
            index: Mutex::new(index),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Keeps a file, read to its end.
    ///
    /// # Errors
    /// If it is not kept; nothing is left of it then.
    pub async fn put(&self, file: NewFile, source: impl AsyncRead + Unpin) -> Result<Arc<Record>, PutError> {
        self.inner.index().check_room(&self.inner.limits, &file.account, 0)?;
        let written = self.inner.write_aside(source).await?;
        // In a task of its own, which ends what it began though nobody waits any more.
        let commit = tokio::spawn(Arc::clone(&self.inner).commit(file, written));
        commit.await.unwrap_or_else(|error| Err(PutError::Disk(io::Error::other(error))))
    }

    /// A file by which its account may begin new messages: its own, and not expired.
    #[must_use]
    pub fn find(&self, account: &AccountName, id: MediaId, now: Time) -> Option<Arc<Record>> {
        self.held(id).filter(|record| record.account == *account && now < record.expires_at)
    }

    /// A file that is still there, expired or not: for messages accepted earlier.
    #[must_use]
    pub fn held(&self, id: MediaId) -> Option<Arc<Record>> {
        self.inner.index().records.get(&id).cloned()
    }

    /// Files of an account that have not expired, by id, after the given one, at most `limit`.
    #[must_use]
    pub fn list(&self, account: &AccountName, after: Option<MediaId>, limit: usize) -> Vec<Arc<Record>> {
        let index = self.inner.index();
        let own = index.records.values().filter(|record| record.account == *account);
        let mut found: Vec<_> =
            own.filter(|record| after.is_none_or(|after| record.id > after)).cloned().collect();
        found.sort_unstable_by_key(|record| record.id);
        found.truncate(limit);
        found
    }

    /// What an account keeps now.
    #[must_use]
    pub fn usage(&self, account: &AccountName) -> Usage {
        self.inner.index().usage(account)
    }

    /// What all accounts keep now.
    #[must_use]
    pub fn total(&self) -> Usage {
        self.inner.index().total()
    }

    /// Keeps a file at least until then, since a message needs it. Survives a crash. Blocks.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn need(&self, id: MediaId, until: Time) -> io::Result<()> {
        let _alone = self.inner.records.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(record) = self.held(id).filter(|record| record.kept_until() < until) else { return Ok(()) };
        let record = Arc::new(Record { needed_until: Some(until), ..(*record).clone() });
        disk::write_record(&self.inner.root, &record)?;
        self.inner.index().records.insert(id, record);
        Ok(())
    }

    /// Where the content of a file lies, if it is on this disk.
    #[must_use]
    pub fn blob_path(&self, record: &Record) -> Option<PathBuf> {
        self.inner.contents.path(&record.content())
    }

    /// Copies the content of a file into a folder and sees to it that it is the right one.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if it is not there, [`io::ErrorKind::InvalidData`] if it was
    /// changed, else if it cannot be read or written now.
    pub async fn copy(&self, record: &Record, folder: &Path) -> io::Result<TempPath> {
        let source = self.open_blob(record).await?;
        let copied = write_to(folder, source, record.bytes).await.map_err(|error| match error {
            PutError::Source(error) | PutError::Disk(error) | PutError::Away(error) => error,
            PutError::TooLarge { .. } | PutError::Empty | PutError::Full => {
                io::Error::from(io::ErrorKind::InvalidData)
            }
        })?;
        if copied.sha256 == record.sha256 { Ok(copied.path) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Opens the content of a file.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open_blob(&self, record: &Record) -> io::Result<Reader> {
        self.inner.contents.read(&record.content(), 0, record.bytes).await
    }

    /// Removes a file of an account. `false` if there is none.
    ///
    /// # Errors
    /// If the disk fails.
    pub async fn remove(&self, account: &AccountName, id: MediaId) -> io::Result<bool> {
        let own = self.held(id).filter(|record| record.account == *account);
        Ok(self.inner.remove(own.into_iter().collect()).await?.records > 0)
    }

    /// Removes what has expired and is not needed any more, and content that nobody refers to.
    ///
    /// # Errors
    /// If the disk or the object store fails. What was not removed goes with the next sweep, or, if
    /// only its content is left on this disk, at the next start.
    pub async fn sweep(&self, now: Time, is_needed: impl Fn(&MediaId) -> bool) -> io::Result<Swept> {
        let mut going = self.inner.index().expired(now);
        // Asked without the lock, since it may take long; nobody begins to need an expired file.
        going.retain(|record| !is_needed(&record.id));
        let swept = self.inner.remove(going).await?;
        self.inner.clear_doubtful().await?;
        Ok(swept)
    }

    /// Path under which anyone can fetch a file, for networks that take links: it ends in an
    /// extension and carries a signature in place of credentials.
    #[must_use]
    pub fn public_path(&self, id: MediaId, extension: &str) -> String {
        self.inner.key.public_path(id, extension)
    }

    /// The file of a public path; `None` if the signature is wrong or the file gone.
    #[must_use]
    pub fn by_public_path(&self, path: &str) -> Option<Arc<Record>> {
        self.held(self.inner.key.verify(path)?)
    }
}

impl Inner {
    fn index(&self) -> MutexGuard<'_, Index> {
        // Nothing under the lock leaves the index half changed.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn(&self, sha256: &str) -> tokio::sync::MutexGuard<'_, ()> {
        let number = sha256.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        self.turns[number % TURNS].lock().await
    }

    async fn write_aside(&self, source: impl AsyncRead + Unpin) -> Result<Written, PutError> {
        let written = write_to(&disk::tmp(&self.root), source, self.limits.file_bytes).await?;
        if written.bytes == 0 { Err(PutError::Empty) } else { Ok(written) }
    }

    /// Makes written content part of the library: first the content, then the id.
    async fn commit(self: Arc<Self>, file: NewFile, written: Written) -> Result<Arc<Record>, PutError> {
        let _turn = self.turn(&written.sha256).await;
        let record = {
            let mut index = self.index();
            index.check_room(&self.limits, &file.account, written.bytes)?;
            let record = Arc::new(self.record(&index, file, &written));
            // From here on its content is referred to, and its place is taken.
            index.reserve(&record);
            record
        };
        match self.store(Arc::clone(&record), written).await {
            Ok(()) => {
                self.index().finish(Arc::clone(&record));
                Ok(record)
            }
            Err(error) => {
                self.index().give_back(&record);
                Err(error)
            }
        }
    }

    async fn store(self: &Arc<Self>, record: Arc<Record>, written: Written) -> Result<(), PutError> {
        let content = record.content();
        let away = |error| if content.away { PutError::Away(error) } else { PutError::Disk(error) };
        // Somebody else's of the same content may have been damaged.
        let known = self.index().is_shared(&content)
            && self.contents.size(&content).await.map_err(away)? == Some(record.bytes);
        if !known {
            if content.away {
                self.doubt(&content).await.map_err(PutError::Disk)?;
            }
            self.contents.put(&content, written.path).await.map_err(away)?;
        }
        let inner = Arc::clone(self);
        let write = move || {
            let _alone = inner.records.lock().unwrap_or_else(PoisonError::into_inner);
            disk::write_record(&inner.root, &record)
        };
        blocking(write).await.map_err(PutError::Disk)?;
        if !known && content.away {
            self.trust(&content).await.map_err(PutError::Disk)?;
        }
        Ok(())
    }

    fn record(&self, index: &Index, file: NewFile, written: &Written) -> Record {
        let id = self.unused_id(index, &file, written);
        Record {
            id,
            account: file.account,
            sha256: written.sha256.clone(),
            bytes: written.bytes,
            mime: file.mime,
            filename: file.filename.map(|name| name.chars().take(MAX_FILENAME).collect()),
            created_at: file.now,
            expires_at: file.now + self.limits.keep,
            needed_until: None,
            store: self.contents.store().map(str::to_owned),
        }
    }

    /// Ids come from the key, so that nobody can tell one from another, and need no randomness.
    fn unused_id(&self, index: &Index, file: &NewFile, written: &Written) -> MediaId {
        loop {
            let count = self.counter.fetch_add(1, Ordering::Relaxed);
            let id = MediaId::of(self.key.number(&[
                file.account.as_str().as_bytes(),
                written.sha256.as_bytes(),
                &file.now.as_micros().to_be_bytes(),
                &count.to_be_bytes(),
            ]));
            if !index.records.contains_key(&id) {
                return id;
            }
        }
    }

    async fn remove(self: &Arc<Self>, going: Vec<Arc<Record>>) -> io::Result<Swept> {
        let mut swept = Swept::default();
        for record in going {
            let _turn = self.turn(&record.sha256).await;
            let content = record.content();
            if content.away {
                self.doubt(&content).await?;
            }
            let (inner, id) = (Arc::clone(self), record.id);
            let forget = move || {
                let _alone = inner.records.lock().unwrap_or_else(PoisonError::into_inner);
                disk::remove(&disk::record_path(&inner.root, id))?;
                Ok(inner.index().forget(&record))
            };
            let Some(was_last) = blocking(forget).await? else { continue };
            swept.records += 1;
            if was_last {
                match self.contents.remove(&content).await {
                    Ok(()) => swept.blobs += 1,
                    Err(error) if content.away => {
                        tracing::warn!(%error, "an object could not be removed; the next sweep tries again");
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            self.trust(&content).await?;
        }
        Ok(swept)
    }

    /// Notes that an object may be there without an id.
    async fn doubt(self: &Arc<Self>, content: &Content) -> io::Result<()> {
        let (inner, sha256) = (Arc::clone(self), content.sha256.clone());
        blocking(move || disk::doubt(&inner.root, &sha256)).await
    }

    async fn trust(self: &Arc<Self>, content: &Content) -> io::Result<()> {
        let (inner, sha256) = (Arc::clone(self), content.sha256.clone());
        blocking(move || disk::trust(&inner.root, &sha256)).await
    }

    /// Removes objects that were left without an id.
    async fn clear_doubtful(self: &Arc<Self>) -> io::Result<()> {
        if self.contents.store().is_none() {
            return Ok(());
        }
        let inner = Arc::clone(self);
        for sha256 in blocking(move || disk::doubtful(&inner.root)).await? {
            let _turn = self.turn(&sha256).await;
            let content = Content { sha256, away: true };
            if !self.index().refers_to(&content) {
                self.contents.remove(&content).await?;
            }
            self.trust(&content).await?;
        }
        Ok(())
    }
}

/// Writes a stream of at most `max_bytes` to a new file in a folder and syncs it.
async fn write_to(
    folder: &Path,
    mut source: impl AsyncRead + Unpin,
    max_bytes: u64,
) -> Result<Written, PutError> {
    let folder = folder.to_owned();
    let temporary = blocking(move || tempfile::NamedTempFile::new_in(folder)).await;
    let (file, path) = temporary.map_err(PutError::Disk)?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let mut digest = Sha256::new();
    let mut bytes: u64 = 0;
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let count = source.read(&mut chunk).await.map_err(PutError::Source)?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        if bytes > max_bytes {
            return Err(PutError::TooLarge { limit: max_bytes });
        }
        digest.update(&chunk[..count]);
        file.write_all(&chunk[..count]).await.map_err(PutError::Disk)?;
    }
    file.flush().await.map_err(PutError::Disk)?;
    file.sync_all().await.map_err(PutError::Disk)?;
    Ok(Written { path, sha256: hex::encode(digest.finalize()), bytes })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
impl Library {
    fn root(&self) -> &Path {
        &self.inner.root
    }
}
