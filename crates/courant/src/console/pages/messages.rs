//! The list of messages, newest first, with filters and pages; and the search for any id.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use model::{AccountName, BatchId, Cause, Channel, MessageId, Phone, Span, Time};
use store::{Record, Search};

use super::head;
use crate::{
    clock,
    console::{
        Console,
        forms::Fields,
        gate::Visitor,
        page::{Answer, Page, Section, Trouble},
        parts,
    },
    views::{self, MessageRow, Moment, Reach},
};

/// Messages per page.
const PAGE: usize = 50;
const STATUSES: [&str; 8] =
    ["waiting", "accepted", "submitted", "sent", "delivered", "read", "played", "failed"];

/// `GET /console/messages`
pub(in crate::console) async fn list(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    if let Some(text) = query.given("q") {
        return search(&console, &visitor, text).await;
    }
    let now = clock::now();
    let before = query.given("before").and_then(MessageId::parse);
    let found = console.core().store.page(wanted(&query, now)?, before, PAGE).await?;
    let further = found.next.map(|id| id.to_string());
    let content = html! {
        (head("Messages", before.is_none()))
        (filters(&console, &query))
        div #list data-live[before.is_none()] data-every="2000" {
            @if found.records.is_empty() && found.next.is_some() { (nothing_yet(found.next, now)) }
            @else { (table(&console, &visitor, &found.records, now)) }
            nav.more aria-label="Pages" {
                @if before.is_some() { a href={ "?" (query.with("before", None)) } { "← Newest" } } @else { span {} }
                @if let Some(further) = &further {
                    a href={ "?" (query.with("before", Some(further))) } {
                        @if found.records.len() < PAGE { "Search further →" } @else { "Older →" }
                    }
                }
            }
        }
    };
    Ok(frame(&console, &visitor, "Messages", &content))
}

/// What is said if the time for looking was up before anything was found.
fn nothing_yet(further: Option<MessageId>, now: Time) -> Markup {
    html! {
        p.empty {
            "Nothing found yet"
            @if let Some(id) = further { ", back to messages accepted " (parts::ago(id.time(), now)) }
            ". Older ones are still to be looked at."
        }
    }
}

async fn search(console: &Console, visitor: &Visitor, text: &str) -> Answer {
    let core = console.core();
    let found = views::find(core, text, &Reach::All).await?;
    if let [one] = found.as_slice() {
        return Ok(Redirect::to(&format!("/console/messages/{one}")).into_response());
    }
    let records: Vec<Record> = core.store.load(found).await?.into_iter().flatten().collect();
    let content = html! {
        (head("Messages found", false))
        p { (records.len()) " messages for " code { (text) } ". " a href="/console/messages" { "All messages" } }
        (table(console, visitor, &records, clock::now()))
    };
    Ok(frame(console, visitor, "Messages found", &content))
}

fn frame(console: &Console, visitor: &Visitor, title: &str, content: &Markup) -> Response {
    Page { console, visitor, section: Section::Messages, title, done: None }.show(content)
}

