//! Hands attempts to networks and brings the answers back as events.

use std::sync::Arc;

use connectors::Parcel;
use engine::Event;
use model::{AttemptId, Cause, Content, Fault, Message, RouteName, Span, Time, message::Body};
use store::Record;
use tracing::Instrument;

use crate::{
    clock,
    core::Core,
    desk::shard::Job,
    dispatch::Permit,
    mediadesk::prepare::{self, Ready},
    routes::Route,
};

/// Sends an attempt in a task of its own. The permit is held until the network has answered.
pub fn spawn_send(
    core: &Arc<Core>,
    record: &Record,
    attempt: AttemptId,
    route: RouteName,
    give_up_at: Time,
    permit: Option<Permit>,
) {
    let parcel = parcel(record, attempt, give_up_at);
    let message = Arc::clone(&record.message);
    let core = Arc::clone(core);
    core.open.begin(attempt);
    // Whatever is said on the way, by connectors too, is said of this message.
    let span = tracing::debug_span!(
        "hand_over",
        message_id = %attempt.message,
        step = attempt.step,
        attempt = attempt.attempt,
        %route
    );
    tokio::spawn(async move {
        let began = clock::now();
        let hand_over = core.orphans.begin(&route);
        let event = send(&core, &message, attempt, &route, parcel).instrument(span).await;
        let now = clock::now();
        core.metrics.answered(&route, &event, now.since(began));
        if let Some(trace) = core.traces.of(&message) {
            trace.handed_over(attempt, &route, refusal(&event), began, now);
        }
        drop(permit);
        let upstream = upstream_of(&event);
        let hand_over = Arc::new(hand_over);
        let open = Arc::clone(&hand_over);
        core.shards.send(Job::Answered { id: attempt.message, event, open }).await;
        core.open.end(attempt);
        hand_over.answered(attempt, &upstream);
    });
}

/// Why the network did not take it.
const fn refusal(event: &Event) -> Option<Cause> {
    match event {
        Event::Refused { fault, .. } => Some(fault.cause),
        Event::Accepted
        | Event::Taken { .. }
        | Event::Submitted { .. }
        | Event::Received { .. }
        | Event::Recalled { .. }
        | Event::Woken
        | Event::Cancelled => None,
    }
}

fn upstream_of(event: &Event) -> Vec<String> {
    match event {
        Event::Submitted { upstream, .. } => upstream.clone(),
        Event::Accepted
        | Event::Taken { .. }
        | Event::Refused { .. }
        | Event::Received { .. }
        | Event::Recalled { .. }
        | Event::Woken
        | Event::Cancelled => Vec::new(),
    }
}

/// Asks a network to take an attempt back, in a task of its own.
pub fn spawn_recall(core: &Arc<Core>, record: &Record, attempt: AttemptId, route: RouteName) {
    let Some(target) =
        core.routes.get(&route).filter(|route| route.connector.capabilities().recalls).cloned()
    else {
        return;
    };
    let Some(parcel) = parcel(record, attempt, clock::now()) else { return };
    let upstream = record.state.upstream(attempt.step, attempt.attempt).to_vec();
    let core = Arc::clone(core);
    tokio::spawn(async move {
        let done = target.connector.recall(attempt, &upstream, &parcel).await;
        core.shards.event(attempt.message, Event::Recalled { attempt, done }).await;
    });
}

async fn send(
    core: &Arc<Core>,
    message: &Arc<Message>,
    attempt: AttemptId,
    name: &RouteName,
    parcel: Option<Parcel>,
) -> Event {
    let refused = |fault: Fault| Event::Refused { attempt, fault };
    let Some(mut parcel) = parcel else { return refused(Cause::MissingContent.into()) };
    let Some(route) = core.routes.get(name) else { return refused(Cause::Unconfigured.into()) };
    let within = Span::from_millis(core.config.cascade.answer_within_ms / 4);
    let outcome = match prepare::content(core, message, attempt, name, within).await {
        None => hand_over(route, &parcel).await,
        Some(Err(fault)) => Err(fault),
        Some(Ok(ready)) => {
            parcel.content = ready.content.clone();
            match hand_over(route, &parcel).await {
                Err(fault) => hand_over_renewed(core, route, &mut parcel, &ready, fault, within).await,
                taken => taken,
            }
        }
    };
    match outcome {
        Ok(upstream) => Event::Submitted { attempt, upstream },
        Err(fault) => refused(fault),
    }
}

/// Once more with new ids, if the network may not know those of our uploads any more.
async fn hand_over_renewed(
    core: &Core,
    route: &Route,
    parcel: &mut Parcel,
    ready: &Ready,
    fault: Fault,
    within: Span,
) -> Result<Vec<String>, Fault> {
    let Some(content) = prepare::renewed(core, ready, &fault, within).await else { return Err(fault) };
    parcel.content = content;
    hand_over(route, parcel).await
}

async fn hand_over(route: &Route, parcel: &Parcel) -> Result<Vec<String>, Fault> {
    route.connector.check(&parcel.content)?;
    let submitted = route.connector.send(parcel).await?;
    Ok(submitted.upstream)
}

fn parcel(record: &Record, attempt: AttemptId, give_up_at: Time) -> Option<Parcel> {
    let message = &record.message;
    let step = message.plan().step(attempt.step)?;
    let content: Content = match &step.body {
        Body::Ready(content) => content.clone(),
        Body::Void(_) => return None,
    };
    Some(Parcel {
        attempt,
        recipient: message.recipient.clone(),
        sender: step.sender.clone(),
        content,
        extras: step.extras.clone(),
        priority: message.brief().priority,
        now: clock::now(),
        give_up_at,
    })
}
