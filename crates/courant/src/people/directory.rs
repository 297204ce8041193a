//! Who there is: people of the configuration and people kept in the store. The configuration wins
//! where both know a name, so that nobody can lock the operator out.

use model::Refusal;
use serde::{Deserialize, Serialize};
use store::{Change, Document, Verdict};

use super::Role;
use crate::{
    config::UserConfig,
    core::Core,
    desk::{accept::nobody, scenarios::refuse},
};

const KIND: &str = "person";
/// Most people kept in the store.
pub const MAX: usize = 1000;
/// Longest name, in bytes.
pub const MAX_NAME: usize = 64;

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name to sign in with.
    pub name: String,
    /// Hash of the password.
    pub password_hash: String,
    /// What the person may do.
    pub role: Role,
    /// Where the person is known from.
    pub origin: Origin,
}

/// Where a person is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration; can only be changed there.
    Configuration,
    /// The store.
    Store,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    password_hash: String,
    role: Role,
}

/// Whether a name can be a person's: 1 to 64 letters, digits and `.-_@`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fits = |character: char| character.is_alphanumeric() || ".-_@".contains(character);
    !name.is_empty() && name.len() <= MAX_NAME && name.chars().all(fits)
}

/// The person of this name.
///
/// # Errors
/// If the store cannot answer.
pub async fn find(core: &Core, name: &str) -> Result<Option<Person>, Refusal> {
    if let Some(user) = core.config.console.users.iter().find(|user| user.name == name) {
        return Ok(Some(configured(user)));
    }
    if !is_name(name) {
        return Ok(None);
    }
    let document = core.store.document(nobody(), KIND, name.to_owned()).await.map_err(refuse)?;
    Ok(document.and_then(|document| stored(&document)))
}

/// Everybody, those of the configuration first.
///
/// # Errors
/// If the store cannot answer.
pub async fn all(core: &Core) -> Result<Vec<Person>, Refusal> {
    let mut people: Vec<Person> = core.config.console.users.iter().map(configured).collect();
    let documents = core.store.documents(nobody(), KIND, String::new(), MAX).await.map_err(refuse)?;
    let others: Vec<Person> = documents
        .iter()
        .filter_map(stored)
        .filter(|person| people.iter().all(|known| known.name != person.name))
        .collect();
    people.extend(others);
    Ok(people)
}

/// Adds a person to the store, or gives a stored one a new role or password.
///
/// # Errors
/// If the store cannot take it, or there are too many people.
pub async fn put(core: &Core, name: &str, role: Role, password_hash: String) -> Result<(), Refusal> {
    let known = core.store.document(nobody(), KIND, name.to_owned()).await.map_err(refuse)?;
    if known.is_none() && all(core).await?.len() >= MAX {
        return Err(Refusal::TooManyRecipients { limit: MAX });
    }
    let json = serde_json::to_string(&Stored { password_hash, role }).expect("our own types serialise");
    let version = known.map_or(0, |document| document.version);
    let document = Document { account: nobody(), kind: KIND, key: name.to_owned(), json, version };
    let verdicts = core.store.commit(vec![Change::PutDocument(document)]).await.map_err(refuse)?;
    if verdicts.iter().all(|verdict| *verdict == Verdict::Applied) {
        Ok(())
    } else {
        Err(Refusal::Overloaded)
    }
}

/// Removes a person from the store.
///
/// # Errors
/// If the store cannot take it.
pub async fn remove(core: &Core, name: &str) -> Result<(), Refusal> {
    let change = Change::RemoveDocument { account: nobody(), kind: KIND, key: name.to_owned() };
    core.store.commit(vec![change]).await.map_err(refuse)?;
    Ok(())
}

fn configured(user: &UserConfig) -> Person {
    Person {
        name: user.name.clone(),
        password_hash: user.password_hash.clone(),
        role: user.role,
        origin: Origin::Configuration,
    }
}

fn stored(document: &Document) -> Option<Person> {
    let Stored { password_hash, role } = serde_json::from_str(&document.json).ok()?;
    Some(Person { name: document.key.clone(), password_hash, role, origin: Origin::Store })
}
