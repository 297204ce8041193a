//! `courant check`.

use std::path::Path;

use super::install_crypto;
use crate::{accounts::Accounts, config::Config, routes::Routes};

/// Reads the configuration, builds what can be built without a network, and says what it found.
pub(super) fn run(path: &Path, overrides: &[String]) -> Result<(), String> {
    let config = Config::read(path, overrides).map_err(|error| error.to_string())?;
    install_crypto();
    Routes::new(&config).map_err(|error| format!("{}: {error}", path.display()))?;
    Accounts::new(&config).map_err(|error| format!("{}: {error}", path.display()))?;
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
