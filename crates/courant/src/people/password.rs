//! Passwords: argon2id, in the PHC text form.

use std::fmt;

use argon2::{
    Argon2, Params,
    password_hash::{Output, PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use tokio::sync::Semaphore;

use crate::clock;

/// Shortest password that is taken when one is set.
pub const MIN: usize = 10;
/// Longest password that is looked at, in bytes.
pub const MAX: usize = 256;
/// Passwords checked at once: each takes about 20 MB while it is hashed.
const AT_ONCE: usize = 2;
/// Checks waiting at most; more are turned away.
const WAITING: usize = 16;

/// Why a password was not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many people are signing in at once")
    }
}

/// A hash of a password, as the configuration and the store keep it.
///
/// # Errors
/// If the password is too short or too long, in words for people.
pub fn hash(password: &str) -> Result<String, String> {
    if password.chars().count() < MIN || password.len() > MAX {
        return Err(format!("a password has at least {MIN} characters and at most {MAX} bytes"));
    }
    let salt = SaltString::encode_b64(&clock::random().to_ne_bytes()).expect("16 bytes are a good salt");
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| error.to_string())?.to_string())
}

/// Whether a text is a hash that [`Hasher::fits`] can check.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    PasswordHash::new(text).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some())
}

/// Checks passwords, a few at a time, away from the tasks that carry messages.
#[derive(Debug)]
pub struct Hasher {
    places: Semaphore,
    queue: Semaphore,
    /// Checked for people who do not exist, so that time does not tell who does.
    nobody: String,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { places: Semaphore::new(AT_ONCE), queue: Semaphore::new(WAITING), nobody: nobody() }
    }
}

/// A hash as [`hash`] makes them, of a password that nobody knows: its bytes are dice. Making a real
/// one would take 20 MB at the start of every program, most of which never see a person sign in.
fn nobody() -> String {
    let salt = SaltString::encode_b64(&clock::random().to_ne_bytes()).expect("16 bytes are a good salt");
    let bytes = [clock::random().to_ne_bytes(), clock::random().to_ne_bytes()].concat();
    let output = Output::new(&bytes).expect("32 bytes are a good hash");
    let (memory, rounds, lanes) = (Params::DEFAULT_M_COST, Params::DEFAULT_T_COST, Params::DEFAULT_P_COST);
    format!("$argon2id$v=19$m={memory},t={rounds},p={lanes}${salt}${output}")
}

impl Hasher {
    /// Whether the password fits the hash; without a hash it takes as long and does not.
    ///
    /// # Errors
    /// If too many passwords wait to be checked.
    pub async fn fits(&self, password: &str, known: Option<&str>) -> Result<bool, Busy> {
        let _waiting = self.queue.try_acquire().map_err(|_| Busy)?;
        let _place = self.places.acquire().await.map_err(|_| Busy)?;
        let exists = known.is_some();
        let hash = known.unwrap_or(&self.nobody).to_owned();
        let password = password.to_owned();
        let checked = tokio::task::spawn_blocking(move || verify(&password, &hash)).await;
        Ok(checked.unwrap_or(false) && exists)
    }

    /// Hashes a new password the same way.
    ///
    /// # Errors
    /// If the password is not good enough, or too many wait.
    pub async fn hash(&self, password: &str) -> Result<String, String> {
        let _waiting = self.queue.try_acquire().map_err(|_| Busy.to_string())?;
        let _place = self.places.acquire().await.map_err(|_| Busy.to_string())?;
        let password = password.to_owned();
        tokio::task::spawn_blocking(move || hash(&password)).await.map_err(|error| error.to_string())?
    }
}

fn verify(password: &str, hash: &str) -> bool {
    password.len() <= MAX
        && PasswordHash::new(hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_an_existing_person_fits() {
        let hasher = Hasher::default();
        let known = hasher.hash("correct horse").await.expect("a good password");
        assert!(is_hash(&known));
        assert_eq!(hasher.fits("correct horse", Some(&known)).await, Ok(true));
        assert_eq!(hasher.fits("correct horsf", Some(&known)).await, Ok(false));
        assert_eq!(hasher.fits("correct horse", Some("not a hash")).await, Ok(false));
        assert_eq!(hasher.fits("correct horse", None).await, Ok(false));
    }

    #[test]
    fn checking_for_nobody_takes_the_same_work_as_for_somebody() {
        let (nobody, known) = (nobody(), hash("correct horse").expect("a good password"));
        let (nobody, known) = (PasswordHash::new(&nobody), PasswordHash::new(&known));
        let (nobody, known) = (nobody.expect("it is a hash"), known.expect("it is a hash"));
        assert_eq!(
            (nobody.algorithm, nobody.version, &nobody.params),
            (known.algorithm, known.version, &known.params)
        );
        let lengths = |hash: &PasswordHash<'_>| {
            (hash.salt.map(|salt| salt.as_str().len()), hash.hash.map(|output| output.len()))
        };
        assert_eq!(lengths(&nobody), lengths(&known));
    }

    #[test]
    fn short_passwords_and_foreign_hashes_are_not_taken() {
        assert!(hash("too short").is_err());
        assert!(hash(&"x".repeat(MAX + 1)).is_err());
        assert!(!is_hash("plain"));
        assert!(!is_hash("$2b$12$abcdefghijklmnopqrstuv"));
    }
}
