//! The paths of the API.

use crate::support;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// `/resources/v1/messaging`.
    Messaging,
    /// `/v2/messages`.
    Messages,
    /// `/v2/messages/{id}`.
    Message(String),
    /// Nothing that exists in the second generation.
    NowhereV2,
    /// Nothing that exists.
    Nowhere,
}

impl Surface {
    /// What the path names; doubled and trailing slashes do not matter.
    pub(super) fn of(path: &str) -> Self {
        let segments = support::segments(path);
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match segments.as_slice() {
            ["resources", "v1", "messaging"] => Self::Messaging,
            ["v2", "messages"] => Self::Messages,
            ["v2", "messages", id] => Self::Message((*id).to_owned()),
            ["v2", ..] => Self::NowhereV2,
            _ => Self::Nowhere,
        }
    }

    /// The method it takes, for the `Allow` header.
    pub(super) const fn allow(&self) -> &'static str {
        match self {
            Self::Messaging | Self::Messages => "POST",
            Self::Message(_) => "GET",
            Self::NowhereV2 | Self::Nowhere => "",
        }
    }

    /// Whether it is of the second generation.
    pub(super) const fn is_v2(&self) -> bool {
        match self {
            Self::Messages | Self::Message(_) | Self::NowhereV2 => true,
            Self::Messaging | Self::Nowhere => false,
        }
    }
}
