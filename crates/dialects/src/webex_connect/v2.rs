//! v2: `POST /v2/messages` for SMS, email and RCS, and the question for one message's state.

use bytes::Bytes;
use http::Request;
use model::{
    Brief, Call, Channel, Content, MessageId, Refusal, Span, Submission, Time,
    call::{MessageRef, Missing},
    content::{Email, Media, MediaKind, MediaSource, SmsCoding, SmsOptions, Text},
    message::{PlanSource, StepDraft},
};
use serde_json::{Map, Value};

use super::{
    destinations,
    read::{self, correlation, expiry, instant},
    settings::{Settings, own, plan_key},
    templates,
    wire::RequestMemo,
};
use crate::{
    Context,
    fields::{Fields, is_http_url},
    memo::remember,
    support,
};

/// Longest v2 SMS text, in characters.
const MAX_SMS: usize = 4000;
/// Longest text of an SMS that follows an RCS message.
const MAX_FALLBACK: usize = 1024;
/// How far ahead a message may be scheduled.
const MAX_SCHEDULE: Span = Span::from_hours(7 * 24);
/// Longest validity of an SMS, in seconds.
const MAX_SMS_VALIDITY: f64 = 72.0 * 3600.0;
/// Longest validity of any other message, in seconds.
const MAX_VALIDITY: f64 = 7.0 * 24.0 * 3600.0;
/// Most characters of a batch id.
const MAX_BATCH_ID: usize = 100;

/// Channels of v2.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sms,
    Email,
    Rcs,
}

impl Kind {
    const fn address(self) -> &'static str {
        match self {
            Self::Sms | Self::Rcs => "msisdn",
            Self::Email => "email",
        }
    }

    const fn channel(self) -> Channel {
        match self {
            Self::Sms => Channel::Sms,
            Self::Email => Channel::Email,
            Self::Rcs => Channel::Rcs,
        }
    }
}

/// `GET /v2/messages/{id}`.
pub(super) fn status(id: &str) -> Result<Call, Refusal> {
    let id = id.strip_suffix("_0").unwrap_or(id);
    let id = MessageId::parse(id).ok_or(Refusal::NotFound(Missing::Message))?;
    Ok(Call::Status(MessageRef::Id(id)))
}

/// `POST /v2/messages`.
pub(super) fn messages(request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
    read::json_body(request)?;
    let body = support::parse_json(request.body(), context.settings)?;
    let fields = Fields::root(&body)?;
    let kind = kind(&fields)?;
    let sender = fields.scalar("from")?.ok_or_else(|| fields.missing("from"))?;
    let recipients = destinations::v2(&fields, kind.address(), context)?;
    let values = substitutions(&fields)?;
    let steps = steps(&fields, kind, sender, &values, own(context))?;
    let (send_at, expires_at) = times(&fields, kind, context.now)?;
    let request_memo = RequestMemo {
        correlation: correlation(&fields, &["correlationId", "correlationid"])?,
        receipts: receipts(&fields)?,
        ..read::notify(&fields, own(context), "notifyUrl", "notifyUrlAuthId")?
    };
    let bulk = fields.bounded_text("batchId", MAX_BATCH_ID)?.map(str::to_owned);
    let brief = Brief {
        send_at,
        expires_at,
        memo: Some(remember(&request_memo)),
        bulk: bulk.clone(),
        ..Brief::default()
    };
    let plan = PlanSource::Steps { steps, extend: plan_key(context, None) };
    Ok(Call::Submit(Box::new(Submission { brief, plan, recipients, bulk })))
}

fn kind(fields: &Fields<'_>) -> Result<Kind, Refusal> {
    match fields.required_text("channel")?.to_ascii_lowercase().as_str() {
        "sms" => Ok(Kind::Sms),
        "email" => Ok(Kind::Email),
        "rcs" => Ok(Kind::Rcs),
        _ => Err(fields.invalid("channel", "not a channel of this API")),
    }
}

/// What to fill into the text. Values of single recipients must agree, because one request makes
/// one content here.
fn substitutions(fields: &Fields<'_>) -> Result<Map<String, Value>, Refusal> {
    let mut values = fields.object("substitutions")?.map(|own| own.members().clone()).unwrap_or_default();
    let entries = fields.objects("to", fields.array("to")?.unwrap_or_default())?;
    let mut first: Option<Option<&Map<String, Value>>> = None;
    for entry in &entries {
        let own = entry.object("substitutions")?.map(|own| own.members());
        if *first.get_or_insert(own) != own {
            return Err(
                entry.invalid("substitutions", "they differ between recipients; send one request for each")
            );
        }
    }
    if let Some(Some(own)) = first {
        values.extend(own.clone());
    }
    Ok(values)
}

