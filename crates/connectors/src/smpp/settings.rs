//! How one SMPP route is configured.

use std::{collections::BTreeMap, path::PathBuf};

use model::Cause;
use serde::Deserialize;

/// Settings of one SMPP route: one account at one carrier.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Name or address of the carrier's SMSC.
    pub host: String,
    /// Its port; 2775 by custom, 3550 with TLS.
    #[serde(default = "default_port")]
    pub port: u16,
    /// Whether the connection is encrypted.
    #[serde(default)]
    pub tls: bool,
    /// PEM file of the authorities to trust; without it, those of the operating system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Our name at the carrier.
    pub system_id: String,
    /// Our password there. SMPP allows 8 characters, many carriers more; it is sent as it is.
    #[serde(default)]
    pub password: String,
    /// `system_type` of the bind, if the carrier wants one.
    #[serde(default)]
    pub system_type: String,
    /// One link for both directions, or a pair.
    #[serde(default)]
    pub bind: BindMode,
    /// How many sessions (or pairs) to hold.
    #[serde(default = "default_sessions")]
    pub sessions: usize,
    /// Protocol version to announce.
    #[serde(default)]
    pub interface_version: InterfaceVersion,
    /// Most unanswered `submit_sm` per session.
    #[serde(default = "default_window")]
    pub window: usize,
    /// Most segments per second for the whole route; shared evenly by the sessions. `None` sets
    /// no limit but what the carrier's throttling asks for.
    #[serde(default)]
    pub tps: Option<f64>,
    /// Seconds without traffic after which the link is probed.
    #[serde(default = "default_enquire_link")]
    pub enquire_link_s: u32,
    /// Milliseconds to wait for the answer to such a probe; two misses end the link.
    #[serde(default = "default_enquire_timeout")]
    pub enquire_timeout_ms: u32,
    /// Milliseconds to wait for the answer to a `submit_sm`.
    #[serde(default = "default_response_timeout")]
    pub response_timeout_ms: u32,
    /// Milliseconds that open submits get to be answered when a session is closed by either side.
    #[serde(default = "default_drain")]
    pub drain_ms: u32,
    /// `service_type` of each submit.
    #[serde(default)]
    pub service_type: String,
    /// Sender of messages that name none; without it the carrier fills in its own.
    #[serde(default)]
    pub sender: Option<String>,
    /// Type and plan of alphanumeric senders.
    #[serde(default = "default_alphanumeric")]
    pub source_alphanumeric: TonNpi,
    /// Type and plan of senders that are full numbers.
    #[serde(default = "default_international")]
    pub source_long: TonNpi,
    /// Type and plan of senders that are short codes (up to [`Settings::SHORT_CODE_DIGITS`]).
    #[serde(default = "default_short")]
    pub source_short: TonNpi,
    /// Type and plan of recipients.
    #[serde(default = "default_international")]
    pub destination: TonNpi,
    /// What the carrier understands by `data_coding` 0.
    #[serde(default)]
    pub default_charset: Charset,
    /// Whether every text may be brought into GSM 03.38 by similar characters, not only those
    /// whose sender asked for it.
    #[serde(default)]
    pub transliterate: bool,
    /// How texts longer than one segment travel.
    #[serde(default)]
    pub long_messages: LongMessages,
    /// Most segments of one message.
    #[serde(default = "default_max_parts")]
    pub max_parts: usize,
    /// How the ids of receipts relate to those of submits.
    #[serde(default)]
    pub receipt_ids: IdRule,
    /// Whether the id in the TLV of a receipt is spelled as in its text or as in the answer to
    /// the submit.
    #[serde(default)]
    pub receipt_tlv_ids: TlvIds,
    /// Longest validity that the carrier takes, in hours.
    #[serde(default = "default_max_validity")]
    pub max_validity_hours: u32,
    /// Whether to ask for intermediate notifications too.
    #[serde(default)]
    pub intermediate_receipts: bool,
    /// Offset of the dates in receipts from UTC, in minutes, positive to the east.
    #[serde(default)]
    pub receipt_offset_minutes: i32,
    /// The carrier's `err` values of failed receipts, as spelled by it, and what they mean.
    #[serde(default)]
    pub receipt_errors: BTreeMap<String, Cause>,
    /// The carrier's own meaning of `command_status` values (`"0x0401"` or `"1025"`).
    #[serde(default)]
    pub status_causes: BTreeMap<StatusKey, Cause>,
    /// Whether state `ACCEPTD` counts as delivered.
    #[serde(default)]
    pub accepted_is_delivered: bool,
    /// Whether state `UNKNOWN` ends the attempt; otherwise patience decides.
    #[serde(default)]
    pub unknown_is_final: bool,
    /// What to do with a single-part message that the carrier throttled.
    #[serde(default)]
    pub on_throttle: OnThrottle,
    /// Tag of the TLV for India's DLT principal entity id.
    #[serde(default = "default_dlt_entity")]
    pub dlt_entity_tag: u16,
    /// Tag of the TLV for India's DLT template id.
    #[serde(default = "default_dlt_template")]
    pub dlt_template_tag: u16,
    /// Seconds to wait for the missing parts of an incoming message before what is there is
    /// passed on.
    #[serde(default = "default_reassembly")]
    pub reassembly_s: u32,
}

impl Settings {
    /// Most digits of a sender taken for a short code.
    pub const SHORT_CODE_DIGITS: usize = 6;

