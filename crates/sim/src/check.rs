//! What must hold when everything has come to its end.

mod money;

use std::collections::{BTreeMap, BTreeSet};

use courant::{
    assembly::{Parts, assemble},
    callbacks::{self, Letter},
    core::Core,
};
use engine::{Command, Event, Output, State, callback::Outcome};
use model::{MessageId, ReceiptStatus, Time, message::OnUnknown};
use store::{CallbackStanding, Happening, NewCallback, StoredCallback};

use crate::{
    memory::{Row, Tables},
    orders::Order,
    world::{Handed, Inner, World},
};

type Verdict = Result<(), String>;

/// Checks everything; the first thing found wrong is kept.
pub fn check(world: &World, parts: &Parts) {
    if world.lock().failure.is_some() {
        return;
    }
    let core = core_of(parts);
    let tables = world.disk.lock().expect("no reader panics");
    let mut inner = world.lock();
    if let Err(what) = all(&core, &tables, &inner) {
        inner.fail(|| what);
    }
}

/// A core that only answers questions: its workers do not run.
fn core_of(parts: &Parts) -> std::sync::Arc<Core> {
    let parts = Parts {
        config: parts.config.clone(),
        store: std::sync::Arc::clone(&parts.store),
        routes: courant::routes::Routes::given(
            &parts.config,
            parts.routes.all().map(|route| (route.name.clone(), std::sync::Arc::clone(&route.connector))),
        ),
        post: std::sync::Arc::clone(&parts.post),
    };
    assemble(parts).expect("the configuration is right").core
}

fn all(core: &Core, tables: &Tables, inner: &Inner) -> Verdict {
    if !tables.indexes_agree() {
        return Err("indexes do not agree with the facts".to_owned());
    }
    let everything = tables.everything();
    let handed = by_message(&inner.handed);
    for (row, callbacks) in &everything {
        let id = row.record.message.id;
        let own = handed.get(&id).map(Vec::as_slice).unwrap_or_default();
        let told = |verdict: Verdict| verdict.map_err(|what| format!("message {id}: {what}"));
        told(replays(core, row, callbacks, own))?;
        told(facts_agree(row))?;
        told(steps_in_order(own))?;
        told(sends_are_called_for(row, own, inner))?;
        if tables.row(id).is_some() {
            told(confirmed_news_is_kept(row, own))?;
        }
        told(callbacks_were_told(callbacks, inner))?;
    }
    for handed in &inner.handed {
        if !everything.iter().any(|(row, _)| row.record.message.id == handed.attempt.message) {
            return Err(format!("{} was handed over for no message", handed.attempt));
        }
    }
    orders_are_kept(&inner.orders, &everything)?;
    money::adds_up(core, tables.purse(), &everything, inner)?;
    people_are_heard(inner, tables)?;
    nothing_else_was_told(inner, &everything, tables)
}

fn by_message(handed: &[Handed]) -> BTreeMap<MessageId, Vec<&Handed>> {
    let mut by_message: BTreeMap<MessageId, Vec<&Handed>> = BTreeMap::new();
    for one in handed {
        by_message.entry(one.attempt.message).or_default().push(one);
    }
    by_message
}

/// The history, told again to the engine, gives the stored state, the callbacks in the outbox
/// and no other hand-overs than those that happened.
fn replays(core: &Core, row: &Row, callbacks: &[StoredCallback], handed: &[&Handed]) -> Verdict {
    let message = &row.record.message;
    let mut state = State::default();
    let (mut expected, mut sends, mut settles): (Vec<NewCallback>, BTreeSet<_>, u32) = Default::default();
    let mut last = Time::default();
    for entry in &row.history {
        let Happening::Event(event) = &entry.what else { continue };
        if entry.at < last {
            return Err("its history goes back in time".to_owned());
        }
        last = entry.at;
        let mut output = Output::default();
        core.cascade(message).handle(&mut state, entry.at, event, &mut output);
        if output.decisions != entry.decisions {
            return Err(format!(
                "{event:?} was decided as {:?}, now {:?}",
                entry.decisions, output.decisions
            ));
        }
        for command in output.commands {
            match command {
                Command::Notify(occasion) => {
                    let report = core.report_of(message, &state);
                    expected.extend(callbacks::compose(core, &report, &occasion, entry.at));
                }
                Command::Send { attempt, .. } => {
                    sends.insert(attempt);
                }
                Command::Settle => settles += 1,
                Command::Enqueue { .. } | Command::Recall { .. } => {}
            }
        }
    }
    if state != row.record.state {
        return Err("its history does not lead to its state".to_owned());
    }
    if settles != 1 || !state.is_settled() {
        return Err(format!("it settled {settles} times"));
    }
    if let Some(stray) = handed.iter().find(|handed| !sends.contains(&handed.attempt)) {
        return Err(format!("{} was handed over without a decision", stray.attempt));
    }
    let stored: Vec<_> = callbacks.iter().map(|one| (&one.url, &one.request)).collect();
    let wanted: Vec<_> = expected.iter().map(|one| (&one.url, &one.request)).collect();
    if stored != wanted {
        return Err(format!(
            "{} callbacks are called for, {} are stored, or they differ",
            wanted.len(),
            stored.len()
        ));
    }
    Ok(())
}

