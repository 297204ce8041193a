//! Makes an attempt's content ready for its network: media checked, converted, uploaded, short
//! links made.

use std::sync::Arc;

use futures_util::FutureExt;
use media::{
    check::{CheckPolicy, Verdict},
    library::{MediaId, Record as Kept, extension},
    limits::{Purpose, Violation, judge, max_bytes},
    probe::{Facts, Size},
};
use model::{
    AttemptId, Cause, Channel, Content, Fault, Message, Span,
    content::{MediaSource, Text},
    message::{Body, Step},
};
use store::Record;

use super::{
    MediaDesk,
    convert::{Converter, MAX_SOURCE},
    files::{Got, LocalFile},
    network::{NetworkId, Place},
    short,
    spots::{self, Spot},
    waiting::Standing,
};
use crate::{
    accounts::Account,
    config::{CheckMedia, Config, MediaMode},
    core::Core,
    routes::Route,
};

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
struct Used {
    place: Place,
    file: Arc<LocalFile>,
    id: NetworkId,
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
struct Errand {
    message: Arc<Message>,
    attempt: AttemptId,
    route: Arc<Route>,
    account: Arc<Account>,
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
    if !desk.waiting.begin(attempt) {
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

    fn step(&self) -> &Step {
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

/// One place of a content that names media, being looked at.
struct Look<'a> {
    errand: &'a Errand,
    core: &'a Core,
    spot: &'a Spot,
    notes: &'a mut Vec<String>,
    uploads: &'a mut Vec<Used>,
}

impl Look<'_> {
    /// What to name in its place; `None` leaves it as the caller wrote it.
    async fn source(&mut self) -> Result<Option<MediaSource>, Fault> {
        let spot = self.spot;
        match &spot.source {
            // An id that is not ours is the network's.
            MediaSource::Id(id) => match self.own(MediaId::parse(id)) {
                Some(kept) => self.kept(&kept).await,
                None => Ok(None),
            },
            MediaSource::Link(link) => match self.own(self.core.media.own_link(link)) {
                Some(kept) if self.mode() == MediaMode::Auto => {
                    let file = self.kept_file(&kept).await?;
                    self.judged(&file, true).await
                }
                Some(kept) => self.kept(&kept).await,
                None if self.mode() == MediaMode::Id => self.by_id(link).await,
                None => self.by_link(link).await,
            },
        }
    }

    fn own(&self, id: Option<MediaId>) -> Option<Arc<Kept>> {
        let kept = self.core.media.library.held(id?)?;
        (kept.account == self.errand.message.account).then_some(kept)
    }

    fn mode(&self) -> MediaMode {
        self.errand.route.media
    }

    fn purpose(&self) -> Purpose<'_> {
        let step = self.errand.step();
        Purpose::new(self.errand.message.dialect, step.channel, self.spot.kind, &step.extras)
    }

    fn policy(&self) -> CheckPolicy {
        match self.errand.account.config.media.policy {
            CheckMedia::Strict => CheckPolicy::Strict,
            CheckMedia::Lenient => CheckPolicy::Lenient,
            CheckMedia::Off => CheckPolicy::Off,
        }
    }

    fn note(&mut self, text: impl AsRef<str>) {
        self.notes.push(format!("{}: {}", self.spot.kind.as_str(), text.as_ref()));
    }

    /// A link that the network shall fetch itself.
    async fn by_link(&mut self, link: &str) -> Result<Option<MediaSource>, Fault> {
        let policy = self.policy();
        let checked = self.core.media.checker.check(link, &self.purpose(), policy).await;
        match checked.verdict {
            Verdict::Ok => {
                if let Some(facts) = &checked.facts {
                    self.note(format!("the link was checked: {}", described(facts)));
                }
                Ok(None)
            }
            Verdict::Unverified(text) => {
                self.note(format!("the link could not be checked and is sent all the same: {text}"));
                Ok(None)
            }
            Verdict::Violation(cause, text) => {
                let converts = matches!(cause, Cause::MediaTooLarge | Cause::MediaUnsupported) && self.fits();
                if !converts {
                    self.note(format!("not sent: {text}"));
                    return Err(cause.into());
                }
                match self.core.media.files.get(link, &self.purpose(), MAX_SOURCE).await {
                    Got::File(file) => self.converted(&file, cause, &text).await.map(Some),
                    Got::TooLarge(_) | Got::Failed(_) => {
                        self.note(format!("not sent: {text}"));
                        Err(cause.into())
                    }
                }
            }
        }
    }

