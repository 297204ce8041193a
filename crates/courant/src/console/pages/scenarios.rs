//! Scenarios: the flows that requests refer to. A draft is checked before it is saved: what in it
//! can never be sent, and how long the worst case takes.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};
use model::{
    AccountName, Channel, Span,
    call::{FlowStep, Scenario, ScenarioDraft, ScenarioFilter},
};

use super::head;
use crate::{
    accounts::Account,
    console::{
        Console,
        forms::{self, Fields},
        gate::Visitor,
        page::{self, Answer, Page, Section, Trouble, csrf},
        parts,
    },
    core::Core,
    desk::{
        foresee::{Planned, StepForeseen, foresee},
        scenarios,
    },
    operate,
    people::Role,
};

/// Steps that the form has room for.
const ROWS: usize = 6;
/// Longest name of a scenario or sender.
const MAX_NAME: usize = 100;
/// Scenarios listed per account.
const MAX_LISTED: usize = 200;

/// Channels a flow may have, with the words of the API that flows come from.
const CHANNELS: [(&str, Channel); 8] = [
    ("WHATSAPP", Channel::Whatsapp),
    ("SMS", Channel::Sms),
    ("VIBER", Channel::Viber),
    ("RCS", Channel::Rcs),
    ("EMAIL", Channel::Email),
    ("PUSH", Channel::Push),
    ("VOICE", Channel::Voice),
    ("LINE", Channel::Line),
];

/// A scenario being written.
struct Draft {
    account: String,
    key: String,
    name: String,
    default: bool,
    flow: Vec<(String, String)>,
}

/// `GET /console/scenarios`
pub(in crate::console) async fn list(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let core = console.core();
    let mut sections = Vec::new();
    let mut edited = None;
    for account in core.accounts.all() {
        if query.given("account").is_some_and(|wanted| wanted != account.name.as_str()) {
            continue;
        }
        let filter = ScenarioFilter { default: None, page: 0, limit: MAX_LISTED };
        let known = scenarios::list(core, account, &filter).await?;
        if let Some(found) = query.given("edit").and_then(|key| known.iter().find(|one| one.key == key)) {
            edited = Some(Draft::from(account.name.as_str(), found));
        }
        sections.push((account, known));
    }
    let draft = edited.unwrap_or_else(|| Draft::new(query.text("account")));
    let checked = None;
    let content = html! {
        (head("Scenarios and plans", false))
        div.two {
            div { @for (account, known) in &sections { (account_section(core, &visitor, account, known)) } }
            section.card aria-labelledby="draft-title" { (editor(core, &visitor, &draft, checked)) }
        }
    };
    Ok(frame(&console, &visitor, query.given("done"), &content))
}

/// `POST /console/scenarios/check`
pub(in crate::console) async fn check(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let draft = Draft::of(&form);
    let checked = verdict(core, account(core, &draft.account)?, &draft.steps());
    let content = html! {
        p.small { a href="/console/scenarios" { "Scenarios and plans" } " / " span.soft { "check" } }
        (head("Check a scenario", false))
        section.card aria-labelledby="draft-title" { (editor(core, &visitor, &draft, Some(&checked))) }
    };
    Ok(frame(&console, &visitor, None, &content))
}

/// `POST /console/scenarios/save`
pub(in crate::console) async fn save(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let draft = Draft::of(&form);
    let account = account(core, &draft.account)?;
    let flow = draft.steps();
    if flow.is_empty() {
        return Err(Trouble::Refused("A scenario needs at least one step.".to_owned()));
    }
    let wanted = ScenarioDraft { name: Some(draft.name.clone()), flow, default: Some(draft.default) };
    let key = (!draft.key.is_empty()).then_some(draft.key.as_str());
    operate::save_scenario(core, visitor.hand(), account, key, wanted).await?;
    let query = forms::query(&[("account", account.name.as_str())]);
    Ok(page::after(&format!("/console/scenarios?{query}"), "saved"))
}

/// `POST /console/scenarios/remove`
pub(in crate::console) async fn remove(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let account = account(core, form.text("account"))?;
    operate::remove_scenario(core, visitor.hand(), account, form.text("key")).await?;
    let query = forms::query(&[("account", account.name.as_str())]);
    Ok(page::after(&format!("/console/scenarios?{query}"), "scenario-gone"))
}

