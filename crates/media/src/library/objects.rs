//! An object store (S3, Google Cloud Storage, Azure, a mounted folder) that keeps contents in
//! place of the data folder.
//!
//! A content is one object, named by its digest below the configured prefix. It appears whole or
//! not at all: small ones by one request, larger ones in parts that count only once all are there.

use std::{fmt, io, path::Path as FilePath, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder,
    client::{HttpClient, HttpConnector},
    gcp::GoogleCloudStorageBuilder,
    local::LocalFileSystem,
    path::Path,
};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;
use url::Url;

/// Bytes of one part, all that an upload holds in memory; S3 wants at least five MiB.
const PART: usize = 8 * 1024 * 1024;
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest silence of the store.
const SILENCE: Duration = Duration::from_secs(20);
/// Longest time for a request without a body, with its repetitions.
const SMALL: Duration = Duration::from_secs(20);
/// Longest time for a part, with its repetitions.
const LARGE: Duration = Duration::from_secs(90);
/// Longest text of an error that is shown.
const MAX_ERROR: usize = 200;

/// A store of this kind; options that it does not know are errors.
macro_rules! build {
    ($builder:ty, $url:expr, $options:expr) => {{
        let builder = <$builder>::new()
            .with_url($url.as_str())
            .with_retry(retries())
            .with_http_connector(Connector::new($options));
        let builder = $options.iter().try_fold(builder, |builder, (key, value)| {
            let known =
                key.to_ascii_lowercase().parse().map_err(|_| format!("there is no option `{key}`"))?;
            Ok::<_, String>(builder.with_config(known, *value))
        })?;
        Arc::new(builder.build().map_err(|error| explain(&error).to_string())?) as Arc<dyn ObjectStore>
    }};
}

/// A stream of a content's bytes.
pub type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// A place for contents away from this machine. Clones are the same.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    name: Arc<str>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Objects").field(&self.name).finish()
    }
}

