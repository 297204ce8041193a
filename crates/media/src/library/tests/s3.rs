//! A store in the shape of S3, on loopback: it takes signed requests only, and counts them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(super) const KEY_ID: &str = "AKIAEXAMPLE";
pub(super) const SECRET: &str = "the secret key of these tests";
const REGION: &str = "eu-central-1";

/// A running store; ends when dropped.
pub(super) struct S3 {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    objects: BTreeMap<String, Vec<u8>>,
    parts: BTreeMap<(String, u32), Vec<u8>>,
    uploads: u32,
    log: Vec<String>,
    /// Methods that are answered by an internal error.
    failing: Vec<&'static str>,
}

struct Asked {
    method: String,
    path: String,
    query: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Said {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// What `HEAD` says of a body that it does not have.
    length: Option<usize>,
}

impl S3 {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let shared = Arc::new(Mutex::new(Shared::default()));
        let known = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&known)));
            }
        });
        Self { address, shared, task }
    }

    pub(super) fn options(&self) -> [(&'static str, String); 4] {
        [
            ("endpoint", format!("http://{}", self.address)),
            ("region", REGION.to_owned()),
            ("access_key_id", KEY_ID.to_owned()),
            ("secret_access_key", SECRET.to_owned()),
        ]
    }

    /// Names of all objects, without the bucket.
    pub(super) fn names(&self) -> Vec<String> {
        let shared = self.shared.lock().expect("no panic elsewhere");
        shared.objects.keys().map(|path| path.trim_start_matches("/bucket/").to_owned()).collect()
    }

    /// Methods and queries so far, in order; forgotten then.
    pub(super) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().expect("no panic elsewhere").log)
    }

    /// Answers these methods by errors from now on.
    pub(super) fn fail(&self, methods: &[&'static str]) {
        self.shared.lock().expect("no panic elsewhere").failing = methods.to_vec();
    }

    /// Changes what an object has.
    pub(super) fn spoil(&self, name: &str) {
        let mut shared = self.shared.lock().expect("no panic elsewhere");
        shared.objects.get_mut(&format!("/bucket/{name}")).expect("is there")[0] ^= 1;
    }

    /// Loses an object.
    pub(super) fn lose(&self, name: &str) {
        self.shared.lock().expect("no panic elsewhere").objects.remove(&format!("/bucket/{name}"));
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream).await {
        let said = answer(&asked, &mut shared.lock().expect("no panic elsewhere"));
        let mut head = format!("HTTP/1.1 {} x\r\n", said.status);
        for (name, value) in &said.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "content-length: {}\r\n\r\n", said.length.unwrap_or(said.body.len()));
        let whole = [head.into_bytes(), said.body].concat();
        if stream.get_mut().write_all(&whole).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("is text");
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().expect("is a number"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked { method, path: path.to_owned(), query: query.to_owned(), headers, body })
}

