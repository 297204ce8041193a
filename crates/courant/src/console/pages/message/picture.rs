//! The plan as a picture: steps in order, and their clocks on one scale.

use maud::{Markup, html};
use model::{Span, Time};

use crate::{
    console::parts,
    views::{MessageView, StepView},
};

/// The plan as a picture: what follows what, and how each went.
pub(super) fn plan(steps: &[StepView]) -> Markup {
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
pub(super) fn clocks(view: &MessageView, now: Time) -> Markup {
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
