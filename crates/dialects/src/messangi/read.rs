//! Requests: the envelope, its callbacks and its fallback.

use bytes::Bytes;
use http::{Method, Request};
use model::{
    Brief, Call, Channel, Content, Recipient, Refusal, Span, Submission,
    content::Text,
    message::{Body, Draft, PlanSource, StepDraft},
};
use serde_json::Value;

use super::{
    content::{self, Kind},
    path::Surface,
    settings::{own, username},
    wire::Memo,
};
use crate::{
    Context,
    fields::{Fields, is_http_url},
    memo::remember,
    support,
};

/// Most callback addresses of one request.
const MAX_CALLBACKS: usize = 10;
/// Most characters of an external or client id.
const MAX_ID: usize = 200;
/// Most fallback steps.
const MAX_FALLBACKS: usize = 8;
/// Longest wait before a fallback step, in seconds.
const MAX_WAIT: f64 = 86_400.0;

/// What a request asks for.
pub(super) fn read(request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
    let surface = Surface::of(request.uri().path());
    if surface != Surface::Nowhere && request.method() != Method::POST {
        return Err(Refusal::MethodNotAllowed { allow: "POST" });
    }
    match surface {
        Surface::Login => login(request, context),
        Surface::Notification => notification(request, context),
        Surface::Raven => flat(request, Kind::Sms, context),
        Surface::Crowsnest => flat(request, Kind::Email, context),
        Surface::Balerion => balerion(request, context),
        Surface::Nowhere => Err(Refusal::UnknownPath),
    }
}

/// `POST /kingslanding/login`.
fn login(request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
    let body = json(request, context)?;
    let fields = Fields::root(&body)?;
    let user = fields.required_text("username")?.to_owned();
    let password = fields.required_text("password")?.to_owned();
    Ok(Call::SignIn { user, password })
}

/// The endpoint for all channels.
fn notification(request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
    let body = json(request, context)?;
    let fields = Fields::root(&body)?;
    let kind = kind(&fields)?;
    let inner = fields.required_object("request")?;
    submission(request, &fields, &inner, kind, context)
}

/// A service for one channel, whose body is the inner request.
fn flat(request: &Request<Bytes>, kind: Kind, context: &Context<'_>) -> Result<Call, Refusal> {
    let body = json(request, context)?;
    let fields = Fields::root(&body)?;
    submission(request, &fields, &fields, kind, context)
}

/// The WhatsApp service: clients send it both forms.
fn balerion(request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
    let body = json(request, context)?;
    let fields = Fields::root(&body)?;
    match fields.object("request")? {
        Some(inner) => {
            let kind = if fields.get("channel").is_some() { kind(&fields)? } else { Kind::Whatsapp };
            submission(request, &fields, &inner, kind, context)
        }
        None => submission(request, &fields, &fields, Kind::Whatsapp, context),
    }
}

fn json(request: &Request<Bytes>, context: &Context<'_>) -> Result<Value, Refusal> {
    match support::media_type(request.headers()) {
        Some(kind) if !(kind.ends_with("json") || kind == "text/plain" || kind.is_empty()) => {
            return Err(Refusal::UnsupportedType);
        }
        _ => {}
    }
    if own(context).strict_json {
        return support::parse_json(request.body(), &crate::Settings::default());
    }
    support::parse_json(request.body(), context.settings)
}

fn kind(fields: &Fields<'_>) -> Result<Kind, Refusal> {
    let name = fields.required_text("channel")?;
    Kind::parse(name).ok_or_else(|| fields.invalid("channel", "not SMS, EMAIL, PUSH, RCS or WHATSAPP"))
}

