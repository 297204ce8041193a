//! Objects as they stand on the wire, members in the vendor's order and spelling, and the memos
//! that this dialect keeps with a submission and its messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// A scenario in answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scenario<'a> {
    pub(super) key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) flow: Vec<FlowStep<'a>>,
    pub(super) default: bool,
}

/// A step of a scenario.
#[derive(Debug, Serialize)]
pub(super) struct FlowStep<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<&'a str>,
    pub(super) channel: &'a str,
}

/// Answer to listing scenarios.
#[derive(Debug, Serialize)]
pub(super) struct Scenarios<'a> {
    pub(super) scenarios: Vec<Scenario<'a>>,
}

/// Answer to sending.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bulk_id: Option<String>,
    pub(super) messages: Vec<SentMessage>,
}

/// One message of the answer to sending.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentMessage {
    pub(super) to: To,
    pub(super) status: &'static Status,
    pub(super) message_id: String,
}

/// A destination's addresses, echoed as they were given, the documented ones first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct To {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) phone_number: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email_address: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) push_registration_id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) whats_app_user_id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) facebook_user_key: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line_user_key: Option<Value>,
    #[serde(flatten)]
    pub(super) others: BTreeMap<String, Value>,
}

/// A status of the vendor's catalogue.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) group_id: u8,
    pub(super) group_name: &'static str,
    pub(super) id: u16,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
}

/// An error of the vendor's catalogue.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fault {
    pub(super) group_id: u8,
    pub(super) group_name: &'static str,
    pub(super) id: u16,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) permanent: bool,
}

/// Rows of reports or logs.
#[derive(Debug, Serialize)]
pub(super) struct Results<T> {
    pub(super) results: Vec<T>,
}

/// A delivery report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bulk_id: Option<String>,
    pub(super) message_id: String,
    pub(super) to: String,
    pub(super) sent_at: String,
    pub(super) done_at: String,
    pub(super) message_count: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mcc_mnc: Option<String>,
    pub(super) price: Price,
    pub(super) status: &'static Status,
    pub(super) error: &'static Fault,
    pub(super) channel: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callback_data: Option<String>,
}

/// A row of the logs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bulk_id: Option<String>,
    pub(super) message_id: String,
    pub(super) to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    pub(super) sent_at: String,
    pub(super) done_at: String,
    pub(super) message_count: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mcc_mnc: Option<String>,
    pub(super) price: Price,
    pub(super) status: &'static Status,
    pub(super) channel: &'static str,
}

/// A price.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Price {
    pub(super) price_per_message: Number,
    pub(super) currency: String,
}

/// A seen report, in the form of the WhatsApp pages of the OMNI era.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Seen {
    pub(super) message_id: String,
    pub(super) to: String,
    pub(super) sent_at: String,
    pub(super) seen_at: String,
}

/// A seen report, in the form of the later specification, which spells `sendAt`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LaterSeen {
    pub(super) message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    pub(super) to: String,
    pub(super) send_at: String,
    pub(super) seen_at: String,
}

/// Messages from people.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InboundBatch {
    pub(super) results: Vec<Inbound>,
    pub(super) message_count: u32,
    pub(super) pending_message_count: u32,
}

/// A message from a person.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inbound {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) integration_type: &'static str,
    pub(super) received_at: String,
    pub(super) message_id: String,
    pub(super) paired_message_id: Option<String>,
    pub(super) callback_data: Option<String>,
    pub(super) message: InboundMessage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contact: Option<Contact>,
    pub(super) price: Price,
}

/// Who wrote.
#[derive(Debug, Serialize)]
pub(super) struct Contact {
    pub(super) name: String,
}

/// What a person said, and what it answers.
#[derive(Debug, Serialize)]
pub(super) struct InboundMessage {
    #[serde(flatten)]
    pub(super) content: InboundContent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Quoted>,
}

/// The message that a person answered.
#[derive(Debug, Serialize)]
pub(super) struct Quoted {
    pub(super) id: String,
    pub(super) from: String,
}

/// What a person said.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum InboundContent {
    Text { text: String },
    Image(Captioned),
    Video(Captioned),
    Document(Captioned),
    Audio(Plain),
    Voice(Plain),
    Sticker(Plain),
    Location(Place),
    Contact { contacts: Value },
    InteractiveButtonReply { id: String, title: String },
    InteractiveListReply(ListReply),
    Order(Value),
    Unsupported,
}

/// Media that may have a caption.
#[derive(Debug, Serialize)]
pub(super) struct Captioned {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caption: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

/// Media without a caption.
#[derive(Debug, Serialize)]
pub(super) struct Plain {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

/// A point on a map.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
}

/// A chosen row of a list.
#[derive(Debug, Serialize)]
pub(super) struct ListReply {
    pub(super) id: String,
    pub(super) title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
}

/// The error body of every operation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorBody {
    pub(super) request_error: RequestError,
}

/// Its middle layer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequestError {
    pub(super) service_exception: ServiceException,
}

/// Its core.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceException {
    pub(super) message_id: &'static str,
    pub(super) text: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) validation_errors: BTreeMap<String, Vec<String>>,
}

/// A session's token.
#[derive(Debug, Serialize)]
pub(super) struct SessionToken<'a> {
    pub(super) token: &'a str,
}

/// An OAuth2 access token.
#[derive(Debug, Serialize)]
pub(super) struct AccessToken<'a> {
    pub(super) access_token: &'a str,
    pub(super) token_type: &'static str,
    pub(super) expires_in: u32,
}

/// What is kept with a submission for its reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BriefMemo {
    /// `Some(false)`: nothing is pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) notify: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) notify_url: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) intermediate_report: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callback_data: Option<String>,
}

/// What is kept with a message for its reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MessageMemo {
    pub(super) to: To,
    /// The caller's id of a message that was refused because the id is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
}
