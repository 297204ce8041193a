//! Sound: Ogg pages, and streams of AAC or MPEG frames that have no magic number.

use std::io::{Read, Seek};

use super::{Format, Ogg, OggCodec, window::Window};

/// Logical streams looked at in an Ogg file.
const MAX_STREAMS: u8 = 8;

/// How far behind a tag the first frame may stand (padding), in bytes.
const MAX_PADDING: usize = 4_096;

/// Reads the first pages, one for each logical stream.
pub(super) fn ogg<R: Read + Seek>(window: &mut Window<R>) -> Option<Ogg> {
    let (first, mut at) = ogg_page(window, 0)?;
    let (codec, channels) = ogg_codec(&first);
    let mut streams = 1;
    while streams < MAX_STREAMS
        && let Some((_, next)) = ogg_page(window, at)
    {
        streams += 1;
        at = next;
    }
    Some(Ogg { codec, channels, streams })
}

/// The beginning of the page's content, if a logical stream begins on it, and where it ends.
fn ogg_page<R: Read + Seek>(window: &mut Window<R>, at: u64) -> Option<(Vec<u8>, u64)> {
    let header: [u8; 27] = window.array(at)?;
    let begins = header.starts_with(b"OggS\0") && header[5] & 0x02 != 0;
    let segments = usize::from(header[26]);
    let lengths = window.slice(at + 27, segments);
    if !begins || lengths.len() < segments {
        return None;
    }
    let content = at + 27 + segments as u64;
    let length: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
    Some((window.slice(content, length.min(64) as usize), content + length))
}

fn ogg_codec(packet: &[u8]) -> (OggCodec, u8) {
    let byte = |at: usize| packet.get(at).copied().unwrap_or(0);
    if packet.starts_with(b"OpusHead") {
        (OggCodec::Opus, byte(9))
    } else if packet.starts_with(b"\x01vorbis") {
        (OggCodec::Vorbis, byte(11))
    } else {
        (OggCodec::Other, 0)
    }
}

/// AAC or MP3, behind an ID3 tag or at once.
pub(super) fn by_frames<R: Read + Seek>(window: &mut Window<R>) -> Option<Format> {
    let tag = tag_length(window);
    let start = window.slice(tag, MAX_PADDING);
    let looked_at = if tag > 0 { start.len() } else { 1 };
    (0..looked_at as u64).find_map(|skip| {
        let header = start.get(skip as usize..)?;
        let (format, length) = frame(header)?;
        follows(window, tag + skip + length, &format).then_some(format)
    })
}

/// Length of an ID3 tag with its header; 0 if there is none.
fn tag_length<R: Read + Seek>(window: &mut Window<R>) -> u64 {
    match window.array::<10>(0) {
        Some([b'I', b'D', b'3', _, _, _, a, b, c, d]) if (a | b | c | d) & 0x80 == 0 => {
            10 + [a, b, c, d].iter().fold(0, |length, &byte| length << 7 | u64::from(byte))
        }
        _ => 0,
    }
}

/// One frame proves little, since two bytes begin it; the next must be of the same kind, or the
/// file must end there.
fn follows<R: Read + Seek>(window: &mut Window<R>, at: u64, format: &Format) -> bool {
    at == window.len() || frame(&window.slice(at, 7)).is_some_and(|(next, _)| next == *format)
}

/// Format and length of the frame that begins here.
fn frame(header: &[u8]) -> Option<(Format, u64)> {
    match *header {
        [0xff, b, c, d, e, f, ..] if b & 0xf6 == 0xf0 => {
            let length = u64::from(d & 0x03) << 11 | u64::from(e) << 3 | u64::from(f >> 5);
            let rate = c >> 2 & 0x0f;
            (rate < 13 && length >= 7).then_some((Format::Aac, length))
        }
        [0xff, b, c, ..] if b & 0xe6 == 0xe2 => Some((Format::Mp3, mp3_frame_length(b, c)?)),
        _ => None,
    }
}

/// Length of a layer 3 frame by the second and third byte of its header.
fn mp3_frame_length(version: u8, rates: u8) -> Option<u64> {
    const MPEG1: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const MPEG2: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    const HERTZ: [u64; 3] = [44_100, 48_000, 32_000];
    let hertz = *HERTZ.get(usize::from(rates >> 2 & 0x03))?;
    let rate = usize::from(rates >> 4);
    let padding = u64::from(rates >> 1 & 0x01);
    let (kilobits, hertz, samples) = match version >> 3 & 0x03 {
        0b11 => (*MPEG1.get(rate)?, hertz, 144),
        0b10 => (*MPEG2.get(rate)?, hertz / 2, 72),
        0b00 => (*MPEG2.get(rate)?, hertz / 4, 72),
        _ => return None,
    };
    (kilobits > 0).then(|| samples * kilobits * 1000 / hertz + padding)
}
