//! A measured program with everything around it.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::time::sleep;

use super::Common;
use crate::{
    ledger::Ledger,
    load::Target,
    network::{
        graph::{self, Graph},
        smsc::Smsc,
    },
    peer::{
        courant::{self, Courant, Kind, Setup},
        jasmin::Jasmin,
        kannel::Kannel,
    },
    sink::Sink,
};

/// Longest wait for the measured program to bind to the SMS centre.
const BIND: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(5);
/// Receipts come this long after the message.
pub(crate) const RECEIPT_AFTER: Duration = Duration::from_millis(200);
/// Without any progress for this long, a run is over.
pub(crate) const STALLED: Duration = Duration::from_secs(15);

/// What is around the measured program.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// Who was where, when.
    pub(crate) ledger: Arc<Ledger>,
    /// The SMS centre.
    pub(crate) smsc: Smsc,
    /// The WhatsApp network.
    pub(crate) graph: Graph,
    /// The receiver of callbacks.
    pub(crate) sink: Sink,
    /// For data; removed at the end.
    pub(crate) folder: TempDir,
}

impl Surroundings {
    /// Everything, for so many messages; WhatsApp tells these statuses.
    ///
    /// # Errors
    /// If something cannot be started.
    pub(crate) async fn start(common: &Common, messages: usize, statuses: graph::Plan) -> Result<Self> {
        let ledger = Ledger::new(messages);
        Ok(Self {
            smsc: Smsc::start(Arc::clone(&ledger), RECEIPT_AFTER).await?,
            graph: Graph::start(Arc::clone(&ledger), statuses).await?,
            sink: Sink::start(Arc::clone(&ledger), None).await?,
            folder: fresh_folder(&common.folder)?,
            ledger,
        })
    }

    /// How a gateway that uses all of it is set up.
    pub(crate) fn setup(&self, common: &Common) -> Setup {
        Setup {
            program: common.courant.clone(),
            smsc: Some(self.smsc.address()),
            tps: None,
            graph: Some(self.graph.address()),
            sink: Some(self.sink.address()),
            media: None,
        }
    }

    /// Starts the gateway and waits until it is bound.
    ///
    /// # Errors
    /// If it does not come up.
    pub(crate) async fn courant(&mut self, setup: &Setup) -> Result<Courant> {
        let courant = Courant::start(setup, self.folder.path()).await?;
        self.graph.tell(courant.address(), courant::HOOK);
        if setup.smsc == Some(self.smsc.address()) {
            self.bound().await?;
        }
        Ok(courant)
    }

    /// Starts a program.
    ///
    /// # Errors
    /// If it does not come up.
    pub(crate) async fn program(&mut self, common: &Common, name: Name) -> Result<Program> {
        match name {
            Name::Courant => Ok(Program::Courant(Box::new(self.courant(&self.setup(common)).await?))),
            Name::Kannel => {
                let kannel =
                    Kannel::start(self.smsc.address(), self.sink.address(), self.folder.path()).await?;
                self.bound().await?;
                Ok(Program::Kannel(Box::new(kannel)))
            }
            Name::Jasmin => {
                let jasmin =
                    Jasmin::start(self.smsc.address(), self.sink.address(), self.folder.path()).await?;
                self.bound().await?;
                Ok(Program::Jasmin(Box::new(jasmin)))
            }
        }
    }

    async fn bound(&self) -> Result<()> {
        if until(BIND, || self.smsc.is_bound()).await {
            Ok(())
        } else {
            bail!("it does not bind to the SMS centre")
        }
    }
}

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    /// Ours.
    Courant,
    /// The SMS gateway in Debian.
    Kannel,
    /// The SMS gateway in Python, with RabbitMQ and Redis.
    Jasmin,
}

impl Name {
    /// For people.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Courant => "Courant",
            Self::Kannel => "Kannel",
            Self::Jasmin => "Jasmin",
        }
    }
}

/// A running program.
#[derive(Debug)]
pub(crate) enum Program {
    /// Ours.
    Courant(Box<Courant>),
    /// The SMS gateway in Debian.
    Kannel(Box<Kannel>),
    /// The SMS gateway in Python.
    Jasmin(Box<Jasmin>),
}

impl Program {
    /// Which one it is.
    pub(crate) const fn name(&self) -> Name {
        match self {
            Self::Courant(_) => Name::Courant,
            Self::Kannel(_) => Name::Kannel,
            Self::Jasmin(_) => Name::Jasmin,
        }
    }

    /// Its processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        match self {
            Self::Courant(courant) => vec![courant.pid()],
            Self::Kannel(kannel) => kannel.pids(),
            Self::Jasmin(jasmin) => jasmin.pids(),
        }
    }

    /// One SMS per request.
    pub(crate) fn sms(&self) -> Target {
        match self {
            Self::Courant(courant) => courant.sms(Kind::Notice),
            Self::Kannel(kannel) => kannel.sms(),
            Self::Jasmin(jasmin) => jasmin.sms(),
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub(crate) async fn end(self) -> Result<()> {
        match self {
            Self::Courant(courant) => courant.end().await,
            Self::Kannel(kannel) => kannel.end().await,
            Self::Jasmin(jasmin) => jasmin.end().await,
        }
    }
}

/// Waits until a condition holds; whether it did.
pub(crate) async fn until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !condition() {
        if began.elapsed() > patience {
            return false;
        }
        sleep(GLANCE).await;
    }
    true
}

/// Waits until a growing number reaches a goal; whether it did before it stood still for
/// `patience`.
pub(crate) async fn reaches(goal: u64, patience: Duration, number: impl Fn() -> u64) -> bool {
    let mut seen = number();
    while seen < goal {
        if !until(patience, || number() > seen).await {
            return false;
        }
        seen = number();
    }
    true
}

fn fresh_folder(parent: &Path) -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("courant-bench-").tempdir_in(parent);
    folder.with_context(|| format!("no folder can be made in {}", parent.display()))
}
