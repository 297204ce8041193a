//! People who operate the gateway: who they are, what they may do, and what they did.
//!
//! [`directory`] knows them (from the configuration and from the store), [`password`] checks
//! passwords, [`throttle`] slows guessing down, [`session`] remembers who signed in, [`audit`]
//! keeps what was done. Nothing here knows about pages: the console and other ways in use it.

pub mod audit;
pub mod directory;
pub mod password;
pub mod session;
pub mod throttle;

use serde::{Deserialize, Serialize};

pub use directory::{Origin, Person};
pub use session::Session;

/// What a person may do. A higher role may do what the lower ones may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// See everything but phone numbers and content.
    Look,
    /// Also numbers and contents; cancel, send again, replay, pause, upload.
    Act,
    /// Also scenarios, plans, money, tokens, credentials and people.
    Administer,
}

impl Role {
    /// All roles, lowest first.
    pub const ALL: [Self; 3] = [Self::Look, Self::Act, Self::Administer];

    /// The word in configuration and forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Act => "act",
            Self::Administer => "administer",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

#[cfg(test)]
mod tests;
