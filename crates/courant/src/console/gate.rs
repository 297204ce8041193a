//! The gate: who asks, whether the role is enough, and whether a form is one of ours. Every page
//! but the signing in stands behind it.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use model::{Refusal, Span};
use subtle::ConstantTimeEq;

use super::{
    Console,
    forms::{self, Fields},
    pages::sign_in,
};
use crate::{
    operate::Hand,
    people::{Role, Session, directory, session},
    views::Sight,
};

/// The cookie with the session's token.
pub(super) const COOKIE: &str = "courant_session";
/// Largest form.
const MAX_FORM: usize = 256 * 1024;
/// The one form that brings files.
pub(super) const UPLOAD: &str = "/console/media/upload";
/// Longest wait for a form.
const FORM_TIMEOUT: Span = Span::from_secs(10);

/// Everything from our own address, nothing inline, nothing framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The phones of the sandbox show whatever was sent to them, wherever it lies.
const PHONE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' http: https:; media-src 'self' http: https:; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Who looks at a page.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// Who, with what role and form token.
    pub(super) session: Session,
    /// The token of the cookie; none in an open sandbox.
    pub(super) token: Option<String>,
}

impl Visitor {
    /// Whether the visitor may do what this role may.
    pub(super) fn may(&self, role: Role) -> bool {
        self.session.role >= role
    }

    /// The visitor's name.
    pub(super) fn name(&self) -> &str {
        &self.session.name
    }

    /// Whose hand it is, for the log of actions.
    pub(super) fn hand(&self) -> Hand<'_> {
        Hand::Person(&self.session.name)
    }

    /// Numbers and contents are for those who may act.
    pub(super) fn sight(&self) -> Sight {
        if self.may(Role::Act) { Sight::FULL } else { Sight::MASKED }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get().cloned().ok_or(StatusCode::FORBIDDEN)
    }
}

/// The checked form of a `POST`, or the query of a `GET`.
impl<S: Send + Sync> FromRequestParts<S> for Fields {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        match parts.extensions.get() {
            Some(fields) => Ok(Self::clone(fields)),
            None if parts.method == Method::POST => Err(StatusCode::FORBIDDEN),
            None => Ok(Self::parse(parts.uri.query().unwrap_or_default().as_bytes())),
        }
    }
}

/// Why somebody is not let through.
#[derive(Debug)]
enum Closed {
    SignIn,
    NobodyKnown,
    Role(Role),
    Form(&'static str),
    Store,
}

/// Lets a request through to its page, with the visitor and the checked form.
pub(super) async fn gate(
    State((console, role)): State<(Arc<Console>, Role)>,
    request: Request,
    next: Next,
) -> Response {
    let back = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    let is_get = request.method() == Method::GET;
    match admit(&console, role, request).await {
        Ok(request) => next.run(request).await,
        Err(Closed::SignIn) if is_get => {
            Redirect::to(&format!("/console/sign-in?{}", forms::query(&[("next", &back)]))).into_response()
        }
        Err(Closed::SignIn) => Redirect::to("/console/sign-in").into_response(),
        Err(Closed::NobodyKnown) => sign_in::nobody_known(),
        Err(Closed::Role(role)) => {
            let text = format!("This needs the role “{}”. Ask an administrator for it.", role.as_str());
            super::page::trouble(StatusCode::FORBIDDEN, "Not for your role", &text)
        }
        Err(Closed::Form(text)) => {
            super::page::trouble(StatusCode::FORBIDDEN, "The form was not accepted", text)
        }
        Err(Closed::Store) => super::page::unavailable(),
    }
}

async fn admit(console: &Console, needed: Role, request: Request) -> Result<Request, Closed> {
    let (mut parts, mut body) = request.into_parts();
    let visitor = visitor(console, &parts).await?;
    if !visitor.may(needed) {
        return Err(Closed::Role(needed));
    }
    let changes = parts.method != Method::GET && parts.method != Method::HEAD;
    if changes && parts.uri.path() == UPLOAD {
        // Its files do not fit into memory: the page reads the form, and its token first.
        if !is_ours(&parts, console.core().config.server.public_url.as_deref()) {
            return Err(Closed::Form("It came from another site."));
        }
    } else if changes {
        let fields = read_form(console, &parts, body).await.map_err(Closed::Form)?;
        if !same(fields.text("csrf"), &visitor.session.csrf) {
            return Err(Closed::Form(
                "It was made for another session. Go back, reload the page, try again.",
            ));
        }
        parts.extensions.insert(fields);
        body = Body::empty();
    }
    parts.extensions.insert(visitor);
    Ok(Request::from_parts(parts, body))
}

async fn visitor(console: &Console, parts: &Parts) -> Result<Visitor, Closed> {
    if console.is_open() {
        let public_url = console.core().config.server.public_url.as_deref();
        if !is_near(host(parts).unwrap_or_default(), public_url) {
            return Err(Closed::Form(
                "An open sandbox answers to localhost and to plain addresses only; set server.public_url for others.",
            ));
        }
        let session =
            Session { name: "sandbox".to_owned(), role: Role::Administer, csrf: console.csrf.clone() };
        return Ok(Visitor { session, token: None });
    }
    let store = |_: Refusal| Closed::Store;
    if let Some(token) = cookie(&parts.headers, COOKIE)
        && let Some(session) = session::find(console.core(), &token).await.map_err(store)?
    {
        return Ok(Visitor { session, token: Some(token) });
    }
    let people = directory::all(console.core()).await.map_err(store)?;
    Err(if people.is_empty() { Closed::NobodyKnown } else { Closed::SignIn })
}

/// Reads a form that one of our own pages sent.
pub(super) async fn read_form(console: &Console, parts: &Parts, body: Body) -> Result<Fields, &'static str> {
    if !is_ours(parts, console.core().config.server.public_url.as_deref()) {
        return Err("It came from another site.");
    }
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err("It is not a form.");
    }
    let read = tokio::time::timeout(FORM_TIMEOUT.to_std(), Limited::new(body, MAX_FORM).collect());
    match read.await {
        Ok(Ok(collected)) => Ok(Fields::parse(&collected.to_bytes())),
        Ok(Err(_)) => Err("It is too large, or broke off."),
        Err(_) => Err("It did not arrive in time."),
    }
}