fn steps(
    fields: &Fields<'_>,
    kind: Kind,
    sender: String,
    values: &Map<String, Value>,
    own: &Settings,
) -> Result<Vec<StepDraft>, Refusal> {
    let content = match (fields.object("content")?, fields.object("template")?) {
        (Some(_), Some(_)) => return Err(fields.invalid("template", "content is given too")),
        (None, None) => return Err(fields.missing("content")),
        (Some(content), None) => self::content(fields, &content, kind, values)?,
        (None, Some(template)) => from_template(&template, kind, values, own)?,
    };
    let mut step = StepDraft::new(kind.channel(), content);
    step.sender = Some(sender);
    let mut steps = vec![step];
    match kind {
        Kind::Sms => read::refuse_link_options(fields)?,
        Kind::Email => steps[0].sender = email_sender(fields, &steps[0])?,
        Kind::Rcs => steps.extend(sms_fallback(fields, values)?),
    }
    Ok(steps)
}

fn content(
    fields: &Fields<'_>,
    content: &Fields<'_>,
    kind: Kind,
    values: &Map<String, Value>,
) -> Result<Content, Refusal> {
    match kind {
        Kind::Sms => sms(fields, content, values),
        Kind::Email => email(fields, content, values),
        Kind::Rcs => rcs(content, values),
    }
}

fn from_template(
    template: &Fields<'_>,
    kind: Kind,
    values: &Map<String, Value>,
    own: &Settings,
) -> Result<Content, Refusal> {
    let id = template.scalar("id")?.ok_or_else(|| template.missing("id"))?;
    let registered = own.templates.get(&id).and_then(|registered| registered.text.as_ref());
    let text = registered.ok_or_else(|| template.invalid("id", "not a registered template"))?;
    let body = templates::substitute(text, values);
    Ok(match kind {
        Kind::Sms | Kind::Rcs => Content::Text(Text::new(body)),
        Kind::Email => Content::Email(Email { text: Some(body), ..Email::default() }),
    })
}

fn sms(fields: &Fields<'_>, content: &Fields<'_>, values: &Map<String, Value>) -> Result<Content, Refusal> {
    let coding = match content.required_text("type")?.to_ascii_lowercase().as_str() {
        "text" => SmsCoding::Auto,
        "unicode" => SmsCoding::Unicode,
        _ => return Err(content.invalid("type", "neither text nor unicode")),
    };
    content.required_text("text")?;
    let text = content.bounded_text("text", MAX_SMS)?.unwrap_or_default();
    let dlt_template = match fields.object("options")? {
        Some(options) => options.scalar("dltTemplateId")?,
        None => None,
    };
    let sms = SmsOptions { coding, dlt_template, ..SmsOptions::default() };
    Ok(Content::Text(Text { sms, ..Text::new(templates::substitute(text, values)) }))
}

fn email(fields: &Fields<'_>, content: &Fields<'_>, values: &Map<String, Value>) -> Result<Content, Refusal> {
    for name in ["cc", "bcc", "attachments"] {
        refuse_filled(fields, name, "not offered here")?;
        refuse_filled(content, name, "not offered here")?;
    }
    if fields.flag("multipleToRecipients")? || content.flag("multipleToRecipients")? {
        return Err(fields.invalid("multipleToRecipients", "each recipient gets a mail of its own here"));
    }
    let html = match content.required_text("type")?.to_ascii_lowercase().as_str() {
        "text" => false,
        "html" => true,
        _ => return Err(content.invalid("type", "neither text nor html")),
    };
    let body = templates::substitute(content.required_text("text")?, values);
    let (text, html) = if html { (None, Some(body)) } else { (Some(body), None) };
    Ok(Content::Email(Email {
        subject: templates::substitute(content.required_text("subject")?, values),
        text,
        html,
        reply_to: content.text("replyTo")?.map(str::to_owned),
    }))
}

/// A documented member that is not offered must be absent or empty.
fn refuse_filled(fields: &Fields<'_>, name: &str, reason: &'static str) -> Result<(), Refusal> {
    match fields.get(name) {
        None | Some(Value::Bool(false)) => Ok(()),
        Some(Value::Array(items)) if items.is_empty() => Ok(()),
        Some(Value::String(text)) if text.is_empty() || text.eq_ignore_ascii_case("false") => Ok(()),
        Some(_) => Err(fields.invalid(name, reason)),
    }
}

fn email_sender(fields: &Fields<'_>, step: &StepDraft) -> Result<Option<String>, Refusal> {
    let Some(options) = fields.object("options")? else { return Ok(step.sender.clone()) };
    let others = [
        "trackClicks",
        "trackOpens",
        "listUnsubscribeUrl",
        "unsubscribeEmailAddress",
        "unsubscribeEmailSubject",
    ];
    for name in others {
        refuse_filled(&options, name, "not offered here")?;
    }
    let Some(name) = options.text("fromName")? else { return Ok(step.sender.clone()) };
    if name.contains(['<', '>', '"', '\r', '\n']) {
        return Err(options.invalid("fromName", "has characters a name cannot have"));
    }
    Ok(step.sender.as_ref().map(|address| format!("{name} <{address}>")))
}

