//! Tests of the pure parts. The HTTP calls are tested over real sockets in `tests/it`.

mod decode;
mod encode;
mod settings;
mod webhook;

use model::{
    AttemptId, Content, MessageId, Phone, Recipient, RouteName, Time,
    message::{Extras, Priority},
};

use super::{Settings, WhatsappCloud};
use crate::Parcel;

pub(super) const SECRET: &str = "app-secret";

/// Settings of a route with two numbers.
pub(super) fn settings() -> Settings {
    serde_json::from_value(serde_json::json!({
        "base_url": "http://127.0.0.1:9",
        "numbers": [
            {"sender": ["shop", "Shop Two"], "phone_number_id": "106540352242922", "display": "+1 555-078-3881"},
            {"sender": "help", "phone_number_id": "106540352242923", "display": "15550783882", "waba_id": "1"}
        ],
        "token": "TOKEN",
        "app_secret": SECRET,
        "verify_token": "agreed word"
    }))
    .expect("complete settings")
}

pub(super) fn route() -> WhatsappCloud {
    WhatsappCloud::new(settings(), RouteName::from("wa")).expect("good settings")
}

pub(super) fn attempt() -> AttemptId {
    AttemptId { message: MessageId(0xABCD), step: 1, attempt: 2 }
}

pub(super) fn parcel(content: Content) -> Parcel {
    Parcel {
        attempt: attempt(),
        recipient: Recipient::phone(Phone::parse("+1 650 555 1234").expect("a number")),
        sender: None,
        content,
        extras: Extras::default(),
        priority: Priority::Notice,
        now: Time::from_secs(1_700_000_000),
        give_up_at: Time::from_secs(1_700_000_600),
    }
}
