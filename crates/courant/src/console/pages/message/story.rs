//! What happened to a message and why, what was asked for, and who was told.

use maud::{Markup, html};
use model::{ReceiptStatus, Span, Time};

use crate::{
    console::{gate::Visitor, json::pretty, page::csrf, parts},
    people::Role,
    views::{MessageView, TimelineEntry, words},
};

pub(super) fn timeline(view: &MessageView) -> Markup {
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

pub(super) fn facts(view: &MessageView, visitor: &Visitor) -> Markup {
    let row = &view.row;
    html! {
        h2 #facts-title { "The request" }
        dl.facts {
            dt { "Account" } dd { a href={ "/console/accounts/" (row.account) } { (row.account) } }
            dt { "Dialect" } dd { (parts::dialect_name(&row.dialect)) }
            dt { "Urgency" } dd { (row.priority.replace('_', "-")) }
            dt { "Accepted" } dd { (parts::day_time(row.accepted_at.0)) }
            dt { "Last change" } dd { (parts::day_time(row.updated_at.0)) }
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

/// What was received and what was answered, word for word.
pub(super) fn exchange(view: &MessageView, visitor: &Visitor) -> Markup {
    html! {
        h2 #exchange-title { "As received and answered" }
        @match &view.exchange {
            Some(exchange) => {
                details #received {
                    summary { "Request" }
                    pre tabindex="0" { (exchange.head) @if !exchange.body.is_empty() { "\n\n" (pretty(&exchange.body)) } }
                }
                details #answered {
                    summary { "Answer" }
                    pre tabindex="0" { (exchange.answer_head) @if !exchange.answer.is_empty() { "\n\n" (pretty(&exchange.answer)) } }
                }
                p.hint { "Credentials are left out, long bodies are cut." }
            }
            None if visitor.may(Role::Act) => p.soft.small {
                "Not kept. " code { "store.keep_requests_hours" } " in the configuration says how long requests are."
            },
            None => p.soft.small { "For those who may see numbers and contents." },
        }
    }
}

pub(super) fn callbacks(view: &MessageView, visitor: &Visitor, now: Time) -> Markup {
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
                                @if callback.attempts.len() > 1 {
                                    ol.tries { @for attempt in &callback.attempts { li { (parts::clock_time(attempt.at.0)) " " (attempt.result) } } }
                                } @else { (callback.last_result.as_deref().unwrap_or("not tried yet")) }
                                div.small.soft {
                                    @match callback.standing.as_str() { "pending" if callback.tries > 0 => "again ", "pending" => "due ", _ => "" }
                                    (parts::ago(callback.due_at.0, now))
                                }
                            }
                        }
                    }
                }
            }))
        }
    }
}