    /// A link whose file the network gets by id.
    async fn by_id(&mut self, link: &str) -> Result<Option<MediaSource>, Fault> {
        let most = if self.fits() { MAX_SOURCE } else { max_bytes(&self.purpose()) };
        match self.core.media.files.get(link, &self.purpose(), most).await {
            Got::File(file) => {
                self.note(format!("the link was fetched: {}", described(&file.facts)));
                match self.judged(&file, false).await? {
                    Some(source) => Ok(Some(source)),
                    None => self.uploaded(file).await.map(Some),
                }
            }
            Got::TooLarge(limit) => {
                self.note(format!("not sent: the file has more than the {limit} bytes that are taken"));
                Err(Cause::MediaTooLarge.into())
            }
            Got::Failed(error) if error.is_definite() || self.policy() == CheckPolicy::Strict => {
                self.note(format!("not sent: {error}"));
                Err(Cause::MediaUnreachable.into())
            }
            Got::Failed(error) => {
                self.note(format!("the link could not be fetched and is sent as it is: {error}"));
                Ok(None)
            }
        }
    }

    /// A file of the library.
    async fn kept(&mut self, kept: &Arc<Kept>) -> Result<Option<MediaSource>, Fault> {
        let file = self.kept_file(kept).await?;
        if let Some(source) = self.judged(&file, true).await? {
            return Ok(Some(source));
        }
        let link = self.core.media.public_link(kept);
        match (self.mode(), link) {
            (MediaMode::Link, Some(link)) => Ok(Some(MediaSource::Link(link))),
            (MediaMode::Link | MediaMode::Auto | MediaMode::Id, link) => {
                match (self.uploaded(file).await, link) {
                    // Networks without a media store of their own fetch it.
                    (Err(fault), Some(link)) if fault.cause == Cause::UnsupportedContent => {
                        Ok(Some(MediaSource::Link(link)))
                    }
                    (outcome, _) => outcome.map(Some),
                }
            }
        }
    }

    async fn kept_file(&mut self, kept: &Arc<Kept>) -> Result<Arc<LocalFile>, Fault> {
        let file = self.core.media.kept_file(kept).await;
        file.ok_or_else(|| {
            self.note("not sent: the uploaded file cannot be read");
            Fault::new(Cause::MediaUnreachable)
        })
    }

    /// Judges a file; `Some` if it had to be made fit.
    async fn judged(&mut self, file: &Arc<LocalFile>, say: bool) -> Result<Option<MediaSource>, Fault> {
        if self.policy() == CheckPolicy::Off {
            return Ok(None);
        }
        let violations = judge(&file.facts, &self.purpose());
        let Some(Violation { cause, text }) = violations.into_iter().next() else {
            if say {
                self.note(format!("the upload was checked: {}", described(&file.facts)));
            }
            return Ok(None);
        };
        if self.fits() {
            return self.converted(file, cause, &text).await.map(Some);
        }
        self.note(format!("not sent: {text}"));
        Err(cause.into())
    }

    fn fits(&self) -> bool {
        self.errand.account.config.media.fit && self.core.media.converter.can(self.spot.kind)
    }

    async fn converted(
        &mut self,
        file: &Arc<LocalFile>,
        cause: Cause,
        why: &str,
    ) -> Result<MediaSource, Fault> {
        let made = self.core.media.converter.fit(file, &self.purpose()).await;
        match made {
            Ok(made) => {
                let was = described(&file.facts);
                let wanted = Converter::wanted(&self.purpose());
                self.note(format!(
                    "changed, because {why}: {was} became {} ({wanted})",
                    described(&made.facts)
                ));
                self.uploaded(made).await
            }
            Err(text) => {
                self.note(format!("not sent: {why}; it could not be made fit: {text}"));
                Err(cause.into())
            }
        }
    }

    async fn uploaded(&mut self, file: Arc<LocalFile>) -> Result<MediaSource, Fault> {
        let place =
            Place { route: Arc::clone(&self.errand.route), sender: self.errand.step().sender.clone() };
        let id = self.core.media.network.id(&place, &file).await;
        let id =
            id.inspect_err(|fault| self.note(format!("the network did not take the file: {}", fault.cause)))?;
        let source = MediaSource::Id(id.id.clone());
        self.uploads.push(Used { place, file, id });
        Ok(source)
    }
}

fn described(facts: &Facts) -> String {
    let mime = facts.declared.as_deref().unwrap_or("no type");
    match facts.size {
        Size::Exactly(bytes) => format!("{mime}, {bytes} bytes"),
        Size::MoreThan(bytes) => format!("{mime}, more than {bytes} bytes"),
    }
}

impl MediaDesk {
    /// The public address of a kept file, if the gateway has one.
    pub(super) fn public_link(&self, kept: &Kept) -> Option<String> {
        let path = self.library.public_path(kept.id, extension(&kept.mime));
        self.public_url().map(|url| format!("{url}{path}"))
    }

    /// The kept file that one of our own public addresses names.
    fn own_link(&self, link: &str) -> Option<MediaId> {
        let path = link.strip_prefix(self.public_url()?)?;
        self.library.by_public_path(path).map(|kept| kept.id)
    }
}
