//! `POST /v1/omnichannel` and `GET` of a message: from bytes to the model.
//!
//! Checks run in this order: JSON and types (3110), missing members (33xx), values (31xx), rights
//! (32xx). What is wrong with a single channel is no reason to refuse the request: that channel's
//! step is void from the start, its status tells why, and the next channel has its turn.

use std::net::IpAddr;

use bytes::Bytes;
use http::{Method, Request};
use model::{
    Call, Cause, Channel, MessageId, Phone, Recipient, Refusal, Span,
    call::{Feature, MessageRef},
    message::{Brief, Draft, PlanSource, Priority, StepDraft, Submission},
};

use super::{
    asked::{Asked, AskedContent},
    form,
    path::Surface,
    settings::{FallbackTimeUnit, Settings},
    templates,
    wire::Memo,
};
use crate::{Context, memo::remember, support};

/// Telesign: `external_id` has at most 100 characters, ASCII only.
const MAX_EXTERNAL_ID: usize = 100;
/// Telesign: digits of a phone number.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 4..=15;
/// Telesign: the default of `fallback_time`.
const DEFAULT_FALLBACK: Span = Span::from_mins(5);
/// Telesign: the values of `account_lifecycle_event`.
const LIFECYCLE_EVENTS: [&str; 5] = ["create", "sign-in", "transact", "update", "delete"];

pub(super) fn read(
    request: &Request<Bytes>,
    context: &Context<'_>,
    settings: &Settings,
) -> Result<Call, Refusal> {
    let surface = Surface::of(request.uri().path());
    let not_allowed = Refusal::MethodNotAllowed { allow: surface.allow() };
    let method = request.method();
    match surface {
        Surface::Omnichannel if method == Method::POST => submission(request.body(), context, settings),
        Surface::Message(id) | Surface::Sms(id) if is_get(method) => status(&id),
        Surface::Messaging if method == Method::POST => form::submission(request, context, settings),
        Surface::Completion(id) if method == Method::PUT => status(&id),
        Surface::Templates if is_get(method) || method == Method::POST => {
            Err(Refusal::NotEnabled(Feature::Templates))
        }
        Surface::Template if is_get(method) || method == Method::DELETE => {
            Err(Refusal::NotEnabled(Feature::Templates))
        }
        Surface::Capability if is_get(method) => Err(Refusal::NotEnabled(Feature::Capability)),
        Surface::Nowhere => Err(Refusal::UnknownPath),
        Surface::Omnichannel
        | Surface::Message(_)
        | Surface::Sms(_)
        | Surface::Messaging
        | Surface::Completion(_)
        | Surface::Templates
        | Surface::Template
        | Surface::Capability => Err(not_allowed),
    }
}

