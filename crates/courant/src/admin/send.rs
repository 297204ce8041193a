//! Sends messages, through the same desk as every dialect.

use std::fmt::Display;

use model::{
    AccountName, Brief, Channel, Content, MessageId, Phone, Recipient, Span, Submission, TraceParent,
    content::{Media, MediaKind, MediaSource, Template, Text},
    message::{Draft, Plan, PlanSource, Priority, StepDraft},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ask::{Ask, Whole},
    messages::named,
    problem::Problem,
};
use crate::{
    app::OWN_DIALECT,
    clock,
    desk::accept::{self, Prepared, Stored},
    exchanges, operate,
    views::Moment,
};

/// Longest patience or validity of a step.
const LONGEST: Span = Span::from_hours(30 * 24);
/// What is taken as a link; whether it leads anywhere, the network will say.
const LINK: &str = "^https?://[!-~]+$";
/// What is taken as an id of a file.
const FILE_ID: &str = "^[!-~]+$";
/// What [`Phone::parse`] takes.
const PHONE: &str = r"^ *\+?([ .()-]*[0-9]){1,20}[ .()-]*$";
/// Most characters of a text; networks have their own, lower limits.
const MAX_TEXT: usize = 65_536;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// The account that sends it.
    #[schemars(length(min = 1, max = 200))]
    pub account: String,
    /// Whom to reach.
    pub to: To,
    /// The steps of its plan, tried in order until it arrives.
    #[schemars(length(min = 1, max = 16))]
    pub steps: Vec<NewStep>,
    /// `one_time`, `notice` (the default) or `marketing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<NewPriority>,
    /// When the first step may leave; at once if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Moment>,
    /// When no new attempt may start any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Moment>,
    /// Your own id for it, unique within the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub client_ref: Option<String>,
    /// Your own id for what it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub bulk: Option<String>,
}

/// Whom to reach: a phone number, or addresses by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum To {
    /// A phone number in international form.
    Number(#[schemars(regex(pattern = PHONE))] String),
    /// Addresses by kind.
    Addresses(Addresses),
}

/// Addresses of one person, at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = has_any_of(&["phone", "email", "push", "whatsapp_user", "other"])))]
pub struct Addresses {
    /// Phone number in international form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = PHONE))]
    pub phone: Option<String>,
    /// Email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 320))]
    pub email: Option<String>,
    /// Registration id of an app on a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub push: Option<String>,
    /// WhatsApp's business-scoped user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub whatsapp_user: Option<String>,
    /// An id that only another channel understands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub other: Option<String>,
}

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewPriority {
    /// One-time codes.
    OneTime,
    /// Alerts, reminders, notifications.
    Notice,
    /// Campaigns.
    Marketing,
}

/// A step: exactly one of `text`, `media` and `template`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = has_any_of(&["text", "media", "template"])))]
pub struct NewStep {
    /// Channel.
    pub channel: NewChannel,
    /// Sender; the account's default for the channel if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub sender: Option<String>,
    /// A text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536))]
    pub text: Option<String>,
    /// Media with a caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<NewMedia>,
    /// A template that the network knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<NewTemplate>,
    /// How long to wait for delivery before the next step (for the last one: how long the network
    /// may keep trying), in milliseconds; the configuration's default if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_592_000_000_u64))]
    pub patience_ms: Option<u64>,
}

/// A channel by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NewChannel(pub Channel);

impl JsonSchema for NewChannel {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Channel".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Channel::ALL.iter().map(|channel| channel.as_str()).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}

/// Media by link, or by the id of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = has_any_of(&["url", "id"])))]
pub struct NewMedia {
    /// Kind.
    pub kind: NewMediaKind,
    /// A link that the network can fetch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), regex(pattern = LINK))]
    pub url: Option<String>,
    /// The id of an upload, ours or the network's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), regex(pattern = FILE_ID))]
    pub id: Option<String>,
    /// Caption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub caption: Option<String>,
    /// File name, for documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub filename: Option<String>,
}

/// Kinds of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewMediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Sound.
    Audio,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
}

/// A template by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTemplate {
    /// Name.
    #[schemars(length(min = 1, max = 512))]
    pub name: String,
    /// Language as the network spells it: `en_US`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    pub language: Option<String>,
    /// Its parameters, in the shape of WhatsApp's Cloud API.
    #[serde(default)]
    pub components: Vec<Value>,
}

