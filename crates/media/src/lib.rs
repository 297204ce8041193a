//! Media that callers point at or upload: fetched safely, looked at, judged against what channels
//! take, and kept.
//!
//! | module | does |
//! |---|---|
//! | [`guard`] | keeps connections to callers' addresses (media and callbacks) out of the inside |
//! | [`fetch`] | streams a link into a sink, in bounded time and bytes |
//! | [`probe`] | tells what a file is by looking into it |
//! | [`limits`] | what dialects and channels take, as one table, and the judgement by it |
//! | [`check`] | all four together, once per link and not once per recipient |
//! | [`fit`] | makes a picture fit that does not; off unless the operator turns it on |
//! | [`library`] | keeps uploads on disk or in an object store and serves them under signed paths |
//! | [`turns`] | shares what is scarce fairly among accounts |
//!
//! Start with [`check::Checker`]. It deliberately does not send anything and knows no message:
//! whether a bad file fails a step is its caller's decision. Times come from the caller; only how
//! long a fetch or a finding lasts is measured here.

#![warn(missing_docs)]

pub mod check;
pub mod fetch;
pub mod fit;
pub mod guard;
pub mod library;
pub mod limits;
pub mod probe;
#[cfg(test)]
mod testing;
pub mod turns;
