//! The one clock and the one source of randomness of the program.

use model::{BatchId, MessageId, Time};

/// Now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// 128 random bits from the operating system.
///
/// # Panics
/// If the operating system has no randomness to give; nothing sound can be done then.
#[must_use]
pub fn random() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    u128::from_ne_bytes(bytes)
}

/// A new message id.
#[must_use]
pub fn message_id(now: Time) -> MessageId {
    MessageId::new(now, random())
}

/// A new batch id.
#[must_use]
pub fn batch_id(now: Time) -> BatchId {
    BatchId::new(now, random())
}

/// A random number in `0..bound`.
#[must_use]
pub fn below(bound: u64) -> u64 {
    if bound == 0 { 0 } else { (random() as u64) % bound }
}
