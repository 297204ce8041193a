//! What must hold for every dialect.

use model::Span;
use serde_json::json;

use crate::{ALL, Dialect, RateState, Settings};

mod anything;
mod causes;
mod claims;
mod refusals;
mod secrets;

/// An account that speaks all dialects and wants to hear of everything.
fn settings() -> Settings {
    let settings = json!({
        "tolerant_json": true,
        "placeholder_digits": true,
        "telesign": {
            "customer_id": "12345678-9ABC-DEF0-1234-56789ABCDEF0",
            "api_keys": ["aHVudGVyMg=="],
            "callback_url": "https://hooks.example/telesign",
            "accept_unencoded_basic": true,
            "intermediate_callbacks": true,
            "inbound_url": "https://hooks.example/mo",
        },
        "infobip": {
            "users": [{"name": "Aladdin", "password": "hunter2"}],
            "keys": ["hunter2"],
            "notify_url": "https://hooks.example/infobip",
            "inbound_url": "https://hooks.example/mo",
        },
        "kaleyra": {
            "sid": "HXAP16XXXXXX97IN",
            "api_keys": ["hunter2"],
            "callback_profiles": {"p": {
                "url": "https://hooks.example/p",
                "headers": {"x-secret": "hunter2"},
                "user": "me",
                "password": "hunter2",
            }},
            "callback_url": "https://hooks.example/kaleyra",
            "inbound_url": "https://hooks.example/mo",
        },
        "messangi": {
            "users": [{"username": "u", "password": "hunter2"}],
            "keys": [{"key": "hunter2"}],
            "callback_urls": ["https://hooks.example/messangi"],
            "callback_headers": {"x-secret": "hunter2"},
            "inbound_url": "https://hooks.example/mo",
        },
        "webex_connect": {
            "service_keys": [{"key": "hunter2", "service_id": "s", "jwt_secret": "aHVudGVyMg=="}],
            "signature_secret": "hunter2",
            "notify_auth": {"7": {"authorization": "hunter2"}},
            "notify_url": "https://hooks.example/webex",
            "inbound_url": "https://hooks.example/mo",
        },
    });
    serde_json::from_value(settings).expect("settings")
}

/// A quota, as the adapter may tell it.
const RATE: RateState =
    RateState { limit: 10, window: Span::from_secs(60), remaining: 3, reset_in: Span::from_secs(5) };

/// Every dialect with the name of its folder, which is its own.
fn all() -> impl Iterator<Item = (&'static str, &'static dyn Dialect)> {
    ALL.iter().map(|dialect| (dialect.name(), *dialect))
}
