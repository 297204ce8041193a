//! Networks and senders: how routes are doing, what waits for them, by which senders; and, in the
//! sandbox, the switches of the simulated networks.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    response::IntoResponse,
};
use http::Request;
use maud::{Markup, html};
use model::{Channel, RouteName, Time};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::head;
use crate::{
    clock,
    console::{
        Console,
        forms::Fields,
        gate::Visitor,
        page::{self, Answer, Page, Section, Trouble, csrf},
        parts,
    },
    dispatch::{Held, Hold},
    operate,
    people::{Role, audit},
    views::{self, Reach, RouteView, SenderView},
};

/// `GET /console/networks`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let routes = views::routes(console.core(), &Reach::All).await?;
    let senders = views::senders(console.core(), &Reach::All).await?;
    let switches = switches(&console).await;
    let content = html! {
        (head("Networks and senders", true))
        div #routes.cards data-live data-every="2000" {
            @if routes.is_empty() { div.card { (parts::empty("No route is configured.")) } }
            @for route in &routes { (card(&visitor, route)) }
        }
        @if !switches.is_empty() && visitor.may(Role::Act) {
            section.card aria-labelledby="switches-title" {
                h2 #switches-title { "Outages and limits on demand" }
                p.soft.small { "What the simulated networks do to everybody. Down means that connections are refused." }
                @for (name, setting) in &switches { (switch(&visitor, name, setting)) }
            }
        }
        section.card #lanes data-live aria-labelledby="lanes-title" { (lanes(&routes, clock::now())) }
        section.card aria-labelledby="senders-title" { (senders_table(&visitor, &senders)) }
    };
    let page = Page {
        console: &console,
        visitor: &visitor,
        section: Section::Networks,
        title: "Networks and senders",
        done: query.given("done"),
    };
    Ok(page.show(&content))
}

/// `POST /console/networks/hold`: pauses, drains or resumes a route or a sender.
pub(in crate::console) async fn hold(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let all = [Hold::Open, Hold::Paused, Hold::Draining];
    let hold =
        all.into_iter().find(|hold| hold.as_str() == form.text("hold")).ok_or(Trouble::Missing("choice"))?;
    let held = match form.given("route") {
        Some(name) => Held::Route(RouteName::from(name)),
        None => {
            let channel = Channel::parse(form.text("channel")).ok_or(Trouble::Missing("channel"))?;
            let sender = form.given("sender").ok_or(Trouble::Missing("sender"))?;
            Held::Sender(channel, sender.to_owned())
        }
    };
    operate::hold(core, visitor.hand(), held, hold).await?;
    Ok(page::after("/console/networks", "changed"))
}

/// `POST /console/networks/{name}/change`: the switches of a simulated network.
pub(in crate::console) async fn change(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(name): Path<String>,
    form: Fields,
) -> Answer {
    let number = |field: &str| form.text(field).parse::<f64>().ok().filter(|number| *number >= 0.0);
    let change = json!({
        "up": form.text("up") == "yes",
        "latency_ms": number("latency").unwrap_or(0.0) as u64,
        "throttle_mps": number("throttle").unwrap_or(0.0),
    });
    let known = switches(&console).await.iter().any(|(network, _)| *network == name);
    if !known {
        return Err(Trouble::Missing("network"));
    }
    let path = format!("/sandbox/networks/{name}");
    ask(&console, Request::post(path), change.to_string()).await.ok_or(Trouble::Store)?;
    audit::note(console.core(), visitor.name(), "changed a network", &name, &change.to_string()).await;
    Ok(page::after("/console/networks", "changed"))
}

/// The switches of the simulated networks; none outside the sandbox.
async fn switches(console: &Console) -> Vec<(String, Value)> {
    match ask(console, Request::get("/sandbox/networks"), String::new()).await {
        Some(Value::Object(networks)) => networks.into_iter().collect(),
        Some(_) | None => Vec::new(),
    }
}

