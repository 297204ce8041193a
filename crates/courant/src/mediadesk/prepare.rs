//! Makes an attempt's content ready for its network: media checked, converted, uploaded, short
//! links made.

use std::sync::Arc;

use futures_util::FutureExt;
use model::{
    AttemptId, Cause, Channel, Content, Fault, Message, Span,
    content::{MediaSource, Text},
    message::{Body, Step},
};
use store::Record;

use super::{
    MediaDesk,
    files::LocalFile,
    look::Look,
    network::{NetworkId, Place},
    short,
    spots::{self, Spot},
    waiting::Standing,
};
use crate::{accounts::Account, config::Config, core::Core, routes::Route};

/// Longest preparation; every stage of it has a shorter limit of its own.
const LONGEST: Span = Span::from_secs(180);
/// When an attempt is offered again for which there is no room now.
const CROWDED: Span = Span::from_secs(1);

/// What came of a preparation.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What to note in the message's history.
    pub(super) notes: Vec<String>,
    /// The content, or why it must not be sent.
    pub(crate) result: Result<Ready, Fault>,
}

/// Content as the network shall get it.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The content.
    pub(crate) content: Content,
    /// What of it is named by ids of the network.
    uploads: Vec<Used>,
}

/// A file of ours that a content names by the network's id.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) place: Place,
    pub(super) file: Arc<LocalFile>,
    pub(super) id: NetworkId,
}

/// Whether an attempt may leave.
#[derive(Debug)]
pub enum Readiness {
    /// It may, and this belongs into its history.
    Go(Vec<String>),
    /// It is being prepared and will be offered again.
    Preparing,
    /// There is no room for preparing it; to be offered again after this time.
    Crowded(Span),
}

/// One preparation.
#[derive(Clone)]
pub(super) struct Errand {
    pub(super) message: Arc<Message>,
    attempt: AttemptId,
    pub(super) route: Arc<Route>,
    pub(super) account: Arc<Account>,
    spots: Vec<Spot>,
    short_link: bool,
}

/// Whether an attempt has anything to prepare: media, or a short link to media.
#[must_use]
pub fn concerns(message: &Message, attempt: AttemptId) -> bool {
    message.plan().step(attempt.step).is_some_and(|step| has_short_link(step) || names_media(&step.body))
}

/// How much longer a step may wait for its first hand-over because its media are looked at: a
/// check, and perhaps a second fetch and an upload.
#[must_use]
pub fn time_for(config: &Config, body: &Body) -> Span {
    if names_media(body) { Span::from_millis(config.media.fetch_timeout_ms).times(2) } else { Span::ZERO }
}

fn names_media(body: &Body) -> bool {
    matches!(body, Body::Ready(content) if !spots::spots(content).is_empty())
}

fn has_short_link(step: &Step) -> bool {
    let text = |text: &Text| text.body.contains(short::PLACEHOLDER);
    step.channel == Channel::Sms && matches!(&step.body, Body::Ready(Content::Text(body)) if text(body))
}

/// Whether a queued attempt may leave. If not, its preparation goes on (or begins) in a task of its
/// own, which puts the attempt back into its lane when it is done. So slow servers take no place
/// in a network's window, and the patience of a step, which counts from its first hand-over, does
/// not run.
pub fn readiness(
    core: &Arc<Core>,
    record: &Record,
    attempt: AttemptId,
    route: &model::RouteName,
) -> Readiness {
    let desk = &core.media;
    let Some(errand) = Errand::of(core, &record.message, attempt, route) else {
        return Readiness::Go(Vec::new());
    };
    match desk.waiting.standing(attempt) {
        Standing::Ready => return Readiness::Go(desk.waiting.take_notes(attempt)),
        Standing::Busy => return Readiness::Preparing,
        Standing::Unknown => {}
    }
    // What is known from earlier messages needs no waiting.
    if let Some(outcome) = errand.prepare(core).now_or_never() {
        desk.waiting.put(attempt, outcome);
        return Readiness::Go(desk.waiting.take_notes(attempt));
    }
    if !desk.waiting.begin(attempt, &record.message.account) {
        return Readiness::Crowded(CROWDED);
    }
    tokio::spawn(errand.prepare_and_enqueue(Arc::clone(core), record.clone()));
    Readiness::Preparing
}