impl Draft {
    fn new(account: &str) -> Self {
        let flow = vec![("WHATSAPP".to_owned(), String::new()), ("SMS".to_owned(), String::new())];
        Self { account: account.to_owned(), key: String::new(), name: String::new(), default: false, flow }
    }

    fn from(account: &str, scenario: &Scenario) -> Self {
        let step = |step: &FlowStep| (step.label.clone(), step.from.clone().unwrap_or_default());
        Self {
            account: account.to_owned(),
            key: scenario.key.clone(),
            name: scenario.name.clone().unwrap_or_default(),
            default: scenario.default,
            flow: scenario.flow.iter().map(step).collect(),
        }
    }

    fn of(form: &Fields) -> Self {
        let flow = form.all("channel").zip(form.all("from")).filter(|(channel, _)| !channel.is_empty());
        let short = |text: &str| text.trim().chars().take(MAX_NAME).collect::<String>();
        Self {
            account: form.text("account").to_owned(),
            key: form.text("key").to_owned(),
            name: short(form.text("name")),
            default: form.text("default") == "yes",
            flow: flow.take(ROWS).map(|(channel, from)| (channel.to_owned(), short(from))).collect(),
        }
    }

    fn steps(&self) -> Vec<FlowStep> {
        let step = |(label, from): &(String, String)| FlowStep {
            label: label.clone(),
            channel: channel_of(label),
            from: (!from.is_empty()).then(|| from.clone()),
        };
        self.flow.iter().map(step).collect()
    }
}

fn channel_of(label: &str) -> Channel {
    let known = CHANNELS.iter().find(|(word, _)| *word == label).map(|(_, channel)| *channel);
    known.or_else(|| Channel::parse(&label.to_ascii_lowercase())).unwrap_or(Channel::Unlisted)
}

fn account<'a>(core: &'a Core, name: &str) -> Result<&'a Arc<Account>, Trouble> {
    core.accounts.by_name(&AccountName::from(name)).ok_or(Trouble::Missing("account"))
}

/// What a check finds.
struct Verdict {
    /// Steps that can never be sent, and why, by index.
    never: Vec<(usize, String)>,
    /// The longest that a message can take, with the configured defaults.
    worst: Span,
}

fn verdict(core: &Core, account: &Account, flow: &[FlowStep]) -> Verdict {
    let plan = |step: &'_ FlowStep| (step.channel, step.from.clone());
    let steps: Vec<_> = flow.iter().map(plan).collect();
    let planned: Vec<Planned<'_>> = steps
        .iter()
        .map(|(channel, from)| Planned { channel: *channel, sender: from.as_deref(), patience_ms: None })
        .collect();
    let foreseen = foresee(&core.config, &account.config, 0, &planned);
    let fault = |(index, step): (usize, StepForeseen)| {
        let channel = flow[index].channel;
        let repeated = flow[..index].iter().any(|earlier| earlier.channel == channel);
        let why = "the channel was tried before; a message has one content per channel";
        Some((index, step.never.or_else(|| repeated.then(|| why.to_owned()))?))
    };
    let worst = Span::from_millis(foreseen.longest_ms);
    Verdict { never: foreseen.steps.into_iter().enumerate().filter_map(fault).collect(), worst }
}

fn frame(
    console: &Console,
    visitor: &Visitor,
    done: Option<&str>,
    content: &Markup,
) -> axum::response::Response {
    Page { console, visitor, section: Section::Scenarios, title: "Scenarios and plans", done }.show(content)
}