fn answer(asked: &Asked, shared: &mut Shared) -> Said {
    let name = asked.query.split(['=', '&']).next().unwrap_or_default();
    shared.log.push(format!("{} {name}", asked.method).trim().to_owned());
    if !is_signed(asked) {
        return said(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>");
    }
    if shared.failing.contains(&asked.method.as_str()) {
        return said(500, "<Error><Code>InternalError</Code></Error>");
    }
    let path = asked.path.clone();
    match (asked.method.as_str(), name) {
        ("PUT", "") => {
            shared.objects.insert(path, asked.body.clone());
            Said { headers: vec![("etag", "\"1\"".to_owned())], ..said(200, "") }
        }
        ("POST", "uploads") => {
            shared.uploads += 1;
            let id = shared.uploads;
            said(
                200,
                &format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ),
            )
        }
        ("PUT", "partNumber") => {
            let number = parameter(&asked.query, "partNumber").parse().expect("is a number");
            shared.parts.insert((parameter(&asked.query, "uploadId"), number), asked.body.clone());
            Said { headers: vec![("etag", format!("\"{number}\""))], ..said(200, "") }
        }
        ("POST", "uploadId") => {
            let id = parameter(&asked.query, "uploadId");
            let parts = shared.parts.iter().filter(|((upload, _), _)| *upload == id);
            let whole = parts.flat_map(|(_, part)| part.clone()).collect();
            shared.objects.insert(path, whole);
            said(200, "<CompleteMultipartUploadResult><ETag>\"2\"</ETag></CompleteMultipartUploadResult>")
        }
        ("DELETE", "uploadId") => said(204, ""),
        ("POST", "delete") => {
            let body = String::from_utf8_lossy(&asked.body).into_owned();
            let mut deleted = String::new();
            for key in body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
                shared.objects.remove(&format!("/bucket/{key}"));
                let _ = write!(deleted, "<Deleted><Key>{key}</Key></Deleted>");
            }
            said(200, &format!("<DeleteResult>{deleted}</DeleteResult>"))
        }
        ("GET" | "HEAD", "") => match shared.objects.get(&path) {
            Some(bytes) => give(asked, bytes),
            None => said(404, "<Error><Code>NoSuchKey</Code></Error>"),
        },
        _ => said(400, "<Error><Code>NotImplemented</Code></Error>"),
    }
}

fn said(status: u16, body: &str) -> Said {
    Said { status, headers: Vec::new(), body: body.as_bytes().to_vec(), length: None }
}

fn give(asked: &Asked, bytes: &[u8]) -> Said {
    let mut headers =
        vec![("etag", "\"1\"".to_owned()), ("last-modified", "Wed, 21 Oct 2026 07:28:00 GMT".to_owned())];
    if asked.method == "HEAD" {
        return Said { status: 200, headers, body: Vec::new(), length: Some(bytes.len()) };
    }
    let range = asked.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let Some((first, last)) = range else {
        return Said { status: 200, headers, body: bytes.to_vec(), length: None };
    };
    let (first, last): (usize, usize) = (first.parse().expect("a number"), last.parse().expect("a number"));
    let last = last.min(bytes.len() - 1);
    headers.push(("content-range", format!("bytes {first}-{last}/{}", bytes.len())));
    Said { status: 206, headers, body: bytes[first..=last].to_vec(), length: None }
}

fn parameter(query: &str, name: &str) -> String {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next().expect("is given")
}

/// Whether a request carries the signature (version 4) that its content and the secret give.
fn is_signed(asked: &Asked) -> bool {
    let Some(authorization) = asked.headers.get("authorization") else { return false };
    let field = |name: &str| {
        let rest = authorization.split(name).nth(1).unwrap_or_default();
        rest.trim_start_matches('=').split([',', ' ']).next().unwrap_or_default().to_owned()
    };
    let (credential, signed, signature) = (field("Credential"), field("SignedHeaders"), field("Signature="));
    let Some((key_id, scope)) = credential.split_once('/') else { return false };
    let claimed = asked.headers.get("x-amz-content-sha256").cloned().unwrap_or_default();
    let mut query: Vec<String> = asked
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
        .collect();
    query.sort();
    let headers: String = signed
        .split(';')
        .map(|name| format!("{name}:{}\n", asked.headers.get(name).map_or("", String::as_str)))
        .collect();
    let canonical =
        format!("{}\n{}\n{}\n{headers}\n{signed}\n{claimed}", asked.method, asked.path, query.join("&"));
    let at = asked.headers.get("x-amz-date").cloned().unwrap_or_default();
    let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", digest(canonical.as_bytes()));
    let secret = format!("AWS4{SECRET}").into_bytes();
    let key = scope.split('/').fold(secret, |key, part| hmac(&key, part.as_bytes()));
    key_id == KEY_ID
        && scope.contains(REGION)
        && claimed == digest(&asked.body)
        && signature == hex::encode(hmac(&key, text.as_bytes()))
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("takes keys of any length");
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
