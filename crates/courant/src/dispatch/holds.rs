//! What operators hold back: routes and senders that are paused or drained. Kept as documents, so
//! that a restart does not set going what somebody stopped.
//!
//! Paused: nothing is handed over; messages stay queued. Draining: what is queued still goes, but
//! new messages are planned without it; a route that is a channel's only one is planned with
//! nevertheless, because a message that waits is better than one that fails.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use model::{Channel, RouteName};
use serde::{Deserialize, Serialize};
use store::{Change, Document, Store, StoreError, Verdict};

use crate::desk::accept::nobody;

const KIND: &str = "hold";
/// Most holds there can be.
const MOST: usize = 10_000;
/// How often a write that lost a race is tried.
const TRIES: usize = 5;

/// Whether something works as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// As usual.
    #[default]
    Open,
    /// Nothing leaves.
    Paused,
    /// Only what is queued leaves.
    Draining,
}

impl Hold {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Draining => "draining",
        }
    }
}

/// What can be held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// A route.
    Route(RouteName),
    /// A sender of a channel, over whatever route.
    Sender(Channel, String),
}

impl Held {
    fn key(&self) -> String {
        match self {
            Self::Route(route) => format!("route/{route}"),
            Self::Sender(channel, name) => format!("sender/{channel}/{name}"),
        }
    }

    fn parse(key: &str) -> Option<Self> {
        let (kind, rest) = key.split_once('/')?;
        match kind {
            "route" => Some(Self::Route(RouteName::from(rest))),
            "sender" => {
                let (channel, name) = rest.split_once('/')?;
                Some(Self::Sender(Channel::parse(channel)?, name.to_owned()))
            }
            _ => None,
        }
    }
}

/// All holds.
#[derive(Debug, Default)]
pub(super) struct Holds {
    held: RwLock<BTreeMap<Held, Hold>>,
}

impl Holds {
    /// How something stands.
    pub(super) fn of(&self, held: &Held) -> Hold {
        let known = self.held.read().unwrap_or_else(PoisonError::into_inner);
        if known.is_empty() { Hold::Open } else { known.get(held).copied().unwrap_or_default() }
    }

    /// Everything that is not open.
    pub(super) fn all(&self) -> Vec<(Held, Hold)> {
        let known = self.held.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(held, hold)| (held.clone(), *hold)).collect()
    }

    /// Reads what is kept.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub(super) async fn load(&self, store: &dyn Store) -> Result<(), StoreError> {
        let documents = store.documents(nobody(), KIND, String::new(), MOST).await?;
        for document in documents {
            if let (Some(held), Ok(hold)) = (Held::parse(&document.key), serde_json::from_str(&document.json))
            {
                self.put(held, hold);
            }
        }
        Ok(())
    }

    /// Changes how something stands, durably first.
    ///
    /// # Errors
    /// If the store cannot take it now.
    pub(super) async fn set(&self, store: &dyn Store, held: Held, hold: Hold) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let known = store.document(nobody(), KIND, held.key()).await?;
            let verdicts =
                store.commit(vec![change(&held, hold, known.map_or(0, |known| known.version))]).await?;
            if verdicts.iter().all(|verdict| *verdict == Verdict::Applied) {
                self.put(held, hold);
                return Ok(());
            }
        }
        Err(StoreError::Busy)
    }

    fn put(&self, held: Held, hold: Hold) {
        let mut known = self.held.write().unwrap_or_else(PoisonError::into_inner);
        match hold {
            Hold::Open => known.remove(&held),
            Hold::Paused | Hold::Draining => known.insert(held, hold),
        };
    }
}

fn change(held: &Held, hold: Hold, version: u32) -> Change {
    let json = serde_json::to_string(&hold).expect("our own types serialise");
    match hold {
        Hold::Open => Change::RemoveDocument { account: nobody(), kind: KIND, key: held.key() },
        Hold::Paused | Hold::Draining => {
            Change::PutDocument(Document { account: nobody(), kind: KIND, key: held.key(), json, version })
        }
    }
}
