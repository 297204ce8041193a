//! Requests, and the envelope of v1, `POST /resources/v1/messaging`. The second generation is in
//! `v2.rs`.

use bytes::Bytes;
use http::{Method, Request};
use model::{
    Brief, Call, Channel, Refusal, Submission, Time,
    message::{PlanSource, Priority, StepDraft},
};
use serde_json::Value;

use super::{
    channels, destinations,
    path::Surface,
    settings::{Settings, own, plan_key},
    templates, v2, whatsapp,
    wire::RequestMemo,
};
use crate::{
    Context,
    fields::{Fields, is_http_url},
    memo::remember,
    support,
};

/// Most bytes of a correlation id.
pub(super) const MAX_CORRELATION: usize = 50;
/// Most characters of `callbackData`.
pub(super) const MAX_CALLBACK_DATA: usize = 2000;
/// Why an expiry in the past is not taken; it has a code of its own.
pub(super) const EXPIRED: &str = "the request has expired";

/// What a request asks for.
pub(super) fn read(request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
    let surface = Surface::of(request.uri().path());
    match (&surface, request.method()) {
        (Surface::Messaging, &Method::POST) => messaging(request, context),
        (Surface::Messages, &Method::POST) => v2::messages(request, context),
        (Surface::Message(id), &Method::GET) => v2::status(id),
        (Surface::Messaging | Surface::Messages | Surface::Message(_), _) => {
            Err(Refusal::MethodNotAllowed { allow: surface.allow() })
        }
        (Surface::NowhereV2 | Surface::Nowhere, _) => Err(Refusal::UnknownPath),
    }
}

/// Channels of v1, as `deliverychannel` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Sms,
    Voice,
    Push,
    InApp,
    Messenger,
    Whatsapp,
    Apple,
}

impl Delivery {
    /// Webex Connect: `rt` is the older name of in-app messaging; case varies in samples.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "sms" => Some(Self::Sms),
            "voice" => Some(Self::Voice),
            "push" => Some(Self::Push),
            "appmessaging" | "rt" => Some(Self::InApp),
            "fb" => Some(Self::Messenger),
            "whatsapp" => Some(Self::Whatsapp),
            "applebusinesschat" => Some(Self::Apple),
            _ => None,
        }
    }

    /// Whether requests must name an app.
    const fn needs_appid(self) -> bool {
        match self {
            Self::Push | Self::InApp | Self::Messenger | Self::Whatsapp | Self::Apple => true,
            Self::Sms | Self::Voice => false,
        }
    }
}

/// A v1 request.
pub(super) fn messaging(request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
    json_body(request)?;
    let body = support::parse_json(request.body(), context.settings)?;
    let fields = Fields::root(&body)?;
    let delivery = delivery(&fields)?;
    let appid = appid(&fields, delivery, own(context))?;
    let correlation = correlation(&fields, &["correlationid"])?;
    let recipients = destinations::v1(&fields, delivery, context)?;
    refuse_contact_policy(&fields)?;
    refuse_link_options(&fields)?;
    check_route(&fields)?;
    let step = step(&fields, delivery, own(context))?;
    let request_memo =
        RequestMemo { correlation, ..notify(&fields, own(context), "notifyurl", "notifyurlAuthId")? };
    let brief = Brief {
        priority: priority(&fields)?,
        expires_at: expiry(&fields, "expiry", context.now)?,
        memo: Some(remember(&request_memo)),
        ..Brief::default()
    };
    let plan = PlanSource::Steps { steps: vec![step], extend: plan_key(context, appid) };
    Ok(Call::Submit(Box::new(Submission { brief, plan, recipients, bulk: None })))
}

/// That the body says it is JSON, or says nothing; hand-written clients often leave the type at
/// their library's `text/plain`.
pub(super) fn json_body(request: &Request<Bytes>) -> Result<(), Refusal> {
    match support::media_type(request.headers()) {
        Some(kind) if kind.ends_with("json") || kind == "text/plain" || kind.is_empty() => Ok(()),
        Some(_) => Err(Refusal::UnsupportedType),
        None => Ok(()),
    }
}

