//! A phone as the simulated networks show it, drawn as a phone.

use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    console::{Console, gate::Visitor, page::csrf, parts},
    views::Moment,
};

/// Messages shown of one phone at most.
const MAX_INBOX: usize = 200;

/// A phone as the simulated networks show it.
#[derive(Deserialize)]
pub(super) struct Handset {
    pub(super) number: String,
    pub(super) behaviour: String,
    pub(super) inbox: Vec<Entry>,
}

#[derive(Deserialize)]
pub(super) struct Entry {
    pub(super) channel: String,
    network_id: String,
    from: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) text: Option<String>,
    pub(super) media: Option<Media>,
    pub(super) at: Moment,
    state: String,
}

#[derive(Deserialize)]
pub(super) struct Media {
    url: Option<String>,
    mime_type: Option<String>,
    filename: Option<String>,
    pub(super) caption: Option<String>,
}

pub(super) fn phone(console: &Console, visitor: &Visitor, handset: &Handset) -> Markup {
    let first = handset.inbox.len().saturating_sub(MAX_INBOX);
    html! {
        section.phone aria-label={ "Phone " (handset.number) } {
            div.screen {
                div.bar { strong { "+" (handset.number) } span { "Messages" } }
                div #screen.inbox data-live data-every="1000" data-keep-scroll role="log" tabindex="0" aria-label="Messages on the phone" {
                    @if handset.inbox.is_empty() { p.nothing { "Nothing arrived yet." } }
                    @for entry in &handset.inbox[first..] { (bubble(console, entry)) }
                }
                form method="post" action={ "/console/handsets/" (handset.number) "/reply" } {
                    (csrf(visitor))
                    label.hidden for="reply-channel" { "Reply by" }
                    select #reply-channel name="channel" {
                        (parts::option("whatsapp", "WhatsApp", "whatsapp")) (parts::option("sms", "SMS", "whatsapp"))
                    }
                    label.hidden for="reply-text" { "Reply" }
                    input #reply-text type="text" name="text" required maxlength="4096" placeholder="Reply" autocomplete="off";
                    button type="submit" { "Send" }
                }
            }
        }
    }
}

fn bubble(console: &Console, entry: &Entry) -> Markup {
    let tone = if entry.channel == "sms" { "sms" } else { "whatsapp" };
    html! {
        article.bubble.(tone) data-id=(entry.network_id) {
            span.from { (parts::channel_name(&entry.channel)) " · " (entry.from) }
            @if let Some(media) = &entry.media { (attachment(console, &entry.kind, media)) }
            @if let Some(text) = &entry.text { p { (text) } }
            span.meta {
                (parts::clock_time(entry.at.0))
                @if tone == "whatsapp" {
                    span.ticks.read[entry.state == "read"] aria-hidden="true" { "✓✓" }
                    span.hidden { " " (entry.state) }
                }
            }
        }
    }
}

fn attachment(console: &Console, kind: &str, media: &Media) -> Markup {
    let url = media.url.as_deref().map(|url| local(console, url));
    let name = media.filename.as_deref().or(media.mime_type.as_deref()).unwrap_or(kind);
    let described = media.caption.as_deref().unwrap_or(name);
    html! {
        @match (kind, url) {
            ("image" | "sticker", Some(url)) => img src=(url) alt=(described) loading="lazy";,
            ("video", Some(url)) => video src=(url) controls preload="metadata" aria-label=(described) {},
            ("audio" | "voice", Some(url)) => audio src=(url) controls preload="metadata" aria-label=(described) {},
            (_, Some(url)) => a.file href=(url) rel="noreferrer" target="_blank" { (file_icon()) span { (name) } },
            (_, None) => span.file { (file_icon()) span { (name) } },
        }
        @if let Some(caption) = &media.caption { p { (caption) } }
    }
}

/// Our own files by path, so that they show under every name of this machine. Anything that is no
/// web address is not linked to.
fn local(console: &Console, url: &str) -> String {
    match url.strip_prefix(console.app.url()) {
        Some(path) if path.starts_with('/') => path.to_owned(),
        _ if url.starts_with("http://") || url.starts_with("https://") => url.to_owned(),
        _ => "#".to_owned(),
    }
}

fn file_icon() -> Markup {
    html! {
        svg viewBox="0 0 16 20" width="16" height="20" aria-hidden="true" {
            path d="M2 1h8l4 4v14H2z M10 1v4h4" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round" {}
        }
    }
}
