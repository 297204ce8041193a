//! Media on their way: checked before they are sent, kept when uploaded, handed to networks by
//! link or by id, made fit where the account wants it, and shown behind short links in SMS.
//!
//! - [`prepare`]: an attempt's content made ready, before it takes a place in a network's window
//! - `spots.rs`: where contents name media; `look.rs`: one of these places; `files.rs`: links fetched to disk
//! - [`meters`]: what is counted; `network.rs`: uploads to networks; `convert.rs`: making fit
//! - [`short`]: `{media_link}`; [`web`]: what anyone may fetch
//! - this file: the parts together, and the library for callers

mod convert;
mod files;
mod key;
mod look;
pub mod meters;
mod network;
mod once;
mod opinion;
pub mod prepare;
pub mod short;
mod spots;
mod waiting;
pub mod web;

pub use self::opinion::Opinion;

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use media::{
    check::{self, Checker},
    fetch::{Fetcher, Patience},
    guard::{Guard, Policy},
    library::{Library, Limits, MediaId, NewFile, Objects, PutError, Record, SigningKey, Usage},
    probe::Facts,
};
use model::{
    Content, Refusal, Span, Time,
    call::{Missing, Upload},
    content::MediaSource,
    message::{Body, StepDraft},
};
use store::Store;
use tokio::{
    io::AsyncRead,
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};
use tokio_util::sync::CancellationToken;

use self::{
    convert::{Converter, Program},
    files::{Copies, Files, LocalFile},
    key::Key,
    meters::Meters,
    network::NetworkFiles,
    once::Once,
    waiting::Waiting,
};
use crate::{
    accounts::Account,
    clock,
    config::{Config, MediaStoreConfig},
    core::Core,
    server::pace::Pace,
};

/// A message may need an upload this long after the instant at which it is to be sent.
const NEEDED: Span = Span::from_hours(7 * 24);
/// The need of an upload is written again only if it grew by this much.
const NEED_STEP: Span = Span::from_hours(24);
/// Request bodies above this size count as uploads.
pub const LARGE_BODY: u64 = 16 * 1024 * 1024;
/// How long an upload waits for its turn before it is refused.
const TURN: Span = Span::from_secs(5);
/// How often expired uploads are looked for.
const SWEEP: Span = Span::from_hours(1);
/// Kept files whose content is known.
const MAX_FACTS: usize = 10_000;
/// People who open short links at the same moment; more are shown the page and not counted.
const MAX_OPENINGS: usize = 256;

/// Everything about media.
pub struct MediaDesk {
    library: Library,
    checker: Checker,
    files: Files,
    network: NetworkFiles,
    converter: Converter,
    waiting: Waiting,
    key: Key,
    objects: Option<Objects>,
    copies: Copies,
    kept: Once<Result<Arc<LocalFile>, std::io::ErrorKind>>,
    meters: Meters,
    uploads: Arc<Semaphore>,
    pace: Pace,
    openings: Semaphore,
    counting: Mutex<()>,
    public_url: OnceLock<String>,
}

