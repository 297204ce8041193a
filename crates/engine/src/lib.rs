//! The engine: what happens to a message, decided without I/O.
//!
//! [`Cascade`] is a pure state machine: it takes the time and an [`Event`], changes the
//! [`State`] and says what to do as [`Command`]s and why as [`Decision`]s. It has no clock, no
//! randomness and no runtime; the same events in the same order give the same state and the same
//! commands. [`callback`] holds the back-off machine of pushed reports.
//!
//! Start with [`cascade`]; the rules it follows are the table in `docs/cascade.md`, each row
//! naming its test.

#![warn(missing_docs)]

pub mod callback;
pub mod cascade;

pub use cascade::{Advice, Cascade, Command, Decision, Event, Output, Outstanding, Queued, Rules, State};