fn is_get(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn status(id: &str) -> Result<Call, Refusal> {
    // Only the 32 digits that we handed out; the model would read a UUID too.
    let id = Some(id).filter(|id| id.len() == 32).and_then(MessageId::parse).ok_or_else(bad_reference(id))?;
    Ok(Call::Status(MessageRef::Id(id)))
}

fn bad_reference(id: &str) -> impl FnOnce() -> Refusal {
    move || Refusal::invalid("reference_id", id, "not 32 hex digits")
}

fn submission(body: &[u8], context: &Context<'_>, settings: &Settings) -> Result<Call, Refusal> {
    let asked = Asked::parse(support::parse_json(body, context.settings)?)?;
    asked.check(settings)?;
    let mut memo = asked.memo();
    let recipient = recipient(&asked, &mut memo, context);
    let steps = steps(&asked, &recipient, &mut memo, settings)?;
    Ok(Call::Submit(Box::new(Submission {
        brief: Brief { priority: asked.priority()?, memo: Some(remember(&memo)), ..Brief::default() },
        plan: PlanSource::Steps { steps, extend: None },
        recipients: vec![Draft { recipient, ..Draft::default() }],
        // Not unique, so that it is an id to find messages by, not one that names a message.
        bulk: asked.external_id.filter(|id| !id.is_empty()),
    })))
}

impl Asked {
    /// Telesign: bad values are told in this order.
    fn check(&self, settings: &Settings) -> Result<(), Refusal> {
        self.check_channels()?;
        self.priority()?;
        check_external_id(self.external_id.as_deref())?;
        check_lifecycle_event(self.account_lifecycle_event.as_deref())?;
        check_ip(self.originating_ip.as_deref())?;
        check_callback_url(self.callback_url.as_deref(), settings)?;
        self.check_fallback_times(settings)?;
        self.check_codes()
    }

    fn check_channels(&self) -> Result<(), Refusal> {
        let names: Vec<&str> = self.channels.iter().map(|channel| channel.name.as_str()).collect();
        let repeated = names.iter().enumerate().any(|(index, name)| names[..index].contains(name));
        if repeated || names.len() > model::Plan::MAX_STEPS {
            return Err(Refusal::invalid("channels", names.join(","), "a channel appears once"));
        }
        Ok(())
    }

    fn check_fallback_times(&self, settings: &Settings) -> Result<(), Refusal> {
        let range = fallback_range(settings.fallback_time_unit);
        let given = self.channels.iter().filter_map(|channel| channel.fallback_time);
        match given.filter(|_| settings.strict_fallback_time).find(|time| !range.contains(time)) {
            Some(time) => Err(Refusal::invalid("fallback_time", time.to_string(), "out of range")),
            None => Ok(()),
        }
    }

    /// Codes that the gateway would have to make are a product of its own.
    fn check_codes(&self) -> Result<(), Refusal> {
        let asks = self.channels.iter().filter_map(|channel| {
            let known = templates::channel(&channel.name)?;
            Some(templates::is_generated_code(known, &self.content(&channel.name)?.template))
        });
        if asks.into_iter().any(|generated| generated) {
            return Err(Refusal::NotEnabled(Feature::GeneratedCodes));
        }
        Ok(())
    }

    fn priority(&self) -> Result<Priority, Refusal> {
        priority(&self.message_type)
    }

    fn content(&self, channel: &str) -> Option<&AskedContent> {
        self.message.get(channel).or_else(|| self.message.get("default"))
    }

    fn memo(&self) -> Memo {
        let labels = self.channels.iter().enumerate().filter_map(|(index, channel)| {
            let unknown = templates::channel(&channel.name).is_none();
            unknown.then(|| (u8::try_from(index).ok(), channel.name.clone()))
        });
        Memo {
            external_id: self.external_id.clone(),
            callback_url: self.callback_url.clone(),
            labels: labels.filter_map(|(index, name)| Some((index?, name))).collect(),
            ..Memo::default()
        }
    }
}

/// Telesign: one-time passwords, alerts and reminders, marketing.
pub(super) fn priority(message_type: &str) -> Result<Priority, Refusal> {
    match message_type {
        "OTP" => Ok(Priority::OneTime),
        "ARN" => Ok(Priority::Notice),
        "MKT" => Ok(Priority::Marketing),
        other => Err(Refusal::invalid("message_type", other, "neither OTP, ARN nor MKT")),
    }
}

pub(super) fn check_external_id(id: Option<&str>) -> Result<(), Refusal> {
    match id {
        Some(id) if id.len() > MAX_EXTERNAL_ID || !id.is_ascii() => {
            Err(Refusal::invalid("external_id", id, "too long or not ASCII"))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn check_lifecycle_event(event: Option<&str>) -> Result<(), Refusal> {
    match event {
        Some(event) if !LIFECYCLE_EVENTS.contains(&event) => {
            Err(Refusal::invalid("account_lifecycle_event", event, "no such event"))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn check_ip(address: Option<&str>) -> Result<(), Refusal> {
    match address {
        Some(address) if address.parse::<IpAddr>().is_err() => {
            Err(Refusal::invalid("originating_ip", address, "not an IP address"))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn check_callback_url(url: Option<&str>, settings: &Settings) -> Result<(), Refusal> {
    let Some(url) = url else { return Ok(()) };
    if !templates::is_link(url) {
        return Err(Refusal::invalid("callback_url", url, "not an address"));
    }
    if !settings.allow_callback_url_override {
        return Err(Refusal::NotEnabled(Feature::CallbackUrl));
    }
    Ok(())
}

/// A number as Telesign takes it: digits only, but for one leading `+`.
pub(super) fn phone(text: &str, context: &Context<'_>) -> Option<Phone> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let placeholder = |c: char| context.settings.placeholder_digits && matches!(c, 'X' | 'x');
    let well_formed = digits.chars().all(|c| c.is_ascii_digit() || placeholder(c));
    if !well_formed || !PHONE_DIGITS.contains(&digits.len()) {
        return None;
    }
    support::phone(digits, context.settings)
}

fn recipient(asked: &Asked, memo: &mut Memo, context: &Context<'_>) -> Recipient {
    let phone = asked.phone_number.as_deref().and_then(|text| phone(text, context));
    if phone.is_none() {
        memo.bad_phone =
            asked.phone_number.as_deref().map(|text| support::truncate_chars(text, 200).to_owned());
    }
    Recipient { phone, email: asked.email.clone(), ..Recipient::default() }
}

fn steps(
    asked: &Asked,
    recipient: &Recipient,
    memo: &mut Memo,
    settings: &Settings,
) -> Result<Vec<StepDraft>, Refusal> {
    memo.fallback_refused = asked.channels.len() > 1 && !settings.fallback_enabled;
    let last = asked.channels.len().saturating_sub(1);
    let steps = asked.channels.iter().enumerate().map(|(index, channel)| {
        let refused = index > 0 && !settings.fallback_enabled;
        let mut step = step(asked, &channel.name, refused, recipient, memo, settings);
        // Telesign: fallback_time is ignored on the last channel.
        step.patience = (index < last).then(|| patience(channel.fallback_time, settings.fallback_time_unit));
        step.sender = sender(step.channel, asked, settings);
        step
    });
    Ok(steps.collect())
}

/// Telesign: a `sender_id` is what an SMS shows, and one that is not allow-listed is not used,
/// which is no error. Other channels have senders registered with their networks.
fn sender(channel: Channel, asked: &Asked, settings: &Settings) -> Option<String> {
    let shows_it = matches!(channel, Channel::Sms | Channel::Mms);
    asked.sender_id.clone().filter(|sender| shows_it && settings.sender_ids.contains(sender))
}

fn step(
    asked: &Asked,
    name: &str,
    fallback_refused: bool,
    recipient: &Recipient,
    memo: &Memo,
    settings: &Settings,
) -> StepDraft {
    let Some(channel) = templates::channel(name) else {
        return StepDraft::void(Channel::Unlisted, Cause::UnknownChannel);
    };
    if fallback_refused || !settings.enables(channel) {
        return StepDraft::void(channel, Cause::ChannelDisabled);
    }
    if let Some(cause) = address_fault(channel, recipient, memo) {
        return StepDraft::void(channel, cause);
    }
    let content = asked
        .content(name)
        .ok_or(Cause::MissingContent)
        .and_then(|content| {
            let is_default = !asked.message.contains_key(name);
            templates::content(channel, &content.template, &content.parameters, is_default)
        })
        .and_then(|content| templates::check_text(channel, content, settings.default_sms_text_limit));
    match content {
        Ok(content) => StepDraft::new(channel, content),
        Err(cause) => StepDraft::void(channel, cause),
    }
}

fn address_fault(channel: Channel, recipient: &Recipient, memo: &Memo) -> Option<Cause> {
    if channel == Channel::Email {
        return recipient.email.is_none().then_some(Cause::MissingAddress);
    }
    match (&recipient.phone, &memo.bad_phone) {
        (Some(_), _) => None,
        (None, Some(_)) => Some(Cause::InvalidRecipient),
        (None, None) => Some(Cause::MissingAddress),
    }
}

/// Telesign: 30 to 3600 where the unit is seconds. Its pages with milliseconds state no range and
/// print 600; the same hour is the most there.
fn fallback_range(unit: FallbackTimeUnit) -> std::ops::RangeInclusive<u64> {
    match unit {
        FallbackTimeUnit::Milliseconds => 1..=3_600_000,
        FallbackTimeUnit::Seconds => 30..=3600,
    }
}

fn patience(time: Option<u64>, unit: FallbackTimeUnit) -> Span {
    let Some(time) = time else { return DEFAULT_FALLBACK };
    let range = fallback_range(unit);
    let time = time.clamp(*range.start(), *range.end());
    match unit {
        FallbackTimeUnit::Milliseconds => Span::from_millis(time),
        FallbackTimeUnit::Seconds => Span::from_secs(time),
    }
}
