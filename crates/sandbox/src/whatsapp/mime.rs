//! Kinds of media, the MIME types and the sizes that WhatsApp takes.

use serde::{Deserialize, Serialize};

const MEGABYTE: u64 = 1 << 20;

/// A kind of media message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MediaKind {
    Image,
    Video,
    Audio,
    Document,
    Sticker,
}

impl MediaKind {
    /// The kind that a type of message or parameter names.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "image" => Some(Self::Image),
            "video" => Some(Self::Video),
            "audio" => Some(Self::Audio),
            "document" => Some(Self::Document),
            "sticker" => Some(Self::Sticker),
            _ => None,
        }
    }

    /// Whether messages of this kind may have this type. Documents may have any type that is not
    /// a web page: that is what servers answer instead of the file.
    pub(crate) fn takes(self, mime: &str) -> bool {
        match self {
            Self::Image => matches!(mime, "image/jpeg" | "image/png"),
            Self::Video => matches!(mime, "video/mp4" | "video/3gpp" | "video/3gp"),
            Self::Audio => {
                matches!(mime, "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg")
            }
            Self::Sticker => mime == "image/webp",
            Self::Document => mime.contains('/') && mime != "text/html",
        }
    }

    /// Most bytes.
    pub(crate) fn limit(self) -> u64 {
        match self {
            Self::Image => 5 * MEGABYTE,
            Self::Video | Self::Audio => 16 * MEGABYTE,
            Self::Document => 100 * MEGABYTE,
            Self::Sticker => 500 * 1024,
        }
    }

    /// The kind that takes a type of an uploaded file.
    pub(crate) fn of_mime(mime: &str) -> Option<Self> {
        [Self::Image, Self::Video, Self::Audio, Self::Sticker, Self::Document]
            .into_iter()
            .find(|kind| kind.takes(mime))
    }
}

/// A MIME type without parameters, in lower case.
pub(crate) fn essence(mime: &str) -> String {
    mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
