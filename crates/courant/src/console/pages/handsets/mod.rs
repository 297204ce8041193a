//! The simulated phones of the sandbox: look at them, answer in their owner's name, change how
//! they behave, and send a first message through each API.

mod phone;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{Method, Request, StatusCode, header};
use maud::{Markup, html};
use model::{Phone, Time};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Search;
use tower::ServiceExt;

use self::phone::{Entry, Handset, phone};
use super::{head, live_switch};
use crate::{
    clock,
    console::{
        Console,
        forms::{self, Fields},
        gate::Visitor,
        page::{self, Answer, Page, Section, Trouble, csrf},
        parts,
        samples::{self, Draft},
    },
    people::audit,
    server,
};

/// Phones listed at most.
const MAX_PHONES: usize = 60;
/// Largest answer of the simulated networks that is read.
const MAX_ANSWER: usize = 16 << 20;
/// What each behaviour does, by the last four digits that select it.
const BEHAVIOURS: [(&str, &str); 14] = [
    ("default", "receives at once, reads WhatsApp soon"),
    ("0001", "has no WhatsApp"),
    ("0002", "WhatsApp is never delivered"),
    ("0003", "no WhatsApp, and SMS is undeliverable"),
    ("0004", "never reads WhatsApp"),
    ("0005", "conversation window is closed until the person writes"),
    ("0006", "WhatsApp refuses media"),
    ("0007", "WhatsApp delivers after three seconds"),
    ("0008", "the first two sends are throttled"),
    ("0009", "stopped marketing on WhatsApp"),
    ("0010", "statuses come repeated and out of order"),
    ("0011", "the send is answered late or never"),
    ("0012", "every send is answered after two seconds"),
    ("0013", "the first send gets a server error"),
];

/// `GET /console/handsets`
pub(in crate::console) async fn list(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let number = query.given("number").unwrap_or("15558675309");
    listed(&console, &visitor, Draft::first(number, console.app.url()), false, &query).await
}

/// `POST /console/handsets/lines`: the lines for curl of what was filled in, without sending it.
pub(in crate::console) async fn lines(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let draft = Draft::of(&form, console.app.url()).map_err(Trouble::Refused)?;
    listed(&console, &visitor, draft, true, &Fields::default()).await
}

async fn listed(
    console: &Arc<Console>,
    visitor: &Visitor,
    draft: Draft,
    open: bool,
    query: &Fields,
) -> Answer {
    let network = sandbox(console)?;
    let numbers: Vec<String> = get(network, "/sandbox/handsets").await?;
    let mut phones = Vec::new();
    for number in numbers.iter().take(MAX_PHONES) {
        phones.push(get::<Handset>(network, &format!("/sandbox/handsets/{number}")).await?);
    }
    let latest = |phone: &Handset| phone.inbox.iter().map(|entry| entry.at).max();
    phones.sort_by_key(|phone| std::cmp::Reverse(latest(phone)));
    let content = html! {
        (head("Handsets", true))
        div.compose {
            section.card aria-labelledby="send-title" { (send_form(visitor, console.app.url(), &draft, open)) }
            section aria-labelledby="phones-title" {
                h2 #phones-title { "Phones" }
                div #phones data-live data-every="2000" { (phone_list(&phones, clock::now())) }
            }
        }
    };
    Ok(frame(console, visitor, "Handsets", query, &content))
}

/// `GET /console/handsets/{number}`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(number): Path<String>,
    query: Fields,
) -> Answer {
    let number = digits(&number)?;
    let handset: Handset = get(sandbox(&console)?, &format!("/sandbox/handsets/{number}")).await?;
    let title = format!("Phone {number}");
    let content = html! {
        p.small { a href="/console/handsets" { "Handsets" } " / " span.mono.soft { (number) } }
        div.head { h1 { (title) } (live_switch()) }
        div.desk {
            (phone(&console, &visitor, &handset))
            div {
                section.card aria-labelledby="behaviour-title" { (behaviour_form(&visitor, &handset)) }
                section.card #passed data-live aria-labelledby="passed-title" {
                    (messages_to(&console, &visitor, &number).await?)
                }
                section.card aria-labelledby="send-title" {
                    (send_form(&visitor, console.app.url(), &Draft::first(&number, console.app.url()), false))
                }
            }
        }
    };
    Ok(frame(&console, &visitor, &title, &query, &content))
}

/// `POST /console/handsets/{number}/reply`
pub(in crate::console) async fn reply(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(number): Path<String>,
    form: Fields,
) -> Answer {
    let number = digits(&number)?;
    let body = json!({ "channel": form.text("channel"), "text": form.text("text") });
    post(sandbox(&console)?, Method::POST, &format!("/sandbox/handsets/{number}/reply"), &body).await?;
    audit::note(console.core(), visitor.name(), "replied for a phone", number.as_str(), "").await;
    Ok(page::after(&format!("/console/handsets/{number}"), "replied"))
}

