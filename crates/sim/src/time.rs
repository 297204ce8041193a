//! The clock of the simulated world: the wall clock follows the runtime's virtual time, jumps
//! when told to, and stands still while no process runs.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use courant::clock::substitute::{self, Source};
use model::{Span, Time};
use tokio::time::Instant;

use crate::dice::Dice;

/// The world begins here.
const BEGINNING: Time = Time::from_secs(1_800_000_000);

/// The clock, and the source of ids.
pub struct Clock {
    base: Cell<Time>,
    origin: Cell<Option<Instant>>,
    dice: RefCell<Dice>,
}

impl Clock {
    /// Puts a clock in place on this thread.
    #[must_use]
    pub fn install(seed: u64) -> Rc<Self> {
        let clock = Rc::new(Self {
            base: Cell::new(BEGINNING),
            origin: Cell::new(None),
            dice: RefCell::new(Dice::new(!seed)),
        });
        substitute::put(Some(Rc::clone(&clock) as Rc<dyn Source>));
        clock
    }

    /// From now on it follows the runtime.
    pub fn start(&self) {
        self.origin.set(Some(Instant::now()));
    }

    /// From now on it stands still.
    pub fn halt(&self) {
        self.base.set(self.now());
        self.origin.set(None);
    }

    /// It moves forward at once.
    pub fn jump(&self, by: Span) {
        self.base.set(self.base.get() + by);
    }
}

impl Source for Clock {
    fn now(&self) -> Time {
        let passed = self.origin.get().map_or(0, |origin| origin.elapsed().as_micros());
        self.base.get() + Span::from_micros(passed as u64)
    }

    fn random(&self) -> u128 {
        self.dice.borrow_mut().wide()
    }
}