fn wanted(query: &Fields, now: Time) -> Result<Search, Trouble> {
    let number = query
        .given("number")
        .map(|text| Phone::parse(text).map_or_else(|| text.to_owned(), |phone| phone.digits().to_owned()));
    Ok(Search {
        account: query.given("account").map(AccountName::from),
        dialect: query.given("dialect").map(str::to_owned),
        channel: query.given("channel").and_then(Channel::parse),
        status: query.given("status").map(str::to_owned),
        cause: query.given("cause").and_then(cause),
        recipient: number,
        bulk: None,
        batch: query.given("batch").and_then(BatchId::parse),
        since: instant(query.given("since"), now)?,
        until: instant(query.given("until"), now)?,
        settled: match query.text("settled") {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
    })
}

fn cause(word: &str) -> Option<Cause> {
    Cause::ALL.iter().copied().find(|cause| cause.as_str() == word)
}

/// `2026-01-31T08:00` in UTC, RFC 3339, or how long ago: `15m`, `2h`, `3d`.
fn instant(text: Option<&str>, now: Time) -> Result<Option<Time>, Trouble> {
    let Some(text) = text else { return Ok(None) };
    let known = ago(text, now)
        .or_else(|| Moment::parse(text).map(|moment| moment.0))
        .or_else(|| Moment::parse(&format!("{text}Z")).map(|moment| moment.0))
        .or_else(|| Moment::parse(&format!("{text}:00Z")).map(|moment| moment.0));
    known.map(Some).ok_or_else(|| {
        Trouble::Refused(format!("“{text}” is not a time; write 15m, 2h, 3d or 2026-01-31T08:00 (UTC)"))
    })
}

fn ago(text: &str, now: Time) -> Option<Time> {
    let unit = match text.chars().last()? {
        'm' => Span::from_mins(1),
        'h' => Span::from_hours(1),
        'd' => Span::from_hours(24),
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    Some(now - unit.times(number))
}

fn filters(console: &Console, query: &Fields) -> Markup {
    let core = console.core();
    let chosen = |name: &str| query.text(name).to_owned();
    let choice = |name: &str, title: &str, options: Markup| {
        html! {
            div.field {
                label for={ "f-" (name) } { (title) }
                select id={ "f-" (name) } name=(name) data-submit { (parts::option("", "any", "-")) (options) }
            }
        }
    };
    let text = |name: &str, title: &str, hint: &str| {
        html! {
            div.field {
                label for={ "f-" (name) } { (title) }
                input id={ "f-" (name) } name=(name) value=(chosen(name)) placeholder=(hint) maxlength="64"
                    autocomplete="off";
            }
        }
    };
    let any =
        ["account", "dialect", "channel", "status", "cause", "number", "since", "until", "batch", "settled"]
            .into_iter()
            .any(|name| query.given(name).is_some());
    let rare = ["dialect", "cause", "until"].into_iter().any(|name| query.given(name).is_some());
    html! {
        form.filters action="/console/messages" method="get" aria-label="Filter messages" {
            (choice("account", "Account", html! {
                @for account in core.accounts.all() {
                    (parts::option(account.name.as_str(), account.name.as_str(), &chosen("account")))
                }
            }))
            (choice("channel", "Channel", html! {
                @for channel in Channel::ALL {
                    (parts::option(channel.as_str(), parts::channel_name(channel.as_str()), &chosen("channel")))
                }
            }))
            (choice("status", "Status", html! {
                @for status in STATUSES { (parts::option(status, status, &chosen("status"))) }
            }))
            (text("number", "Number", "15558675309"))
            (text("q", "Any id", "any API’s reference"))
            (text("since", "Since", "15m, 2h, 3d"))
            details #more-filters open[rare] {
                summary { "More filters" }
                div.filters {
                    (choice("dialect", "Dialect", html! {
                        @for name in crate::app::dialect_names() {
                            (parts::option(name, parts::dialect_name(name), &chosen("dialect")))
                        }
                    }))
                    (choice("cause", "Cause", html! {
                        @for cause in Cause::ALL { (parts::option(cause.as_str(), cause.as_str(), &chosen("cause"))) }
                    }))
                    (text("until", "Until", "2026-01-31T08:00"))
                }
            }
            @for kept in ["batch", "settled"] {
                @if let Some(value) = query.given(kept) { input type="hidden" name=(kept) value=(value); }
            }
            div.line {
                button type="submit" { "Filter" }
                @if any { a href="/console/messages" { "Clear" } }
            }
        }
    }
}

fn table(console: &Console, visitor: &Visitor, records: &[Record], now: Time) -> Markup {
    if records.is_empty() {
        return parts::empty("No message fits.");
    }
    let rows = records.iter().map(|record| views::row(console.core(), record, visitor.sight()));
    parts::table(
        "Messages, newest first",
        &html! {
            thead {
                tr {
                    th scope="col" { "To" }
                    th scope="col" { "Status" }
                    th scope="col" { "Channel" }
                    th.wide scope="col" { "Why" }
                    th.wide scope="col" { "Account" }
                    th.wide scope="col" { "Dialect" }
                    th scope="col" { "Accepted" }
                }
            }
            tbody { @for row in rows { (line(&row, now)) } }
        },
    )
}

fn line(row: &MessageRow, now: Time) -> Markup {
    let shown = if row.to.is_empty() { "(nobody)" } else { &row.to };
    html! {
        tr {
            td.mono { a href={ "/console/messages/" (row.id) } { (shown) } }
            td { (parts::status_word(&row.status)) }
            td {
                (parts::channel_word(&row.channel))
                @if row.steps > 1 { span.soft.small.wide { " " (row.step) "/" (row.steps) } }
            }
            td.wide { (row.cause.as_deref().unwrap_or_default()) }
            td.wide { (row.account) }
            td.wide { (parts::dialect_name(&row.dialect)) }
            td { (parts::ago(row.accepted_at.0, now)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = Time::from_secs(10_000);
        let read = |text: &str| instant(Some(text), now).ok().flatten();
        assert_eq!(read("15m"), Some(Time::from_secs(9_100)));
        assert_eq!(read("1970-01-01T01:00"), Some(Time::from_secs(3_600)));
        assert_eq!(read("1970-01-01T01:00:00+01:00"), Some(Time::from_secs(0)));
        assert!(instant(Some("soon"), now).is_err());
        assert!(instant(Some("é"), now).is_err());
    }
}
