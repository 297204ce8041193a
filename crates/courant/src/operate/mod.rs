//! What people and programs do to a running gateway: each act is one function here, whatever way
//! in it came by (the console, or the API under `/api/v1`), and each is written into the log of
//! actions with who did it. Looking changes nothing and is not here: that is [`crate::views`].
//!
//! One file per subject. Forms, tokens and roles are the business of the ways in.

mod again;
mod callbacks;
mod messages;
mod money;
pub mod plans;
mod routes;
mod scenarios;
mod uploads;

use std::fmt;

use model::Refusal;
use store::StoreError;

use crate::{core::Core, people::audit};

pub use again::{prepare_again, sending_account};
pub use callbacks::replay_callbacks;
pub use messages::{cancel, sent_again};
pub use money::top_up;
pub use routes::hold;
pub use scenarios::{remove_scenario, save_scenario};
pub use uploads::{remove_upload, upload};

/// Whose hand it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand<'a> {
    /// Somebody at the console.
    Person(&'a str),
    /// A program with a token of the API, by the token's name.
    Token(&'a str),
}

impl fmt::Display for Hand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => f.write_str(name),
            Self::Token(name) => write!(f, "token {name}"),
        }
    }
}

impl Hand<'_> {
    /// As a message's history tells it.
    fn words(self) -> String {
        match self {
            Self::Person(name) => format!("by {name}"),
            Self::Token(name) => format!("with token `{name}`"),
        }
    }

    /// Writes down what was done.
    pub(crate) async fn did(self, core: &Core, action: &str, subject: impl fmt::Display, detail: &str) {
        audit::note(core, &self.to_string(), action, subject, detail).await;
    }
}

/// Why something was not done; nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// There is no such thing.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// It cannot be taken as it was given, in words for people.
    #[error("{0}")]
    Invalid(String),
    /// It stands against what is, in words for people.
    #[error("{0}")]
    Conflict(String),
    /// The desk refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store cannot take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
