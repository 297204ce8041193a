//! A small HTTP/1.1 client: one connection, one request at a time, prepared bytes out and a
//! status back. It costs a fraction of what a full client does, so that on a small machine the
//! measured program gets the processor.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longest wait for a connection or an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest answer.
const MAX_ANSWER: usize = 64 << 20;

/// A connection that is opened when needed, and again when the other side closed it.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: BytesMut,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: BytesMut,
}

struct Head {
    status: u16,
    length: Length,
    body: usize,
    closes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Bytes(usize),
    Chunked,
}

impl Client {
    /// A client of this server.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: BytesMut::with_capacity(16 * 1024) }
    }

    /// Sends a complete request and waits for its answer.
    ///
    /// # Errors
    /// If the connection fails or the answer is none; the next request opens a new connection.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let answer = timeout(PATIENCE, self.try_exchange(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    async fn try_exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        stream.write_all(request).await?;
        let head = self.head(&mut stream).await?;
        self.buffer.advance(head.body);
        let body = match head.length {
            Length::Bytes(length) => self.exactly(length, &mut stream).await?,
            Length::Chunked => self.chunks(&mut stream).await?,
        };
        self.stream = (!head.closes).then_some(stream);
        Ok(Answer { status: head.status, body })
    }

    async fn connect(&mut self) -> io::Result<TcpStream> {
        self.buffer.clear();
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn head(&mut self, stream: &mut TcpStream) -> io::Result<Head> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                return parse(&self.buffer[..end], end + 4).ok_or_else(|| bad("not an answer of HTTP/1.1"));
            }
            self.more(stream).await?;
        }
    }

    async fn exactly(&mut self, length: usize, stream: &mut TcpStream) -> io::Result<BytesMut> {
        while self.buffer.len() < length {
            self.more(stream).await?;
        }
        Ok(self.buffer.split_to(length))
    }

    async fn chunks(&mut self, stream: &mut TcpStream) -> io::Result<BytesMut> {
        let mut body = BytesMut::new();
        loop {
            let line = loop {
                match self.buffer.windows(2).position(|window| window == b"\r\n") {
                    Some(end) => break self.buffer.split_to(end + 2),
                    None => self.more(stream).await?,
                }
            };
            let size = chunk_size(&line).filter(|size| body.len() + size <= MAX_ANSWER);
            let size = size.ok_or_else(|| bad("not a chunk of HTTP/1.1"))?;
            let chunk = self.exactly(size + 2, stream).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    async fn more(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        if self.buffer.len() > MAX_ANSWER {
            return Err(bad("the answer is too large"));
        }
        match stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(line).ok()?.split(';').next()?.trim();
    usize::from_str_radix(digits, 16).ok().filter(|&size| size <= MAX_ANSWER)
}

fn parse(head: &[u8], body: usize) -> Option<Head> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut parsed = Head { status, length: Length::Bytes(0), body, closes: false };
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            parsed.length = Length::Bytes(value.parse().ok().filter(|&length| length <= MAX_ANSWER)?);
        } else if name.eq_ignore_ascii_case("connection") {
            parsed.closes = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            parsed.length = value.eq_ignore_ascii_case("chunked").then_some(Length::Chunked)?;
        }
    }
    Some(parsed)
}

fn bad(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// A complete POST request.
pub(crate) fn post(target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request =
        format!("POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let mut request = (request + "\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

/// A complete GET request.
pub(crate) fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_status_length_and_whether_the_connection_ends() {
        let head = parse(b"HTTP/1.1 202 Accepted\r\nContent-length: 24\r\nConnection: Close", 99);
        let head = head.expect("an answer");
        assert_eq!((head.status, head.length, head.body, head.closes), (202, Length::Bytes(24), 99, true));
    }

    #[test]
    fn what_the_client_cannot_read_is_no_answer() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", 9).is_none());
        assert!(parse(b"SSH-2.0-OpenSSH", 9).is_none());
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999", 9).is_none());
    }

    #[test]
    fn the_size_of_a_chunk_is_hexadecimal_and_bounded() {
        assert_eq!(chunk_size(b"1a;name=value\r\n"), Some(26));
        assert_eq!(chunk_size(b"fffffffffff\r\n"), None);
        assert_eq!(chunk_size(b"Success\r\n"), None);
    }
}
