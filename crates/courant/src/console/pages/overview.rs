//! The overview: what came and what became of it, what waits, how networks and receivers do.

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;
use maud::{Markup, html};
use model::{Channel, Time};
use store::{Record, Search};

use super::head;
use crate::{
    clock,
    console::{
        Console,
        chart::{self, Cell, per_minute},
        forms::Fields,
        gate::Visitor,
        page::{Answer, Page, Section},
        parts,
    },
    views,
};

/// Minutes shown.
const MINUTES: u32 = 60;
/// Failures shown.
const FAILURES: usize = 6;
/// Rows of charts by account at most.
const ACCOUNTS: usize = 12;

/// `GET /console`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let core = console.core();
    let now = clock::now();
    let overview = views::overview(core).await?;
    let routes = views::routes(core).await?;
    let failures = core.store.search_within(failed(), None, FAILURES, views::EFFORT).await?.records;
    let cells = chosen(chart::cells(&core.stats, now, MINUTES), &query);
    let content = html! {
        (head("Overview", true))
        (filters(&console, &query))
        div #hour data-live data-every="3000" { (hour(&cells, now)) }
        div.two {
            div {
                section.card #trend data-live aria-labelledby="trend-title" { (trend(&cells, now)) }
                section.card #failures data-live aria-labelledby="failures-title" {
                    (recent_failures(&console, &visitor, &failures, now))
                }
            }
            div {
                section.card #queues data-live aria-labelledby="queues-title" {
                    (queues(&overview, oldest(&console).await?, now))
                }
                section.card #health data-live aria-labelledby="health-title" { (health(&routes)) }
                section.card #receivers data-live aria-labelledby="receivers-title" { (receivers(&overview, now)) }
            }
        }
    };
    let page = Page {
        console: &console,
        visitor: &visitor,
        section: Section::Overview,
        title: "Overview",
        done: None,
    };
    Ok(page.show(&content))
}

fn failed() -> Search {
    Search { status: Some("failed".to_owned()), ..Search::default() }
}

fn chosen(cells: Vec<Cell>, query: &Fields) -> Vec<Cell> {
    let account = query.given("account");
    let channel = query.given("channel").and_then(Channel::parse);
    let fits = |cell: &Cell| {
        account.is_none_or(|wanted| wanted == cell.account.as_str())
            && channel.is_none_or(|wanted| wanted == cell.channel)
    };
    cells.into_iter().filter(fits).collect()
}

fn filters(console: &Console, query: &Fields) -> Markup {
    let core = console.core();
    let mut channels: Vec<Channel> = core.routes.all().map(|route| route.connector.channel()).collect();
    channels.sort_unstable();
    channels.dedup();
    html! {
        form.filters action="/console" method="get" aria-label="Choose what the charts count" {
            div.field {
                label for="account" { "Account" }
                select #account name="account" data-submit {
                    (parts::option("", "all", query.text("account")))
                    @for account in core.accounts.all() {
                        (parts::option(account.name.as_str(), account.name.as_str(), query.text("account")))
                    }
                }
            }
            div.field {
                label for="channel" { "Channel" }
                select #channel name="channel" data-submit {
                    (parts::option("", "all", query.text("channel")))
                    @for channel in channels {
                        (parts::option(channel.as_str(), parts::channel_name(channel.as_str()), query.text("channel")))
                    }
                }
            }
            noscript { button type="submit" { "Show" } }
        }
    }
}

fn hour(cells: &[Cell], now: Time) -> Markup {
    let row = per_minute(cells.iter(), now, MINUTES);
    let sum = chart::sum(&row);
    let tiles: [(&str, u64, chart::Layer); 4] = [
        ("Accepted", sum.accepted, ("info-fill", |counts| counts.accepted)),
        ("Delivered", sum.delivered, ("good-fill", |counts| counts.delivered)),
        ("Fell back", sum.fell_back, ("wait-fill", |counts| counts.fell_back)),
        ("Failed", sum.failed, ("bad-fill", |counts| counts.failed)),
    ];
    html! {
        h2.hidden { "The last hour" }
        div.tiles {
            @for (name, number, layer) in tiles {
                div.card.tile {
                    h3 { (name) span.hidden { " in the last hour" } }
                    div.big { (parts::count(number)) }
                    (chart::bars(&row, &[layer], &format!("{name} per minute: {number} in the last hour")))
                    div.axis aria-hidden="true" { span { "60 min ago" } span { "now" } }
                }
            }
        }
    }
}