impl Objects {
    /// The store at this address (`s3://bucket/prefix`, `gs://…`, `az://…`, `file:///folder`), with
    /// options as the crate `object_store` names them. Nothing is connected to.
    ///
    /// # Errors
    /// What is wrong, for the operator; without the options' values.
    pub fn new(address: &str, options: &[(&str, &str)]) -> Result<Self, String> {
        let url = Url::parse(address).map_err(|error| format!("`{address}` is not a URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err("the URL takes no credentials; name them in the options".to_owned());
        }
        let store = match url.scheme() {
            "s3" => build!(AmazonS3Builder, &url, options),
            "gs" => build!(GoogleCloudStorageBuilder, &url, options),
            "az" => build!(MicrosoftAzureBuilder, &url, options),
            "file" => folder(&url, options)?,
            other => return Err(format!("`{other}` is no kind of store; there are s3, gs, az and file")),
        };
        let path = if url.scheme() == "file" { "" } else { url.path() };
        let prefix = Path::from_url_path(path).map_err(|error| error.to_string())?;
        Ok(Self { store, prefix, name: address.trim_end_matches('/').into() })
    }

    /// Its address, as configured.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes, reads and removes a small object of this name, to see whether all of that is
    /// possible.
    ///
    /// # Errors
    /// What is not, for the operator.
    pub async fn probe(&self, name: &str) -> io::Result<()> {
        let place = self.prefix.clone().join("probe").join(name);
        let said = Bytes::from_static(b"courant was here\n");
        within(SMALL, self.store.put(&place, said.clone().into())).await?;
        let read = within(SMALL, async { self.store.get(&place).await?.bytes().await }).await?;
        within(SMALL, self.store.delete(&place)).await?;
        if read == said { Ok(()) } else { Err(io::Error::other("the store gives back what was not written")) }
    }

    /// Keeps the content of a file under its digest.
    pub(super) async fn put(&self, sha256: &str, from: &FilePath) -> io::Result<()> {
        let mut file = tokio::fs::File::open(from).await?;
        let place = self.place(sha256);
        let first = part(&mut file).await?;
        if first.len() < PART {
            return within(LARGE, self.store.put(&place, first.into())).await.map(drop);
        }
        let mut upload = within(SMALL, self.store.put_multipart(&place)).await?;
        let sent = async {
            let mut next = first;
            while !next.is_empty() {
                within(LARGE, upload.put_part(next.into())).await?;
                next = part(&mut file).await?;
            }
            within(LARGE, upload.complete()).await
        };
        let sent = sent.await;
        if sent.is_err() {
            // What it leaves behind is never visible; the store's rules for unfinished uploads clear it.
            let _ = within(SMALL, upload.abort()).await;
        }
        sent.map(drop)
    }

    /// The size of a content; `None` if it is not there.
    pub(super) async fn size(&self, sha256: &str) -> io::Result<Option<u64>> {
        match within(SMALL, self.store.head(&self.place(sha256))).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Part of a content, as it comes; the range must not be empty.
    pub(super) async fn read(&self, sha256: &str, offset: u64, length: u64) -> io::Result<Reader> {
        let range = Some(GetRange::Bounded(offset..offset.saturating_add(length)));
        let options = GetOptions { range, ..GetOptions::default() };
        let answer = within(SMALL, self.store.get_opts(&self.place(sha256), options)).await?;
        let stream = answer.into_stream().map_err(|error| explain(&error));
        Ok(Box::new(StreamReader::new(stream).take(length)))
    }

    /// Removes a content; it is no error if it is gone.
    pub(super) async fn remove(&self, sha256: &str) -> io::Result<()> {
        match within(SMALL, self.store.delete(&self.place(sha256))).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    fn place(&self, sha256: &str) -> Path {
        let part = |at: usize| sha256.get(at..at + 2).unwrap_or("__");
        self.prefix.clone().join(part(0)).join(part(2)).join(sha256)
    }
}

fn folder(url: &Url, options: &[(&str, &str)]) -> Result<Arc<dyn ObjectStore>, String> {
    if !options.is_empty() {
        return Err("a folder takes no options".to_owned());
    }
    let path = url.to_file_path().map_err(|()| "write it as file:///folder".to_owned())?;
    let store = LocalFileSystem::new_with_prefix(&path).map_err(|_| {
        format!("the folder {} is not there; it is not made, since it may not be mounted", path.display())
    })?;
    Ok(Arc::new(store.with_fsync(true)))
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 3, retry_timeout: SMALL }
}

/// Makes the HTTP client: bounded waits, no redirects, no certificates where none are needed.
#[derive(Clone, Copy, Debug)]
struct Connector {
    plain: bool,
}

impl Connector {
    fn new(options: &[(&str, &str)]) -> Self {
        Self { plain: options.iter().any(|(_, value)| value.starts_with("http://")) }
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        crate::guard::install_crypto();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("courant-media/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        let builder = if self.plain { builder.no_proxy().tls_certs_only([]) } else { builder };
        let client = builder
            .build()
            .map_err(|error| object_store::Error::Generic { store: "HTTP", source: Box::new(error) })?;
        Ok(HttpClient::new(client))
    }
}

/// The next part of a file; shorter than [`PART`] only at its end.
async fn part(file: &mut tokio::fs::File) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    file.take(PART as u64).read_to_end(&mut bytes).await?;
    Ok(bytes.into())
}

async fn within<T>(limit: Duration, work: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome.map_err(|error| explain(&error)),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the object store does not answer in time")),
    }
}

/// An error in words for people. Answers of stores quote requests with what signs them, so that no
/// more than the beginning is repeated.
fn explain(error: &object_store::Error) -> io::Error {
    use object_store::Error;
    let (kind, known) = match error {
        Error::NotFound { .. } => (io::ErrorKind::NotFound, Some("the object store has no such object")),
        Error::PermissionDenied { .. } => {
            (io::ErrorKind::PermissionDenied, Some("the object store does not allow that"))
        }
        Error::Unauthenticated { .. } => {
            (io::ErrorKind::PermissionDenied, Some("the object store refuses the credentials"))
        }
        _ => (io::ErrorKind::Other, None),
    };
    match known {
        Some(known) => io::Error::new(kind, known),
        None => io::Error::new(kind, format!("the object store failed: {}", innermost(error))),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let text = inner.to_string();
    text.split('<').next().unwrap_or_default().trim_end_matches([' ', ':']).chars().take(MAX_ERROR).collect()
}
