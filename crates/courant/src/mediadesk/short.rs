//! Short links: `{media_link}` in an SMS text becomes an address of ours that shows the picture
//! which the other steps of the message carry. Who opens it is counted.

use model::{
    Cause, Fault, Message, MessageId, Span, Time,
    content::{MediaKind, MediaSource},
    message::Body,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Change, NewCallback, Remembered, Verdict};

use super::{
    key::TOKEN_LETTERS,
    spots::{self, Spot},
};
use crate::{
    callbacks::Letter,
    clock,
    core::Core,
    desk::{accept::nobody, shard::Job},
};

/// What is replaced.
pub(super) const PLACEHOLDER: &str = "{media_link}";

const PAGE: &str = "media_link";
const OPENS: &str = "media_opens";
const OPENED: &str = "media_opened";
/// Most characters of a caption that are kept for the page.
const MAX_CAPTION: usize = 1024;

/// What a short link shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) message: MessageId,
    pub(super) step: u8,
    pub(super) kind: MediaKind,
    pub(super) source: MediaSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) caption: Option<String>,
    until: Time,
}

/// How often a short link was opened by people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opens {
    /// How often.
    pub count: u32,
    /// When first.
    pub first: Time,
    /// When last.
    pub last: Time,
}

/// The text with its short links. It is filled in when it is sent, so that its length is counted
/// with them; the page is stored first.
pub(super) async fn fill(core: &Core, message: &Message, step: u8, text: &str) -> Result<String, Fault> {
    let link = match pictured(message, step) {
        Some(spot) => link(core, message, step, spot).await?,
        None => String::new(),
    };
    let text = text.replace(PLACEHOLDER, &link).trim().to_owned();
    if text.is_empty() { Err(Cause::MissingContent.into()) } else { Ok(text) }
}

/// The first media of another step.
fn pictured(message: &Message, step: u8) -> Option<Spot> {
    let steps = message.plan().steps().iter().enumerate();
    let others = steps.filter(|(index, _)| *index != usize::from(step));
    others
        .filter_map(|(_, step)| match &step.body {
            Body::Ready(content) => spots::spots(content).into_iter().next(),
            Body::Void(_) => None,
        })
        .next()
}

async fn link(core: &Core, message: &Message, step: u8, spot: Spot) -> Result<String, Fault> {
    let Some(public_url) = core.media.public_url() else {
        return Ok(match spot.source {
            MediaSource::Link(link) => link,
            MediaSource::Id(_) => String::new(),
        });
    };
    if address(core, &spot.source).is_none() {
        return Ok(String::new());
    }
    let token = token(core, message.id, step);
    let until = clock::now() + Span::from_hours(core.config.store.retention_hours);
    let page = Page {
        message: message.id,
        step,
        kind: spot.kind,
        source: spot.source,
        caption: spot.caption.map(|caption| caption.chars().take(MAX_CAPTION).collect()),
        until,
    };
    let value = serde_json::to_vec(&page).expect("our own types serialise");
    let remembered = Remembered { account: nobody(), kind: PAGE, key: token.clone(), value, until };
    // A repeated attempt finds its page stored already, which is as good.
    let stored = core.store.commit(vec![Change::Remember(remembered)]).await;
    stored.map_err(|_| Fault::new(Cause::NetworkBusy))?;
    Ok(format!("{public_url}/m/{token}"))
}

fn token(core: &Core, message: MessageId, step: u8) -> String {
    core.media.key.token(&[&message.to_bytes(), &[step]])
}

/// Where a browser finds the media of a page.
pub(super) fn address(core: &Core, source: &MediaSource) -> Option<String> {
    match source {
        MediaSource::Link(link) => {
            let url = url::Url::parse(link).ok()?;
            matches!(url.scheme(), "http" | "https").then(|| url.into())
        }
        MediaSource::Id(id) => {
            let kept = core.media.library.held(media::library::MediaId::parse(id)?)?;
            core.media.public_link(&kept)
        }
    }
}

/// The page of a token.
pub(super) async fn page(core: &Core, token: &str) -> Option<Page> {
    let well_formed =
        token.len() == TOKEN_LETTERS && token.bytes().all(|letter| letter.is_ascii_alphanumeric());
    if !well_formed {
        return None;
    }
    let known = core.store.recall(nobody(), PAGE, token.to_owned()).await.ok()??;
    let page: Page = serde_json::from_slice(&known.value).ok()?;
    (page.until > clock::now()).then_some(page)
}

/// Counts a person who opened a page; the first of a page is noted and told. At most so many are
/// counted at once; beyond that the page is shown and not counted.
pub(super) async fn count(core: &Core, token: &str, page: &Page) {
    let Ok(_place) = core.media.openings.try_acquire() else { return };
    // One after the other, so that none is lost.
    let _turn = core.media.counting.lock().await;
    let now = clock::now();
    let before = opens_of(core, token).await;
    let opens = Opens {
        count: before.map_or(1, |before| before.count.saturating_add(1)),
        first: before.map_or(now, |before| before.first),
        last: now,
    };
    let (account, key) = (nobody(), token.to_owned());
    let value = serde_json::to_vec(&opens).expect("our own types serialise");
    let mut changes = vec![
        Change::Forget { account: account.clone(), kind: OPENS, key: key.clone() },
        Change::Remember(Remembered { account, kind: OPENS, key, value, until: page.until }),
    ];
    let first = before.is_none();
    if first {
        changes.extend(told(core, token, page, now).await);
    }
    match core.store.commit(changes).await {
        Ok(verdicts) if first && verdicts.iter().all(|verdict| *verdict == Verdict::Applied) => {
            core.outbox.notify_one();
            let text = "the link in the SMS was opened for the first time".to_owned();
            core.shards.send(Job::Note { id: page.message, by: "media", text }).await;
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, message_id = %page.message, "an opened link was not counted");
        }
    }
}

async fn opens_of(core: &Core, token: &str) -> Option<Opens> {
    let known = core.store.recall(nobody(), OPENS, token.to_owned()).await.ok()??;
    serde_json::from_slice(&known.value).ok()
}

/// How often the short link of a message's step was opened; `None` if never.
pub async fn opens(core: &Core, message: MessageId, step: u8) -> Option<Opens> {
    opens_of(core, &token(core, message, step)).await
}

/// The callback about the first opening, if the account wants one.
async fn told(core: &Core, token: &str, page: &Page, now: Time) -> Option<Change> {
    let record = core.store.load(vec![page.message]).await.ok()?.pop().flatten()?;
    let message = &record.message;
    let url = core.accounts.by_name(&message.account)?.config.media.open_callback.clone()?;
    let body = json!({
        "event": "media_link_opened",
        "message_id": message.id.to_string(),
        "client_id": message.client_ref,
        "recipient": message.recipient.display(),
        "step": page.step,
        "at_ms": now.as_millis(),
    });
    let letter = Letter {
        method: "POST".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string(),
        no_retry: false,
        trace: None,
    };
    let callbacks = vec![NewCallback {
        url,
        request: letter.write(),
        due_at: now,
        about: "media_link_opened".to_owned(),
    }];
    let key = token.to_owned();
    let seen = Remembered {
        account: message.account.clone(),
        kind: OPENED,
        key,
        value: Vec::new(),
        until: page.until,
    };
    Some(Change::Inbound { seen, dialect: message.dialect, callbacks })
}
