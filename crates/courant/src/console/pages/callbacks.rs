//! Callbacks that were given up: which receivers fail, why, and sending them again.

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;
use maud::{Markup, html};
use model::AccountName;
use store::StoredCallback;

use super::head;
use crate::{
    clock,
    console::{
        Console,
        forms::Fields,
        gate::Visitor,
        page::{self, Answer, Page, Section, csrf},
        parts,
    },
    operate,
    people::Role,
    views::{self, CallbackView, Reach},
};

/// Rows of a page.
const PAGE: usize = 100;
/// Callbacks looked at to find failing receivers.
const LOOKED_AT: usize = 1000;
/// Callbacks replayed with one form at most.
const MAX_REPLAY: usize = 10_000;

/// `GET /console/callbacks`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let core = console.core();
    let account = query.given("account").map(AccountName::from);
    let after = query.text("after").parse().unwrap_or(0);
    let mut parked = core.store.callbacks_parked(account.clone(), after, PAGE + 1).await?;
    let more = parked.len() > PAGE;
    parked.truncate(PAGE);
    let last = parked.last().map(|callback| callback.id.to_string()).filter(|_| more);
    let known = core.store.callbacks_parked(account, 0, LOOKED_AT).await?;
    let overview = views::overview(core, &Reach::All).await?;
    let now = clock::now();
    let content = html! {
        (head("Callbacks", true))
        (filter(&console, &query))
        section.card #receivers data-live data-every="3000" aria-labelledby="receivers-title" {
            h2 #receivers-title { "Failing receivers" }
            (receivers(&visitor, &known))
            p.more.soft.small {
                "The next callback is due "
                @match overview.next_callback_at { Some(at) => (parts::ago(at.0, now)), None => "when something happens" }
                "."
            }
        }
        section.card aria-labelledby="parked-title" { (parked_table(&visitor, &query, &parked)) }
        nav.more aria-label="Pages" {
            span {}
            @if let Some(last) = last { a href={ "?" (query.with("after", Some(&last))) } { "Later →" } }
        }
    };
    let page = Page {
        console: &console,
        visitor: &visitor,
        section: Section::Callbacks,
        title: "Callbacks",
        done: query.given("done"),
    };
    Ok(page.show(&content))
}

/// `POST /console/callbacks/replay`: the ones ticked, or all of an account (or of everybody), or of
/// these to one receiver.
pub(in crate::console) async fn replay(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let ids = if form.text("all") == "yes" {
        let account = form.given("account").map(AccountName::from);
        let parked = core.store.callbacks_parked(account, 0, MAX_REPLAY).await?;
        let wanted =
            |callback: &&StoredCallback| form.given("host").is_none_or(|host| host_of(callback) == host);
        parked.iter().filter(wanted).map(|callback| callback.id).collect()
    } else {
        form.all("id").filter_map(|id| id.parse().ok()).take(MAX_REPLAY).collect::<Vec<i64>>()
    };
    let done = if ids.is_empty() { "nothing" } else { "replayed" };
    let of = form.given("account").unwrap_or("all accounts");
    operate::replay_callbacks(core, visitor.hand(), ids, of).await?;
    Ok(page::after("/console/callbacks", done))
}

fn filter(console: &Console, query: &Fields) -> Markup {
    html! {
        form.filters action="/console/callbacks" method="get" aria-label="Choose an account" {
            div.field {
                label for="account" { "Account" }
                select #account name="account" data-submit {
                    (parts::option("", "all", query.text("account")))
                    @for account in console.core().accounts.all() {
                        (parts::option(account.name.as_str(), account.name.as_str(), query.text("account")))
                    }
                }
            }
            noscript { button type="submit" { "Show" } }
        }
    }
}

/// The receiver of a callback, port included.
fn host_of(callback: &StoredCallback) -> String {
    let url = url::Url::parse(&callback.url).ok();
    let host = url.as_ref().and_then(|url| Some((url.host_str()?, url.port())));
    match host {
        Some((host, Some(port))) => format!("{host}:{port}"),
        Some((host, None)) => host.to_owned(),
        None => "(no host)".to_owned(),
    }
}

fn receivers(visitor: &Visitor, parked: &[StoredCallback]) -> Markup {
    let may = visitor.may(Role::Act);
    let mut hosts: BTreeMap<(String, String), (u64, CallbackView)> = BTreeMap::new();
    for stored in parked {
        let view = views::callback(stored);
        let entry = hosts.entry((host_of(stored), view.account.clone())).or_insert_with(|| (0, view.clone()));
        *entry = (entry.0 + 1, view);
    }
    html! {
        @if hosts.is_empty() { (parts::empty("Every receiver takes what it is sent.")) } @else {
            (parts::table("Failing receivers", &html! {
                thead { tr { th scope="col" { "Receiver" } th scope="col" { "Account" } th.number scope="col" { "Given up" } th scope="col" { "Last result" } @if may { th scope="col" { span.hidden { "Actions" } } } } }
                tbody {
                    @for ((host, account), (count, latest)) in &hosts {
                        tr {
                            td.url { (host) } td { (account) }
                            td.number { (parts::count(*count)) }
                            td { (latest.last_result.as_deref().unwrap_or_default()) }
                            @if may {
                                td {
                                    form method="post" action="/console/callbacks/replay" {
                                        (csrf(visitor))
                                        input type="hidden" name="account" value=(account);
                                        input type="hidden" name="host" value=(host);
                                        button type="submit" name="all" value="yes" { "Replay" span.hidden { " all to " (host) " of " (account) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }))
        }
    }
}

fn parked_table(visitor: &Visitor, query: &Fields, parked: &[StoredCallback]) -> Markup {
    let (now, may) = (clock::now(), visitor.may(Role::Act));
    html! {
        h2 #parked-title { "Given up" }
        @if parked.is_empty() { (parts::empty("No callback was given up.")) } @else {
            form method="post" action="/console/callbacks/replay" {
                (csrf(visitor))
                input type="hidden" name="account" value=(query.text("account"));
                @if may {
                    div.line {
                        button type="submit" { "Replay the ticked ones" }
                        button type="submit" name="all" value="yes" { "Replay all" @if let Some(account) = query.given("account") { " of " (account) } }
                    }
                }
                (parts::table("Callbacks given up, oldest first", &html! {
                    thead {
                        tr {
                            @if may { th scope="col" { span.hidden { "Replay" } } }
                            th scope="col" { "About" } th scope="col" { "Receiver" }
                            th.number scope="col" { "Tries" } th scope="col" { "Last result" } th.wide scope="col" { "Since" }
                        }
                    }
                    tbody { @for stored in parked { (row(&views::callback(stored), may, now)) } }
                }))
            }
        }
    }
}

fn row(view: &CallbackView, may: bool, now: model::Time) -> Markup {
    html! {
        tr {
            @if may { td { input type="checkbox" name="id" value=(view.id) aria-label={ "Callback " (view.id) }; } }
            td {
                @match &view.message {
                    Some(id) => a href={ "/console/messages/" (id) } { (view.about) },
                    None => (view.about),
                }
                div.small.soft { (view.account) ", " (parts::dialect_name(&view.dialect)) }
            }
            td.url { (view.url) }
            td.number { (view.tries) }
            td { (view.last_result.as_deref().unwrap_or_default()) }
            td.wide { (parts::ago(view.due_at.0, now)) }
        }
    }
}
