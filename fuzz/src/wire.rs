//! A request as text, in the form of the golden transcripts, which are the first corpus:
//! `METHOD target`, header lines, an empty line, the body.

use bytes::Bytes;
use http::{Request, header::HeaderName};

/// Most headers that the HTTP server takes.
const MAX_HEADERS: usize = 100;

/// The request; `None` if the HTTP server would not have let it through.
pub(crate) fn request(data: &[u8]) -> Option<Request<Bytes>> {
    let at = data.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = at.map_or((data, &b""[..]), |at| (&data[..at], &data[at + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let (method, target) = (words.next()?, words.next()?);
    let mut request = Request::builder().method(method).uri(target);
    for line in lines.take(MAX_HEADERS) {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line[..at].trim_ascii()).ok()?;
        request = request.header(name, line[at + 1..].trim_ascii());
    }
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    request.body(Bytes::copy_from_slice(body)).ok()
}
