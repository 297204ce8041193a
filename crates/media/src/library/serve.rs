//! Answers to requests for public paths, apart from moving the bytes.

use std::{fmt::Write, io, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, response::Builder};

use super::{Library, Reader, Record, contents::Contents};

/// A part of a file, to be sent as a body.
#[derive(Clone, Debug)]
pub struct Slice {
    contents: Contents,
    record: Arc<Record>,
    /// First byte.
    pub offset: u64,
    /// Number of bytes, at least one.
    pub length: u64,
}

impl Slice {
    /// Opens the part for reading.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub async fn open(&self) -> io::Result<Reader> {
        self.contents.read(&self.record.content(), self.offset, self.length).await
    }
}

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part { offset: u64, length: u64 },
    Nothing,
}

impl Library {
    /// Answers a request for a public path. A body of `None` is an empty one. Everything that is
    /// wrong with a path gets the same answer, so that paths cannot be guessed step by step.
    #[must_use]
    pub fn serve(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response<Option<Slice>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let refusal = Response::builder().status(StatusCode::METHOD_NOT_ALLOWED);
            return empty(refusal.header(header::ALLOW, "GET, HEAD"));
        }
        let Some(record) = self.by_public_path(path) else {
            return empty(Response::builder().status(StatusCode::NOT_FOUND));
        };
        let tag = format!("\"{}\"", record.sha256);
        let described = describe(&record, &tag);
        if matches_tag(headers, &header::IF_NONE_MATCH, &tag) {
            return empty(described.status(StatusCode::NOT_MODIFIED));
        }
        match asked(method, headers, &tag, record.bytes) {
            Asked::Whole => self.send(described, method, &record, 0, record.bytes),
            Asked::Part { offset, length } => {
                let range = format!("bytes {offset}-{}/{}", offset + length - 1, record.bytes);
                let part = described.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range);
                self.send(part, method, &record, offset, length)
            }
            Asked::Nothing => {
                let refusal = Response::builder().status(StatusCode::RANGE_NOT_SATISFIABLE);
                empty(refusal.header(header::CONTENT_RANGE, format!("bytes */{}", record.bytes)))
            }
        }
    }

    fn send(
        &self,
        builder: Builder,
        method: &Method,
        record: &Arc<Record>,
        offset: u64,
        length: u64,
    ) -> Response<Option<Slice>> {
        let contents = self.inner.contents.clone();
        let slice = Slice { contents, record: Arc::clone(record), offset, length };
        let body = (*method == Method::GET).then_some(slice);
        finish(builder.header(header::CONTENT_LENGTH, length), body)
    }
}

fn empty(builder: Builder) -> Response<Option<Slice>> {
    finish(builder, None)
}

fn finish(builder: Builder, body: Option<Slice>) -> Response<Option<Slice>> {
    builder
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(body)
        .expect("all header values are made here or were checked")
}

fn describe(record: &Record, tag: &str) -> Builder {
    let unknown = HeaderValue::from_static("application/octet-stream");
    Response::builder()
        .header(header::CONTENT_TYPE, HeaderValue::from_str(&record.mime).unwrap_or(unknown))
        .header(header::CONTENT_DISPOSITION, disposition(record))
        // Uploads are strangers' files: no browser shall run what is in them.
        .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, max-age=3600")
        .header(header::ETAG, tag)
}

/// Pictures, videos and sounds are shown, everything else is saved.
fn disposition(record: &Record) -> String {
    const SHOWN: [&str; 3] = ["image/", "video/", "audio/"];
    let shown = SHOWN.iter().any(|start| record.mime.starts_with(start)) && !record.mime.contains("svg");
    let mut text = String::from(if shown { "inline" } else { "attachment" });
    if let Some(name) = record.filename.as_deref().filter(|name| !name.is_empty()) {
        let plain: String = name.chars().map(plain_character).collect();
        // A string takes whatever is written to it.
        let _ = write!(text, "; filename=\"{plain}\"; filename*=UTF-8''{}", percent(name));
    }
    text
}

/// A stand-in for characters that a quoted header value cannot hold.
fn plain_character(character: char) -> char {
    match character {
        '"' | '\\' | '/' | '%' => '_',
        ' '..='~' => character,
        _ => '_',
    }
}

/// RFC 8187: everything but letters, digits and a few marks as percent signs and hex digits.
fn percent(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(byte.into()),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
        text
    })
}

fn matches_tag(headers: &HeaderMap, name: &header::HeaderName, tag: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).take(32).any(|listed| {
        let listed = listed.trim();
        listed == "*" || listed.strip_prefix("W/").unwrap_or(listed) == tag
    })
}

fn asked(method: &Method, headers: &HeaderMap, tag: &str, bytes: u64) -> Asked {
    let changed = headers.get(header::IF_RANGE).is_some_and(|value| value.as_bytes() != tag.as_bytes());
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    match range {
        Some(range) if *method == Method::GET && !changed => parse_range(range, bytes),
        _ => Asked::Whole,
    }
}

/// One range of bytes. Several ranges, other units and nonsense are answered by the whole, which
/// RFC 9110 allows.
fn parse_range(range: &str, bytes: u64) -> Asked {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let (offset, end) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(bytes)),
        (Some(first), None) if last.trim().is_empty() => (first, bytes),
        (None, Some(count)) if first.trim().is_empty() => (bytes.saturating_sub(count), bytes),
        _ => return Asked::Whole,
    };
    if offset >= end { Asked::Nothing } else { Asked::Part { offset, length: end - offset } }
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_understood_or_passed_over() {
        let part = |offset, length| Asked::Part { offset, length };
        let cases = [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-9", part(0, 10)),
            ("bytes=5-", part(5, 5)),
            ("bytes=5-100", part(5, 5)),
            ("bytes=9-18446744073709551615", part(9, 1)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-30", part(0, 10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=10-20", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-4", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=99999999999999999999-", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("", Asked::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(parse_range(range, 10), expected, "{range}");
        }
    }
}