/// Schemas of which each asks for one member that is not null.
pub(super) fn has_any_of(names: &[&str]) -> Value {
    let not_null = |name: &&str| serde_json::json!({ "required": [name], "properties": { (*name): { "not": { "type": "null" } } } });
    names.iter().map(not_null).collect()
}

/// A message was stored and is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// Its id.
    pub id: String,
    /// Its submission.
    pub batch: String,
    /// When it was stored.
    pub accepted_at: Moment,
    /// The message that it was made from, if it is sent again.
    pub resent_from: Option<String>,
}

pub(super) async fn send(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let new: NewMessage = ask.body()?;
    // One out of reach does not exist.
    let name = &ask.account(&new.account)?.name;
    let account = operate::sending_account(ask.core(), name)?;
    let mut submission = submission(new)?;
    submission.brief.trace = trace(ask);
    let prepared = accept::prepare(ask.core(), &account, OWN_DIALECT, submission).await?;
    let (response, _) = store(ask, name, prepared, None).await?;
    Ok(response)
}

pub(super) async fn resend(ask: &Ask<'_>) -> Result<Whole, Problem> {
    let record = named(ask).await?;
    let old = record.message.id;
    let prepared = operate::prepare_again(ask.core(), &record, trace(ask)).await?;
    let (response, new) = store(ask, &record.message.account, prepared, Some(old)).await?;
    if let Some(new) = new {
        operate::sent_again(ask.core(), ask.hand(), old, new).await;
    }
    Ok(response)
}

/// The trace that the request is part of, if anybody wants to know.
fn trace(ask: &Ask<'_>) -> Option<TraceParent> {
    ask.core().traces.parent(ask.request.headers())
}

/// Stores it together with the answer; the answer and, if it is new, the message.
async fn store(
    ask: &Ask<'_>,
    account: &AccountName,
    prepared: Prepared,
    from: Option<MessageId>,
) -> Result<(Whole, Option<MessageId>), Problem> {
    let accepted = &prepared.accepted;
    let Some(message) = accepted.messages.first().map(|message| message.id) else {
        return Err(Problem::internal());
    };
    let response = ask.json(&Sent {
        id: message.to_string(),
        batch: accepted.batch.to_string(),
        accepted_at: accepted.at.into(),
        resent_from: from.map(|id| id.to_string()),
    });
    let remember = ask.key.as_ref().map(|key| key.remember(&response, clock::now()));
    // A message sent again has no request of its own.
    let kept = from.is_none().then(|| (account.clone(), accepted.batch));
    match prepared.store(ask.core(), remember).await? {
        Stored::Done => {
            if let Some((account, batch)) = kept {
                exchanges::keep(ask.core(), &account, batch, &ask.request, &response);
            }
            Ok((response, Some(message)))
        }
        Stored::Duplicates(_) => {
            Err(Problem::conflict("a message with this client_ref exists in the account already"))
        }
        Stored::Remembered(known) => match &ask.key {
            Some(key) => Ok((key.replay(&known)?, None)),
            None => Err(Problem::internal()),
        },
    }
}

pub(super) fn submission(new: NewMessage) -> Result<Submission, Problem> {
    let recipient = recipient(new.to)?;
    let steps: Result<Vec<StepDraft>, Problem> = new.steps.into_iter().enumerate().map(step).collect();
    let steps = steps?;
    if steps.is_empty() || steps.len() > Plan::MAX_STEPS {
        return Err(Problem::invalid(format!("`steps` has 1 to {} entries", Plan::MAX_STEPS)));
    }
    let client_ref = bounded("client_ref", new.client_ref, 255)?;
    let bulk = bounded("bulk", new.bulk, 255)?;
    let brief = Brief {
        priority: new.priority.map_or(Priority::Notice, priority),
        send_at: new.send_at.map(|moment| moment.0),
        expires_at: new.expires_at.map(|moment| moment.0),
        ..Brief::default()
    };
    Ok(Submission {
        brief,
        plan: PlanSource::Steps { steps, extend: None },
        recipients: vec![Draft { recipient, client_ref, ..Draft::default() }],
        bulk,
    })
}

const fn priority(priority: NewPriority) -> Priority {
    match priority {
        NewPriority::OneTime => Priority::OneTime,
        NewPriority::Notice => Priority::Notice,
        NewPriority::Marketing => Priority::Marketing,
    }
}

fn bounded(name: impl Display, text: Option<String>, most: usize) -> Result<Option<String>, Problem> {
    match &text {
        Some(given) if given.is_empty() || given.chars().count() > most => {
            Err(Problem::invalid(format!("`{name}` has 1 to {most} characters")))
        }
        Some(_) | None => Ok(text),
    }
}

