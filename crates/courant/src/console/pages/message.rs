//! One message: what became of it and why, what it was asked to do, what happens next, and what
//! can be done about it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use engine::Event;
use maud::{Markup, html};
use model::{MessageId, ReceiptStatus, Span, Time};
use store::{Change, Record};

use super::live_switch;
use crate::{
    admin::same,
    clock,
    console::{
        Console,
        forms::Fields,
        gate::Visitor,
        page::{self, Answer, Page, Section, Trouble, csrf},
        parts,
    },
    core::Core,
    desk::{accept, shard::Job},
    people::{Role, audit},
    views::{self, MessageView, StepView, TimelineEntry, words},
};

/// `GET /console/messages/{id}`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(id): Path<String>,
    query: Fields,
) -> Answer {
    let id = parse(&id)?;
    let view = views::message_of(console.core(), id, visitor.sight()).await?;
    let view = view.ok_or(Trouble::Missing("message"))?;
    let now = clock::now();
    let to = if view.row.to.is_empty() { "nobody" } else { &view.row.to };
    let title = format!("Message to {to}");
    let content = html! {
        p.small { a href="/console/messages" { "Messages" } " / " span.mono.soft { (view.row.id) } }
        div.head { h1 { (title) } (live_switch()) }
        div #state data-live data-every="1000" {
            (state(&visitor, &view, now))
            (plan(&view.plan))
            (clocks(&view, now))
        }
        div.two {
            section.card #timeline data-live aria-labelledby="timeline-title" { (timeline(&view)) }
            div {
                section.card aria-labelledby="facts-title" { (facts(&view, &visitor)) }
                section.card #callbacks data-live aria-labelledby="callbacks-title" {
                    (callbacks(&view, &visitor, now))
                }
            }
        }
    };
    let page = Page {
        console: &console,
        visitor: &visitor,
        section: Section::Messages,
        title: &title,
        done: query.given("done"),
    };
    Ok(page.show(&content))
}

/// `GET /console/messages/{id}/json`
pub(in crate::console) async fn json(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let view = views::message_of(console.core(), parse(&id)?, visitor.sight()).await?;
    Ok(Json(view.ok_or(Trouble::Missing("message"))?).into_response())
}

/// `POST /console/messages/{id}/cancel`
pub(in crate::console) async fn cancel(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let core = console.core();
    let record = record(core, &id).await?;
    if record.state.is_settled() {
        return Err(Trouble::Refused("The message has come to its end already.".to_owned()));
    }
    note(core, record.message.id, format!("cancelled by {}", visitor.name())).await;
    let stored = core.shards.event_stored(record.message.id, Event::Cancelled).await;
    if !matches!(stored.await, Ok(Ok(()))) {
        return Err(Trouble::Store);
    }
    audit::note(core, visitor.name(), "cancelled", record.message.id, "").await;
    Ok(page::after(&path(record.message.id), "cancelled"))
}

/// `POST /console/messages/{id}/again`
pub(in crate::console) async fn again(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let core = console.core();
    let record = record(core, &id).await?;
    let new = send_again(core, &record).await?;
    let old = record.message.id;
    note(core, new, format!("sent again from {old} by {}", visitor.name())).await;
    note(core, old, format!("sent again as {new} by {}", visitor.name())).await;
    audit::note(core, visitor.name(), "sent again", record.message.id, &format!("as {new}")).await;
    Ok(page::after(&path(new), "again"))
}

/// Writes an action into the message's own history.
async fn note(core: &Core, id: MessageId, text: String) {
    core.shards.send(Job::Note { id, by: "operator", text }).await;
}

