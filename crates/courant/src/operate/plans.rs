//! Writes the stored plans of accounts.

use store::StoreError;

use super::{Fault, Hand};
use crate::{
    accounts::Account,
    config::{PlanConfig, PlanStepConfig},
    core::Core,
    desk::foresee::{Foreseen, Planned, foresee},
};

/// Most plans of an account.
pub const MAX_PLANS: usize = 200;
/// Most steps that a plan adds: a message has 16 with the caller's own.
pub const MAX_STEPS: usize = 15;
/// Longest name, in characters.
pub const MAX_NAME: usize = 100;
/// Longest text, in characters.
pub const MAX_TEXT: usize = 4096;
/// Longest patience: 30 days.
pub const MAX_MILLIS: u64 = 30 * 24 * 3_600_000;

/// Writes all plans of an account. `version` is the one they were read at, so that nobody's change
/// is lost unseen.
///
/// # Errors
/// If something in them cannot be, or somebody else wrote them meanwhile.
pub async fn write(
    core: &Core,
    hand: Hand<'_>,
    account: &Account,
    plans: Vec<PlanConfig>,
    version: u32,
) -> Result<(), Fault> {
    if plans.len() > MAX_PLANS {
        return Err(Fault::Invalid(format!("an account has at most {MAX_PLANS} plans")));
    }
    for (index, plan) in plans.iter().enumerate() {
        if let Some(fault) = fault(plan) {
            return Err(Fault::Invalid(format!("plan {}: {fault}", index + 1)));
        }
        let same = |other: &&PlanConfig| other.attach == plan.attach && other.dialect == plan.dialect;
        if plans[..index].iter().any(|other| same(&other)) {
            let text = format!("plan {}: another one is for the same already", index + 1);
            return Err(Fault::Conflict(text));
        }
    }
    let count = plans.len();
    if !core.plans.put(&*core.store, account, plans, version).await? {
        return Err(Fault::Conflict("the plans were changed meanwhile; read them again".to_owned()));
    }
    let detail = if count == 1 { "1 plan".to_owned() } else { format!("{count} plans") };
    hand.did(core, "wrote plans", &account.name, &detail).await;
    Ok(())
}

/// Goes back to the plans of the configuration.
///
/// # Errors
/// If the store cannot take it now.
pub async fn reset(core: &Core, hand: Hand<'_>, account: &Account) -> Result<(), StoreError> {
    core.plans.reset(&*core.store, account).await?;
    hand.did(core, "gave up written plans", &account.name, "").await;
    Ok(())
}

/// What can never be sent by a plan, and how long it takes at most.
#[must_use]
pub fn check(core: &Core, account: &Account, plan: &PlanConfig) -> Foreseen {
    let planned = |step: &'_ PlanStepConfig| (step.channel, step.sender.clone(), step.patience_ms);
    let steps: Vec<_> = plan.steps.iter().map(planned).collect();
    let steps: Vec<Planned<'_>> = steps
        .iter()
        .map(|(channel, sender, patience_ms)| Planned {
            channel: *channel,
            sender: sender.as_deref(),
            patience_ms: *patience_ms,
        })
        .collect();
    foresee(&core.config, &account.config, plan.patience_ms, &steps)
}

/// What cannot be, in words for people.
#[must_use]
pub fn fault(plan: &PlanConfig) -> Option<String> {
    let known = |name: &String| crate::app::dialect_names().any(|known| known == name);
    if plan.attach.as_ref().is_some_and(|name| !is_short(name, MAX_NAME)) {
        return Some(format!("what it is attached to has 1 to {MAX_NAME} characters"));
    }
    if let Some(dialect) = plan.dialect.as_ref().filter(|name| !known(name)) {
        return Some(format!("there is no dialect `{dialect}`"));
    }
    if !is_span(plan.patience_ms) {
        return Some("the caller's own step waits 1 ms to 30 days".to_owned());
    }
    if plan.steps.is_empty() || plan.steps.len() > MAX_STEPS {
        return Some(format!("it adds 1 to {MAX_STEPS} steps"));
    }
    let faults = plan.steps.iter().enumerate();
    faults.filter_map(|(index, step)| Some(format!("step {}: {}", index + 1, step_fault(step)?))).next()
}

fn step_fault(step: &PlanStepConfig) -> Option<String> {
    if step.sender.as_ref().is_some_and(|name| !is_short(name, MAX_NAME)) {
        Some(format!("a sender has 1 to {MAX_NAME} characters"))
    } else if step.text.as_ref().is_some_and(|text| !is_short(text, MAX_TEXT)) {
        Some(format!("a text has 1 to {MAX_TEXT} characters"))
    } else if step.patience_ms.is_some_and(|millis| !is_span(millis)) {
        Some("it waits 1 ms to 30 days".to_owned())
    } else {
        None
    }
}

fn is_short(text: &str, most: usize) -> bool {
    !text.is_empty() && text.chars().count() <= most
}

const fn is_span(millis: u64) -> bool {
    millis >= 1 && millis <= MAX_MILLIS
}