/// `POST /console/handsets/{number}/behave`
pub(in crate::console) async fn behave(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(number): Path<String>,
    form: Fields,
) -> Answer {
    let number = digits(&number)?;
    let body = json!({ "behaviour": form.text("behaviour") });
    post(sandbox(&console)?, Method::PUT, &format!("/sandbox/handsets/{number}"), &body).await?;
    audit::note(console.core(), visitor.name(), "changed a phone", number.as_str(), form.text("behaviour"))
        .await;
    Ok(page::after(&format!("/console/handsets/{number}"), "behaves"))
}

/// `POST /console/handsets/send`: goes through the dialect as a caller's request would.
pub(in crate::console) async fn send(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    sandbox(&console)?;
    let draft = Draft::of(&form, console.app.url()).map_err(Trouble::Refused)?;
    let sample = samples::all(&draft).into_iter().find(|sample| sample.dialect == form.text("dialect"));
    let sample = sample.ok_or(Trouble::Missing("dialect"))?;
    let began = clock::now();
    let mut request = Request::post(sample.path.as_str()).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in &sample.headers {
        request = request.header(*name, value);
    }
    let request = request.body(Body::from(sample.body.to_string())).map_err(|_| Trouble::Store)?;
    let response = server::ask(&console.app, request).await;
    if !response.status().is_success() {
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), MAX_ANSWER).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        return Err(Trouble::Refused(format!("The API answered {status}: {text}")));
    }
    let search = Search { recipient: Some(draft.number.clone()), since: Some(began), ..Search::default() };
    let sent = console.core().store.search(search, None, 1).await?;
    let subject = sent.first().map(|record| record.message.id.to_string()).unwrap_or_default();
    audit::note(console.core(), visitor.name(), "sent a sample", subject, sample.dialect).await;
    Ok(match sent.first() {
        Some(record) => page::after(&format!("/console/messages/{}", record.message.id), "sent"),
        None => page::after(&format!("/console/handsets/{}", draft.number), "sent"),
    })
}

fn sandbox(console: &Console) -> Result<&Router, Trouble> {
    console.app.sandbox().ok_or(Trouble::Missing("page"))
}

fn digits(number: &str) -> Result<String, Trouble> {
    let phone = Phone::parse(number).ok_or(Trouble::Missing("phone"))?;
    Ok(phone.digits().to_owned())
}

async fn get<T: for<'de> Deserialize<'de>>(network: &Router, path: &str) -> Result<T, Trouble> {
    let request = Request::get(path).body(Body::empty()).map_err(|_| Trouble::Missing("phone"))?;
    let value = answer(network, request).await?;
    serde_json::from_value(value).map_err(|error| {
        tracing::error!(%error, "the simulated networks answered in an unknown form");
        Trouble::Store
    })
}

async fn post(network: &Router, method: Method, path: &str, body: &Value) -> Result<Value, Trouble> {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_string()));
    answer(network, request.map_err(|_| Trouble::Missing("phone"))?).await
}

/// Asks the simulated networks in this process, by the same paths that everybody uses.
async fn answer(network: &Router, request: Request<Body>) -> Result<Value, Trouble> {
    let response = network.clone().oneshot(request).await.into_response();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), MAX_ANSWER).await.map_err(|_| Trouble::Store)?;
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    match status {
        StatusCode::OK => Ok(value),
        StatusCode::NOT_FOUND if value["error"].is_null() => Err(Trouble::Missing("phone")),
        _ => Err(Trouble::Refused(value["error"].as_str().unwrap_or("the network refused it").to_owned())),
    }
}

fn frame(console: &Console, visitor: &Visitor, title: &str, query: &Fields, content: &Markup) -> Response {
    Page { console, visitor, section: Section::Handsets, title, done: query.given("done") }.show(content)
}

fn phone_list(phones: &[Handset], now: Time) -> Markup {
    html! {
        @if phones.is_empty() { (parts::empty("No phone was used yet. Send a first message.")) }
        ul.phones {
            @for phone in phones {
                li {
                    a href={ "/console/handsets/" (phone.number) } {
                        span.mono { (phone.number) }
                        @match phone.inbox.last() {
                            Some(last) => {
                                span.last.soft.small { (parts::channel_word(&last.channel)) " · " (parts::ago(last.at.0, now)) }
                                span.last { (excerpt(last)) }
                            }
                            None => span.last.soft { "nothing arrived" },
                        }
                    }
                }
            }
        }
    }
}

