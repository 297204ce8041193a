//! Who asks: the account's SID in the path, and an API key.

use bytes::Bytes;
use http::Request;
use model::{Refusal, call::AuthFault};

use super::{fields::Fields, settings::Settings};
use crate::{Credentials, Identity, Proof, Secret, support};

/// Header, form field and query parameter of the key.
const API_KEY: &str = "api-key";

/// The account's name and keys.
pub(super) fn identities(settings: &Settings) -> Vec<Identity> {
    let secrets = settings.api_keys.iter().map(Secret::from).collect();
    vec![Identity { principal: settings.sid.to_ascii_uppercase(), secrets }]
}

/// The credentials that a request presents.
pub(super) fn present(request: &Request<Bytes>) -> Result<Option<Credentials>, Refusal> {
    let segments = support::segments(request.uri().path());
    let (version, sid) = match segments.as_slice() {
        [version, sid, ..] => (version.as_ref(), sid.to_ascii_uppercase()),
        [] | [_] => return Err(Refusal::Unauthenticated(AuthFault::Malformed)),
    };
    let in_header = support::text_header(request.headers(), API_KEY).map(str::to_owned);
    let key = in_header.or_else(|| if version == "v1" { beside_the_header(request) } else { None });
    let key = key.filter(|key| !key.is_empty()).ok_or(Refusal::Unauthenticated(AuthFault::Absent))?;
    Ok(Some(Credentials { principal: sid, proof: Proof::Plain(key) }))
}

/// Clients of the older calls send the key as a field of the form, or in the query.
fn beside_the_header(request: &Request<Bytes>) -> Option<String> {
    let key = |fields: &Fields| fields.text(API_KEY).map(str::to_owned);
    let in_body = Fields::of_body(request, &crate::Settings::default());
    in_body.ok().as_ref().and_then(key).or_else(|| key(&Fields::of_query(request)))
}
