//! `courant serve`.

use std::path::Path;

use super::{StopSignal, announce, install_crypto, start_log};
use crate::{app::App, config::Config};

/// Runs until told to stop.
pub(super) async fn run(path: &Path, overrides: &[String]) -> Result<(), String> {
    let config = Config::read(path, overrides).map_err(|error| error.to_string())?;
    start_log(&config.log);
    install_crypto();
    let mut stop = StopSignal::listen()?;
    let announced = config.clone();
    let running = App::start(config, None).await?;
    announce(&announced, running.app.url());
    println!("ready {}", running.app.url());
    stop.told().await;
    tracing::info!("stopping");
    running.stop().await;
    Ok(())
}
