//! What becomes of a submitted message: the plan that a behaviour makes.

use crate::{
    behaviour::Behaviour,
    clock::Millis,
    network::Network,
    world::{
        World,
        record::{Action, Id, Part, Record, Sms},
    },
};

use super::{
    pdu::{RSYSERR, RTHROTTLED},
    receipt::{self, DELIVERED, ENROUTE, UNDELIVERABLE},
    submit::Submission,
};

/// How long a message takes to the handset, in milliseconds.
const DELIVERY_MS: u64 = 50;

/// The command status with which the behaviour refuses this try, if it does; counted from 0.
pub(crate) fn refusal(behaviour: Behaviour, tries: u32) -> Option<u32> {
    match behaviour {
        Behaviour::ThrottledTwice if tries < 2 => Some(RTHROTTLED),
        Behaviour::FirstFails if tries < 1 => Some(RSYSERR),
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

/// How long the SMSC takes to answer, in milliseconds.
pub(crate) fn answer_ms(behaviour: Behaviour) -> u64 {
    match behaviour {
        Behaviour::Unanswered => 5_000,
        Behaviour::Slow => 2_000,
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
        | Behaviour::FirstFails => 0,
    }
}

/// The records of an accepted message, which is answered at `answered_at`.
pub(crate) fn plan(
    world: &World,
    system_id: &str,
    id: Id,
    submission: &Submission,
    behaviour: Behaviour,
    answered_at: Millis,
) -> Vec<Record> {
    let number = submission.number.clone();
    let sms = Sms { system_id: system_id.to_owned(), state: ENROUTE, final_at: None };
    let mut records = vec![
        Record::WrittenTo {
            number: number.clone(),
            network: Network::Sms,
            business: submission.source.clone(),
        },
        Record::Sms { id, sms },
    ];
    let mut plan = |delay: u64, action: Action| records.push(world.job(id, answered_at, delay, action));
    let tell = |state: u8| {
        let done_at = answered_at + world.clock.span(DELIVERY_MS);
        Action::Deliver(receipt::receipt(system_id, id, submission, state, answered_at, done_at))
    };
    let registered = submission.registered_delivery;
    if receipt::wants_intermediate(registered) {
        plan(DELIVERY_MS / 2, tell(ENROUTE));
    }
    let state = if behaviour == Behaviour::Unreachable { UNDELIVERABLE } else { DELIVERED };
    match state {
        UNDELIVERABLE => plan(DELIVERY_MS, Action::Undelivered { id }),
        _ => plan(DELIVERY_MS, Action::Part { number, part: part(id, submission) }),
    }
    if receipt::wanted(registered, state) {
        plan(DELIVERY_MS, tell(state));
        if behaviour == Behaviour::Disordered {
            plan(DELIVERY_MS * 2, tell(ENROUTE));
            plan(DELIVERY_MS * 3, tell(state));
        }
    }
    records
}

fn part(id: Id, submission: &Submission) -> Part {
    let place = submission.place;
    Part {
        id,
        from: submission.source.clone(),
        group: format!("{}/{}/{}", submission.source, place.reference, place.total),
        total: place.total,
        number: place.number,
        alphabet: submission.alphabet(),
        octets: submission.octets.to_vec(),
    }
}
