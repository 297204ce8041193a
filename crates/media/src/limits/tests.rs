use super::*;
use crate::probe::{DOCX, IsoBrand, Ogg, normal_type};

const MB: u64 = 1024 * 1024;

fn purpose(dialect: &str, kind: MediaKind) -> Purpose<'_> {
    Purpose::new(dialect, Channel::Whatsapp, kind, &Extras::default())
}

fn facts(bytes: u64, declared: &str, format: Format) -> Facts {
    Facts { size: Size::Exactly(bytes), declared: normal_type(declared), format }
}

fn picture(bits: u8, color: Color) -> Option<Picture> {
    Some(Picture { width: 640, height: 480, bits, color })
}

fn jpeg() -> Format {
    Format::Jpeg(picture(8, Color::Rgb))
}

fn iso(video: &[TrackCodec], audio: &[TrackCodec]) -> Format {
    let tracks = Some(Tracks { video: video.to_vec(), audio: audio.to_vec() });
    Format::Iso(Iso { brand: IsoBrand::Mp4, tracks })
}

fn video() -> Format {
    iso(&[TrackCodec::H264], &[TrackCodec::Aac])
}

fn ogg(codec: OggCodec, channels: u8, streams: u8) -> Format {
    Format::Ogg(Some(Ogg { codec, channels, streams }))
}

fn webp(width: u32, height: u32, animated: bool) -> Format {
    Format::Webp(Some(Webp { width, height, animated }))
}

fn texts(facts: &Facts, purpose: &Purpose<'_>) -> Vec<(Cause, String)> {
    judge(facts, purpose).into_iter().map(|found| (found.cause, found.text.into_owned())).collect()
}

#[test]
fn each_dialect_has_its_own_size_limits_to_the_byte() {
    use MediaKind::{Audio, Document, Image, Video};
    let pdf = Format::Pdf;
    let cases = [
        ("telesign", Image, "image/jpeg", jpeg(), 5 * MB),
        ("kaleyra", Video, "video/mp4", video(), 16 * MB),
        ("kaleyra", Audio, "audio/mpeg", Format::Mp3, 16 * MB),
        ("telesign", Document, "application/pdf", pdf.clone(), 100 * MB),
        ("infobip", Image, "image/png", Format::Png(picture(8, Color::Rgba)), 5 * MB),
        ("infobip", Document, "application/pdf", pdf.clone(), 100 * MB),
        ("webex_connect", Video, "VIDEO/MP4", video(), 16 * MB),
        ("messangi", Image, "image/jpg", jpeg(), 5 * MB - 1),
        ("messangi", Video, "video/3gpp", video(), 5 * MB - 1),
        ("messangi", Document, "application/pdf", pdf, 5 * MB - 1),
    ];
    for (dialect, kind, declared, format, most) in cases {
        let purpose = purpose(dialect, kind);
        let at_limit = facts(most, declared, format.clone());
        assert_eq!(texts(&at_limit, &purpose), [], "{dialect} {declared}");
        let over = facts(most + 1, declared, format);
        let expected = format!("the file has {} bytes, at most {most} are taken", most + 1);
        assert_eq!(texts(&over, &purpose), [(Cause::MediaTooLarge, expected)], "{dialect} {declared}");
    }
}

#[test]
fn a_tighter_limit_of_the_message_wins_and_a_wider_one_does_not() {
    let file = facts(2 * MB, "image/jpeg", jpeg());
    let image = purpose("telesign", MediaKind::Image);
    let tight = Purpose { max_bytes: Some(MB), ..image };
    assert_eq!(max_bytes(&tight), MB);
    assert_eq!(judge(&file, &tight).len(), 1);
    let wide = Purpose { max_bytes: Some(90 * MB), ..image };
    assert_eq!(max_bytes(&wide), 5 * MB);
}