fn submission(
    request: &Request<Bytes>,
    outer: &Fields<'_>,
    inner: &Fields<'_>,
    kind: Kind,
    context: &Context<'_>,
) -> Result<Call, Refusal> {
    let mut recipient = Recipient::default();
    let to = address(inner, kind, &mut recipient, context)?.ok_or_else(|| inner.missing("to"))?;
    let first = content::step(inner, kind, own(context))?;
    let from = first.sender.clone().unwrap_or_default();
    let mut steps = vec![first];
    add_fallbacks(&mut steps, &mut recipient, request, outer, context)?;
    let extend = (steps.len() == 1 && !from.is_empty()).then(|| from.clone());
    let memo = Memo {
        callbacks: callbacks(outer, inner)?,
        external: id(inner, "externalId")?,
        client: id(inner, "clientId")?,
        username: username(context),
        from,
        to,
    };
    Ok(Call::Submit(Box::new(Submission {
        brief: Brief { memo: Some(remember(&memo)), ..Brief::default() },
        plan: PlanSource::Steps { steps, extend },
        recipients: vec![Draft { recipient, ..Draft::default() }],
        bulk: None,
    })))
}

fn id(fields: &Fields<'_>, name: &str) -> Result<Option<String>, Refusal> {
    match fields.scalar(name)? {
        Some(id) if id.chars().count() > MAX_ID => {
            Err(fields.invalid(name, format!("longer than {MAX_ID} characters")))
        }
        id => Ok(id),
    }
}

/// Adds the address `to` to the recipient, and gives its canonical spelling.
fn address(
    fields: &Fields<'_>,
    kind: Kind,
    recipient: &mut Recipient,
    context: &Context<'_>,
) -> Result<Option<String>, Refusal> {
    let Some(to) = fields.scalar("to")? else { return Ok(None) };
    let to = to.trim();
    match kind {
        Kind::Sms | Kind::Whatsapp | Kind::Rcs => phone(fields, to, recipient, context).map(Some),
        Kind::Email if !to.contains('@') || to.contains([',', ';', ' ', '\r', '\n']) => {
            Err(fields.invalid("to", "not one email address"))
        }
        Kind::Email => {
            recipient.email = Some(to.to_owned());
            Ok(Some(to.to_owned()))
        }
        Kind::Push => {
            recipient.push = Some(to.to_owned());
            Ok(Some(to.to_owned()))
        }
    }
}

fn phone(
    fields: &Fields<'_>,
    to: &str,
    recipient: &mut Recipient,
    context: &Context<'_>,
) -> Result<String, Refusal> {
    let phone = support::phone(to, context.settings)
        .filter(|phone| (7..=15).contains(&phone.digits().len()))
        .ok_or_else(|| fields.invalid("to", "not a phone number of 7 to 15 digits"))?;
    if recipient.phone.as_ref().is_some_and(|known| *known != phone) {
        return Err(fields.invalid("to", "another recipient than that of the first channel"));
    }
    let spelled = format!("+{phone}");
    recipient.phone = Some(phone);
    Ok(spelled)
}

