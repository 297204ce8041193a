//! Stored plans of accounts: shown, written, given up.

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, transform::transform_subschemas,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ask::{Ask, Whole},
    messages::Page,
    problem::Problem,
};
use crate::{
    config::PlanConfig,
    operate,
    views::{self, PlanView},
};

/// All plans of an account, to be written in the place of those that are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPlans {
    /// The version they were read at.
    #[schemars(range(max = 4_294_967_295_u32))]
    version: u32,
    /// The plans; the first that fits is taken, and one without `attach` if none does.
    #[schemars(length(max = 200))]
    pub(super) plans: Vec<PlanView>,
}

/// Plans to be looked at; nothing is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DraftPlans {
    /// The plans; those that count now if none are given. What is out of bounds is told as a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), schema_with = "drafts")]
    pub(super) plans: Option<Vec<PlanView>>,
}

/// Plans without the bounds of their parts: drafts are answered with what is wrong in them.
fn drafts(_: &mut SchemaGenerator) -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = <Option<Vec<PlanView>>>::json_schema(&mut settings.into_generator());
    unbound(&mut schema);
    if let Some(Value::Object(dialect)) = schema.pointer_mut("/items/properties/dialect") {
        dialect.remove("enum");
    }
    schema
}

fn unbound(schema: &mut Schema) {
    for bound in ["minLength", "maxLength", "minItems", "maxItems"] {
        schema.remove(bound);
    }
    for (bound, widest) in [("minimum", 0), ("maximum", u64::MAX)] {
        if schema.remove(bound).is_some() {
            schema.insert(bound.to_owned(), widest.into());
        }
    }
    transform_subschemas(&mut unbound, schema);
}

pub(super) fn read(ask: &Ask<'_>) -> Result<Whole, Problem> {
    Ok(ask.json(&views::plans(ask.core(), &*ask.path_account()?)))
}

pub(super) async fn write(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (account, new) = (ask.path_account()?, ask.body::<NewPlans>()?);
    let plans = new.plans.into_iter().map(Into::into).collect();
    operate::plans::write(ask.core(), ask.hand(), &account, plans, new.version).await?;
    Ok(ask.json(&views::plans(ask.core(), &account)))
}

pub(super) fn check(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let (account, draft) = (ask.path_account()?, ask.body::<DraftPlans>()?);
    let plans: Vec<PlanConfig> = match draft.plans {
        Some(plans) => plans.into_iter().map(Into::into).collect(),
        None => ask.core().plans.of(&account).plans.clone(),
    };
    if plans.len() > operate::plans::MAX_PLANS {
        return Err(Problem::invalid("`plans` has at most 200 entries"));
    }
    let checks = plans.iter().map(|plan| views::plan_check(ask.core(), &account, plan));
    Ok(ask.json(&Page::all(checks.collect())))
}

pub(super) async fn reset(ask: &Ask<'_>) -> Result<Whole, Problem> {
    operate::plans::reset(ask.core(), ask.hand(), &*ask.path_account()?).await?;
    Ok(ask.nothing())
}
