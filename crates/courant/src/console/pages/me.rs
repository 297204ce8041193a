//! One's own password.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use maud::{Markup, html};

use super::head;
use crate::{
    clock,
    console::{
        Console,
        forms::Fields,
        gate::{self, Visitor},
        page::{self, Answer, Page, Section, Trouble, csrf},
    },
    people::{Origin, Person, directory, password, session},
};

/// `GET /console/me`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let known = directory::find(console.core(), visitor.name()).await?;
    Ok(shown(&console, &visitor, known.as_ref(), query.given("done"), None))
}

/// `POST /console/me/password`: all sessions end, and this one begins anew.
pub(in crate::console) async fn change(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let core = console.core();
    let known = directory::find(core, visitor.name()).await?;
    let person = known.filter(|person| person.origin == Origin::Store).ok_or(Trouble::Missing("person"))?;
    let fault = match checked(&console, &person, &form).await {
        Ok(hash) => {
            directory::put(core, &person.name, person.role, hash.clone()).await?;
            visitor.hand().did(core, "changed the own password", &person.name, "").await;
            let token = session::begin(core, &Person { password_hash: hash, ..person }).await?;
            let seconds = core.config.console.session_hours.saturating_mul(3600);
            let cookie = gate::set_cookie(&console, gate::COOKIE, &token, seconds);
            let mut response = page::after("/console/me", "password");
            response.headers_mut().append(header::SET_COOKIE, cookie);
            return Ok(response);
        }
        Err(fault) => fault,
    };
    let mut response = shown(&console, &visitor, Some(&person), None, Some(&fault)).into_response();
    *response.status_mut() = StatusCode::FORBIDDEN;
    Ok(response)
}

/// The hash of the new password, if the old one is right and both new ones are the same. Trying the
/// old one is slowed down like signing in.
async fn checked(console: &Console, person: &Person, form: &Fields) -> Result<String, String> {
    let field = |name| form.all(name).next().unwrap_or_default();
    if field("new") != field("again") {
        return Err("The two new passwords are not the same.".to_owned());
    }
    if let Err(wait) = console.throttle.admit(&person.name, clock::now()) {
        return Err(format!("Too many tries. Please wait {} seconds.", wait.as_secs() + 1));
    }
    let fits = console.hasher.fits(field("old"), Some(&person.password_hash)).await;
    if !fits.map_err(|busy| busy.to_string())? {
        return Err("The old password is wrong.".to_owned());
    }
    console.throttle.right(&person.name);
    console.hasher.hash(field("new")).await
}

fn shown(
    console: &Console,
    visitor: &Visitor,
    known: Option<&Person>,
    done: Option<&str>,
    fault: Option<&str>,
) -> Response {
    let content = html! {
        (head("You", false))
        div.two {
            section.card aria-labelledby="password-title" {
                h2 #password-title { "Change your password" }
                @if let Some(fault) = fault { p.flash.bad role="alert" { (fault) } }
                @match known.map(|person| person.origin) {
                    Some(Origin::Store) => (form(visitor)),
                    Some(Origin::Configuration) => p {
                        "You are known from the configuration, so your password is changed there: "
                        code { "courant password-hash" } " asks for a new one and prints what to put into "
                        code { "console.users" } "."
                    },
                    None => p { "Nobody has to sign in to this sandbox." },
                }
            }
            section.card aria-labelledby="you-title" {
                h2 #you-title { "Who you are" }
                dl.facts {
                    dt { "Name" } dd { (visitor.name()) }
                    dt { "Role" } dd { (visitor.session.role.as_str()) }
                }
            }
        }
    };
    Page { console, visitor, section: Section::You, title: "You", done }.show(&content)
}

fn form(visitor: &Visitor) -> Markup {
    let field = |id: &str, title: &str, complete: &str, least: usize| {
        html! {
            div.field {
                label for=(id) { (title) }
                input id=(id) type="password" name=(id) required autocomplete=(complete) minlength=(least) maxlength=(password::MAX);
            }
        }
    };
    html! {
        form.stack method="post" action="/console/me/password" {
            (csrf(visitor))
            // For password managers.
            input type="text" name="username" value=(visitor.name()) autocomplete="username" hidden readonly;
            (field("old", "The old one", "current-password", 1))
            (field("new", "The new one", "new-password", password::MIN))
            (field("again", "The new one again", "new-password", password::MIN))
            p.hint { "At least " (password::MIN) " characters. Your other sessions end." }
            div { button.main type="submit" { "Change" } }
        }
    }
}
