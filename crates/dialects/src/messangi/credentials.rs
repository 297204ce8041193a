//! Who asks: a long-lived key or a token made by signing in, both as bearer.

use bytes::Bytes;
use http::Request;
use model::{Refusal, call::AuthFault};

use super::{path::Surface, settings::Settings};
use crate::{Credentials, Identity, Proof, support};

/// Stands before tokens made by signing in, which tells them from long-lived keys.
pub(super) const SESSION_PREFIX: &str = "session.";

/// Users by name, keys by the hash of the key.
pub(super) fn identities(settings: &Settings) -> Vec<Identity> {
    let users = settings
        .users
        .iter()
        .filter(|user| !user.username.is_empty())
        .map(|user| Identity { principal: user.username.clone(), secrets: vec![(&user.password).into()] });
    let keys = settings.keys.iter().filter(|key| !key.key.as_str().is_empty()).map(|key| Identity {
        principal: support::key_name(key.key.as_str()),
        secrets: vec![(&key.key).into()],
    });
    users.chain(keys).collect()
}

/// The credentials that a request presents; `None` where it signs in.
pub(super) fn present(request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
    if Surface::of(request.uri().path()) == Surface::Login {
        return Ok(None);
    }
    let (scheme, token) = support::authorization(request.headers())?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Refusal::Unauthenticated(AuthFault::Malformed));
    }
    Ok(Some(match token.strip_prefix(SESSION_PREFIX) {
        Some(session) => Credentials { principal: String::new(), proof: Proof::Session(session.to_owned()) },
        None => Credentials { principal: support::key_name(token), proof: Proof::Plain(token.to_owned()) },
    }))
}
