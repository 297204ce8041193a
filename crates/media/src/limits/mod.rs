//! What channels and dialects take: one table, and the judgement by it.

mod table;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use model::{Cause, Channel, content::MediaKind, message::Extras};

use crate::probe::{Color, Facts, Format, Iso, OggCodec, Picture, Size, TrackCodec, Tracks, Webp};

/// What a file is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose<'a> {
    /// Name of the dialect the message came in by.
    pub dialect: &'a str,
    /// The channel it goes out on.
    pub channel: Channel,
    /// What it is shown as.
    pub kind: MediaKind,
    /// A tighter limit of the message itself, in bytes.
    pub max_bytes: Option<u64>,
    /// Whether the link must lead to the file without redirects.
    pub no_redirects: bool,
}

impl<'a> Purpose<'a> {
    /// The purpose of a file in a step with these extras.
    #[must_use]
    pub const fn new(dialect: &'a str, channel: Channel, kind: MediaKind, extras: &Extras) -> Self {
        let Extras { max_media_bytes: max_bytes, no_redirects, .. } = *extras;
        Self { dialect, channel, kind, max_bytes, no_redirects }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Names of the dialects it is for; empty for all that have no row of their own.
    pub dialects: &'static [&'static str],
    /// The channel.
    pub channel: Channel,
    /// The kind.
    pub kind: MediaKind,
    /// The most bytes that are taken.
    pub max_bytes: u64,
    /// Types that are taken; empty for any.
    pub types: &'static [&'static str],
    /// Whether other types are taken too, on the receiver's own risk.
    pub other_types: bool,
    /// What else is looked at.
    pub rules: &'static [Rule],
}

/// What is looked at beyond size and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// At most eight bits per channel, and no printing inks.
    EightBitScreenColors,
    /// Video is H.264, sound is AAC, and there is at most one sound track.
    H264WithAac,
    /// A container of sound has one AAC track and no picture.
    OneAacTrack,
    /// Ogg has one stream, Opus, with one channel.
    OpusMono,
    /// 512 by 512 pixels.
    Sticker512,
    /// If it does not move, at most so many bytes.
    StillAtMost(u64),
    /// Not a web page: that is what servers send in place of a file that is gone.
    NotAWebPage,
}

/// Why a file is not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// In the words of the engine; one of `MediaTooLarge`, `MediaUnsupported` and
    /// `MediaUnreachable`.
    pub cause: Cause,
    /// In words for people; names no address.
    pub text: Cow<'static, str>,
}

impl Violation {
    /// A file of a type or make that is not taken.
    pub(crate) fn unsupported(text: impl Into<Cow<'static, str>>) -> Self {
        Self { cause: Cause::MediaUnsupported, text: text.into() }
    }

    fn too_large(text: String) -> Self {
        Self { cause: Cause::MediaTooLarge, text: text.into() }
    }
}

/// The whole table, for printing.
#[must_use]
pub fn rows() -> &'static [Row] {
    table::ROWS
}