impl MediaDesk {
    /// Opens the library in the data folder and makes what checks links. Blocks.
    ///
    /// # Errors
    /// What is wrong, in words for the operator.
    pub fn open(config: &Config, store: Arc<dyn Store>, meters: Meters) -> Result<Self, String> {
        let settings = &config.media;
        let root = config.store.path.join("media");
        let explain = |error: std::io::Error| format!("{}: {error}", root.display());
        std::fs::create_dir_all(&root).map_err(explain)?;
        let key = Key::open(&root.join("key")).map_err(explain)?;
        let limits = Limits {
            file_bytes: settings.max_file_bytes,
            account_bytes: settings.account_bytes,
            account_files: settings.account_files,
            files: settings.files,
            keep: Span::from_hours(settings.keep_hours),
        };
        let objects = settings.store.as_ref().map(MediaStoreConfig::objects).transpose()?;
        let library =
            Library::open(&root, limits, SigningKey::new(&key.0), objects.clone()).map_err(explain)?;
        let files = Files::new(fetcher(config, &meters)?, root.join("spool")).map_err(explain)?;
        let spool = files.spool().to_owned();
        let timeout = Duration::from_millis(settings.ffmpeg_timeout_ms);
        let program = settings.ffmpeg.clone().map(|path| Program { path, timeout });
        let desk = Self {
            objects,
            copies: Copies::new(library.clone(), spool.clone()),
            library,
            checker: Checker::new(fetcher(config, &meters)?, check::Settings::new(spool.clone())),
            files,
            network: NetworkFiles::new(store, meters.clone()),
            meters,
            converter: Converter::new(spool, program),
            waiting: Waiting::default(),
            key,
            kept: Once::new(MAX_FACTS),
            uploads: Arc::new(Semaphore::new(settings.uploads.max(1))),
            pace: Pace::new(Duration::from_millis(settings.upload_idle_ms)),
            openings: Semaphore::new(MAX_OPENINGS),
            counting: Mutex::new(()),
            public_url: OnceLock::new(),
        };
        if let Some(url) = &config.server.public_url {
            desk.set_public_url(url);
        }
        Ok(desk)
    }

    /// Says under which address others reach this server; the first word counts.
    pub fn set_public_url(&self, url: &str) {
        let _ = self.public_url.set(url.trim_end_matches('/').to_owned());
    }

    fn public_url(&self) -> Option<&str> {
        self.public_url.get().map(String::as_str)
    }

