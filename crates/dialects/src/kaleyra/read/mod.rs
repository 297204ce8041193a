//! From bytes to the model.
//!
//! Checks run in this order: whether the account has the API, the sender, the sender's version of
//! the API, the payload. A number that cannot be one is no reason to refuse the request unless
//! all are: its message is reported as not sent.

mod flow;
mod form;
mod sms;
mod upload;
mod whatsapp;

use std::collections::HashSet;

use bytes::Bytes;
use http::{Method, Request};
use model::{
    Call, Cause, Phone, Recipient, Refusal, Span,
    call::{Feature, LogFilter, MessageRef},
    message::Draft,
};

use super::{
    fields::{Fields, stringify},
    ids,
    path::Surface,
    settings::Settings,
    wire::{Memo, MessageMemo, OwnCallback, Refs},
};
use crate::{Context, memo::remember, support};

/// Kaleyra: a request in JSON has at most 1000 recipients.
const MAX_RECIPIENTS: usize = 1000;
/// Digits of a number in E.164.
const MAX_DIGITS: usize = 15;
/// Kaleyra: references longer than this are cut, not refused.
const MAX_REF_CHARS: usize = 255;
/// Most ids in one question (ours).
const MAX_IDS: usize = 100;

/// A request and what is known of who asks.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request<Bytes>,
    pub(super) context: &'a Context<'a>,
    pub(super) settings: &'a Settings,
}

pub(super) fn read(
    request: &Request<Bytes>,
    context: &Context<'_>,
    settings: &Settings,
) -> Result<Call, Refusal> {
    let asked = Asked { request, context, settings };
    let surface = Surface::of(request.uri().path());
    let allow = surface.allow();
    let method = request.method();
    let (get, post) = (method == Method::GET || method == Method::HEAD, method == Method::POST);
    match surface {
        Surface::Probe if get => Ok(Call::Ping),
        Surface::Messages { sender } if post => whatsapp::submission(&asked, &sender),
        Surface::Message { sender, id } if get => {
            asked.sender(&sender)?;
            batch(&id)
        }
        Surface::Media { sender } if post => upload::upload(&asked, &sender),
        Surface::SmsJson | Surface::FormSms if post => sms::submission(&asked),
        Surface::FormMessages if post || method == Method::GET => form::submission(&asked),
        Surface::Statuses if get => statuses(request),
        Surface::Invoke(flow) if post => flow::submission(&asked, &flow),
        Surface::Templates => Err(Refusal::NotEnabled(Feature::Templates)),
        Surface::ResumableMedia => Err(Refusal::NotEnabled(Feature::Upload)),
        Surface::Nowhere => Err(Refusal::UnknownPath),
        Surface::Probe
        | Surface::Messages { .. }
        | Surface::Message { .. }
        | Surface::Media { .. }
        | Surface::SmsJson
        | Surface::FormSms
        | Surface::FormMessages
        | Surface::Statuses
        | Surface::Invoke(_) => Err(Refusal::MethodNotAllowed { allow }),
    }
}

impl Asked<'_> {
    /// Whose rules decide how tolerantly JSON is read.
    pub(super) fn tolerance(&self) -> crate::Settings {
        let tolerant_json = self.context.settings.tolerant_json && !self.settings.strict_json;
        crate::Settings { tolerant_json, ..crate::Settings::default() }
    }

    /// The values of the request. Version 2 is JSON whatever the header says.
    pub(super) fn fields(&self) -> Result<Fields, Refusal> {
        let tolerance = self.tolerance();
        match Surface::of(self.request.uri().path()) {
            Surface::SmsJson => Fields::of_json(self.request.body(), &tolerance),
            Surface::Probe
            | Surface::Messages { .. }
            | Surface::Message { .. }
            | Surface::Media { .. }
            | Surface::FormMessages
            | Surface::FormSms
            | Surface::Statuses
            | Surface::Invoke(_)
            | Surface::Templates
            | Surface::ResumableMedia
            | Surface::Nowhere => Fields::of(self.request, &tolerance),
        }
    }

    /// The sender in the path of version 2, if the account may use it there.
    fn sender(&self, text: &str) -> Result<Phone, Refusal> {
        if !self.settings.whatsapp_v2 {
            return Err(Refusal::NotEnabled(Feature::Dialect));
        }
        let phone = self.own_number(text)?;
        if self.settings.is_v1_only(&phone, self.context.settings) {
            return Err(Refusal::NotEnabled(Feature::ApiVersion));
        }
        Ok(phone)
    }

    /// A number of the account.
    fn own_number(&self, text: &str) -> Result<Phone, Refusal> {
        let phone = support::phone(text, self.context.settings).ok_or(Refusal::UnknownSender)?;
        if self.settings.owns(&phone, self.context.settings) {
            Ok(phone)
        } else {
            Err(Refusal::UnknownSender)
        }
    }

    /// One draft for each different number of a list with commas.
    fn recipients(&self, numbers: &str, prefix: &str) -> Result<Vec<Draft>, Refusal> {
        let mut seen = HashSet::new();
        let mut drafts = Vec::new();
        for number in numbers.split(',').map(str::trim).filter(|number| !number.is_empty()) {
            let full = if number.starts_with('+') { number.to_owned() } else { format!("{prefix}{number}") };
            let phone = self.number(&full);
            if !seen.insert(phone.as_ref().map_or_else(|| full.clone(), |phone| phone.digits().to_owned())) {
                continue;
            }
            drafts.push(phone.map_or_else(|| void(&full), reachable));
            if drafts.len() > MAX_RECIPIENTS {
                return Err(Refusal::TooManyRecipients { limit: MAX_RECIPIENTS });
            }
        }
        check_drafts(drafts, numbers)
    }

    fn number(&self, text: &str) -> Option<Phone> {
        support::phone(text, self.context.settings).filter(|phone| phone.digits().len() <= MAX_DIGITS)
    }

    /// A callback profile that exists.
    fn profile(&self, id: Option<String>) -> Result<Option<String>, Refusal> {
        match id.filter(|id| !id.is_empty()) {
            Some(id) if !self.settings.callback_profiles.contains_key(&id) => {
                Err(Refusal::invalid("callback_profile_id", id, "no such callback profile"))
            }
            id => Ok(id),
        }
    }

    /// What the older calls say about reports.
    fn memo(&self, fields: &Fields) -> Result<Memo, Refusal> {
        let cut = |name: &str| cut(fields.text(name).unwrap_or_default());
        let callback_url = fields.text("callback_url").map(str::to_owned);
        if let Some(url) = callback_url.as_deref().filter(|url| !is_link(url)) {
            return Err(Refusal::invalid("callback_url", url, "not an address"));
        }
        Ok(Memo {
            refs: Refs { r#ref: cut("ref"), ref1: cut("ref1"), ref2: cut("ref2") },
            profile: self.profile(fields.text("callback_profile_id").map(str::to_owned))?,
            callback_url,
            callback: own_callback(fields)?,
            ..Memo::default()
        })
    }
}

