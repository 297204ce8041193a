//! The paths of the API.

use crate::support;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// `/kingslanding/login`: signing in.
    Login,
    /// `/notification` and its longer spellings: the envelope for all channels.
    Notification,
    /// `/raven/v2/messages`: SMS, flat.
    Raven,
    /// `/crowsnest/v2/emails`: email, flat.
    Crowsnest,
    /// `/balerion/v3/messages`: WhatsApp, flat or in the envelope.
    Balerion,
    /// Nothing that exists.
    Nowhere,
}

impl Surface {
    /// What the path names; doubled and trailing slashes do not matter.
    pub(super) fn of(path: &str) -> Self {
        let segments = support::segments(path);
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match segments.as_slice() {
            ["kingslanding", "login"] => Self::Login,
            ["notification"]
            | ["v2", "notification"]
            | ["oberyn", "v2", "notification"]
            | ["v3", "messages"] => Self::Notification,
            ["raven", "v2", "messages"] => Self::Raven,
            ["crowsnest", "v2", "emails"] => Self::Crowsnest,
            ["balerion", "v3", "messages"] => Self::Balerion,
            _ => Self::Nowhere,
        }
    }
}