fn delivery(fields: &Fields<'_>) -> Result<Delivery, Refusal> {
    let name = fields.required_text("deliverychannel")?;
    Delivery::parse(name).ok_or_else(|| fields.invalid("deliverychannel", "not a channel of this API"))
}

fn appid<'a>(fields: &Fields<'a>, delivery: Delivery, own: &Settings) -> Result<Option<&'a str>, Refusal> {
    let Some(appid) = fields.text("appid")? else {
        return if delivery.needs_appid() { Err(fields.missing("appid")) } else { Ok(None) };
    };
    match &own.appids {
        Some(known) if !known.iter().any(|known| known == appid) => {
            Err(fields.invalid("appid", "not an app of the account"))
        }
        _ => Ok(Some(appid)),
    }
}

/// A correlation id, under whichever of these names it is given.
pub(super) fn correlation(fields: &Fields<'_>, names: &[&str]) -> Result<Option<String>, Refusal> {
    for name in names {
        if let Some(id) = fields.scalar(name)? {
            return if id.len() > MAX_CORRELATION {
                Err(fields.invalid(name, format!("longer than {MAX_CORRELATION} bytes")))
            } else {
                Ok(Some(id))
            };
        }
    }
    Ok(None)
}

/// Callback data and addresses. An address that is not valid does not spoil the request: it is
/// notified once and not again, as Webex Connect does.
pub(super) fn notify(
    fields: &Fields<'_>,
    own: &Settings,
    url: &str,
    auth: &str,
) -> Result<RequestMemo, Refusal> {
    let given = fields.scalar(url)?;
    let notify_auth = fields.scalar(auth)?;
    if let Some(id) = &notify_auth
        && !own.notify_auth.contains_key(id)
    {
        return Err(fields.invalid(auth, "no credentials are stored under this id"));
    }
    let once = given.as_deref().is_some_and(|given| !is_http_url(given));
    Ok(RequestMemo {
        callback_data: fields.bounded_text("callbackData", MAX_CALLBACK_DATA)?.map(str::to_owned),
        notify_url: given
            .map(|given| support::truncate_chars(given.trim(), crate::fields::MAX_URL).to_owned()),
        notify_auth,
        once,
        conversation: fields.scalar("conversationid")?,
        ..RequestMemo::default()
    })
}

/// Contact policies need the vendor's profile store, so a request that relies on one is refused
/// rather than sent unchecked.
fn refuse_contact_policy(fields: &Fields<'_>) -> Result<(), Refusal> {
    let Some(policy) = fields.object("contactPolicy")? else { return Ok(()) };
    let checked = policy.flag("channelCheckConsent")? || policy.flag("channelApplyFrequencyCap")?;
    match checked {
        true => Err(fields.invalid("contactPolicy", "contact policies are not enabled for the account")),
        false => Err(policy.missing("channelCheckConsent")),
    }
}

/// Links can be neither shortened nor followed here; a caller who can live with the plain link
/// says so with `allowFallbackURL`.
pub(super) fn refuse_link_options(fields: &Fields<'_>) -> Result<(), Refusal> {
    let Some(options) = fields.object("options")? else { return Ok(()) };
    let tracking = options.flag("trackClicks")?;
    let shortening = options.flag("shortenLinks")?;
    if (tracking || shortening) && options.text("domain")?.is_none() {
        return Err(options.missing("domain"));
    }
    if options.flag("allowFallbackURL")? {
        return Ok(());
    }
    match (tracking, shortening) {
        (false, false) => Ok(()),
        (true, _) => Err(options.invalid("trackClicks", "clicks cannot be tracked here")),
        (false, true) => Err(options.invalid("shortenLinks", "links cannot be shortened here")),
    }
}

/// The old routing classes are checked, and have no effect: routes are the operator's.
fn check_route(fields: &Fields<'_>) -> Result<(), Refusal> {
    match fields.text("route")? {
        None | Some("IMMD" | "LCGD" | "LCBE") => Ok(()),
        Some(_) => Err(fields.invalid("route", "not a routing class")),
    }
}