fn reachable(phone: Phone) -> Draft {
    Draft { recipient: Recipient::phone(phone), ..Draft::default() }
}

/// A number that cannot be one is kept as it was given, for the report.
fn void(number: &str) -> Draft {
    let to = Some(support::truncate_chars(number, 200).to_owned());
    let memo = remember(&MessageMemo { to, custom: None });
    Draft { memo: Some(memo), void: Some(Cause::InvalidRecipient), ..Draft::default() }
}

fn check_drafts(drafts: Vec<Draft>, numbers: &str) -> Result<Vec<Draft>, Refusal> {
    if drafts.is_empty() {
        return Err(Refusal::missing("to"));
    }
    if drafts.iter().all(|draft| draft.void.is_some()) {
        return Err(Refusal::invalid("to", numbers, "no number that can be one"));
    }
    Ok(drafts)
}

/// Kaleyra: a reference is cut after 255 characters.
fn cut(text: &str) -> String {
    support::truncate_chars(text, MAX_REF_CHARS).to_owned()
}

fn is_link(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    })
}

/// Kaleyra: `callback` is JSON with `url`, `method`, `header` and `retry`. Its retry policy is the
/// one that all callbacks have; only a count of zero makes a difference.
fn own_callback(fields: &Fields) -> Result<Option<OwnCallback>, Refusal> {
    let Some(object) = fields.object("callback")? else { return Ok(None) };
    let inner = Fields::from_object(&object);
    let url = inner.text("url").unwrap_or_default();
    if !is_link(url) {
        return Err(Refusal::invalid("callback", url, "its url is not an address"));
    }
    let word = inner.text("method").unwrap_or("POST").to_ascii_uppercase();
    let method = serde_json::from_value(word.clone().into())
        .map_err(|_| Refusal::invalid("callback", &word, "its method is not one"))?;
    let header = inner.object("header").map_err(|_| Refusal::invalid("callback", "", "bad header"))?;
    let headers = header.unwrap_or_default();
    let headers = headers.iter().map(|(name, value)| (name.clone(), stringify(value))).collect();
    let retry = inner.object("retry").map_err(|_| Refusal::invalid("callback", "", "bad retry"))?;
    let no_retry =
        retry.and_then(|retry| retry.get("count").map(stringify)).is_some_and(|count| count == "0");
    Ok(Some(OwnCallback { url: url.to_owned(), method, headers, no_retry }))
}

/// The messages of a submission. The id tells when it was made, which bounds the search.
fn batch(id: &str) -> Result<Call, Refusal> {
    let missing = Refusal::NotFound(model::call::Missing::Message);
    let (batch, _) = ids::parse_batch(id).ok_or(missing)?;
    Ok(Call::ReadLogs(LogFilter {
        bulks: vec![batch.to_string()],
        since: Some(batch.time()),
        until: Some(batch.time() + Span::from_millis(1)),
        limit: MAX_RECIPIENTS,
        ..LogFilter::default()
    }))
}

/// Kaleyra: `message_ids=a,b`.
fn statuses(request: &Request<Bytes>) -> Result<Call, Refusal> {
    let fields = Fields::of_query(request);
    let text = fields.required("message_ids")?;
    let given = text.split(',').filter(|id| !id.trim().is_empty());
    let ids: Vec<_> = given.take(MAX_IDS).filter_map(ids::parse_campaign).collect();
    if let [id] = ids.as_slice() {
        return Ok(Call::Status(MessageRef::Id(*id)));
    }
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
        return Err(Refusal::invalid("message_ids", text, "not message ids"));
    };
    Ok(Call::ReadLogs(LogFilter {
        since: Some(first.time()),
        until: Some(last.time() + Span::from_millis(1)),
        limit: ids.len(),
        messages: ids.into_iter().map(MessageRef::Id).collect(),
        ..LogFilter::default()
    }))
}
