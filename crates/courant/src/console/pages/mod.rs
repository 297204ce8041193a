//! The pages, one file each: what they gather, what they show, what their forms do.

pub(super) mod accounts;
pub(super) mod callbacks;
pub(super) mod handsets;
pub(super) mod me;
pub(super) mod media;
pub(super) mod message;
pub(super) mod messages;
pub(super) mod networks;
pub(super) mod overview;
pub(super) mod people;
pub(super) mod plans;
pub(super) mod scenarios;
pub(super) mod sign_in;
pub(super) mod tokens;

use axum::response::{Redirect, Response};
use maud::{Markup, html};

use super::page::Trouble;

/// `GET /console/`
pub(super) async fn home() -> Redirect {
    Redirect::permanent("/console")
}

/// Any other path below `/console`.
pub(super) async fn nowhere() -> Result<Response, Trouble> {
    Err(Trouble::Missing("page"))
}

/// The head of a page, with the switch for its live parts.
fn head(title: &str, live: bool) -> Markup {
    html! {
        div.head {
            h1 { (title) }
            @if live { (live_switch()) }
        }
    }
}

/// Stops and starts the refreshing; shown only where the script runs.
fn live_switch() -> Markup {
    html! { button type="button" hidden data-live-switch aria-pressed="true" { "Live" } }
}
