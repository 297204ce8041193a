//! `courant sandbox`: the gateway and its simulated networks in one process.

use std::{net::SocketAddr, path::PathBuf};

use sandbox::{Options, Sandbox};
use tempfile::TempDir;

use super::{StopSignal, install_crypto, start_log};
use crate::{
    app::{App, Running},
    config::{Config, SANDBOX, Source},
};

/// A running sandbox.
pub struct RunningSandbox {
    /// The gateway.
    pub gateway: Running,
    /// The networks.
    pub networks: Sandbox,
    folder: Option<TempDir>,
}

/// Runs until told to stop.
pub(super) async fn run(
    listen: SocketAddr,
    data: Option<PathBuf>,
    overrides: &[String],
) -> Result<(), String> {
    let mut stop = StopSignal::listen()?;
    let sandbox = RunningSandbox::start(listen, data, overrides).await?;
    let url = sandbox.gateway.app.url().to_owned();
    println!("ready {url}");
    eprintln!("{}", welcome(&url));
    stop.told().await;
    sandbox.stop().await
}

impl RunningSandbox {
    /// Starts the networks, then the gateway, then introduces them to each other.
    ///
    /// # Errors
    /// What is wrong, in words for the operator.
    pub async fn start(
        listen: SocketAddr,
        data: Option<PathBuf>,
        overrides: &[String],
    ) -> Result<Self, String> {
        install_crypto();
        let (folder, path) = match data {
            Some(path) => (None, path),
            None => {
                let folder = tempfile::Builder::new().prefix("courant-sandbox-").tempdir();
                let folder = folder.map_err(|error| format!("no temporary folder: {error}"))?;
                let path = folder.path().to_owned();
                (Some(folder), path)
            }
        };
        let options = Options { data: Some(path.join("networks")), ..Options::default() };
        let networks =
            Sandbox::start(options).await.map_err(|error| format!("the simulated networks: {error}"))?;
        let config = config(listen, path, &networks, overrides)?;
        start_log(&config.log);
        let gateway = App::start(config, Some(networks.router())).await?;
        gateway.app.core.media.set_public_url(gateway.app.url());
        let webhook = format!("{}/hooks/whatsapp", gateway.app.url());
        networks.set_whatsapp_webhook(&webhook).map_err(|error| error.to_string())?;
        Ok(Self { gateway, networks, folder })
    }

    /// Stops the gateway, then the networks; removes a temporary folder.
    ///
    /// # Errors
    /// If the temporary folder cannot be removed.
    pub async fn stop(self) -> Result<(), String> {
        self.gateway.stop().await;
        self.networks.shutdown().await;
        match self.folder {
            Some(folder) => folder.close().map_err(|error| format!("the temporary folder stays: {error}")),
            None => Ok(()),
        }
    }
}

fn config(
    listen: SocketAddr,
    data: PathBuf,
    networks: &Sandbox,
    overrides: &[String],
) -> Result<Config, String> {
    let smpp = networks.smpp_addr();
    let mut set = vec![
        format!("server.listen=\"{listen}\""),
        format!("route[whatsapp].whatsapp_cloud.base_url=\"{}\"", networks.graph_url()),
        format!("route[sms].smpp.host=\"{}\"", smpp.ip()),
        format!("route[sms].smpp.port={}", smpp.port()),
    ];
    set.extend(overrides.iter().cloned());
    let source = Source { name: "sandbox configuration".to_owned(), text: SANDBOX.to_owned() };
    let mut config = Config::parse(&source, &set).map_err(|error| error.to_string())?;
    config.store.path = data;
    Ok(config)
}

/// What a newcomer wants to know.
fn welcome(url: &str) -> String {
    format!(
        "
  Courant sandbox: every phone number is a simulated phone, nothing leaves this machine.
  docs/sandbox.md lists how numbers behave by their last four digits.

  Console         {url}/console

  Telesign        customer 12345678-9ABC-DEF0-1234-56789ABCDEF0, key vjE/ZDfPvDkuGNsuqCFFO4neYIs=
  Infobip         Basic Aladdin / open sesame
  Webex Connect   key 5c0f1e2a-3b4d-11ee-be56-0242ac120002
  Messangi        bearer sandbox, or login sandbox / sandbox
  Kaleyra         SID HXAP16XXXXXX97IN, api-key A0123456789abcdef0123456789abcdef

  Try:  curl {url}/v1/omnichannel -H 'Content-Type: application/json' \\
          -H 'Authorization: Basic 12345678-9ABC-DEF0-1234-56789ABCDEF0:vjE/ZDfPvDkuGNsuqCFFO4neYIs=' \\
          -d '{{\"channels\":[{{\"channel\":\"whatsapp\",\"fallback_time\":600}},{{\"channel\":\"sms\"}}],
               \"phone_number\":\"15558675309\",\"message_type\":\"MKT\",\"message\":{{
               \"whatsapp\":{{\"template\":\"image\",\"parameters\":{{\"url\":\"{url}/sandbox/media/sample.jpg\"}}}},
               \"sms\":{{\"template\":\"text\",\"parameters\":{{\"text\":\"Buy one get one free!\"}}}}}}}}'
        curl {url}/sandbox/handsets/15558675309
"
    )
}
