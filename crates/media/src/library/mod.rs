//! Files that accounts upload, kept on disk by the digest of their content.
//!
//! ```text
//! blobs/ab/cd/abcd…   content, named by its SHA-256; once for all who uploaded it
//! index/42/…42        one small JSON file per media id
//! tmp/                what is being written; emptied at start
//! ```
//!
//! Content and index files are written aside, synced and renamed, content first, so that after a
//! crash a media id is either wholly there or not at all. The index is held in memory too, within
//! [`Limits::files`]. One process owns a folder.

mod disk;
mod serve;
mod sign;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt, fs, io,
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

use crate::probe::Facts;

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
}

impl Record {
    /// When it may go, with what messages need.
    #[must_use]
    pub fn kept_until(&self) -> Time {
        self.needed_until.map_or(self.expires_at, |needed| needed.max(self.expires_at))
    }
}

/// What an account keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files.
    pub files: u64,
    /// Their bytes; content uploaded twice counts twice.
    pub bytes: u64,
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
    /// Held while names appear or vanish on disk, so that a sweep does not remove content that an
    /// upload is about to refer to.
    commit: Mutex<()>,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    records: HashMap<MediaId, Arc<Record>>,
    usage: HashMap<AccountName, Usage>,
    references: HashMap<String, u32>,
}

/// Content written aside and not yet part of the library.
struct Written {
    path: TempPath,
    sha256: String,
    bytes: u64,
}

impl Library {
    /// Opens the library in a folder, which is made if need be. Blocks. Leftovers of a crash are
    /// cleared away: unfinished files, ids without content, content without ids.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn open(root: &Path, limits: Limits, key: SigningKey) -> io::Result<Self> {
        disk::prepare(root)?;
        let mut index = Index::default();
        for record in disk::read_index(root)? {
            index.add(Arc::new(record));
        }
        disk::remove_blobs(root, |sha256| !index.references.contains_key(sha256))?;
        let inner = Inner {
            root: root.to_owned(),
            limits,
            key,
            counter: AtomicU64::new(0),
            commit: Mutex::new(()),
            index: Mutex::new(index),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Keeps a file, read to its end.
    ///
    /// # Errors
    /// If it is not kept; nothing is left of it then.
    pub async fn put(&self, file: NewFile, source: impl AsyncRead + Unpin) -> Result<Arc<Record>, PutError> {
        self.inner.check_room(&file.account, 0)?;
        let written = self.inner.write_aside(source).await?;
        let inner = Arc::clone(&self.inner);
        let commit = spawn_blocking(move || inner.commit(file, written));
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
        self.inner.index().usage.get(account).copied().unwrap_or_default()
    }

    /// Keeps a file at least until then, since a message needs it. Survives a crash. Blocks.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn need(&self, id: MediaId, until: Time) -> io::Result<()> {
        let _commit = self.inner.commit.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(record) = self.held(id).filter(|record| record.kept_until() < until) else { return Ok(()) };
        let record = Arc::new(Record { needed_until: Some(until), ..(*record).clone() });
        disk::write_record(&self.inner.root, &record)?;
        self.inner.index().records.insert(id, record);
        Ok(())
    }

    /// Where the content of a file lies.
    #[must_use]
    pub fn blob_path(&self, record: &Record) -> PathBuf {
        disk::blob_path(&self.inner.root, &record.sha256)
    }

