//! Sending: the envelope, the destinations, and the content for each channel.

use std::collections::HashSet;

use model::{
    Brief, Cause, Channel, Content, Recipient, Refusal, Span, Submission, Time,
    content::{Email, Text},
    message::{Body, Draft, Extras, PlanSource, StepDraft},
};

use super::{
    node::Node,
    other,
    validity::{default_validity, validity},
    whatsapp,
};
use crate::{
    Context,
    infobip::{
        Settings, time,
        wire::{BriefMemo, MessageMemo, To},
    },
    memo::remember,
    support,
};

/// Most destinations of one request; ours, the vendor names no limit.
pub(super) const MAX_DESTINATIONS: usize = 10_000;
/// Infobip: `sendAt` lies less than 180 days ahead.
const MAX_AHEAD: Span = Span::from_hours(180 * 24);
/// Infobip: most characters of `callbackData` (200 on the older pages).
const MAX_CALLBACK_DATA: usize = 4000;
/// Most characters of an id that the caller gives; ours.
const MAX_ID: usize = 200;
/// Most characters of an address; ours.
const MAX_ADDRESS: usize = 500;
/// Most characters of an address of the web.
const MAX_URL: usize = 2048;
/// Infobip: most characters of a text sent to every channel; that of the longest channel.
const MAX_TEXT: usize = 4096;

