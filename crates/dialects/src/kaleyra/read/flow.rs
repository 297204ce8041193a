//! A fallback flow: WhatsApp and SMS in the order that the account has configured.

use model::{
    Call, Channel, Content, Phone, Recipient, Refusal, Span,
    content::{Template, Text},
    message::{Brief, Draft, PlanSource, StepDraft, Submission},
};
use serde_json::{Map, Value, json};

use super::{Asked, sms};
use crate::{
    kaleyra::{
        settings::FlowStep,
        wire::{Kind, Memo},
    },
    memo::remember,
    support,
};

/// Longest id of a run that is echoed, in characters.
const MAX_REQUEST_ID: usize = 255;

pub(super) fn submission(asked: &Asked<'_>, id: &str) -> Result<Call, Refusal> {
    let unknown = Refusal::NotFound(model::call::Missing::Scenario);
    let flow = asked.settings.flows.get(id).ok_or(unknown)?;
    let body = support::parse_json(asked.request.body(), &asked.tolerance())?;
    let inputs: Vec<Input<'_>> =
        (1..=flow.steps.len()).map(|number| input(&body, number)).collect::<Result<_, _>>()?;
    let phone = one_person(asked, &inputs)?;
    let steps = flow.steps.iter().zip(&inputs).map(|(step, input)| draft(step, input)).collect();
    let memo = Memo {
        kind: Kind::Flow,
        flow: Some(id.to_owned()),
        request_id: request_id(&body),
        ..Memo::default()
    };
    Ok(Call::Submit(Box::new(Submission {
        brief: Brief { memo: Some(remember(&memo)), ..Brief::default() },
        plan: PlanSource::Steps { steps, extend: None },
        recipients: vec![Draft { recipient: Recipient::phone(phone), ..Draft::default() }],
        bulk: None,
    })))
}

/// The caller's id of the run.
pub(in crate::kaleyra) fn request_id(body: &Value) -> Option<String> {
    let id = body.get("requestId").filter(|id| !id.is_null())?;
    Some(support::truncate_chars(&super::stringify(id), MAX_REQUEST_ID).to_owned())
}

/// What the request gives for one step.
struct Input<'a> {
    recipient: String,
    parameters: Option<&'a Value>,
}

fn input(body: &Value, number: usize) -> Result<Input<'_>, Refusal> {
    let name = format!("send{number}");
    let given = body.get("input").and_then(|input| input.get(&name)).and_then(Value::as_object);
    let given = given.ok_or_else(|| Refusal::missing(format!("input.{name}")))?;
    let recipient = given.get("recipient").map(super::stringify).filter(|text| !text.is_empty());
    let recipient = recipient.ok_or_else(|| Refusal::missing(format!("input.{name}.recipient")))?;
    Ok(Input { recipient, parameters: given.get("templateParams") })
}

/// A message goes to one person, whichever channel reaches them.
fn one_person(asked: &Asked<'_>, inputs: &[Input<'_>]) -> Result<Phone, Refusal> {
    let mut phones = inputs.iter().map(|input| {
        asked
            .number(&input.recipient)
            .ok_or_else(|| Refusal::invalid("to", &input.recipient, "invalid number"))
    });
    let first = phones.next().ok_or_else(|| Refusal::missing("input"))??;
    for phone in phones {
        if phone? != first {
            return Err(Refusal::invalid("input", "", "the steps of a flow have one recipient"));
        }
    }
    Ok(first)
}

fn draft(step: &FlowStep, input: &Input<'_>) -> StepDraft {
    let content = match &step.text {
        Some(text) if step.channel == Channel::Sms => {
            Content::Text(Text::new(sms::fill(text, &named(input.parameters))))
        }
        Some(_) | None => template(step, input),
    };
    let mut draft = StepDraft::new(step.channel, content);
    draft.sender.clone_from(&step.sender);
    draft.patience = Some(Span::from_secs(step.delay));
    draft
}

fn template(step: &FlowStep, input: &Input<'_>) -> Content {
    let header = step.media_url.as_ref().map(
        |url| json!({ "type": "header", "parameters": [{ "type": "image", "image": { "link": url } }] }),
    );
    let parameters = parameters(input.parameters);
    let body = (!parameters.is_empty()).then(|| json!({ "type": "body", "parameters": parameters }));
    Content::Template(Template {
        name: step.template.clone().unwrap_or_default(),
        language: step.language.clone(),
        components: header.into_iter().chain(body).collect(),
    })
}

/// Parameters for Meta: a list by position, an object by name.
fn parameters(given: Option<&Value>) -> Vec<Value> {
    let text = |value: &Value| super::stringify(value);
    match given {
        Some(Value::Array(values)) => {
            values.iter().map(|value| json!({ "type": "text", "text": text(value) })).collect()
        }
        Some(Value::Object(values)) => values
            .iter()
            .map(|(name, value)| json!({ "type": "text", "parameter_name": name, "text": text(value) }))
            .collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => Vec::new(),
    }
}

/// Parameters by name; those of a list are called `1`, `2` and so on.
fn named(given: Option<&Value>) -> Map<String, Value> {
    match given {
        Some(Value::Object(values)) => values.clone(),
        Some(Value::Array(values)) => {
            values.iter().zip(1..).map(|(value, number)| (number.to_string(), value.clone())).collect()
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => Map::new(),
    }
}
