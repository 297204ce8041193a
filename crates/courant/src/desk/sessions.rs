//! Sessions: tokens that a dialect hands out for user and password.

use dialects::{Credentials, Dialect, Proof};
use model::{AccountName, Refusal, Span, Time, call::AuthFault};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Change, Remembered};

use super::{accept::nobody, scenarios::refuse};
use crate::{
    auth::{self, Caller},
    clock,
    core::Core,
};

const KIND: &str = "session";
/// How long a token is good for.
const LIFE: Span = Span::from_hours(24);

#[derive(Serialize, Deserialize)]
struct Session {
    account: AccountName,
    dialect: String,
    principal: String,
}

/// Exchanges user and password for a token.
///
/// # Errors
/// [`Refusal::Unauthenticated`] if they are wrong.
pub async fn sign_in(
    core: &Core,
    dialect: &'static dyn Dialect,
    user: &str,
    password: &str,
) -> Result<(Caller, String), Refusal> {
    let credentials = Credentials { principal: user.to_owned(), proof: Proof::Plain(password.to_owned()) };
    let caller = auth::check(dialect, &credentials, &core.accounts)?;
    let token = format!("{:032x}{:032x}", clock::random(), clock::random());
    let session = Session {
        account: caller.account.name.clone(),
        dialect: dialect.name().to_owned(),
        principal: caller.principal.clone(),
    };
    let value = serde_json::to_vec(&session).expect("our own types serialise");
    let remembered =
        Remembered { account: nobody(), kind: KIND, key: digest(&token), value, until: clock::now() + LIFE };
    core.store.commit(vec![Change::Remember(remembered)]).await.map_err(refuse)?;
    Ok((caller, token))
}

/// Who a token belongs to.
///
/// # Errors
/// [`Refusal::Unauthenticated`] if it is unknown, of another dialect, or has run out.
pub async fn find(
    core: &Core,
    dialect: &'static dyn Dialect,
    token: &str,
    now: Time,
) -> Result<Caller, Refusal> {
    let wrong = Refusal::Unauthenticated(AuthFault::WrongSecret);
    let known = core.store.recall(nobody(), KIND, digest(token)).await.map_err(refuse)?;
    let known = known.filter(|known| known.until > now).ok_or_else(|| wrong.clone())?;
    let session: Session = serde_json::from_slice(&known.value).map_err(|_| Refusal::Internal)?;
    let account =
        core.accounts.by_name(&session.account).filter(|_| session.dialect == dialect.name()).ok_or(wrong)?;
    if account.config.suspended {
        return Err(Refusal::Unauthenticated(AuthFault::Suspended));
    }
    Ok(Caller { account: account.clone(), principal: session.principal })
}

/// Ends a session.
///
/// # Errors
/// If the store cannot take it now.
pub async fn sign_out(core: &Core, token: &str) -> Result<(), Refusal> {
    let change = Change::Forget { account: nobody(), kind: KIND, key: digest(token) };
    core.store.commit(vec![change]).await.map_err(refuse)?;
    Ok(())
}

fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}