/// How the object of a channel is read.
type Reader = fn(&Node<'_>, &Settings) -> Result<Content, Refusal>;

/// The channel objects by their names in the request.
const OBJECTS: [(&str, Channel, Reader); 13] = [
    ("whatsApp", Channel::Whatsapp, whatsapp::content),
    ("sms", Channel::Sms, other::sms),
    ("viber", Channel::Viber, other::viber),
    ("voice", Channel::Voice, other::voice),
    ("email", Channel::Email, other::email),
    ("push", Channel::Push, other::push),
    ("facebook", Channel::Messenger, other::facebook),
    ("line", Channel::Line, other::line),
    ("vKontakte", Channel::Vkontakte, other::vkontakte),
    ("kakaoChingu", Channel::KakaoChingu, other::kakao_chingu),
    ("kakaoAlim", Channel::KakaoAlim, other::kakao_alim),
    ("parseco", Channel::Unlisted, other::plain),
    // Ours: OMNI v1 has no RCS.
    ("rcs", Channel::Rcs, other::plain),
];

/// `POST /omni/1/advanced`.
pub(super) fn submission(body: &Node<'_>, context: &Context<'_>) -> Result<Submission, Refusal> {
    let contents = contents(body, Settings::of(context.settings))?;
    envelope(body, contents, context)
}

/// `POST /omni/1/text`: one text for every channel.
pub(super) fn plain_submission(body: &Node<'_>, context: &Context<'_>) -> Result<Submission, Refusal> {
    let text = body.filled_to("text", MAX_TEXT)?;
    let subject = body.text("mailSubject")?.unwrap_or_default();
    let settings = Settings::of(context.settings);
    let steps = OBJECTS.iter().map(|(_, channel, _)| {
        let content = match channel {
            Channel::Email => Content::Email(Email {
                subject: subject.clone(),
                text: Some(text.clone()),
                ..Email::default()
            }),
            Channel::Whatsapp
            | Channel::Sms
            | Channel::Mms
            | Channel::Rcs
            | Channel::Viber
            | Channel::Push
            | Channel::Voice
            | Channel::Messenger
            | Channel::Line
            | Channel::Vkontakte
            | Channel::KakaoAlim
            | Channel::KakaoChingu
            | Channel::AppleMessages
            | Channel::InApp
            | Channel::Unlisted => Content::Text(Text::new(text.clone())),
        };
        step(*channel, content, default_validity(*channel, settings))
    });
    envelope(body, steps.collect(), context)
}

fn contents(body: &Node<'_>, settings: &Settings) -> Result<Vec<StepDraft>, Refusal> {
    let mut steps = Vec::new();
    for (name, channel, read) in OBJECTS {
        let Some(object) = body.object(name)? else { continue };
        let content = read(&object, settings)?;
        steps.push(step(channel, content, validity(&object, channel, settings)?));
    }
    if steps.is_empty() {
        return Err(Refusal::malformed("content for at least one channel must be given"));
    }
    Ok(steps)
}

fn step(channel: Channel, content: Content, patience: Span) -> StepDraft {
    let body = match channel {
        // No network of ours ever carries PARSECO.
        Channel::Unlisted => Body::Void(Cause::Unconfigured),
        Channel::Whatsapp
        | Channel::Sms
        | Channel::Mms
        | Channel::Rcs
        | Channel::Viber
        | Channel::Email
        | Channel::Push
        | Channel::Voice
        | Channel::Messenger
        | Channel::Line
        | Channel::Vkontakte
        | Channel::KakaoAlim
        | Channel::KakaoChingu
        | Channel::AppleMessages
        | Channel::InApp => Body::Ready(content),
    };
    StepDraft { channel, sender: None, body, patience: Some(patience), extras: Extras::default() }
}

/// What both ways of sending share.
fn envelope(body: &Node<'_>, contents: Vec<StepDraft>, context: &Context<'_>) -> Result<Submission, Refusal> {
    let bulk = body.id("bulkId", MAX_ID)?;
    let brief = Brief {
        send_at: send_at(body, context.now)?,
        memo: Some(remember(&brief_memo(body)?)),
        bulk: bulk.clone(),
        ..Brief::default()
    };
    let key = body.id("scenarioKey", MAX_ID)?;
    Ok(Submission {
        brief,
        plan: PlanSource::Scenario { key, contents },
        recipients: destinations(body, context)?,
        bulk,
    })
}

fn send_at(body: &Node<'_>, now: Time) -> Result<Option<Time>, Refusal> {
    let Some(text) = body.id("sendAt", 64)? else { return Ok(None) };
    let at = time::read(text.trim()).ok_or_else(|| body.invalid("sendAt", "is not a valid date"))?;
    if at >= now + MAX_AHEAD {
        return Err(body.invalid("sendAt", "must be less than 180 days ahead"));
    }
    Ok((at > now).then_some(at))
}

fn brief_memo(body: &Node<'_>) -> Result<BriefMemo, Refusal> {
    let content_type = body.id("notifyContentType", 100)?.unwrap_or_default().to_ascii_lowercase();
    if !content_type.is_empty() && !content_type.starts_with("application/json") {
        return Err(body.invalid("notifyContentType", "only application/json is supported"));
    }
    let notify_url = match body.id("notifyUrl", MAX_URL)? {
        Some(_) => body.url("notifyUrl", MAX_URL)?,
        None => None,
    };
    Ok(BriefMemo {
        notify: body.boolean("notify")?,
        notify_url,
        intermediate_report: body.boolean("intermediateReport")?.unwrap_or_default(),
        callback_data: body.text_to("callbackData", MAX_CALLBACK_DATA)?,
    })
}

fn destinations(body: &Node<'_>, context: &Context<'_>) -> Result<Vec<Draft>, Refusal> {
    let destinations = body.one_or_more("destinations")?;
    if destinations.len() > MAX_DESTINATIONS {
        return Err(Refusal::TooManyRecipients { limit: MAX_DESTINATIONS });
    }
    let mut taken = HashSet::new();
    destinations.iter().map(|destination| draft(destination, &mut taken, context)).collect()
}

fn draft(
    destination: &Node<'_>,
    taken: &mut HashSet<String>,
    context: &Context<'_>,
) -> Result<Draft, Refusal> {
    let to = destination.object("to")?;
    let (recipient, unusable) = match &to {
        Some(to) => recipient(to, context)?,
        None => (Recipient::default(), Some(Cause::MissingAddress)),
    };
    let id = destination.id("messageId", MAX_ID)?;
    let repeated = id.as_ref().is_some_and(|id| !taken.insert(id.clone()));
    let (client_ref, given) = if repeated { (None, id) } else { (id, None) };
    let memo = MessageMemo { to: to.as_ref().map(echo).unwrap_or_default(), message_id: given };
    let void = if repeated { Some(Cause::Duplicate) } else { unusable };
    Ok(Draft { recipient, client_ref, memo: Some(remember(&memo)), void })
}

fn echo(to: &Node<'_>) -> To {
    serde_json::from_value(to.without(&[])).unwrap_or_default()
}

/// The addresses, and why none of them is of use, if so.
fn recipient(to: &Node<'_>, context: &Context<'_>) -> Result<(Recipient, Option<Cause>), Refusal> {
    let number = to.id("phoneNumber", MAX_ADDRESS)?;
    let facebook = to.id("facebookUserKey", MAX_ADDRESS)?;
    let line = to.id("lineUserKey", MAX_ADDRESS)?;
    let recipient = Recipient {
        phone: number.as_deref().and_then(|number| support::phone(number, context.settings)),
        email: to.id("emailAddress", MAX_ADDRESS)?,
        push: to.id("pushRegistrationId", MAX_ADDRESS)?,
        // Infobip: at most 150 characters; a phone number wins over it.
        whatsapp_user: to.id("whatsAppUserId", 150)?,
        other: facebook.or(line),
    };
    let reached = recipient != Recipient::default();
    let cause = if number.is_some() { Cause::InvalidRecipient } else { Cause::MissingAddress };
    Ok((recipient, (!reached).then_some(cause)))
}
