//! What an account's section `infobip` of the configuration says.

use std::{fmt, sync::LazyLock};

use model::Span;
use serde::{Deserialize, Serialize};

use crate::Key;

/// Settings of an account that speaks Infobip OMNI.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Users for Basic credentials, sessions and OAuth2 client credentials.
    pub users: Vec<User>,
    /// API keys, as in `Authorization: App <key>`.
    pub keys: Vec<Key>,
    /// Where delivery and seen reports go if a request names no `notifyUrl`.
    pub notify_url: Option<String>,
    /// Where messages from people go; without it they are not pushed.
    pub inbound_url: Option<String>,
    /// HTTP status of a created scenario: 200 (default) or 201, as the vendor's later pages say.
    pub create_status: CreateStatus,
    /// Offset of the times in answers, such as `+0100`; `+0000` if not set.
    pub utc_offset: Offset,
    /// Form of the seen report.
    pub seen_report_form: SeenForm,
    /// Whether a validity period under the vendor's minimum is refused rather than raised to it.
    pub strict_validity: bool,
    /// Validity period, in minutes, of a channel for which the request names none.
    pub default_validity_minutes: u64,
    /// Language of WhatsApp templates sent without one; without it such requests are refused.
    pub template_language: Option<String>,
    /// ISO 4217 code shown with the price 0 where no price is known.
    pub currency: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            keys: Vec::new(),
            notify_url: None,
            inbound_url: None,
            create_status: CreateStatus::default(),
            utc_offset: Offset::default(),
            seen_report_form: SeenForm::default(),
            strict_validity: false,
            // Infobip: 48 hours for SMS; we take the same for every channel.
            default_validity_minutes: 48 * 60,
            template_language: None,
            currency: "EUR".to_owned(),
        }
    }
}

static DEFAULTS: LazyLock<Settings> = LazyLock::new(Settings::default);

impl Settings {
    /// The account's settings for this dialect, or the defaults.
    pub(super) fn of(settings: &crate::Settings) -> &Self {
        settings.infobip.as_ref().unwrap_or(&DEFAULTS)
    }

    pub(super) fn default_validity(&self) -> Span {
        Span::from_mins(self.default_validity_minutes)
    }
}

/// A user of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// User name, or OAuth2 client id.
    pub name: String,
    /// Password, or OAuth2 client secret.
    pub password: Key,
}

/// HTTP status of a created scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub enum CreateStatus {
    /// 200, as the vendor's OMNI pages print it.
    #[default]
    Ok,
    /// 201, as the vendor's later specification says.
    Created,
}

impl TryFrom<u16> for CreateStatus {
    type Error = &'static str;
    fn try_from(status: u16) -> Result<Self, Self::Error> {
        match status {
            200 => Ok(Self::Ok),
            201 => Ok(Self::Created),
            _ => Err("create_status is 200 or 201"),
        }
    }
}

impl From<CreateStatus> for u16 {
    fn from(status: CreateStatus) -> Self {
        match status {
            CreateStatus::Ok => 200,
            CreateStatus::Created => 201,
        }
    }
}

/// Form of the seen report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenForm {
    /// `messageId`, `to`, `sentAt`, `seenAt`: the WhatsApp pages of the OMNI era.
    #[default]
    Classic,
    /// `messageId`, `from`, `to`, `sendAt`, `seenAt`: the vendor's later specification.
    Later,
}

/// An offset from UTC in minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Offset(i32);

impl Offset {
    /// The offset `minutes` east of Greenwich; `None` beyond 18 hours either way.
    #[must_use]
    pub fn from_minutes(minutes: i32) -> Option<Self> {
        (minutes.abs() <= 18 * 60).then_some(Self(minutes))
    }

    /// Minutes east of Greenwich.
    #[must_use]
    pub const fn minutes(self) -> i32 {
        self.0
    }

    /// Reads `Z`, `+0100` and `+01:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if matches!(text, "Z" | "z") {
            return Some(Self(0));
        }
        let (sign, rest) = match text.as_bytes().first()? {
            b'+' => (1, &text[1..]),
            b'-' => (-1, &text[1..]),
            _ => return None,
        };
        let digits = rest.replacen(':', "", 1);
        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (hours, minutes): (i32, i32) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
        (minutes < 60).then(|| Self::from_minutes(sign * (hours * 60 + minutes)))?
    }
}

impl TryFrom<String> for Offset {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("an offset is written as +0100")
    }
}

impl From<Offset> for String {
    fn from(offset: Offset) -> Self {
        offset.to_string()
    }
}

impl fmt::Display for Offset {
    /// Infobip: the offset has no colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}{:02}", self.0.abs() / 60, self.0.abs() % 60)
    }
}
