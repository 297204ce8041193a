//! The paths of the API.

use crate::support;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// `/v1/omnichannel`.
    Omnichannel,
    /// `/v1/omnichannel/{reference_id}`.
    Message(String),
    /// `/v1/omnichannel/templates`.
    Templates,
    /// `/v1/omnichannel/templates/{channel}/{name}`.
    Template,
    /// `/capability/{channel}/{phone_number}` and with an agent after it.
    Capability,
    /// `/v1/messaging`.
    Messaging,
    /// `/v1/messaging/{reference_id}`.
    Sms(String),
    /// `/v1/verify/completion/{reference_id}`.
    Completion(String),
    /// Nothing that exists.
    Nowhere,
}

impl Surface {
    /// What the path names. Doubled and trailing slashes do not matter: clients whose base URL
    /// ends in a slash ask for `//v1/omnichannel`.
    pub(super) fn of(path: &str) -> Self {
        let segments = support::segments(path);
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match segments.as_slice() {
            ["v1", "omnichannel"] => Self::Omnichannel,
            // The literal wins over a reference id.
            ["v1", "omnichannel", "templates"] => Self::Templates,
            ["v1", "omnichannel", "templates", _, _] => Self::Template,
            ["v1", "omnichannel", id] => Self::Message((*id).to_owned()),
            ["v1", "messaging"] => Self::Messaging,
            ["v1", "messaging", id] => Self::Sms((*id).to_owned()),
            ["v1", "verify", "completion", id] => Self::Completion((*id).to_owned()),
            ["capability", _, _] | ["capability", "rcs", _, _] => Self::Capability,
            _ => Self::Nowhere,
        }
    }

    /// The methods it takes, for the `Allow` header.
    pub(super) const fn allow(&self) -> &'static str {
        match self {
            Self::Omnichannel | Self::Messaging => "POST",
            Self::Message(_) | Self::Sms(_) | Self::Capability => "GET,HEAD",
            Self::Templates => "GET,POST,HEAD",
            Self::Template => "GET,DELETE,HEAD",
            Self::Completion(_) => "PUT",
            Self::Nowhere => "",
        }
    }

    /// Whether the codes of the older SMS family are spoken here.
    pub(super) const fn is_sms_family(&self) -> bool {
        match self {
            Self::Messaging | Self::Sms(_) | Self::Completion(_) => true,
            Self::Omnichannel
            | Self::Message(_)
            | Self::Templates
            | Self::Template
            | Self::Capability
            | Self::Nowhere => false,
        }
    }
}
