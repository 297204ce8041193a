//! What all dialects need: JSON with and without tolerance, paths, queries, credentials, times.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, Mac, digest::KeyInit};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use model::{Phone, Refusal, Time, call::AuthFault};
use serde::Serialize;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::{HmacAlgorithm, Query, Settings};

/// Deepest nesting of JSON that is read.
pub const MAX_JSON_DEPTH: usize = 64;

/// Parses a body as JSON: strictly, and if that fails and the account allows it, once more
/// without comments and trailing commas, as vendors print their samples.
///
/// # Errors
/// [`Refusal::Malformed`] with the position.
pub fn parse_json(body: &[u8], settings: &Settings) -> Result<Value, Refusal> {
    if too_deep(body) {
        return Err(Refusal::malformed("nested too deeply"));
    }
    let strict = match serde_json::from_slice(body) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if settings.tolerant_json
        && let Ok(value) = serde_json::from_slice(&without_comments(body))
    {
        return Ok(value);
    }
    Err(Refusal::malformed(format!("not JSON at line {} column {}", strict.line(), strict.column())))
}

fn too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in body {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (true, b'"') => in_string = false,
            (true, _) => {}
            (false, b'"') => in_string = true,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (false, _) => {}
        }
        if depth > MAX_JSON_DEPTH {
            return true;
        }
    }
    false
}

/// The same text with `//` and `/* */` comments and trailing commas blanked out; positions keep.
fn without_comments(body: &[u8]) -> Vec<u8> {
    let mut text = body.to_vec();
    let mut at = 0;
    let mut comma = None;
    while at < text.len() {
        match text[at] {
            b'"' => {
                comma = None;
                at = end_of_string(&text, at);
            }
            b'/' if matches!(text.get(at + 1), Some(b'/' | b'*')) => at = blank_comment(&mut text, at),
            b',' => {
                comma = Some(at);
                at += 1;
            }
            b'}' | b']' => {
                if let Some(comma) = comma.take() {
                    text[comma] = b' ';
                }
                at += 1;
            }
            byte => {
                if !byte.is_ascii_whitespace() {
                    comma = None;
                }
                at += 1;
            }
        }
    }
    text
}

fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn blank_comment(text: &mut [u8], start: usize) -> usize {
    let rest = &text[start + 2..];
    let length = if text[start + 1] == b'/' {
        rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
    } else {
        rest.windows(2).position(|pair| pair == b"*/").map_or(rest.len(), |at| at + 2)
    };
    let end = start + 2 + length;
    for byte in &mut text[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
    end
}

/// The path's non-empty parts, percent-decoded (invalid UTF-8 becomes U+FFFD).
#[must_use]
pub fn segments(path: &str) -> Vec<Cow<'_, str>> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy())
        .collect()
}

/// The parameters of the request's query string.
#[must_use]
pub fn query(request: &Request<Bytes>) -> Query {
    form(request.uri().query().unwrap_or_default().as_bytes())
}

/// Parameters of url-encoded text.
#[must_use]
pub fn form(text: &[u8]) -> Query {
    let text = String::from_utf8_lossy(text);
    let mut query = Query::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        query.entry(url_decode(name)).or_default().push(url_decode(value));
    }
    query
}

fn url_decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// A header as text, trimmed; `None` if absent or not text.
#[must_use]
pub fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The media type of the body without parameters, lower case.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = text_header(headers, header::CONTENT_TYPE.as_str())?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The `Authorization` header split into scheme and the rest, however many spaces between.
///
/// # Errors
/// [`AuthFault::Absent`] without the header, [`AuthFault::Malformed`] without a rest.
pub fn authorization(headers: &HeaderMap) -> Result<(&str, &str), Refusal> {
    let value = headers.get(header::AUTHORIZATION).ok_or(Refusal::Unauthenticated(AuthFault::Absent))?;
    let malformed = Refusal::Unauthenticated(AuthFault::Malformed);
    let text = value.to_str().map_err(|_| malformed.clone())?.trim();
    let (scheme, rest) = text.split_once(' ').ok_or(malformed)?;
    Ok((scheme, rest.trim()))
}

/// User and password of properly encoded Basic credentials.
#[must_use]
pub fn basic(rest: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// A name for a secret that identifies by itself (an API key, a service key), safe to log.
#[must_use]
pub fn key_name(key: &str) -> String {
    format!("key-{}", hex::encode(&Sha256::digest(key.as_bytes())[..8]))
}

/// A phone number as a caller writes it. `X` counts as 0 where the account allows it.
#[must_use]
pub fn phone(text: &str, settings: &Settings) -> Option<Phone> {
    if settings.placeholder_digits && text.contains(['X', 'x']) {
        return Phone::parse(&text.replace(['X', 'x'], "0"));
    }
    Phone::parse(text)
}

/// A JSON response.
///
/// # Panics
/// Never: our own types always serialise.
#[must_use]
pub fn json(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(json_bytes(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Our own type as the bytes of a JSON body.
///
/// # Panics
/// Never: our own types always serialise.
#[must_use]
pub fn json_bytes(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("our own types serialise")
}

/// Adds the headers that HTTP asks for with a refusal: what is allowed, and when to come back
/// (rounded up, so that who waits as told is let in).
pub fn add_refusal_headers(response: &mut Response<Bytes>, refusal: &Refusal) {
    if let Refusal::MethodNotAllowed { allow } = refusal {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if let Refusal::RateLimited { retry_after } = refusal {
        let seconds = retry_after.as_millis().div_ceil(1000).max(1);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// The keyed hash of a text.
///
/// # Panics
/// Never: these hashes take keys of any length.
#[must_use]
pub fn keyed_hash(algorithm: HmacAlgorithm, key: &[u8], text: &[u8]) -> Vec<u8> {
    match algorithm {
        HmacAlgorithm::Sha1 => hash_with::<Hmac<Sha1>>(key, text),
        HmacAlgorithm::Sha256 => hash_with::<Hmac<Sha256>>(key, text),
        HmacAlgorithm::Sha512 => hash_with::<Hmac<Sha512>>(key, text),
    }
}

fn hash_with<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = <M as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

/// `2026-11-20T21:33:24.123456Z`.
#[must_use]
pub fn rfc3339_micros(time: Time) -> String {
    stamp(time, "%Y-%m-%dT%H:%M:%S.%6fZ")
}

/// `2026-11-20T21:33:24.123Z`.
#[must_use]
pub fn rfc3339_millis(time: Time) -> String {
    stamp(time, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

/// The instant in UTC by a strftime pattern; `%3f` and `%6f` truncate.
#[must_use]
pub fn stamp(time: Time, pattern: &str) -> String {
    let instant = jiff::Timestamp::from_microsecond(time.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    instant.strftime(pattern).to_string()
}

/// Cuts a text after `max` characters.
#[must_use]
pub fn truncate_chars(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests;