    /// The right to receive one large body; waits a little for it. Held while the body is in
    /// memory, so that uploads together take at most so many times the largest body.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] if too many are being received.
    pub async fn upload_place(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = Arc::clone(&self.uploads).acquire_owned();
        match tokio::time::timeout(TURN.to_std(), place).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(Refusal::Overloaded),
        }
    }

    /// How fast large bodies have to come.
    pub(crate) const fn pace(&self) -> Pace {
        self.pace
    }

    /// Keeps a file of an account, read to its end and never held as a whole.
    ///
    /// # Errors
    /// If it is too large, empty, beyond the account's limits, or not received whole.
    pub async fn put(
        &self,
        account: &Account,
        mime: Option<String>,
        filename: Option<String>,
        source: impl AsyncRead + Unpin,
    ) -> Result<Arc<Record>, Refusal> {
        let kept = self.keep(account, mime, filename, source).await;
        self.meters.uploaded(kept.is_ok());
        kept
    }

    async fn keep(
        &self,
        account: &Account,
        mime: Option<String>,
        filename: Option<String>,
        source: impl AsyncRead + Unpin,
    ) -> Result<Arc<Record>, Refusal> {
        let own = &account.config.media;
        let usage = self.library.usage(&account.name);
        if own.max_files.is_some_and(|most| usage.files >= most)
            || own.max_bytes.is_some_and(|most| usage.bytes >= most)
        {
            return Err(full());
        }
        let mime = mime.unwrap_or_else(|| "application/octet-stream".to_owned());
        let file = NewFile { account: account.name.clone(), mime, filename, now: clock::now() };
        // One byte past the limit tells a file that is too large from one that just fits.
        let most = own.max_file_bytes.unwrap_or(u64::MAX - 1);
        let source = tokio::io::AsyncReadExt::take(source, most + 1);
        let record = self.library.put(file, source).await.map_err(refused)?;
        let too_many = own.max_bytes.is_some_and(|limit| usage.bytes + record.bytes > limit);
        if record.bytes > most || too_many {
            self.remove(account, record.id).await?;
            return Err(if too_many { full() } else { Refusal::TooLarge { limit: most } });
        }
        Ok(record)
    }

    /// Keeps what a dialect's upload brought; its id, and its public address if there is one.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn upload(
        &self,
        account: &Account,
        upload: &Upload,
    ) -> Result<(String, Option<String>), Refusal> {
        let told = upload.mime.clone().filter(|mime| media::probe::normal_type(mime).is_some());
        let mime = match told {
            Some(mime) => Some(mime),
            None => {
                let facts = Facts::of(std::io::Cursor::new(upload.bytes.clone()), None);
                let found = facts.ok().and_then(|facts| facts.format.mime()).map(str::to_owned);
                found.or_else(|| upload.mime.clone())
            }
        };
        let record = self.put(account, mime, upload.filename.clone(), &upload.bytes[..]).await?;
        Ok((record.id.to_string(), self.public_link(&record)))
    }

    /// A kept file of an account.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if it has none of this id, or it has expired.
    pub fn find(&self, account: &Account, id: &str) -> Result<Arc<Record>, Refusal> {
        let found = MediaId::parse(id).and_then(|id| self.library.find(&account.name, id, clock::now()));
        found.ok_or(Refusal::NotFound(Missing::Media))
    }

    /// The kept files of an account, by id, after the given one, at most `limit`.
    #[must_use]
    pub fn list(&self, account: &Account, after: Option<MediaId>, limit: usize) -> Vec<Arc<Record>> {
        self.library.list(&account.name, after, limit)
    }

    /// Removes a kept file; `false` if there was none.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if the disk fails.
    pub async fn remove(&self, account: &Account, id: MediaId) -> Result<bool, Refusal> {
        let (library, name) = (self.library.clone(), account.name.clone());
        // In a task of its own, so that what was begun is ended.
        let removed = tokio::spawn(async move { library.remove(&name, id).await }).await;
        match removed {
            Ok(Ok(removed)) => Ok(removed),
            Ok(Err(error)) => Err(disk_failed(&error)),
            Err(_) => Err(Refusal::Internal),
        }
    }

    /// What all accounts keep.
    #[must_use]
    pub fn total(&self) -> Usage {
        self.library.total()
    }

    /// The public address of a kept file, if the gateway has a public address.
    #[must_use]
    pub fn url(&self, record: &Record) -> Option<String> {
        self.public_link(record)
    }

    /// Sees to it that the uploads which these steps name stay until they are sent: at least seven
    /// days after the instant at which the message may leave. Durable before the message is.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] if the disk fails; the message must not be accepted then.
    pub async fn hold(
        &self,
        account: &Account,
        steps: &[StepDraft],
        send_at: Option<Time>,
    ) -> Result<(), Refusal> {
        let contents = steps.iter().filter_map(|step| match &step.body {
            Body::Ready(content) => Some(content),
            Body::Void(_) => None,
        });
        let now = clock::now();
        let until = send_at.map_or(now, |at| at.max(now)) + NEEDED;
        let growing: Vec<MediaId> = contents
            .flat_map(ids)
            .filter_map(|id| self.library.find(&account.name, id, now))
            .filter(|record| record.kept_until() < until)
            .map(|record| record.id)
            .collect();
        if growing.is_empty() {
            return Ok(());
        }
        let library = self.library.clone();
        // A little more than asked for, so that the next messages need no writing.
        let need = move || growing.into_iter().try_for_each(|id| library.need(id, until + NEED_STEP));
        match spawn_blocking(need).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "the need of an upload could not be written");
                Err(Refusal::Overloaded)
            }
            Err(_) => Err(Refusal::Internal),
        }
    }

    /// A kept file with what is in it.
    async fn kept_file(&self, kept: &Arc<Record>) -> Result<Arc<LocalFile>, std::io::ErrorKind> {
        let key = format!("{} {} {}", kept.sha256, kept.store.is_some(), kept.mime);
        let (path, copies, kept) = (self.library.blob_path(kept), self.copies.clone(), Arc::clone(kept));
        let work = || async move {
            match look_into(path, copies, kept).await {
                Ok(file) => (Ok(Arc::new(file)), Duration::from_secs(3600)),
                Err(kind) => (Err(kind), Duration::ZERO),
            }
        };
        self.kept.get(key, work).await.unwrap_or(Err(std::io::ErrorKind::Other))
    }
}

