//! Types as on the wire, in the vendor's order and spelling, and what is kept between request and
//! notification.

use serde::{Deserialize, Serialize};

/// v1 success: an array, one element per recipient.
#[derive(Debug, Serialize)]
pub(super) struct AcceptedV1 {
    pub response: Vec<OutcomeV1>,
}

/// One element of it. Codes are texts.
#[derive(Debug, Serialize)]
pub(super) struct OutcomeV1 {
    pub code: &'static str,
    pub transid: String,
    pub description: &'static str,
}

/// v1 refusal: an object where success has an array.
#[derive(Debug, Serialize)]
pub(super) struct RefusedV1 {
    pub response: RefusedReasonV1,
}

#[derive(Debug, Serialize)]
pub(super) struct RefusedReasonV1 {
    pub code: &'static str,
    pub description: String,
    pub transid: String,
}

/// v2 success.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AcceptedV2 {
    pub request_timestamp: String,
    pub message_id: String,
    pub correlation_id: String,
    pub status: &'static str,
    /// Only with several recipients; the vendor does not say how it answers those.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<AcceptedMessageV2>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AcceptedMessageV2 {
    pub message_id: String,
    pub correlation_id: String,
    pub to: String,
}

/// v2 refusal.
#[derive(Debug, Serialize)]
pub(super) struct RefusedV2 {
    pub code: &'static str,
    pub message: String,
}

/// v2 state of a message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusV2 {
    pub message_id: String,
    pub correlation_id: String,
    pub channel: &'static str,
    pub direction: &'static str,
    pub from: String,
    pub to: String,
    pub to_type: String,
    pub status: &'static str,
    pub code: &'static str,
    pub description: &'static str,
    pub num_segments: u16,
    pub request_timestamp: String,
    pub updated_timestamp: String,
}

/// A notification.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification {
    pub delivery_info_notification: DeliveryInfoNotification,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryInfoNotification {
    pub delivery_info: DeliveryInfo,
    pub subtid: &'static str,
    pub transid: String,
    #[serde(rename = "callbackData")]
    pub callback_data: String,
    pub correlationid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryInfo {
    pub time_stamp: String,
    #[serde(rename = "Description")]
    pub description: &'static str,
    pub code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_count: Option<String>,
    pub delivery_channel: &'static str,
    pub additional_info: String,
    pub destination: String,
    pub destination_type: String,
    pub delivery_status: &'static str,
    #[serde(flatten)]
    pub whatsapp: Option<WhatsappInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_id: Option<String>,
}

/// What notifications about WhatsApp say besides.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WhatsappInfo {
    pub identity_key_hash: String,
    pub waid: String,
    pub bsuid: String,
    pub waid_normalized: &'static str,
}

/// A message from a person on WhatsApp. Nested values are texts of JSON.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InboundWhatsapp {
    pub user_id: String,
    pub username: String,
    pub channel: &'static str,
    pub app_id: String,
    pub event: &'static str,
    pub waid: String,
    pub message: String,
    pub attachments: String,
    pub system: String,
    pub location: String,
    pub contacts: String,
    pub ts: String,
    pub tid: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub identity_key_hash: String,
    pub bsuid: String,
    pub user_handle: String,
    pub waid_derived: String,
    #[serde(flatten)]
    pub choice: Option<InboundChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
}

/// A tap, as its kind of event words it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum InboundChoice {
    #[serde(rename_all = "camelCase")]
    List { list_row_identifier: String, list_row_title: String, list_row_description: String },
    #[serde(rename_all = "camelCase")]
    Reply { reply_button_identifier: String, reply_button_title: String },
}

/// An attachment inside [`InboundWhatsapp::attachments`].
#[derive(Debug, Serialize)]
pub(super) struct Attachment<'a> {
    pub mime_type: &'a str,
    pub url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<&'a str>,
}

/// A message from a person over SMS (and, in the same form, any channel that is not WhatsApp).
#[derive(Debug, Serialize)]
pub(super) struct InboundSms {
    /// Webex Connect prints the name like this, with an l.
    #[serde(rename = "userld")]
    pub user_id: String,
    #[serde(rename = "Channel")]
    pub channel: &'static str,
    pub da: String,
    pub oa: String,
    pub message_source: &'static str,
    pub message: String,
    #[serde(rename = "messageCount")]
    pub message_count: &'static str,
    pub tid: String,
    pub datetime: String,
    pub ts: String,
    pub x_networkid: &'static str,
}

/// What notifications about any message of a request need of it; kept in the brief's memo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RequestMemo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify_auth: Option<String>,
    /// The address is not valid: notified once, never again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// v2: the statuses asked for; empty is all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
}

/// What notifications about one recipient need; kept in the message's memo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RecipientMemo {
    /// The address as given.
    pub to: String,
    /// The key it was given under.
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gtrid: Option<String>,
}
