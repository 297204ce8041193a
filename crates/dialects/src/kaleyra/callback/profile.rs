//! Callback profiles: method, address, headers, and a body with `<variable>` in it.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::{
    Callback,
    kaleyra::settings::{BodyFormat, Method, Profile},
};

/// What is escaped in queries.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Names and values, in the vendor's order.
pub(super) type Variables = Vec<(&'static str, String)>;

/// The callback that a profile makes. Without a body of its own it sends `payload`, or else the
/// variables: as members of an object, or in the query where the method has no body and the
/// address names none of them.
pub(super) fn callback(profile: &Profile, variables: &Variables, payload: Option<Vec<u8>>) -> Callback {
    let url = fill(&profile.url, variables, percent);
    let (url, body) = match (&profile.body, payload, profile.method) {
        (Some(body), _, _) => (url, fill(body, variables, escape_for(profile.body_format)).into_bytes()),
        (None, Some(payload), Method::Post | Method::Put) => (url, payload),
        // The address says itself what it wants to know.
        (None, _, Method::Get | Method::Delete) if url != profile.url => (url, Vec::new()),
        (None, _, method) => bare(url, method, variables),
    };
    Callback {
        method: Cow::Borrowed(profile.method.as_str()),
        url,
        headers: headers(profile, body.is_empty()),
        body,
        no_retry: false,
    }
}

/// Variables in the query or as an object, by the method.
pub(super) fn bare(url: String, method: Method, variables: &Variables) -> (String, Vec<u8>) {
    match method {
        Method::Get | Method::Delete => (with_query(&url, variables), Vec::new()),
        Method::Post | Method::Put => (url, object(variables).to_string().into_bytes()),
    }
}

fn object(variables: &Variables) -> Value {
    let members = variables.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
    Value::Object(members.collect::<Map<_, _>>())
}

/// The address with these parameters added to its query.
pub(super) fn with_query(url: &str, variables: &Variables) -> String {
    let (url, fragment) = url.split_once('#').map_or((url, None), |(url, fragment)| (url, Some(fragment)));
    let query: Vec<String> =
        variables.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{url}{joint}{}{fragment}", query.join("&"))
}

/// The text with every `<name>` of a known variable replaced, in one pass.
fn fill(text: &str, variables: &Variables, escape: impl Fn(&str) -> String) -> String {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('<') {
        filled += before;
        let known = after.split_once('>').and_then(|(name, tail)| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some((value, tail))
        });
        match known {
            Some((value, tail)) => {
                filled += &escape(value);
                rest = tail;
            }
            None => {
                filled.push('<');
                rest = after;
            }
        }
    }
    filled + rest
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

fn escape_for(format: BodyFormat) -> fn(&str) -> String {
    match format {
        BodyFormat::Json => json_escape,
        BodyFormat::Xml | BodyFormat::Html => markup_escape,
        BodyFormat::Text => str::to_owned,
    }
}

/// The text as it stands between the quotes of a JSON string.
fn json_escape(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn markup_escape(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace('"', "&quot;").replace('\'', "&#39;")
}

const fn content_type(format: BodyFormat) -> &'static str {
    match format {
        BodyFormat::Json => "application/json",
        BodyFormat::Xml => "application/xml",
        BodyFormat::Html => "text/html; charset=utf-8",
        BodyFormat::Text => "text/plain; charset=utf-8",
    }
}

fn headers(profile: &Profile, empty: bool) -> Vec<(Cow<'static, str>, String)> {
    let is_set = |wanted: &str| profile.headers.keys().any(|name| name.eq_ignore_ascii_case(wanted));
    let mut headers = Vec::new();
    if !empty && !is_set("content-type") {
        headers.push((Cow::Borrowed("Content-Type"), content_type(profile.body_format).to_owned()));
    }
    if let Some(user) = profile.user.as_ref().filter(|_| !is_set("authorization")) {
        let password = profile.password.as_ref().map(|key| key.as_str()).unwrap_or_default();
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        headers.push((Cow::Borrowed("Authorization"), basic));
    }
    let own =
        profile.headers.iter().map(|(name, value)| (Cow::Owned(name.clone()), value.as_str().to_owned()));
    headers.extend(own);
    headers
}