fn facts_agree(row: &Row) -> Verdict {
    let (state, facts) = (&row.record.state, &row.facts);
    let queued = state.queued().map(|queued| queued.not_before);
    let agree = facts.wake_at == state.wake_at()
        && facts.queued.as_ref().map(|(_, _, at)| *at) == queued
        && facts.status == state.status()
        && facts.settled_at == state.settled_at();
    if !agree {
        return Err(format!("facts {facts:?} do not agree with its state"));
    }
    if facts.wake_at.is_some() || facts.queued.is_some() {
        return Err("it is settled and still waits for something".to_owned());
    }
    Ok(())
}

fn steps_in_order(handed: &[&Handed]) -> Verdict {
    for pair in handed.windows(2) {
        let (earlier, later) = (pair[0].attempt, pair[1].attempt);
        if (later.step, later.attempt) <= (earlier.step, earlier.attempt) {
            return Err(format!("{later} was handed over after {earlier}"));
        }
    }
    Ok(())
}

/// A step is tried again only if its earlier attempt was refused, failed, or is of unknown fate
/// on a route that sends at least once.
fn sends_are_called_for(row: &Row, handed: &[&Handed], inner: &Inner) -> Verdict {
    for pair in handed.windows(2) {
        let (earlier, later) = (pair[0], pair[1]);
        if earlier.attempt.step != later.attempt.step || !earlier.taken || earlier.failed {
            continue;
        }
        let policy = inner.profile.networks[earlier.network].on_unknown;
        if policy == OnUnknown::AtMostOnce {
            return Err(format!(
                "{} was sent although {} was taken, at most once",
                later.attempt, earlier.attempt
            ));
        }
        if answered_before(row, earlier, later) {
            return Err(format!(
                "{} was sent although {} was known to be taken",
                later.attempt, earlier.attempt
            ));
        }
    }
    Ok(())
}

fn answered_before(row: &Row, earlier: &Handed, later: &Handed) -> bool {
    let place = |wanted: &dyn Fn(&Event) -> bool| {
        let is = |what: &Happening| matches!(what, Happening::Event(event) if wanted(event));
        row.history.iter().position(|entry| is(&entry.what))
    };
    let answered =
        place(&|event| matches!(event, Event::Submitted { attempt, .. } if *attempt == earlier.attempt));
    let taken = place(&|event| *event == Event::Taken { attempt: later.attempt });
    answered.zip(taken).is_some_and(|(answered, taken)| answered < taken)
}

/// A delivery that the gateway confirmed to the network shows in the state.
fn confirmed_news_is_kept(row: &Row, handed: &[&Handed]) -> Verdict {
    for one in handed.iter().filter(|one| one.taken && !one.failed && !one.recalled) {
        let known = row.history.iter().any(|entry| {
            matches!(&entry.what, Happening::Event(Event::Submitted { attempt, .. }) if *attempt == one.attempt)
        });
        let delivered = |upstream: &String| {
            one.confirmed.iter().any(|(by, status)| {
                *status == ReceiptStatus::Delivered && by.as_ref().is_none_or(|by| by == upstream)
            })
        };
        if !known || !one.upstream.iter().all(delivered) {
            continue;
        }
        let status = row.record.state.step_status(one.attempt.step);
        if !status.is_some_and(model::Status::is_delivered) {
            return Err(format!("{} was delivered, confirmed and forgotten: {status:?}", one.attempt));
        }
    }
    Ok(())
}

