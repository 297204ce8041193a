//! `courant plans list`, `show`, `put`, `remove` and `check ACCOUNT`: the stored plans of accounts
//! of a running Courant. A plan is known by what it is attached to and the dialect it is for.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::seconds;
use crate::{
    admin::Page,
    cli::{
        client::{Client, Remote, say, segment, table},
        messages::read_body,
    },
    views::{AccountView, PlanCheckView, PlanView, PlansView},
};

/// Whose plans.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only of this account.
    account: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Which plan.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// Whose it is.
    account: String,
    #[command(flatten)]
    plan: Which,
    #[command(flatten)]
    remote: Remote,
}

/// Which plan of an account.
#[derive(Debug, Args)]
struct Which {
    /// Service key name, sender or app id that it is attached to [default: the one for everything else].
    #[arg(long)]
    attach: Option<String>,
    /// The dialect it is for [default: the one for all dialects].
    #[arg(long)]
    dialect: Option<String>,
}

/// What to write.
#[derive(Debug, Args)]
#[command(
    after_help = "The file has one plan or a list of plans, as `courant plans show ACCOUNT --json` prints one.\n\nExample:\n  echo '{\"attach\": \"SHOP\", \"patience_ms\": 60000, \"then\": [{\"channel\": \"sms\"}]}' |\n      courant plans put shop -"
)]
pub(in crate::cli) struct Put {
    /// Whose they will be.
    account: String,
    /// A file with JSON (`-`: standard input).
    file: PathBuf,
    /// In place of all plans of the account, instead of those for the same only.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    remote: Remote,
}

/// What to give up.
#[derive(Debug, Args)]
pub(in crate::cli) struct Remove {
    /// Whose it is.
    account: String,
    #[command(flatten)]
    plan: Which,
    /// All that were written: those of the configuration count again.
    #[arg(long, conflicts_with_all = ["attach", "dialect"])]
    all: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Which {
    fn is(&self, plan: &PlanView) -> bool {
        self.attach == plan.attach && self.dialect == plan.dialect
    }

    fn missing(&self, account: &str) -> String {
        let (attach, dialect) = words(self.attach.as_deref(), self.dialect.as_deref());
        format!("{account} has no plan for {attach} by {dialect}; `courant plans list` shows those it has")
    }
}

/// What a plan is for, in words.
fn words(attach: Option<&str>, dialect: Option<&str>) -> (String, String) {
    (attach.unwrap_or("everything else").to_owned(), dialect.unwrap_or("all dialects").to_owned())
}

fn path(account: &str) -> String {
    format!("/accounts/{}/plans", segment(account))
}

async fn read(client: &Client, account: &str) -> Result<PlansView, String> {
    understood(client.look(&path(account), &[]).await?)
}

fn understood<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, String> {
    serde_json::from_value(answer)
        .map_err(|error| format!("the server speaks another version of the API: {error}"))
}

pub(super) async fn list(arguments: List) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let accounts = match arguments.account {
        Some(account) => vec![account],
        None => {
            let page: Page<AccountView> = understood(client.look("/accounts", &[]).await?)?;
            page.items.into_iter().map(|account| account.name).collect()
        }
    };
    let (mut items, mut rows) = (Vec::new(), Vec::new());
    for account in accounts {
        let view = read(&client, &account).await?;
        rows.extend(view.plans.iter().map(|plan| row(&account, view.written, plan)));
        let mut item = json!(view);
        item["account"] = account.into();
        items.push(item);
    }
    client.show(json!({ "items": items, "next": null }), |_: Value| {
        table(&["ACCOUNT", "FOR", "BY", "AFTER", "THEN", "FROM"], &rows);
    })
}

fn row(account: &str, written: bool, plan: &PlanView) -> Vec<String> {
    let (attach, dialect) = words(plan.attach.as_deref(), plan.dialect.as_deref());
    let steps: Vec<&str> = plan.then.iter().map(|step| step.channel.0.as_str()).collect();
    let from = if written { "written" } else { "configuration" };
    vec![account.to_owned(), attach, dialect, seconds(plan.patience_ms), steps.join(" → "), from.to_owned()]
}

pub(super) async fn show(arguments: Show) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let view = read(&client, &arguments.account).await?;
    let found = view.plans.into_iter().find(|plan| arguments.plan.is(plan));
    let found = found.ok_or_else(|| arguments.plan.missing(&arguments.account))?;
    client.show(json!(found), |plan: PlanView| print(&plan))
}

fn print(plan: &PlanView) {
    let (attach, dialect) = words(plan.attach.as_deref(), plan.dialect.as_deref());
    say(&format!("for       {attach}\nby        {dialect}\nafter     {}", seconds(plan.patience_ms)));
    for (index, step) in plan.then.iter().enumerate() {
        let sender = step.sender.as_deref().unwrap_or("-");
        let patience = step.patience_ms.map_or_else(|| "default".to_owned(), seconds);
        let text = step.text.as_deref().unwrap_or("the caller's text");
        say(&format!("  {} {:10} {sender:16} {patience:10} {text}", index + 1, step.channel.0.as_str()));
    }
}

