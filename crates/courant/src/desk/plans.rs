//! Makes plans: from what a request spells out, from stored scenarios, and from the fallback steps
//! that an account adds for vendors without a cascade.

use model::{
    Cause, Channel, Content, Recipient, Refusal, Span,
    call::FlowStep,
    content::{MediaSource, Text},
    message::{Body, Plan, PlanSource, RouteChoice, Step, StepDraft, Until},
};

use super::scenarios;
use crate::{
    accounts::Account,
    config::{PlanConfig, PlanStepConfig},
    core::Core,
    dispatch::{Held, Hold},
    mediadesk::prepare,
};

/// The steps of a submission, before recipients are looked at.
///
/// # Errors
/// If the scenario it names does not exist.
pub async fn drafts(
    core: &Core,
    account: &Account,
    dialect: &str,
    source: PlanSource,
) -> Result<Vec<StepDraft>, Refusal> {
    match source {
        PlanSource::Steps { steps, extend: None } => Ok(steps),
        PlanSource::Steps { steps, extend: Some(key) } => {
            Ok(extended(&core.plans.of(account).plans, dialect, steps, &key))
        }
        PlanSource::Scenario { key, contents } => {
            let scenario = match &key {
                Some(key) => scenarios::read(core, account, key).await?,
                None => scenarios::default(core, account).await?,
            };
            along(&scenario.flow, &contents)
        }
    }
}

/// The contents in the order of the flow; flow steps without content are left out.
fn along(flow: &[FlowStep], contents: &[StepDraft]) -> Result<Vec<StepDraft>, Refusal> {
    let steps: Vec<StepDraft> = flow
        .iter()
        .filter_map(|step| {
            let mut draft = contents.iter().find(|draft| draft.channel == step.channel)?.clone();
            draft.sender = step.from.clone().or(draft.sender);
            Some(draft)
        })
        .collect();
    if steps.is_empty() { Err(Refusal::malformed("no step of the scenario has content")) } else { Ok(steps) }
}

/// The steps asked for, and those that the account's stored plan adds.
fn extended(plans: &[PlanConfig], dialect: &str, mut steps: Vec<StepDraft>, key: &str) -> Vec<StepDraft> {
    let Some(plan) = stored_plan(plans, dialect, key, &steps) else { return steps };
    let Some(last) = steps.last_mut() else { return steps };
    last.patience = Some(Span::from_millis(plan.patience_ms));
    let said = said(&last.body);
    steps.extend(plan.steps.iter().map(|step| fallback(step, &said)));
    steps
}

fn stored_plan<'a>(
    plans: &'a [PlanConfig],
    dialect: &str,
    key: &str,
    steps: &[StepDraft],
) -> Option<&'a PlanConfig> {
    let sender = steps.last().and_then(|step| step.sender.as_deref());
    let fits = |plan: &&PlanConfig| plan.dialect.as_deref().is_none_or(|wanted| wanted == dialect);
    let plans = || plans.iter().filter(fits);
    plans()
        .find(|plan| plan.attach.as_deref().is_some_and(|attach| attach == key || Some(attach) == sender))
        .or_else(|| plans().find(|plan| plan.attach.is_none()))
}

/// The words of a step, for steps that follow it.
#[derive(Default)]
struct Said {
    text: String,
    link: String,
}

fn said(body: &Body) -> Said {
    let Body::Ready(content) = body else { return Said::default() };
    match content {
        Content::Text(text) => Said { text: text.body.clone(), link: String::new() },
        Content::Media(media) => Said {
            text: media.caption.clone().unwrap_or_default(),
            link: match &media.source {
                MediaSource::Link(link) => link.clone(),
                // An upload has no address for people until it is sent.
                MediaSource::Id(_) => "{media_link}".to_owned(),
            },
        },
        Content::Whatsapp(object) => said_by_object(object),
        Content::Email(email) => Said { text: email.subject.clone(), link: String::new() },
        Content::Location(place) => Said {
            text: place.name.clone().unwrap_or_default(),
            link: format!("https://maps.google.com/?q={},{}", place.latitude, place.longitude),
        },
        Content::Contacts(_) | Content::Interactive(_) | Content::Template(_) | Content::Other(_) => {
            Said::default()
        }
    }
}

/// The words of a Cloud API message object.
fn said_by_object(object: &serde_json::Value) -> Said {
    let kind = object["type"].as_str().unwrap_or_default();
    let member = &object[kind];
    let text = member["body"].as_str().or_else(|| member["caption"].as_str()).unwrap_or_default();
    Said { text: text.to_owned(), link: member["link"].as_str().unwrap_or_default().to_owned() }
}