fn trend(cells: &[Cell], now: Time) -> Markup {
    let mut channels: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
    let mut accounts: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
    for cell in cells {
        channels.entry(cell.channel.as_str()).or_default().push(cell);
        accounts.entry(cell.account.as_str()).or_default().push(cell);
    }
    html! {
        div.head {
            h2 #trend-title { "Outcomes by channel and account" }
            ul.legend aria-hidden="true" {
                li.good { "delivered" } li.wait { "fell back" } li.bad { "failed" }
            }
        }
        @if cells.is_empty() { (parts::empty("Nothing happened in the last hour.")) }
        @for (name, cells) in &channels { (trend_row(&parts::channel_word(name), name, cells, now)) }
        @for (name, cells) in accounts.iter().take(ACCOUNTS) {
            (trend_row(&html! { "Account " (name) }, name, cells, now))
        }
    }
}

fn trend_row(title: &Markup, name: &str, cells: &[&Cell], now: Time) -> Markup {
    let row = per_minute(cells.iter().copied(), now, MINUTES);
    let sum = chart::sum(&row);
    let label = format!("{name}, per minute in the last hour: {}", chart::words(&sum));
    html! {
        div.row-chart {
            div { strong { (title) } div.small.soft { (chart::words(&sum)) } }
            (chart::bars(&row, &chart::OUTCOMES, &label))
        }
    }
}

/// When the message was accepted that has waited longest; unfinished ones only.
async fn oldest(console: &Console) -> Result<Option<Time>, store::StoreError> {
    let core = console.core();
    let mut oldest: Option<Time> = None;
    for lane in core.store.lanes().await?.into_iter().take(200) {
        for class in model::message::Priority::ALL {
            let first = core.store.queued(lane.clone(), class, None, 1).await?;
            let at = first.first().map(|place| place.not_before);
            oldest = [oldest, at].into_iter().flatten().min();
        }
    }
    Ok(oldest)
}

fn queues(overview: &views::Overview, oldest: Option<Time>, now: Time) -> Markup {
    html! {
        h2 #queues-title { "Queues" }
        dl.facts {
            dt { "Unfinished" }
            dd { a href="/console/messages?settled=no" { (parts::count(overview.unfinished)) " messages" } }
            dt { "Waiting to leave" } dd { (parts::count(overview.queued as u64)) }
            dt { "Oldest waiting" }
            dd { @match oldest { Some(at) => (parts::ago(at, now)), None => span.soft { "nothing waits" } } }
            dt { "Requests in work" } dd { (parts::count(overview.requests)) }
            dt { "Store" }
            dd { (format!("{:.1} ms per commit, {:.1} MB", overview.store.commit_ms, overview.store.bytes as f64 / 1e6)) }
            dt { "Running since" } dd { (parts::ago(overview.started_at.0, now)) ", version " (overview.version) }
        }
    }
}

fn health(routes: &[views::RouteView]) -> Markup {
    html! {
        h2 #health-title { "Networks" }
        @if routes.is_empty() { (parts::empty("No route is configured.")) }
        dl.facts {
            @for route in routes {
                dt { (parts::channel_word(&route.channel)) " " (route.name) }
                dd { (parts::status_word(if route.up { "up" } else { "down" })) " " span.soft { (route.health) } }
            }
        }
        p.more { a href="/console/networks" { "All about networks" } }
    }
}

fn receivers(overview: &views::Overview, now: Time) -> Markup {
    html! {
        h2 #receivers-title { "Callbacks" }
        dl.facts {
            dt { "Given up" }
            dd {
                @if overview.callbacks_parked == 0 { span.soft { "none" } } @else {
                    (parts::status_word("parked")) " " (overview.callbacks_parked)
                    @if overview.callbacks_parked >= 1000 { " or more" }
                }
            }
            dt { "Next due" }
            dd {
                @match overview.next_callback_at {
                    Some(at) => (parts::ago(at.0, now)),
                    None => span.soft { "nothing waits" },
                }
            }
        }
        p.more { a href="/console/callbacks" { "All about callbacks" } }
    }
}

fn recent_failures(console: &Console, visitor: &Visitor, failures: &[Record], now: Time) -> Markup {
    let rows = failures.iter().map(|record| views::row(console.core(), record, visitor.sight()));
    html! {
        h2 #failures-title { "Latest failures" }
        @if failures.is_empty() { (parts::empty("No message failed.")) } @else {
            (parts::table("Latest failures", &html! {
                thead { tr { th { "When" } th { "To" } th { "Channel" } th { "Why" } } }
                tbody {
                    @for row in rows {
                        tr {
                            td { (parts::ago(row.updated_at.0, now)) }
                            td { a href={ "/console/messages/" (row.id) } { (row.to) } }
                            td { (parts::channel_word(&row.channel)) }
                            td { (row.cause.as_deref().unwrap_or_default()) }
                        }
                    }
                }
            }))
        }
    }
}
