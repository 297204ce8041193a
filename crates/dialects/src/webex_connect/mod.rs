//! Webex Connect (formerly imiconnect): the messaging API, v1 and v2.
//!
//! v1 is one endpoint, `POST /resources/v1/messaging`, for one channel per request; it answers
//! 200 even when it refuses. v2 is `POST /v2/messages` for SMS, email and RCS, and
//! `GET /v2/messages/{id}`. Neither has a cascade, but for RCS falling back to SMS in v2; the
//! account may store a plan under the app id, the service key or a name of its own.
//!
//! Not spoken here: flows and their custom events, media manager, RCS capability look-up.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose};
use bytes::Bytes;
use http::{Method, Request, Response};
use model::{
    Answer, Call, Inbound, Refusal, Span, Time, call::AuthFault, call::MessageReport, report::Occasion,
};
use serde::{Deserialize, Serialize};

use crate::{
    Callback, Context, Credentials, Dialect, HmacAlgorithm, Identity, Proof, RetryPolicy, Secret, Signed,
    Success, support,
};

mod callback;
mod channels;
mod destinations;
mod read;
mod refuse;
mod status;
mod templates;
mod v2;
mod whatsapp;
mod wire;
mod write;

#[cfg(test)]
mod tests;

/// The dialect.
#[derive(Debug)]
pub struct WebexConnect;

/// Most bytes of a request's body: 1000 destinations with ids of their own fit many times over.
const BODY_LIMIT: u64 = 1024 * 1024;

/// How long a token is good after it was made, by the vendor's word.
const TOKEN_LIFETIME: Span = Span::from_mins(60);

/// An account's settings for this dialect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Services that may send.
    pub service_keys: Vec<ServiceKey>,
    /// App ids that are taken; `None` takes any.
    pub appids: Option<Vec<String>>,
    /// Where notifications go if the request does not say.
    pub notify_url: Option<String>,
    /// Where messages from people go.
    pub inbound_url: Option<String>,
    /// Key for the `x-hub-signature` of notifications; without it there is none.
    pub signature_secret: Option<String>,
    /// Hash of that signature.
    pub signature_algorithm: SignatureAlgorithm,
    /// Stored callback credentials: headers to send, by the id that `notifyurlAuthId` names.
    pub notify_auth: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether `transid` carries the suffix `_0` in notifications, as newer samples print it.
    pub transid_suffix: bool,
    /// HTTP status of refused v1 requests for WhatsApp: 200 (default) or, as the WhatsApp pages
    /// print it, 400.
    pub whatsapp_error_status: Option<u16>,
    /// Whether an `msisdn` must start with `+`.
    pub require_plus: bool,
    /// Registered templates by the id that requests name.
    pub templates: BTreeMap<String, RegisteredTemplate>,
}

/// A service and what proves that a request comes from it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceKey {
    /// The key, as sent in the header `key`.
    pub key: String,
    /// The service's id, the issuer of its tokens.
    pub service_id: Option<String>,
    /// The secret of its tokens, in base64.
    pub jwt_secret: Option<String>,
    /// Name under which a stored plan is attached, instead of the app id.
    pub plan: Option<String>,
}

impl std::fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceKey")
            .field("service_id", &self.service_id)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

/// Hashes for signing notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureAlgorithm {
    /// HMAC-SHA256.
    #[default]
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

/// How a template of the vendor's manager is spelled for the networks. Without an entry the id
/// itself is the WhatsApp name and every parameter of the body goes by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegisteredTemplate {
    /// WhatsApp name; `None` is the id.
    pub name: Option<String>,
    /// Language; `None` is the sender's default.
    pub language: Option<String>,
    /// Variables of a text header, in order.
    pub header: Vec<String>,
    /// Variables of the body, in order.
    pub body: Vec<String>,
    /// Variables of buttons with an address, by the button's place; empty names for other buttons.
    pub buttons: Vec<String>,
    /// Text for channels without templates of their own (SMS, RCS, email); variables as `$(name)`.
    pub text: Option<String>,
}

