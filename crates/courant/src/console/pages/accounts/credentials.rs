//! New credentials for an account. They stand in the configuration, and the store never holds them:
//! this page makes a good secret, shows it once with what to paste, and forgets it.

use std::sync::Arc;

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::{account, frame};
use crate::console::{
    Console,
    credentials::{self, Made},
    forms::{Fields, segment},
    gate::Visitor,
    page::{Answer, Trouble, csrf},
    pages::head,
    parts,
};

/// `POST /console/accounts/{name}/credentials`
pub(in crate::console) async fn make(
    State(console): State<Arc<Console>>,
    visitor: Visitor,
    Path(name): Path<String>,
    form: Fields,
) -> Answer {
    let account = account(&console, &name)?;
    let made = credentials::make(form.text("dialect"), account).ok_or(Trouble::Missing("dialect"))?;
    let dialect = parts::dialect_name(made.dialect);
    visitor.hand().did(console.core(), "made credentials", &account.name, dialect).await;
    let title = format!("New credentials for {name}");
    let content = html! {
        p.small { a href="/console/accounts" { "Accounts" } " / " a href={ "/console/accounts/" (segment(&name)) } { (name) } " / " span.soft { "credentials" } }
        (head(&title, false))
        section.card aria-labelledby="made-title" { (shown(&made, dialect)) }
    };
    Ok(frame(&console, &visitor, &title, None, &content))
}

fn shown(made: &Made, dialect: &str) -> Markup {
    html! {
        h2 #made-title { (dialect) }
        p.flash role="status" { strong { "Shown only now." } " Nothing of it is kept here. Copy it before you leave this page." }
        dl.facts {
            @for (label, value) in &made.lines { dt { (label) } dd { code { (value) } } }
        }
        h3.gap { "For the configuration" }
        pre #snippet tabindex="0" { (made.snippet) }
        p { button.quiet type="button" hidden data-copy="snippet" { "Copy" } }
        ol {
            li { "Add it to the account, beside what is there: " (made.beside) }
            li { "Check it with " code { "courant check" } ", then start Courant again; nothing on its way is lost." }
            li { "Move the clients to the new one, then take the old one out and start again." }
        }
        p.small.soft { "A secret can stand in a file or the environment instead: " code { "{ file = \"/run/secrets/…\" }" } " or " code { "{ env = \"…\" }" } "." }
    }
}

/// Asks for new credentials.
pub(super) fn form(visitor: &Visitor, name: &str) -> Markup {
    html! {
        form.line.more method="post" action={ "/console/accounts/" (segment(name)) "/credentials" } {
            (csrf(visitor))
            label.hidden for="credentials-dialect" { "API of the new credentials" }
            select #credentials-dialect name="dialect" {
                @for dialect in dialects::ALL { (parts::option(dialect.name(), parts::dialect_name(dialect.name()), "")) }
            }
            button type="submit" { "Make new credentials" }
        }
    }
}
