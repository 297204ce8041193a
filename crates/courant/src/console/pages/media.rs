//! Media: which files networks refused lately, and which addresses links may lead to.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};
use media::limits::{Row, Rule, rows};
use model::Cause;
use store::{Record, Search};

use super::head;
use crate::{
    clock,
    console::{
        Console,
        gate::Visitor,
        page::{Answer, Page, Section},
        parts,
    },
    views,
};

/// Failures shown per cause.
const SHOWN: usize = 20;
const CAUSES: [Cause; 4] =
    [Cause::MediaUnreachable, Cause::MediaUnsupported, Cause::MediaTooLarge, Cause::MediaUnknown];

/// `GET /console/media`
pub(in crate::console) async fn show(State(console): State<Arc<Console>>, visitor: Visitor) -> Answer {
    let core = console.core();
    let mut failed: Vec<Record> = Vec::new();
    for cause in CAUSES {
        let search = Search { cause: Some(cause), ..Search::default() };
        failed.extend(core.store.page(search, None, SHOWN).await?.records);
    }
    failed.sort_by_key(|record| std::cmp::Reverse(record.message.accepted_at));
    let rows: Vec<_> = failed.iter().map(|record| views::row(core, record, visitor.sight())).collect();
    let (now, allowed) = (clock::now(), &core.config.media.allow);
    let content = html! {
        (head("Media", true))
        div.tiles {
            @for cause in CAUSES {
                div.card.tile {
                    h3 { (cause.text()) }
                    div.big { (failed.iter().filter(|record| record.state.status().cause() == Some(cause)).count()) }
                    div.small.soft { a href={ "/console/messages?cause=" (cause.as_str()) } { (cause.as_str()) } }
                }
            }
        }
        section.card #failed data-live data-every="3000" aria-labelledby="failed-title" {
            h2 #failed-title { "Messages that failed by their media" }
            @if rows.is_empty() { (parts::empty("None. Failures before a fallback show in each message's own timeline.")) } @else {
                (parts::table("Messages that failed by their media", &html! {
                    thead { tr { th scope="col" { "To" } th scope="col" { "Channel" } th scope="col" { "Why" } th scope="col" { "Accepted" } } }
                    tbody {
                        @for row in &rows {
                            tr {
                                td.mono { a href={ "/console/messages/" (row.id) } { (row.to) } }
                                td { (parts::channel_word(&row.channel)) }
                                td { (row.cause.as_deref().unwrap_or_default()) }
                                td { (parts::ago(row.accepted_at.0, now)) }
                            }
                        }
                    }
                }))
            }
        }
        section.card aria-labelledby="limits-title" { (table_of_limits()) }
        section.card aria-labelledby="guard-title" {
            h2 #guard-title { "Where links may lead" }
            p { "To public addresses. Private, loopback, link-local and metadata addresses are refused"
                @if allowed.is_empty() { "." } @else { ", except these ranges:" } }
            ul { @for range in allowed { li.mono { (range) } } }
        }
    };
    let (console, visitor) = (&*console, &visitor);
    Ok(Page { console, visitor, section: Section::Media, title: "Media", done: None }.show(&content))
}

fn table_of_limits() -> Markup {
    html! {
        h2 #limits-title { "What channels and APIs take" }
        (parts::table("Limits of media", &html! {
            thead { tr { th scope="col" { "Channel" } th scope="col" { "Kind" } th.number scope="col" { "At most" } th scope="col" { "Types" } th scope="col" { "For" } } }
            tbody { @for row in rows() { (limit(row)) } }
        }))
    }
}

fn limit(row: &Row) -> Markup {
    let dialects: Vec<&str> = row.dialects.iter().map(|name| parts::dialect_name(name)).collect();
    html! {
        tr {
            td { (parts::channel(row.channel)) }
            td { (row.kind.as_str()) }
            td.number { (size(row.max_bytes)) }
            td {
                @if row.types.is_empty() { "any" } @else { (row.types.join(", ")) }
                @if row.other_types && !row.types.is_empty() { ", others at the receiver's risk" }
                @for rule in row.rules { div.small.soft { (rule_words(*rule)) } }
            }
            td { @if dialects.is_empty() { span.soft { "all others" } } @else { (dialects.join(", ")) } }
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} kB", bytes / 1_024),
        _ => format!("{} MB", bytes / 1_048_576),
    }
}

fn rule_words(rule: Rule) -> String {
    match rule {
        Rule::EightBitScreenColors => "eight bits per colour, screen colours".to_owned(),
        Rule::H264WithAac => "H.264 video, at most one AAC sound track".to_owned(),
        Rule::OneAacTrack => "one AAC track".to_owned(),
        Rule::OpusMono => "Opus with one channel".to_owned(),
        Rule::Sticker512 => "512 by 512 pixels".to_owned(),
        Rule::StillAtMost(bytes) => format!("{} if it does not move", size(bytes)),
        Rule::NotAWebPage => "no web pages".to_owned(),
    }
}
