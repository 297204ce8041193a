//! The certificate of the listener: read at the start, and again when its files change, so that
//! a renewed certificate needs no restart.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::config::Server;

/// How often the files are looked at, at most; no connection, no look.
const LOOK: Duration = Duration::from_secs(1);

/// What the files were like when they were read.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// The certificate and its key.
#[derive(Clone)]
pub(super) struct Certificate {
    paths: [PathBuf; 2],
    current: Arc<Mutex<Current>>,
}

struct Current {
    config: Arc<ServerConfig>,
    stamp: Stamp,
    looked: Instant,
}

impl Certificate {
    /// The configured certificate; `None` if there is none.
    ///
    /// # Errors
    /// If the files cannot be read or do not belong together.
    pub(super) fn of(settings: &Server) -> Result<Option<Self>, String> {
        let (Some(cert), Some(key)) = (&settings.tls_cert, &settings.tls_key) else { return Ok(None) };
        let paths = [cert.clone(), key.clone()];
        let stamp = stamp(&paths);
        let current = Current { config: read(&paths)?, stamp, looked: Instant::now() };
        Ok(Some(Self { paths, current: Arc::new(Mutex::new(current)) }))
    }

    /// What accepts a connection now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor_at(Instant::now())
    }

    fn acceptor_at(&self, now: Instant) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(current.looked) >= LOOK {
            current.looked = now;
            self.look(&mut current);
        }
        TlsAcceptor::from(Arc::clone(&current.config))
    }

    /// Reads the files again if they changed. Files that are not right, or not yet both there, leave
    /// things as they are; they are looked at again.
    fn look(&self, current: &mut Current) {
        let stamp = stamp(&self.paths);
        if stamp == current.stamp {
            return;
        }
        match read(&self.paths) {
            Ok(config) => {
                tracing::info!("the certificate was read again");
                (current.config, current.stamp) = (config, stamp);
            }
            Err(error) => tracing::warn!(%error, "the changed certificate is not right; the old one stays"),
        }
    }
}

fn stamp(paths: &[PathBuf; 2]) -> Stamp {
    let of = |path: &PathBuf| {
        let meta = fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    [of(&paths[0]), of(&paths[1])]
}

fn read([cert, key]: &[PathBuf; 2]) -> Result<Arc<ServerConfig>, String> {
    let explain = |path: &Path, error: &dyn Display| format!("{}: {error}", path.display());
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(cert).map_err(|error| explain(cert, &error))?.collect();
    let chain = chain.map_err(|error| explain(cert, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| explain(key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| explain(cert, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