/// The row for a purpose: the dialect's own, else the channel's, else a wide one.
#[must_use]
pub fn row(purpose: &Purpose<'_>) -> &'static Row {
    let fits = |row: &&Row| row.channel == purpose.channel && row.kind == purpose.kind;
    let own = |row: &&Row| row.dialects.contains(&purpose.dialect);
    let common = |row: &&Row| row.dialects.is_empty();
    let rows = || table::ROWS.iter().filter(fits);
    rows().find(own).or_else(|| rows().find(common)).unwrap_or(&table::ANYTHING)
}

/// The most bytes that are worth reading for a purpose.
#[must_use]
pub fn max_bytes(purpose: &Purpose<'_>) -> u64 {
    let limit = row(purpose).max_bytes;
    purpose.max_bytes.map_or(limit, |own| own.min(limit))
}

/// All reasons why a file is not fit for a purpose; none if it is.
#[must_use]
pub fn judge(facts: &Facts, purpose: &Purpose<'_>) -> Vec<Violation> {
    let row = row(purpose);
    let mut violations = Vec::new();
    violations.extend(judge_size(facts.size, max_bytes(purpose)));
    violations.extend(judge_declared(facts, row));
    if let Size::Exactly(bytes) = facts.size {
        violations.extend(judge_format(facts, row));
        violations.extend(row.rules.iter().filter_map(|rule| judge_rule(*rule, bytes, facts)));
    }
    violations
}

fn judge_size(size: Size, limit: u64) -> Option<Violation> {
    match size {
        Size::Exactly(0) => Some(Violation::unsupported("the file is empty")),
        Size::Exactly(bytes) if bytes > limit => {
            Some(Violation::too_large(format!("the file has {bytes} bytes, at most {limit} are taken")))
        }
        Size::Exactly(_) => None,
        Size::MoreThan(_) => {
            Some(Violation::too_large(format!("the file has more than the {limit} bytes that are taken")))
        }
    }
}

fn judge_declared(facts: &Facts, row: &Row) -> Option<Violation> {
    if row.types.is_empty() || row.other_types {
        return None;
    }
    match facts.declared.as_deref() {
        None => Some(Violation::unsupported("the server declares no type for the file")),
        Some(declared) if row.types.contains(&declared) => None,
        Some(declared) => {
            let list = row.types.join(", ");
            Some(Violation::unsupported(format!("the type {declared} is not one of {list}")))
        }
    }
}

fn judge_format(facts: &Facts, row: &Row) -> Option<Violation> {
    let unreadable = match &facts.format {
        Format::Empty => return None,
        Format::Jpeg(picture) | Format::Png(picture) => picture.is_none(),
        Format::Webp(webp) => webp.is_none(),
        Format::Ogg(ogg) => ogg.is_none(),
        Format::Iso(iso) => iso.tracks.is_none(),
        Format::Amr
        | Format::AmrWide
        | Format::Aac
        | Format::Mp3
        | Format::Pdf
        | Format::Doc
        | Format::Xls
        | Format::Ppt
        | Format::Docx
        | Format::Xlsx
        | Format::Pptx
        | Format::Ole
        | Format::Zip
        | Format::Text
        | Format::Html
        | Format::Other(_)
        | Format::Unknown => false,
    };
    let declared = facts.declared.as_deref().filter(|_| !row.types.is_empty())?;
    if !facts.format.fits(declared) {
        let found = facts.format.mime().unwrap_or("something else");
        return Some(Violation::unsupported(format!("the file is declared as {declared} but is {found}")));
    }
    unreadable.then(|| Violation::unsupported(format!("the file is declared as {declared} but is damaged")))
}

fn judge_rule(rule: Rule, bytes: u64, facts: &Facts) -> Option<Violation> {
    match (rule, &facts.format) {
        (Rule::EightBitScreenColors, Format::Jpeg(Some(picture)) | Format::Png(Some(picture))) => {
            judge_colors(*picture)
        }
        (Rule::H264WithAac, Format::Iso(Iso { tracks: Some(tracks), .. })) => judge_video(tracks),
        (Rule::OneAacTrack, Format::Iso(Iso { tracks: Some(tracks), .. })) => judge_sound(tracks),
        (Rule::OpusMono, Format::Ogg(Some(ogg))) => {
            let fits = ogg.codec == OggCodec::Opus && ogg.channels == 1 && ogg.streams == 1;
            (!fits).then(|| {
                Violation::unsupported("sound in Ogg must be a single stream of Opus with one channel")
            })
        }
        (Rule::Sticker512, Format::Webp(Some(Webp { width, height, .. }))) => {
            let fits = (*width, *height) == (512, 512);
            (!fits).then(|| {
                Violation::unsupported(format!("a sticker must have 512x512 pixels, not {width}x{height}"))
            })
        }
        (Rule::StillAtMost(limit), Format::Webp(Some(Webp { animated: false, .. }))) if bytes > limit => {
            Some(Violation::too_large(format!(
                "the file has {bytes} bytes, at most {limit} are taken if it does not move"
            )))
        }
        (Rule::NotAWebPage, Format::Html) => {
            Some(Violation::unsupported("the server sent a web page, not a document"))
        }
        // A rule says nothing about formats it is not for.
        (
            Rule::EightBitScreenColors
            | Rule::H264WithAac
            | Rule::OneAacTrack
            | Rule::OpusMono
            | Rule::Sticker512
            | Rule::StillAtMost(_)
            | Rule::NotAWebPage,
            _,
        ) => None,
    }
}

fn judge_colors(picture: Picture) -> Option<Violation> {
    match picture.color {
        Color::Cmyk => Some(Violation::unsupported("the picture has printing colours (CMYK), not RGB")),
        Color::Other => Some(Violation::unsupported("the picture has an unusual colour model")),
        Color::Gray | Color::GrayAlpha | Color::Rgb | Color::Rgba | Color::Indexed if picture.bits > 8 => {
            Some(Violation::unsupported(format!("the picture has {} bits per channel, not 8", picture.bits)))
        }
        Color::Gray | Color::GrayAlpha | Color::Rgb | Color::Rgba | Color::Indexed => None,
    }
}

fn judge_video(tracks: &Tracks) -> Option<Violation> {
    if tracks.video.is_empty() {
        return Some(Violation::unsupported("the file has no video track"));
    }
    if let Some(codec) = tracks.video.iter().find(|codec| **codec != TrackCodec::H264) {
        return Some(Violation::unsupported(format!("the video codec is {codec}, not H.264")));
    }
    if tracks.audio.len() > 1 {
        let count = tracks.audio.len();
        return Some(Violation::unsupported(format!(
            "the file has {count} sound tracks, at most one is taken"
        )));
    }
    not_aac(tracks)
}

fn judge_sound(tracks: &Tracks) -> Option<Violation> {
    if !tracks.video.is_empty() || tracks.audio.len() != 1 {
        return Some(Violation::unsupported("a sound file must have one sound track and no video"));
    }
    not_aac(tracks)
}

fn not_aac(tracks: &Tracks) -> Option<Violation> {
    let codec = tracks.audio.iter().find(|codec| **codec != TrackCodec::Aac)?;
    Some(Violation::unsupported(format!("the sound codec is {codec}, not AAC")))
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EightBitScreenColors => f.write_str("8 bits per channel, not CMYK"),
            Self::H264WithAac => f.write_str("H.264, at most one sound track, AAC"),
            Self::OneAacTrack => f.write_str("in MP4: one AAC track"),
            Self::OpusMono => f.write_str("in Ogg: Opus, mono"),
            Self::Sticker512 => f.write_str("512x512 pixels"),
            Self::StillAtMost(bytes) => write!(f, "at most {} if it does not move", Bytes(*bytes)),
            Self::NotAWebPage => f.write_str("not a web page"),
        }
    }
}

/// One line of a Markdown table: dialects, channel, kind, size, types, rules.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dialects =
            if self.dialects.is_empty() { "all others".to_owned() } else { self.dialects.join(", ") };
        let types = match (self.types, self.other_types) {
            ([], _) => "any".to_owned(),
            (types, false) => types.join(", "),
            (types, true) => format!("{}; others pass", types.join(", ")),
        };
        let rules: Vec<_> = self.rules.iter().map(ToString::to_string).collect();
        write!(
            f,
            "| {dialects} | {} | {} | {} | {types} | {} |",
            self.channel,
            self.kind.as_str(),
            Bytes(self.max_bytes),
            rules.join("; ")
        )
    }
}

/// A size as people write it.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KIB: u64 = 1024;
        const MIB: u64 = 1024 * KIB;
        match self.0 {
            bytes if bytes % MIB == 0 => write!(f, "{} MB", bytes / MIB),
            bytes if (bytes + 1) % MIB == 0 => write!(f, "under {} MB", (bytes + 1) / MIB),
            bytes if bytes % KIB == 0 => write!(f, "{} KB", bytes / KIB),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}
