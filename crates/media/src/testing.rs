//! Origin servers for tests, honest and hostile, on loopback.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A server of one connection per request; ends when dropped.
pub(crate) struct Origin {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

type Piece = (Duration, Vec<u8>);

impl Origin {
    /// Sends these very bytes to everyone and hangs up.
    pub(crate) async fn answering(answer: &str) -> Self {
        let answer = answer.to_owned();
        Self::new(move |_, _| answer.clone().into_bytes()).await
    }

    /// Sends what the function makes of path and request, and hangs up.
    pub(crate) async fn new(answer: impl Fn(&str, &str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::serve(move |request| {
            let path = request.split(' ').nth(1).unwrap_or_default();
            let mut whole = Some((Duration::ZERO, answer(path, request)));
            Box::new(move || whole.take())
        })
        .await
    }

    /// Sends a head, then each piece after its pause, until there is none or nobody listens.
    pub(crate) async fn streaming(
        head: &'static str,
        piece: impl Fn() -> Option<Piece> + Send + Sync + 'static,
    ) -> Self {
        let piece = Arc::new(piece);
        Self::serve(move |_| {
            let piece = Arc::clone(&piece);
            let mut head = Some((Duration::ZERO, head.as_bytes().to_vec()));
            Box::new(move || head.take().or_else(|| piece()))
        })
        .await
    }

    async fn serve(
        pieces: impl Fn(&str) -> Box<dyn FnMut() -> Option<Piece> + Send> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read_request(&mut stream).await;
                let mut next = pieces(&request);
                log.lock().expect("no panic elsewhere").push(request);
                tokio::spawn(async move {
                    while let Some((pause, bytes)) = next() {
                        if !pause.is_zero() {
                            tokio::time::sleep(pause).await;
                        }
                        if stream.write_all(&bytes).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, requests, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic elsewhere").clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}
