//! Office documents: names inside the two containers they come in.

use std::io::{Read, Seek};

use super::{Format, window::Window};

/// Entries of a zip directory looked at.
const MAX_ENTRIES: usize = 2_000;

/// Sectors of an old container's directory looked at.
const MAX_SECTORS: usize = 256;

/// The last record of a zip file is 22 bytes and a comment.
const MAX_TAIL: usize = 22 + 65_535;

pub(super) fn zip<R: Read + Seek>(window: &mut Window<R>) -> Format {
    match zip_directory(window) {
        Some((at, end)) => zip_kind(window, at, end).unwrap_or(Format::Zip),
        None => Format::Zip,
    }
}

/// Where the directory of a zip file is.
fn zip_directory<R: Read + Seek>(window: &mut Window<R>) -> Option<(u64, u64)> {
    let start = window.len().saturating_sub(MAX_TAIL as u64);
    let tail = window.slice(start, MAX_TAIL);
    let last = tail.windows(22).rposition(|record| record.starts_with(b"PK\x05\x06"))?;
    let field = |at: usize| Some(u32::from_le_bytes(tail.get(last + at..last + at + 4)?.try_into().ok()?));
    let (length, offset) = (u64::from(field(12)?), u64::from(field(16)?));
    Some((offset, offset + length))
}

/// The kind by the folder in which the main part lies.
fn zip_kind<R: Read + Seek>(window: &mut Window<R>, mut at: u64, end: u64) -> Option<Format> {
    let mut kind = None;
    let mut is_office = false;
    for _ in 0..MAX_ENTRIES {
        if at >= end {
            break;
        }
        let entry = window.slice(at, 46 + 32);
        if !entry.starts_with(b"PK\x01\x02") || entry.len() < 46 {
            break;
        }
        let length = |at: usize| u64::from(u16::from_le_bytes([entry[at], entry[at + 1]]));
        let (name, extra, comment) = (length(28), length(30), length(32));
        let shown = &entry[46..entry.len().min(46 + name as usize)];
        is_office |= shown == b"[Content_Types].xml";
        kind = kind.or_else(|| folder_kind(shown));
        at += 46 + name + extra + comment;
    }
    kind.filter(|_| is_office)
}

fn folder_kind(name: &[u8]) -> Option<Format> {
    match name {
        [b'w', b'o', b'r', b'd', b'/', ..] => Some(Format::Docx),
        [b'x', b'l', b'/', ..] => Some(Format::Xlsx),
        [b'p', b'p', b't', b'/', ..] => Some(Format::Pptx),
        _ => None,
    }
}

pub(super) fn ole<R: Read + Seek>(window: &mut Window<R>) -> Format {
    ole_kind(window).unwrap_or(Format::Ole)
}

/// Walks the directory of an old container, sector by sector.
fn ole_kind<R: Read + Seek>(window: &mut Window<R>) -> Option<Format> {
    let header: [u8; 512] = window.array(0)?;
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let shift = match header[30] {
        9 => 9,
        12 => 12,
        _ => return None,
    };
    let mut sector = word(48);
    for _ in 0..MAX_SECTORS {
        // Only the first 109 sectors of the allocation table are listed in the header, which is
        // enough for the first seven megabytes; directories begin there.
        let content = window.slice(sector_offset(sector, shift), 1 << shift);
        if let Some(kind) = content.chunks_exact(128).find_map(stream_kind) {
            return Some(kind);
        }
        let per_sector = 1 << (shift - 2);
        let table = (sector / per_sector) as usize;
        let table_sector = if table < 109 { word(76 + 4 * table) } else { return None };
        let entry = sector_offset(table_sector, shift) + u64::from(sector % per_sector) * 4;
        sector = u32::from_le_bytes(window.array(entry)?);
    }
    None
}

fn sector_offset(sector: u32, shift: u32) -> u64 {
    (u64::from(sector) + 1) << shift
}

fn stream_kind(entry: &[u8]) -> Option<Format> {
    let named = |name: &str| {
        let length = name.len() * 2;
        entry.get(length..length + 2) == Some(&[0, 0])
            && entry.chunks(2).zip(name.bytes()).all(|(unit, letter)| unit == [letter, 0])
    };
    if named("WordDocument") {
        Some(Format::Doc)
    } else if named("Workbook") || named("Book") {
        Some(Format::Xls)
    } else if named("PowerPoint Document") {
        Some(Format::Ppt)
    } else {
        None
    }
}
