//! The body of a submission with its types checked and nothing missing.

use std::collections::BTreeMap;

use model::Refusal;
use serde_json::{Map, Value};

use super::wire::OmnichannelRequest;

/// The request with its types checked and nothing missing; values are still the caller's.
pub(super) struct Asked {
    pub(super) channels: Vec<AskedChannel>,
    pub(super) phone_number: Option<String>,
    pub(super) email: Option<String>,
    pub(super) message: BTreeMap<String, AskedContent>,
    pub(super) message_type: String,
    pub(super) external_id: Option<String>,
    pub(super) callback_url: Option<String>,
    pub(super) account_lifecycle_event: Option<String>,
    pub(super) sender_id: Option<String>,
    pub(super) originating_ip: Option<String>,
}

pub(super) struct AskedChannel {
    pub(super) name: String,
    pub(super) fallback_time: Option<u64>,
}

pub(super) struct AskedContent {
    pub(super) template: String,
    pub(super) parameters: BTreeMap<String, String>,
}

impl Asked {
    /// Reads a body.
    ///
    /// # Errors
    /// First whatever is not of its type, then what is missing, in the vendor's order.
    pub(super) fn parse(body: Value) -> Result<Self, Refusal> {
        if !body.is_object() {
            return Err(Refusal::malformed("not an object"));
        }
        let wire: OmnichannelRequest =
            serde_json::from_value(body).map_err(|_| Refusal::malformed("not a request"))?;
        let (phone_number, email) = addresses(wire.recipient, wire.phone_number)?;
        let message = object(wire.message, "message")?.map(contents).transpose()?;
        let message_type = text(wire.message_type, "message_type")?;
        let external_id = text(wire.external_id, "external_id")?;
        let callback_url = text(wire.callback_url, "callback_url")?;
        let account_lifecycle_event = text(wire.account_lifecycle_event, "account_lifecycle_event")?;
        let sender_id = text(wire.sender_id, "sender_id")?;
        let originating_ip = text(wire.originating_ip, "originating_ip")?;
        let channels = channels(wire.channels)?;
        if phone_number.is_none() && email.is_none() {
            return Err(Refusal::missing("phone_number"));
        }
        Ok(Self {
            channels,
            phone_number,
            email,
            message: message.ok_or_else(|| Refusal::missing("message"))?,
            message_type: message_type.ok_or_else(|| Refusal::missing("message_type"))?,
            external_id,
            callback_url,
            account_lifecycle_event,
            sender_id,
            originating_ip,
        })
    }
}

/// Phone number and email; the phone number may also stand outside `recipient`, as it first did.
fn addresses(recipient: Value, phone_number: Value) -> Result<(Option<String>, Option<String>), Refusal> {
    let mut recipient = object(recipient, "recipient")?.unwrap_or_default();
    let mut member = |name: &str| recipient.remove(name).unwrap_or_default();
    let own = text(member("phone_number"), "recipient.phone_number")?;
    let email = text(member("email"), "recipient.email")?.filter(|email| !email.is_empty());
    Ok((own.or(text(phone_number, "phone_number")?), email))
}

fn text(value: Value, field: &'static str) -> Result<Option<String>, Refusal> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(not_a(field, "text")),
    }
}

fn object(value: Value, field: &'static str) -> Result<Option<Map<String, Value>>, Refusal> {
    match value {
        Value::Null => Ok(None),
        Value::Object(members) => Ok(Some(members)),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::String(_) => {
            Err(not_a(field, "an object"))
        }
    }
}

fn not_a(field: &str, kind: &str) -> Refusal {
    Refusal::malformed(format!("{field} is not {kind}"))
}

fn channels(value: Value) -> Result<Vec<AskedChannel>, Refusal> {
    let malformed = || Refusal::invalid("channels", "", "not an array of channel objects");
    match value {
        Value::Null => Err(Refusal::missing("channels")),
        Value::Array(items) if items.is_empty() => Err(Refusal::missing("channels")),
        Value::Array(items) => items.into_iter().map(channel).collect(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Err(malformed()),
    }
}

fn channel(value: Value) -> Result<AskedChannel, Refusal> {
    let Value::Object(mut members) = value else {
        return Err(Refusal::invalid("channels", value.to_string(), "not an object"));
    };
    let fallback_time = match members.remove("fallback_time") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_u64().ok_or_else(|| not_a("fallback_time", "a whole number"))?),
    };
    match members.remove("channel") {
        None | Some(Value::Null) => Err(Refusal::missing("channel")),
        Some(Value::String(name)) => Ok(AskedChannel { name, fallback_time }),
        Some(other) => Err(Refusal::invalid("channels", other.to_string(), "not a channel's name")),
    }
}

fn contents(message: Map<String, Value>) -> Result<BTreeMap<String, AskedContent>, Refusal> {
    let entries = message.into_iter().filter(|(_, value)| !value.is_null());
    entries.map(|(channel, value)| Ok((channel, content(value)?))).collect()
}

fn content(value: Value) -> Result<AskedContent, Refusal> {
    let Value::Object(mut members) = value else { return Err(not_a("message", "an object of objects")) };
    let template = text(members.remove("template").unwrap_or_default(), "template")?.unwrap_or_default();
    let given = object(members.remove("parameters").unwrap_or_default(), "parameters")?.unwrap_or_default();
    let mut parameters = BTreeMap::new();
    for (name, value) in given {
        let value = match value {
            Value::String(text) => text,
            // Telesign: values are texts; clients send coordinates as numbers all the same.
            Value::Number(number) => number.to_string(),
            Value::Null => continue,
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(not_a("a parameter", "text")),
        };
        parameters.insert(name, value);
    }
    Ok(AskedContent { template, parameters })
}
