//! SMS, by form or JSON.

use model::{
    Call, Channel, Content, Refusal, Time,
    content::{SmsCoding, Text},
    message::{Brief, Draft, PlanSource, Priority, StepDraft, Submission},
};
use serde_json::{Map, Value};

use super::{Asked, Fields, cut, stringify};
use crate::kaleyra::wire::{Kind, Memo, MessageMemo};
use crate::memo::remember;

pub(super) fn submission(asked: &Asked<'_>) -> Result<Call, Refusal> {
    let fields = asked.fields()?;
    if let Some(channel) = fields.text("channel").filter(|channel| !channel.eq_ignore_ascii_case("sms")) {
        return Err(Refusal::invalid("channel", channel, "only SMS here"));
    }
    from_fields(asked, &fields)
}

/// An SMS, once it is known to be one.
pub(super) fn from_fields(asked: &Asked<'_>, fields: &Fields) -> Result<Call, Refusal> {
    let mut recipients =
        asked.recipients(fields.required("to")?, fields.text("prefix").unwrap_or_default())?;
    add_references(&mut recipients, fields.text("ref_custom"));
    let mut step = StepDraft::new(Channel::Sms, Content::Text(text(asked, fields)?));
    step.sender = fields.text("sender").or_else(|| fields.text("from")).map(str::to_owned);
    let memo = Memo { kind: Kind::Sms, ..asked.memo(fields)? };
    Ok(Call::Submit(Box::new(Submission {
        brief: Brief {
            priority: priority(fields.text("type"))?,
            send_at: fields.text("time").map(time).transpose()?,
            memo: Some(remember(&memo)),
            ..Brief::default()
        },
        plan: PlanSource::Steps { steps: vec![step], extend: None },
        recipients,
        bulk: None,
    })))
}

/// Kaleyra: marketing, transactional, one-time password, or what the account's default is.
fn priority(word: Option<&str>) -> Result<Priority, Refusal> {
    match word.unwrap_or("DEFAULT").to_ascii_uppercase().as_str() {
        "OTP" => Ok(Priority::OneTime),
        "TXN" | "DEFAULT" => Ok(Priority::Notice),
        "MKT" => Ok(Priority::Marketing),
        other => Err(Refusal::invalid("type", other, "neither MKT, TXN, OTP nor DEFAULT")),
    }
}

fn text(asked: &Asked<'_>, fields: &Fields) -> Result<Text, Refusal> {
    let template = fields.text("template_id");
    let body = match fields.text("body") {
        Some(body) => body.to_owned(),
        None => from_template(asked, template, fields)?,
    };
    let mut text = Text::new(body);
    text.sms.dlt_template = template.map(str::to_owned);
    text.sms.dlt_entity = fields.text("entity_id").map(str::to_owned);
    text.sms.flash = flag(fields, "flash")?;
    text.sms.coding = coding(fields)?;
    Ok(text)
}

/// The text of a template that the account has configured.
fn from_template(asked: &Asked<'_>, id: Option<&str>, fields: &Fields) -> Result<String, Refusal> {
    let text = id.and_then(|id| asked.settings.sms_templates.get(id));
    let text = text.ok_or_else(|| Refusal::missing("body"))?;
    Ok(fill(text, &fields.object("template_data")?.unwrap_or_default()))
}

/// The text with `{name}` replaced by the member of that name, in one pass.
pub(super) fn fill(text: &str, values: &Map<String, Value>) -> String {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        match after.split_once('}').and_then(|(name, tail)| Some((values.get(name)?, tail))) {
            Some((value, tail)) => {
                filled += &stringify(value);
                rest = tail;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

fn flag(fields: &Fields, name: &'static str) -> Result<bool, Refusal> {
    match fields.text(name).unwrap_or("0").to_ascii_lowercase().as_str() {
        "0" | "false" => Ok(false),
        "1" | "true" => Ok(true),
        other => Err(Refusal::invalid(name, other, "neither 0 nor 1")),
    }
}

/// Kaleyra: `Auto` looks at the text; it is what we always do unless told to use Unicode.
fn coding(fields: &Fields) -> Result<SmsCoding, Refusal> {
    match fields.text("unicode").unwrap_or("auto").to_ascii_lowercase().as_str() {
        "auto" | "0" | "false" => Ok(SmsCoding::Auto),
        "1" | "true" => Ok(SmsCoding::Unicode),
        other => Err(Refusal::invalid("unicode", other, "neither Auto, 0 nor 1")),
    }
}

/// Kaleyra: ISO 8601 with an offset.
fn time(text: &str) -> Result<Time, Refusal> {
    let instant = text.parse::<jiff::Timestamp>();
    let instant = instant.map_err(|_| Refusal::invalid("time", text, "not ISO 8601 with an offset"))?;
    Ok(Time(instant.as_microsecond()))
}

/// Kaleyra: `ref_custom` lists one reference for each recipient.
fn add_references(recipients: &mut [Draft], list: Option<&str>) {
    let Some(list) = list else { return };
    for (draft, reference) in recipients.iter_mut().zip(list.split(',')) {
        let known = draft.memo.as_deref().and_then(|memo| serde_json::from_str(memo).ok());
        let memo = MessageMemo { custom: Some(cut(reference.trim())), ..known.unwrap_or_default() };
        draft.memo = Some(remember(&memo));
    }
}
