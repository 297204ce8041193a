//! The frame around each page: head, navigation, who is signed in, and what was just done.

use axum::response::{Html, IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::{DOCTYPE, Markup, html};
use model::Refusal;

use super::{Console, assets, forms, gate::Visitor, parts};
use crate::{operate::Fault, people::Role};

/// What a page's handler gives back.
pub(super) type Answer = Result<Response, Trouble>;

/// The parts of the console, in the order of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Messages,
    Handsets,
    Networks,
    Callbacks,
    Media,
    Accounts,
    Scenarios,
    People,
    You,
}

impl Section {
    const ALL: [Self; 10] = [
        Self::Overview,
        Self::Messages,
        Self::Handsets,
        Self::Networks,
        Self::Callbacks,
        Self::Media,
        Self::Accounts,
        Self::Scenarios,
        Self::People,
        Self::You,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Messages => "Messages",
            Self::Handsets => "Handsets",
            Self::Networks => "Networks",
            Self::Callbacks => "Callbacks",
            Self::Media => "Media",
            Self::Accounts => "Accounts",
            Self::Scenarios => "Scenarios",
            Self::People => "People",
            Self::You => "You",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/console",
            Self::Messages => "/console/messages",
            Self::Handsets => "/console/handsets",
            Self::Networks => "/console/networks",
            Self::Callbacks => "/console/callbacks",
            Self::Media => "/console/media",
            Self::Accounts => "/console/accounts",
            Self::Scenarios => "/console/scenarios",
            Self::People => "/console/people",
            Self::You => "/console/me",
        }
    }

    fn is_shown(self, console: &Console, visitor: &Visitor) -> bool {
        match self {
            Self::Handsets => console.app.sandbox().is_some() && visitor.may(Role::Act),
            Self::People => visitor.may(Role::Administer),
            // Reached by one's own name.
            Self::You => false,
            Self::Overview
            | Self::Messages
            | Self::Networks
            | Self::Callbacks
            | Self::Media
            | Self::Accounts
            | Self::Scenarios => true,
        }
    }
}

/// One page for one visitor.
pub(super) struct Page<'a> {
    pub(super) console: &'a Console,
    pub(super) visitor: &'a Visitor,
    pub(super) section: Section,
    pub(super) title: &'a str,
    /// What was just done, as a form's page said when it sent the visitor here.
    pub(super) done: Option<&'a str>,
}

impl Page<'_> {
    /// The page with this content.
    pub(super) fn show(&self, content: &Markup) -> Response {
        let body = html! {
            a.skip href="#main" { "Skip to content" }
            div.frame {
                header.side { (self.side()) }
                main #main tabindex="-1" {
                    @if let Some(done) = self.done.and_then(done_text) {
                        p.flash role="status" { (done) }
                    }
                    (content)
                }
            }
        };
        Html(document(self.title, &body).into_string()).into_response()
    }

    fn side(&self) -> Markup {
        let sections =
            Section::ALL.into_iter().filter(|section| section.is_shown(self.console, self.visitor));
        html! {
            a.brand href="/console" { (mark()) span { "Courant" }
                @if self.console.app.sandbox().is_some() { span.tag { "sandbox" } }
            }
            form.find role="search" action="/console/messages" method="get" {
                label.hidden for="find" { "Find a message by any id or number" }
                input #find type="search" name="q" placeholder="Id or number" autocomplete="off"
                    maxlength="512" spellcheck="false";
            }
            nav aria-label="Main" {
                ul {
                    @for section in sections {
                        li {
                            a href=(section.path()) aria-current=[(section == self.section).then_some("page")] {
                                (section.name())
                            }
                        }
                    }
                }
            }
            div.who {
                span {
                    a href="/console/me" aria-current=[(self.section == Section::You).then_some("page")] { (self.visitor.name()) }
                    " " span.soft { "may " (self.visitor.session.role.as_str()) }
                }
                @if self.visitor.token.is_some() {
                    form method="post" action="/console/sign-out" {
                        (csrf(self.visitor))
                        button.quiet type="submit" { "Sign out" }
                    }
                }
            }
        }
    }
}