fn excerpt(entry: &Entry) -> String {
    let caption = entry.media.as_ref().and_then(|media| media.caption.clone());
    entry.text.clone().or(caption).unwrap_or_else(|| format!("({})", entry.kind))
}

fn behaviour_form(visitor: &Visitor, handset: &Handset) -> Markup {
    html! {
        h2 #behaviour-title { "How it behaves" }
        form.line method="post" action={ "/console/handsets/" (handset.number) "/behave" } {
            (csrf(visitor))
            label.hidden for="behaviour" { "Behaviour" }
            select #behaviour name="behaviour" {
                @for (code, words) in BEHAVIOURS {
                    (parts::option(code, &format!("{code}: {words}"), &handset.behaviour))
                }
            }
            button type="submit" { "Set" }
        }
        p.hint { "Without a choice here, the last four digits of the number decide." }
    }
}

async fn messages_to(console: &Console, visitor: &Visitor, number: &str) -> Result<Markup, Trouble> {
    let search = Search { recipient: Some(number.to_owned()), ..Search::default() };
    let records = console.core().store.page(search, None, 8).await?.records;
    let now = clock::now();
    let rows = records.iter().map(|record| crate::views::row(console.core(), record, visitor.sight()));
    Ok(html! {
        h2 #passed-title { "Messages to this phone" }
        @if records.is_empty() { (parts::empty("No message was sent to it.")) } @else {
            (parts::table("Messages to this phone", &html! {
                thead { tr { th scope="col" { "Message" } th scope="col" { "Status" } th scope="col" { "Channel" } } }
                tbody {
                    @for row in rows {
                        tr {
                            td { a href={ "/console/messages/" (row.id) } { (parts::ago(row.accepted_at.0, now)) } " by " (parts::dialect_name(&row.dialect)) }
                            td { (parts::status_word(&row.status)) }
                            td { (parts::channel_word(&row.channel)) }
                        }
                    }
                }
            }))
            p.more { a href={ "/console/messages?" (forms::query(&[("number", number)])) } { "All of them" } }
        }
    })
}

fn send_form(visitor: &Visitor, url: &str, draft: &Draft, open: bool) -> Markup {
    let samples = samples::all(draft);
    html! {
        h2 #send-title { "Send a first message" }
        form.stack method="post" action="/console/handsets/send" {
            (csrf(visitor))
            fieldset {
                legend { "Speak as" }
                div.choices {
                    @for (index, sample) in samples.iter().enumerate() {
                        label {
                            input type="radio" name="dialect" value=(sample.dialect) checked[index == 0];
                            (parts::dialect_name(sample.dialect))
                        }
                    }
                }
            }
            div.filters {
                div.field {
                    label for="send-number" { "To" }
                    input #send-number name="number" value=(draft.number) required inputmode="tel" maxlength="24" autocomplete="off";
                }
                div.field {
                    label for="send-media" { "With" }
                    select #send-media name="media" {
                        @for (value, text) in samples::MEDIA { (parts::option(value, text, draft.media)) }
                    }
                }
                div.field {
                    label for="send-wait" { "SMS after" }
                    select #send-wait name="wait" {
                        @for (value, text) in [("600", "0.6 s"), ("5000", "5 s"), ("30000", "30 s")] { (parts::option(value, text, &draft.wait_ms.to_string())) }
                    }
                }
            }
            div.field {
                label for="send-text" { "Text" }
                input #send-text name="text" value=(draft.text) required maxlength="600" autocomplete="off";
            }
            p.hint { "WhatsApp first, then SMS, where the API has a fallback: Telesign waits as chosen, Infobip at least 30 s." }
            div.line {
                button.main type="submit" { "Send" }
                button type="submit" formaction="/console/handsets/lines" { "Show as curl" }
            }
        }
        h3 { "The same from your own client" }
        @for sample in &samples {
            details id={ "curl-" (sample.dialect) } open[open] {
                summary { (parts::dialect_name(sample.dialect)) }
                pre id={ "line-" (sample.dialect) } tabindex="0" { (sample.curl(url)) }
                button.quiet type="button" hidden data-copy={ "line-" (sample.dialect) } { "Copy" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::BEHAVIOURS;

    #[test]
    fn every_behaviour_of_the_sandbox_has_words() {
        let known: BTreeMap<&str, &str> = BEHAVIOURS.into_iter().collect();
        for (_, code) in ::sandbox::Behaviour::ALL {
            assert!(known.contains_key(code), "{code}");
        }
        assert_eq!(known.len(), ::sandbox::Behaviour::ALL.len());
    }
}