/// The content of an attempt that leaves. Usually it is ready; after a crash, or if too many were
/// waiting, it is prepared now, for at most `within`.
pub(crate) async fn content(
    core: &Arc<Core>,
    message: &Arc<Message>,
    attempt: AttemptId,
    route: &model::RouteName,
    within: Span,
) -> Option<Result<Ready, Fault>> {
    if let Some(outcome) = core.media.waiting.take(attempt) {
        return Some(outcome.result);
    }
    let errand = Errand::of(core, message, attempt, route)?;
    let outcome = tokio::time::timeout(within.to_std(), errand.prepare(core)).await;
    // What was begun goes on, so that the next attempt finds it.
    Some(outcome.map_or_else(|_| Err(Fault::new(Cause::NetworkBusy)), |outcome| outcome.result))
}

/// The content with new ids for the files that a network does not know any more; `None` if that
/// would not help.
pub(crate) async fn renewed(core: &Core, ready: &Ready, fault: &Fault, within: Span) -> Option<Content> {
    // Networks tell of unknown ids in different words.
    let may_be_the_id =
        matches!(fault.cause, Cause::MediaUnknown | Cause::MediaUnreachable | Cause::InvalidContent);
    if !may_be_the_id || ready.uploads.is_empty() {
        return None;
    }
    let renewing = async {
        let mut content = ready.content.clone();
        for used in &ready.uploads {
            let fresh = core.media.network.renew(&used.place, &used.file, &used.id).await?;
            let by = spots::spots(&content).into_iter().map(|spot| {
                (spot.source == MediaSource::Id(used.id.id.clone()))
                    .then(|| MediaSource::Id(fresh.id.clone()))
            });
            let by = by.collect();
            spots::replace(&mut content, by);
        }
        Some(content)
    };
    tokio::time::timeout(within.to_std(), renewing).await.ok().flatten()
}

/// Takes the mark of a preparation away, should its task die.
struct Mark<'a>(&'a MediaDesk, AttemptId);

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        self.0.waiting.abandon(self.1);
    }
}

impl Errand {
    fn of(core: &Core, message: &Arc<Message>, attempt: AttemptId, route: &model::RouteName) -> Option<Self> {
        let step = message.plan().step(attempt.step)?;
        let Body::Ready(content) = &step.body else { return None };
        let (spots, short_link) = (spots::spots(content), has_short_link(step));
        if spots.is_empty() && !short_link {
            return None;
        }
        Some(Self {
            route: Arc::clone(core.routes.get(route)?),
            account: Arc::clone(core.accounts.by_name(&message.account)?),
            message: Arc::clone(message),
            attempt,
            spots,
            short_link,
        })
    }

    pub(super) fn step(&self) -> &Step {
        self.message.plan().step(self.attempt.step).expect("looked up when the errand was made")
    }

    async fn prepare_and_enqueue(self, core: Arc<Core>, record: Record) {
        let _mark = Mark(&core.media, self.attempt);
        let outcome = tokio::time::timeout(LONGEST.to_std(), self.prepare(&core)).await;
        let outcome = outcome.unwrap_or_else(|_| Outcome {
            notes: vec!["preparing the media took too long".to_owned()],
            result: Err(Fault::new(Cause::NetworkBusy)),
        });
        core.media.waiting.put(self.attempt, outcome);
        core.dispatcher.enqueue(&record, self.attempt, &self.route.name, record.message.accepted_at);
    }

    async fn prepare(&self, core: &Core) -> Outcome {
        let mut notes = Vec::new();
        let result = self.ready(core, &mut notes).await;
        Outcome { notes, result }
    }

    async fn ready(&self, core: &Core, notes: &mut Vec<String>) -> Result<Ready, Fault> {
        let Body::Ready(content) = &self.step().body else { return Err(Cause::MissingContent.into()) };
        let mut content = content.clone();
        let mut uploads = Vec::new();
        let mut by = Vec::with_capacity(self.spots.len());
        for spot in &self.spots {
            by.push(Look { errand: self, core, spot, notes, uploads: &mut uploads }.source().await?);
        }
        spots::replace(&mut content, by);
        if let (true, Content::Text(text)) = (self.short_link, &mut content) {
            text.body = short::fill(core, &self.message, self.attempt.step, &text.body).await?;
        }
        Ok(Ready { content, uploads })
    }
}
