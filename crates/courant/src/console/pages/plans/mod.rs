//! Stored plans: fallback steps for APIs that have none. Written here or through the API they take
//! the place of the configuration's, and count from the next message on.

mod draft;

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};
use model::{AccountName, Channel, Span};

use self::draft::{Draft, Row};
use super::{accounts::plan_of, head};
use crate::{
    accounts::Account,
    config::PlanConfig,
    console::{
        Console,
        forms::{self, Fields},
        gate::Visitor,
        page::{self, Answer, Page, Section, Trouble, csrf},
        parts,
    },
    core::Core,
    desk::{foresee::Foreseen, stored_plans::Kept},
    operate::{self, plans::MAX_NAME},
    people::Role,
};

/// Steps that the form has room for; as many as there are, if there are more.
const ROWS: usize = 2;

/// `GET /console/scenarios/plans`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let core = console.core();
    let named = core.accounts.by_name(&AccountName::from(query.text("account")));
    let account = named.or_else(|| core.accounts.all().first()).ok_or(Trouble::Missing("account"))?;
    let kept = core.plans.of(account);
    let edited = query.given("edit").and_then(|index| index.parse::<usize>().ok());
    let edited = edited.and_then(|index| Some((index, kept.plans.get(index)?)));
    let draft = match edited {
        Some((index, plan)) => Draft::from(account.name.as_str(), index, kept.version, plan),
        None => Draft::new(account.name.as_str(), kept.version),
    };
    let content = html! {
        p.small { a href="/console/scenarios" { "Scenarios and plans" } " / " span.soft { "plans of " (account.name) } }
        (head("Stored plans", false))
        p { "Webex Connect, Messangi and Kaleyra have no fallback of their own: these steps follow the caller's, for messages accepted from now on." }
        (choice(core, account))
        div.two {
            div { (known(core, &visitor, account, &kept)) }
            section.card aria-labelledby="draft-title" { (editor(&visitor, &draft, None)) }
        }
    };
    Ok(frame(&console, &visitor, query.given("done"), &content))
}

/// `POST /console/scenarios/plans/check`
pub(in crate::console) async fn check(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let draft = Draft::of(&form);
    let account = account(core, &draft.account)?;
    let checked = draft.plan().map(|plan| {
        let foreseen = operate::plans::check(core, account, &plan);
        (plan, foreseen)
    });
    let content = html! {
        p.small { a href={ "/console/scenarios/plans?" (forms::query(&[("account", &draft.account)])) } { "Stored plans" } " / " span.soft { "check" } }
        (head("Check a plan", false))
        section.card aria-labelledby="draft-title" { (editor(&visitor, &draft, Some(&checked))) }
    };
    Ok(frame(&console, &visitor, None, &content))
}

/// `POST /console/scenarios/plans/save`
pub(in crate::console) async fn save(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let draft = Draft::of(&form);
    let account = account(core, &draft.account)?;
    let plan = draft.plan().map_err(|text| Trouble::Refused(parts::sentence(&text) + "."))?;
    let mut plans = core.plans.of(account).plans.clone();
    match draft.index {
        None => plans.push(plan),
        Some(index) => *plans.get_mut(index).ok_or(Trouble::Missing("plan"))? = plan,
    }
    operate::plans::write(core, visitor.hand(), account, plans, draft.version).await?;
    Ok(page::after(&home(&draft.account), "plans"))
}

/// `POST /console/scenarios/plans/remove`
pub(in crate::console) async fn remove(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let account = account(core, form.text("account"))?;
    let mut plans = core.plans.of(account).plans.clone();
    let index = form.text("index").parse().ok().filter(|index| *index < plans.len());
    plans.remove(index.ok_or(Trouble::Missing("plan"))?);
    let version = form.text("version").parse().unwrap_or(0);
    operate::plans::write(core, visitor.hand(), account, plans, version).await?;
    Ok(page::after(&home(account.name.as_str()), "plans"))
}

