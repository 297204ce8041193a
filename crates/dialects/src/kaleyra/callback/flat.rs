//! Callbacks of the older calls: a handful of variables, by a profile, by the request's own
//! callback, or by GET with id and status.

use std::borrow::Cow;

use super::{
    News,
    profile::{self, Variables},
};
use crate::{
    Callback,
    kaleyra::{
        ids,
        settings::Settings,
        status::Standing,
        wire::{Kind, MessageMemo, OwnCallback, recipient},
    },
};

/// The profile that the request names, its own callback, its address, else the default profile.
pub(super) fn callback(news: &News<'_>, settings: &Settings) -> Option<Callback> {
    if let (Some(own), None) = (&news.memo.callback, &news.memo.profile) {
        return Some(by_own(own, &variables(news)));
    }
    if let (Some(url), None) = (&news.memo.callback_url, &news.memo.profile) {
        return Some(by_address(url, news));
    }
    let profile = settings.profile(news.memo.profile.as_deref())?;
    Some(profile::callback(&profile, &variables(news), None))
}

fn by_own(own: &OwnCallback, variables: &Variables) -> Callback {
    let (url, body) = profile::bare(own.url.clone(), own.method, variables);
    let mut headers: Vec<(Cow<'static, str>, String)> = Vec::new();
    if !body.is_empty() && !own.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
        headers.push((Cow::Borrowed("Content-Type"), "application/json".to_owned()));
    }
    headers.extend(own.headers.iter().map(|(name, value)| (Cow::Owned(name.clone()), value.clone())));
    let method = Cow::Borrowed(own.method.as_str());
    Callback { method, url, headers, body, no_retry: own.no_retry }
}

/// Clients read `id` and `status` from the query; a failure is `0` there.
fn by_address(url: &str, news: &News<'_>) -> Callback {
    let status = match (news.standing, news.memo.kind) {
        (Standing::Failed(_) | Standing::NotSent(_), Kind::FormWhatsapp | Kind::Whatsapp) => "0",
        (
            Standing::Accepted | Standing::Sent | Standing::Delivered | Standing::Read,
            Kind::FormWhatsapp | Kind::Whatsapp,
        )
        | (_, Kind::Sms | Kind::Flow) => word(news),
    };
    let query = vec![("id", id(news)), ("status", status.to_owned())];
    let url = profile::with_query(url, &query);
    Callback { method: Cow::Borrowed("GET"), url, headers: Vec::new(), body: Vec::new(), no_retry: false }
}

fn word(news: &News<'_>) -> &'static str {
    match news.memo.kind {
        Kind::Sms | Kind::Flow => news.standing.sms().0,
        Kind::Whatsapp | Kind::FormWhatsapp => news.standing.whatsapp(),
    }
}

fn id(news: &News<'_>) -> String {
    let message = &news.report.message;
    match news.memo.kind {
        Kind::Whatsapp => ids::in_batch(message),
        Kind::FormWhatsapp | Kind::Sms | Kind::Flow => ids::campaign(message.id, news.memo.kind),
    }
}

/// Kaleyra: what callback profiles can ask for.
pub(super) fn variables(news: &News<'_>) -> Variables {
    let custom = MessageMemo::of(&news.report.message).custom.unwrap_or_default();
    let (error_code, error) = fault(news);
    let refs = &news.memo.refs;
    vec![
        ("id", id(news)),
        ("custom_response", custom),
        ("timestamp", news.at().as_secs().to_string()),
        ("mobile", recipient(&news.report.message)),
        ("message", String::new()),
        ("status", word(news).to_owned()),
        ("phone_number", news.sender()),
        ("error", error),
        ("error_code", error_code),
        ("ref", refs.r#ref.clone()),
        ("ref1", refs.ref1.clone()),
        ("ref2", refs.ref2.clone()),
    ]
}

/// Code and text of a failure; SMS has trace codes.
fn fault(news: &News<'_>) -> (String, String) {
    match (news.standing, news.memo.kind) {
        (Standing::Failed(cause) | Standing::NotSent(cause), Kind::Sms | Kind::Flow) => {
            (news.standing.sms().1.to_owned(), cause.text().to_owned())
        }
        (_, Kind::Sms | Kind::Flow | Kind::Whatsapp | Kind::FormWhatsapp) => news.fault().unwrap_or_default(),
    }
}