impl Dialect for WebexConnect {
    fn name(&self) -> &'static str {
        "webex_connect"
    }

    fn claims(&self, segments: &[&str]) -> bool {
        // Kaleyra's `/v2/{sid}/...` shares the first segment, so only exact forms of v2 are ours.
        matches!(segments, ["resources", "v1", ..] | ["v2", "messages"] | ["v2", "messages", _])
    }

    fn body_limit(&self, _head: &http::request::Parts) -> u64 {
        BODY_LIMIT
    }

    fn identities(&self, settings: &crate::Settings) -> Vec<Identity> {
        let services = settings.webex_connect.iter().flat_map(|own| &own.service_keys);
        services.flat_map(identities_of).collect()
    }

    fn credentials(&self, request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
        // Webex Connect: the token wins when both are sent. Other schemes are not its business,
        // they may be meant for a proxy on the way.
        let authorization = support::authorization(request.headers());
        let key = support::text_header(request.headers(), "key").filter(|key| !key.is_empty());
        match (authorization, key) {
            (Ok((scheme, token)), _) if scheme.eq_ignore_ascii_case("bearer") => {
                token_credentials(token).map(Some)
            }
            (_, Some(key)) => {
                let proof = Proof::Plain(key.to_owned());
                Ok(Some(Credentials { principal: support::key_name(key), proof }))
            }
            (Ok(_), None) => Err(Refusal::Unauthenticated(AuthFault::Malformed)),
            (Err(refusal), None) => Err(refusal),
        }
    }

    fn read(&self, request: &Request<Bytes>, context: &Context<'_>) -> Result<Call, Refusal> {
        let segments = support::segments(request.uri().path());
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match (segments.as_slice(), request.method()) {
            (["resources", "v1", "messaging"], &Method::POST) => read::messaging(request, context),
            (["v2", "messages"], &Method::POST) => v2::messages(request, context),
            (["v2", "messages", id], &Method::GET) => v2::status(id),
            (["resources", "v1", "messaging"] | ["v2", "messages"], _) => {
                Err(Refusal::MethodNotAllowed { allow: "POST" })
            }
            (["v2", "messages", _], _) => Err(Refusal::MethodNotAllowed { allow: "GET" }),
            _ => Err(Refusal::UnknownPath),
        }
    }

    fn write(
        &self,
        request: &Request<Bytes>,
        call: &Call,
        answer: &Answer,
        context: &Context<'_>,
    ) -> Response<Bytes> {
        write::answer(request, call, answer, context)
    }

    fn refuse(&self, request: &Request<Bytes>, refusal: &Refusal, context: &Context<'_>) -> Response<Bytes> {
        refuse::refusal(request, refusal, context)
    }

    fn callback(&self, report: &MessageReport, occasion: &Occasion, context: &Context<'_>) -> Vec<Callback> {
        callback::notification(report, occasion, context).into_iter().collect()
    }

    fn inbound(&self, inbound: &Inbound, context: &Context<'_>) -> Vec<Callback> {
        callback::inbound(inbound, context).into_iter().collect()
    }

    fn retry_policy(&self, _settings: &crate::Settings) -> RetryPolicy {
        RetryPolicy {
            timeout: Span::from_secs(10),
            delays: vec![Span::from_secs(60); 3],
            success: Success::Ok,
            final_statuses: never_retried(),
        }
    }
}

/// Webex Connect lists the answers after which it does not try again.
fn never_retried() -> Vec<u16> {
    let ranges = [202..=208, 226..=226, 300..=308, 400..=400, 402..=402, 404..=411, 414..=416];
    ranges.into_iter().flatten().chain([418, 505]).collect()
}

fn identities_of(service: &ServiceKey) -> Vec<Identity> {
    let key = (!service.key.is_empty()).then(|| Identity {
        principal: support::key_name(&service.key),
        secrets: vec![Secret::Plain(service.key.clone())],
    });
    let token = service.service_id.as_ref().zip(service.jwt_secret.as_ref()).and_then(|(id, secret)| {
        let secret = general_purpose::STANDARD.decode(secret).ok().filter(|secret| !secret.is_empty())?;
        Some(Identity { principal: id.clone(), secrets: vec![Secret::Hmac(secret)] })
    });
    key.into_iter().chain(token).collect()
}

/// What a token says about itself, as far as it matters.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    iat: i64,
}

#[derive(Deserialize)]
struct TokenHead {
    alg: String,
}

fn token_credentials(token: &str) -> Result<Credentials, Refusal> {
    signed_token(token).ok_or(Refusal::Unauthenticated(AuthFault::Malformed))
}

/// A token of the form `head.claims.signature`; `None` unless it is HS256 and has both claims.
fn signed_token(token: &str) -> Option<Credentials> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    let part = |text: &str| general_purpose::URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let head: TokenHead = serde_json::from_slice(&part(head)?).ok()?;
    let claims: Claims = serde_json::from_slice(&part(claims)?).ok()?;
    if head.alg != "HS256" || claims.iss.is_empty() {
        return None;
    }
    let proof = Proof::Hmac(Signed {
        algorithm: HmacAlgorithm::Sha256,
        candidates: vec![signed.as_bytes().to_vec()],
        signature: part(signature)?,
        date: Some(Time(claims.iat.saturating_mul(1_000_000))),
        tolerance: TOKEN_LIFETIME,
        nonce: None,
    });
    Some(Credentials { principal: claims.iss, proof })
}

/// The account's settings for this dialect, defaults if it has none.
fn own<'a>(context: &Context<'a>) -> &'a Settings {
    static DEFAULTS: std::sync::LazyLock<Settings> = std::sync::LazyLock::new(Settings::default);
    context.settings.webex_connect.as_ref().unwrap_or(&DEFAULTS)
}

/// The service by which the request presented itself.
fn service<'a>(context: &Context<'a>) -> Option<&'a ServiceKey> {
    own(context).service_keys.iter().find(|service| {
        service.service_id.as_deref() == Some(context.principal)
            || support::key_name(&service.key) == context.principal
    })
}

/// The name under which the account may have stored a plan for such messages.
fn plan_key(context: &Context<'_>, appid: Option<&str>) -> Option<String> {
    let named = service(context).and_then(|service| service.plan.clone());
    named.or_else(|| appid.map(str::to_owned)).or_else(|| Some(context.principal.to_owned()))
}
