//! Requests with keys.

use crate::wire;

/// Two requests, parted by a NUL; who asks stands in `authorization`, as names with commas.
pub fn check(data: &[u8]) {
    let Some(at) = data.iter().position(|octet| *octet == 0) else { return };
    let (Some(one), Some(other)) = (wire::request(&data[..at]), wire::request(&data[at + 1..])) else {
        return;
    };
    let name = |request: &http::Request<bytes::Bytes>| {
        let value = request.headers().get(http::header::AUTHORIZATION);
        String::from_utf8_lossy(value.map(|value| value.as_bytes()).unwrap_or_default()).into_owned()
    };
    courant::fuzzing::keys((&name(&one), &one), (&name(&other), &other));
}
