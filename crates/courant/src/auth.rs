//! Checks credentials, in constant time. Whether a signed request is fresh is [`replay`]'s business.

pub mod replay;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use dialects::{Credentials, Dialect, HmacAlgorithm, Proof, Secret, Signed};
use hmac::{Hmac, Mac};
use model::{Refusal, call::AuthFault};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::accounts::{Account, Accounts, Known, Width};

/// Who asks, established.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account.
    pub account: Arc<Account>,
    /// The name it presented itself by.
    pub principal: String,
}

/// Checks a proof that names its principal (sessions are looked up elsewhere).
///
/// # Errors
/// [`Refusal::Unauthenticated`] with the fault.
pub fn check(
    dialect: &dyn Dialect,
    credentials: &Credentials,
    accounts: &Accounts,
) -> Result<Caller, Refusal> {
    let known = accounts.known(dialect, &credentials.principal);
    let secrets = known.map_or(&[][..], |known| &known.secrets);
    let proven = proves(&credentials.proof, secrets);
    // An unknown name, or one with few secrets, costs as much time as the one with the most.
    let _never = proves(&credentials.proof, &padding(secrets, accounts.widest(dialect)));
    let Some(known) = known else { return fault(AuthFault::UnknownPrincipal) };
    if !proven {
        return fault(match credentials.proof {
            Proof::Hmac(_) => AuthFault::WrongSignature,
            Proof::Plain(_) | Proof::Session(_) => AuthFault::WrongSecret,
        });
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

/// Secrets of nobody, as many as are missing to this width.
fn padding(secrets: &[Secret], widest: Width) -> Vec<Secret> {
    let width = Width::of(secrets);
    let plain = std::iter::repeat_n(Secret::Plain("nobody".to_owned()), widest.plain - width.plain);
    let hmac = std::iter::repeat_n(Secret::Hmac(b"nobody".to_vec()), widest.hmac - width.hmac);
    plain.chain(hmac).collect()
}

/// Whether any secret proves it. All are tried, so that time does not tell which.
fn proves(proof: &Proof, secrets: &[Secret]) -> bool {
    let mut right = subtle::Choice::from(0);
    for secret in secrets {
        #[cfg(test)]
        tests::note(0);
        right |= match (proof, secret) {
            (Proof::Plain(given), Secret::Plain(known)) => same(given, known),
            (Proof::Hmac(signed), Secret::Hmac(key)) => signature_fits(signed, key),
            (Proof::Plain(_), Secret::Hmac(_))
            | (Proof::Hmac(_), Secret::Plain(_))
            | (Proof::Session(_), _) => subtle::Choice::from(0),
        };
    }
    right.into()
}

/// Compares digests, so that time does not tell the length either.
fn same(given: &str, known: &str) -> subtle::Choice {
    let [given, known] = [given, known].map(|text| Sha256::digest(text.as_bytes()));
    given.as_slice().ct_eq(known.as_slice())
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
    #[cfg(test)]
    tests::note(1);
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
