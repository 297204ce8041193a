//! `courant plans`: stored plans of a running Courant ([`stored`]), and what can never be sent by
//! those of a configuration and how long they may take.

mod stored;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::Channel;
use serde::Serialize;

use super::client::{Remote, say, table};
use crate::{
    config::{AccountConfig, Config, SANDBOX, ScenarioConfig, Source},
    desk::foresee::{self, Planned, foresee},
};

/// Stored plans and scenarios.
#[derive(Debug, Subcommand)]
pub(super) enum Plans {
    /// List the stored plans.
    List(stored::List),
    /// Show a stored plan.
    Show(stored::Show),
    /// Write stored plans: new ones, or in place of those for the same.
    Put(stored::Put),
    /// Remove a stored plan.
    Remove(stored::Remove),
    /// Check plans: steps that can never be sent, and the longest time until a message is settled.
    /// Without an account, the plans and scenarios of a configuration.
    Check(Check),
}

/// Which plans.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The account of a running Courant whose plans are looked at.
    #[arg(conflicts_with = "sandbox")]
    account: Option<String>,
    /// Plans to be checked before they are written, as for `put` (`-`: standard input) [default:
    /// those that count now].
    file: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, short, env = "COURANT_CONFIG", hide_env_values = true, default_value = "courant.toml")]
    config: PathBuf,
    /// The sandbox's configuration instead.
    #[arg(long, conflicts_with = "config")]
    sandbox: bool,
    #[command(flatten)]
    remote: Remote,
}

/// A plan and what is wrong with it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    account: String,
    plan: String,
    steps: Vec<StepFinding>,
    /// From the first hand-over of the first step, if every step takes all its time.
    longest_ms: u64,
}

/// A step and what is wrong with it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct StepFinding {
    channel: String,
    sender: Option<String>,
    takes_ms: u64,
    /// Why it can never be sent.
    never: Option<String>,
}

pub(super) async fn run(command: Plans) -> Result<(), String> {
    match command {
        Plans::List(arguments) => stored::list(arguments).await,
        Plans::Show(arguments) => stored::show(arguments).await,
        Plans::Put(arguments) => stored::put(arguments).await,
        Plans::Remove(arguments) => stored::remove(arguments).await,
        Plans::Check(Check { account: Some(account), file, remote, .. }) => {
            stored::check(&remote.client()?, &account, file).await
        }
        Plans::Check(arguments) => check(&arguments),
    }
}

fn check(arguments: &Check) -> Result<(), String> {
    let config = if arguments.sandbox {
        Config::parse(&Source { name: "sandbox configuration".to_owned(), text: SANDBOX.to_owned() }, &[])
    } else {
        Config::read(&arguments.config, &[])
    };
    let config = config.map_err(|error| error.to_string())?;
    let findings = findings(&config);
    if arguments.remote.json {
        say(&serde_json::to_string_pretty(&findings).unwrap_or_default());
    } else {
        print(&findings);
    }
    let never = findings.iter().flat_map(|plan| &plan.steps).filter(|step| step.never.is_some()).count();
    if never == 0 { Ok(()) } else { Err(format!("{never} steps can never be sent")) }
}

fn print(findings: &[Finding]) {
    let rows = findings.iter().flat_map(|plan| {
        plan.steps.iter().map(|step| {
            vec![
                plan.account.clone(),
                plan.plan.clone(),
                step.channel.clone(),
                step.sender.clone().unwrap_or_default(),
                seconds(step.takes_ms),
                step.never.clone().unwrap_or_else(|| "can be sent".to_owned()),
            ]
        })
    });
    let rows: Vec<_> = rows.collect();
    table(&["ACCOUNT", "PLAN", "CHANNEL", "SENDER", "TAKES UP TO", ""], &rows);
    if let Some(longest) = findings.iter().max_by_key(|plan| plan.longest_ms) {
        let (plan, account) = (&longest.plan, &longest.account);
        say(&format!("the longest is {plan} of {account}: up to {}", seconds(longest.longest_ms)));
    }
}

fn seconds(millis: u64) -> String {
    format!("{:.1} s", millis as f64 / 1000.0)
}

fn findings(config: &Config) -> Vec<Finding> {
    let of_account = |account: &AccountConfig| {
        let plans = account.plans.iter().map(|plan| {
            let steps = plan.steps.iter().map(|step| Planned {
                channel: step.channel,
                sender: step.sender.as_deref(),
                patience_ms: step.patience_ms,
            });
            let name = format!("plan for {}", plan.attach.as_deref().unwrap_or("everything"));
            finding(config, account, name, plan.patience_ms, &steps.collect::<Vec<_>>())
        });
        let scenarios = account.scenarios.iter().map(|scenario| {
            finding(config, account, format!("scenario {}", scenario.key), 0, &flow(scenario))
        });
        plans.chain(scenarios).collect::<Vec<_>>()
    };
    config.accounts.iter().flat_map(of_account).collect()
}

fn flow(scenario: &ScenarioConfig) -> Vec<Planned<'_>> {
    let steps = scenario.flow.iter().map(|(label, sender)| Planned {
        channel: Channel::parse(&label.to_ascii_lowercase()).unwrap_or(Channel::Unlisted),
        sender: (!sender.is_empty()).then_some(sender.as_str()),
        patience_ms: None,
    });
    steps.collect()
}

fn finding(
    config: &Config,
    account: &AccountConfig,
    plan: String,
    before_ms: u64,
    planned: &[Planned<'_>],
) -> Finding {
    let foreseen = foresee(config, account, before_ms, planned);
    let steps = planned.iter().zip(foreseen.steps).map(|(step, foreseen)| StepFinding {
        channel: step.channel.to_string(),
        sender: foresee::sender(account, step).map(str::to_owned),
        takes_ms: foreseen.takes_ms,
        never: foreseen.never.map(|why| format!("never sent: {why}")),
    });
    let steps = steps.collect();
    Finding { account: account.name.clone(), plan, longest_ms: foreseen.longest_ms, steps }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_without_route_or_with_a_foreign_sender_are_found_and_times_added_up() {
        let text = r#"
            [cascade]
            default_validity_ms = 1000
            [[route]]
            name = "carrier"
            smpp = { host = "localhost", system_id = "a" }
            [[account]]
            name = "shop"
            routes = { sms = ["carrier"] }
            senders = { sms = ["SHOP"] }
            [[account.plan]]
            patience_ms = 500
            then = [{ channel = "viber" }, { channel = "sms", sender = "SHOP", patience_ms = 200 }, { channel = "sms", sender = "OTHER" }]
            [[account.scenario]]
            key = "K"
            flow = [["SMS", "SHOP"]]
        "#;
        let source = Source { name: "test".to_owned(), text: text.to_owned() };
        let config = Config::parse(&source, &[]).expect("a configuration");
        let found = findings(&config);
        let never: Vec<Vec<bool>> =
            found.iter().map(|plan| plan.steps.iter().map(|step| step.never.is_some()).collect()).collect();
        assert_eq!(never, [vec![true, false, true], vec![false]]);
        assert_eq!(found.iter().map(|plan| plan.longest_ms).collect::<Vec<_>>(), [700, 1000]);
    }
}
