//! Who asks: Basic, and Telesign's own digest (`TSA`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use model::{Refusal, Span, Time, call::AuthFault};

use super::settings::Settings;
use crate::{Credentials, HmacAlgorithm, Identity, Proof, Secret, Signed, support};

/// How far the date of a signed request may be from now.
const TOLERANCE: Span = Span::from_mins(15);
/// Characters of a nonce.
const NONCE_LENGTH: std::ops::RangeInclusive<usize> = 8..=64;
/// The paths that clients sign start with one of these, whatever their base URL adds before.
const ROOTS: [&str; 2] = ["/v1/", "/capability/"];

const MALFORMED: Refusal = Refusal::Unauthenticated(AuthFault::Malformed);

/// The account's name and keys.
pub(super) fn identities(settings: &Settings) -> Vec<Identity> {
    let plain = settings.api_keys.iter().map(Secret::from);
    // Telesign: Basic presents the key's text, signatures are keyed with what it decodes to.
    let decoded =
        settings.api_keys.iter().filter_map(|key| STANDARD.decode(key.as_str()).ok()).map(Secret::Hmac);
    vec![Identity { principal: principal(&settings.customer_id), secrets: plain.chain(decoded).collect() }]
}

/// The credentials that a request presents.
pub(super) fn present(request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
    let (scheme, rest) = support::authorization(request.headers())?;
    if scheme.eq_ignore_ascii_case("Basic") {
        return basic(rest).map(Some);
    }
    if scheme.eq_ignore_ascii_case("TSA") {
        return signed(request, rest).map(Some);
    }
    Err(MALFORMED)
}

/// Refuses Basic without base64 if the account does not take it.
pub(super) fn check_form(request: &Request<Bytes>, settings: &Settings) -> Result<(), Refusal> {
    let (scheme, rest) = support::authorization(request.headers())?;
    if scheme.eq_ignore_ascii_case("Basic") && is_unencoded(rest) && !settings.accept_unencoded_basic {
        return Err(MALFORMED);
    }
    Ok(())
}

fn principal(customer_id: &str) -> String {
    customer_id.trim().to_ascii_uppercase()
}

/// Telesign's samples print `Basic customer:key` as such. Base64 never has a colon.
fn is_unencoded(rest: &str) -> bool {
    rest.contains(':')
}

fn basic(rest: &str) -> Result<Credentials, Refusal> {
    let (customer, key) = if is_unencoded(rest) {
        let (customer, key) = rest.split_once(':').ok_or(MALFORMED)?;
        (customer.to_owned(), key.to_owned())
    } else {
        support::basic(rest).ok_or(MALFORMED)?
    };
    if customer.is_empty() || key.is_empty() {
        return Err(MALFORMED);
    }
    Ok(Credentials { principal: principal(&customer), proof: Proof::Plain(key) })
}

fn signed(request: &Request<Bytes>, rest: &str) -> Result<Credentials, Refusal> {
    let (customer, signature) = rest.split_once(':').ok_or(MALFORMED)?;
    if customer.is_empty() {
        return Err(MALFORMED);
    }
    let stamp = Stamp::read(request.headers())?;
    let signed = Signed {
        algorithm: algorithm(stamp.method)?,
        candidates: candidates(request, &stamp),
        signature: STANDARD.decode(signature.trim()).map_err(|_| MALFORMED)?,
        date: Some(stamp.time),
        tolerance: TOLERANCE,
        nonce: stamp.nonce.map(ToOwned::to_owned),
        // Without a nonce, the same question asked twice within a second has one signature.
        once: stamp.nonce.is_some() || !request.method().is_safe(),
    };
    Ok(Credentials { principal: principal(customer), proof: Proof::Hmac(signed) })
}

fn algorithm(method: &str) -> Result<HmacAlgorithm, Refusal> {
    match method.to_ascii_uppercase().as_str() {
        "HMAC-SHA256" => Ok(HmacAlgorithm::Sha256),
        "HMAC-SHA1" => Ok(HmacAlgorithm::Sha1),
        _ => Err(MALFORMED),
    }
}

