//! Stored scenarios of accounts: listed, shown, written, removed.

use model::{
    Plan,
    call::{FlowStep, ScenarioDraft, ScenarioFilter},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ask::{Ask, Whole},
    messages::Page,
    problem::Problem,
};
use crate::{
    desk::scenarios,
    operate,
    views::{self, FlowStepView},
};

/// Longest name of a scenario or sender, in characters.
const MAX_NAME: usize = 100;
/// Longest word for a channel, in characters.
const MAX_LABEL: usize = 40;

/// A scenario to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewScenario {
    /// Its name, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Whether requests that name no scenario go by it; if not given, as it was. The first one of
    /// an account is its default in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<bool>,
    /// Its steps, in order.
    #[schemars(length(min = 1, max = 16))]
    flow: Vec<FlowStepView>,
}

pub(super) async fn list(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (account, limit) = (ask.path_account()?, ask.limit());
    let after = ask.number("after").and_then(|after| usize::try_from(after).ok()).unwrap_or(0);
    let filter = ScenarioFilter { default: None, page: 0, limit: usize::MAX };
    let known = scenarios::list(ask.core(), &account, &filter).await?;
    let end = after.saturating_add(limit);
    let next = (known.len() > end).then(|| end.to_string());
    let items = known.iter().skip(after).take(limit).map(|known| views::scenario(&account, known));
    Ok(ask.json(&Page { items: items.collect(), next }))
}

pub(super) async fn read(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let account = ask.path_account()?;
    let known = scenarios::read(ask.core(), &account, ask.path("key")).await?;
    Ok(ask.json(&views::scenario(&account, &known)))
}

pub(super) async fn create(ask: &Ask<'_>) -> Result<Whole, Problem> {
    save(ask, None).await
}

pub(super) async fn replace(ask: &Ask<'_>) -> Result<Whole, Problem> {
    save(ask, Some(ask.path("key"))).await
}

async fn save(ask: &Ask<'_>, key: Option<&str>) -> Result<Whole, Problem> {
    let (account, new) = (ask.path_account()?, ask.body::<NewScenario>()?);
    let draft = draft(new)?;
    let saved = operate::save_scenario(ask.core(), ask.hand(), &account, key, draft).await?;
    Ok(ask.json(&views::scenario(&account, &saved)))
}

pub(super) async fn remove(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let account = ask.path_account()?;
    operate::remove_scenario(ask.core(), ask.hand(), &account, ask.path("key")).await?;
    Ok(ask.nothing())
}

pub(super) fn draft(new: NewScenario) -> Result<ScenarioDraft, Problem> {
    if new.flow.is_empty() || new.flow.len() > Plan::MAX_STEPS {
        return Err(Problem::invalid(format!("`flow` has 1 to {} steps", Plan::MAX_STEPS)));
    }
    if !is_short(new.name.as_deref(), MAX_NAME) {
        return Err(Problem::invalid(format!("`name` has 1 to {MAX_NAME} characters")));
    }
    for step in &new.flow {
        if !is_short(step.sender.as_deref(), MAX_NAME) || !is_short(step.label.as_deref(), MAX_LABEL) {
            let text = format!("a `sender` has 1 to {MAX_NAME}, a `label` 1 to {MAX_LABEL} characters");
            return Err(Problem::invalid(text));
        }
    }
    let flow = new.flow.into_iter().map(FlowStep::from).collect();
    Ok(ScenarioDraft { name: new.name, flow, default: new.default })
}

fn is_short(text: Option<&str>, most: usize) -> bool {
    text.is_none_or(|text| !text.is_empty() && text.chars().count() <= most)
}