async fn ask(console: &Console, request: http::request::Builder, body: String) -> Option<Value> {
    let network = console.app.sandbox()?.clone();
    let response = network.oneshot(request.body(Body::from(body)).ok()?).await.into_response();
    let bytes = axum::body::to_bytes(response.into_body(), 64 * 1024).await.ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn card(visitor: &Visitor, route: &RouteView) -> Markup {
    html! {
        section.card aria-label={ "Route " (route.name) } {
            div.line {
                h2 { (parts::channel_word(&route.channel)) " " (route.name) }
                (parts::status_word(if route.up { "up" } else { "down" }))
                @if route.standing != "open" { (parts::status_word(&route.standing)) }
            }
            dl.facts {
                dt { "State" } dd { (route.health) }
                dt { "Last error" }
                dd { @match &route.last_error { Some(error) => (error), None => span.soft { "none" } } }
                dt { "Waiting" } dd { (parts::count(route.queued as u64)) }
                dt { "Window" } dd { (route.in_flight.unwrap_or_default()) " of " (route.window) " hand-overs unanswered" }
                dt { "Rate" }
                dd {
                    @match route.rate_per_sender {
                        Some(rate) => { (rate) " per second and sender" }
                        None => span.soft { "no limit" },
                    }
                }
                dt { "Reports" } dd { (reports(route)) }
                @if !route.prefixes.is_empty() { dt { "Prefixes" } dd { (route.prefixes.join(", ")) } }
            }
            @if visitor.may(Role::Act) {
                form.line.more method="post" action="/console/networks/hold" {
                    (csrf(visitor))
                    input type="hidden" name="route" value=(route.name);
                    (hold_buttons(&route.standing, &route.name))
                }
            }
        }
    }
}

/// What can be done with something that stands so.
fn hold_buttons(standing: &str, name: &str) -> Markup {
    let all = [("open", "Resume"), ("paused", "Pause"), ("draining", "Drain")];
    html! {
        @for (hold, verb) in all.into_iter().filter(|(hold, _)| *hold != standing) {
            button type="submit" name="hold" value=(hold) { (verb) span.hidden { " " (name) } }
        }
    }
}

fn reports(route: &RouteView) -> &'static str {
    match (route.reports_delivery, route.reports_reading) {
        (true, true) => "delivery and reading",
        (true, false) => "delivery",
        (false, true) => "reading",
        (false, false) => "nothing",
    }
}

fn switch(visitor: &Visitor, name: &str, setting: &Value) -> Markup {
    let up = setting["up"].as_bool().unwrap_or(true);
    html! {
        form.filters method="post" action={ "/console/networks/" (name) "/change" } aria-label={ "Switches of " (name) } {
            (csrf(visitor))
            div.field {
                label for={ (name) "-up" } { (parts::channel_name(name)) " is" }
                select id={ (name) "-up" } name="up" {
                    (parts::option("yes", "up", if up { "yes" } else { "no" }))
                    (parts::option("no", "down", if up { "yes" } else { "no" }))
                }
            }
            div.field {
                label for={ (name) "-latency" } { "Latency, ms" }
                input id={ (name) "-latency" } name="latency" inputmode="numeric" value=(setting["latency_ms"].as_u64().unwrap_or(0)) maxlength="6";
            }
            div.field {
                label for={ (name) "-throttle" } { "Per second at most" }
                input id={ (name) "-throttle" } name="throttle" inputmode="decimal" maxlength="8" placeholder="no limit"
                    value=(setting["throttle_mps"].as_f64().map(|rate| rate.to_string()).unwrap_or_default());
            }
            div.line { button type="submit" { "Set" } }
        }
    }
}

fn lanes(routes: &[RouteView], now: Time) -> Markup {
    let any = routes.iter().any(|route| !route.lanes.is_empty());
    html! {
        h2 #lanes-title { "Waiting, by account and sender" }
        @if !any { (parts::empty("Nothing waits.")) } @else {
            (parts::table("Waiting messages", &html! {
                thead { tr { th scope="col" { "Route" } th scope="col" { "Account" } th scope="col" { "Sender" } th scope="col" { "Urgency" } th.number scope="col" { "Waiting" } th scope="col" { "Oldest" } } }
                tbody {
                    @for route in routes { @for lane in &route.lanes { @for (class, count) in &lane.queued {
                        tr {
                            td { (route.name) } td { (lane.account) }
                            td { @if lane.sender.is_empty() { span.soft { "route's own" } } @else { (lane.sender) } }
                            td { (class.replace('_', "-")) }
                            td.number { (parts::count(*count as u64)) @if lane.more { "+" } }
                            td { @if let Some(at) = lane.oldest { (parts::ago(at.0, now)) } }
                        }
                    } } }
                }
            }))
        }
    }
}

fn senders_table(visitor: &Visitor, senders: &[SenderView]) -> Markup {
    html! {
        h2 #senders-title { "Senders" }
        @if senders.is_empty() { (parts::empty("The configuration names no sender.")) } @else {
            (parts::table("Senders", &html! {
                thead {
                    tr {
                        th scope="col" { "Sender" } th scope="col" { "Channel" } th.wide scope="col" { "Accounts" }
                        th.number scope="col" { "Waiting" } th.wide scope="col" { "Oldest" } th scope="col" { "Standing" }
                        @if visitor.may(Role::Act) { th scope="col" { span.hidden { "Actions" } } }
                    }
                }
                tbody {
                    @for sender in senders {
                        tr {
                            td.mono { (sender.name) } td { (parts::channel_word(&sender.channel)) }
                            td.wide { (sender.accounts.join(", ")) } td.number { (parts::count(sender.queued as u64)) }
                            td.wide { @match sender.oldest { Some(at) => (parts::ago(at.0, clock::now())), None => span.soft { "—" } } }
                            td { (parts::status_word(&sender.standing)) }
                            @if visitor.may(Role::Act) {
                                td {
                                    form.line method="post" action="/console/networks/hold" {
                                        (csrf(visitor))
                                        input type="hidden" name="channel" value=(sender.channel);
                                        input type="hidden" name="sender" value=(sender.name);
                                        (hold_buttons(&sender.standing, &sender.name))
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
