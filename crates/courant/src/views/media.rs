//! Uploads as people see them.

use media::library::Record;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Moment, Sight};
use crate::core::Core;

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MediaView {
    /// Its id; messages of its account name it by this.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// Its type as declared; `application/octet-stream` if it was not.
    pub mime: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// SHA-256 of its content in hex.
    pub sha256: String,
    /// When it was uploaded.
    pub created_at: Moment,
    /// Until when new messages may name it.
    pub expires_at: Moment,
    /// Until when it stays, with what accepted messages need.
    pub kept_until: Moment,
    /// Its name; only for those who may see contents.
    pub filename: Option<String>,
    /// Where anyone may fetch it, if the gateway has a public address; only for those who may see
    /// contents.
    pub url: Option<String>,
}

/// A type of file as people call it, where its name is one that nobody does.
#[must_use]
pub fn short_type(mime: &str) -> &str {
    TYPES.iter().find(|(long, _)| *long == mime).map_or(mime, |(_, short)| short)
}

/// The same for all types in a text.
#[must_use]
pub fn short_types(text: &str) -> String {
    TYPES.iter().fold(text.to_owned(), |text, (long, short)| text.replace(long, short))
}

const TYPES: [(&str, &str); 6] = [
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("application/msword", "doc"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"),
];

/// An upload as somebody may see it.
#[must_use]
pub fn media(core: &Core, record: &Record, sight: Sight) -> MediaView {
    MediaView {
        id: record.id.to_string(),
        account: record.account.to_string(),
        mime: record.mime.clone(),
        bytes: record.bytes,
        sha256: record.sha256.clone(),
        created_at: record.created_at.into(),
        expires_at: record.expires_at.into(),
        kept_until: record.kept_until().into(),
        filename: record.filename.clone().filter(|_| sight.numbers),
        url: core.media.url(record).filter(|_| sight.numbers),
    }
}
