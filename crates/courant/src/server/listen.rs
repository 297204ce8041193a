//! The listener: bounded connections, bounded header time, TLS if configured, graceful end.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use model::Span;
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt, service_fn};

use super::{
    descriptors,
    idle::{InWork, Watched},
    tls::Certificate,
};
use crate::config::Server;

/// Largest head of a request.
const MAX_HEAD: usize = 64 * 1024;
/// Longest TLS handshake.
const HANDSHAKE: Span = Span::from_secs(10);

/// A bound listener.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<Certificate>,
    settings: Server,
}

impl Listener {
    /// Binds.
    ///
    /// # Errors
    /// If the address is taken or the certificate is not right.
    pub async fn bind(settings: &Server) -> Result<Self, String> {
        let tcp = TcpListener::bind(settings.listen)
            .await
            .map_err(|error| format!("{}: {error}", settings.listen))?;
        Ok(Self { tcp, tls: Certificate::of(settings)?, settings: settings.clone() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// `http` or `https`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until `stop`, counting open connections in `open`, then lets open requests finish within the drain time.
    pub async fn serve(self, router: Router, open: Gauge, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(descriptors::connections(self.settings.max_connections)));
        loop {
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place.expect("never closed"),
                () = stop.cancelled() => break,
            };
            let stream = tokio::select! {
                accepted = self.tcp.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of file descriptors and the like: wait until there are some again.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Span::from_millis(50).to_std()).await;
                        continue;
                    }
                },
                () = stop.cancelled() => break,
            };
            let connection =
                Connection { router: router.clone(), settings: self.settings.clone(), tls: self.tls.clone() };
            let watcher = graceful.watcher();
            let open = open.clone();
            open.inc();
            tokio::spawn(async move {
                connection.serve(stream, watcher).await;
                open.dec();
                drop(place);
            });
        }
        drop(self.tcp);
        let drain = Span::from_millis(self.settings.drain_ms);
        if tokio::time::timeout(drain.to_std(), graceful.shutdown()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }
}

struct Connection {
    router: Router,
    settings: Server,
    tls: Option<Certificate>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, watcher: hyper_util::server::graceful::Watcher) {
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.speak(stream, watcher).await,
            Some(tls) => {
                match tokio::time::timeout(HANDSHAKE.to_std(), tls.acceptor().accept(stream)).await {
                    Ok(Ok(stream)) => self.speak(stream, watcher).await,
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_) => tracing::debug!("TLS handshake took too long"),
                }
            }
        }
    }

    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(Span::from_millis(self.settings.header_timeout_ms).to_std())
            .max_buf_size(MAX_HEAD)
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEAD as u32)
            .max_concurrent_streams(256);
        let in_work = InWork::default();
        let opening = Span::from_millis(self.settings.header_timeout_ms).to_std();
        let stream = Watched::new(stream, in_work.clone(), opening);
        let service = TowerToHyperService::new(counted(self.router, in_work));
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// The router, with each request counted until the last of its answer is written.
fn counted(
    router: Router,
    in_work: InWork,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send
{
    service_fn(move |request: Request<Incoming>| {
        let (router, work) = (router.clone(), in_work.begin());
        async move {
            let response: Response<Body> = router.oneshot(request).await?;
            Ok(response.map(|body| {
                Body::new(body.map_frame(move |frame| {
                    // Held as long as the body is.
                    let _ = &work;
                    frame
                }))
            }))
        }
    })
}
