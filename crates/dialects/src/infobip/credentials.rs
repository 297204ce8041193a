//! Who asks: Basic, API keys (`App`), and tokens made by signing in (`IBSSO`, `Bearer`).

use bytes::Bytes;
use http::Request;
use model::{Refusal, call::AuthFault};

use super::{path, settings::Settings};
use crate::{Credentials, Identity, Key, Proof, support};

/// Users by name, keys by the hash of the key.
pub(super) fn identities(settings: &Settings) -> Vec<Identity> {
    let users = settings.users.iter().map(|user| identity(user.name.clone(), &user.password));
    let keys = settings.keys.iter().map(|key| identity(support::key_name(key.as_str()), key));
    users.chain(keys).collect()
}

fn identity(principal: String, secret: &Key) -> Identity {
    Identity { principal, secrets: vec![secret.into()] }
}

/// The credentials that a request presents; `None` where it signs in.
pub(super) fn present(request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
    if path::signs_in(request) {
        return Ok(None);
    }
    let (scheme, rest) = support::authorization(request.headers())?;
    of_scheme(&scheme.to_ascii_lowercase(), rest)
        .map(Some)
        .ok_or(Refusal::Unauthenticated(AuthFault::Malformed))
}

/// Credentials by scheme (lower case).
fn of_scheme(scheme: &str, rest: &str) -> Option<Credentials> {
    if rest.is_empty() {
        return None;
    }
    match scheme {
        "basic" => {
            let (principal, password) = support::basic(rest)?;
            Some(Credentials { principal, proof: Proof::Plain(password) })
        }
        "app" => {
            Some(Credentials { principal: support::key_name(rest), proof: Proof::Plain(rest.to_owned()) })
        }
        "ibsso" | "bearer" => {
            Some(Credentials { principal: String::new(), proof: Proof::Session(rest.to_owned()) })
        }
        _ => None,
    }
}
