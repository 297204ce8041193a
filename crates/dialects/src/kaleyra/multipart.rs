//! Bodies of type `multipart/form-data`, read whole from memory.

use bytes::Bytes;
use http::{HeaderMap, header};

use crate::support;

/// Most parts of a body.
const MAX_PARTS: usize = 64;
/// Most bytes of one part's headers.
const MAX_HEAD: usize = 8 * 1024;
/// Longest boundary that the standard allows.
const MAX_BOUNDARY: usize = 70;

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) body: Bytes,
}

/// The parts of a body; `None` if it is not well formed or has too many.
pub(super) fn parts(headers: &HeaderMap, body: &Bytes) -> Option<Vec<Part>> {
    let value = support::text_header(headers, header::CONTENT_TYPE.as_str())?;
    let boundary = parameter(value, "boundary").filter(|text| (1..=MAX_BOUNDARY).contains(&text.len()))?;
    let delimiter = format!("--{boundary}").into_bytes();
    let mut parts = Vec::new();
    let (_, mut found) = next_delimiter(body, 0, &delimiter)?;
    while let Ending::More { content } = found {
        let (end, next) = next_delimiter(body, content, &delimiter)?;
        parts.push(part(body, content, end)?);
        if parts.len() > MAX_PARTS {
            return None;
        }
        found = next;
    }
    Some(parts)
}

/// What follows a delimiter.
enum Ending {
    /// Another part, whose headers begin here.
    More { content: usize },
    /// Nothing.
    Last,
}

/// Where the text before the next delimiter ends, and what follows it. A delimiter stands at the
/// beginning of a line; the line break before it belongs to it.
fn next_delimiter(body: &[u8], from: usize, delimiter: &[u8]) -> Option<(usize, Ending)> {
    let mut line = from;
    loop {
        let rest = body.get(line..)?;
        if let Some(after) = rest.strip_prefix(delimiter)
            && let Some(ending) = ending(after, line + delimiter.len())
        {
            return Some((end_of_text(body, from, line), ending));
        }
        line += rest.iter().position(|byte| *byte == b'\n')? + 1;
    }
}

fn ending(after: &[u8], at: usize) -> Option<Ending> {
    if after.starts_with(b"--") {
        return Some(Ending::Last);
    }
    let padding = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let line_break = line_break(&after[padding..])?;
    Some(Ending::More { content: at + padding + line_break })
}

/// Bytes of the line break at the beginning.
fn line_break(text: &[u8]) -> Option<usize> {
    match text {
        [b'\r', b'\n', ..] => Some(2),
        [b'\n', ..] => Some(1),
        _ => None,
    }
}

/// The text between `from` and the line at `line`, without the line break between them.
fn end_of_text(body: &[u8], from: usize, line: usize) -> usize {
    let text = &body[from..line];
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    from + text.len()
}

fn part(body: &Bytes, from: usize, to: usize) -> Option<Part> {
    let mut at = from;
    let (mut disposition, mut content_type) = (None, None);
    loop {
        if at - from > MAX_HEAD {
            return None;
        }
        let rest = body.get(at..)?;
        if let Some(length) = line_break(rest) {
            at += length;
            break;
        }
        let length = rest.iter().take(MAX_HEAD).position(|byte| *byte == b'\n')?;
        let (name, value) = std::str::from_utf8(&rest[..length]).ok()?.split_once(':')?;
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => disposition = Some(value.trim().to_owned()),
            "content-type" => content_type = Some(value.trim().to_owned()),
            _ => {}
        }
        at += length + 1;
    }
    let disposition = disposition?;
    Some(Part {
        name: parameter(&disposition, "name")?,
        filename: parameter(&disposition, "filename"),
        content_type,
        // A part whose headers reach beyond its end has no content.
        body: if at <= to { body.slice(at..to) } else { Bytes::new() },
    })
}

/// A parameter of a header value, with or without quotes.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (text, next) = value_of(after.trim_start());
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = next.split_once(';')?.1;
    }
}

/// A value and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, character) in quoted.char_indices() {
        match character {
            _ if escaped => {
                escaped = false;
                value.push(character);
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[at + 1..]),
            _ => value.push(character),
        }
    }
    (value, "")
}
