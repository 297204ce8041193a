//! Files on local disk that came from links, were made from others, or are kept, and what is in them.

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use media::{
    fetch::{FetchError, Fetched, Fetcher, Order},
    library::{Library, Record},
    limits::Purpose,
    probe::{Facts, Format, Size, normal_type},
};
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::{io::AsyncWriteExt, task::spawn_blocking};

use super::once::Once;

/// How long a fetched file is kept for other messages with the same link, unless its server says
/// less. WhatsApp keeps the file of a link for about as long.
const KEEP: Duration = Duration::from_secs(600);
/// How long a failure is believed.
const KEEP_FAILURE: Duration = Duration::from_secs(30);
/// Fetched files kept at once; they may have 100 MB each.
const MAX_FILES: usize = 64;
/// Redirects that are followed unless the dialect forbids them.
const MAX_REDIRECTS: u8 = 3;

/// A file that can be had on local disk, and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct LocalFile {
    place: Place,
    pub(super) bytes: u64,
    pub(super) mime: String,
    /// Digest of the content in hex.
    pub(super) sha256: String,
    pub(super) facts: Facts,
}

#[derive(Clone)]
enum Place {
    /// In the library, on this disk.
    Kept(PathBuf),
    /// In the spool; removed when the last user is gone.
    Spooled(Arc<TempPath>),
    /// In the library's object store; copied when it is needed.
    Away(Copies, Arc<Record>),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(path) => f.debug_tuple("Kept").field(path).finish(),
            Self::Spooled(path) => f.debug_tuple("Spooled").field(path).finish(),
            Self::Away(_, record) => f.debug_tuple("Away").field(&record.id).finish(),
        }
    }
}

/// A file on local disk, which stays while this is held.
#[derive(Clone, Debug)]
pub(super) struct Here {
    pub(super) path: PathBuf,
    _keep: Option<Arc<TempPath>>,
}

/// Copies in the spool of files that the library keeps in an object store.
#[derive(Clone)]
pub(super) struct Copies {
    library: Library,
    spool: PathBuf,
    made: Once<Result<Arc<TempPath>, io::ErrorKind>>,
}

impl Copies {
    pub(super) fn new(library: Library, spool: PathBuf) -> Self {
        Self { library, spool, made: Once::new(MAX_FILES) }
    }

    /// A copy of a file, made once for all who ask.
    pub(super) async fn get(&self, record: &Arc<Record>) -> Result<Arc<TempPath>, io::ErrorKind> {
        let work = || {
            let (all, record) = (self.clone(), Arc::clone(record));
            async move {
                match all.library.copy(&record, &all.spool).await {
                    Ok(path) => (Ok(Arc::new(path)), KEEP),
                    Err(error) => {
                        tracing::warn!(%error, media = %record.id, "an upload could not be copied");
                        (Err(error.kind()), Duration::ZERO)
                    }
                }
            }
        };
        self.made.get(record.sha256.clone(), work).await.unwrap_or(Err(io::ErrorKind::Other))
    }
}

/// What came of fetching a link.
#[derive(Clone, Debug)]
pub(super) enum Got {
    File(Arc<LocalFile>),
    TooLarge(u64),
    Failed(FetchError),
}

/// Fetches links into the spool, each once for all who ask.
pub(super) struct Files {
    fetcher: Arc<Fetcher>,
    spool: PathBuf,
    got: Once<Got>,
}

impl Files {
    /// `spool` is emptied: what lies there is left from a crash.
    pub(super) fn new(fetcher: Fetcher, spool: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&spool)?;
        for entry in fs::read_dir(&spool)? {
            let path = entry?.path();
            if path.is_file() {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { fetcher: Arc::new(fetcher), spool, got: Once::new(MAX_FILES) })
    }

    pub(super) fn spool(&self) -> &Path {
        &self.spool
    }

