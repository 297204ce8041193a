//! The guard in front of every connection whose target a caller chose.
//!
//! Two gates, both needed. [`Guard::check`] judges the URL as written: scheme, port, and the host
//! if it is an address in any spelling. [`Guard::resolver`] judges what a name stands for at the
//! moment of connecting, and hands the connection the very addresses it judged, so that a name
//! which changes its answer between look-up and connection gains nothing. A client built by
//! [`Guard::client`] passes the second gate always and follows no redirect, so that each hop
//! comes back through the first.

mod address;
mod resolver;
#[cfg(test)]
mod tests;
mod tls;

use std::{error::Error, net::IpAddr, sync::Arc};

use url::{Host, Url};

pub use address::Class;
pub use resolver::{PinnedResolver, Unresolved};

use resolver::Lookup;

/// The longest URL that is looked at, in bytes.
pub const MAX_URL_BYTES: usize = 8 * 1024;

/// What the operator allows beyond the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Networks that may be reached although they are not public, on any port where the URL
    /// names the address itself.
    pub allow: Vec<ipnet::IpNet>,
    /// Ports that may be reached beyond those the guard knows as harmless.
    pub ports: Vec<u16>,
}

/// Judges URLs and addresses by a [`Policy`]. Cheap to clone; clones share the limit on look-ups.
#[derive(Clone)]
pub struct Guard {
    policy: Arc<Policy>,
    lookup: Lookup,
}

/// Why the guard refuses. The text is for people and names no internal address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// It is not a URL.
    #[error("the address is not a valid URL")]
    Malformed,
    /// It is longer than [`MAX_URL_BYTES`].
    #[error("the URL is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// Only http and https are fetched.
    #[error("only http and https URLs are allowed, not {0}")]
    Scheme(String),
    /// User name or password in a URL end in logs.
    #[error("the URL must not carry a user name or password")]
    Userinfo,
    /// There is nobody to connect to.
    #[error("the URL names no host")]
    NoHost,
    /// The port belongs to another kind of service.
    #[error("port {0} is not allowed")]
    Port(u16),
    /// The host is, or stands for, an address outside the public internet.
    #[error("the host has an address that is not allowed ({0})")]
    Address(Class),
}

impl Blocked {
    /// The guard's reason inside an error of a client made by [`Guard::client`], if the guard is
    /// what stopped the request.
    #[must_use]
    pub fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        find_source(error)
    }
}

impl Unresolved {
    /// The resolver's reason inside an error of a client made by [`Guard::client`].
    #[must_use]
    pub fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        find_source(error)
    }
}

fn find_source<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

impl Guard {
    /// A guard that asks the system's resolver.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy: Arc::new(policy), lookup: Lookup::system() }
    }

    /// Judges a URL as written. The returned URL is the normalised one; connect to it, not to the
    /// text, since two parsers may read one text in two ways.
    ///
    /// # Errors
    /// If the URL may not be connected to. Names other than `localhost` are judged later, by
    /// [`Self::resolver`].
    pub fn check(&self, url: &str) -> Result<Url, Blocked> {
        if url.len() > MAX_URL_BYTES {
            return Err(Blocked::TooLong);
        }
        let url = Url::parse(url).map_err(|_| Blocked::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Blocked::Scheme(url.scheme().chars().take(20).collect()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Blocked::Userinfo);
        }
        self.check_target(&url)?;
        Ok(url)
    }

    fn check_target(&self, url: &Url) -> Result<(), Blocked> {
        let port = url.port_or_known_default().ok_or(Blocked::NoHost)?;
        let named = match url.host().ok_or(Blocked::NoHost)? {
            Host::Ipv4(address) => vec![IpAddr::V4(address)],
            Host::Ipv6(address) => vec![IpAddr::V6(address)],
            Host::Domain(name) if is_localhost(name) => address::LOOPBACKS.to_vec(),
            Host::Domain(_) => return self.check_port(port),
        };
        if named.iter().any(|&address| self.is_allowed(address)) {
            return Ok(());
        }
        self.check_port(port)?;
        named.into_iter().try_for_each(|address| self.check_address(address))
    }

    /// Judges one address. An IPv6 address that carries IPv4 addresses is judged by these.
    ///
    /// # Errors
    /// If it is outside the public internet and not allowed by the policy.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Blocked> {
        if self.is_allowed(address) {
            return Ok(());
        }
        let forbidden = |face: &IpAddr| if self.is_allowed(*face) { None } else { address::class(*face) };
        match address::faces(address).iter().find_map(forbidden) {
            Some(class) => Err(Blocked::Address(class)),
            None => Ok(()),
        }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.policy.allow.iter().any(|network| network.contains(&address))
    }

    fn check_port(&self, port: u16) -> Result<(), Blocked> {
        if self.policy.ports.contains(&port) || is_web_port(port) { Ok(()) } else { Err(Blocked::Port(port)) }
    }

    /// A resolver for `reqwest::ClientBuilder::dns_resolver` that answers permitted addresses
    /// only. If a name has permitted and forbidden ones, only the permitted are connected to.
    #[must_use]
    pub fn resolver(&self) -> Arc<PinnedResolver> {
        Arc::new(PinnedResolver::new(self.clone()))
    }

    /// Settings that any client for callers' URLs needs: the system's certificate authorities, this
    /// guard's resolver, no redirects, no proxy from the environment (a proxy would resolve the name
    /// itself, past the guard) and no `Referer`.
    pub fn client(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config())
            .dns_resolver(self.resolver())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
    }
}

/// Makes ring the process's provider, if there is none.
pub(crate) fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error says that somebody else was quicker.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Names that mean this machine whatever a name server says.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// Ports above 1023 at which something else than a web server is commonly found. A request
/// written by a stranger can do harm there.
const SERVICE_PORTS: [u16; 40] = [
    1080, 1099, 1433, 1434, 1521, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 2775, 3128, 3306, 3389, 4369,
    5060, 5061, 5432, 5672, 5900, 5984, 5985, 6000, 6379, 6665, 6666, 6667, 6668, 6669, 6697, 9042, 9092,
    9200, 9300, 10250, 11211, 27017, 27018,
];

fn is_web_port(port: u16) -> bool {
    matches!(port, 80 | 443) || (port >= 1024 && !SERVICE_PORTS.contains(&port))
}
