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
        chart::{self, Cell, Period, per_bar},
        forms::Fields,
        gate::Visitor,
        page::{Answer, Page, Section},
        parts,
    },
    views::{self, LaneView, Reach, RouteView},
};

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
    let overview = views::overview(core, &Reach::All).await?;
    let routes = views::routes(core, &Reach::All).await?;
    let failures = core.store.page(failed(), None, FAILURES).await?.records;
    let period = Period::of(query.text("period"));
    let cells = chosen(chart::cells(&core.stats, now, period), &query);
    let content = html! {
        (head("Overview", true))
        (filters(&console, &query))
        div #counts data-live data-every="3000" { (tiles(&cells, now, period)) }
        div.two {
            div {
                section.card #trend data-live aria-labelledby="trend-title" { (trend(&cells, now, period)) }
                section.card #failures data-live aria-labelledby="failures-title" {
                    (recent_failures(&console, &visitor, &failures, now))
                }
            }
            div {
                section.card #queues data-live aria-labelledby="queues-title" {
                    (queues(&overview, &routes, now))
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
            div.field {
                label for="period" { "Period" }
                select #period name="period" data-submit {
                    @for period in Period::ALL { (parts::option(period.word, period.name.trim_start_matches("the "), query.text("period"))) }
                }
            }
            noscript { button type="submit" { "Show" } }
        }
    }
}

fn tiles(cells: &[Cell], now: Time, period: Period) -> Markup {
    let row = per_bar(cells.iter(), now, period);
    let sum = chart::sum(&row);
    let tiles: [(&str, u64, chart::Layer); 4] = [
        ("Accepted", sum.accepted, ("info-fill", |counts| counts.accepted)),
        ("Delivered", sum.delivered, ("good-fill", |counts| counts.delivered)),
        ("Fell back", sum.fell_back, ("wait-fill", |counts| counts.fell_back)),
        ("Failed", sum.failed, ("bad-fill", |counts| counts.failed)),
    ];
    html! {
        h2.hidden { (parts::sentence(period.name)) }
        div.tiles {
            @for (name, number, layer) in tiles {
                div.card.tile {
                    h3 { (name) span.hidden { " in " (period.name) } }
                    div.big { (parts::count(number)) }
                    (chart::bars(&row, &[layer], &format!("{name} {}: {number} in {}", period.per(), period.name)))
                    div.axis aria-hidden="true" { span { (period.ago()) } span { "peak " (parts::count(chart::peak(&row, layer))) } span { "now" } }
                }
            }
        }
    }
}

fn trend(cells: &[Cell], now: Time, period: Period) -> Markup {
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
        @if cells.is_empty() { (parts::empty(&format!("Nothing happened in {}.", period.name))) }
        @for (name, cells) in &channels { (trend_row(&parts::channel_word(name), name, cells, now, period)) }
        @for (name, cells) in accounts.iter().take(ACCOUNTS) {
            (trend_row(&html! { "Account " (name) }, name, cells, now, period))
        }
    }
}

fn trend_row(title: &Markup, name: &str, cells: &[&Cell], now: Time, period: Period) -> Markup {
    let row = per_bar(cells.iter().copied(), now, period);
    let sum = chart::sum(&row);
    let label = format!("{name}, {} in {}: {}", period.per(), period.name, chart::words(&sum));
    html! {
        div.row-chart {
            div { strong { (title) } div.small.soft { (chart::words(&sum)) } }
            (chart::bars(&row, &chart::OUTCOMES, &label))
        }
    }
}

/// Lanes shown at most.
const LANES: usize = 6;

fn queues(overview: &views::Overview, routes: &[RouteView], now: Time) -> Markup {
    let lanes = routes.iter().flat_map(|route| route.lanes.iter().map(move |lane| (route, lane)));
    let mut lanes: Vec<_> = lanes.filter(|(_, lane)| lane.oldest.is_some()).collect();
    lanes.sort_by_key(|(_, lane)| lane.oldest);
    html! {
        h2 #queues-title { "Queues" }
        dl.facts {
            dt { "Unfinished" }
            dd { a href="/console/messages?settled=no" { (parts::count(overview.unfinished)) " messages" } }
            dt { "Waiting to leave" } dd { (parts::count(overview.queued as u64)) }
            dt { "Oldest waiting" }
            dd {
                @match lanes.first().and_then(|(_, lane)| lane.oldest) {
                    Some(at) => (parts::ago(at.0, now)),
                    None => span.soft { "nothing waits" },
                }
            }
            dt { "Requests in work" } dd { (parts::count(overview.requests.unwrap_or_default())) }
            @if let Some(store) = &overview.store {
                dt { "Store" }
                dd { (format!("{:.1} ms per commit, {:.1} MB", store.commit_ms, store.bytes as f64 / 1e6)) }
            }
            dt { "Running since" } dd { (parts::ago(overview.started_at.0, now)) ", version " (overview.version) }
        }
        @if !lanes.is_empty() {
            (parts::table("Waiting by sender, the oldest first", &html! {
                thead { tr { th scope="col" { "Sender" } th.number scope="col" { "Waiting" } th scope="col" { "Oldest" } } }
                tbody { @for (route, lane) in lanes.iter().take(LANES) { (waiting(route, lane, now)) } }
            }))
            p.more { a href="/console/networks" { "All that waits" } }
        }
    }
}

fn waiting(route: &RouteView, lane: &LaneView, now: Time) -> Markup {
    html! {
        tr {
            td {
                (parts::channel_word(&route.channel)) " "
                @if lane.sender.is_empty() { span.soft { "route’s own" } } @else { (lane.sender) }
                div.small.soft { (lane.account) }
            }
            td.number { (parts::count(lane.queued.values().sum::<usize>() as u64)) @if lane.more { "+" } }
            td { @if let Some(at) = lane.oldest { (parts::ago(at.0, now)) } }
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
