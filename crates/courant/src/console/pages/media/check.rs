//! What would become of a link or a kept file, as `courant media check` tells it.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};
use media::{
    limits::Purpose,
    probe::{Facts, Size},
};
use model::{Channel, content::MediaKind, message::Extras};

use super::{account, frame};
use crate::{
    accounts::Account,
    console::{
        Console,
        forms::Fields,
        gate::Visitor,
        page::{Answer, Trouble, csrf},
        pages::head,
        parts,
    },
    mediadesk::{MediaDesk, Opinion},
    views,
};

/// Longest link.
const MAX_LINK: usize = 2048;
const KINDS: [MediaKind; 5] =
    [MediaKind::Image, MediaKind::Video, MediaKind::Audio, MediaKind::Document, MediaKind::Sticker];
const CHANNELS: [Channel; 4] = [Channel::Whatsapp, Channel::Rcs, Channel::Viber, Channel::Mms];

/// What is asked about.
#[derive(Default)]
pub(super) struct Asked {
    what: String,
    channel: String,
    kind: String,
    dialect: String,
}

impl Asked {
    fn of(form: &Fields) -> Self {
        let text = |name: &str| form.text(name).to_owned();
        Self { what: text("what"), channel: text("channel"), kind: text("kind"), dialect: text("dialect") }
    }
}

/// `POST /console/media/check`
pub(in crate::console) async fn check(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let (account, asked) = (account(&console, form.text("account"))?, Asked::of(&form));
    let opinion = opinion(&console, account, &asked).await?;
    let content = html! {
        p.small { a href="/console/media" { "Media" } " / " span.soft { "check" } }
        (head("Check a file", false))
        section.card aria-labelledby="check-title" {
            (found(&opinion))
            (self::form(&visitor, account, &asked))
        }
    };
    Ok(frame(&console, &visitor, "Check a file", None, &content))
}

async fn opinion(console: &Console, account: &Account, asked: &Asked) -> Result<Opinion, Trouble> {
    let desk = &console.core().media;
    let channel = Channel::parse(&asked.channel).ok_or(Trouble::Missing("channel"))?;
    // Messangi follows no redirects.
    let extras = Extras { no_redirects: asked.dialect == "messangi", ..Extras::default() };
    let purpose = |kind| Purpose::new(&asked.dialect, channel, kind, &extras);
    let chosen = MediaKind::parse(&asked.kind);
    if let Ok(record) = desk.find(account, &asked.what) {
        let facts = desk.facts_of(&record).await.ok_or(Trouble::Missing("file"))?;
        let kind = chosen.unwrap_or_else(|| kind_of(&record.mime));
        return Ok(MediaDesk::opinion_of(&facts, &purpose(kind)));
    }
    let is_link = asked.what.starts_with("http://") || asked.what.starts_with("https://");
    if !is_link || asked.what.len() > MAX_LINK {
        let text = "Give a link that begins with http:// or https://, or the id of a file of this account.";
        return Err(Trouble::Refused(text.to_owned()));
    }
    let kind = chosen.unwrap_or_else(|| kind_by_name(&asked.what));
    Ok(desk.opinion_of_link(&asked.what, &purpose(kind)).await)
}

/// The kind that a type is shown as.
pub(super) fn kind_of(mime: &str) -> MediaKind {
    match mime.split('/').next().unwrap_or_default() {
        _ if mime == "image/webp" => MediaKind::Sticker,
        "image" => MediaKind::Image,
        "video" => MediaKind::Video,
        "audio" => MediaKind::Audio,
        _ => MediaKind::Document,
    }
}

/// The same by the end of a link.
fn kind_by_name(link: &str) -> MediaKind {
    let path = link.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    match path.rsplit('.').next().unwrap_or_default() {
        "jpg" | "jpeg" | "png" | "gif" => MediaKind::Image,
        "mp4" | "3gp" => MediaKind::Video,
        "aac" | "amr" | "mp3" | "m4a" | "ogg" | "opus" => MediaKind::Audio,
        "webp" => MediaKind::Sticker,
        _ => MediaKind::Document,
    }
}

pub(super) fn form(visitor: &Visitor, account: &Account, asked: &Asked) -> Markup {
    html! {
        h2 #check-title { "Check a file" }
        form.stack method="post" action="/console/media/check" {
            (csrf(visitor))
            input type="hidden" name="account" value=(account.name);
            div.field {
                label for="check-what" { "Link, or id of a kept file" }
                input #check-what name="what" value=(asked.what) required maxlength=(MAX_LINK) placeholder="https://…" autocomplete="off" spellcheck="false";
            }
            div.filters {
                div.field {
                    label for="check-channel" { "On" }
                    select #check-channel name="channel" {
                        @for channel in CHANNELS { (parts::option(channel.as_str(), parts::channel_name(channel.as_str()), &asked.channel)) }
                    }
                }
                div.field {
                    label for="check-kind" { "Shown as" }
                    select #check-kind name="kind" {
                        (parts::option("", "what it is", &asked.kind))
                        @for kind in KINDS { (parts::option(kind.as_str(), kind.as_str(), &asked.kind)) }
                    }
                }
                div.field {
                    label for="check-dialect" { "Asked for by" }
                    select #check-dialect name="dialect" {
                        (parts::option("", "any API", &asked.dialect))
                        @for dialect in dialects::ALL { (parts::option(dialect.name(), parts::dialect_name(dialect.name()), &asked.dialect)) }
                    }
                }
            }
            div { button type="submit" { "Check" } }
        }
    }
}

fn found(opinion: &Opinion) -> Markup {
    html! {
        div.flash.bad[!opinion.faults.is_empty()] role="status" {
            @match &opinion.unsure {
                Some(why) => { strong { "Nobody knows. " } "It would be sent all the same: " (why) "." }
                None if opinion.faults.is_empty() => { strong { "It passes." } " It would be sent as it is." }
                None => {
                    strong { "It would not be sent." }
                    ul { @for fault in &opinion.faults { li { (parts::sentence(&views::short_types(fault))) "." } } }
                }
            }
            @if let Some(facts) = &opinion.facts { p.small { (described(facts)) } }
        }
    }
}

fn described(facts: &Facts) -> String {
    let size = match facts.size {
        Size::Exactly(bytes) => parts::bytes(bytes),
        Size::MoreThan(bytes) => format!("more than {}", parts::bytes(bytes)),
    };
    let declared = facts.declared.as_deref().unwrap_or("no type");
    match facts.format.mime() {
        Some(found) => format!("Declared as {declared}, {size}, by its content {found}."),
        None => format!("Declared as {declared}, {size}, of unknown content."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_shown_as_what_they_are() {
        for (mime, link, kind) in [
            ("image/png", "https://a.example/x.PNG?v=1", MediaKind::Image),
            ("image/webp", "https://a.example/x.webp", MediaKind::Sticker),
            ("audio/ogg", "https://a.example/x.ogg#t", MediaKind::Audio),
            ("application/pdf", "https://a.example/x", MediaKind::Document),
        ] {
            assert_eq!((kind_of(mime), kind_by_name(link)), (kind, kind), "{mime}");
        }
    }
}
