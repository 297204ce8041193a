//! Simulated networks that speak the real protocols on loopback sockets.
//!
//! The production connectors talk to them unchanged; there is no mock path in the product. Start
//! with [`Sandbox::start`]: it listens for WhatsApp Cloud API requests (HTTP) and for SMPP
//! sessions, and gives the routes with which people look at handsets and act
//! ([`Sandbox::router`]).
//!
//! The sandbox deliberately knows nothing about the rest of the product: it sees what a network
//! would see. Everything that happens is a record in one log ([`world`]), so that a killed sandbox
//! goes on where it was.

mod api;
mod behaviour;
mod clock;
mod listener;
mod network;
mod number;
mod runner;
mod sms;
mod whatsapp;
mod world;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use tokio::net::TcpListener;

pub use self::{
    behaviour::{Behaviour, UnknownBehaviour},
    network::Network,
};

use self::{clock::Clock, listener::Running, network::Switches, sms::Smsc, whatsapp::Graph, world::World};

/// Longest graceful end.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// How to set up the networks.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder for everything that shall survive a restart; nothing is kept without one.
    pub data: Option<PathBuf>,
    /// The WhatsApp network.
    pub whatsapp: WhatsappOptions,
    /// The SMS network.
    pub sms: SmsOptions,
    /// Factor for all delays of the networks and handsets; 1 is as documented, 0 none at all.
    pub time_scale: f64,
}

/// The simulated WhatsApp network.
#[derive(Clone, Debug)]
pub struct WhatsappOptions {
    /// Where its API listens.
    pub listen: SocketAddr,
    /// Who may use it.
    pub tokens: Vec<Token>,
    /// Key for signatures of webhooks.
    pub app_secret: String,
    /// What webhooks have to know when they are registered.
    pub verify_token: String,
}

/// A bearer token and what it opens.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub token: String,
    /// WhatsApp business account.
    pub waba: String,
    /// Its phone numbers.
    pub numbers: Vec<BusinessNumber>,
    /// Whether every other numeric phone number id is taken too.
    pub any_number: bool,
}

/// A phone number of a business.
#[derive(Clone, Debug)]
pub struct BusinessNumber {
    /// Phone number id of the API.
    pub id: String,
    /// The number, in any form.
    pub number: String,
    /// Verified name.
    pub name: String,
}

/// The simulated SMS network.
#[derive(Clone, Debug)]
pub struct SmsOptions {
    /// Where the SMSC listens.
    pub listen: SocketAddr,
    /// Who may bind. Replies of handsets go to the first.
    pub accounts: Vec<SmsAccount>,
}

/// Who may bind.
#[derive(Clone, Debug)]
pub struct SmsAccount {
    /// SMPP system id.
    pub system_id: String,
    /// SMPP password.
    pub password: String,
}

impl Default for Options {
    /// Free ports on loopback, token `sandbox`, SMPP `sandbox`/`sandbox`.
    fn default() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let number = BusinessNumber {
            id: "100000000000001".to_owned(),
            number: "18005550199".to_owned(),
            name: "Courant Sandbox".to_owned(),
        };
        let token = Token {
            token: "sandbox".to_owned(),
            waba: "200000000000001".to_owned(),
            numbers: vec![number],
            any_number: true,
        };
        Self {
            data: None,
            whatsapp: WhatsappOptions {
                listen: loopback,
                tokens: vec![token],
                app_secret: "sandbox-app-secret".to_owned(),
                verify_token: "sandbox-verify-token".to_owned(),
            },
            sms: SmsOptions {
                listen: loopback,
                accounts: vec![SmsAccount {
                    system_id: "sandbox".to_owned(),
                    password: "sandbox".to_owned(),
                }],
            },
            time_scale: 1.0,
        }
    }
}

impl Token {
    fn business(&self, number: &BusinessNumber) -> whatsapp::events::Business {
        whatsapp::events::Business {
            id: number.id.clone(),
            number: number::digits(&number.number).unwrap_or_else(|| number.id.clone()),
            waba: self.waba.clone(),
        }
    }

    fn find(&self, id: &str) -> Option<whatsapp::events::Business> {
        self.numbers.iter().find(|number| number.id == id).map(|number| self.business(number))
    }

    /// The business of a phone number id that the token may use.
    fn business_of(&self, id: &str) -> Option<whatsapp::events::Business> {
        let numeric = !id.is_empty() && id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_digit());
        let any = || whatsapp::events::Business {
            id: id.to_owned(),
            number: id.to_owned(),
            waba: self.waba.clone(),
        };
        self.find(id).or_else(|| (self.any_number && numeric).then(any))
    }
}

