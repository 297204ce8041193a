//! Pauses, drains and resumes routes and senders.

use super::{Fault, Hand};
use crate::{
    core::Core,
    dispatch::{Held, Hold},
};

/// Longest name of a sender.
const MAX_NAME: usize = 100;

/// Changes how a route or a sender stands.
///
/// # Errors
/// If there is no such route, no channel for such a sender, or the store cannot take it now.
pub async fn hold(core: &Core, hand: Hand<'_>, held: Held, hold: Hold) -> Result<(), Fault> {
    let subject = match &held {
        Held::Route(name) => {
            core.routes.get(name).ok_or(Fault::Missing("route"))?;
            format!("route {name}")
        }
        Held::Sender(channel, name) => {
            if name.is_empty() || name.len() > MAX_NAME {
                return Err(Fault::Missing("sender"));
            }
            format!("sender {name} of {channel}")
        }
    };
    core.dispatcher.set_hold(&*core.store, held, hold).await?;
    let action = match hold {
        Hold::Open => "resumed",
        Hold::Paused => "paused",
        Hold::Draining => "began to drain",
    };
    hand.did(core, action, subject, "").await;
    Ok(())
}