fn priority(fields: &Fields<'_>) -> Result<Priority, Refusal> {
    match fields.scalar("priority")?.as_deref() {
        Some("1") => Ok(Priority::Marketing),
        None | Some("2") => Ok(Priority::Notice),
        Some("3") => Ok(Priority::OneTime),
        Some(_) => Err(fields.invalid("priority", "not 1, 2 or 3")),
    }
}

/// An instant at which the request runs out.
pub(super) fn expiry(fields: &Fields<'_>, name: &str, now: Time) -> Result<Option<Time>, Refusal> {
    let Some(text) = fields.text(name)? else { return Ok(None) };
    let at = instant(text).ok_or_else(|| fields.invalid(name, "not an instant"))?;
    if at <= now { Err(fields.invalid(name, EXPIRED)) } else { Ok(Some(at)) }
}

/// An instant as Webex Connect's samples print it: with `Z`, an offset of any digits (`+5:30`),
/// or none, which is UTC; seconds may be missing, a blank may stand for the `T`.
pub(super) fn instant(text: &str) -> Option<Time> {
    let text = text.trim();
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let cut = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, offset) = clock.split_at(cut);
    let seconds = if clock.matches(':').count() == 1 { ":00" } else { "" };
    let civil: jiff::civil::DateTime = format!("{date}T{}{seconds}", clock.trim()).parse().ok()?;
    let offset = offset_seconds(offset.trim())?;
    let utc = jiff::tz::Offset::from_seconds(offset).ok()?.to_timestamp(civil).ok()?;
    Some(Time(utc.as_microsecond()))
}

fn offset_seconds(text: &str) -> Option<i32> {
    if text.is_empty() || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let number = |text: &str| text.parse::<u16>().ok().map(i32::from);
    Some(sign * (number(hours)? * 3600 + number(minutes)? * 60))
}

fn step(fields: &Fields<'_>, delivery: Delivery, own: &Settings) -> Result<StepDraft, Refusal> {
    match delivery {
        Delivery::Whatsapp => whatsapp_step(fields, own),
        Delivery::Sms => channels::sms(fields, own),
        Delivery::Voice => channels::voice(fields),
        Delivery::Push => channels::push(fields),
        Delivery::InApp => channels::in_app(fields),
        Delivery::Messenger => channels::messenger(fields),
        Delivery::Apple => channels::apple(fields),
    }
}

fn whatsapp_step(fields: &Fields<'_>, own: &Settings) -> Result<StepDraft, Refusal> {
    let wa = match fields.object("channels")? {
        Some(channels) => match channels.object("OTT-Messaging")? {
            Some(ott) => ott.object("wa")?,
            None => None,
        },
        None => None,
    };
    let identity = wa.as_ref().map(|wa| wa.text("identity_key_hash")).transpose()?.flatten();
    let mut step = match (wa, template(fields)?) {
        // A block in the channel overrides the request's own template.
        (Some(wa), _) if wa.get("type").is_some() => whatsapp::step(&wa)?,
        (_, Some((id, message))) => {
            StepDraft::new(Channel::Whatsapp, templates::whatsapp(id, &message, own)?)
        }
        (Some(wa), None) => return Err(wa.missing("type")),
        (None, None) => return Err(fields.missing("channels.OTT-Messaging.wa")),
    };
    step.extras.identity_hash = identity.map(str::to_owned);
    Ok(step)
}

/// The template that a request names, with the object that holds its parameters.
pub(super) fn template<'a>(fields: &Fields<'a>) -> Result<Option<(String, Fields<'a>)>, Refusal> {
    let Some(message) = fields.object("message")? else { return Ok(None) };
    if matches!(message.get("template"), Some(Value::Object(_) | Value::Array(_))) {
        return Err(message.invalid("template", "not an id"));
    }
    Ok(message.scalar("template")?.map(|id| (id, message)))
}
