//! Scenarios: flows of channels and senders.

use model::{
    Plan, Refusal,
    call::{FlowStep, ScenarioDraft},
};

use super::node::Node;
use crate::infobip::status;

/// Most characters of a scenario's name; ours.
const MAX_NAME: usize = 1000;
/// Most characters of a sender; ours.
const MAX_FROM: usize = 255;

/// The body of creating and of updating a scenario.
pub(super) fn draft(body: &Node<'_>) -> Result<ScenarioDraft, Refusal> {
    Ok(ScenarioDraft { name: body.text_to("name", MAX_NAME)?, flow: flow(body)?, default: default(body)? })
}

/// Infobip: the member is `default`; the vendor's own 2.x clients write `defaultScenario`.
fn default(body: &Node<'_>) -> Result<Option<bool>, Refusal> {
    match body.boolean("default")? {
        Some(default) => Ok(Some(default)),
        None => body.boolean("defaultScenario"),
    }
}

fn flow(body: &Node<'_>) -> Result<Vec<FlowStep>, Refusal> {
    let steps = body.one_or_more("flow")?;
    if steps.len() > Plan::MAX_STEPS {
        return Err(body.invalid("flow", format!("size must be between 1 and {}", Plan::MAX_STEPS)));
    }
    steps.iter().map(step).collect()
}

fn step(step: &Node<'_>) -> Result<FlowStep, Refusal> {
    let label = step.filled("channel")?;
    let channel = status::channel(&label).ok_or_else(|| step.invalid("channel", "is not a known channel"))?;
    Ok(FlowStep { label, channel, from: step.id("from", MAX_FROM)? })
}