/// Why the networks could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be read or written.
    #[error("the sandbox data in {0} cannot be used")]
    Data(PathBuf, #[source] std::io::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made")]
    Client(#[from] reqwest::Error),
}

/// The address is not a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https URL")]
pub struct NotAnUrl;

/// The running networks. Dropping it ends them at once, as a crash would.
#[derive(Debug)]
pub struct Sandbox {
    graph_address: SocketAddr,
    smpp_address: SocketAddr,
    shared: Arc<Shared>,
    running: Running,
}

/// What the routes need.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: Arc<World>,
    pub(crate) graph: Arc<Graph>,
    pub(crate) smsc: Arc<Smsc>,
    pub(crate) whatsapp: Arc<Switches>,
    pub(crate) sms: Arc<Switches>,
}

impl Shared {
    /// The switches of a network.
    pub(crate) fn switches(&self, network: Network) -> &Switches {
        match network {
            Network::Whatsapp => &self.whatsapp,
            Network::Sms => &self.sms,
        }
    }
}

impl Sandbox {
    /// Starts the networks, with everything that the data folder remembers.
    ///
    /// # Errors
    /// If the folder or an address cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        // Somebody else may have installed one already; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = options.data.as_deref();
        let world = World::open(Clock::new(options.time_scale), folder)
            .map_err(|error| StartError::Data(options.data.clone().unwrap_or_default(), error))?;
        let world = Arc::new(world);
        let (whatsapp, sms) = (Arc::new(Switches::new()), Arc::new(Switches::new()));
        let running = Running::default();

        let (graph_listener, graph_address) = listen(options.whatsapp.listen).await?;
        let (smpp_listener, smpp_address) = listen(options.sms.listen).await?;
        let graph = Arc::new(Graph::new(
            Arc::clone(&world),
            Arc::clone(&whatsapp),
            options.whatsapp,
            format!("http://{graph_address}"),
            folder.map(|folder| folder.join("uploads")),
            running.clone(),
        )?);
        let smsc =
            Arc::new(Smsc::new(Arc::clone(&world), Arc::clone(&sms), options.sms.accounts, running.clone()));

        let service = whatsapp::service(Arc::clone(&graph));
        let stop = running.stop.clone();
        let serve_http = move |stream| api::http::serve(stream, service.clone(), stop.clone());
        running.spawn(listener::serve(graph_listener, whatsapp.watch_up(), running.clone(), serve_http));
        let served = Arc::clone(&smsc);
        let serve_smpp = move |stream| sms::serve(Arc::clone(&served), stream);
        running.spawn(listener::serve(smpp_listener, sms.watch_up(), running.clone(), serve_smpp));
        running.spawn(runner::run(
            Arc::clone(&world),
            Arc::clone(&graph),
            Arc::clone(&smsc),
            running.clone(),
        ));

        let shared = Arc::new(Shared { world, graph, smsc, whatsapp, sms });
        Ok(Self { graph_address, smpp_address, shared, running })
    }

    /// Base of the simulated Graph API, without a version: `http://127.0.0.1:1234`.
    #[must_use]
    pub fn graph_url(&self) -> String {
        format!("http://{}", self.graph_address)
    }

    /// Where the simulated SMSC listens.
    #[must_use]
    pub fn smpp_addr(&self) -> SocketAddr {
        self.smpp_address
    }

    /// Tells the WhatsApp network where to post its events. It verifies the address first, as the
    /// real one does, and goes on trying until that works; events wait meanwhile.
    ///
    /// # Errors
    /// If it is no URL.
    pub fn set_whatsapp_webhook(&self, url: &str) -> Result<(), NotAnUrl> {
        let url = reqwest::Url::parse(url).map_err(|_| NotAnUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotAnUrl);
        }
        self.shared.graph.webhook.set(url);
        Ok(())
    }

    /// The routes under `/sandbox/`, to be mounted on the port of the gateway.
    pub fn router(&self) -> Router {
        api::router(Arc::clone(&self.shared))
    }

    /// Names for `POST /sandbox/networks/{name}`.
    #[must_use]
    pub fn networks(&self) -> Vec<&'static str> {
        Network::ALL.into_iter().map(Network::name).collect()
    }

    /// Ends the networks: requests in flight are answered and sessions unbound, within a few
    /// seconds.
    pub async fn shutdown(self) {
        self.running.stop.cancel();
        self.running.tasks.close();
        let _ = tokio::time::timeout(STOP_WITHIN, self.running.tasks.wait()).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.running.stop.cancel();
        self.running.kill.cancel();
    }
}

async fn listen(at: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(at, error);
    let listener = TcpListener::bind(at).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
