//! The seeded simulation that tests our own code: the unmodified core of the gateway lives in a
//! world of simulated time, storage, networks, clients and receivers, in which everything that
//! can go wrong does, as the seed's dice fall. Never shipped.
//!
//! Start with [`run`]; [`world`] is what outlives the gateway's crashes, [`check`] what must hold
//! in the end. `docs/simulation.md` says what is simulated and how to replay a seed.

pub mod callers;
pub mod check;
pub mod dice;
pub mod memory;
pub mod network;
pub mod orders;
pub mod payments;
pub mod profile;
pub mod run;
pub mod time;
pub mod weather;
pub mod world;
