//! The one clock and the one source of randomness of the program.
//!
//! All that is stored and all alarms go by [`now`], which never steps: see [`steady`].

mod steady;

use std::{cell::RefCell, sync::Mutex};

use model::{BatchId, MessageId, Time};

use self::steady::Steady;

static CLOCK: Mutex<Steady> = Mutex::new(Steady::new());

/// Now. It never goes back, and a step of the system's clock shows in it slowly.
#[must_use]
pub fn now() -> Time {
    #[cfg(feature = "sim")]
    if let Some(now) = substitute::with(|source| source.now()) {
        return now;
    }
    let mut clock = CLOCK.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    clock.read(steady::uptime(), wall_now())
}

/// What the system's clock says now, steps and all: to compare with what others say is now.
#[must_use]
pub fn wall() -> Time {
    #[cfg(feature = "sim")]
    if let Some(now) = substitute::with(|source| source.now()) {
        return now;
    }
    wall_now()
}

/// How far the system's clock is ahead of [`now`], in microseconds; negative if it is behind.
#[must_use]
pub fn ahead() -> i64 {
    wall().as_micros().saturating_sub(now().as_micros())
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn wall_now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// 128 random bits from the operating system.
///
/// # Panics
/// If the operating system has no randomness to give; nothing sound can be done then.
#[must_use]
pub fn random() -> u128 {
    #[cfg(feature = "sim")]
    if let Some(random) = substitute::with(|source| source.random()) {
        return random;
    }
    POOL.with_borrow_mut(Pool::take)
}

/// Randomness fetched ahead, because each fetch is a call of the operating system.
struct Pool {
    bytes: [u8; 512],
    /// How many of them are not given away yet, from the beginning.
    left: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; 512], left: 0 }) };
}

impl Pool {
    fn take(&mut self) -> u128 {
        if self.left == 0 {
            getrandom::fill(&mut self.bytes).expect("the operating system gives randomness");
            self.left = self.bytes.len();
        }
        self.left -= 16;
        let given = &mut self.bytes[self.left..self.left + 16];
        let random = u128::from_ne_bytes((&*given).try_into().expect("sixteen bytes"));
        // Nothing that was given away is kept.
        given.fill(0);
        random
    }
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

/// A clock and a die of the simulation in place of the system's, for one thread at a time.
#[cfg(feature = "sim")]
pub mod substitute {
    use std::{cell::RefCell, rc::Rc};

    use model::Time;

    /// Where time and randomness come from instead.
    pub trait Source {
        /// Now.
        fn now(&self) -> Time;
        /// 128 bits.
        fn random(&self) -> u128;
    }

    thread_local! {
        static CURRENT: RefCell<Option<Rc<dyn Source>>> = const { RefCell::new(None) };
    }

    /// Puts a source in place on this thread, or the system's back.
    pub fn put(source: Option<Rc<dyn Source>>) {
        CURRENT.with(|current| *current.borrow_mut() = source);
    }

    pub(super) fn with<T>(ask: impl FnOnce(&dyn Source) -> T) -> Option<T> {
        CURRENT.with(|current| current.borrow().as_deref().map(ask))
    }
}
