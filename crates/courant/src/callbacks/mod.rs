//! Callbacks: reports pushed to callers. [`compose`] words them in the caller's dialect when
//! something changes, so that they are saved with the change; [`sender`] delivers them by the
//! [`post`].

pub mod post;
pub mod sender;
#[cfg(test)]
mod tests;
pub mod tries;
mod waiting;

use std::borrow::Cow;

use dialects::{Callback, Context, Dialect};
use model::{Inbound, MessageId, Time, TraceParent, call::MessageReport, report::Occasion};
use serde::{Deserialize, Serialize};
use store::{NewCallback, packed};

use crate::{accounts::Account, core::Core};

/// A callback request as it lies in the outbox.
#[derive(Debug, Serialize, Deserialize)]
pub struct Letter {
    /// HTTP method.
    #[serde(rename = "m")]
    pub method: String,
    /// Headers in order.
    #[serde(rename = "h")]
    pub headers: Vec<(String, String)>,
    /// Body; all dialects write text.
    #[serde(rename = "b")]
    pub body: String,
    /// The first failure is the last.
    #[serde(rename = "n", default, skip_serializing_if = "std::ops::Not::not")]
    pub no_retry: bool,
    /// The trace that the caller began.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
}

/// A letter being written, under the same names.
#[derive(Serialize)]
struct Draft<'a> {
    #[serde(rename = "m")]
    method: &'a str,
    #[serde(rename = "h")]
    headers: &'a [(Cow<'static, str>, String)],
    #[serde(rename = "b")]
    body: &'a str,
    #[serde(rename = "n", skip_serializing_if = "std::ops::Not::not")]
    no_retry: bool,
    #[serde(rename = "t", skip_serializing_if = "Option::is_none")]
    trace: Option<TraceParent>,
}

impl Letter {
    /// The letter of a request in the outbox; `None` if this program cannot read it.
    #[must_use]
    pub fn read(request: &[u8]) -> Option<Self> {
        packed::read(request).ok()
    }

    /// The request as it lies in the outbox.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        packed::write(self).expect("our own types serialise")
    }
}

/// The callbacks that a change calls for.
#[must_use]
pub fn compose(core: &Core, report: &MessageReport, occasion: &Occasion, now: Time) -> Vec<NewCallback> {
    let Some((account, dialect)) = parties(core, report) else { return Vec::new() };
    let callbacks = dialect.callback(report, occasion, &context(account, report.message.id, now));
    letters(callbacks, occasion.status.as_str(), report.message.brief().trace, now)
}

/// Whether a settled message's report waits to be pulled.
#[must_use]
pub fn keeps_report(core: &Core, report: &MessageReport, now: Time) -> bool {
    parties(core, report).is_some_and(|(account, dialect)| {
        dialect.keeps_reports(report, &context(account, report.message.id, now))
    })
}

/// The callbacks for a message from a person.
#[must_use]
pub fn compose_inbound(
    account: &Account,
    dialect: &dyn Dialect,
    inbound: &Inbound,
    now: Time,
) -> Vec<NewCallback> {
    let callbacks = dialect.inbound(inbound, &context(account, crate::clock::message_id(now), now));
    letters(callbacks, "inbound", None, now)
}

/// Whether messages to this sender are the account's.
#[must_use]
pub fn owns(account: &Account, inbound: &Inbound) -> bool {
    let routed = account.config.routes.get(&inbound.channel);
    routed.is_some_and(|routes| routes.iter().any(|route| *route == *inbound.route.as_str()))
        && account.config.senders.get(&inbound.channel).is_none_or(|senders| senders.contains(&inbound.to))
}

fn parties<'a>(core: &'a Core, report: &MessageReport) -> Option<(&'a Account, &'static dyn Dialect)> {
    let account = core.accounts.by_name(&report.message.account)?;
    Some((account, dialects::by_name(report.message.dialect)?))
}

fn context(account: &Account, fresh: MessageId, now: Time) -> Context<'_> {
    Context {
        now,
        fresh,
        account: account.name.as_str(),
        principal: "",
        settings: &account.settings,
        rate: account.rate(now),
    }
}

fn letters(callbacks: Vec<Callback>, about: &str, trace: Option<TraceParent>, now: Time) -> Vec<NewCallback> {
    callbacks.into_iter().map(|callback| letter(callback, about, trace, now)).collect()
}

fn letter(callback: Callback, about: &str, trace: Option<TraceParent>, now: Time) -> NewCallback {
    let draft = Draft {
        method: &callback.method,
        headers: &callback.headers,
        body: &String::from_utf8_lossy(&callback.body),
        no_retry: callback.no_retry,
        trace,
    };
    let request = packed::write(&draft).expect("our own types serialise");
    NewCallback { url: callback.url, request, due_at: now, about: about.to_owned() }
}
