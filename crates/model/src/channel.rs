//! Channels: the kinds of network a message can go over.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// WhatsApp Business.
    Whatsapp,
    /// Short message service.
    Sms,
    /// Multimedia messaging service.
    Mms,
    /// Rich communication services for business.
    Rcs,
    /// Viber business messages.
    Viber,
    /// Internet mail.
    Email,
    /// Mobile and web push.
    Push,
    /// A call that reads a text or plays a file.
    Voice,
    /// Facebook Messenger.
    Messenger,
    /// LINE.
    Line,
    /// VKontakte.
    Vkontakte,
    /// KakaoTalk notification messages.
    KakaoAlim,
    /// KakaoTalk friend messages.
    KakaoChingu,
    /// Apple Messages for Business.
    AppleMessages,
    /// A message shown inside the caller's own app.
    InApp,
    /// A channel the caller named that exists nowhere; its step is void from the start and the
    /// dialect remembers the name.
    Unlisted,
}

impl Channel {
    /// Every channel, in the order of the enum.
    pub const ALL: [Self; 16] = [
        Self::Whatsapp,
        Self::Sms,
        Self::Mms,
        Self::Rcs,
        Self::Viber,
        Self::Email,
        Self::Push,
        Self::Voice,
        Self::Messenger,
        Self::Line,
        Self::Vkontakte,
        Self::KakaoAlim,
        Self::KakaoChingu,
        Self::AppleMessages,
        Self::InApp,
        Self::Unlisted,
    ];

    /// The name used in configuration, metrics, console and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Sms => "sms",
            Self::Mms => "mms",
            Self::Rcs => "rcs",
            Self::Viber => "viber",
            Self::Email => "email",
            Self::Push => "push",
            Self::Voice => "voice",
            Self::Messenger => "messenger",
            Self::Line => "line",
            Self::Vkontakte => "vkontakte",
            Self::KakaoAlim => "kakao_alim",
            Self::KakaoChingu => "kakao_chingu",
            Self::AppleMessages => "apple_messages",
            Self::InApp => "in_app",
            Self::Unlisted => "unlisted",
        }
    }

    /// The channel of a configuration name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