/// RCS: plain text and files in our own words, everything richer as the caller wrote it.
fn rcs(content: &Fields<'_>, values: &Map<String, Value>) -> Result<Content, Refusal> {
    let kind = content.required_text("type")?.to_ascii_lowercase();
    let suggestions = content.array("suggestions")?.unwrap_or_default();
    check_suggestions(&content.objects("suggestions", suggestions)?)?;
    match kind.as_str() {
        "text" if suggestions.is_empty() => {
            Ok(Content::Text(Text::new(templates::substitute(content.required_text("text")?, values))))
        }
        "file" if suggestions.is_empty() => rcs_file(content),
        "text" | "file" | "richcard" | "rich_card" | "card" | "carousel" | "event" => {
            Ok(Content::Other(Value::Object(content.members().clone())))
        }
        _ => Err(content.invalid("type", "not a type of RCS message")),
    }
}

fn check_suggestions(suggestions: &[Fields<'_>]) -> Result<(), Refusal> {
    const KINDS: [&str; 6] =
        ["reply", "viewLocation", "shareLocation", "openUrl", "calendarEvent", "dialPhone"];
    for suggestion in suggestions {
        let kind = suggestion.required_text("type")?;
        if !KINDS.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            return Err(suggestion.invalid("type", "not a type of suggestion"));
        }
        suggestion.required_text("displayText")?;
    }
    Ok(())
}

fn rcs_file(content: &Fields<'_>) -> Result<Content, Refusal> {
    let name = ["mediaUrl", "fileUrl", "url"].into_iter().find(|name| content.get(name).is_some());
    let name = name.ok_or_else(|| content.missing("mediaUrl"))?;
    let url = content.required_text(name)?;
    if !is_http_url(url) {
        return Err(content.invalid(name, "not an http(s) address"));
    }
    let mime = content.text("mimeType")?.map(str::to_ascii_lowercase);
    let kind = match mime.as_deref().and_then(|mime| mime.split('/').next()) {
        Some("image") => MediaKind::Image,
        Some("video") => MediaKind::Video,
        Some("audio") => MediaKind::Audio,
        _ => MediaKind::Document,
    };
    let source = MediaSource::Link(url.to_owned());
    Ok(Content::Media(Media { kind, source, mime, caption: None, filename: None }))
}

/// Webex Connect's only cascade: an RCS message may be followed by an SMS.
fn sms_fallback(fields: &Fields<'_>, values: &Map<String, Value>) -> Result<Option<StepDraft>, Refusal> {
    let Some(options) = fields.object("options")? else { return Ok(None) };
    if !options.flag("smsFallback")? {
        return Ok(None);
    }
    let sender = options.scalar("smsSenderId")?.ok_or_else(|| options.missing("smsSenderId"))?;
    options.required_text("text")?;
    let text = options.bounded_text("text", MAX_FALLBACK)?.unwrap_or_default();
    let mut step =
        StepDraft::new(Channel::Sms, Content::Text(Text::new(templates::substitute(text, values))));
    step.sender = Some(sender);
    Ok(Some(step))
}

/// When to send and when to give up: `validity` counts from the sending.
fn times(fields: &Fields<'_>, kind: Kind, now: Time) -> Result<(Option<Time>, Option<Time>), Refusal> {
    let send_at = match fields.text("sendAt")? {
        None => None,
        Some(text) => Some(instant(text).ok_or_else(|| fields.invalid("sendAt", "not an instant"))?),
    };
    if send_at.is_some_and(|at| at > now + MAX_SCHEDULE) {
        return Err(fields.invalid("sendAt", "more than 7 days ahead"));
    }
    let send_at = send_at.filter(|at| *at > now);
    if fields.get("validity").is_some() && fields.text("expireAt")?.is_some() {
        return Err(fields.invalid("validity", "expireAt is given too"));
    }
    let limit = if kind == Kind::Sms { MAX_SMS_VALIDITY } else { MAX_VALIDITY };
    let expires_at = match fields.number("validity")? {
        Some(seconds) if (1.0..=limit).contains(&seconds) => {
            Some(send_at.unwrap_or(now) + Span::from_secs(seconds as u64))
        }
        Some(_) => return Err(fields.invalid("validity", "out of range")),
        None => expiry(fields, "expireAt", now)?,
    };
    Ok((send_at, expires_at))
}

/// The statuses asked for. Webex Connect: `SENT` is another name of `SUBMITTED`.
fn receipts(fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
    let items = fields.array("requestedReceipts")?.unwrap_or_default();
    let wrong = || fields.invalid("requestedReceipts", "not an array of statuses");
    let receipt = |item: &Value| match item.as_str()?.to_ascii_uppercase().as_str() {
        "SUBMITTED" | "SENT" => Some("SUBMITTED"),
        "DELIVERED" => Some("DELIVERED"),
        "READ" => Some("READ"),
        "CLICKED" => Some("CLICKED"),
        "FAILED" => Some("FAILED"),
        _ => None,
    };
    let receipts: Option<Vec<_>> = items.iter().map(receipt).collect();
    let mut receipts: Vec<String> = receipts.ok_or_else(wrong)?.into_iter().map(str::to_owned).collect();
    receipts.sort_unstable();
    receipts.dedup();
    Ok(receipts)
}
