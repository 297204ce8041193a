use std::io::Cursor;

use proptest::prelude::*;

use super::*;

macro_rules! fixtures {
    ($($name:literal),* $(,)?) => {
        const FIXTURES: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../../fixtures/", $name)))),*];
    };
}

fixtures!(
    "animated.gif",
    "gray8.png",
    "h264_aac_fragmented.mp4",
    "h264_aac_moov_first.mp4",
    "h264_aac_moov_last.mp4",
    "hevc.mp4",
    "letter.docx",
    "mpeg4_visual.mp4",
    "no_audio.3gp",
    "opus_mono.ogg",
    "opus_stereo.ogg",
    "page.pdf",
    "plain.zip",
    "rgb.jpg",
    "rgb16.png",
    "rgb8.png",
    "rgba8.png",
    "slides.pptx",
    "sound.aac",
    "sound.m4a",
    "sound.mp3",
    "sticker.webp",
    "sticker_animated.webp",
    "sticker_lossless.webp",
    "table.xlsx",
    "two_audio_tracks.mp4",
    "vorbis.ogg",
    "vp8.webm",
    "wrong_size.webp",
);

fn fixture(name: &str) -> &'static [u8] {
    FIXTURES.iter().find(|(found, _)| *found == name).expect("is listed").1
}

fn look(bytes: &[u8]) -> Format {
    probe(Cursor::new(bytes)).expect("memory does not fail")
}

fn picture(width: u32, height: u32, bits: u8, color: Color) -> Option<Picture> {
    Some(Picture { width, height, bits, color })
}

fn iso(brand: IsoBrand, video: &[TrackCodec], audio: &[TrackCodec]) -> Format {
    Format::Iso(Iso { brand, tracks: Some(Tracks { video: video.to_vec(), audio: audio.to_vec() }) })
}

fn ogg(codec: OggCodec, channels: u8) -> Format {
    Format::Ogg(Some(Ogg { codec, channels, streams: 1 }))
}

fn webp(width: u32, height: u32, animated: bool) -> Format {
    Format::Webp(Some(Webp { width, height, animated }))
}

#[test]
fn real_files_are_known_with_their_details() {
    use IsoBrand::{M4a, Mp4, ThreeGpp};
    use TrackCodec::{Aac, H264, Other};
    let cases = [
        ("animated.gif", Format::Other("image/gif"), "image/gif"),
        ("rgb.jpg", Format::Jpeg(picture(48, 32, 8, Color::Rgb)), "image/jpeg"),
        ("rgb8.png", Format::Png(picture(48, 32, 8, Color::Rgb)), "image/png"),
        ("rgba8.png", Format::Png(picture(48, 32, 8, Color::Rgba)), "image/png"),
        ("rgb16.png", Format::Png(picture(48, 32, 16, Color::Rgb)), "image/png"),
        ("gray8.png", Format::Png(picture(48, 32, 8, Color::Gray)), "image/png"),
        ("sticker.webp", webp(512, 512, false), "image/webp"),
        ("sticker_lossless.webp", webp(512, 512, false), "image/webp"),
        ("sticker_animated.webp", webp(512, 512, true), "image/webp"),
        ("wrong_size.webp", webp(256, 512, false), "image/webp"),
        ("h264_aac_moov_first.mp4", iso(Mp4, &[H264], &[Aac]), "video/mp4"),
        ("h264_aac_moov_last.mp4", iso(Mp4, &[H264], &[Aac]), "video/mp4"),
        ("h264_aac_fragmented.mp4", iso(Mp4, &[H264], &[Aac]), "video/mp4"),
        ("two_audio_tracks.mp4", iso(Mp4, &[H264], &[Aac, Aac]), "video/mp4"),
        ("mpeg4_visual.mp4", iso(Mp4, &[Other(*b"mp4v")], &[]), "video/mp4"),
        ("hevc.mp4", iso(Mp4, &[Other(*b"hev1")], &[]), "video/mp4"),
        ("no_audio.3gp", iso(ThreeGpp, &[H264], &[]), "video/3gpp"),
        ("sound.m4a", iso(M4a, &[], &[Aac]), "audio/mp4"),
        ("opus_mono.ogg", ogg(OggCodec::Opus, 1), "audio/ogg"),
        ("opus_stereo.ogg", ogg(OggCodec::Opus, 2), "audio/ogg"),
        ("vorbis.ogg", ogg(OggCodec::Vorbis, 1), "audio/ogg"),
        ("sound.aac", Format::Aac, "audio/aac"),
        ("sound.mp3", Format::Mp3, "audio/mpeg"),
        ("page.pdf", Format::Pdf, "application/pdf"),
        ("letter.docx", Format::Docx, format::DOCX),
        ("table.xlsx", Format::Xlsx, format::XLSX),
        ("slides.pptx", Format::Pptx, format::PPTX),
        ("plain.zip", Format::Zip, "application/zip"),
        ("vp8.webm", Format::Other("video/webm"), "video/webm"),
    ];
    assert_eq!(cases.len(), FIXTURES.len(), "each fixture is looked at");
    for (name, format, mime) in cases {
        let found = look(fixture(name));
        assert_eq!(found, format, "{name}");
        assert_eq!(found.mime(), Some(mime), "{name}");
        assert!(found.fits(mime), "{name} fits {mime}");
    }
}

