//! Who is told what, and that nothing is learnt from how long it takes.

use std::cell::Cell;

use dialects::by_name;
use model::{Span, Time};

use super::*;
use crate::config::{Config, SANDBOX, Source};

/// The sandbox's accounts, the other one with more keys than the first.
fn accounts() -> Accounts {
    let source = Source { name: "sandbox".to_owned(), text: SANDBOX.to_owned() };
    let keys = r#"account[other].dialects.telesign.api_keys=["b3RoZXItYWNjb3VudC1rZXk=", "bW9yZQ=="]"#;
    let config = Config::parse(&source, &[keys.to_owned()]).expect("the sandbox's configuration");
    Accounts::new(&config).expect("accounts")
}

fn signed(signature: &[u8]) -> Proof {
    Proof::Hmac(Signed {
        algorithm: HmacAlgorithm::Sha256,
        candidates: vec![b"one".to_vec(), b"two".to_vec(), b"three".to_vec()],
        signature: signature.to_vec(),
        date: Some(Time::from_secs(0)),
        tolerance: Span::from_mins(15),
        nonce: None,
        once: false,
    })
}

thread_local! {
    static WORK: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Notes one comparison or one hash.
pub(super) fn note(hashes: usize) {
    WORK.with(|work| {
        let (compared, hashed) = work.get();
        work.set((compared + 1, hashed + hashes));
    });
}

/// What is said, and how many comparisons and keyed hashes it took.
fn work(principal: &str, proof: Proof) -> (Result<(), AuthFault>, (usize, usize)) {
    let dialect = by_name("telesign").expect("a dialect");
    let credentials = Credentials { principal: principal.to_owned(), proof };
    WORK.set((0, 0));
    let said = match check(dialect, &credentials, &accounts()) {
        Ok(_) => Ok(()),
        Err(Refusal::Unauthenticated(fault)) => Err(fault),
        Err(other) => panic!("{other:?}"),
    };
    (said, WORK.get())
}

const KNOWN: &str = "12345678-9ABC-DEF0-1234-56789ABCDEF0";
const OTHER: &str = "FFFFFFFF-EEEE-DDDD-CCCC-BBBBBBBBBBBB";
const KEY: &str = "vjE/ZDfPvDkuGNsuqCFFO4neYIs=";

#[test]
fn an_unknown_name_costs_what_a_known_one_with_a_wrong_proof_costs() {
    for proof in [Proof::Plain("wrong".to_owned()), signed(b"wrong"), signed(&[0; 32])] {
        let (unknown, without) = work("NOBODY", proof.clone());
        let (known, with) = work(KNOWN, proof);
        assert_eq!(unknown, Err(AuthFault::UnknownPrincipal));
        assert!(matches!(known, Err(AuthFault::WrongSecret | AuthFault::WrongSignature)), "{known:?}");
        assert_eq!(without, with);
        let (_, more) = work(OTHER, signed(b"wrong"));
        let (_, few) = work(KNOWN, signed(b"wrong"));
        assert_eq!(more, few, "nor does the number of keys show");
    }
}

#[test]
fn a_right_proof_costs_what_a_wrong_one_costs() {
    let (right, with) = work(KNOWN, Proof::Plain(KEY.to_owned()));
    let (wrong, without) = work(KNOWN, Proof::Plain("x".repeat(KEY.len())));
    assert_eq!((right, wrong), (Ok(()), Err(AuthFault::WrongSecret)));
    assert_eq!(with, without);
    let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, KEY).expect("base64");
    let first = keyed_hash(HmacAlgorithm::Sha256, &key, b"one");
    let last = keyed_hash(HmacAlgorithm::Sha256, &key, b"three");
    let ((first, with), (last, without)) = (work(KNOWN, signed(&first)), work(KNOWN, signed(&last)));
    assert_eq!((first, last), (Ok(()), Ok(())));
    assert_eq!(with, without);
    assert_eq!(with.1, 2 * 3, "every candidate is hashed, whichever fits, with as many keys as anybody has");
}

#[test]
fn a_proof_of_one_kind_is_not_taken_for_another() {
    // The text of the key as the key of a hash, and the decoded key as a password.
    let tag = keyed_hash(HmacAlgorithm::Sha256, KEY.as_bytes(), b"one");
    assert_eq!(work(KNOWN, signed(&tag)).0, Err(AuthFault::WrongSignature));
    assert_eq!(work(KNOWN, Proof::Session(KEY.to_owned())).0, Err(AuthFault::WrongSecret));
    // What is compared with the secret of nobody proves nobody.
    assert_eq!(work("NOBODY", Proof::Plain("nobody".to_owned())).0, Err(AuthFault::UnknownPrincipal));
}
