//! Tracks of MPEG-4, 3GPP and QuickTime files. The directory (`moov`) may stand at either end of
//! the file; boxes that are not needed are stepped over unread.

use std::io::{Read, Seek};

use super::{Format, Iso, IsoBrand, TrackCodec, Tracks, window::Window};

/// Boxes looked at on one level; files written in fragments have thousands on the outermost, but
/// their directory comes first.
const MAX_BOXES: usize = 4_000;

/// Tracks of one file.
const MAX_TRACKS: usize = 32;

/// Sample descriptions looked at per track; nearly all have one.
const MAX_DESCRIPTIONS: usize = 8;

/// A box: its name and where its content is.
#[derive(Clone, Copy)]
struct Part {
    name: [u8; 4],
    start: u64,
    end: u64,
}

pub(super) fn identify<R: Read + Seek>(window: &mut Window<R>) -> Format {
    let brand = brand(window);
    Format::Iso(Iso { brand, tracks: tracks(window) })
}

fn brand<R: Read + Seek>(window: &mut Window<R>) -> IsoBrand {
    match window.array::<4>(8) {
        Some([b'3', b'g', ..]) => IsoBrand::ThreeGpp,
        Some([b'q', b't', ..]) => IsoBrand::QuickTime,
        Some([b'M', b'4', b'A' | b'B', _]) => IsoBrand::M4a,
        Some(letters) if STILLS.contains(&&letters) => IsoBrand::Still,
        _ => IsoBrand::Mp4,
    }
}

const STILLS: [&[u8; 4]; 8] = [b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis"];

fn tracks<R: Read + Seek>(window: &mut Window<R>) -> Option<Tracks> {
    let whole = Part { name: *b"file", start: 0, end: window.len() };
    let directory = child(window, whole, b"moov")?;
    let mut tracks = Tracks::default();
    let mut seen = 0;
    let mut at = directory.start;
    for _ in 0..MAX_BOXES {
        let Some(part) = next(window, &mut at, directory.end) else { break };
        if &part.name == b"trak" && seen < MAX_TRACKS {
            seen += 1;
            add_track(window, part, &mut tracks);
        }
    }
    Some(tracks)
}

fn add_track<R: Read + Seek>(window: &mut Window<R>, track: Part, tracks: &mut Tracks) {
    let Some(media) = child(window, track, b"mdia") else { return };
    let handler = child(window, media, b"hdlr").and_then(|part| window.array::<4>(part.start + 8));
    let list = match handler.as_ref() {
        Some(b"vide") => &mut tracks.video,
        Some(b"soun") => &mut tracks.audio,
        _ => return,
    };
    list.push(track_codec(window, media).unwrap_or(TrackCodec::Other(*b"none")));
}

fn track_codec<R: Read + Seek>(window: &mut Window<R>, media: Part) -> Option<TrackCodec> {
    let information = child(window, media, b"minf")?;
    let table = child(window, information, b"stbl")?;
    let descriptions = child(window, table, b"stsd")?;
    let mut at = descriptions.start + 8;
    let mut first = None;
    for _ in 0..MAX_DESCRIPTIONS {
        let Some(part) = next(window, &mut at, descriptions.end) else { break };
        let codec = entry_codec(window, part);
        // A track that changes to another codec half-way is as good as its worst part.
        if let TrackCodec::Other(_) = codec {
            return Some(codec);
        }
        first.get_or_insert(codec);
    }
    first
}

fn entry_codec<R: Read + Seek>(window: &mut Window<R>, entry: Part) -> TrackCodec {
    match &entry.name {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" => TrackCodec::H264,
        b"mp4a" if sound_is_aac(window, entry) => TrackCodec::Aac,
        name => TrackCodec::Other(*name),
    }
}

/// `mp4a` stands for all codecs that MPEG-4 numbers; the descriptor tells which.
fn sound_is_aac<R: Read + Seek>(window: &mut Window<R>, entry: Part) -> bool {
    // QuickTime's newer versions of the entry have more fields before its boxes.
    let fields = match window.array::<2>(entry.start + 8) {
        Some([0, 1]) => 28 + 16,
        Some([0, 2]) => 28 + 36,
        _ => 28,
    };
    let inside = Part { start: entry.start + fields, ..entry };
    let Some(part) = child(window, inside, b"esds")
        .or_else(|| child(window, inside, b"wave").and_then(|wave| child(window, wave, b"esds")))
    else {
        return false;
    };
    let count = usize::try_from(part.end.saturating_sub(part.start)).unwrap_or(usize::MAX).min(256);
    let bytes = window.slice(part.start, count);
    // MPEG-4 AAC and the three profiles of MPEG-2 AAC.
    matches!(object_type(bytes.get(4..).unwrap_or_default()), Some(0x40 | 0x66 | 0x67 | 0x68))
}

/// Walks from the elementary stream descriptor to the decoder's.
fn object_type(bytes: &[u8]) -> Option<u8> {
    let body = descriptor(bytes, 3)?;
    let flags = *body.get(2)?;
    let mut at = 3;
    if flags & 0x80 != 0 {
        at += 2;
    }
    if flags & 0x40 != 0 {
        at += 1 + usize::from(*body.get(at)?);
    }
    if flags & 0x20 != 0 {
        at += 2;
    }
    descriptor(body.get(at..)?, 4)?.first().copied()
}

/// Content of a descriptor with this tag: its length is in groups of seven bits.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    if *bytes.first()? != tag {
        return None;
    }
    let last = bytes.iter().skip(1).take(4).position(|byte| byte & 0x80 == 0)?;
    bytes.get(2 + last..)
}

/// The first part of this name inside `outer`.
fn child<R: Read + Seek>(window: &mut Window<R>, outer: Part, name: &[u8; 4]) -> Option<Part> {
    let mut at = outer.start;
    (0..MAX_BOXES).map_while(|_| next(window, &mut at, outer.end)).find(|part| &part.name == name)
}

/// The part that begins at `at`, which moves behind it. A part that claims to reach past `end` is
/// cut there, so that a cut file shows what is left of it.
fn next<R: Read + Seek>(window: &mut Window<R>, at: &mut u64, end: u64) -> Option<Part> {
    if end.saturating_sub(*at) < 8 {
        return None;
    }
    let [s3, s2, s1, s0, a, b, c, d] = window.array(*at)?;
    let (header, size) = match u32::from_be_bytes([s3, s2, s1, s0]) {
        0 => (8, end - *at),
        1 => (16, u64::from_be_bytes(window.array(*at + 8)?)),
        size => (8, size.into()),
    };
    if size < header {
        return None;
    }
    let part = Part { name: [a, b, c, d], start: *at + header, end: at.saturating_add(size).min(end) };
    *at = part.end;
    Some(part)
}
