//! Connections to the carrier: TCP, with TLS if configured.

use std::{io, path::Path, sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::settings::{BadSettings, Settings};

/// Time for the connection and the TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection of either kind.
pub(super) type Connection = (Box<dyn AsyncRead + Send + Unpin>, Box<dyn AsyncWrite + Send + Unpin>);

/// How to connect.
pub(super) struct Transport {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Transport {
    /// Reads the certificates to trust.
    ///
    /// # Errors
    /// If the file cannot be read or the host name cannot be one.
    pub(super) fn new(settings: &Settings) -> Result<Self, BadSettings> {
        let tls = if settings.tls { Some(tls(settings)?) } else { None };
        Ok(Self { host: settings.host.clone(), port: settings.port, tls })
    }

    /// Connects.
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        timeout(CONNECT_TIMEOUT, self.connect_unbounded())
            .await
            .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }

    async fn connect_unbounded(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => {
                let (reader, writer) = stream.into_split();
                Ok((Box::new(reader), Box::new(writer)))
            }
            Some((connector, name)) => {
                let (reader, writer) = tokio::io::split(connector.connect(name.clone(), stream).await?);
                Ok((Box::new(reader), Box::new(writer)))
            }
        }
    }
}

fn tls(settings: &Settings) -> Result<(TlsConnector, ServerName<'static>), BadSettings> {
    let roots = match &settings.ca_file {
        Some(file) => roots_of_file(file)?,
        None => roots_of_system(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BadSettings(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(settings.host.clone())
        .map_err(|_| BadSettings("host is no name that a certificate can have".into()))?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

fn roots_of_file(file: &Path) -> Result<RootCertStore, BadSettings> {
    let bad = |error: &dyn std::fmt::Display| BadSettings(format!("ca_file {}: {error}", file.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| bad(&error))? {
        let certificate = certificate.map_err(|error| bad(&error))?;
        roots.add(certificate).map_err(|error| bad(&error))?;
    }
    if roots.is_empty() { Err(bad(&"no certificate in it")) } else { Ok(roots) }
}

fn roots_of_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
