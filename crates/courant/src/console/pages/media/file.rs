//! One file: shown, judged for every channel, removed.

use std::sync::Arc;

use axum::extract::{Path, State};
use maud::{Markup, html};
use media::{
    library::Record,
    limits::{Purpose, rows},
    probe::Facts,
};
use model::message::Extras;

use super::{account, frame, kept};
use crate::{
    clock,
    console::{
        Console,
        forms::{self, Fields},
        gate::Visitor,
        page::{self, Answer, Trouble, csrf},
        pages::head,
        parts,
    },
    mediadesk::MediaDesk,
    operate,
    people::Role,
    views,
};

/// `GET /console/media/files/{id}`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(id): Path<String>,
    query: Fields,
) -> Answer {
    let (account, record) = kept(&console, &id)?;
    let facts = console.core().media.facts_of(&record).await;
    let sees = visitor.sight().numbers;
    let title = record.filename.clone().filter(|_| sees).unwrap_or_else(|| format!("File {id}"));
    let content = html! {
        p.small { a href={ "/console/media?" (forms::query(&[("account", account.name.as_str())])) } { "Media" } " / " span.mono.soft { (id) } }
        (head(&title, false))
        div.two {
            section.card aria-labelledby="preview-title" {
                h2 #preview-title { "Preview" }
                @if sees { (preview(&console, &record)) } @else { (parts::empty("What is in files is for those who may see contents.")) }
            }
            div {
                section.card aria-labelledby="facts-title" { (facts_of(&console, &visitor, &record, facts.as_ref())) }
                @if visitor.may(Role::Act) {
                    section.card aria-labelledby="use-title" { (use_it(&console, &visitor, account.name.as_str(), &record)) }
                }
            }
        }
        section.card aria-labelledby="fit-title" {
            h2 #fit-title { "Which channel takes it" }
            @match facts {
                Some(facts) => (fit(&facts)),
                None => p { "The file cannot be read." },
            }
        }
    };
    Ok(frame(&console, &visitor, &title, query.given("done"), &content))
}

/// `POST /console/media/remove`
pub(in crate::console) async fn remove(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let (owner, record) = kept(&console, form.text("id"))?;
    let owner = account(&console, owner.name.as_str())?;
    if !operate::remove_upload(console.core(), visitor.hand(), owner, record.id).await? {
        return Err(Trouble::Missing("file"));
    }
    let back = forms::query(&[("account", owner.name.as_str())]);
    Ok(page::after(&format!("/console/media?{back}"), "gone"))
}

fn preview(console: &Console, record: &Record) -> Markup {
    let path = console.core().media.path_of(record);
    let name = record.filename.as_deref().unwrap_or("the file");
    let kind = record.mime.split('/').next().unwrap_or_default();
    html! {
        div.preview {
            @match kind {
                "image" if !record.mime.contains("svg") => img src=(path) alt=(name);,
                "video" => video src=(path) controls preload="metadata" aria-label=(name) {},
                "audio" => audio src=(path) controls preload="metadata" aria-label=(name) {},
                _ => span.kind aria-hidden="true" { (parts::file_mark(&record.mime)) },
            }
        }
        p.more { a href=(path) download=(name) { "Download" } }
    }
}

fn facts_of(console: &Console, visitor: &Visitor, record: &Record, facts: Option<&Facts>) -> Markup {
    let now = clock::now();
    let found = facts.and_then(|facts| facts.format.mime());
    html! {
        h2 #facts-title { "The file" }
        dl.facts {
            dt { "Id" } dd.mono { (record.id) }
            dt { "Account" } dd { (record.account) }
            dt { "Type" }
            dd { (record.mime) @if let Some(found) = found.filter(|found| *found != record.mime) { " (by its content " (found) ")" } }
            dt { "Size" } dd { (parts::bytes(record.bytes)) }
            dt { "Uploaded" } dd { (parts::ago(record.created_at, now)) }
            dt { "For new messages" } dd { "until " (parts::day_time(record.expires_at)) }
            dt { "Goes" } dd {
                (parts::ago(record.kept_until(), now))
                @if record.needed_until.is_some_and(|needed| needed > record.expires_at) { ", because a message needs it" }
            }
            dt { "SHA-256" } dd.mono.small { (record.sha256) }
            @if visitor.sight().numbers && let Some(url) = console.core().media.url(record) {
                dt { "Public address" } dd.url { (url) }
            }
        }
    }
}

fn use_it(console: &Console, visitor: &Visitor, account: &str, record: &Record) -> Markup {
    let kind = super::check::kind_of(&record.mime).as_str();
    let body = serde_json::json!({
        "account": account, "to": "15550101234",
        "steps": [{ "channel": "whatsapp", "media": { "kind": kind, "id": record.id.to_string() } }],
    });
    let line = format!(
        "curl -X POST '{}/api/v1/messages' \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'",
        console.app.url()
    );
    html! {
        h2 #use-title { "Use and remove" }
        pre #line-use tabindex="0" { (line) }
        button.quiet type="button" hidden data-copy="line-use" { "Copy" }
        form.line.more method="post" action="/console/media/remove" data-confirm="Remove this file? Messages on their way that name it will fail their steps." {
            (csrf(visitor))
            input type="hidden" name="id" value=(record.id);
            button.danger type="submit" { "Remove" }
        }
    }
}

/// Every row of the table of limits, and what the file lacks for it.
fn fit(facts: &Facts) -> Markup {
    html! {
        (parts::table("Which channel takes it", &html! {
            thead { tr { th scope="col" { "Channel" } th scope="col" { "As" } th scope="col" { "For" } th scope="col" { "Taken" } } }
            tbody {
                @for row in rows() {
                    @let dialect = row.dialects.first().copied().unwrap_or_default();
                    @let purpose = Purpose::new(dialect, row.channel, row.kind, &Extras::default());
                    @let opinion = MediaDesk::opinion_of(facts, &purpose);
                    @let dialects: Vec<&str> = row.dialects.iter().map(|name| parts::dialect_name(name)).collect();
                    tr {
                        td { (parts::channel(row.channel)) }
                        td { (row.kind.as_str()) }
                        td { @if dialects.is_empty() { span.soft { "all others" } } @else { (dialects.join(", ")) } }
                        td {
                            @if opinion.faults.is_empty() { span.badge.good { "yes" } }
                            @else { span.badge.bad { "no" } " " span.small.soft { (views::short_types(&opinion.faults.join("; "))) } }
                        }
                    }
                }
            }
        }))
    }
}
