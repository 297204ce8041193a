//! The paths of the API.

use crate::support;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// `/v2/{sid}/whatsapp`: whether the key is good.
    Probe,
    /// `/v2/{sid}/whatsapp/{phone_number}/messages`.
    Messages {
        /// The sender.
        sender: String,
    },
    /// `/v2/{sid}/whatsapp/{phone_number}/messages/{message_id}`: an addition of ours.
    Message {
        /// The sender.
        sender: String,
        /// The message or submission.
        id: String,
    },
    /// `/v2/{sid}/whatsapp/{phone_number}/media`.
    Media {
        /// The sender.
        sender: String,
    },
    /// `/v2/{sid}/messages`: SMS in JSON.
    SmsJson,
    /// `/v1/{sid}/messages`: WhatsApp or SMS in a form.
    FormMessages,
    /// `/v1/{sid}/sms`.
    FormSms,
    /// `/v1/{sid}/messages/status` and `/v1/{sid}/sms/status`.
    Statuses,
    /// `/v1/{sid}/workflow/v1/instances/{flow}/invoke`.
    Invoke(String),
    /// Management of templates.
    Templates,
    /// Uploads in parts.
    ResumableMedia,
    /// Nothing that exists.
    Nowhere,
}

impl Surface {
    /// What the path names; doubled and trailing slashes do not matter.
    pub(super) fn of(path: &str) -> Self {
        let segments = support::segments(path);
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let sender = |text: &str| text.to_owned();
        match segments.as_slice() {
            ["v2", _, "whatsapp"] => Self::Probe,
            ["v2", _, "whatsapp", phone, "messages"] => Self::Messages { sender: sender(phone) },
            ["v2", _, "whatsapp", phone, "messages", id] => {
                Self::Message { sender: sender(phone), id: (*id).to_owned() }
            }
            ["v2", _, "whatsapp", phone, "media"] => Self::Media { sender: sender(phone) },
            ["v2", _, "whatsapp", _, "resumable-media", ..] => Self::ResumableMedia,
            ["v2", _, "whatsapp", _, "message_templates", ..] | ["v1", _, "whatsapp", "template", ..] => {
                Self::Templates
            }
            ["v2", _, "messages"] => Self::SmsJson,
            ["v1", _, "messages"] => Self::FormMessages,
            ["v1", _, "sms"] => Self::FormSms,
            ["v1", _, "messages" | "sms", "status"] => Self::Statuses,
            ["v1", _, "workflow", "v1", "instances", flow, "invoke"] => Self::Invoke((*flow).to_owned()),
            _ => Self::Nowhere,
        }
    }

    /// The methods it takes, for the `Allow` header.
    pub(super) const fn allow(&self) -> &'static str {
        match self {
            Self::Probe | Self::Message { .. } | Self::Statuses => "GET,HEAD",
            Self::Messages { .. } | Self::Media { .. } | Self::SmsJson | Self::FormSms | Self::Invoke(_) => {
                "POST"
            }
            Self::FormMessages => "GET,POST",
            Self::Templates => "GET,POST,PUT,DELETE,HEAD",
            Self::ResumableMedia => "GET,POST,HEAD",
            Self::Nowhere => "",
        }
    }

    /// Whether errors are told by the member that is wrong, as the older calls do.
    pub(super) const fn names_members(&self) -> bool {
        match self {
            Self::SmsJson | Self::FormMessages | Self::FormSms | Self::Statuses | Self::Invoke(_) => true,
            Self::Probe
            | Self::Messages { .. }
            | Self::Message { .. }
            | Self::Media { .. }
            | Self::Templates
            | Self::ResumableMedia
            | Self::Nowhere => false,
        }
    }
}
