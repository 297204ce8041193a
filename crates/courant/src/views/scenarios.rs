//! Stored scenarios of accounts as people see and write them.

use model::{
    Channel,
    call::{FlowStep, Scenario},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{accounts::Account, admin::NewChannel};

/// A scenario: a flow of channels that requests name by its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioView {
    /// Its key, by which requests name it.
    pub key: String,
    /// Its name, for people.
    pub name: Option<String>,
    /// Whether requests that name none go by it.
    pub default: bool,
    /// Whether one of this key stands in the configuration: it counts again if this one is removed.
    pub configured: bool,
    /// Its steps, in order; those that a request has no content for are left out.
    pub flow: Vec<FlowStepView>,
}

/// A step of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowStepView {
    /// Channel.
    pub channel: NewChannel,
    /// Sender; the account's default if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub sender: Option<String>,
    /// The channel as the API that knows scenarios spells it, for its answers; the usual word if
    /// not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub label: Option<String>,
}

/// A scenario of an account.
#[must_use]
pub fn scenario(account: &Account, scenario: &Scenario) -> ScenarioView {
    ScenarioView {
        key: scenario.key.clone(),
        name: scenario.name.clone(),
        default: scenario.default,
        configured: account.config.scenarios.iter().any(|known| known.key == scenario.key),
        flow: scenario.flow.iter().map(FlowStepView::from).collect(),
    }
}

impl From<&FlowStep> for FlowStepView {
    fn from(step: &FlowStep) -> Self {
        let label = Some(step.label.clone());
        Self { channel: NewChannel(step.channel), sender: step.from.clone(), label }
    }
}

impl From<FlowStepView> for FlowStep {
    fn from(view: FlowStepView) -> Self {
        let channel = view.channel.0;
        Self { label: view.label.unwrap_or_else(|| label(channel)), channel, from: view.sender }
    }
}

/// The word of Infobip's scenarios for a channel.
fn label(channel: Channel) -> String {
    if channel == Channel::Messenger {
        // Infobip: the channel has the name of its company.
        return "FACEBOOK".to_owned();
    }
    channel.as_str().to_ascii_uppercase()
}