/// The same plan for the same recipient, as a new message of the same account and dialect. The
/// caller's own id stays with the first message, and schedule and expiry are not repeated.
async fn send_again(core: &Arc<Core>, record: &Record) -> Result<MessageId, Trouble> {
    let message = &record.message;
    let account = core.accounts.by_name(&message.account).ok_or(Trouble::Missing("account"))?;
    if account.config.suspended {
        return Err(Trouble::Refused("The account is suspended.".to_owned()));
    }
    let prepared = accept::prepare(core, account, message.dialect, same(record)).await?;
    let new = prepared.accepted.messages.first().map(|accepted| accepted.id).ok_or(Trouble::Store)?;
    match prepared.store(core, None).await? {
        accept::Stored::Done => Ok(new),
        accept::Stored::Duplicates(_) | accept::Stored::Remembered(_) => Err(Trouble::Store),
    }
}

/// `POST /console/messages/{id}/replay`
pub(in crate::console) async fn replay(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let core = console.core();
    let id = record(core, &id).await?.message.id;
    let parked: Vec<i64> = core
        .store
        .callbacks_of(id)
        .await?
        .iter()
        .filter(|callback| callback.standing == store::CallbackStanding::Parked)
        .map(|callback| callback.id)
        .collect();
    let done = if parked.is_empty() { "nothing" } else { "replayed" };
    if !parked.is_empty() {
        let detail = format!("{} callbacks", parked.len());
        core.store.commit(vec![Change::ReplayCallbacks { ids: parked, due_at: clock::now() }]).await?;
        core.outbox.notify_one();
        audit::note(core, visitor.name(), "replayed callbacks", id, &detail).await;
    }
    Ok(page::after(&path(id), done))
}

fn parse(id: &str) -> Result<MessageId, Trouble> {
    MessageId::parse(id).ok_or(Trouble::Missing("message"))
}

async fn record(core: &Core, id: &str) -> Result<Record, Trouble> {
    let found = core.store.load(vec![parse(id)?]).await?.pop().flatten();
    found.ok_or(Trouble::Missing("message"))
}

fn path(id: MessageId) -> String {
    format!("/console/messages/{id}")
}

fn state(visitor: &Visitor, view: &MessageView, now: Time) -> Markup {
    let action = |verb: &str| format!("/console/messages/{}/{verb}", view.row.id);
    html! {
        div.line.head {
            (parts::status_word(&view.row.status))
            span { (parts::sentence(&view.summary)) "." }
            @if visitor.may(Role::Act) {
                div.line {
                    @if !view.row.settled {
                        form method="post" action=(action("cancel")) data-confirm="Stop this message?" {
                            (csrf(visitor)) button.danger type="submit" { "Cancel" }
                        }
                    }
                    form method="post" action=(action("again")) data-confirm="Send the same once more, as a new message?" {
                        (csrf(visitor)) button type="submit" { "Send again" }
                    }
                    a.button href=(action("json")) { "JSON" }
                }
            }
        }
        @if let Some(next) = &view.next {
            p.next { strong { "Next: " } (parts::named(&next.what)) " " span.soft { "(" (parts::ago(next.at.0, now)) ")" } }
        }
    }
}

/// The plan as a picture: what follows what, and how each went.
fn plan(steps: &[StepView]) -> Markup {
    html! {
        h2.hidden { "Plan" }
        ol.plan { @for step in steps { (plan_step(step, steps.len())) } }
    }
}

fn plan_step(step: &StepView, count: usize) -> Markup {
    let tone = match step.status.as_str() {
        "delivered" | "read" | "played" => "good",
        "failed" => "bad",
        "waiting" => "off",
        _ => "info",
    };
    let last = usize::from(step.step) == count;
    let word = if step.status == "waiting" { "not begun" } else { &step.status };
    html! {
        li.(tone) {
            div.line {
                strong { (step.step) ". " (parts::channel_word(&step.channel)) }
                (parts::status_word(word))
                @if let Some(sender) = &step.sender { span.soft.small { "from " (sender) } }
            }
            p.said { (step.content) }
            @if let Some(cause) = &step.cause_text { p { (cause) "." } }
            @if let Some(network) = step.network.as_ref().filter(|_| tone != "good") {
                p.small.soft { "The network: " code { (network.code) } " " (network.text) }
            }
            p.small.soft {
                @if last { "Last step, valid " (parts::span(Span::from_millis(step.validity_ms))) }
                @else { "Waits " (parts::span(Span::from_millis(step.patience_ms))) " for delivery" }
                @if step.routes.is_empty() { ", no route" } @else { ", by " (step.routes.join(", then ")) }
                @if step.attempts > 1 { ", " (step.attempts) " attempts" }
                @if step.parts > 1 { ", " (step.parts) " parts" }
            }
        }
    }
}

