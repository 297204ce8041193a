//! One place of a content that names media: looked at, and told what to name there instead.

use std::{io::ErrorKind, sync::Arc};

use media::{
    check::{CheckPolicy, Verdict},
    library::{MediaId, Record as Kept, extension},
    limits::{Purpose, Violation, judge, max_bytes},
    probe::{Facts, Size},
};
use model::{Cause, Fault, content::MediaSource};

use super::{
    MediaDesk,
    convert::{Converter, MAX_SOURCE},
    files::{Got, LocalFile},
    network::Place,
    prepare::{Errand, Used},
    spots::Spot,
};
use crate::{
    config::{CheckMedia, MediaMode},
    core::Core,
};

/// One place of a content that names media, being looked at.
pub(super) struct Look<'a> {
    pub(super) errand: &'a Errand,
    pub(super) core: &'a Core,
    pub(super) spot: &'a Spot,
    pub(super) notes: &'a mut Vec<String>,
    pub(super) uploads: &'a mut Vec<Used>,
}

impl Look<'_> {
    /// What to name in its place; `None` leaves it as the caller wrote it.
    pub(super) async fn source(&mut self) -> Result<Option<MediaSource>, Fault> {
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
        let account = self.errand.message.account.as_str();
        let checked = self.core.media.checker.check(account, link, &self.purpose(), policy).await;
        if policy != CheckPolicy::Off {
            self.core.metrics.media.checked(&checked);
        }
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
                match self.core.media.files.get(account, link, &self.purpose(), MAX_SOURCE).await {
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
        let account = self.errand.message.account.as_str();
        match self.core.media.files.get(account, link, &self.purpose(), most).await {
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
        file.map_err(|kind| match kind {
            // The object store may be there again later.
            _ if kept.store.is_some() && !is_lost(kind) => {
                self.note("not sent yet: the object store with the upload does not give it");
                Fault::new(Cause::NetworkBusy)
            }
            _ => {
                self.note("not sent: the uploaded file cannot be read");
                Fault::new(Cause::MediaUnreachable)
            }
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
        let made =
            self.core.media.converter.fit(file, &self.purpose(), self.errand.message.account.as_str()).await;
        self.core.metrics.media.converted(self.spot.kind, made.is_ok());
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

/// Whether a file is gone or not what it was.
fn is_lost(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::InvalidData)
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