/// Addresses as one text with commas, or as an array, beside the request or in it.
fn callbacks(outer: &Fields<'_>, inner: &Fields<'_>) -> Result<Vec<String>, Refusal> {
    let mut urls: Vec<String> = Vec::new();
    for fields in [outer, inner] {
        for url in listed(fields)? {
            if !is_http_url(&url) {
                return Err(fields.invalid("callbacks", "not http(s) addresses"));
            }
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
    }
    if urls.len() > MAX_CALLBACKS {
        return Err(outer.invalid("callbacks", format!("more than {MAX_CALLBACKS}")));
    }
    Ok(urls)
}

fn listed(fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
    let wrong = || fields.invalid("callbacks", "neither a text nor an array of texts");
    let texts: Vec<&str> = match fields.get("callbacks") {
        None => Vec::new(),
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => {
            items.iter().map(Value::as_str).collect::<Option<Vec<_>>>().ok_or_else(wrong)?
        }
        Some(_) => return Err(wrong()),
    };
    let urls = texts.into_iter().flat_map(|text| text.split(',')).map(str::trim);
    Ok(urls.filter(|url| !url.is_empty()).map(str::to_owned).collect())
}

/// Fallback is our own addition: `fallback` beside `request`, or the header `x-fallback`, which
/// holds the same array or just names of channels to get the same text.
fn add_fallbacks(
    steps: &mut Vec<StepDraft>,
    recipient: &mut Recipient,
    request: &Request<Bytes>,
    outer: &Fields<'_>,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    if let Some(items) = outer.array("fallback")? {
        return add_listed(steps, recipient, "fallback", items, context);
    }
    let Some(header) = support::text_header(request.headers(), "x-fallback") else { return Ok(()) };
    if header.starts_with('[') {
        let parsed = support::parse_json(header.as_bytes(), context.settings)?;
        let items = parsed.as_array().map(Vec::as_slice).unwrap_or_default();
        return add_listed(steps, recipient, "x-fallback", items, context);
    }
    for name in header.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        // The other channels need an address or a title that a name alone does not give.
        let kind = Kind::parse(name).filter(|kind| matches!(kind, Kind::Sms | Kind::Rcs | Kind::Whatsapp));
        let kind = kind.ok_or_else(|| Refusal::invalid("x-fallback", name, "not SMS, RCS or WHATSAPP"))?;
        let text = plain_text(&steps[0])
            .ok_or_else(|| Refusal::invalid("x-fallback", name, "the message has no text to fall back to"))?;
        push(steps, StepDraft::new(kind.channel(), Content::Text(Text::new(text))), "x-fallback")?;
    }
    Ok(())
}

fn add_listed(
    steps: &mut Vec<StepDraft>,
    recipient: &mut Recipient,
    name: &str,
    items: &[Value],
    context: &Context<'_>,
) -> Result<(), Refusal> {
    for (index, item) in items.iter().enumerate() {
        let entry = Fields::at(format!("{name}[{index}]"), item)?;
        let kind = kind(&entry)?;
        let inner = entry.required_object("request")?;
        address(&inner, kind, recipient, context)?;
        if let Some(seconds) = entry.number("after")? {
            if !(0.001..=MAX_WAIT).contains(&seconds) {
                return Err(entry.invalid("after", "not seconds up to a day"));
            }
            let before = steps.last_mut().expect("the first step is there");
            before.patience = Some(Span::from_millis((seconds * 1000.0) as u64));
        }
        push(steps, content::step(&inner, kind, own(context))?, name)?;
    }
    Ok(())
}

fn push(steps: &mut Vec<StepDraft>, step: StepDraft, name: &str) -> Result<(), Refusal> {
    if steps.len() > MAX_FALLBACKS {
        return Err(Refusal::invalid(name.to_owned(), "[…]", format!("more than {MAX_FALLBACKS}")));
    }
    steps.push(step);
    Ok(())
}

/// The words of a step that another channel can carry.
fn plain_text(step: &StepDraft) -> Option<String> {
    let Body::Ready(content) = &step.body else { return None };
    match content {
        Content::Text(text) => Some(text.body.clone()),
        Content::Media(media) => media.caption.clone(),
        Content::Email(email) => email.text.clone(),
        Content::Interactive(object) => object["body"]["text"].as_str().map(str::to_owned),
        Content::Location(_)
        | Content::Contacts(_)
        | Content::Template(_)
        | Content::Whatsapp(_)
        | Content::Other(_) => None,
    }
}

impl Kind {
    /// Messangi writes channels in capitals; any case is taken.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_uppercase().as_str() {
            "SMS" => Some(Self::Sms),
            "EMAIL" => Some(Self::Email),
            "PUSH" => Some(Self::Push),
            "RCS" => Some(Self::Rcs),
            "WHATSAPP" => Some(Self::Whatsapp),
            _ => None,
        }
    }

    pub(super) const fn channel(self) -> Channel {
        match self {
            Self::Sms => Channel::Sms,
            Self::Email => Channel::Email,
            Self::Push => Channel::Push,
            Self::Rcs => Channel::Rcs,
            Self::Whatsapp => Channel::Whatsapp,
        }
    }
}
