//! Formats that channels care about, with the details that they care about.

/// What a file is by its bytes. Details are `None` where the file begins like its format but its
/// inside cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// No bytes at all.
    Empty,
    /// JPEG.
    Jpeg(Option<Picture>),
    /// PNG.
    Png(Option<Picture>),
    /// WebP.
    Webp(Option<Webp>),
    /// The MPEG-4 family of containers.
    Iso(Iso),
    /// An Ogg stream; `None` if its first page cannot be read.
    Ogg(Option<Ogg>),
    /// AMR narrow band.
    Amr,
    /// AMR wide band.
    AmrWide,
    /// AAC without a container.
    Aac,
    /// MPEG audio layer 3.
    Mp3,
    /// PDF.
    Pdf,
    /// Word before 2007.
    Doc,
    /// Excel before 2007.
    Xls,
    /// PowerPoint before 2007.
    Ppt,
    /// Word since 2007.
    Docx,
    /// Excel since 2007.
    Xlsx,
    /// PowerPoint since 2007.
    Pptx,
    /// The container of old office files with something else inside, such as an encrypted one.
    Ole,
    /// A zip archive of other things.
    Zip,
    /// Plain text.
    Text,
    /// A web page.
    Html,
    /// Something else that has a name.
    Other(&'static str),
    /// Nothing known.
    Unknown,
}

/// A still picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Bits per channel (per pixel if indexed).
    pub bits: u8,
    /// Colour model.
    pub color: Color,
}

/// Colour models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Shades of grey.
    Gray,
    /// Shades of grey with transparency.
    GrayAlpha,
    /// Red, green, blue (JPEG: or luminance and two colour differences).
    Rgb,
    /// Red, green, blue with transparency.
    Rgba,
    /// A palette of red, green, blue.
    Indexed,
    /// Four printing inks.
    Cmyk,
    /// Any other number of components.
    Other,
}

/// A WebP picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Webp {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Whether it moves.
    pub animated: bool,
}

/// A file of the MPEG-4 container family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iso {
    /// Which member of the family it says it is.
    pub brand: IsoBrand,
    /// Its tracks, if its directory can be read.
    pub tracks: Option<Tracks>,
}

/// Members of the MPEG-4 container family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsoBrand {
    /// MPEG-4.
    Mp4,
    /// MPEG-4 that says it is sound only.
    M4a,
    /// 3GPP.
    ThreeGpp,
    /// QuickTime.
    QuickTime,
    /// HEIF or AVIF pictures.
    Still,
}

/// Tracks of a container; subtitles and the like are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracks {
    /// Codec of each moving picture.
    pub video: Vec<TrackCodec>,
    /// Codec of each sound.
    pub audio: Vec<TrackCodec>,
}

/// Codecs of tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackCodec {
    /// H.264.
    H264,
    /// AAC.
    Aac,
    /// Another one, by its four letters.
    Other([u8; 4]),
}

impl std::fmt::Display for TrackCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::H264 => f.write_str("H.264"),
            Self::Aac => f.write_str("AAC"),
            Self::Other(letters) => write!(f, "{}", letters.escape_ascii()),
        }
    }
}

/// An Ogg stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ogg {
    /// Codec of its first logical stream.
    pub codec: OggCodec,
    /// Channels of sound; 0 if not known.
    pub channels: u8,
    /// Logical streams side by side.
    pub streams: u8,
}

/// Codecs in Ogg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OggCodec {
    /// Opus.
    Opus,
    /// Vorbis.
    Vorbis,
    /// Anything else.
    Other,
}

impl Format {
    /// The type's usual name; `None` if nothing is known.
    #[must_use]
    pub fn mime(&self) -> Option<&'static str> {
        Some(match self {
            Self::Jpeg(_) => "image/jpeg",
            Self::Png(_) => "image/png",
            Self::Webp(_) => "image/webp",
            Self::Iso(iso) => iso.mime(),
            Self::Ogg(_) => "audio/ogg",
            Self::Amr => "audio/amr",
            Self::AmrWide => "audio/amr-wb",
            Self::Aac => "audio/aac",
            Self::Mp3 => "audio/mpeg",
            Self::Pdf => "application/pdf",
            Self::Doc => "application/msword",
            Self::Xls => "application/vnd.ms-excel",
            Self::Ppt => "application/vnd.ms-powerpoint",
            Self::Docx => DOCX,
            Self::Xlsx => XLSX,
            Self::Pptx => PPTX,
            Self::Ole => "application/x-ole-storage",
            Self::Zip => "application/zip",
            Self::Text => "text/plain",
            Self::Html => "text/html",
            Self::Other(name) => name,
            Self::Empty | Self::Unknown => return None,
        })
    }

    /// Whether a file of this format can honestly be declared as `mime`. Types that cannot be
    /// told by their bytes are believed.
    #[must_use]
    pub fn fits(&self, mime: &str) -> bool {
        match mime {
            "image/jpeg" => matches!(self, Self::Jpeg(_)),
            "image/png" => matches!(self, Self::Png(_)),
            "image/webp" => matches!(self, Self::Webp(_)),
            "video/mp4" | "video/3gpp" | "audio/mp4" | "audio/3gpp" => matches!(
                self,
                Self::Iso(Iso { brand: IsoBrand::Mp4 | IsoBrand::M4a | IsoBrand::ThreeGpp, .. })
            ),
            "video/quicktime" => matches!(self, Self::Iso(_)),
            "audio/ogg" | "video/ogg" => matches!(self, Self::Ogg(_)),
            "audio/amr" => matches!(self, Self::Amr),
            "audio/amr-wb" => matches!(self, Self::AmrWide),
            "audio/aac" => matches!(self, Self::Aac),
            "audio/mpeg" => matches!(self, Self::Mp3),
            "application/pdf" => matches!(self, Self::Pdf),
            "application/msword" => matches!(self, Self::Doc | Self::Ole),
            "application/vnd.ms-excel" => matches!(self, Self::Xls | Self::Ole),
            "application/vnd.ms-powerpoint" => matches!(self, Self::Ppt | Self::Ole),
            // A new office file with a password is an old container with the new file inside.
            DOCX => matches!(self, Self::Docx | Self::Ole),
            XLSX => matches!(self, Self::Xlsx | Self::Ole),
            PPTX => matches!(self, Self::Pptx | Self::Ole),
            "text/plain" => matches!(self, Self::Text | Self::Html),
            "text/html" => matches!(self, Self::Text | Self::Html),
            _ => true,
        }
    }
}

/// Word since 2007.
pub(crate) const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
/// Excel since 2007.
pub(crate) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// PowerPoint since 2007.
pub(crate) const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

impl Iso {
    fn mime(&self) -> &'static str {
        let sound_only =
            self.tracks.as_ref().is_some_and(|tracks| tracks.video.is_empty() && !tracks.audio.is_empty());
        match self.brand {
            IsoBrand::M4a => "audio/mp4",
            IsoBrand::Mp4 if sound_only => "audio/mp4",
            IsoBrand::Mp4 => "video/mp4",
            IsoBrand::ThreeGpp if sound_only => "audio/3gpp",
            IsoBrand::ThreeGpp => "video/3gpp",
            IsoBrand::QuickTime => "video/quicktime",
            IsoBrand::Still => "image/heif",
        }
    }
}
