//! People and what they did. Those of the configuration are shown and changed there only.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use super::head;
use crate::{
    clock,
    console::{
        Console,
        forms::Fields,
        gate::Visitor,
        page::{self, Answer, Page, Section, Trouble, csrf},
        parts,
    },
    people::{Origin, Person, Role, audit, directory, password},
};

/// Entries of the audit log per page.
const PAGE: usize = 50;

/// `GET /console/people`
pub(in crate::console) async fn list(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let people = directory::all(console.core()).await?;
    let latest = audit::list(console.core(), String::new(), 10).await?;
    let content = html! {
        (head("People", false))
        div.two {
            section.card aria-labelledby="people-title" {
                h2 #people-title { "Who may sign in" }
                @if people.is_empty() { (parts::empty("Nobody has to sign in to this sandbox.")) } @else {
                    (parts::table("People", &html! {
                        thead { tr { th scope="col" { "Name" } th scope="col" { "Role" } th scope="col" { "Known from" } th scope="col" { span.hidden { "Actions" } } } }
                        tbody { @for person in &people { (row(&visitor, person)) } }
                    }))
                }
            }
            section.card aria-labelledby="add-title" { (add_form(&visitor)) }
        }
        section.card aria-labelledby="audit-title" {
            h2 #audit-title { "Latest actions" }
            (entries(&latest))
            p.more { a href="/console/people/audit" { "All actions" } }
        }
        section.card aria-labelledby="tokens-title" {
            h2 #tokens-title { "Programs" }
            p { "Programs and the command line use tokens of the API instead of passwords." }
            p.more { a href="/console/people/tokens" { "Tokens of the API" } }
        }
    };
    Ok(frame(&console, &visitor, "People", query.given("done"), &content))
}

/// `GET /console/people/audit`
pub(in crate::console) async fn audit(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let mut listed = audit::list(console.core(), query.text("after").to_owned(), PAGE + 1).await?;
    let more = listed.len() > PAGE;
    listed.truncate(PAGE);
    let last = listed.last().map(|(key, _)| key.clone()).filter(|_| more);
    let content = html! {
        p.small { a href="/console/people" { "People" } " / " span.soft { "actions" } }
        (head("Who did what", false))
        section.card { (entries(&listed)) }
        nav.more aria-label="Pages" {
            span {}
            @if let Some(last) = last { a href={ "?" (query.with("after", Some(&last))) } { "Older →" } }
        }
    };
    Ok(frame(&console, &visitor, "Who did what", None, &content))
}

/// `POST /console/people/put`
pub(in crate::console) async fn put(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let name = form.text("name");
    let role = Role::parse(form.text("role")).ok_or(Trouble::Missing("role"))?;
    if console.is_open() {
        let text = "Nobody has to sign in to this sandbox; start it with [console] users to try roles.";
        return Err(Trouble::Refused(text.to_owned()));
    }
    if !directory::is_name(name) {
        return Err(Trouble::Refused("A name has 1 to 64 letters, digits and .-_@".to_owned()));
    }
    let known = directory::find(core, name).await?;
    if known.as_ref().is_some_and(|person| person.origin == Origin::Configuration) {
        return Err(Trouble::Refused(
            "This person is known from the configuration; change it there.".to_owned(),
        ));
    }
    let given = form.all("password").next().unwrap_or_default();
    let hash = match known {
        Some(person) if given.is_empty() => person.password_hash,
        Some(_) | None => console.hasher.hash(given).await.map_err(Trouble::Refused)?,
    };
    directory::put(core, name, role, hash).await?;
    audit::note(core, visitor.name(), "saved a person", name, role.as_str()).await;
    Ok(page::after("/console/people", "added"))
}

/// `POST /console/people/remove`
pub(in crate::console) async fn remove(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let name = form.text("name");
    let person = directory::find(core, name).await?.ok_or(Trouble::Missing("person"))?;
    if person.origin == Origin::Configuration {
        return Err(Trouble::Refused(
            "This person is known from the configuration; change it there.".to_owned(),
        ));
    }
    directory::remove(core, name).await?;
    audit::note(core, visitor.name(), "removed a person", name, "").await;
    Ok(page::after("/console/people", "removed"))
}

fn frame(
    console: &Console,
    visitor: &Visitor,
    title: &str,
    done: Option<&str>,
    content: &Markup,
) -> axum::response::Response {
    Page { console, visitor, section: Section::People, title, done }.show(content)
}

fn row(visitor: &Visitor, person: &Person) -> Markup {
    html! {
        tr {
            td { (person.name) }
            td { (person.role.as_str()) }
            td {
                @match person.origin { Origin::Configuration => "configuration", Origin::Store => "the console" }
            }
            td {
                @if person.origin == Origin::Store {
                    form method="post" action="/console/people/remove" data-confirm={ "Remove " (person.name) "?" } {
                        (csrf(visitor))
                        input type="hidden" name="name" value=(person.name);
                        button.quiet type="submit" { "Remove" span.hidden { " " (person.name) } }
                    }
                }
            }
        }
    }
}

fn add_form(visitor: &Visitor) -> Markup {
    html! {
        h2 #add-title { "Add or change a person" }
        form.stack method="post" action="/console/people/put" {
            (csrf(visitor))
            div.field {
                label for="person-name" { "Name" }
                input #person-name name="name" required maxlength="64" autocomplete="off" autocapitalize="none" spellcheck="false";
            }
            div.field {
                label for="person-role" { "Role" }
                select #person-role name="role" {
                    option value="look" { "look: numbers and contents hidden" }
                    option value="act" { "act: also cancel, send again, replay" }
                    option value="administer" { "administer: also plans, money, secrets and people" }
                }
            }
            div.field {
                label for="person-password" { "Password" }
                input #person-password type="password" name="password" autocomplete="new-password" minlength=(password::MIN) maxlength=(password::MAX);
                span.hint { "At least " (password::MIN) " characters. Empty keeps the password of somebody who is there already." }
            }
            div { button.main type="submit" { "Save" } }
        }
    }
}

fn entries(listed: &[(String, audit::Entry)]) -> Markup {
    let now = clock::now();
    html! {
        @if listed.is_empty() { (parts::empty("Nobody did anything yet.")) } @else {
            (parts::table("Actions, newest first", &html! {
                thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "Did" } th scope="col" { "To what" } th.wide scope="col" { "More" } } }
                tbody {
                    @for (_, entry) in listed {
                        tr {
                            td { (parts::ago(entry.at, now)) } td { (entry.who) } td { (entry.action) }
                            td { (subject(&entry.subject)) } td.wide { (entry.detail) }
                        }
                    }
                }
            }))
        }
    }
}

/// Messages are linked to.
fn subject(text: &str) -> Markup {
    let is_message = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    html! {
        @if is_message { a.mono href={ "/console/messages/" (text) } { (text) } } @else { (text) }
    }
}
