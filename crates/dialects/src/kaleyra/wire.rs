//! Bodies as on the wire, members in the vendor's order and spelling, and what is kept with a
//! message for its reports.

use std::collections::BTreeMap;

use crate::memo::recall;
use model::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An object without members.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Nothing {}

/// The envelope of every answer. Kaleyra: all four members, in this order.
#[derive(Debug, Serialize)]
pub(super) struct Envelope<D, E> {
    pub(super) code: &'static str,
    pub(super) message: &'static str,
    pub(super) data: D,
    pub(super) error: E,
}

/// `data` of an accepted message.
#[derive(Debug, Serialize)]
pub(super) struct Receipt {
    pub(super) message_id: String,
}

/// `data` of an upload.
#[derive(Debug, Serialize)]
pub(super) struct Uploaded {
    pub(super) id: String,
    pub(super) media_id: String,
}

/// `data` of a question after a message: an addition of ours.
#[derive(Debug, Serialize)]
pub(super) struct BatchState {
    pub(super) message_id: String,
    pub(super) messages: Vec<MessageState>,
}

/// State of one message of it.
#[derive(Debug, Serialize)]
pub(super) struct MessageState {
    pub(super) message_id: String,
    pub(super) recipient_id: String,
    pub(super) status: &'static str,
    pub(super) timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(flatten)]
    pub(super) refs: Refs,
    pub(super) wa_source: String,
}

/// Answer of the older calls.
#[derive(Debug, Serialize)]
pub(super) struct FormReceipt {
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<&'static str>,
    pub(super) r#type: String,
    pub(super) to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<String>,
    pub(super) channel: &'static str,
    pub(super) created_at: String,
    pub(super) data: Vec<FormMessage>,
    pub(super) error: Nothing,
}

/// One message of it.
#[derive(Debug, Serialize)]
pub(super) struct FormMessage {
    pub(super) message_id: String,
    pub(super) recipient: String,
}

/// Answer to a question after states.
#[derive(Debug, Serialize)]
pub(super) struct SmsStates {
    pub(super) data: Vec<SmsState>,
    pub(super) error: Nothing,
}

/// State of one message.
#[derive(Debug, Serialize)]
pub(super) struct SmsState {
    pub(super) campaign_id: String,
    pub(super) status: &'static str,
    pub(super) status_details: &'static str,
}

/// Answer to the start of a flow.
#[derive(Debug, Serialize)]
pub(super) struct Invoked {
    #[serde(rename = "workflowInvocationId")]
    pub(super) workflow_invocation_id: String,
    #[serde(rename = "requestId")]
    pub(super) request_id: Option<String>,
}

// Callbacks of version 2.

/// A status of a message that reached Meta.
#[derive(Debug, Serialize)]
pub(super) struct StatusCallback {
    pub(super) meta_object: MetaObject<StatusValue>,
    pub(super) extra_info: ExtraInfo,
    pub(super) status: &'static str,
    pub(super) message_id: String,
}

/// Kaleyra: what Meta has in `changes[0]`.
#[derive(Debug, Serialize)]
pub(super) struct MetaObject<V> {
    pub(super) value: V,
    pub(super) field: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct StatusValue {
    pub(super) messaging_product: &'static str,
    pub(super) metadata: Metadata,
    pub(super) statuses: Vec<MetaStatus>,
}

/// Our side of a conversation.
#[derive(Debug, Serialize)]
pub(super) struct Metadata {
    pub(super) display_phone_number: String,
    pub(super) phone_number_id: String,
}

#[derive(Debug, Serialize)]
pub(super) struct MetaStatus {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) timestamp: String,
    pub(super) recipient_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<MetaError>,
}

#[derive(Debug, Serialize)]
pub(super) struct MetaError {
    pub(super) code: u32,
    pub(super) title: String,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_data: Option<ErrorData>,
}

#[derive(Debug, Serialize)]
pub(super) struct ErrorData {
    pub(super) details: String,
}

/// A message that was given up before Meta was asked.
#[derive(Debug, Serialize)]
pub(super) struct NotSentCallback {
    pub(super) code: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    pub(super) message_id: String,
    pub(super) extra_info: ExtraInfo,
}

/// Kaleyra: not-sent bodies have no `trace_id`.
#[derive(Debug, Serialize)]
pub(super) struct ExtraInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<String>,
    pub(super) message_id: String,
    pub(super) waba_id: String,
    #[serde(flatten)]
    pub(super) refs: Refs,
    pub(super) enable_url_tracking_body: bool,
    pub(super) enable_url_tracking_button: bool,
}

/// A message from a person.
#[derive(Debug, Serialize)]
pub(super) struct InboundCallback {
    pub(super) meta_object: MetaObject<InboundValue>,
    pub(super) extra_info: InboundInfo,
}

#[derive(Debug, Serialize)]
pub(super) struct InboundValue {
    pub(super) messaging_product: &'static str,
    pub(super) metadata: Metadata,
    pub(super) contacts: Vec<Contact>,
    pub(super) messages: Vec<Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct Contact {
    pub(super) profile: ContactProfile,
    pub(super) wa_id: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ContactProfile {
    pub(super) name: String,
}

#[derive(Debug, Serialize)]
pub(super) struct InboundInfo {
    pub(super) media_url: String,
    #[serde(flatten)]
    pub(super) refs: Refs,
    pub(super) reply_to: String,
    pub(super) trace_id: String,
    pub(super) waba_id: String,
}

// The end of a flow.

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FlowCallback {
    pub(super) workflow_invocation_id: String,
    pub(super) execution_status: &'static str,
    pub(super) timestamp: String,
    pub(super) result: BTreeMap<String, FlowChannel>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FlowChannel {
    pub(super) created_at: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) message_id: String,
    pub(super) client_message_id: String,
    pub(super) channel: &'static str,
    pub(super) status_code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<String>,
}

// What is kept with a message.

/// The caller's three references.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Refs {
    pub(super) r#ref: String,
    pub(super) ref1: String,
    pub(super) ref2: String,
}

/// The call that a message came by, which decides how it is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// WhatsApp, version 2.
    #[default]
    Whatsapp,
    /// WhatsApp by the older call.
    FormWhatsapp,
    /// SMS by any call.
    Sms,
    /// A fallback flow.
    Flow,
}

/// What we want back with each report on a submission's messages; stored with them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memo {
    pub(super) kind: Kind,
    pub(super) refs: Refs,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wa_source: Option<String>,
    /// Id of the callback profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<String>,
    /// Address told by GET with id and status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callback_url: Option<String>,
    /// The request's own callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) callback: Option<OwnCallback>,
    /// The flow that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flow: Option<String>,
    /// The caller's id of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<String>,
}

/// A callback that a request brings along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OwnCallback {
    pub(super) url: String,
    pub(super) method: super::settings::Method,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) no_retry: bool,
}

/// What we want back with the reports on one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct MessageMemo {
    /// The number as given, if it cannot be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
    /// The caller's reference for this recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom: Option<String>,
}

impl Memo {
    /// The memo of a message; empty if it has none of ours.
    pub(super) fn of(message: &Message) -> Self {
        recall(message.brief().memo.as_deref())
    }
}

impl MessageMemo {
    /// The memo of a message; empty if it has none of ours.
    pub(super) fn of(message: &Message) -> Self {
        recall(message.memo.as_deref())
    }
}

/// The recipient of a message in digits, or as it was given.
pub(super) fn recipient(message: &Message) -> String {
    match &message.recipient.phone {
        Some(phone) => phone.digits().to_owned(),
        None => MessageMemo::of(message).to.unwrap_or_default(),
    }
}
