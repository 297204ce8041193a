//! Name look-up that answers permitted addresses only.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{sync::Semaphore, time::timeout};

use super::{Blocked, Guard};

/// How long a look-up may take, including waiting for its turn.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(4);

/// Look-ups at the same time. Each holds a thread of the runtime's blocking pool until the system
/// gives up, however early we stop waiting for it.
const MAX_LOOKUPS: usize = 32;

/// Addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 32;

/// Why a name gave no address, apart from policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// No such name, or no address for it.
    #[error("the host name cannot be resolved")]
    Unknown,
    /// The name server did not answer in time, or too many look-ups were waiting.
    #[error("looking up the host name took too long")]
    TimedOut,
}

type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Asks for the addresses of a name; the limit is shared by all clones.
#[derive(Clone)]
pub(super) struct Lookup {
    ask: Arc<dyn Fn(String) -> LookupFuture + Send + Sync>,
    turns: Arc<Semaphore>,
}

impl Lookup {
    /// The system's resolver.
    pub(super) fn system() -> Self {
        Self::by(|name| Box::pin(ask_system(name)))
    }

    /// Any resolver, for tests.
    pub(super) fn by(ask: impl Fn(String) -> LookupFuture + Send + Sync + 'static) -> Self {
        Self { ask: Arc::new(ask), turns: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }

    async fn addresses(&self, name: String) -> Result<Vec<IpAddr>, Unresolved> {
        match timeout(LOOKUP_TIMEOUT, self.in_turn(name)).await {
            Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            Ok(_) => Err(Unresolved::Unknown),
            Err(_) => Err(Unresolved::TimedOut),
        }
    }

    async fn in_turn(&self, name: String) -> io::Result<Vec<IpAddr>> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(io::Error::other)?;
        let asking = (self.ask)(name);
        // A task of its own, so that the turn is given back when the look-up really ends and not
        // when we stop waiting.
        let task = tokio::spawn(async move {
            let answer = asking.await;
            drop(turn);
            answer
        });
        task.await.map_err(io::Error::other)?
    }
}

async fn ask_system(name: String) -> io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((name, 0)).await?;
    Ok(found.take(MAX_ADDRESSES).map(|address| address.ip()).collect())
}

/// Resolves names for a client and keeps it away from forbidden addresses.
pub struct PinnedResolver {
    guard: Guard,
}

impl PinnedResolver {
    pub(super) fn new(guard: Guard) -> Self {
        Self { guard }
    }
}

impl Resolve for PinnedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let addresses = guard.lookup.addresses(name).await?;
            let permitted = permitted(&guard, &addresses)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// The addresses that may be connected to; the port 0 stands for the URL's.
fn permitted(guard: &Guard, addresses: &[IpAddr]) -> Result<Vec<SocketAddr>, Blocked> {
    let mut permitted = Vec::new();
    let mut refused = None;
    for &address in addresses.iter().take(MAX_ADDRESSES) {
        match guard.check_address(address) {
            Ok(()) => permitted.push(SocketAddr::new(address, 0)),
            Err(reason) => refused = Some(reason),
        }
    }
    match refused {
        Some(reason) if permitted.is_empty() => Err(reason),
        _ => Ok(permitted),
    }
}

#[cfg(test)]
impl Guard {
    /// The same guard with canned answers instead of name servers.
    pub(crate) fn with_answers(
        mut self,
        answers: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.lookup = Lookup::by(move |name| {
            let answer = answers(&name);
            Box::pin(async move { answer })
        });
        self
    }
}
