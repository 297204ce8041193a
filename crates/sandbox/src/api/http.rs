//! Serves one HTTP connection.

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Serves requests until the client leaves, or until `stop` and the requests in flight are over.
pub(crate) async fn serve(stream: TcpStream, service: Router, stop: CancellationToken) {
    let builder = Builder::new(TokioExecutor::new());
    let mut connection =
        std::pin::pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
