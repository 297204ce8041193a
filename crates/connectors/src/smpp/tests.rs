//! Tests, one file per part; `smsc` talks raw octets over real sockets.

mod codec;
mod ids;
mod inbound;
mod receipt;
mod segment;
mod session;
mod settings;
mod smsc;
mod status;

use super::Settings;

/// Settings for a carrier on this host, changed by lines of TOML.
fn settings(more: &str) -> Settings {
    let base = "host = '127.0.0.1'\nport = 2775\nsystem_id = 'esme'\npassword = 'secret'\n";
    toml::from_str(&format!("{base}{more}")).expect("the settings of a test are valid")
}
