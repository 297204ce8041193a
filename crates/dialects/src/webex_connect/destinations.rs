//! Whom a request is for: values under keys that name the kind of address.

use model::{Cause, Phone, Recipient, Refusal, message::Draft};
use serde_json::Value;

use super::{
    read::{Delivery, correlation},
    settings::own,
    wire::RecipientMemo,
};
use crate::{
    Context,
    fields::{Fields, scalar},
    memo::remember,
    support,
};

/// Most recipients of one request, counted by value.
pub(super) const MAX_RECIPIENTS: usize = 1000;

/// The keys a v1 channel takes, in the order in which values of one entry are used.
const fn keys(delivery: Delivery) -> &'static [&'static str] {
    match delivery {
        Delivery::Whatsapp => &["waid", "bsuid"],
        Delivery::Sms | Delivery::Voice => &["msisdn"],
        Delivery::Push => &[
            "userid",
            "android_pushid",
            "ios_pushid",
            "hms_pushid",
            "chrome_pushid",
            "firefox_pushid",
            "safari_pushid",
        ],
        Delivery::InApp => &["userid"],
        Delivery::Messenger => &["psid"],
        Delivery::Apple => &["abcUserId"],
    }
}

/// The recipients of a v1 request.
pub(super) fn v1(
    fields: &Fields<'_>,
    delivery: Delivery,
    context: &Context<'_>,
) -> Result<Vec<Draft>, Refusal> {
    let accepted = keys(delivery);
    let entries = fields.objects("destination", fields.required_array("destination")?)?;
    let mut drafts = Vec::new();
    for entry in &entries {
        refuse_profiles(entry)?;
        add(&mut drafts, entry, accepted, &["correlationid", "correlationId"], context)?;
    }
    if drafts.is_empty() {
        return Err(Refusal::missing(format!("destination ({})", accepted.join(", "))));
    }
    add_trace_ids(&mut drafts, fields)?;
    finish(drafts)
}

/// The recipients of a v2 request.
pub(super) fn v2(
    fields: &Fields<'_>,
    accepted: &'static str,
    context: &Context<'_>,
) -> Result<Vec<Draft>, Refusal> {
    let entries = fields.objects("to", fields.required_array("to")?)?;
    let mut drafts = Vec::new();
    for entry in &entries {
        refuse_profiles(entry)?;
        add(&mut drafts, entry, &[accepted], &["correlationId", "correlationid"], context)?;
    }
    if drafts.is_empty() {
        return Err(Refusal::missing(format!("to ({accepted})")));
    }
    finish(drafts)
}

/// One recipient while the request is read: its address and what is kept about it.
type Pending = (Draft, RecipientMemo);

fn finish(drafts: Vec<Pending>) -> Result<Vec<Draft>, Refusal> {
    Ok(drafts.into_iter().map(|(draft, kept)| Draft { memo: Some(remember(&kept)), ..draft }).collect())
}

/// Webex Connect resolves `customerid` through its profile store, which only it has.
fn refuse_profiles(entry: &Fields<'_>) -> Result<(), Refusal> {
    match entry.get("customerid") {
        Some(Value::Array(ids)) if ids.is_empty() => Ok(()),
        Some(_) => Err(entry.invalid("customerid", "customer profiles are not kept here")),
        None => Ok(()),
    }
}

fn add(
    drafts: &mut Vec<Pending>,
    entry: &Fields<'_>,
    accepted: &[&'static str],
    correlation_names: &[&str],
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let correlation = correlation(entry, correlation_names)?;
    for key in accepted {
        for to in values(entry, key)? {
            if drafts.len() == MAX_RECIPIENTS {
                return Err(Refusal::TooManyRecipients { limit: MAX_RECIPIENTS });
            }
            let draft = draft(key, &to, context);
            let kept =
                RecipientMemo { to, kind: (*key).to_owned(), correlation: correlation.clone(), gtrid: None };
            drafts.push((draft, kept));
        }
    }
    Ok(())
}

/// The values under a key: an array, or one value without the brackets; numbers count as text.
fn values(entry: &Fields<'_>, key: &str) -> Result<Vec<String>, Refusal> {
    let wrong = || entry.invalid(key, "not an array of single values");
    let values = match entry.get(key) {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(scalar).collect::<Option<Vec<_>>>().ok_or_else(wrong)?
        }
        Some(single) => vec![scalar(single).ok_or_else(wrong)?],
    };
    Ok(values.into_iter().filter(|value| !value.trim().is_empty()).collect())
}

/// An address that cannot exist does not spoil the request; its message is reported as failed.
fn draft(key: &str, to: &str, context: &Context<'_>) -> Draft {
    let recipient = match key {
        "waid" => phone(to, false, context),
        "msisdn" => phone(to, own(context).require_plus, context),
        "bsuid" => Some(Recipient { whatsapp_user: Some(to.to_owned()), ..Recipient::default() }),
        "email" => {
            to.contains('@').then(|| Recipient { email: Some(to.trim().to_owned()), ..Recipient::default() })
        }
        "psid" | "abcUserId" => Some(Recipient { other: Some(to.to_owned()), ..Recipient::default() }),
        _ => Some(Recipient { push: Some(to.to_owned()), ..Recipient::default() }),
    };
    match recipient {
        Some(recipient) => Draft { recipient, ..Draft::default() },
        None => Draft {
            recipient: Recipient { other: Some(to.to_owned()), ..Recipient::default() },
            void: Some(Cause::InvalidRecipient),
            ..Draft::default()
        },
    }
}

fn phone(text: &str, plus: bool, context: &Context<'_>) -> Option<Recipient> {
    if plus && !text.trim_start().starts_with('+') {
        return None;
    }
    support::phone(text, context.settings)
        .filter(|phone| (MIN_DIGITS..=Phone::MAX_DIGITS).contains(&phone.digits().len()))
        .map(Recipient::phone)
}

/// Shorter numbers are nobody's: the shortest national numbers with a country code have this many.
const MIN_DIGITS: usize = 5;

/// `gtrId` gives each destination an id that comes back in a header of its notifications.
fn add_trace_ids(drafts: &mut [Pending], fields: &Fields<'_>) -> Result<(), Refusal> {
    let Some(ids) = fields.array("gtrId")? else { return Ok(()) };
    if ids.len() != drafts.len() {
        return Err(fields.invalid("gtrId", "not as many as destinations"));
    }
    for ((_, kept), id) in drafts.iter_mut().zip(ids) {
        let id = scalar(id)
            .filter(|id| id.len() <= MAX_TRACE_ID && id.bytes().all(|byte| byte.is_ascii_graphic()));
        kept.gtrid = Some(id.ok_or_else(|| fields.invalid("gtrId", "not an array of ids"))?);
    }
    Ok(())
}

/// Most bytes of a trace id; it travels in a header.
const MAX_TRACE_ID: usize = 200;