fn account_section(core: &Core, visitor: &Visitor, account: &Account, known: &[Scenario]) -> Markup {
    let name = account.name.as_str();
    html! {
        section.card aria-label={ "Scenarios of " (name) } {
            h2 { "Account " (name) }
            @if known.is_empty() { (parts::empty("No scenario.")) }
            @for scenario in known {
                @let found = verdict(core, account, &scenario.flow);
                h3 {
                    (scenario.name.as_deref().unwrap_or("(without a name)"))
                    @if scenario.default { " " span.badge.info { "default" } }
                }
                p {
                    @for (index, step) in scenario.flow.iter().enumerate() {
                        @if index > 0 { " → " }
                        (parts::channel(step.channel))
                        @if let Some(from) = &step.from { span.soft.small { " " (from) } }
                    }
                }
                (findings(&found, &scenario.flow))
                p.small.soft { code { (scenario.key) } }
                @if visitor.may(Role::Administer) {
                    @let shown = scenario.name.as_deref().unwrap_or(&scenario.key);
                    div.line {
                        a.button href={ "/console/scenarios?" (forms::query(&[("account", name), ("edit", &scenario.key)])) "#draft-title" } { "Edit" span.hidden { " " (shown) } }
                        form method="post" action="/console/scenarios/remove" data-confirm="Remove this scenario? Requests that name it will be refused." {
                            (csrf(visitor))
                            input type="hidden" name="account" value=(name);
                            input type="hidden" name="key" value=(scenario.key);
                            button.quiet type="submit" { "Remove" span.hidden { " " (shown) } }
                        }
                    }
                }
            }
            p.more { a href={ "/console/scenarios/plans?" (forms::query(&[("account", name)])) } { "Stored plans (" (core.plans.of(account).plans.len()) ")" } }
        }
    }
}

fn findings(found: &Verdict, flow: &[FlowStep]) -> Markup {
    html! {
        @for (index, why) in &found.never {
            p.small {
                span.badge.bad { "never sent" } " Step " (index + 1) ", "
                (parts::channel(flow[*index].channel)) ": " (parts::named(&why.replace('`', ""))) "."
            }
        }
        @if found.never.len() == flow.len() {
            p.small { span.badge.bad { "fails" } " Nothing of it can be sent: every message fails at once." }
        } @else {
            p.small.soft { "Worst case " (parts::span(found.worst)) ", unless the request sets shorter times." }
        }
    }
}

fn editor(core: &Core, visitor: &Visitor, draft: &Draft, checked: Option<&Verdict>) -> Markup {
    let may = visitor.may(Role::Administer);
    html! {
        h2 #draft-title { @if draft.key.is_empty() { "A new scenario" } @else { "Edit " code { (draft.key) } } }
        @if let Some(found) = checked {
            div role="status" { (findings(found, &draft.steps())) }
        }
        form.stack method="post" action="/console/scenarios/check" {
            (csrf(visitor))
            input type="hidden" name="key" value=(draft.key);
            div.field {
                label for="draft-account" { "Account" }
                select #draft-account name="account" {
                    @for account in core.accounts.all() { (parts::option(account.name.as_str(), account.name.as_str(), &draft.account)) }
                }
            }
            div.field {
                label for="draft-name" { "Name" }
                input #draft-name name="name" value=(draft.name) maxlength=(MAX_NAME) autocomplete="off";
            }
            fieldset {
                legend { "Steps, in order" }
                div.stack {
                    @for index in 0..ROWS.max(draft.flow.len()) {
                        @let (label, from) = draft.flow.get(index).map_or(("", ""), |(label, from)| (label, from));
                        div.line {
                            label.hidden for={ "channel-" (index) } { "Channel of step " (index + 1) }
                            select id={ "channel-" (index) } name="channel" {
                                (parts::option("", "—", label))
                                @for (word, channel) in CHANNELS { (parts::option(word, parts::channel_name(channel.as_str()), label)) }
                                @if !label.is_empty() && !CHANNELS.iter().any(|(word, _)| *word == label) { (parts::option(label, label, label)) }
                            }
                            label.hidden for={ "from-" (index) } { "Sender of step " (index + 1) }
                            input id={ "from-" (index) } name="from" value=(from) placeholder="sender" maxlength=(MAX_NAME) autocomplete="off";
                        }
                    }
                }
            }
            div.choices {
                label { input type="checkbox" name="default" value="yes" checked[draft.default]; "The account's default" }
            }
            div.line {
                button type="submit" { "Check" }
                @if may { button.main type="submit" formaction="/console/scenarios/save" { "Save" } }
                @else { span.hint { "Saving needs the role “administer”." } }
            }
        }
    }
}
