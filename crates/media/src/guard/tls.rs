//! Whom clients for callers' URLs trust: the operating system's authorities, read once.

use std::sync::LazyLock;

use rustls::{ClientConfig, RootCertStore};

/// Reading some hundred certificates takes as long as answering some hundred requests, and each
/// client would hold its own.
static CONFIG: LazyLock<ClientConfig> = LazyLock::new(|| {
    super::install_crypto();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        tracing::warn!("the system has no certificate authorities: no https address can be reached");
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
});

/// Settings for HTTP over TLS, the newer version first.
pub(super) fn config() -> ClientConfig {
    CONFIG.clone()
}