pub(super) async fn put(arguments: Put) -> Result<(), String> {
    let client = arguments.remote.client()?;
    let given = plans_of(read_body(&arguments.file)?)?;
    let known = read(&client, &arguments.account).await?;
    let plans = if arguments.all { given } else { replaced(known.plans, given) };
    write(&client, &arguments.account, known.version, &plans).await
}

/// One plan, a list of them, or all of an account as the API tells them.
fn plans_of(body: Value) -> Result<Vec<PlanView>, String> {
    let body = match body {
        Value::Array(_) => body,
        Value::Object(mut members) if members.contains_key("plans") => {
            members.remove("plans").unwrap_or_default()
        }
        plan => Value::Array(vec![plan]),
    };
    serde_json::from_value(body).map_err(|error| format!("the file has no plans: {error}"))
}

/// Plans for the same change their place with the new ones; others stay.
fn replaced(mut known: Vec<PlanView>, given: Vec<PlanView>) -> Vec<PlanView> {
    for plan in given {
        let same = |other: &&mut PlanView| other.attach == plan.attach && other.dialect == plan.dialect;
        match known.iter_mut().find(same) {
            Some(place) => *place = plan,
            None => known.push(plan),
        }
    }
    known
}

pub(super) async fn remove(arguments: Remove) -> Result<(), String> {
    let (client, account) = (arguments.remote.client()?, arguments.account);
    if arguments.all {
        client.remove(&path(&account)).await?;
        let view = read(&client, &account).await?;
        return client.show(json!(view), |view: PlansView| written(&account, &view));
    }
    let known = read(&client, &account).await?;
    let before = known.plans.len();
    let plans: Vec<PlanView> = known.plans.into_iter().filter(|plan| !arguments.plan.is(plan)).collect();
    if plans.len() == before {
        return Err(arguments.plan.missing(&account));
    }
    write(&client, &account, known.version, &plans).await
}

/// Writes all plans of an account, unless somebody else changed them since they were read.
async fn write(client: &Client, account: &str, version: u32, plans: &[PlanView]) -> Result<(), String> {
    let body = json!({ "version": version, "plans": plans });
    let answer = client.act(&path(account), Some(&body), None).await?;
    client.show(answer, |view: PlansView| written(account, &view))
}

fn written(account: &str, view: &PlansView) {
    let whence = if view.written { "written" } else { "of the configuration" };
    say(&format!("{account} has {} plans, {whence}", view.plans.len()));
}

/// Checks the plans of a file, or those that count now.
pub(super) async fn check(client: &Client, account: &str, file: Option<PathBuf>) -> Result<(), String> {
    let body = match file {
        Some(file) => json!({ "plans": plans_of(read_body(&file)?)? }),
        None => json!({}),
    };
    let answer = client.act(&format!("{}/check", path(account)), Some(&body), None).await?;
    let checks: Page<PlanCheckView> = understood(answer.clone())?;
    client.show(answer, |page: Page<PlanCheckView>| print_checks(&page.items))?;
    let steps = checks.items.iter().flat_map(|plan| &plan.steps);
    let wrong = steps.filter(|step| step.never.is_some()).count();
    match (checks.items.iter().find_map(|plan| plan.fault.as_ref()), wrong) {
        (Some(fault), _) => Err(format!("a plan cannot be written: {fault}")),
        (None, 0) => Ok(()),
        (None, wrong) => Err(format!("{wrong} steps can never be sent")),
    }
}

fn print_checks(checks: &[PlanCheckView]) {
    let rows = checks.iter().flat_map(|plan| {
        let (attach, _) = words(plan.attach.as_deref(), plan.dialect.as_deref());
        plan.steps.iter().map(move |step| {
            let never = step.never.as_ref().map(|why| format!("never sent: {why}"));
            vec![
                format!("plan for {attach}"),
                step.channel.clone(),
                step.sender.clone().unwrap_or_default(),
                seconds(step.takes_ms),
                never.unwrap_or_else(|| "can be sent".to_owned()),
            ]
        })
    });
    table(&["PLAN", "CHANNEL", "SENDER", "TAKES UP TO", ""], &rows.collect::<Vec<_>>());
    if let Some(longest) = checks.iter().map(|plan| plan.longest_ms).max() {
        say(&format!("the longest takes up to {}", seconds(longest)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(attach: &str, patience_ms: u64) -> PlanView {
        PlanView { attach: Some(attach.to_owned()), dialect: None, patience_ms, then: Vec::new() }
    }

    #[test]
    fn a_plan_takes_the_place_of_the_one_for_the_same_and_leaves_the_others() {
        let known = vec![plan("a", 1), plan("b", 2)];
        let new = replaced(known, vec![plan("a", 3), plan("c", 4)]);
        assert_eq!(new, [plan("a", 3), plan("b", 2), plan("c", 4)]);
    }
}