/// `POST /console/scenarios/plans/reset`
pub(in crate::console) async fn reset(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let account = account(console.core(), form.text("account"))?;
    operate::plans::reset(console.core(), visitor.hand(), account).await?;
    Ok(page::after(&home(account.name.as_str()), "reset"))
}

fn home(account: &str) -> String {
    format!("/console/scenarios/plans?{}", forms::query(&[("account", account)]))
}

fn account<'a>(core: &'a Core, name: &str) -> Result<&'a Arc<Account>, Trouble> {
    core.accounts.by_name(&AccountName::from(name)).ok_or(Trouble::Missing("account"))
}

fn frame(
    console: &Console,
    visitor: &Visitor,
    done: Option<&str>,
    content: &Markup,
) -> axum::response::Response {
    Page { console, visitor, section: Section::Scenarios, title: "Stored plans", done }.show(content)
}

fn choice(core: &Core, chosen: &Account) -> Markup {
    html! {
        form.filters action="/console/scenarios/plans" method="get" aria-label="Choose an account" {
            div.field {
                label for="account" { "Account" }
                select #account name="account" data-submit {
                    @for account in core.accounts.all() {
                        (parts::option(account.name.as_str(), account.name.as_str(), chosen.name.as_str()))
                    }
                }
            }
            noscript { button type="submit" { "Show" } }
        }
    }
}

fn known(core: &Core, visitor: &Visitor, account: &Account, kept: &Kept) -> Markup {
    let (name, may) = (account.name.as_str(), visitor.may(Role::Administer));
    html! {
        section.card aria-label={ "Stored plans of " (name) } {
            div.head {
                h2 { "Plans of " (name) }
                @if kept.version == 0 { span.soft.small { "from the configuration" } }
                @else { span.soft.small { "written here, " (kept.version) @if kept.version == 1 { " time" } @else { " times" } } }
            }
            @if kept.plans.is_empty() { (parts::empty("None: such messages have one step.")) }
            @for (index, plan) in kept.plans.iter().enumerate() {
                div.plan-card {
                    (plan_of(plan))
                    (findings(plan, &operate::plans::check(core, account, plan)))
                    @if may {
                        div.line {
                            a.button href={ "/console/scenarios/plans?" (forms::query(&[("account", name), ("edit", &index.to_string())])) "#draft-title" } {
                                "Edit" span.hidden { " plan " (index + 1) }
                            }
                            form method="post" action="/console/scenarios/plans/remove" data-confirm="Remove this plan?" {
                                (csrf(visitor))
                                (hidden(name, kept.version, Some(index)))
                                button.quiet type="submit" { "Remove" span.hidden { " plan " (index + 1) } }
                            }
                        }
                    }
                }
            }
            @if may && kept.version > 0 {
                form.more method="post" action="/console/scenarios/plans/reset" data-confirm="Give up all changes, and go back to the plans of the configuration?" {
                    (csrf(visitor))
                    input type="hidden" name="account" value=(name);
                    button.quiet type="submit" { "Back to the configuration's plans" }
                }
            }
        }
    }
}

fn hidden(account: &str, version: u32, index: Option<usize>) -> Markup {
    html! {
        input type="hidden" name="account" value=(account);
        input type="hidden" name="version" value=(version);
        @if let Some(index) = index { input type="hidden" name="index" value=(index); }
    }
}

/// What can never be sent, and how long the worst case takes.
fn findings(plan: &PlanConfig, foreseen: &Foreseen) -> Markup {
    let never = foreseen.steps.iter().filter(|step| step.never.is_some()).count();
    html! {
        @for (index, (step, foreseen)) in plan.steps.iter().zip(&foreseen.steps).enumerate() {
            @if let Some(why) = &foreseen.never {
                p.small {
                    span.badge.bad { "never sent" } " Added step " (index + 1) ", " (parts::channel(step.channel)) ": " (parts::named(&why.replace('`', ""))) "."
                }
            }
        }
        @if never == foreseen.steps.len() {
            p.small { span.badge.bad { "no fallback" } " None of its steps can be sent: the message ends with the caller's own." }
        }
        p.small.soft { "Worst case " (parts::span(Span::from_millis(foreseen.longest_ms))) ", the caller's own step included." }
    }
}

