//! One message: what became of it and why, what it was asked to do, what happens next, and what
//! can be done about it.

mod picture;
mod story;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::IntoResponse,
};
use maud::{Markup, html};
use model::{MessageId, Time};
use store::Record;

use self::{
    picture::{clocks, plan},
    story::{callbacks, exchange, facts, timeline},
};
use super::live_switch;
use crate::{
    clock,
    console::{
        Console,
        forms::Fields,
        gate::Visitor,
        page::{self, Answer, Page, Section, Trouble, csrf},
        parts,
    },
    core::Core,
    desk::accept,
    operate,
    people::Role,
    views::{self, MessageView},
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
                section.card #exchange data-live aria-labelledby="exchange-title" { (exchange(&view, &visitor)) }
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
    operate::cancel(core, visitor.hand(), &record).await?;
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
    operate::sent_again(core, visitor.hand(), record.message.id, new).await;
    Ok(page::after(&path(new), "again"))
}

/// Sends the same once more; the new message.
async fn send_again(core: &Arc<Core>, record: &Record) -> Result<MessageId, Trouble> {
    let prepared = operate::prepare_again(core, record, None).await?;
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
    operate::replay_callbacks(core, visitor.hand(), parked, id).await?;
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
