//! Media: the library of uploads with previews, a check of what would become of a file, messages
//! that failed by their files, and what channels take.

mod check;
mod file;
mod library;
mod limits;
mod upload;

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};
use media::library::MediaId;
use model::{AccountName, Cause};
use store::{Record, Search, StoreError};

pub(in crate::console) use self::{
    check::check,
    file::{remove, show as show_file},
    upload::upload,
};
use super::head;
use crate::{
    accounts::Account,
    clock,
    console::{
        Console,
        forms::Fields,
        gate::Visitor,
        page::{Answer, Page, Section, Trouble},
        parts,
    },
    people::Role,
    views::{self, MessageRow},
};

/// Failures shown.
const SHOWN: usize = 10;
const CAUSES: [Cause; 4] =
    [Cause::MediaUnreachable, Cause::MediaUnsupported, Cause::MediaTooLarge, Cause::MediaUnknown];

/// `GET /console/media`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let chosen = chosen(&console, query.text("account"));
    let failed = failed(&console, &visitor).await?;
    let content = html! {
        (head("Media", false))
        @if let Some(account) = chosen {
            (accounts(&console, account))
            div.compose.wide-first {
                section.card aria-labelledby="library-title" { (library::list(&console, &visitor, account, &query)) }
                div {
                    @if visitor.may(Role::Act) {
                        section.card aria-labelledby="upload-title" { (upload::form(&console, &visitor, account)) }
                        section.card aria-labelledby="check-title" { (check::form(&visitor, account, &check::Asked::default())) }
                    }
                }
            }
        } @else { section.card { (parts::empty("The configuration has no account.")) } }
        section.card #failed data-live data-every="3000" aria-labelledby="failed-title" { (failures(&failed)) }
        section.card aria-labelledby="limits-title" { (limits::table()) }
        section.card aria-labelledby="guard-title" { (limits::guard(&console)) }
    };
    Ok(frame(&console, &visitor, "Media", query.given("done"), &content))
}

fn frame(
    console: &Console,
    visitor: &Visitor,
    title: &str,
    done: Option<&str>,
    content: &Markup,
) -> axum::response::Response {
    Page { console, visitor, section: Section::Media, title, done }.show(content)
}

/// The account named, else the first.
fn chosen<'a>(console: &'a Console, name: &str) -> Option<&'a Arc<Account>> {
    let accounts = &console.core().accounts;
    accounts.by_name(&AccountName::from(name)).or_else(|| accounts.all().first())
}

fn account<'a>(console: &'a Console, name: &str) -> Result<&'a Arc<Account>, Trouble> {
    console.core().accounts.by_name(&AccountName::from(name)).ok_or(Trouble::Missing("account"))
}

/// A kept file of whatever account; ids are different for all.
fn kept(console: &Console, id: &str) -> Result<(Arc<Account>, Arc<media::library::Record>), Trouble> {
    MediaId::parse(id).ok_or(Trouble::Missing("file"))?;
    let core = console.core();
    let mut accounts = core.accounts.all().iter();
    let found = accounts.find_map(|account| Some((Arc::clone(account), core.media.find(account, id).ok()?)));
    found.ok_or(Trouble::Missing("file"))
}

fn accounts(console: &Console, chosen: &Account) -> Markup {
    html! {
        form.filters action="/console/media" method="get" aria-label="Choose an account" {
            div.field {
                label for="account" { "Account" }
                select #account name="account" data-submit {
                    @for account in console.core().accounts.all() {
                        (parts::option(account.name.as_str(), account.name.as_str(), chosen.name.as_str()))
                    }
                }
            }
            noscript { button type="submit" { "Show" } }
        }
    }
}

async fn failed(console: &Console, visitor: &Visitor) -> Result<Vec<MessageRow>, StoreError> {
    let core = console.core();
    let mut failed: Vec<Record> = Vec::new();
    for cause in CAUSES {
        let search = Search { cause: Some(cause), ..Search::default() };
        failed.extend(core.store.page(search, None, SHOWN).await?.records);
    }
    failed.sort_by_key(|record| std::cmp::Reverse(record.message.accepted_at));
    failed.truncate(SHOWN);
    Ok(failed.iter().map(|record| views::row(core, record, visitor.sight())).collect())
}

fn failures(rows: &[MessageRow]) -> Markup {
    let now = clock::now();
    html! {
        h2 #failed-title { "Messages that failed by their files" }
        @if rows.is_empty() { (parts::empty("None lately. What failed before a fallback stands in each message's own timeline.")) } @else {
            (parts::table("Messages that failed by their files", &html! {
                thead { tr { th scope="col" { "To" } th scope="col" { "Channel" } th scope="col" { "Why" } th scope="col" { "Accepted" } } }
                tbody {
                    @for row in rows {
                        tr {
                            td.mono { a href={ "/console/messages/" (row.id) } { (row.to) } }
                            td { (parts::channel_word(&row.channel)) }
                            td { (row.cause.as_deref().unwrap_or_default()) }
                            td { (parts::ago(row.accepted_at.0, now)) }
                        }
                    }
                }
            }))
            p.more {
                @for cause in CAUSES { a href={ "/console/messages?cause=" (cause.as_str()) } { "All " (cause.as_str()) } }
            }
        }
    }
}
