//! `courant check`.

use std::path::Path;

use super::install_crypto;
use crate::{accounts::Accounts, clock, config::Config, routes::Routes};

/// Reads the configuration, builds what can be built without a network, and says what it found.
///
/// Of networks only the object store is tried, since uploads cannot be kept without it; that it
/// cannot be reached from here is no fault of the file.
pub(super) async fn run(path: &Path, overrides: &[String]) -> Result<(), String> {
    let config = Config::read(path, overrides).map_err(|error| error.to_string())?;
    install_crypto();
    Routes::new(&config).map_err(|error| format!("{}: {error}", path.display()))?;
    Accounts::new(&config).map_err(|error| format!("{}: {error}", path.display()))?;
    if let Some(store) = &config.media.store {
        let objects = store.objects().map_err(|error| format!("{}: {error}", path.display()))?;
        if let Err(error) = objects.probe(&format!("{:032x}", clock::random())).await {
            eprintln!("note: {} cannot be used from here: {error}", objects.name());
        }
    }
    for account in config.accounts.iter().filter(|account| account.routes.is_empty()) {
        eprintln!(
            "note: account `{}` has no routes; everything it sends will fail as unconfigured",
            account.name
        );
    }
    println!(
        "{} is right: {} routes, {} accounts, listening at {}",
        path.display(),
        config.routes.len(),
        config.accounts.len(),
        config.server.listen
    );
    Ok(())
}