fn fallback(step: &PlanStepConfig, said: &Said) -> StepDraft {
    let pattern = step.text.as_deref().unwrap_or("{text} {link}");
    let body = pattern
        .replace("{text}", &said.text)
        .replace("{caption}", &said.text)
        .replace("{link}", &said.link)
        .trim()
        .to_owned();
    let mut draft = if body.is_empty() {
        StepDraft::void(step.channel, Cause::MissingContent)
    } else {
        StepDraft::new(step.channel, Content::Text(Text::new(body)))
    };
    draft.sender.clone_from(&step.sender);
    draft.patience = step.patience_ms.map(Span::from_millis);
    draft
}

/// The plan for one recipient (and all like it: same kinds of address, same routes).
#[must_use]
pub fn plan(core: &Core, account: &Account, drafts: &[StepDraft], recipient: &Recipient) -> Plan {
    let last = drafts.len().saturating_sub(1);
    let steps = drafts.iter().take(Plan::MAX_STEPS).enumerate();
    let steps = steps.map(|(index, draft)| step(core, account, draft, recipient, index == last)).collect();
    Plan::new(steps).expect("there is at least one draft, and the rest was left out")
}

fn step(core: &Core, account: &Account, draft: &StepDraft, recipient: &Recipient, last: bool) -> Step {
    let defaults = &core.config.cascade;
    let or_default = |millis: u64| draft.patience.unwrap_or_else(|| Span::from_millis(millis));
    let patience = or_default(defaults.default_patience_ms);
    // A step that is not handed over in time fails too; looking at its media shall not eat that up.
    let queueing = patience + prepare::time_for(&core.config, &draft.body);
    let validity = if last { or_default(defaults.default_validity_ms) } else { queueing };
    let sender = draft.sender.as_deref().or_else(|| account.default_sender(draft.channel));
    let routes = undrained(core, account.routes(draft.channel, recipient.phone.as_ref(), &core.routes.table));
    let until = if reports_delivery(core, &routes) { Until::Delivered } else { Until::Submitted };
    Step {
        channel: draft.channel,
        sender: sender.map(str::to_owned),
        body: body(core, account, draft, sender, recipient),
        patience,
        validity,
        until,
        routes,
        extras: draft.extras.clone(),
    }
}

/// Routes that are being drained get no new messages, unless there is no other.
fn undrained(core: &Core, routes: Vec<RouteChoice>) -> Vec<RouteChoice> {
    let drains =
        |choice: &RouteChoice| core.dispatcher.hold(&Held::Route(choice.route.clone())) == Hold::Draining;
    if routes.iter().all(drains) {
        routes
    } else {
        routes.into_iter().filter(|choice| !drains(choice)).collect()
    }
}

fn reports_delivery(core: &Core, routes: &[RouteChoice]) -> bool {
    let mut connectors = routes.iter().filter_map(|choice| core.routes.get(&choice.route)).peekable();
    connectors.peek().is_none() || connectors.any(|route| route.connector.capabilities().reports_delivery)
}

fn body(
    core: &Core,
    account: &Account,
    draft: &StepDraft,
    sender: Option<&str>,
    recipient: &Recipient,
) -> Body {
    if let Body::Void(cause) = draft.body {
        return Body::Void(cause);
    }
    if !reachable(draft.channel, recipient) {
        return Body::Void(Cause::MissingAddress);
    }
    if sender.is_some_and(|sender| !account.may_use(draft.channel, sender)) {
        return Body::Void(Cause::SenderInvalid);
    }
    let held = |sender: &str| core.dispatcher.hold(&Held::Sender(draft.channel, sender.to_owned()));
    if sender.is_some_and(|sender| held(sender) == Hold::Draining) {
        return Body::Void(Cause::SenderInvalid);
    }
    draft.body.clone()
}

/// Whether the recipient has an address for the channel.
fn reachable(channel: Channel, recipient: &Recipient) -> bool {
    match channel {
        Channel::Whatsapp => recipient.phone.is_some() || recipient.whatsapp_user.is_some(),
        Channel::Sms | Channel::Mms | Channel::Rcs | Channel::Viber | Channel::Voice => {
            recipient.phone.is_some()
        }
        Channel::KakaoAlim | Channel::KakaoChingu => recipient.phone.is_some() || recipient.other.is_some(),
        Channel::Email => recipient.email.is_some(),
        Channel::Push | Channel::InApp => recipient.push.is_some() || recipient.other.is_some(),
        Channel::Messenger | Channel::Line | Channel::Vkontakte | Channel::AppleMessages => {
            recipient.other.is_some()
        }
        Channel::Unlisted => true,
    }
}
