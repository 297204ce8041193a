//! The desk: takes calls and events, lets the engine decide, saves, and only then has things done.
//!
//! [`accept`] turns submissions into stored messages, [`shard`] carries events to messages,
//! [`plans`] makes plans, [`queries`] answers questions, [`sink`] takes what networks tell,
//! [`orphans`] holds what they tell too early, [`lost`] finds hand-overs that a crash left open.

pub mod accept;
pub mod lost;
pub mod orphans;
pub mod plans;
pub mod queries;
pub mod scenarios;
pub mod sessions;
pub mod shard;
pub mod sink;
pub mod transition;