    /// Looks into the content of a file. Blocks.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn facts(&self, record: &Record) -> io::Result<Facts> {
        Facts::of(fs::File::open(self.blob_path(record))?, Some(&record.mime))
    }

    /// Opens the content of a file.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open_blob(&self, record: &Record) -> io::Result<tokio::fs::File> {
        tokio::fs::File::open(self.blob_path(record)).await
    }

    /// Removes a file of an account. Blocks. `false` if there is none.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn remove(&self, account: &AccountName, id: MediaId) -> io::Result<bool> {
        let own = self.held(id).filter(|record| record.account == *account);
        Ok(self.inner.remove(own.into_iter().collect())?.records > 0)
    }

    /// Removes what has expired and is not needed any more, and content that nobody refers to.
    /// Blocks.
    ///
    /// # Errors
    /// If the disk fails. What was not removed goes with the next sweep, or, if only its content is
    /// left, at the next start.
    pub fn sweep(&self, now: Time, is_needed: impl Fn(&MediaId) -> bool) -> io::Result<Swept> {
        let expired = |record: &&Arc<Record>| record.kept_until() <= now;
        let mut going: Vec<_> = self.inner.index().records.values().filter(expired).cloned().collect();
        // Asked without the lock, since it may take long; nobody begins to need an expired file.
        going.retain(|record| !is_needed(&record.id));
        self.inner.remove(going)
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

    fn check_room(&self, account: &AccountName, bytes: u64) -> Result<(), PutError> {
        let index = self.index();
        let usage = index.usage.get(account).copied().unwrap_or_default();
        let fits = index.records.len() < self.limits.files
            && usage.files < self.limits.account_files
            && usage.bytes.saturating_add(bytes) <= self.limits.account_bytes;
        if fits { Ok(()) } else { Err(PutError::Full) }
    }

    async fn write_aside(&self, mut source: impl AsyncRead + Unpin) -> Result<Written, PutError> {
        let folder = disk::tmp(&self.root);
        let temporary = spawn_blocking(move || tempfile::NamedTempFile::new_in(folder)).await;
        let temporary = temporary.unwrap_or_else(|error| Err(io::Error::other(error)));
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
            if bytes > self.limits.file_bytes {
                return Err(PutError::TooLarge { limit: self.limits.file_bytes });
            }
            digest.update(&chunk[..count]);
            file.write_all(&chunk[..count]).await.map_err(PutError::Disk)?;
        }
        if bytes == 0 {
            return Err(PutError::Empty);
        }
        file.flush().await.map_err(PutError::Disk)?;
        file.sync_all().await.map_err(PutError::Disk)?;
        Ok(Written { path, sha256: hex::encode(digest.finalize()), bytes })
    }

    /// Makes written content part of the library: first the content, then the id.
    fn commit(&self, file: NewFile, written: Written) -> Result<Arc<Record>, PutError> {
        let _commit = self.commit.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_room(&file.account, written.bytes)?;
        let record = Arc::new(self.record(file, &written));
        let place = disk::blob_path(&self.root, &record.sha256);
        let known = self.index().references.contains_key(&record.sha256);
        if !known || !is_file_of(&place, record.bytes) {
            disk::place(written.path, &place).map_err(PutError::Disk)?;
        }
        disk::write_record(&self.root, &record).map_err(PutError::Disk)?;
        self.index().add(Arc::clone(&record));
        Ok(record)
    }

    fn record(&self, file: NewFile, written: &Written) -> Record {
        let id = self.unused_id(&file, written);
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
        }
    }

    /// Ids come from the key, so that nobody can tell one from another, and need no randomness.
    fn unused_id(&self, file: &NewFile, written: &Written) -> MediaId {
        let index = self.index();
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

    fn remove(&self, going: Vec<Arc<Record>>) -> io::Result<Swept> {
        let _commit = self.commit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut swept = Swept::default();
        for record in going {
            if !self.index().records.contains_key(&record.id) {
                continue;
            }
            disk::remove(&disk::record_path(&self.root, record.id))?;
            swept.records += 1;
            if self.index().forget(&record) {
                disk::remove(&disk::blob_path(&self.root, &record.sha256))?;
                swept.blobs += 1;
            }
        }
        Ok(swept)
    }
}

impl Index {
    fn add(&mut self, record: Arc<Record>) {
        let usage = self.usage.entry(record.account.clone()).or_default();
        usage.files += 1;
        usage.bytes += record.bytes;
        *self.references.entry(record.sha256.clone()).or_default() += 1;
        self.records.insert(record.id, record);
    }

    /// Forgets a record; `true` if nobody refers to its content any more.
    fn forget(&mut self, record: &Record) -> bool {
        if self.records.remove(&record.id).is_none() {
            return false;
        }
        if let Some(usage) = self.usage.get_mut(&record.account) {
            usage.files -= 1;
            usage.bytes -= record.bytes;
            if usage.files == 0 {
                self.usage.remove(&record.account);
            }
        }
        match self.references.get_mut(&record.sha256) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => self.references.remove(&record.sha256).is_some(),
        }
    }
}

#[cfg(test)]
impl Library {
    fn root(&self) -> &Path {
        &self.inner.root
    }
}

/// Whether a file is there; errors count as absence.
fn is_file_of(path: &Path, bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes)
}
