//! The table itself. Sizes are in units of 1024.

use model::{Channel, content::MediaKind};

use super::{Row, Rule};
use crate::probe::{DOCX, PPTX, XLSX};

const KB: u64 = 1024;
const MB: u64 = 1024 * KB;

/// For channels whose limits nobody publishes.
pub(super) const ANYTHING: Row = Row {
    dialects: &[],
    channel: Channel::Unlisted,
    kind: MediaKind::Document,
    max_bytes: 100 * MB,
    types: &[],
    other_types: true,
    rules: &[],
};

const IMAGES: &[&str] = &["image/jpeg", "image/png"];
const VIDEOS: &[&str] = &["video/mp4", "video/3gpp"];
const SOUNDS: &[&str] = &["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"];
const OFFICE: &[&str] = &[
    "application/pdf",
    "application/msword",
    DOCX,
    "application/vnd.ms-excel",
    XLSX,
    "application/vnd.ms-powerpoint",
    PPTX,
];
const OFFICE_AND_TEXT: &[&str] = &[
    "text/plain",
    "application/pdf",
    "application/msword",
    DOCX,
    "application/vnd.ms-excel",
    XLSX,
    "application/vnd.ms-powerpoint",
    PPTX,
];

const fn whatsapp(
    dialects: &'static [&'static str],
    kind: MediaKind,
    max_bytes: u64,
    types: &'static [&'static str],
) -> Row {
    let rules: &'static [Rule] = match kind {
        MediaKind::Image => &[Rule::EightBitScreenColors],
        MediaKind::Video => &[Rule::H264WithAac],
        MediaKind::Audio => &[Rule::OneAacTrack, Rule::OpusMono],
        MediaKind::Document => &[Rule::NotAWebPage],
        MediaKind::Sticker => &[Rule::Sticker512, Rule::StillAtMost(100 * KB)],
    };
    Row { dialects, channel: Channel::Whatsapp, kind, max_bytes, types, other_types: false, rules }
}

const fn plain(channel: Channel, kind: MediaKind, max_bytes: u64, types: &'static [&'static str]) -> Row {
    Row { dialects: &[], channel, kind, max_bytes, types, other_types: false, rules: &[] }
}

/// Every row; a dialect's own before the common one does not matter, see [`super::row`].
pub(super) const ROWS: &[Row] = &[
    // Meta's Cloud API; Telesign and Kaleyra pass its rules on.
    whatsapp(&[], MediaKind::Image, 5 * MB, IMAGES),
    whatsapp(&[], MediaKind::Video, 16 * MB, VIDEOS),
    whatsapp(&[], MediaKind::Audio, 16 * MB, SOUNDS),
    // Meta lists these, and carries most other valid types as documents all the same.
    Row { other_types: true, ..whatsapp(&[], MediaKind::Document, 100 * MB, OFFICE_AND_TEXT) },
    whatsapp(&[], MediaKind::Sticker, 500 * KB, &["image/webp"]),
    // Messangi: every file must be smaller than 5 MB.
    whatsapp(&["messangi"], MediaKind::Image, 5 * MB - 1, IMAGES),
    whatsapp(&["messangi"], MediaKind::Video, 5 * MB - 1, VIDEOS),
    whatsapp(&["messangi"], MediaKind::Document, 5 * MB - 1, &["application/pdf"]),
    // Webex Connect lists its documents without a way out.
    whatsapp(&["webex_connect"], MediaKind::Document, 100 * MB, OFFICE_AND_TEXT),
    // Infobip: no plain text, and no MP4 for sound.
    whatsapp(&["infobip"], MediaKind::Document, 100 * MB, OFFICE),
    whatsapp(&["infobip"], MediaKind::Audio, 16 * MB, &["audio/aac", "audio/amr", "audio/mpeg", "audio/ogg"]),
    // Google's business messaging.
    plain(Channel::Rcs, MediaKind::Image, 100 * MB, &["image/jpeg", "image/png", "image/gif"]),
    plain(Channel::Rcs, MediaKind::Document, 100 * MB, &["application/pdf"]),
    // Viber: pictures as JPEG or PNG, videos up to 200 MB.
    plain(Channel::Viber, MediaKind::Image, 100 * MB, IMAGES),
    plain(Channel::Viber, MediaKind::Video, 200 * MB, &[]),
];
