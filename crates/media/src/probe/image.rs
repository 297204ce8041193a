//! Size and colours of pictures.

use std::io::{Read, Seek};

use super::{Color, Picture, Webp, window::Window};

/// Segments of a JPEG before its frame header; real ones have a few dozen.
const MAX_SEGMENTS: usize = 2_000;

/// Walks the segments to the frame header.
pub(super) fn jpeg<R: Read + Seek>(window: &mut Window<R>) -> Option<Picture> {
    let mut at = 2;
    for _ in 0..MAX_SEGMENTS {
        let [0xff, marker, high, low] = window.array(at)? else { return None };
        match marker {
            // A fill byte before the marker.
            0xff => at += 1,
            // Markers without a segment.
            0x01 | 0xd0..=0xd7 => at += 2,
            // Start of frame, of any coding.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                return jpeg_frame(window.array(at + 4)?);
            }
            // Pixels or the end without a frame header.
            0xd9 | 0xda => return None,
            _ => at += 2 + u64::from(u16::from_be_bytes([high, low])).max(2),
        }
    }
    None
}

fn jpeg_frame([bits, h1, h0, w1, w0, components]: [u8; 6]) -> Option<Picture> {
    let color = match components {
        1 => Color::Gray,
        3 => Color::Rgb,
        4 => Color::Cmyk,
        _ => Color::Other,
    };
    let (width, height) = (u16::from_be_bytes([w1, w0]).into(), u16::from_be_bytes([h1, h0]).into());
    sized(Picture { width, height, bits, color })
}

fn sized(picture: Picture) -> Option<Picture> {
    (picture.width > 0 && picture.height > 0).then_some(picture)
}

/// Reads the header chunk, which always comes first.
pub(super) fn png<R: Read + Seek>(window: &mut Window<R>) -> Option<Picture> {
    let header: [u8; 18] = window.array(8)?;
    let [0, 0, 0, 13, b'I', b'H', b'D', b'R', w3, w2, w1, w0, h3, h2, h1, h0, bits, color] = header else {
        return None;
    };
    let color = match color {
        0 => Color::Gray,
        2 => Color::Rgb,
        3 => Color::Indexed,
        4 => Color::GrayAlpha,
        6 => Color::Rgba,
        _ => return None,
    };
    let width = u32::from_be_bytes([w3, w2, w1, w0]);
    let height = u32::from_be_bytes([h3, h2, h1, h0]);
    sized(Picture { width, height, bits, color })
}

/// Reads the first chunk: lossy, lossless, or the extended header.
pub(super) fn webp<R: Read + Seek>(window: &mut Window<R>) -> Option<Webp> {
    let name: [u8; 4] = window.array(12)?;
    let body: [u8; 10] = window.array(20).or_else(|| {
        // The lossless header is five bytes, and a one-pixel picture little more.
        let short: [u8; 5] = window.array(20)?;
        let mut body = [0; 10];
        body[..5].copy_from_slice(&short);
        Some(body)
    })?;
    let still = |width: u32, height: u32| Webp { width, height, animated: false };
    match (&name, body) {
        (b"VP8 ", [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]) => {
            Some(still(fourteen_bits(w0, w1), fourteen_bits(h0, h1)))
        }
        (b"VP8L", [0x2f, a, b, c, d, ..]) => {
            let bits = u32::from_le_bytes([a, b, c, d]);
            Some(still((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        (b"VP8X", [flags, _, _, _, w0, w1, w2, h0, h1, h2]) => Some(Webp {
            width: u32::from_le_bytes([w0, w1, w2, 0]) + 1,
            height: u32::from_le_bytes([h0, h1, h2, 0]) + 1,
            animated: flags & 0x02 != 0,
        }),
        _ => None,
    }
}

/// The upper two bits are for scaling.
fn fourteen_bits(low: u8, high: u8) -> u32 {
    u32::from(u16::from_le_bytes([low, high]) & 0x3fff)
}
