//! What can be told of a plan before anything is sent by it: which steps can never be sent, and how
//! long it takes if every step takes all its time. Stored plans and scenarios are checked so by the
//! console, the API and the command line.

use model::Channel;

use crate::config::{AccountConfig, Config};

/// A step as a plan or scenario names it.
#[derive(Clone, Copy, Debug)]
pub struct Planned<'a> {
    /// Channel.
    pub channel: Channel,
    /// Sender; the account's default if there is none.
    pub sender: Option<&'a str>,
    /// Patience if another step follows, else validity, in milliseconds; the configuration's
    /// default if there is none.
    pub patience_ms: Option<u64>,
}

/// What is foreseen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// Of each step.
    pub steps: Vec<StepForeseen>,
    /// From the first hand-over of the first step, if every step takes all its time, in
    /// milliseconds. A step that can never be sent fails at once.
    pub longest_ms: u64,
}

/// What is foreseen of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepForeseen {
    /// How long it takes at most, in milliseconds.
    pub takes_ms: u64,
    /// Why it can never be sent; none if it can.
    pub never: Option<String>,
}

/// Looks at the steps of a plan; `before_ms` is what passes before the first of them.
#[must_use]
pub fn foresee(
    config: &Config,
    account: &AccountConfig,
    before_ms: u64,
    planned: &[Planned<'_>],
) -> Foreseen {
    let last = planned.len().saturating_sub(1);
    let steps: Vec<StepForeseen> = planned
        .iter()
        .enumerate()
        .map(|(index, step)| StepForeseen {
            takes_ms: takes(config, step, index == last),
            never: never(config, account, step),
        })
        .collect();
    let taken = steps.iter().filter(|step| step.never.is_none()).map(|step| step.takes_ms);
    Foreseen { longest_ms: taken.fold(before_ms, u64::saturating_add), steps }
}

/// The sender that a step gets, if it gets one.
#[must_use]
pub fn sender<'a>(account: &'a AccountConfig, step: &Planned<'a>) -> Option<&'a str> {
    step.sender.or_else(|| account.default_sender.get(&step.channel).map(String::as_str))
}

fn takes(config: &Config, step: &Planned<'_>, last: bool) -> u64 {
    let defaults = &config.cascade;
    let default = if last { defaults.default_validity_ms } else { defaults.default_patience_ms };
    step.patience_ms.unwrap_or(default)
}

fn never(config: &Config, account: &AccountConfig, step: &Planned<'_>) -> Option<String> {
    let channel = step.channel;
    if channel == Channel::Unlisted {
        return Some("no such channel exists".to_owned());
    }
    let routes = account.routes.get(&channel).map(Vec::as_slice).unwrap_or_default();
    if routes.is_empty() {
        return Some(format!("the account has no route for {channel}; add it to `routes`"));
    }
    let serves = |name: &String| {
        let route = config.routes.iter().find(|route| route.name == *name);
        route.is_some_and(|route| crate::routes::channel_of(route) == channel)
    };
    if !routes.iter().any(serves) {
        return Some(format!("none of its routes ({}) serves {channel}", routes.join(", ")));
    }
    let allowed = account.senders.get(&channel);
    match (allowed, sender(account, step)) {
        (Some(allowed), Some(sender)) if !allowed.iter().any(|known| known == sender) => {
            Some(format!("`{sender}` is not among the account's senders for {channel}"))
        }
        (Some(_) | None, _) => None,
    }
}
