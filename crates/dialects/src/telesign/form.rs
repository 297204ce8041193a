//! `POST /v1/messaging`: one SMS, form-encoded. Every client of the vendor has it.

use bytes::Bytes;
use http::Request;
use model::{
    Call, Channel, Content, Recipient, Refusal,
    content::Text,
    message::{Brief, Draft, PlanSource, StepDraft, Submission},
};

use super::{read, settings::Settings, wire::Memo};
use crate::{Context, Query, memo::remember, support};

/// Telesign: characters of `sender_id`.
const MAX_SENDER: usize = 20;
/// Telesign: characters of the DLT ids.
const MAX_DLT_ID: usize = 40;

pub(super) fn submission(
    request: &Request<Bytes>,
    context: &Context<'_>,
    settings: &Settings,
) -> Result<Call, Refusal> {
    let form = support::form(request.body());
    let given = |name: &str| first(&form, name);
    let phone_number = required(&form, "phone_number")?;
    let message = required(&form, "message")?;
    let message_type = required(&form, "message_type")?;
    let phone = read::phone(phone_number, context)
        .ok_or_else(|| Refusal::invalid("phone_number", phone_number, "not a phone number"))?;
    let step = step(&form, message, settings)?;
    let priority = read::priority(message_type)?;
    read::check_lifecycle_event(given("account_lifecycle_event"))?;
    read::check_ip(given("originating_ip"))?;
    read::check_external_id(given("external_id"))?;
    read::check_callback_url(given("callback_url"), settings)?;
    let memo = Memo {
        external_id: given("external_id").map(ToOwned::to_owned),
        callback_url: given("callback_url").map(ToOwned::to_owned),
        sms: true,
        ..Memo::default()
    };
    Ok(Call::Submit(Box::new(Submission {
        brief: Brief { priority, memo: Some(remember(&memo)), ..Brief::default() },
        plan: PlanSource::Steps { steps: vec![step], extend: None },
        recipients: vec![Draft { recipient: Recipient::phone(phone), ..Draft::default() }],
        bulk: given("external_id").map(ToOwned::to_owned),
    })))
}

fn first<'a>(form: &'a Query, name: &str) -> Option<&'a str> {
    form.get(name)?.first().map(String::as_str)
}

fn required<'a>(form: &'a Query, name: &'static str) -> Result<&'a str, Refusal> {
    first(form, name).filter(|value| !value.is_empty()).ok_or_else(|| Refusal::missing(name))
}

fn step(form: &Query, message: &str, settings: &Settings) -> Result<StepDraft, Refusal> {
    if message.chars().count() > settings.default_sms_text_limit {
        return Err(Refusal::invalid("message", message, "too long"));
    }
    let mut text = Text::new(message);
    text.sms.dlt_template = bounded(form, "dlt_template_id", MAX_DLT_ID)?;
    text.sms.dlt_entity = bounded(form, "dlt_entity_id", MAX_DLT_ID)?;
    let sender = bounded(form, "sender_id", MAX_SENDER)?;
    let mut step = StepDraft::new(Channel::Sms, Content::Text(text));
    // Telesign: a sender that is not allow-listed is not used, which is no error.
    step.sender = sender.filter(|sender| settings.sender_ids.contains(sender));
    Ok(step)
}

fn bounded(form: &Query, name: &'static str, max: usize) -> Result<Option<String>, Refusal> {
    match first(form, name) {
        Some(value) if value.chars().count() > max => Err(Refusal::invalid(name, value, "too long")),
        value => Ok(value.filter(|value| !value.is_empty()).map(ToOwned::to_owned)),
    }
}