#[test]
fn small_things_are_known_without_a_fixture() {
    let cases: [(&[u8], Format); 17] = [
        (b"", Format::Empty),
        (b"#!AMR\n\x3c\x91\x17", Format::Amr),
        (b"#!AMR-WB\n\x3c", Format::AmrWide),
        (b"\r\n  %PDF-1.7 late", Format::Pdf),
        (b"hello, world\r\n", Format::Text),
        ("h\u{e9}llo \u{4f60}".as_bytes(), Format::Text),
        (b"caf\xe9 in Latin-1", Format::Text),
        (b"\xff\xfeh\0i\0", Format::Text),
        (b"BM begins a text too", Format::Text),
        (b"MZ", Format::Text),
        (b"  <!DOCTYPE HTML><p>not found", Format::Html),
        (b"\xef\xbb\xbf<html><body>", Format::Html),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", Format::Other("image/bmp")),
        (b"RIFF\x24\0\0\0WAVEfmt ", Format::Other("audio/wav")),
        (b"\x7fELF\x02\x01\x01", Format::Other("application/x-executable")),
        (b"ID3\x04\0\0\0\0\0\0nothing after the tag", Format::Unknown),
        (b"\x00\x01\x02\x03\x04", Format::Unknown),
    ];
    for (bytes, format) in cases {
        assert_eq!(look(bytes), format, "{}", bytes.escape_ascii());
    }
}

#[test]
fn four_components_make_a_jpeg_cmyk() {
    let mut bytes = fixture("rgb.jpg").to_vec();
    let frame = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("has a frame header");
    bytes[frame + 9] = 4;
    assert_eq!(look(&bytes), Format::Jpeg(picture(48, 32, 8, Color::Cmyk)));
}

#[test]
fn a_picture_without_its_header_is_unreadable_not_unknown() {
    assert_eq!(look(&fixture("rgb.jpg")[..20]), Format::Jpeg(None));
    assert_eq!(look(&fixture("rgb8.png")[..20]), Format::Png(None));
    assert_eq!(look(&fixture("sticker.webp")[..22]), Format::Webp(None));
}

#[test]
fn a_video_cut_before_its_directory_has_no_known_tracks() {
    let bytes = fixture("h264_aac_moov_last.mp4");
    let cut = &bytes[..bytes.len() / 3];
    assert_eq!(look(cut), Format::Iso(Iso { brand: IsoBrand::Mp4, tracks: None }));
}

/// An old office container with one stream of this name.
fn old_container(name: &str) -> Vec<u8> {
    let mut bytes = vec![0; 512 * 3];
    bytes[..8].copy_from_slice(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
    bytes[30] = 9;
    bytes[48] = 1;
    // Sector 0 is the allocation table; the directory is sector 1 and ends there.
    bytes[512 + 4..512 + 8].copy_from_slice(&0xffff_fffe_u32.to_le_bytes());
    for (index, letter) in name.bytes().enumerate() {
        bytes[1024 + 128 + 2 * index] = letter;
    }
    bytes
}

#[test]
fn old_office_files_are_told_by_their_streams() {
    let cases = [
        ("WordDocument", Format::Doc),
        ("Workbook", Format::Xls),
        ("Book", Format::Xls),
        ("PowerPoint Document", Format::Ppt),
        ("EncryptedPackage", Format::Ole),
    ];
    for (name, format) in cases {
        assert_eq!(look(&old_container(name)), format, "{name}");
    }
}

#[test]
fn a_directory_that_leads_in_a_circle_ends() {
    let mut bytes = old_container("Nothing");
    bytes[512 + 4..512 + 8].copy_from_slice(&1_u32.to_le_bytes());
    assert_eq!(look(&bytes), Format::Ole);
}

#[test]
fn a_file_of_endless_tiny_boxes_ends() {
    let mut bytes = b"\0\0\0\x10ftypisom\0\0\0\0".to_vec();
    for _ in 0..100_000 {
        bytes.extend_from_slice(b"\0\0\0\x08free");
    }
    assert_eq!(look(&bytes), Format::Iso(Iso { brand: IsoBrand::Mp4, tracks: None }));
}

#[test]
fn a_declared_type_must_fit_where_bytes_can_tell() {
    let jpeg = look(fixture("rgb.jpg"));
    let video = look(fixture("no_audio.3gp"));
    let page = look(b"<html>");
    let cases = [
        (&jpeg, "image/jpeg", true),
        (&jpeg, "image/png", false),
        (&jpeg, "text/plain", false),
        (&jpeg, "application/x-own", true),
        (&video, "video/mp4", true),
        (&video, "video/3gpp", true),
        (&video, "application/pdf", false),
        (&page, "image/jpeg", false),
        (&page, "text/html", true),
    ];
    for (format, mime, expected) in cases {
        assert_eq!(format.fits(mime), expected, "{format:?} as {mime}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        look(&bytes);
    }

    #[test]
    fn any_bytes_behind_any_magic_are_survived(
        which in 0..FIXTURES.len(),
        keep in 0_usize..64,
        rest in prop::collection::vec(any::<u8>(), 0..1_000),
    ) {
        let (_, bytes) = FIXTURES[which];
        let mut made = bytes[..keep.min(bytes.len())].to_vec();
        made.extend(rest);
        look(&made);
    }

    #[test]
    fn damaged_files_are_survived(
        which in 0..FIXTURES.len(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = FIXTURES[which].1.to_vec();
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        look(&bytes);
    }
}

#[test]
fn every_truncation_of_a_real_file_is_survived() {
    for (_, bytes) in FIXTURES {
        for end in 0..bytes.len() {
            look(&bytes[..end]);
        }
    }
}
