//! Checks credentials: constant time, replay and clock included.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use dialects::{Credentials, Dialect, HmacAlgorithm, Proof, Secret, Signed};
use hmac::{Hmac, Mac};
use model::{Refusal, Time, call::AuthFault};
use subtle::ConstantTimeEq;

use crate::accounts::{Account, Accounts, Known};

/// Who asks, established.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account.
    pub account: Arc<Account>,
    /// The name it presented itself by.
    pub principal: String,
}

/// Most nonces remembered; beyond, the oldest are forgotten first.
const MAX_NONCES: usize = 500_000;

/// Nonces seen lately.
#[derive(Debug, Default)]
pub struct Nonces {
    inner: Mutex<NonceBook>,
}

#[derive(Debug, Default)]
struct NonceBook {
    seen: HashMap<(String, String), Time>,
    order: VecDeque<(Time, (String, String))>,
}

impl Nonces {
    /// Whether this is the first time; remembers it until `until`.
    fn first_use(&self, principal: &str, nonce: &str, now: Time, until: Time) -> bool {
        let mut book = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        while book.order.front().is_some_and(|(expires, _)| *expires < now) || book.order.len() > MAX_NONCES {
            if let Some((_, key)) = book.order.pop_front() {
                book.seen.remove(&key);
            }
        }
        let key = (principal.to_owned(), nonce.to_owned());
        if book.seen.contains_key(&key) {
            return false;
        }
        book.seen.insert(key.clone(), until);
        book.order.push_back((until, key));
        true
    }
}

/// Checks a proof that names its principal (sessions are looked up elsewhere).
///
/// # Errors
/// [`Refusal::Unauthenticated`] with the fault.
pub fn check(
    dialect: &dyn Dialect,
    credentials: &Credentials,
    accounts: &Accounts,
    nonces: &Nonces,
    now: Time,
) -> Result<Caller, Refusal> {
    let known = accounts.known(dialect, &credentials.principal);
    // An unknown name costs as much time as a known one.
    let nobody = [Secret::Plain("nobody".to_owned()), Secret::Hmac(b"nobody".to_vec())];
    let secrets = known.map_or(&nobody[..], |known| &known.secrets);
    let proven = proves(&credentials.proof, secrets);
    let Some(known) = known else { return fault(AuthFault::UnknownPrincipal) };
    if !proven {
        return fault(match credentials.proof {
            Proof::Hmac(_) => AuthFault::WrongSignature,
            Proof::Plain(_) | Proof::Session(_) => AuthFault::WrongSecret,
        });
    }
    if let Proof::Hmac(signed) = &credentials.proof {
        check_freshness(&credentials.principal, signed, nonces, now)?;
    }
    admit(known, &credentials.principal)
}

fn admit(known: &Known, principal: &str) -> Result<Caller, Refusal> {
    if known.account.config.suspended {
        return fault(AuthFault::Suspended);
    }
    Ok(Caller { account: Arc::clone(&known.account), principal: principal.to_owned() })
}

fn fault<T>(fault: AuthFault) -> Result<T, Refusal> {
    Err(Refusal::Unauthenticated(fault))
}

fn check_freshness(principal: &str, signed: &Signed, nonces: &Nonces, now: Time) -> Result<(), Refusal> {
    if let Some(date) = signed.date
        && (now.since(date) > signed.tolerance || date.since(now) > signed.tolerance)
    {
        return fault(AuthFault::ClockSkew);
    }
    let Some(nonce) = &signed.nonce else { return Ok(()) };
    let until = now + signed.tolerance.times(2);
    if nonces.first_use(principal, nonce, now, until) { Ok(()) } else { fault(AuthFault::Replayed) }
}

/// Whether any secret proves it. All are tried, so that time does not tell which.
fn proves(proof: &Proof, secrets: &[Secret]) -> bool {
    let mut right = subtle::Choice::from(0);
    for secret in secrets {
        right |= match (proof, secret) {
            (Proof::Plain(given), Secret::Plain(known)) => given.as_bytes().ct_eq(known.as_bytes()),
            (Proof::Hmac(signed), Secret::Hmac(key)) => signature_fits(signed, key),
            (Proof::Plain(_), Secret::Hmac(_))
            | (Proof::Hmac(_), Secret::Plain(_))
            | (Proof::Session(_), _) => subtle::Choice::from(0),
        };
    }
    right.into()
}

fn signature_fits(signed: &Signed, key: &[u8]) -> subtle::Choice {
    let mut right = subtle::Choice::from(0);
    for candidate in &signed.candidates {
        let tag = keyed_hash(signed.algorithm, key, candidate);
        right |= tag.ct_eq(&signed.signature);
    }
    right
}

fn keyed_hash(algorithm: HmacAlgorithm, key: &[u8], text: &[u8]) -> Vec<u8> {
    match algorithm {
        HmacAlgorithm::Sha1 => {
            let mut mac = Hmac::<sha1::Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        }
        HmacAlgorithm::Sha256 => {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        }
        HmacAlgorithm::Sha512 => {
            let mut mac = Hmac::<sha2::Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.update(text);
            mac.finalize().into_bytes().to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_refused_the_second_time_and_forgotten_after_its_time() {
        let nonces = Nonces::default();
        let at = Time::from_secs(1000);
        assert!(nonces.first_use("A", "n", at, Time::from_secs(1010)));
        assert!(!nonces.first_use("A", "n", at, Time::from_secs(1010)));
        assert!(nonces.first_use("B", "n", at, Time::from_secs(1010)));
        assert!(nonces.first_use("A", "n", Time::from_secs(1011), Time::from_secs(1020)));
    }
}