fn recipient(to: To) -> Result<Recipient, Problem> {
    let phone = |text: &str| {
        let known = |character: char| character.is_ascii_digit() || "+ .()-".contains(character);
        Phone::parse(text).filter(|_| text.chars().all(known)).ok_or_else(|| {
            Problem::invalid("a phone number has up to 20 digits, country code first: +15550100004")
        })
    };
    let addresses = match to {
        To::Number(number) => return Ok(Recipient::phone(phone(&number)?)),
        To::Addresses(addresses) => addresses,
    };
    let recipient = Recipient {
        phone: addresses.phone.as_deref().map(phone).transpose()?,
        email: bounded("to.email", addresses.email, 320)?,
        push: bounded("to.push", addresses.push, 4096)?,
        whatsapp_user: bounded("to.whatsapp_user", addresses.whatsapp_user, 255)?,
        other: bounded("to.other", addresses.other, 255)?,
    };
    if recipient == Recipient::default() {
        return Err(Problem::invalid("`to` has no address"));
    }
    Ok(recipient)
}

fn step((index, new): (usize, NewStep)) -> Result<StepDraft, Problem> {
    let place = format!("steps[{index}]");
    let content = match (new.text, new.media, new.template) {
        (Some(text), None, None) => text_of(&place, text)?,
        (None, Some(media), None) => media_of(&place, media)?,
        (None, None, Some(template)) => template_of(&place, template)?,
        (None, None, None) => {
            return Err(Problem::invalid(format!("`{place}` has no text, media or template")));
        }
        (_, _, _) => {
            return Err(Problem::invalid(format!("`{place}` has more than one of text, media and template")));
        }
    };
    let mut draft = StepDraft::new(new.channel.0, content);
    draft.sender = bounded(format!("{place}.sender"), new.sender, 100)?;
    draft.patience = new.patience_ms.map(Span::from_millis);
    if draft.patience.is_some_and(|patience| patience == Span::ZERO || patience > LONGEST) {
        let most = LONGEST.as_millis();
        return Err(Problem::invalid(format!("`{place}.patience_ms` takes 1 to {most}")));
    }
    Ok(draft)
}

fn text_of(place: &str, text: String) -> Result<Content, Problem> {
    if text.is_empty() || text.chars().count() > MAX_TEXT {
        return Err(Problem::invalid(format!("`{place}.text` has 1 to {MAX_TEXT} characters")));
    }
    Ok(Content::Text(Text::new(text)))
}

fn media_of(place: &str, media: NewMedia) -> Result<Content, Problem> {
    let source = media_source(place, media.url, media.id)?;
    let kind = match media.kind {
        NewMediaKind::Image => MediaKind::Image,
        NewMediaKind::Video => MediaKind::Video,
        NewMediaKind::Audio => MediaKind::Audio,
        NewMediaKind::Document => MediaKind::Document,
        NewMediaKind::Sticker => MediaKind::Sticker,
    };
    let too_long =
        |text: &Option<String>, most| text.as_ref().is_some_and(|text| text.chars().count() > most);
    if too_long(&media.caption, 4096) || too_long(&media.filename, 255) {
        return Err(Problem::invalid(format!("`{place}.media` has a caption or file name that is too long")));
    }
    Ok(Content::Media(Media { kind, source, mime: None, caption: media.caption, filename: media.filename }))
}

fn media_source(place: &str, url: Option<String>, id: Option<String>) -> Result<MediaSource, Problem> {
    let graphic = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    match (url, id) {
        (Some(url), None) => {
            let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
            if !rest.is_some_and(graphic) || url.len() > 2048 {
                let wrong = format!("`{place}.media.url` is not a link that a network can fetch");
                return Err(Problem::invalid(wrong));
            }
            Ok(MediaSource::Link(url))
        }
        (None, Some(id)) if graphic(&id) && id.len() <= 100 => Ok(MediaSource::Id(id)),
        (None, Some(_)) => Err(Problem::invalid(format!("`{place}.media.id` is not the id of a file"))),
        (Some(_), Some(_)) | (None, None) => {
            Err(Problem::invalid(format!("`{place}.media` has either `url` or `id`")))
        }
    }
}

fn template_of(place: &str, template: NewTemplate) -> Result<Content, Problem> {
    let name = bounded(format!("{place}.template.name"), Some(template.name), 512)?.unwrap_or_default();
    let language = bounded(format!("{place}.template.language"), template.language, 20)?;
    Ok(Content::Template(Template { name, language, components: template.components }))
}
