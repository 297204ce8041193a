//! Signing in: sessions and OAuth2 client credentials give the same kind of token.

use bytes::Bytes;
use http::Request;
use model::{Call, Refusal};

use super::node::Node;
use crate::{
    Query,
    support::{self, authorization, media_type},
};

/// `POST /auth/1/session`. Tokens are never bound to the caller's address, so `unsafe` is read
/// and changes nothing.
pub(super) fn open(body: &Node<'_>) -> Result<Call, Refusal> {
    body.boolean("unsafe")?;
    Ok(Call::SignIn { user: body.filled("username")?, password: body.filled("password")? })
}

/// `POST /auth/1/oauth2/token`: client id and secret in the form or, as RFC 6749 wants it, in
/// Basic credentials.
pub(super) fn token(request: &Request<Bytes>) -> Result<Call, Refusal> {
    if !matches!(media_type(request.headers()).as_deref(), None | Some("application/x-www-form-urlencoded")) {
        return Err(Refusal::UnsupportedType);
    }
    let form = support::form(request.body());
    let grant = field(&form, "grant_type")?;
    if grant != "client_credentials" {
        return Err(Refusal::invalid("grant_type", grant, "must be client_credentials"));
    }
    if let Some((user, password)) = basic(request) {
        return Ok(Call::SignIn { user, password });
    }
    Ok(Call::SignIn { user: field(&form, "client_id")?, password: field(&form, "client_secret")? })
}

fn basic(request: &Request<Bytes>) -> Option<(String, String)> {
    let (scheme, rest) = authorization(request.headers()).ok()?;
    if scheme.eq_ignore_ascii_case("basic") { support::basic(rest) } else { None }
}

fn field(form: &Query, name: &'static str) -> Result<String, Refusal> {
    let value = form.get(name).and_then(|values| values.first()).filter(|value| !value.is_empty());
    value.cloned().ok_or_else(|| Refusal::missing(name))
}