    /// The file behind a link, at most `max_bytes`.
    pub(super) async fn get(&self, account: &str, link: &str, purpose: &Purpose<'_>, max_bytes: u64) -> Got {
        let redirects = if purpose.no_redirects { 0 } else { MAX_REDIRECTS };
        let key = format!("{max_bytes} {redirects} {} {account} {link}", account.len());
        let (fetcher, spool) = (Arc::clone(&self.fetcher), self.spool.clone());
        let (account, link) = (account.to_owned(), link.to_owned());
        let work = || async move {
            let (account, link) = (account.as_str(), link.as_str());
            let order = Order { account, link, max_bytes, max_redirects: redirects, validators: None };
            match fetch(&fetcher, spool, order).await {
                Ok((got, keep)) => (got, keep),
                // These say nothing of the link.
                Err(error @ (FetchError::Sink(_) | FetchError::NoTurn)) => {
                    (Got::Failed(error), Duration::ZERO)
                }
                Err(error) => (Got::Failed(error), KEEP_FAILURE),
            }
        };
        self.got.get(key, work).await.unwrap_or(Got::Failed(FetchError::Broken))
    }
}

async fn fetch(fetcher: &Fetcher, spool: PathBuf, order: Order<'_>) -> Result<(Got, Duration), FetchError> {
    let file = blocking(move || NamedTempFile::new_in(spool)).await?;
    let (file, path) = file.into_parts();
    let mut sink = tokio::fs::File::from_std(file);
    let max_bytes = order.max_bytes;
    let head = match fetcher.fetch(order, &mut sink).await? {
        Fetched::Whole { head, .. } => head,
        Fetched::Larger(_) => return Ok((Got::TooLarge(max_bytes), KEEP)),
        Fetched::Unchanged(_) => return Err(FetchError::Broken),
    };
    sink.flush().await.map_err(|error| FetchError::Sink(error.kind()))?;
    let declared = head.content_type;
    let file = blocking(move || LocalFile::spooled(path, declared.as_deref())).await?;
    let caching = head.caching;
    let keep = caching.max_age.unwrap_or(KEEP).min(KEEP);
    let keep = if caching.no_store || caching.no_cache { Duration::ZERO } else { keep };
    Ok((Got::File(Arc::new(file)), keep))
}

impl LocalFile {
    /// A file of the spool. Blocks.
    pub(super) fn spooled(path: TempPath, declared: Option<&str>) -> io::Result<Self> {
        let facts = facts_of(&path, declared)?;
        let sha256 = digest(&path)?;
        Ok(Self::new(Place::Spooled(Arc::new(path)), facts, sha256))
    }

    /// A file of the library on this disk. Blocks.
    pub(super) fn kept(path: PathBuf, sha256: String, declared: &str) -> io::Result<Self> {
        let facts = facts_of(&path, Some(declared))?;
        Ok(Self::new(Place::Kept(path), facts, sha256))
    }

    /// A file of the library's object store, known by a copy of it. Blocks.
    pub(super) fn away(copies: Copies, record: Arc<Record>, copy: &Path) -> io::Result<Self> {
        let facts = facts_of(copy, Some(&record.mime))?;
        let sha256 = record.sha256.clone();
        Ok(Self::new(Place::Away(copies, record), facts, sha256))
    }

    fn new(place: Place, facts: Facts, sha256: String) -> Self {
        let bytes = match facts.size {
            Size::Exactly(bytes) | Size::MoreThan(bytes) => bytes,
        };
        let mime = facts.declared.clone().unwrap_or_else(|| "application/octet-stream".to_owned());
        Self { place, bytes, mime, sha256, facts }
    }

    /// The file on this disk.
    pub(super) async fn here(&self) -> Result<Here, io::ErrorKind> {
        match &self.place {
            Place::Kept(path) => Ok(Here { path: path.clone(), _keep: None }),
            Place::Spooled(path) => Ok(Here { path: path.to_path_buf(), _keep: Some(Arc::clone(path)) }),
            Place::Away(copies, record) => {
                let copy = copies.get(record).await?;
                Ok(Here { path: copy.to_path_buf(), _keep: Some(copy) })
            }
        }
    }
}

/// What a file is; a type that says nothing is taken from the content.
fn facts_of(path: &Path, declared: Option<&str>) -> io::Result<Facts> {
    let mut facts = Facts::of(fs::File::open(path)?, declared)?;
    if facts.declared.is_none() {
        facts.declared = told_by(&facts.format);
    }
    Ok(facts)
}

fn told_by(format: &Format) -> Option<String> {
    format.mime().and_then(normal_type)
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&chunk[..count]);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FetchError> {
    let outcome = spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
    outcome.map_err(|error| FetchError::Sink(error.kind()))
}
