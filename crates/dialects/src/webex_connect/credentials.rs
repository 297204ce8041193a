//! Who asks: a service key in a header, or a token signed with the service's secret.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::Request;
use model::{Refusal, Span, Time, call::AuthFault};
use serde::Deserialize;

use super::settings::{ServiceKey, Settings};
use crate::{Credentials, HmacAlgorithm, Identity, Proof, Secret, Signed, support};

/// How long a token is good after it was made, by the vendor's word.
const TOKEN_LIFETIME: Span = Span::from_mins(60);

/// Services by the hash of their key, and by their id where they sign tokens.
pub(super) fn identities(settings: &Settings) -> Vec<Identity> {
    settings.service_keys.iter().flat_map(identities_of).collect()
}

fn identities_of(service: &ServiceKey) -> Vec<Identity> {
    let key = (!service.key.as_str().is_empty()).then(|| Identity {
        principal: support::key_name(service.key.as_str()),
        secrets: vec![(&service.key).into()],
    });
    let token = service.service_id.as_ref().zip(service.jwt_secret.as_ref()).and_then(|(id, secret)| {
        let secret = STANDARD.decode(secret.as_str()).ok().filter(|secret| !secret.is_empty())?;
        Some(Identity { principal: id.clone(), secrets: vec![Secret::Hmac(secret)] })
    });
    key.into_iter().chain(token).collect()
}

/// The credentials that a request presents.
pub(super) fn present(request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
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
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
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
        once: false,
    });
    Some(Credentials { principal: claims.iss, proof })
}
