//! `courant serve`.

use std::path::Path;

use super::{announce, install_crypto, start_log, told_to_stop};
use crate::{app::App, config::Config};

/// Runs until told to stop.
pub(super) async fn run(path: &Path, overrides: &[String]) -> Result<(), String> {
    let config = Config::read(path, overrides).map_err(|error| error.to_string())?;
    start_log(&config.log);
    install_crypto();
    let announced = config.clone();
    let running = App::start(config, None).await?;
    announce(&announced, running.app.url());
    println!("ready {}", running.app.url());
    told_to_stop().await;
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}