    /// Checks what types cannot.
    ///
    /// # Errors
    /// The setting that cannot be, in words.
    pub fn check(&self) -> Result<(), BadSettings> {
        let rules: [(bool, &'static str); 12] = [
            (!self.host.is_empty(), "host is empty"),
            (!self.system_id.is_empty() && self.system_id.len() <= 64, "system_id needs 1 to 64 characters"),
            (self.password.len() <= 64, "password has more than 64 characters"),
            (self.system_type.len() <= 12, "system_type has more than 12 characters"),
            (self.service_type.len() <= 5, "service_type has more than 5 characters"),
            ((1..=64).contains(&self.sessions), "sessions must be 1 to 64"),
            ((1..=5000).contains(&self.window), "window must be 1 to 5000"),
            (self.tps.is_none_or(|tps| tps.is_finite() && tps > 0.0), "tps must be above 0"),
            (
                (100..=300_000).contains(&self.response_timeout_ms),
                "response_timeout_ms must be 100 to 300000",
            ),
            ((1..=255).contains(&self.max_parts), "max_parts must be 1 to 255"),
            (self.enquire_timeout_ms >= 10, "enquire_timeout_ms must be at least 10"),
            (self.enquire_link_s >= 1, "enquire_link_s must be at least 1"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, text)) => Err(BadSettings(String::from(*text))),
            None if self.fields().any(|text| text.contains('\0')) => {
                Err(BadSettings("a setting has a NUL character".into()))
            }
            None => Ok(()),
        }
    }

    fn fields(&self) -> impl Iterator<Item = &str> {
        [&self.system_id, &self.password, &self.system_type, &self.service_type]
            .into_iter()
            .map(String::as_str)
            .chain(self.sender.as_deref())
    }
}

impl std::fmt::Debug for Settings {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("system_id", &self.system_id)
            .finish_non_exhaustive()
    }
}

/// The settings cannot work; the text says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SMPP settings: {0}")]
pub struct BadSettings(pub String);

/// How sessions are bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BindMode {
    /// One link for both directions.
    #[default]
    Transceiver,
    /// A transmitter and a receiver link; receipts arrive on the second.
    TransmitterReceiver,
}

/// Version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum InterfaceVersion {
    /// SMPP 3.4.
    #[default]
    #[serde(rename = "3.4")]
    V34,
    /// SMPP 5.0.
    #[serde(rename = "5.0")]
    V50,
}

impl InterfaceVersion {
    /// The octet of the bind.
    #[must_use]
    pub const fn octet(self) -> u8 {
        match self {
            Self::V34 => 0x34,
            Self::V50 => 0x50,
        }
    }
}

/// Type of number and numbering plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TonNpi {
    /// Type of number: 0 unknown, 1 international, 2 national, 3 network specific, 5 alphanumeric.
    pub ton: u8,
    /// Numbering plan: 0 unknown, 1 E.164, 8 national.
    pub npi: u8,
}

/// A character set of one octet per character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charset {
    /// GSM 03.38 with its extension table, one septet per octet.
    #[default]
    Gsm,
    /// ISO 8859-1.
    Latin1,
    /// ASCII.
    Ascii,
}

/// How long texts travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LongMessages {
    /// Several submits with a user data header of 8-bit reference.
    #[default]
    Udh8,
    /// The same with a 16-bit reference.
    Udh16,
    /// Several submits with `sar_*` TLVs.
    Sar,
    /// One submit with `message_payload`; the carrier splits.
    Payload,
}

/// How the id of a receipt becomes that of the submit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdRule {
    /// Both are the same text.
    #[default]
    String,
    /// Leading zeros do not count.
    Trim0,
    /// Upper and lower case do not differ.
    CaseFold,
    /// The receipt has only the first ten characters.
    First10,
    /// The submit's is hexadecimal, the receipt's decimal.
    HexToDec,
    /// The submit's is decimal, the receipt's hexadecimal.
    DecToHex,
    /// Found out from the first receipts.
    Auto,
}

/// Spelling of the id in the TLV of receipts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlvIds {
    /// As in the text.
    #[default]
    AsText,
    /// As in the answer to the submit.
    AsResponse,
}

/// What to do with a throttled single-part message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnThrottle {
    /// Tell the dispatcher, which schedules the next try.
    #[default]
    Report,
    /// Submit it again on the session after the pause, for as long as a send may wait.
    Retry,
}

/// A `command_status`, written in decimal or with `0x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct StatusKey(pub u32);

impl TryFrom<String> for StatusKey {
    type Error = BadSettings;

    fn try_from(text: String) -> Result<Self, BadSettings> {
        let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => text.parse(),
        };
        parsed.map(Self).map_err(|_| BadSettings(format!("`{text}` is not a command_status")))
    }
}

const fn default_port() -> u16 {
    2775
}
const fn default_sessions() -> usize {
    1
}
const fn default_window() -> usize {
    10
}
const fn default_enquire_link() -> u32 {
    30
}
const fn default_enquire_timeout() -> u32 {
    10_000
}
const fn default_response_timeout() -> u32 {
    30_000
}
const fn default_drain() -> u32 {
    5_000
}
const fn default_max_parts() -> usize {
    16
}
const fn default_max_validity() -> u32 {
    48
}
const fn default_dlt_entity() -> u16 {
    0x1400
}
const fn default_dlt_template() -> u16 {
    0x1401
}
const fn default_reassembly() -> u32 {
    300
}
const fn default_alphanumeric() -> TonNpi {
    TonNpi { ton: 5, npi: 0 }
}
const fn default_international() -> TonNpi {
    TonNpi { ton: 1, npi: 1 }
}
const fn default_short() -> TonNpi {
    TonNpi { ton: 3, npi: 0 }
}
