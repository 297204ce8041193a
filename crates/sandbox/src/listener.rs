//! Listening sockets that a person can take down and bring up again on the same port.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Most connections of one network at a time; more wait in the backlog.
const MAX_CONNECTIONS: usize = 4096;
/// How often a port that was given back is asked for again.
const REBIND_EVERY: Duration = Duration::from_millis(50);

/// How running parts are told to end, and waited for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running {
    /// Finish what is in flight.
    pub(crate) stop: CancellationToken,
    /// End at once.
    pub(crate) kill: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Running {
    /// Runs a task until it ends or everything has to end at once.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let kill = self.kill.clone();
        self.tasks.spawn(async move {
            kill.run_until_cancelled(task).await;
        });
    }
}

/// Accepts connections while the network is up. While it is down the port is closed, and all
/// connections are cut.
pub(crate) async fn serve<F, Task>(
    listener: TcpListener,
    mut up: watch::Receiver<bool>,
    running: Running,
    connection: F,
) where
    F: Fn(TcpStream) -> Task,
    Task: Future<Output = ()> + Send + 'static,
{
    let Ok(address) = listener.local_addr() else { return };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut listener = Some(listener);
    while let Some(open) = listener.take() {
        let outage = running.kill.child_token();
        tokio::select! {
            () = running.stop.cancelled() => return,
            () = becomes(&mut up, false) => {}
            () = accept(&open, &slots, &running, &outage, &connection) => {}
        }
        drop(open);
        outage.cancel();
        tokio::select! {
            () = running.stop.cancelled() => return,
            () = becomes(&mut up, true) => listener = rebind(address, &running).await,
        }
    }
}

async fn becomes(up: &mut watch::Receiver<bool>, wanted: bool) {
    let _ = up.wait_for(|up| *up == wanted).await;
}

async fn accept<F, Task>(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    running: &Running,
    outage: &CancellationToken,
    connection: &F,
) where
    F: Fn(TcpStream) -> Task,
    Task: Future<Output = ()> + Send + 'static,
{
    loop {
        let slot = slots.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                let (task, outage) = (connection(stream), outage.clone());
                running.spawn(async move {
                    outage.run_until_cancelled(task).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a simulated network cannot accept a connection");
                tokio::time::sleep(REBIND_EVERY).await;
            }
        }
    }
}

async fn rebind(address: SocketAddr, running: &Running) -> Option<TcpListener> {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Some(listener),
            Err(error) => tracing::warn!(%error, %address, "a simulated network cannot listen again yet"),
        }
        tokio::select! {
            () = running.stop.cancelled() => return None,
            () = tokio::time::sleep(REBIND_EVERY) => {}
        }
    }
}
