//! How many connections fit beside everything else that needs a file descriptor.
//!
//! If callers could use up all descriptors, networks could not be reached, callbacks not be posted
//! and the store could not open its files. So connections get at most half of them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The number of connections to serve at once: as configured, or half of the files that this process
/// may open. The soft limit is raised to the hard one first.
pub(crate) fn connections(configured: usize) -> usize {
    let most = raise().map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let fits = configured.min(most / 2).max(1);
    if fits < configured {
        tracing::warn!(
            files = most,
            connections = fits,
            configured,
            "this process may open too few files for the configured connections"
        );
    }
    fits
}

/// Raises the limit as far as allowed; what it is then, if there is one.
fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) =
            setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
    getrlimit(Resource::Nofile).current
}
