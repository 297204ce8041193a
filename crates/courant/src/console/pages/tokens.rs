//! Tokens of the API for operators: listed, made and shown once, revoked.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use super::head;
use crate::{
    admin::{NewToken, Problem, Scope, TokenView, tokens},
    clock,
    console::{
        Console,
        forms::Fields,
        gate::Visitor,
        page::{self, Answer, Page, Section, Trouble, csrf},
        parts,
    },
    core::Core,
    views::Reach,
};

/// Most accounts to be ticked; for others there is the command line.
const MOST_SHOWN: usize = 100;

/// Every scope and what it is for.
const SCOPES: [(Scope, &str); 4] = [
    (Scope::Look, "see everything but numbers, contents and secrets"),
    (Scope::Numbers, "see numbers and contents too"),
    (Scope::Act, "send, cancel, replay, pause"),
    (Scope::Administer, "tokens, money, plans, backups"),
];

/// `GET /console/people/tokens`
pub(in crate::console) async fn list(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    query: Fields,
) -> Answer {
    let known = tokens::list(console.core(), &Reach::All).await?;
    let content = html! {
        (trail())
        (head("Tokens of the API", false))
        div.compose.wide-first {
            section.card aria-labelledby="tokens-title" {
                h2 #tokens-title { "Known tokens" }
                @if known.is_empty() { (parts::empty("None: the API answers nobody.")) } @else { (table(&visitor, &known)) }
            }
            section.card aria-labelledby="make-title" { (form(console.core(), &visitor)) }
        }
    };
    Ok(frame(&console, &visitor, query.given("done"), &content))
}

/// `POST /console/people/tokens/make`: shows the token, once.
pub(in crate::console) async fn make(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    let wanted = |scope: &Scope| form.all("scope").any(|word| word == scope.as_str());
    let scopes = SCOPES.iter().map(|(scope, _)| *scope).filter(|scope| wanted(scope)).collect();
    let accounts = form.all("account").map(str::to_owned).collect();
    let new = NewToken { name: form.text("name").to_owned(), scopes, accounts };
    let made = tokens::create(console.core(), visitor.hand(), new).await?;
    let content = html! {
        (trail())
        (head("A new token", false))
        section.card aria-labelledby="made-title" {
            h2 #made-title { (made.view.name) }
            p.flash role="status" { strong { "Shown only now." } " The store has only its digest. Copy it before you leave this page." }
            pre #token tabindex="0" { (made.token) }
            p { button.quiet type="button" hidden data-copy="token" { "Copy" } }
            p { "Send it as " code { "Authorization: Bearer …" } ", or give it to the command line:" }
            pre tabindex="0" { "export COURANT_TOKEN=…\ncourant messages --url " (console.app.url()) }
            p { a href="/console/people/tokens" { "To all tokens" } }
        }
    };
    Ok(frame(&console, &visitor, None, &content))
}

/// `POST /console/people/tokens/revoke`
pub(in crate::console) async fn revoke(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    form: Fields,
) -> Answer {
    tokens::revoke(console.core(), visitor.hand(), form.text("id"), &Reach::All).await?;
    Ok(page::after("/console/people/tokens", "revoked"))
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        match problem.status {
            500.. => Self::Store,
            404 => Self::Missing("token"),
            _ => Self::Refused(parts::sentence(&problem.detail).replace('`', "") + "."),
        }
    }
}

fn frame(
    console: &Console,
    visitor: &Visitor,
    done: Option<&str>,
    content: &Markup,
) -> axum::response::Response {
    Page { console, visitor, section: Section::People, title: "Tokens of the API", done }.show(content)
}

fn trail() -> Markup {
    html! { p.small { a href="/console/people" { "People" } " / " span.soft { "tokens" } } }
}

fn table(visitor: &Visitor, known: &[TokenView]) -> Markup {
    let now = clock::now();
    parts::table(
        "Tokens",
        &html! {
            thead { tr { th scope="col" { "Name" } th scope="col" { "May" } th scope="col" { "For" } th scope="col" { "Made" } th scope="col" { span.hidden { "Actions" } } } }
            tbody {
                @for token in known {
                    tr {
                        td { (token.name) }
                        td { (token.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ")) }
                        td {
                            @if token.accounts.is_empty() { span.soft { "all accounts" } } @else { (token.accounts.join(", ")) }
                        }
                        td {
                            @match (&token.created_at, &token.created_by) {
                                (Some(at), Some(by)) => { (parts::ago(at.0, now)) " by " (by) }
                                (_, _) => span.soft { "in the configuration" },
                            }
                        }
                        td {
                            @if let Some(id) = &token.id {
                                form method="post" action="/console/people/tokens/revoke" data-confirm={ "Revoke " (token.name) "?" } {
                                    (csrf(visitor))
                                    input type="hidden" name="id" value=(id);
                                    button.quiet type="submit" { "Revoke" span.hidden { " " (token.name) } }
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn form(core: &Core, visitor: &Visitor) -> Markup {
    html! {
        h2 #make-title { "Make a token" }
        form.stack method="post" action="/console/people/tokens/make" {
            (csrf(visitor))
            div.field {
                label for="token-name" { "Name" }
                input #token-name name="name" required maxlength="100" autocomplete="off" spellcheck="false" placeholder="billing export";
            }
            fieldset {
                legend { "It may" }
                div.choices.down {
                    @for (scope, words) in SCOPES {
                        label { input type="checkbox" name="scope" value=(scope.as_str()) checked[scope == Scope::Look]; span { strong { (scope.as_str()) } ": " (words) } }
                    }
                }
            }
            fieldset {
                legend { "For these accounts only; if none is ticked, for all and for the gateway itself" }
                div.choices.down {
                    @for account in core.accounts.all().iter().take(MOST_SHOWN) {
                        label { input type="checkbox" name="account" value=(account.name); span { (account.name) } }
                    }
                }
            }
            div { button.main type="submit" { "Make it" } }
        }
    }
}