type Checked = Result<(PlanConfig, Foreseen), String>;

fn editor(visitor: &Visitor, draft: &Draft, checked: Option<&Checked>) -> Markup {
    let rows = ROWS.max(draft.steps.len() + 1).min(operate::plans::MAX_STEPS);
    html! {
        h2 #draft-title { @match draft.index { Some(index) => { "Edit plan " (index + 1) } None => "A new plan" } }
        @match checked {
            Some(Ok((plan, foreseen))) => div.flash role="status" { (findings(plan, foreseen)) },
            Some(Err(fault)) => p.flash.bad role="alert" { (parts::sentence(fault)) "." },
            None => {}
        }
        form.stack method="post" action="/console/scenarios/plans/check" {
            (csrf(visitor))
            (hidden(&draft.account, draft.version, draft.index))
            div.filters {
                div.field {
                    label for="plan-attach" { "For" }
                    input #plan-attach name="attach" value=(draft.attach) maxlength=(MAX_NAME) placeholder="everything else" autocomplete="off";
                }
                div.field {
                    label for="plan-dialect" { "Only by" }
                    select #plan-dialect name="dialect" {
                        (parts::option("", "any API", &draft.dialect))
                        @for name in crate::app::dialect_names() { (parts::option(name, parts::dialect_name(name), &draft.dialect)) }
                    }
                }
                div.field {
                    label for="plan-first" { "Caller's own step waits" }
                    input #plan-first name="first" value=(draft.patience) required maxlength="20" autocomplete="off";
                }
            }
            p.hint { "“For” takes a sender, an app id or the name of a service key. Empty is for everything that has no plan of its own." }
            @for index in 0..rows { (row(index, draft.steps.get(index))) }
            p.hint { code { "{text}" } ", " code { "{link}" } " and " code { "{media_link}" } " stand for what the caller's step says and links to. An empty text is " code { "{text} {link}" } "." }
            div.line {
                button type="submit" { "Check" }
                @if visitor.may(Role::Administer) { button.main type="submit" formaction="/console/scenarios/plans/save" { "Save" } }
                @else { span.hint { "Saving needs the role “administer”." } }
            }
        }
    }
}

fn row(index: usize, step: Option<&Row>) -> Markup {
    let empty = Row::default();
    let (step, number) = (step.unwrap_or(&empty), index + 1);
    html! {
        fieldset.step {
            legend { @if index == 0 { "Then" } @else { "Then, if that fails too" } }
            div.filters {
                div.field {
                    label for={ "channel-" (index) } { "Channel" span.hidden { " of step " (number) } }
                    select id={ "channel-" (index) } name="channel" {
                        (parts::option("", "—", &step.channel))
                        @for channel in Channel::ALL.iter().filter(|channel| **channel != Channel::Unlisted) {
                            (parts::option(channel.as_str(), parts::channel_name(channel.as_str()), &step.channel))
                        }
                    }
                }
                div.field {
                    label for={ "sender-" (index) } { "Sender" span.hidden { " of step " (number) } }
                    input id={ "sender-" (index) } name="sender" value=(step.sender) placeholder="the default" maxlength=(MAX_NAME) autocomplete="off";
                }
                div.field {
                    label for={ "patience-" (index) } { "Waits" span.hidden { " in step " (number) } }
                    input id={ "patience-" (index) } name="patience" value=(step.patience) placeholder="the default" maxlength="20" autocomplete="off";
                }
            }
            div.field {
                label for={ "text-" (index) } { "Text" span.hidden { " of step " (number) } }
                input id={ "text-" (index) } name="text" value=(step.text) placeholder="{text} {link}" maxlength=(operate::plans::MAX_TEXT) autocomplete="off";
            }
        }
    }
}
