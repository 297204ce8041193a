//! Stored plans of accounts as people see and write them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    accounts::Account,
    admin::NewChannel,
    config::{PlanConfig, PlanStepConfig},
    core::Core,
    operate,
};

/// The stored plans of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlansView {
    /// Whether they were written through the API or the console; otherwise they stand in the
    /// configuration.
    pub written: bool,
    /// How often they were written; a change must name it.
    pub version: u32,
    /// The plans.
    pub plans: Vec<PlanView>,
}

/// A stored plan: fallback steps for submissions that bring none of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanView {
    /// Service key name, sender or app id that it is attached to; without it, for everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub attach: Option<String>,
    /// Only for submissions by this dialect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = dialects_and_none()))]
    pub dialect: Option<String>,
    /// How long the caller's own step may take before the first added one, in milliseconds.
    #[schemars(range(min = 1, max = 2_592_000_000_u64))]
    pub patience_ms: u64,
    /// The added steps.
    #[schemars(length(min = 1, max = 15))]
    pub then: Vec<PlanStepView>,
}

/// A step added by a stored plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanStepView {
    /// Channel.
    pub channel: NewChannel,
    /// Sender; the account's default if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub sender: Option<String>,
    /// Text to send instead of the caller's; `{text}`, `{link}` and `{media_link}` are filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub text: Option<String>,
    /// Its patience if another step follows, else how long the network may keep trying, in
    /// milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_592_000_000_u64))]
    pub patience_ms: Option<u64>,
}

/// What can be told of a plan before anything is sent by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanCheckView {
    /// What it is attached to; none for everything else.
    pub attach: Option<String>,
    /// The dialect it is for; none for all.
    pub dialect: Option<String>,
    /// Why it cannot be written; none if it can.
    pub fault: Option<String>,
    /// From the hand-over of the caller's own step, if every step takes all its time, in
    /// milliseconds.
    pub longest_ms: u64,
    /// Its steps.
    pub steps: Vec<StepCheckView>,
}

/// What can be told of a step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepCheckView {
    /// Channel.
    pub channel: String,
    /// Sender, the account's default if the plan names none; none if there is none either.
    pub sender: Option<String>,
    /// How long it takes at most, in milliseconds.
    pub takes_ms: u64,
    /// Why it can never be sent; none if it can.
    pub never: Option<String>,
}

fn dialects_and_none() -> serde_json::Value {
    let names = crate::app::dialect_names().map(serde_json::Value::from);
    names.chain([serde_json::Value::Null]).collect()
}

/// The stored plans of an account.
#[must_use]
pub fn plans(core: &Core, account: &Account) -> PlansView {
    let kept = core.plans.of(account);
    PlansView {
        written: kept.version > 0,
        version: kept.version,
        plans: kept.plans.iter().map(PlanView::from).collect(),
    }
}

/// What can be told of a plan before it counts.
#[must_use]
pub fn plan_check(core: &Core, account: &Account, plan: &PlanConfig) -> PlanCheckView {
    let foreseen = operate::plans::check(core, account, plan);
    let steps = plan.steps.iter().zip(foreseen.steps).map(|(step, foreseen)| StepCheckView {
        channel: step.channel.to_string(),
        sender: step.sender.clone().or_else(|| account.config.default_sender.get(&step.channel).cloned()),
        takes_ms: foreseen.takes_ms,
        never: foreseen.never,
    });
    PlanCheckView {
        attach: plan.attach.clone(),
        dialect: plan.dialect.clone(),
        fault: operate::plans::fault(plan),
        longest_ms: foreseen.longest_ms,
        steps: steps.collect(),
    }
}

impl From<&PlanConfig> for PlanView {
    fn from(plan: &PlanConfig) -> Self {
        let step = |step: &PlanStepConfig| PlanStepView {
            channel: NewChannel(step.channel),
            sender: step.sender.clone(),
            text: step.text.clone(),
            patience_ms: step.patience_ms,
        };
        Self {
            attach: plan.attach.clone(),
            dialect: plan.dialect.clone(),
            patience_ms: plan.patience_ms,
            then: plan.steps.iter().map(step).collect(),
        }
    }
}

impl From<PlanView> for PlanConfig {
    fn from(view: PlanView) -> Self {
        let step = |step: PlanStepView| PlanStepConfig {
            channel: step.channel.0,
            sender: step.sender,
            text: step.text,
            patience_ms: step.patience_ms,
        };
        Self {
            attach: view.attach,
            dialect: view.dialect,
            patience_ms: view.patience_ms,
            steps: view.then.into_iter().map(step).collect(),
        }
    }
}
