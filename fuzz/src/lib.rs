//! What the fuzz targets do with bytes from outside, and what must hold of the outcome.
//!
//! Each file in `targets/` hands its bytes to one function here, or to one of
//! the modules `fuzzing` of our crates where the parsers are private. `docs/fuzzing.md` says how to run them.

pub mod config;
pub mod keys;
pub mod media;
pub mod requests;
mod wire;
