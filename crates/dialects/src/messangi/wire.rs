//! Types as on the wire, in the vendor's order and spelling, and what is kept between request and
//! callback.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The part every response starts with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    /// Milliseconds since 1970.
    pub timestamp: i64,
    pub transaction_id: String,
    pub explain: String,
}

/// Success of the endpoint for all channels: nothing but the meta part.
#[derive(Debug, Serialize)]
pub(super) struct Accepted {
    pub meta: Meta,
}

/// A refusal.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    pub meta: Meta,
    pub errors: Errors,
}

#[derive(Debug, Serialize)]
pub(super) struct Errors {
    pub reason: String,
}

/// Success of the services for single channels. Two forms are in use among clients; this is both.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AcceptedSingle {
    pub meta: Meta,
    pub data: AcceptedData,
    pub status: &'static str,
    pub message_id: String,
    pub description: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct AcceptedData {
    pub id: String,
    pub from: String,
    pub text: String,
    pub to: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub status: &'static str,
    pub date: String,
}

/// A change of a message's status.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusChange<'a> {
    pub date: String,
    pub external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
    pub campaign_id: Option<&'a str>,
    pub callback: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub id: String,
    pub message: &'a str,
    pub username: &'a str,
    pub timestamp: i64,
    pub status: &'static str,
    /// Ours: the vendor does not say why a message failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<StatusError>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct StatusError {
    pub code: String,
    pub reason: String,
}

/// A message from a person.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InboundMessage<'a> {
    pub owner: &'a str,
    pub date: String,
    pub process_id: u32,
    pub origin: &'a str,
    pub external_id: Option<&'a str>,
    pub callback: &'a str,
    pub connection: &'static str,
    pub id: &'a str,
    pub text: String,
    pub user: String,
    pub extra_info: Option<ExtraInfo>,
}

#[derive(Debug, Serialize)]
pub(super) struct ExtraInfo {
    #[serde(rename = "type")]
    pub kind: String,
    pub attachments: Vec<InboundAttachment>,
    pub contacts: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InboundAttachment {
    pub file_name: String,
    pub url: String,
    pub caption: String,
}

/// What callbacks about a message need of its request; kept in the brief's memo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memo {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callbacks: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    pub username: String,
    pub from: String,
    pub to: String,
}
