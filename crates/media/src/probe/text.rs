//! Text, and the web pages that servers send in place of what was asked for.

use std::io::{Read, Seek};

use super::{Format, window::Window};

/// How much of either end is looked at, in bytes.
const SAMPLE: usize = 16 * 1024;

/// Text or a web page, if both ends of the file look like it.
pub(super) fn identify<R: Read + Seek>(window: &mut Window<R>) -> Option<Format> {
    let head = window.slice(0, SAMPLE);
    let tail_start = window.len().saturating_sub(SAMPLE as u64).max(head.len() as u64);
    let tail = window.slice(tail_start, SAMPLE);
    let wide = matches!(*head, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    let text = wide || (is_text(&head) && is_text(&tail));
    text.then(|| if is_page(&head) { Format::Html } else { Format::Text })
}

/// No byte that no text has, in UTF-8 or the eight-bit alphabets before it.
fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | 0x1b | 0x20..=0x7e | 0x80..))
}

fn is_page(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    [&b"<!doctype html"[..], b"<html"]
        .into_iter()
        .any(|opening| head.get(..opening.len()).is_some_and(|start| start.eq_ignore_ascii_case(opening)))
}
