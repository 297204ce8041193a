//! A caller's web server with pictures and documents; it counts who fetches what.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

const PICTURE: &[u8] = include_bytes!("../../../crates/sandbox/samples/sample.jpg");
const CHUNK: usize = 64 * 1024;
const LEAFLET: usize = 16 * CHUNK;

/// A running server; ends when dropped.
#[derive(Debug)]
pub(crate) struct Origin {
    address: SocketAddr,
    fetches: Arc<AtomicU64>,
    /// Ended when dropped.
    _tasks: JoinSet<()>,
}

impl Origin {
    /// Starts the server; documents have so many bytes.
    ///
    /// # Errors
    /// If it cannot listen.
    pub(crate) async fn start(document_bytes: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let fetches = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener, document_bytes, Arc::clone(&fetches)));
        Ok(Self { address, fetches, _tasks: tasks })
    }

    /// Address of the picture.
    pub(crate) fn picture(&self) -> String {
        format!("http://{}/picture.jpg", self.address)
    }

    /// Address of a document; each number has another content.
    pub(crate) fn document(&self, number: u8) -> String {
        format!("http://{}/{number}.pdf", self.address)
    }

    /// Address of a document of 1 MiB.
    pub(crate) fn leaflet(&self) -> String {
        format!("http://{}/leaflet.pdf", self.address)
    }

    /// Requests so far.
    pub(crate) fn fetches(&self) -> u64 {
        self.fetches.load(Relaxed)
    }
}

async fn listen(listener: TcpListener, document_bytes: usize, fetches: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let fetches = Arc::clone(&fetches);
        let service = service_fn(move |request| {
            fetches.fetch_add(1, Relaxed);
            let response = serve(&request, document_bytes);
            async move { Ok::<_, Infallible>(response) }
        });
        // A client that breaks off is its own business.
        tokio::spawn(async move {
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

type Body = BoxBody<Bytes, Infallible>;

fn serve(request: &Request<Incoming>, document_bytes: usize) -> Response<Body> {
    let path = request.uri().path().trim_start_matches('/');
    let document = path.strip_suffix(".pdf").and_then(|number| number.parse().ok());
    let (body, mime): (Body, _) = match (path, document) {
        ("picture.jpg", _) => (Full::from(PICTURE).boxed(), "image/jpeg"),
        ("leaflet.pdf", _) => (document_of(0, LEAFLET), "application/pdf"),
        (_, Some(number)) => (document_of(number, document_bytes), "application/pdf"),
        (_, None) => {
            let mut missing = Response::new(Full::default().boxed());
            *missing.status_mut() = StatusCode::NOT_FOUND;
            return missing;
        }
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(mime));
    response
}

fn document_of(number: u8, bytes: usize) -> Body {
    let mut head = b"%PDF-1.7\n".to_vec();
    head.resize(CHUNK, number);
    let chunk = Bytes::from(vec![number; CHUNK]);
    let rest = (bytes / CHUNK).saturating_sub(1);
    let chunks = std::iter::once(Bytes::from(head)).chain(std::iter::repeat_n(chunk, rest));
    let frames = chunks.map(|chunk| Ok(Frame::data(chunk)));
    StreamBody::new(futures_util::stream::iter(frames)).boxed()
}
