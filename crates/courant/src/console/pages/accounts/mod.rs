//! Accounts: who may send what by which ways, what they have. Never a secret that is in use.

mod balance;
mod credentials;

use std::sync::Arc;

use axum::extract::{Path, State};
use maud::{Markup, html};
use model::{AccountName, Span};

pub(in crate::console) use self::{
    balance::{put_in, show as show_balance},
    credentials::make as make_credentials,
};
use super::head;
use crate::{
    accounts::Account,
    config::PlanConfig,
    console::{
        Console,
        forms::segment,
        gate::Visitor,
        page::{Answer, Page, Section, Trouble},
        parts,
    },
    desk::scenarios,
    people::Role,
    views::{self, AccountView, Reach},
};

/// `GET /console/accounts`
pub(in crate::console) async fn list(State(console): State<Arc<Console>>, visitor: Visitor) -> Answer {
    let accounts = views::accounts(console.core(), &Reach::All).await?;
    let content = html! {
        (head("Accounts", false))
        section.card {
            @if accounts.is_empty() { (parts::empty("The configuration has no account.")) } @else {
                (parts::table("Accounts", &html! {
                    thead {
                        tr {
                            th scope="col" { "Account" } th.wide scope="col" { "Dialects" } th scope="col" { "Channels" }
                            th.number scope="col" { "Unfinished" } th.number scope="col" { "Balance" } th.wide scope="col" { "Limit" }
                        }
                    }
                    tbody { @for account in &accounts { (row(account)) } }
                }))
            }
        }
    };
    let (console, visitor) = (&*console, &visitor);
    Ok(Page { console, visitor, section: Section::Accounts, title: "Accounts", done: None }.show(&content))
}

fn row(account: &AccountView) -> Markup {
    let dialects: Vec<&str> = account.dialects.iter().map(|name| parts::dialect_name(name)).collect();
    html! {
        tr {
            td {
                a href={ "/console/accounts/" (segment(&account.name)) } { (account.name) }
                @if account.suspended { " " span.badge.bad { "suspended" } }
            }
            td.wide { (dialects.join(", ")) }
            td { @for channel in account.routes.keys() { div { (parts::channel_word(channel)) } } }
            td.number { a href={ "/console/messages?settled=no&account=" (segment(&account.name)) } { (parts::count(account.unfinished)) } }
            td.number { (balance_link(account)) }
            td.wide { (limit(account)) }
        }
    }
}

fn balance_link(account: &AccountView) -> Markup {
    html! {
        @match &account.balance {
            Some(balance) => a href={ "/console/accounts/" (segment(&account.name)) "/balance" } { (balance.available) " " (balance.currency) },
            None => span.soft { "—" },
        }
    }
}

fn limit(account: &AccountView) -> Markup {
    html! {
        @match account.requests_per_second {
            Some(rate) => { (rate) " requests per second" }
            None => span.soft { "no limit" },
        }
    }
}

/// `GET /console/accounts/{name}`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Answer {
    let core = console.core();
    let account = account(&console, &name)?;
    let view = views::accounts(core, &Reach::All).await?.into_iter().find(|view| view.name == name);
    let view = view.ok_or(Trouble::Missing("account"))?;
    let default = scenarios::default(core, account).await.ok();
    let title = format!("Account {name}");
    let content = html! {
        p.small { a href="/console/accounts" { "Accounts" } " / " span.soft { (name) } }
        (head(&title, false))
        div.two {
            div {
                section.card aria-labelledby="routes-title" { (routes(&view)) }
                section.card aria-labelledby="plans-title" { (plans(&core.plans.of(account).plans, &name)) }
            }
            div {
                section.card aria-labelledby="facts-title" {
                    h2 #facts-title { "At a glance" }
                    dl.facts {
                        dt { "State" } dd { @if view.suspended { span.badge.bad { "suspended" } } @else { span.badge.good { "open" } } }
                        dt { "Unfinished" } dd { a href={ "/console/messages?settled=no&account=" (segment(&name)) } { (parts::count(view.unfinished)) } }
                        dt { "Limit" } dd { (limit(&view)) }
                        dt { "Balance" } dd { (balance_link(&view)) }
                        dt { "Files" } dd { a href={ "/console/media?account=" (segment(&name)) } { (parts::count(core.media.usage(account).files)) } }
                        dt { "Scenario" }
                        dd {
                            @match default {
                                Some(scenario) => (scenario.name.as_deref().unwrap_or(&scenario.key)),
                                None => span.soft { "no default" },
                            }
                            " " a href={ "/console/scenarios?account=" (segment(&name)) } { "All" }
                        }
                    }
                }
                section.card aria-labelledby="identities-title" {
                    (identities(account))
                    @if visitor.may(Role::Administer) { (credentials::form(&visitor, &name)) }
                }
            }
        }
    };
    Ok(frame(&console, &visitor, &title, None, &content))
}