/// The hidden field that every form carries.
pub(super) fn csrf(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name="csrf" value=(visitor.session.csrf); }
}

/// A whole document.
pub(super) fn document(title: &str, body: &Markup) -> Markup {
    let version = assets::version();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Courant" }
                link rel="icon" type="image/svg+xml" href={ "/console/assets/icon.svg?" (version) };
                link rel="stylesheet" href={ "/console/assets/console.css?" (version) };
                script defer src={ "/console/assets/console.js?" (version) } {}
            }
            body { (body) }
        }
    }
}

/// The mark: two currents, one falling to the other.
pub(super) fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" {
            path d="M2 8c4-5 7-5 10 0s6 5 10 0" fill="none" stroke="currentColor" stroke-width="2.4"
                stroke-linecap="round" {}
            path d="M2 16c4-5 7-5 10 0s6 5 10 0" fill="none" stroke="currentColor" stroke-width="2.4"
                stroke-linecap="round" opacity=".45" {}
        }
    }
}

/// Why a page cannot be shown.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no such thing.
    Missing(&'static str),
    /// What was asked for cannot be done, in words.
    Refused(String),
    /// The store cannot answer now.
    Store,
}

impl From<store::StoreError> for Trouble {
    fn from(error: store::StoreError) -> Self {
        tracing::warn!(%error, "a page could not be made");
        Self::Store
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Overloaded | Refusal::Internal => Self::Store,
            refusal => Self::Refused(refusal.to_string()),
        }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Missing(what) => Self::Missing(what),
            Fault::Invalid(text) | Fault::Conflict(text) => Self::Refused(parts::sentence(&text) + "."),
            Fault::Refused(refusal) => refusal.into(),
            Fault::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        match self {
            Self::Missing(what) => {
                let text = format!("There is no such {what}, or it is not kept any more.");
                trouble(StatusCode::NOT_FOUND, "Not found", &text)
            }
            Self::Refused(text) => trouble(StatusCode::BAD_REQUEST, "That was not done", &text),
            Self::Store => unavailable(),
        }
    }
}

/// A page that says what went wrong.
pub(super) fn trouble(status: StatusCode, title: &str, text: &str) -> Response {
    let body = html! {
        main.alone #main {
            h1 { (title) }
            p { (text) }
            p { a href="/console" { "To the overview" } }
        }
    };
    (status, Html(document(title, &body).into_string())).into_response()
}

/// For when the store does not answer.
pub(super) fn unavailable() -> Response {
    trouble(StatusCode::SERVICE_UNAVAILABLE, "Not now", "The store cannot answer at the moment. Try again.")
}

/// Sends the visitor on after a form, with a word for what was done.
pub(super) fn after(path: &str, done: &str) -> Response {
    let joint = if path.contains('?') { '&' } else { '?' };
    Redirect::to(&format!("{path}{joint}{}", forms::query(&[("done", done)]))).into_response()
}

/// Only known words are shown: an address cannot put text on a page.
fn done_text(word: &str) -> Option<&'static str> {
    Some(match word {
        "cancelled" => "The message was told to stop.",
        "again" => "Sent again as a new message: this one.",
        "replayed" => "The callbacks are on their way again.",
        "nothing" => "There was nothing to replay.",
        "changed" => "Changed.",
        "saved" => "Saved.",
        "added" => "Saved. The person can sign in now.",
        "removed" => "Removed. Open sessions have ended.",
        "replied" => "The reply is on its way to the business.",
        "behaves" => "The phone behaves differently from now on.",
        "sent" => "Accepted. This is what becomes of it.",
        "kept" => "Kept. Messages can name it by its id.",
        "gone" => "The file is removed.",
        "topped-up" => "The money is in the ledger.",
        "revoked" => "Revoked. It opens nothing any more.",
        "password" => "The password is changed. Your other sessions have ended.",
        "scenario-gone" => "The scenario is removed. Requests that name it will be refused.",
        "plans" => "Saved. The plans count for messages accepted from now on.",
        "reset" => "The configuration's plans count again.",
        "refused" => "It was not accepted.",
        _ => return None,
    })
}