/// The headers that a signature covers.
struct Stamp<'a> {
    method: &'a str,
    date: Option<&'a str>,
    own_date: Option<&'a str>,
    nonce: Option<&'a str>,
    time: Time,
}

impl<'a> Stamp<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        let date = support::text_header(headers, header::DATE.as_str());
        let own_date = support::text_header(headers, "x-ts-date");
        let time = parse_date(own_date.or(date).ok_or(MALFORMED)?)?;
        let nonce = support::text_header(headers, "x-ts-nonce");
        if nonce.is_some_and(|nonce| !NONCE_LENGTH.contains(&nonce.chars().count())) {
            return Err(MALFORMED);
        }
        let method = support::text_header(headers, "x-ts-auth-method").ok_or(MALFORMED)?;
        Ok(Self { method, date, own_date, nonce, time })
    }

    /// The date line: that of `Date`, which is empty where `x-ts-date` is signed instead.
    fn date_lines(&self) -> Vec<&'a str> {
        match (self.date, self.own_date) {
            (Some(date), Some(_)) => vec![date, ""],
            (Some(date), None) => vec![date],
            (None, _) => vec![""],
        }
    }
}

fn parse_date(text: &str) -> Result<Time, Refusal> {
    let zoned = jiff::fmt::rfc2822::parse(text).map_err(|_| MALFORMED)?;
    Ok(Time(zoned.timestamp().as_microsecond()))
}

/// The texts that a client may have signed, the likeliest first.
fn candidates(request: &Request<Bytes>, stamp: &Stamp<'_>) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for path in paths(request.uri().path()) {
        for date in stamp.date_lines() {
            for (content_type, body) in contents(request) {
                let text = string_to_sign(request.method(), &content_type, date, stamp, body, &path);
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
        }
    }
    texts
}

/// The path as received, with doubled slashes made one, and without what stands before the root:
/// clients sign `/v1/omnichannel` even where their base URL ends in a slash or has a prefix.
fn paths(path: &str) -> Vec<String> {
    let single = format!(
        "/{}{}",
        path.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"),
        if path.len() > 1 && path.ends_with('/') { "/" } else { "" },
    );
    let rooted = ROOTS.iter().find_map(|root| single.find(root)).map(|at| single[at..].to_owned());
    let mut paths = vec![path.to_owned(), single];
    paths.extend(rooted);
    paths.dedup();
    paths
}

/// Content type and body as they may have been signed.
fn contents(request: &Request<Bytes>) -> Vec<(String, &[u8])> {
    let raw = support::text_header(request.headers(), header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let bare = raw.split(';').next().unwrap_or_default().trim();
    let body: &[u8] = request.body();
    let mut contents = vec![(raw.to_owned(), body), (bare.to_owned(), body)];
    if body.is_empty() {
        contents.push((String::new(), body));
        // Telesign's Node SDK, once told to send JSON, signs body-less requests as if `{}` were sent.
        contents.push((String::new(), b"{}"));
    }
    contents.dedup();
    contents
}

fn string_to_sign(
    method: &Method,
    content_type: &str,
    date: &str,
    stamp: &Stamp<'_>,
    body: &[u8],
    path: &str,
) -> Vec<u8> {
    let mut text = format!("{method}\n{content_type}\n{date}\nx-ts-auth-method:{}\n", stamp.method);
    if let Some(own_date) = stamp.own_date {
        text += &format!("x-ts-date:{own_date}\n");
    }
    if let Some(nonce) = stamp.nonce {
        text += &format!("x-ts-nonce:{nonce}\n");
    }
    let mut text = text.into_bytes();
    // Also a body without a type: left out, it could be put behind a signed request without one.
    if !body.is_empty() {
        text.extend_from_slice(body);
        text.push(b'\n');
    }
    text.extend_from_slice(path.as_bytes());
    text
}