/// Whether a browser says that our own page sent this. Clients that say nothing are no browsers,
/// and the form's token is checked in any case.
fn is_ours(parts: &Parts, public_url: Option<&str>) -> bool {
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    let Some(origin) = text("origin") else { return true };
    // A proxy may name another host than browsers do.
    origin.split("://").nth(1) == host(parts) || Some(origin) == public_url
}

/// Whom the request is for, port included. HTTP/2 says it in the address of the request.
fn host(parts: &Parts) -> Option<&str> {
    let named = parts.uri.authority().map(http::uri::Authority::as_str);
    named.or_else(|| parts.headers.get(header::HOST)?.to_str().ok())
}

/// Whether a host can only be meant by somebody close: no other site can make a browser believe
/// that its own name leads here, and so read an open sandbox through a visitor's browser.
fn is_near(host: &str, public_url: Option<&str>) -> bool {
    let public = public_url.and_then(|url| url.split("://").nth(1));
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    // A name without a dot cannot be anybody's on the internet.
    let local = !name.is_empty() && (!name.contains('.') || name.ends_with(".localhost"));
    bare.parse::<std::net::IpAddr>().is_ok() || (local && !name.contains(':')) || Some(host) == public
}

/// Whether two secrets are the same, in constant time.
pub(super) fn same(given: &str, known: &str) -> bool {
    given.as_bytes().ct_eq(known.as_bytes()).into()
}

/// The value of a cookie.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// Sets a cookie that scripts do not see and other sites do not send. `seconds` of 0 removes it.
pub(super) fn set_cookie(console: &Console, name: &str, value: &str, seconds: u64) -> HeaderValue {
    let public = console.core().config.server.public_url.as_deref().unwrap_or_default();
    let secure = console.app.url().starts_with("https://") || public.starts_with("https://");
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/console; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).expect("hex digits and names are visible ASCII")
}

/// Headers of every answer.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let policy = if request.uri().path().starts_with("/console/handsets") { PHONE_POLICY } else { POLICY };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(uri: &str, pairs: &[(&str, &str)]) -> Parts {
        let request =
            pairs.iter().fold(Request::post(uri), |request, (name, value)| request.header(*name, *value));
        request.body(Body::empty()).expect("a request").into_parts().0
    }

    #[test]
    fn forms_of_other_sites_are_not_ours() {
        let ours =
            |pairs: &[(&str, &str)]| is_ours(&parts("/console", pairs), Some("https://public.example"));
        assert!(ours(&[("host", "a:1"), ("origin", "http://a:1")]));
        assert!(ours(&[("host", "a:1"), ("origin", "https://public.example")]));
        assert!(ours(&[("host", "a:1")]));
        assert!(!ours(&[("host", "a:1"), ("origin", "http://b:1")]));
        assert!(!ours(&[("host", "a:1"), ("origin", "null")]));
        assert!(!ours(&[("origin", "http://b:1")]));
        assert!(!ours(&[("host", "a:1"), ("sec-fetch-site", "cross-site")]));
        assert!(!ours(&[("host", "a:1"), ("sec-fetch-site", "same-site")]));
    }

    #[test]
    fn a_request_of_http_2_names_its_host_in_its_address() {
        let request = parts("https://a.example/console", &[("origin", "https://a.example")]);
        assert!(is_ours(&request, None));
        let request = parts("https://a.example/console", &[("origin", "https://b.example")]);
        assert!(!is_ours(&request, None));
    }

    #[test]
    fn an_open_sandbox_does_not_answer_to_names_that_others_can_own() {
        let public = Some("https://sandbox.example");
        for near in
            ["127.0.0.1:8480", "[::1]:8480", "localhost:1", "a.localhost", "courant:80", "sandbox.example"]
        {
            assert!(is_near(near, public), "{near}");
        }
        for far in ["evil.example", "evil.example:8480", "127.0.0.1.evil.example", "sandbox.example:1", ""] {
            assert!(!is_near(far, public), "{far}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = parts("/", &[("cookie", "a=1; courant_session=abc; b=2")]).headers;
        assert_eq!(cookie(&headers, COOKIE).as_deref(), Some("abc"));
        assert_eq!(cookie(&headers, "c"), None);
    }
}
