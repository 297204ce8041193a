//! The console at `/console`: pages for the people who operate the gateway, made on the server.
//!
//! [`gate`] lets people in, by role, and checks every form before its page sees it; [`page`] is
//! the frame around each page, `parts` the pieces that pages share; below are the pages, one file
//! each. The one script only refreshes what is on screen: everything works without it.

mod assets;
mod chart;
mod credentials;
mod forms;
mod gate;
mod json;
mod page;
mod pages;
mod parts;
mod samples;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};

use self::pages::{
    accounts, callbacks, handsets, me, media, message, messages, networks, overview, people, plans,
    scenarios, sign_in, tokens,
};
use crate::{
    app::App,
    core::Core,
    people::{Role, password::Hasher, session, throttle::Throttle},
};

/// What the pages share.
struct Console {
    app: Arc<App>,
    hasher: Hasher,
    throttle: Throttle,
    /// What forms carry where nobody has to sign in (the sandbox).
    csrf: String,
}

impl Console {
    fn core(&self) -> &Arc<Core> {
        &self.app.core
    }

    /// Whether everybody is an administrator: in a sandbox for which nobody was configured.
    fn is_open(&self) -> bool {
        self.app.sandbox().is_some() && self.core().config.console.users.is_empty()
    }
}

/// All paths of the console.
pub fn router(app: Arc<App>) -> Router {
    let console = Arc::new(Console {
        app,
        hasher: Hasher::default(),
        throttle: Throttle::default(),
        csrf: session::token(),
    });
    let within = |role: Role, router: Router<Arc<Console>>| {
        router.route_layer(from_fn_with_state((Arc::clone(&console), role), gate::gate))
    };
    Router::new()
        .route("/console/assets/{file}", get(assets::asset))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::enter))
        .merge(within(Role::Look, for_looking()))
        .merge(within(Role::Act, for_acting()))
        .merge(within(Role::Administer, for_administering()))
        .route("/console/{*rest}", get(pages::nowhere))
        .layer(from_fn(gate::harden))
        .with_state(console)
}

fn for_looking() -> Router<Arc<Console>> {
    Router::new()
        .route("/console", get(overview::show))
        .route("/console/", get(pages::home))
        .route("/console/messages", get(messages::list))
        .route("/console/messages/{id}", get(message::show))
        .route("/console/networks", get(networks::show))
        .route("/console/callbacks", get(callbacks::show))
        .route("/console/media", get(media::show))
        .route("/console/media/files/{id}", get(media::show_file))
        .route("/console/accounts", get(accounts::list))
        .route("/console/accounts/{name}", get(accounts::show))
        .route("/console/accounts/{name}/balance", get(accounts::show_balance))
        .route("/console/me", get(me::show))
        .route("/console/me/password", post(me::change))
        .route("/console/scenarios", get(scenarios::list))
        .route("/console/scenarios/plans", get(plans::show))
        .route("/console/scenarios/plans/check", post(plans::check))
        .route("/console/scenarios/check", post(scenarios::check))
        .route("/console/sign-out", post(sign_in::leave))
}

fn for_acting() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/messages/{id}/json", get(message::json))
        .route("/console/messages/{id}/cancel", post(message::cancel))
        .route("/console/messages/{id}/again", post(message::again))
        .route("/console/messages/{id}/replay", post(message::replay))
        .route("/console/callbacks/replay", post(callbacks::replay))
        .route(gate::UPLOAD, post(media::upload).layer(DefaultBodyLimit::disable()))
        .route("/console/media/remove", post(media::remove))
        .route("/console/media/check", post(media::check))
        .route("/console/networks/hold", post(networks::hold))
        .route("/console/networks/{name}/change", post(networks::change))
        .route("/console/handsets", get(handsets::list))
        .route("/console/handsets/send", post(handsets::send))
        .route("/console/handsets/lines", post(handsets::lines))
        .route("/console/handsets/{number}", get(handsets::show))
        .route("/console/handsets/{number}/reply", post(handsets::reply))
        .route("/console/handsets/{number}/behave", post(handsets::behave))
}

fn for_administering() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/scenarios/save", post(scenarios::save))
        .route("/console/scenarios/remove", post(scenarios::remove))
        .route("/console/scenarios/plans/save", post(plans::save))
        .route("/console/scenarios/plans/remove", post(plans::remove))
        .route("/console/scenarios/plans/reset", post(plans::reset))
        .route("/console/accounts/{name}/top-up", post(accounts::put_in))
        .route("/console/accounts/{name}/credentials", post(accounts::make_credentials))
        .route("/console/people/tokens", get(tokens::list))
        .route("/console/people/tokens/make", post(tokens::make))
        .route("/console/people/tokens/revoke", post(tokens::revoke))
        .route("/console/people", get(people::list))
        .route("/console/people/put", post(people::put))
        .route("/console/people/remove", post(people::remove))
        .route("/console/people/audit", get(people::audit))
}