async fn look_into(
    path: Option<PathBuf>,
    copies: Copies,
    kept: Arc<Record>,
) -> Result<LocalFile, std::io::ErrorKind> {
    let copy = if path.is_none() { Some(copies.get(&kept).await?) } else { None };
    let read = spawn_blocking(move || match (path, copy) {
        (Some(path), _) => LocalFile::kept(path, kept.sha256.clone(), &kept.mime),
        (None, Some(copy)) => LocalFile::away(copies, kept, &copy),
        (None, None) => Err(std::io::ErrorKind::NotFound.into()),
    });
    read.await.map_err(|_| std::io::ErrorKind::Other)?.map_err(|error| error.kind())
}

/// The ids of the library that a content names.
fn ids(content: &Content) -> Vec<MediaId> {
    let id = |source: MediaSource| match source {
        MediaSource::Id(id) => MediaId::parse(&id),
        MediaSource::Link(_) => None,
    };
    spots::spots(content).into_iter().filter_map(|spot| id(spot.source)).collect()
}

fn fetcher(config: &Config, meters: &Meters) -> Result<Fetcher, String> {
    let settings = &config.media;
    let guard = Guard::new(Policy { allow: settings.allow.clone(), ..Policy::default() });
    let total = Duration::from_millis(settings.fetch_timeout_ms.max(1));
    let patience = Patience {
        connect: Duration::from_millis(settings.connect_timeout_ms.max(1)).min(total),
        head: Patience::default().head.min(total),
        total,
        window: Duration::from_millis(settings.slow_after_ms.max(1)),
        parallel: settings.fetches.max(1),
        ..Patience::default()
    };
    let meters = meters.clone();
    let fetcher = Fetcher::new(guard, patience);
    let fetcher = fetcher.map_err(|error| format!("no HTTP client for media: {error}"))?;
    Ok(fetcher.seen_by(Box::new(move |seen| meters.fetched(seen))))
}

fn full() -> Refusal {
    Refusal::invalid("file", "", "the account keeps as many files as it may")
}

fn refused(error: PutError) -> Refusal {
    match error {
        PutError::TooLarge { limit } => Refusal::TooLarge { limit },
        PutError::Empty => Refusal::invalid("file", "", "it is empty"),
        PutError::Full => full(),
        PutError::Source(_) => Refusal::malformed("the file was not received whole"),
        PutError::Disk(error) => disk_failed(&error),
        PutError::Away(error) => {
            tracing::error!(%error, "an upload could not be put into the object store");
            Refusal::Overloaded
        }
    }
}

fn disk_failed(error: &std::io::Error) -> Refusal {
    tracing::error!(%error, "the media library's disk failed");
    Refusal::Internal
}

/// Removes uploads that expired and that no accepted message needs, until `stop`.
pub async fn run(core: Arc<Core>, stop: CancellationToken) {
    if let Some(objects) = &core.media.objects {
        let name = format!("{:032x}", clock::random());
        tokio::select! {
            outcome = objects.probe(&name) => if let Err(error) = outcome {
                tracing::error!(%error, store = objects.name(), "the object store of uploads cannot be used");
            },
            () = stop.cancelled() => return,
        }
    }
    loop {
        // What messages need is written with the files, so nobody has to be asked.
        let swept = tokio::select! {
            swept = core.media.library.sweep(clock::now(), |_| false) => swept,
            () = stop.cancelled() => return,
        };
        match swept {
            Ok(swept) if swept.records > 0 => {
                tracing::info!(files = swept.records, "expired uploads were removed");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "expired uploads could not be removed"),
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP.to_std()) => {}
            () = stop.cancelled() => return,
        }
    }
}