/// Each step's time as a bar on one common scale, with the end of its patience and its delivery.
fn clocks(view: &MessageView, now: Time) -> Markup {
    let begun: Vec<&StepView> = view.plan.iter().filter(|step| step.begun_at.is_some()).collect();
    let scale = Scale::of(view, &begun, now);
    html! {
        @if !begun.is_empty() {
            div.card {
                h2 { "Clocks" }
                @for (index, step) in begun.iter().enumerate() {
                    @let next = begun.get(index + 1).and_then(|next| next.begun_at);
                    @let end = next.or(step.delivered_at).map_or(scale.now, |at| at.0);
                    @let limit = patience_end(step).filter(|_| usize::from(step.step) < view.plan.len());
                    (clock(&scale, step, end, limit))
                }
                div.clock aria-hidden="true" {
                    span {}
                    div.axis {
                        span { "accepted " (parts::clock_time(scale.from)) }
                        span { "+" (parts::span(scale.until.since(scale.from))) }
                    }
                }
            }
        }
    }
}

/// From the acceptance to the end, or, while it runs, to the end of the current step's patience.
struct Scale {
    from: Time,
    /// The end, or now.
    now: Time,
    until: Time,
}

impl Scale {
    fn of(view: &MessageView, begun: &[&StepView], now: Time) -> Self {
        let from = view.row.accepted_at.0;
        let now = if view.row.settled { view.row.updated_at.0 } else { now };
        let current = begun.last().filter(|_| !view.row.settled && begun.len() < view.plan.len());
        let until = current.and_then(|step| patience_end(step)).map_or(now, |end| end.max(now));
        Self { from, now, until }
    }

    /// The place of an instant, in thousandths of the whole.
    fn place(&self, at: Time) -> f64 {
        let whole = self.until.since(self.from).as_micros().max(1000) as f64;
        (at.since(self.from).as_micros() as f64 / whole * 1000.0).clamp(0.0, 1000.0).round()
    }
}

fn patience_end(step: &StepView) -> Option<Time> {
    Some(step.handed_over_at?.0 + Span::from_millis(step.patience_ms))
}

fn clock(scale: &Scale, step: &StepView, end: Time, limit: Option<Time>) -> Markup {
    let start = step.begun_at.map_or(scale.from, |at| at.0);
    let width = (scale.place(end) - scale.place(start)).max(4.0);
    html! {
        div.clock {
            span { (parts::channel_word(&step.channel)) }
            svg viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label=(clock_words(step, start, end)) {
                rect.track x="0" y="9" width="1000" height="6" rx="3" {}
                rect.(fill(step)) x=(scale.place(start)) y="6" width=(width) height="12" rx="3" {}
                @if let Some(limit) = limit.filter(|limit| *limit <= scale.until) {
                    @let x = scale.place(limit).min(998.0);
                    line.limit x1=(x) x2=(x) y1="0" y2="24" {
                        title { "the end of its patience" }
                    }
                }
                @if let Some(at) = step.delivered_at {
                    @let x = scale.place(at.0).min(998.0);
                    line.tick x1=(x) x2=(x) y1="2" y2="22" { title { "delivered" } }
                }
            }
        }
    }
}

fn fill(step: &StepView) -> &'static str {
    match step.status.as_str() {
        "delivered" | "read" | "played" => "good-fill",
        "failed" => "bad-fill",
        _ => "info-fill",
    }
}

fn clock_words(step: &StepView, start: Time, end: Time) -> String {
    let took = parts::span(end.since(start));
    format!("{}: {} after {took}", parts::channel_name(&step.channel), step.status)
}

