//! What a file is, by looking into it.
//!
//! A probe reads a few places of a seekable source (a spooled fetch, a stored blob) and never
//! holds the file. Every walk is bounded in steps, so that a file made to mislead costs no more
//! than a plain one. What cannot be read is said to be unreadable; nothing here panics or fails
//! on content.

mod audio;
mod declared;
mod format;
mod image;
mod iso;
mod office;
#[cfg(test)]
mod tests;
mod text;
mod window;

use std::io::{self, Read, Seek};

pub use declared::normal_type;
pub use format::{Color, Format, Iso, IsoBrand, Ogg, OggCodec, Picture, TrackCodec, Tracks, Webp};
pub(crate) use format::{DOCX, PPTX, XLSX};

use window::Window;

/// What is known about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// How long it is.
    pub size: Size,
    /// The type its origin or uploader declared: lower case, common misspellings mended, without
    /// parameters.
    pub declared: Option<String>,
    /// What it is by its bytes; [`Format::Unknown`] also if it was not read to the end.
    pub format: Format,
}

impl Facts {
    /// Facts of a whole file, such as an upload. Blocks while the source does.
    ///
    /// # Errors
    /// Only those of the source itself.
    pub fn of(mut source: impl Read + Seek, declared: Option<&str>) -> io::Result<Self> {
        let size = Size::Exactly(source.seek(io::SeekFrom::End(0))?);
        Ok(Self { size, declared: declared.and_then(normal_type), format: probe(source)? })
    }
}

/// A number of bytes, or a bound that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// All bytes were counted.
    Exactly(u64),
    /// There are more; reading stopped.
    MoreThan(u64),
}

/// Looks into a file.
///
/// # Errors
/// Only those of the source itself.
pub fn probe(source: impl Read + Seek) -> io::Result<Format> {
    let mut window = Window::new(source)?;
    let format = identify(&mut window);
    window.finish().map(|()| format)
}

fn identify<R: Read + Seek>(window: &mut Window<R>) -> Format {
    if window.len() == 0 {
        return Format::Empty;
    }
    let head = window.slice(0, 64);
    by_magic(&head, window)
        .or_else(|| by_table(&head).map(Format::Other))
        .or_else(|| audio::by_frames(window))
        .or_else(|| text::identify(window))
        .unwrap_or(Format::Unknown)
}

fn by_magic<R: Read + Seek>(head: &[u8], window: &mut Window<R>) -> Option<Format> {
    Some(match head {
        [0xff, 0xd8, 0xff, ..] => Format::Jpeg(image::jpeg(window)),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Format::Png(image::png(window)),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Format::Webp(image::webp(window)),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => iso::identify(window),
        [b'O', b'g', b'g', b'S', ..] => Format::Ogg(audio::ogg(window)),
        [b'P', b'K', 3, 4, ..] => office::zip(window),
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => office::ole(window),
        _ if head.starts_with(b"#!AMR\n") => Format::Amr,
        _ if head.starts_with(b"#!AMR-WB\n") => Format::AmrWide,
        _ if head.starts_with(b"ADIF") => Format::Aac,
        _ if window.slice(0, 1024).windows(5).any(|word| word == b"%PDF-") => Format::Pdf,
        _ => return None,
    })
}

/// Formats that are only named, so that people read "is a GIF" and not "is unknown".
const NAMED: &[(usize, &[u8], &str)] = &[
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"\0\0\x01\0", "image/x-icon"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"fLaC", "audio/flac"),
    (0, b"MThd", "audio/midi"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (0, b"\0\0\x01\xba", "video/mpeg"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"%!PS", "application/postscript"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ", "application/x-msdownload"),
];

fn by_table(head: &[u8]) -> Option<&'static str> {
    let fits =
        |(at, magic, _): &&(usize, &[u8], &str)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    let (_, magic, name) = NAMED.iter().find(fits)?;
    // Two letters are also the beginning of many a text.
    let proven = magic.len() > 2 || head.iter().take(16).any(|&byte| byte == 0);
    (proven || *name == "application/gzip").then_some(*name)
}
