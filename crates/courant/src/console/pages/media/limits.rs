//! What channels and APIs take, and where links may lead.

use maud::{Markup, html};
use media::limits::{Row, Rule, rows};

use crate::{
    console::{Console, parts},
    views,
};

/// The table of limits.
pub(super) fn table() -> Markup {
    html! {
        h2 #limits-title { "What channels and APIs take" }
        (parts::table("Limits of media", &html! {
            thead { tr { th scope="col" { "Channel" } th scope="col" { "Kind" } th.number scope="col" { "At most" } th scope="col" { "Types" } th scope="col" { "For" } } }
            tbody { @for row in rows() { (limit(row)) } }
        }))
    }
}

/// Which addresses links may lead to.
pub(super) fn guard(console: &Console) -> Markup {
    let allowed = &console.core().config.media.allow;
    html! {
        h2 #guard-title { "Where links may lead" }
        p { "To public addresses. Private, loopback, link-local and metadata addresses are refused"
            @if allowed.is_empty() { "." } @else { ", except these ranges:" } }
        @if !allowed.is_empty() { ul { @for range in allowed { li.mono { (range) } } } }
    }
}

fn limit(row: &Row) -> Markup {
    let dialects: Vec<&str> = row.dialects.iter().map(|name| parts::dialect_name(name)).collect();
    let types: Vec<&str> = row.types.iter().map(|name| views::short_type(name)).collect();
    html! {
        tr {
            td { (parts::channel(row.channel)) }
            td { (row.kind.as_str()) }
            td.number { (parts::bytes(row.max_bytes)) }
            td {
                @if types.is_empty() { "any" } @else { (types.join(", ")) }
                @if row.other_types && !types.is_empty() { ", others at the receiver's risk" }
                @for rule in row.rules { div.small.soft { (rule_words(*rule)) } }
            }
            td { @if dialects.is_empty() { span.soft { "all others" } } @else { (dialects.join(", ")) } }
        }
    }
}

fn rule_words(rule: Rule) -> String {
    match rule {
        Rule::EightBitScreenColors => "eight bits per colour, screen colours".to_owned(),
        Rule::H264WithAac => "H.264 video, at most one AAC sound track".to_owned(),
        Rule::OneAacTrack => "one AAC track".to_owned(),
        Rule::OpusMono => "Opus with one channel".to_owned(),
        Rule::Sticker512 => "512 by 512 pixels".to_owned(),
        Rule::StillAtMost(bytes) => format!("{} if it does not move", parts::bytes(bytes)),
        Rule::NotAWebPage => "no web pages".to_owned(),
    }
}
