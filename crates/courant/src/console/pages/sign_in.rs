//! Signing in and out.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{Html, IntoResponse, Redirect, Response},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use maud::{Markup, html};

use crate::{
    clock,
    console::{
        Console,
        forms::Fields,
        gate::{self, Visitor},
        page::{self, Answer, Trouble},
    },
    people::{Person, audit, directory, session},
};

/// Ties the form to the browser that asked for it, before there is a session.
const FORM_COOKIE: &str = "courant_form";
/// How long a form may lie open, in seconds.
const FORM_LIFE: u64 = 3600;

/// `GET /console/sign-in`
pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    query: Fields,
) -> Answer {
    if console.is_open() {
        return Ok(Redirect::to("/console").into_response());
    }
    if directory::all(console.core()).await?.is_empty() {
        return Ok(nobody_known());
    }
    Ok(form(&console, &headers, query.text("next"), None))
}

/// `POST /console/sign-in`
pub(in crate::console) async fn enter(State(console): State<Arc<Console>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match sign_in(&console, &parts, body).await {
        Ok(response) => response,
        Err(Refused { text, next }) => {
            let mut response = form(&console, &parts.headers, &next, Some(&text));
            *response.status_mut() = StatusCode::FORBIDDEN;
            response
        }
    }
}

/// Why somebody was not let in, and where they wanted to go.
struct Refused {
    text: String,
    next: String,
}

async fn sign_in(console: &Console, parts: &Parts, body: Body) -> Result<Response, Refused> {
    let refused = |text: String| Refused { text, next: String::new() };
    let fields = gate::read_form(console, parts, body).await.map_err(|text| refused(text.to_owned()))?;
    let next = fields.text("next").to_owned();
    let refused = |text: String| Refused { text, next: next.clone() };
    let known =
        gate::cookie(&parts.headers, FORM_COOKIE).map(|token| session::digest(&token)).unwrap_or_default();
    if known.is_empty() || !gate::same(fields.text("csrf"), &known) {
        return Err(refused("The form was too old. Please try again.".to_owned()));
    }
    let person = check(console, &fields).await.map_err(refused)?;
    let busy = |_| refused("The store cannot answer at the moment.".to_owned());
    let token = session::begin(console.core(), &person).await.map_err(busy)?;
    audit::note(console.core(), &person.name, "signed in", &person.name, "").await;
    let hours = console.core().config.console.session_hours;
    let cookie = gate::set_cookie(console, gate::COOKIE, &token, hours.saturating_mul(3600));
    let forget = gate::set_cookie(console, FORM_COOKIE, "", 0);
    let mut response = Redirect::to(within(&next)).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response.headers_mut().append(header::SET_COOKIE, forget);
    Ok(response)
}

/// Name and password, slowed down and in the same time for people who do not exist.
async fn check(console: &Console, fields: &Fields) -> Result<Person, String> {
    let name = fields.text("name");
    if !directory::is_name(name) {
        return Err("Name or password is wrong.".to_owned());
    }
    if let Err(wait) = console.throttle.admit(name, clock::now()) {
        return Err(format!("Too many tries. Please wait {} seconds.", wait.as_secs() + 1));
    }
    let person = directory::find(console.core(), name).await;
    let person = person.map_err(|_| "The store cannot answer at the moment.".to_owned())?;
    let password = fields.all("password").next().unwrap_or_default();
    let hash = person.as_ref().map(|person| person.password_hash.as_str());
    let fits = console.hasher.fits(password, hash).await.map_err(|busy| busy.to_string())?;
    match person {
        Some(person) if fits => {
            console.throttle.right(name);
            Ok(person)
        }
        known => {
            // Only tries that could have been right are kept: strangers cannot fill the log.
            if known.is_some() {
                audit::note(console.core(), "somebody", "was not let in", name, "").await;
            }
            Err("Name or password is wrong.".to_owned())
        }
    }
}

/// `POST /console/sign-out`
pub(in crate::console) async fn leave(State(console): State<Arc<Console>>, visitor: Visitor) -> Answer {
    if let Some(token) = &visitor.token {
        session::end(console.core(), token).await.map_err(Trouble::from)?;
        audit::note(console.core(), visitor.name(), "signed out", visitor.name(), "").await;
    }
    let mut response = Redirect::to("/console/sign-in").into_response();
    response.headers_mut().append(header::SET_COOKIE, gate::set_cookie(&console, gate::COOKIE, "", 0));
    Ok(response)
}

/// Only our own pages: an address in the form cannot lead elsewhere.
fn within(next: &str) -> &str {
    let ours = next == "/console" || next.starts_with("/console/") || next.starts_with("/console?");
    let plain = next.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'\\');
    if ours && plain && !next.starts_with("/console/sign-") { next } else { "/console" }
}

fn form(console: &Console, headers: &HeaderMap, next: &str, fault: Option<&str>) -> Response {
    let known = gate::cookie(headers, FORM_COOKIE).filter(|token| token.len() == 64);
    let token = known.filter(|token| token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let token = token.unwrap_or_else(session::token);
    let body = html! {
        main.alone #main {
            p.brand { (page::mark()) span { "Courant" } }
            h1 { "Sign in" }
            @if let Some(fault) = fault { p.flash.bad role="alert" { (fault) } }
            form.stack method="post" action="/console/sign-in" {
                input type="hidden" name="csrf" value=(session::digest(&token));
                input type="hidden" name="next" value=(next);
                div.field {
                    label for="name" { "Name" }
                    input #name name="name" autocomplete="username" required autofocus maxlength="64"
                        autocapitalize="none" spellcheck="false";
                }
                div.field {
                    label for="password" { "Password" }
                    input #password type="password" name="password" autocomplete="current-password" required maxlength="256";
                }
                div { button.main type="submit" { "Sign in" } }
            }
        }
    };
    let mut response = Html(page::document("Sign in", &body).into_string()).into_response();
    let cookie = gate::set_cookie(console, FORM_COOKIE, &token, FORM_LIFE);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// What a fresh installation says.
pub(in crate::console) fn nobody_known() -> Response {
    let body: Markup = html! {
        main.alone.start #main {
            p.brand { (page::mark()) span { "Courant" } }
            h1 { "Nobody may sign in yet" }
            p { "Add yourself to the configuration, then start Courant again:" }
            pre { "[console]\nusers = [{ name = \"you\", role = \"administer\",\n  password_hash = \"…\" }]" }
            p { "The hash comes from " code { "courant password-hash" } ", which asks for a password and prints it." }
        }
    };
    let page = Html(page::document("Nobody may sign in yet", &body).into_string());
    (StatusCode::FORBIDDEN, page).into_response()
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn after_signing_in_one_lands_on_our_own_pages_only() {
        assert_eq!(within("/console/messages?status=failed"), "/console/messages?status=failed");
        for elsewhere in
            ["https://evil.example", "//evil.example", "/consolex", "/console/\\evil", "/console/sign-in", ""]
        {
            assert_eq!(within(elsewhere), "/console", "{elsewhere}");
        }
    }
}