#[test]
fn what_is_unfit_is_refused_with_words_for_people() {
    use MediaKind::{Audio, Document, Image, Sticker, Video};
    let h264 = TrackCodec::H264;
    let aac = TrackCodec::Aac;
    let cases = [
        (
            Image,
            "image/gif",
            Format::Other("image/gif"),
            "the type image/gif is not one of image/jpeg, image/png",
        ),
        (Image, "", jpeg(), "the server declares no type for the file"),
        (Image, "application/octet-stream", jpeg(), "the server declares no type for the file"),
        (Image, "image/png", jpeg(), "the file is declared as image/png but is image/jpeg"),
        (Image, "image/jpeg", Format::Html, "the file is declared as image/jpeg but is text/html"),
        (Image, "image/jpeg", Format::Unknown, "the file is declared as image/jpeg but is something else"),
        (Image, "image/jpeg", Format::Jpeg(None), "the file is declared as image/jpeg but is damaged"),
        (
            Image,
            "image/jpeg",
            Format::Jpeg(picture(8, Color::Cmyk)),
            "the picture has printing colours (CMYK), not RGB",
        ),
        (
            Image,
            "image/png",
            Format::Png(picture(16, Color::Rgb)),
            "the picture has 16 bits per channel, not 8",
        ),
        (
            Video,
            "video/mp4",
            iso(&[TrackCodec::Other(*b"hvc1")], &[aac]),
            "the video codec is hvc1, not H.264",
        ),
        (Video, "video/mp4", iso(&[h264], &[aac, aac]), "the file has 2 sound tracks, at most one is taken"),
        (
            Video,
            "video/mp4",
            iso(&[h264], &[TrackCodec::Other(*b"mp4a")]),
            "the sound codec is mp4a, not AAC",
        ),
        (Video, "video/mp4", iso(&[], &[aac]), "the file has no video track"),
        (Audio, "audio/mp4", video(), "a sound file must have one sound track and no video"),
        (
            Audio,
            "audio/ogg",
            ogg(OggCodec::Vorbis, 1, 1),
            "sound in Ogg must be a single stream of Opus with one channel",
        ),
        (
            Audio,
            "audio/ogg; codecs=opus",
            ogg(OggCodec::Opus, 2, 1),
            "sound in Ogg must be a single stream of Opus with one channel",
        ),
        (Sticker, "image/webp", webp(256, 512, false), "a sticker must have 512x512 pixels, not 256x512"),
        (Document, "text/html", Format::Html, "the server sent a web page, not a document"),
    ];
    for (kind, declared, format, text) in cases {
        let found = texts(&facts(1_000, declared, format), &purpose("telesign", kind));
        assert_eq!(found, [(Cause::MediaUnsupported, text.to_owned())]);
    }
}

#[test]
fn what_is_fit_passes() {
    use MediaKind::{Audio, Document, Image, Sticker, Video};
    let h264 = TrackCodec::H264;
    let cases = [
        (Image, "image/jpeg", Format::Jpeg(picture(8, Color::Gray))),
        (Image, "IMAGE/PNG; charset=binary", Format::Png(picture(8, Color::Indexed))),
        (Video, "video/mp4", iso(&[h264], &[])),
        (Video, "video/3gp", video()),
        (Audio, "audio/mp4", iso(&[], &[TrackCodec::Aac])),
        (Audio, "audio/ogg", ogg(OggCodec::Opus, 1, 1)),
        (Audio, "audio/amr", Format::Amr),
        (Audio, "audio/aac", Format::Aac),
        (Document, "text/plain", Format::Text),
        (Document, "text/csv", Format::Text),
        (Document, "application/octet-stream", Format::Unknown),
        (Document, "application/msword", Format::Doc),
        (Document, DOCX, Format::Docx),
        (Sticker, "image/webp", webp(512, 512, true)),
    ];
    for (kind, declared, format) in cases {
        assert_eq!(texts(&facts(1_000, declared, format), &purpose("kaleyra", kind)), [], "{declared}");
    }
}

#[test]
fn dialects_with_shorter_lists_keep_to_them() {
    use MediaKind::{Audio, Document};
    let cases = [
        ("messangi", Document, "text/plain", Format::Text),
        ("infobip", Document, "text/plain", Format::Text),
        ("infobip", Audio, "audio/mp4", iso(&[], &[TrackCodec::Aac])),
        ("webex_connect", Document, "text/csv", Format::Text),
    ];
    for (dialect, kind, declared, format) in cases {
        let found = judge(&facts(1_000, declared, format), &purpose(dialect, kind));
        assert_eq!(found.len(), 1, "{dialect} {declared}");
        assert_eq!(found[0].cause, Cause::MediaUnsupported);
    }
}

#[test]
fn a_still_sticker_has_a_tighter_limit_than_a_moving_one() {
    let sticker = purpose("telesign", MediaKind::Sticker);
    let file = |bytes, animated| facts(bytes, "image/webp", webp(512, 512, animated));
    assert_eq!(judge(&file(100 * 1024, false), &sticker), []);
    assert_eq!(judge(&file(100 * 1024 + 1, false), &sticker)[0].cause, Cause::MediaTooLarge);
    assert_eq!(judge(&file(500 * 1024, true), &sticker), []);
    assert_eq!(judge(&file(500 * 1024 + 1, true), &sticker)[0].cause, Cause::MediaTooLarge);
}

#[test]
fn an_empty_or_endless_file_has_one_reason() {
    let image = purpose("telesign", MediaKind::Image);
    let empty = facts(0, "image/jpeg", Format::Empty);
    assert_eq!(judge(&empty, &image), [Violation::unsupported("the file is empty")]);
    let endless = Facts { size: Size::MoreThan(5 * MB), ..facts(0, "image/jpeg", Format::Unknown) };
    let found = judge(&endless, &image);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].cause, Cause::MediaTooLarge);
}

#[test]
fn channels_without_published_limits_take_anything_of_bounded_size() {
    let mms = Purpose { channel: Channel::Mms, ..purpose("telesign", MediaKind::Video) };
    assert_eq!(judge(&facts(MB, "video/quicktime", Format::Unknown), &mms), []);
    assert_eq!(judge(&facts(101 * MB, "video/quicktime", Format::Unknown), &mms).len(), 1);
}

#[test]
fn the_documented_table_is_the_table() {
    let page = include_str!("../../../../docs/media.md");
    for row in rows() {
        assert!(page.contains(&row.to_string()), "docs/media.md lacks this row:\n{row}");
    }
}
