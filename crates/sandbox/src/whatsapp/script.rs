//! What becomes of a message: the plan that a behaviour makes.

use serde::{Deserialize, Serialize};

use crate::{
    behaviour::Behaviour,
    clock::Millis,
    world::{
        World,
        record::{Action, Entry, Id, Record},
    },
};

use super::{
    error::GraphError,
    events::{self, Business, Rung},
    mime::MediaKind,
};

/// When the network tells `sent`, in milliseconds after its answer.
const SENT_MS: u64 = 10;
/// When the handset gets a message.
const DELIVERED_MS: u64 = 50;
/// When the handset gets a message if it is late.
const LATE_MS: u64 = 3_000;
/// From getting to reading.
const READING_MS: u64 = 150;

/// A message on its way to a handset.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outbound {
    pub(crate) business: Business,
    /// Key of the handset.
    pub(crate) number: String,
    /// For recipients that are not named by number.
    pub(crate) user_id: Option<String>,
    pub(crate) opaque: Option<String>,
    /// Category of the price.
    pub(crate) category: String,
    pub(crate) conversation: String,
    /// Not a template.
    pub(crate) free_form: bool,
    pub(crate) entry: Entry,
    pub(crate) behaviour: Behaviour,
}

/// A link to be fetched before the message goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fetch {
    pub(crate) outbound: Outbound,
    pub(crate) kind: MediaKind,
    pub(crate) link: String,
}

/// How a send is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answering {
    After(u64),
    Never,
}

/// The error with which the behaviour refuses this try, if it does; tries are counted from 0.
pub(crate) fn refusal(behaviour: Behaviour, tries: u32) -> Option<GraphError> {
    match behaviour {
        Behaviour::ThrottledTwice if tries < 2 => Some(GraphError::throttled()),
        Behaviour::FirstFails if tries < 1 => Some(GraphError::server()),
        Behaviour::Default
        | Behaviour::NoWhatsapp
        | Behaviour::Silent
        | Behaviour::Unreachable
        | Behaviour::NeverReads
        | Behaviour::WindowClosed
        | Behaviour::MediaRefused
        | Behaviour::Late
        | Behaviour::ThrottledTwice
        | Behaviour::MarketingStopped
        | Behaviour::Disordered
        | Behaviour::Unanswered
        | Behaviour::Slow
        | Behaviour::FirstFails => None,
    }
}

/// When the send is answered, in milliseconds.
pub(crate) fn answering(behaviour: Behaviour, tries: u32) -> Answering {
    match behaviour {
        Behaviour::Unanswered if tries == 0 => Answering::Never,
        Behaviour::Unanswered => Answering::After(5_000),
        Behaviour::Slow => Answering::After(2_000),
        Behaviour::Default
        | Behaviour::NoWhatsapp
        | Behaviour::Silent
        | Behaviour::Unreachable
        | Behaviour::NeverReads
        | Behaviour::WindowClosed
        | Behaviour::MediaRefused
        | Behaviour::Late
        | Behaviour::ThrottledTwice
        | Behaviour::MarketingStopped
        | Behaviour::Disordered
        | Behaviour::FirstFails => Answering::After(0),
    }
}

/// Why the message fails after it was accepted, if it does.
pub(crate) fn failure(outbound: &Outbound, window_open: bool) -> Option<GraphError> {
    let marketing = outbound.free_form || outbound.category == "marketing";
    match outbound.behaviour {
        Behaviour::NoWhatsapp | Behaviour::Unreachable => Some(GraphError::undeliverable()),
        Behaviour::WindowClosed if outbound.free_form && !window_open => Some(GraphError::window_closed()),
        Behaviour::MediaRefused if outbound.entry.media.is_some() => {
            Some(GraphError::media("The media could not be processed."))
        }
        Behaviour::MarketingStopped if marketing => Some(GraphError::marketing_stopped()),
        Behaviour::Default
        | Behaviour::Silent
        | Behaviour::NeverReads
        | Behaviour::WindowClosed
        | Behaviour::MediaRefused
        | Behaviour::Late
        | Behaviour::ThrottledTwice
        | Behaviour::MarketingStopped
        | Behaviour::Disordered
        | Behaviour::Unanswered
        | Behaviour::Slow
        | Behaviour::FirstFails => None,
    }
}

/// The message fails.
pub(crate) fn fail(
    world: &World,
    id: Id,
    outbound: &Outbound,
    error: &GraphError,
    from: Millis,
) -> Vec<Record> {
    let at = from + world.clock.span(DELIVERED_MS);
    let event = events::failed(outbound, error, at);
    vec![world.job(id, from, DELIVERED_MS, Action::Webhook(event))]
}

/// The message goes to the handset.
pub(crate) fn arrive(world: &World, id: Id, outbound: &Outbound, from: Millis) -> Vec<Record> {
    let number = outbound.number.clone();
    let mut records = Vec::new();
    let mut plan = |delay: u64, action: Action| records.push(world.job(id, from, delay, action));
    let tell = |delay: u64, rung: Rung| {
        Action::Webhook(events::status(outbound, rung, from + world.clock.span(delay)))
    };
    let show = || Action::Show { number: number.clone(), entry: outbound.entry.clone() };
    let read = || Action::Read { number: number.clone(), network_id: outbound.entry.network_id.clone() };

    let delivered = if outbound.behaviour == Behaviour::Late { LATE_MS } else { DELIVERED_MS };
    let reading = delivered + READING_MS;
    match outbound.behaviour {
        Behaviour::Silent => plan(SENT_MS, tell(SENT_MS, Rung::Sent)),
        Behaviour::Disordered => {
            plan(delivered, show());
            plan(reading, read());
            for (late, rung) in [Rung::Read, Rung::Sent, Rung::Read, Rung::Sent].into_iter().enumerate() {
                let delay = reading + 20 * late as u64;
                plan(delay, tell(delay, rung));
            }
        }
        behaviour => {
            plan(SENT_MS, tell(SENT_MS, Rung::Sent));
            plan(delivered, show());
            plan(delivered, tell(delivered, Rung::Delivered));
            if behaviour != Behaviour::NeverReads {
                plan(reading, read());
                plan(reading, tell(reading, Rung::Read));
            }
        }
    }
    records
}
