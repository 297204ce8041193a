//! Media that callers point at or upload: fetched safely, looked at, judged against what channels
//! take, and kept.
//!
//! Start with [`guard`]: every address that comes from a caller, for media or for callbacks, goes
//! through it.

#![warn(missing_docs)]

pub mod guard;