fn frame(
    console: &Console,
    visitor: &Visitor,
    title: &str,
    done: Option<&str>,
    content: &Markup,
) -> axum::response::Response {
    Page { console, visitor, section: Section::Accounts, title, done }.show(content)
}

fn account<'a>(console: &'a Console, name: &str) -> Result<&'a Arc<Account>, Trouble> {
    console.core().accounts.by_name(&AccountName::from(name)).ok_or(Trouble::Missing("account"))
}

/// The names by which requests present themselves. Names that are keys themselves are only told
/// by their first characters.
fn identities(account: &Account) -> Markup {
    html! {
        h2 #identities-title { "Identities" }
        @for dialect in dialects::ALL {
            @let identities = dialect.identities(&account.settings);
            @if !identities.is_empty() {
                h3 { (parts::dialect_name(dialect.name())) }
                ul.plain {
                    @for identity in identities {
                        li { code { (shortened(&identity.principal)) } span.soft.small { " " (secrets(identity.secrets.len())) } }
                    }
                }
            }
        }
    }
}

fn secrets(count: usize) -> String {
    match count {
        0 => "without a secret".to_owned(),
        1 => "with a secret".to_owned(),
        count => format!("with {count} secrets"),
    }
}

fn shortened(principal: &str) -> String {
    let count = principal.chars().count();
    if count <= 12 {
        return principal.to_owned();
    }
    format!("{}…", principal.chars().take(8).collect::<String>())
}

fn routes(view: &AccountView) -> Markup {
    html! {
        h2 #routes-title { "Channels" }
        @if view.routes.is_empty() { (parts::empty("No routes: everything it sends will fail.")) } @else {
            (parts::table("Channels, routes and senders", &html! {
                thead { tr { th scope="col" { "Channel" } th scope="col" { "Routes in order" } th scope="col" { "Default sender" } th scope="col" { "Senders" } } }
                tbody {
                    @for (channel, routes) in &view.routes {
                        tr {
                            td { (parts::channel_word(channel)) }
                            td { (routes.join(", then ")) }
                            td { (view.default_sender.get(channel).map_or("the route's own", String::as_str)) }
                            td { @match view.senders.get(channel) { Some(senders) => (senders.join(", ")), None => span.soft { "any" } } }
                        }
                    }
                }
            }))
        }
    }
}

fn plans(plans: &[PlanConfig], name: &str) -> Markup {
    html! {
        h2 #plans-title { "Stored plans" }
        p.soft.small { "Fallback steps for APIs that have none of their own." }
        @if plans.is_empty() { (parts::empty("None: such messages have one step.")) }
        @for plan in plans { (plan_of(plan)) }
        p.more { a href={ "/console/scenarios/plans?account=" (segment(name)) } { "Check and change them" } }
    }
}

/// A stored plan in words.
pub(super) fn plan_of(plan: &PlanConfig) -> Markup {
    html! {
        h3 {
            @match &plan.attach { Some(attach) => { "For " code { (attach) } } None => "For everything else" }
            @if let Some(dialect) = &plan.dialect { " by " (parts::dialect_name(dialect)) }
        }
        ol {
            li { "The caller's own step, " (parts::span(Span::from_millis(plan.patience_ms))) " at most" }
            @for step in &plan.steps {
                li {
                    (parts::channel(step.channel))
                    @if let Some(sender) = &step.sender { " from " (sender) }
                    @if let Some(text) = &step.text { ": " code { (text) } }
                    @if let Some(patience) = step.patience_ms { ", " (parts::span(Span::from_millis(patience))) " at most" }
                }
            }
        }
    }
}
