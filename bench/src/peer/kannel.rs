//! Kannel as two child processes: bearerbox with an SMPP link and a store file, and smsbox with
//! its HTTP interface. Set up for speed within what its manual documents: no access log, log
//! level high, a wide window.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::child::{Child, free_port, listens, local};
use crate::{client, ledger::phone, load::Target};

/// Longest wait for each of its parts.
const START: Duration = Duration::from_secs(20);
/// SMPP links; Courant gets as many, with as wide a window.
const LINKS: usize = 2;

/// A running Kannel.
#[derive(Debug)]
pub(crate) struct Kannel {
    bearerbox: Child,
    smsbox: Child,
    http: SocketAddr,
    sink: SocketAddr,
}

struct Ports {
    admin: u16,
    smsbox: u16,
    http: u16,
}

impl Kannel {
    /// Where Debian installs the programs.
    pub(crate) const FOLDER: &str = "/usr/sbin";

    /// Its version, if it is installed.
    pub(crate) fn version() -> Option<String> {
        let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", "kannel"]).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts it with its store in the folder.
    ///
    /// # Errors
    /// If a part does not come up.
    pub(crate) async fn start(smsc: SocketAddr, sink: SocketAddr, folder: &Path) -> Result<Self> {
        let ports = Ports { admin: free_port()?, smsbox: free_port()?, http: free_port()? };
        let config = folder.join("kannel.conf");
        fs::write(&config, configuration(smsc, &ports, folder))?;
        let config = config.to_str().context("the folder's name is not text")?;
        let program = |name: &str| PathBuf::from(Self::FOLDER).join(name);
        let bearerbox = Child::start(&program("bearerbox"), &["-v", "3", config], folder, "bearerbox")?;
        listens(ports.smsbox, START).await.with_context(|| bearerbox.printed())?;
        let smsbox = Child::start(&program("smsbox"), &["-v", "3", config], folder, "smsbox")?;
        listens(ports.http, START).await.with_context(|| smsbox.printed())?;
        Ok(Self { bearerbox, smsbox, http: local(ports.http), sink })
    }

    /// Its processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        vec![self.bearerbox.pid(), self.smsbox.pid()]
    }

    /// One SMS per request, with a delivery report to the sink.
    pub(crate) fn sms(&self) -> Target {
        let sink = self.sink;
        let request = move |message: usize| {
            client::get(&format!(
                "/cgi-bin/sendsms?username=bench&password=bench&from=SHOP&to={}&text={TEXT}&dlr-mask=1&dlr-url=http%3A%2F%2F{sink}%2F%3Fmessage%3D{message}",
                phone(message),
            ))
        };
        Target { address: self.http, accepted: 202, request: Arc::new(request) }
    }

    /// Ends both processes.
    ///
    /// # Errors
    /// If one cannot be ended.
    pub(crate) async fn end(self) -> Result<()> {
        self.smsbox.end().await?;
        self.bearerbox.end().await
    }
}

/// The same text as the others get, in a query.
const TEXT: &str = "Your+order+4711+has+been+shipped+and+will+arrive+tomorrow+between+9+and+12.";

fn configuration(smsc: SocketAddr, ports: &Ports, folder: &Path) -> String {
    let Ports { admin, smsbox, http } = ports;
    format!(
        r#"group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bench
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-level = 3
store-type = file
store-location = {store}
dlr-storage = internal

{links}group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {smsbox}
sendsms-port = {http}
sendsms-interface = 127.0.0.1
log-level = 3

group = sendsms-user
username = bench
password = bench
max-messages = 1

group = sms-service
keyword = default
max-messages = 0
text = ""
"#,
        store = folder.join("kannel.store").display(),
        links = link(smsc).repeat(LINKS),
    )
}

/// One SMPP link; several with the same id share the work.
fn link(smsc: SocketAddr) -> String {
    format!(
        r#"group = smsc
smsc = smpp
smsc-id = bench
host = {}
port = {}
smsc-username = kannel
smsc-password = bench
system-type = ""
transceiver-mode = true
max-pending-submits = 128

"#,
        smsc.ip(),
        smsc.port(),
    )
}