fn callbacks_were_told(callbacks: &[StoredCallback], inner: &Inner) -> Verdict {
    for callback in callbacks {
        let posted = posts_of(callback, inner);
        let confirmed = posted.iter().filter(|posted| confirms(posted.outcome)).count() as u64;
        match callback.standing {
            CallbackStanding::Pending => return Err(format!("callback {} still waits", callback.id)),
            CallbackStanding::Done if confirmed == 0 => {
                return Err(format!("callback {} is done and nobody heard it", callback.id));
            }
            CallbackStanding::Parked if posted.is_empty() => {
                return Err(format!("callback {} was given up without a try", callback.id));
            }
            CallbackStanding::Done | CallbackStanding::Parked => {}
        }
        let same = callbacks.iter().filter(|other| key_of(other) == key_of(callback)).count() as u64;
        if confirmed > same + inner.crashes {
            return Err(format!("callback {} was told {confirmed} times", callback.id));
        }
    }
    callbacks_in_order(callbacks, inner)
}

/// Per address, none is tried before the earlier ones are finished.
fn callbacks_in_order(callbacks: &[StoredCallback], inner: &Inner) -> Verdict {
    for (place, later) in callbacks.iter().enumerate() {
        let own = key_of(later);
        if callbacks[..place].iter().any(|earlier| key_of(earlier) == own) {
            // Worded as an earlier one: which of the two a request is cannot be told.
            continue;
        }
        let first = posts_of(later, inner).first().map(|posted| posted.at);
        for earlier in callbacks[..place].iter().filter(|earlier| earlier.url == later.url) {
            if key_of(earlier) != own && first.is_some_and(|first| first < earlier.due_at) {
                return Err(format!("callback {} was told before {} was finished", later.id, earlier.id));
            }
        }
    }
    Ok(())
}

fn key_of(callback: &StoredCallback) -> (String, String) {
    let letter = Letter::read(&callback.request).expect("the gateway wrote it");
    (callback.url.clone(), letter.body)
}

fn posts_of<'a>(callback: &StoredCallback, inner: &'a Inner) -> &'a [crate::world::Posted] {
    inner.posted.get(&key_of(callback)).map(Vec::as_slice).unwrap_or_default()
}

const fn confirms(outcome: Option<Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Answered { status: 200, .. }))
}

/// What was answered exists, once; what was refused does not.
fn orders_are_kept(orders: &[Order], everything: &[(Row, Vec<StoredCallback>)]) -> Verdict {
    for order in orders {
        let own: Vec<&Row> = everything
            .iter()
            .map(|(row, _)| row)
            .filter(|row| row.record.message.brief().bulk.as_deref() == Some(order.bulk()))
            .collect();
        let batches: BTreeSet<_> = own.iter().map(|row| row.record.message.batch).collect();
        if batches.len() > 1 {
            return Err(format!("{} became {} submissions", order.bulk(), batches.len()));
        }
        match &order.answer {
            None if order.refused && !own.is_empty() => {
                return Err(format!("{} was refused and exists", order.bulk()));
            }
            None if order.key.is_some() && !order.refused => {
                return Err(format!("{} was never answered", order.bulk()));
            }
            None => {}
            Some(accepted) => {
                let there: BTreeSet<MessageId> = own.iter().map(|row| row.record.message.id).collect();
                let wanted = accepted.messages.iter();
                let wanted = wanted.filter(|one| one.rejected != Some(model::Cause::Duplicate));
                let wanted: BTreeSet<MessageId> = wanted.map(|one| one.id).collect();
                if there != wanted {
                    let (there, wanted) = (there.len(), wanted.len());
                    return Err(format!("{}: {wanted} messages accepted, {there} exist", order.bulk()));
                }
            }
        }
    }
    Ok(())
}

/// Each message from a person was told to its account once it was confirmed to the network.
fn people_are_heard(inner: &Inner, tables: &Tables) -> Verdict {
    for (upstream, heard) in &inner.inbound {
        let stored = tables.inbound_callbacks().filter(|callback| {
            let letter = Letter::read(&callback.request).expect("the gateway wrote it");
            letter.body.contains(&format!("\"{upstream}\""))
        });
        let count = stored.count();
        let old = inner.profile.config.store.retention_hours < 720;
        if count > 1 || (*heard && count == 0 && !old) {
            return Err(format!("inbound {upstream} has {count} callbacks"));
        }
    }
    Ok(())
}

fn nothing_else_was_told(
    inner: &Inner,
    everything: &[(Row, Vec<StoredCallback>)],
    tables: &Tables,
) -> Verdict {
    let of_messages = everything.iter().flat_map(|(_, callbacks)| callbacks);
    let known: BTreeSet<_> = of_messages.chain(tables.inbound_callbacks()).map(key_of).collect();
    let stray = inner.posted.keys().find(|key| !known.contains(*key) && !key.0.ends_with("/inbound"));
    stray.map_or(Ok(()), |(url, _)| Err(format!("something was told to {url} that is not stored")))
}