fn timeline(view: &MessageView) -> Markup {
    html! {
        h2 #timeline-title { "What happened, and why" }
        ol.timeline { @for entry in &view.timeline { (timeline_entry(entry)) } }
    }
}

fn timeline_entry(entry: &TimelineEntry) -> Markup {
    let tone = match entry.kind.as_str() {
        "refused" => "bad",
        "received" if entry.cause.is_some() => "bad",
        "received" if entry.what.ends_with(&words::receipt_status(ReceiptStatus::Sent)) => "info",
        "received" => "good",
        "submitted" | "taken" => "info",
        _ => "calm",
    };
    let said = entry.decisions.iter().filter(|decision| decision.what.is_some());
    html! {
        li.(tone) {
            time.when datetime=(entry.at) title=(entry.at) { "+" (parts::span(Span::from_millis(entry.since_ms))) }
            div.what {
                div { (parts::sentence(&entry.what)) }
                @if let Some(network) = &entry.network {
                    div.small.soft { code { (network.code) } " " (network.text) }
                }
                ul {
                    @for decision in said {
                        li { (parts::named(decision.what.as_deref().unwrap_or_default()))
                            span.small { " (rule " (decision.rule) ")" }
                        }
                    }
                }
            }
        }
    }
}

fn facts(view: &MessageView, visitor: &Visitor) -> Markup {
    let row = &view.row;
    html! {
        h2 #facts-title { "The request" }
        dl.facts {
            dt { "Account" } dd { a href={ "/console/accounts/" (row.account) } { (row.account) } }
            dt { "Dialect" } dd { (parts::dialect_name(&row.dialect)) }
            dt { "Urgency" } dd { (row.priority.replace('_', "-")) }
            dt { "Accepted" } dd { (parts::stamp(row.accepted_at.0)) }
            dt { "Last change" } dd { (parts::stamp(row.updated_at.0)) }
            dt { "Submission" } dd { a.mono href={ "/console/messages?batch=" (row.batch) } { (row.batch) } }
            @if let Some(bulk) = &row.bulk { dt { "Bulk id" } dd.mono { (bulk) } }
            @if let Some(client) = &view.ids.client { dt { "Caller's id" } dd.mono { (client) } }
        }
        details #ids {
            summary { "All ids" }
            dl.facts {
                dt { "UUID" } dd.mono { (view.ids.uuid) }
                @for vendor in &view.ids.vendors {
                    dt { (parts::dialect_name(&vendor.dialect)) } dd.mono { (vendor.id) }
                }
                // Some networks write the recipient's number into their ids.
                @if visitor.may(Role::Act) {
                    @for id in &view.ids.networks {
                        dt { "at " (id.route) } dd.mono { (id.id) }
                    }
                }
            }
        }
    }
}

fn callbacks(view: &MessageView, visitor: &Visitor, now: Time) -> Markup {
    let parked = view.callbacks.iter().filter(|callback| callback.standing == "parked").count();
    html! {
        div.head {
            h2 #callbacks-title { "Callbacks" }
            @if parked > 0 && visitor.may(Role::Act) {
                form method="post" action={ "/console/messages/" (view.row.id) "/replay" } {
                    (csrf(visitor)) button type="submit" { "Replay " (parked) }
                }
            }
        }
        @if view.callbacks.is_empty() { (parts::empty("No callback was called for.")) } @else {
            (parts::table("Callbacks of this message", &html! {
                thead { tr { th scope="col" { "About" } th scope="col" { "Standing" } th.number scope="col" { "Tries" } th scope="col" { "Last result" } } }
                tbody {
                    @for callback in &view.callbacks {
                        tr {
                            td { (callback.about) div.small.soft.url { (callback.url) } }
                            td { (parts::status_word(&callback.standing)) }
                            td.number { (callback.tries) }
                            td {
                                (callback.last_result.as_deref().unwrap_or("not tried yet"))
                                div.small.soft { (parts::ago(callback.due_at.0, now)) }
                            }
                        }
                    }
                }
            }))
        }
    }
}
