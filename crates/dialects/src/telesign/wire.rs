//! Bodies as on the wire, members in the vendor's order and spelling.

use std::collections::BTreeMap;

use crate::memo::recall;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Body of `POST /v1/omnichannel`, before anything is checked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OmnichannelRequest {
    pub(super) channels: Value,
    pub(super) recipient: Value,
    pub(super) phone_number: Value,
    pub(super) message: Value,
    pub(super) message_type: Value,
    pub(super) external_id: Value,
    // Telesign: one of the vendor's own examples writes `callback_URL`.
    #[serde(alias = "callback_URL")]
    pub(super) callback_url: Value,
    pub(super) account_lifecycle_event: Value,
    pub(super) sender_id: Value,
    pub(super) originating_ip: Value,
}

/// A status without a time.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) code: i32,
    pub(super) description: String,
}

/// Answer to a submission, and error body of `POST`. `reference_id` is left out of 401, 429, 503.
#[derive(Debug, Serialize)]
pub(super) struct Receipt {
    pub(super) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reference_id: Option<String>,
    pub(super) external_id: Option<String>,
}

/// Error body of everything but `POST`.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    pub(super) status: Status,
}

/// The status of the whole message.
#[derive(Debug, Serialize)]
pub(super) struct OverallStatus {
    pub(super) code: i32,
    pub(super) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_channel: Option<String>,
    pub(super) updated_on: String,
}

/// The status of one channel.
#[derive(Debug, Serialize)]
pub(super) struct ChannelStatus {
    pub(super) code: i32,
    pub(super) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reference_id: Option<String>,
    pub(super) updated_on: String,
}

/// Body of `GET /v1/omnichannel/{reference_id}`.
#[derive(Debug, Serialize)]
pub(super) struct MessageStatus {
    pub(super) status: OverallStatus,
    pub(super) reference_id: String,
    pub(super) external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<String>,
    pub(super) additional_info: AdditionalInfo,
    pub(super) channel_status: Vec<BTreeMap<String, ChannelStatus>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verify: Option<Verify>,
}

/// Network and price of a message, where known.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct AdditionalInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mcc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mnc: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<String>,
}

/// What became of a code that the end user entered.
#[derive(Debug, Serialize)]
pub(super) struct Verify {
    pub(super) code_entered: Option<String>,
    pub(super) code_state: &'static str,
}

/// Body of a delivery callback.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryCallback {
    pub(super) reference_id: String,
    pub(super) external_id: Option<String>,
    pub(super) status: OverallStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_info: Option<AdditionalInfo>,
    pub(super) channel_status: Vec<BTreeMap<String, ChannelStatus>>,
}

/// A status of the SMS family.
#[derive(Debug, Serialize)]
pub(super) struct SmsStatus {
    pub(super) code: i32,
    pub(super) description: String,
    pub(super) updated_on: String,
}

/// Answers of the SMS family.
#[derive(Debug, Serialize)]
pub(super) struct SmsReceipt {
    pub(super) reference_id: String,
    pub(super) status: SmsStatus,
    pub(super) external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_info: Option<AdditionalInfo>,
}

/// Body of an SMS callback.
#[derive(Debug, Serialize)]
pub(super) struct SmsCallback {
    pub(super) status: SmsStatus,
    pub(super) submit_timestamp: String,
    pub(super) errors: Vec<Value>,
    pub(super) sub_resource: &'static str,
    pub(super) reference_id: String,
    pub(super) external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_info: Option<AdditionalInfo>,
}

/// Answer to a completion.
#[derive(Debug, Serialize)]
pub(super) struct Completion {
    pub(super) reference_id: String,
    pub(super) errors: Vec<Value>,
    pub(super) status: SmsStatus,
}

/// What we want back with each report on a message; stored with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) external_id: Option<String>,
    /// Address of this message's reports, instead of the account's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callback_url: Option<String>,
    /// Names of channels that do not exist, by step.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<u8, String>,
    /// The number as given, if it cannot be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bad_phone: Option<String>,
    /// Steps after the first are void because the account has no fallback.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) fallback_refused: bool,
    /// It came by `/v1/messaging`, and reports speak that family's codes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) sms: bool,
}

impl Memo {
    /// The memo of a message; empty if it has none of ours.
    pub(super) fn of(message: &model::Message) -> Self {
        recall(message.brief().memo.as_deref())
    }
}
