//! The simulated SMSC: an SMPP 3.4 server.
//!
//! It binds transmitters, receivers and transceivers, several per system id; takes `submit_sm`,
//! `data_sm`, `query_sm`, `cancel_sm`, `enquire_link` and `unbind`; joins the parts of long
//! messages; and sends receipts and replies to any session of the system id that receives,
//! holding them while there is none.

pub(crate) mod alphabet;
mod outbox;
mod pdu;
pub(crate) mod receipt;
mod script;
mod session;
mod submit;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{
    SmsAccount,
    listener::Running,
    network::{Network, Switches},
    world::{
        World,
        record::{Action, Record},
        state::State,
    },
};

use self::session::Bound;

pub(crate) use session::serve;

/// Most sessions of one system id.
const MAX_BINDS: usize = 100;
/// Sender that replies go to if no business wrote to the handset.
const NOBODY: &str = "0";

/// The SMSC.
#[derive(Debug)]
pub(crate) struct Smsc {
    world: Arc<World>,
    switches: Arc<Switches>,
    accounts: Vec<SmsAccount>,
    running: Running,
    bound: Mutex<HashMap<String, Vec<Arc<Bound>>>>,
    somebody_bound: Notify,
    turn: AtomicUsize,
}

impl Smsc {
    pub(crate) fn new(
        world: Arc<World>,
        switches: Arc<Switches>,
        accounts: Vec<SmsAccount>,
        running: Running,
    ) -> Self {
        Self {
            world,
            switches,
            accounts,
            running,
            bound: Mutex::default(),
            somebody_bound: Notify::new(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The person with this number writes to a business; `None` without an account to tell.
    /// Gives the id of the first part.
    pub(crate) fn reply(&self, number: &str, to: Option<&str>, text: &str) -> Option<String> {
        let system_id = &self.accounts.first()?.system_id;
        let written_by = |state: &State| {
            state.handset(number).and_then(|handset| handset.written_by(Network::Sms)).map(str::to_owned)
        };
        let business = to
            .map(str::to_owned)
            .or_else(|| self.world.read(written_by))
            .unwrap_or_else(|| NOBODY.to_owned());
        let (id, now) = (self.world.fresh_id(), self.world.clock.now());
        let deliveries = receipt::from_handset(system_id, number, &business, text, id.to_le_bytes()[0]);
        let mut records = vec![Record::Seen { number: number.to_owned() }];
        records.extend(
            deliveries.into_iter().map(|delivery| self.world.job(id, now, 0, Action::Deliver(delivery))),
        );
        self.world.commit(records);
        Some(receipt::message_id(id))
    }

    /// Adds a session; `false` if the system id has too many.
    fn add(&self, system_id: &str, session: Arc<Bound>) -> bool {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = bound.entry(system_id.to_owned()).or_default();
        let room = sessions.len() < MAX_BINDS;
        if room {
            sessions.push(session);
        }
        drop(bound);
        self.somebody_bound.notify_waiters();
        room
    }

    fn remove(&self, system_id: &str, session: &Arc<Bound>) {
        let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sessions) = bound.get_mut(system_id) {
            sessions.retain(|one| !Arc::ptr_eq(one, session));
        }
    }

    /// A session that receives, in turn.
    fn receiver(&self, system_id: &str) -> Option<Arc<Bound>> {
        let bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        let receivers: Vec<_> = bound.get(system_id)?.iter().filter(|session| session.receives()).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        receivers.get(turn.checked_rem(receivers.len())?).map(|session| Arc::clone(session))
    }
}
