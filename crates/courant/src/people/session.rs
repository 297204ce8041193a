//! Sessions of people: a random token in a cookie, everything else on our side. The store knows
//! only the token's digest. A session ends with its time, with its person, and with a change of
//! the person's password.

use model::{Refusal, Span};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Change, Remembered};

use super::{Person, Role, directory};
use crate::{
    clock,
    core::Core,
    desk::{accept::nobody, scenarios::refuse},
};

const KIND: &str = "console_session";

/// Somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub name: String,
    /// What the person may do now.
    pub role: Role,
    /// What every form of this session carries.
    pub csrf: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    csrf: String,
    password: String,
}

/// Begins a session; the token for the cookie.
///
/// # Errors
/// If the store cannot take it.
pub async fn begin(core: &Core, person: &Person) -> Result<String, Refusal> {
    let token = token();
    let kept =
        Kept { name: person.name.clone(), csrf: self::token(), password: digest(&person.password_hash) };
    let remembered = Remembered {
        account: nobody(),
        kind: KIND,
        key: digest(&token),
        value: serde_json::to_vec(&kept).expect("our own types serialise"),
        until: clock::now() + Span::from_hours(core.config.console.session_hours),
    };
    core.store.commit(vec![Change::Remember(remembered)]).await.map_err(refuse)?;
    Ok(token)
}

/// The session of a token, if it is still good.
///
/// # Errors
/// If the store cannot answer.
pub async fn find(core: &Core, token: &str) -> Result<Option<Session>, Refusal> {
    let known = core.store.recall(nobody(), KIND, digest(token)).await.map_err(refuse)?;
    let now = clock::now();
    let Some(known) = known.filter(|known| known.until > now) else { return Ok(None) };
    let Ok(kept) = serde_json::from_slice::<Kept>(&known.value) else { return Ok(None) };
    let person = directory::find(core, &kept.name).await?;
    let person = person.filter(|person| digest(&person.password_hash) == kept.password);
    Ok(person.map(|person| Session { name: person.name, role: person.role, csrf: kept.csrf }))
}

/// Ends a session.
///
/// # Errors
/// If the store cannot take it.
pub async fn end(core: &Core, token: &str) -> Result<(), Refusal> {
    let change = Change::Forget { account: nobody(), kind: KIND, key: digest(token) };
    core.store.commit(vec![change]).await.map_err(refuse)?;
    Ok(())
}

/// 256 random bits as hex.
#[must_use]
pub fn token() -> String {
    format!("{:032x}{:032x}", clock::random(), clock::random())
}

/// What is kept of a secret.
#[must_use]
pub fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
