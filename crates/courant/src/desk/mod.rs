//! The desk: takes calls and events, lets the engine decide, saves, and only then has things done.
//!
//! [`accept`] turns submissions into stored messages, [`shard`] carries events to messages,
//! [`plans`] makes plans, [`queries`] answers questions, [`sink`] takes what networks tell, with
//! [`orphans`] for what they tell too early.

pub mod accept;
pub mod orphans;
pub mod plans;
pub mod queries;
pub mod scenarios;
pub mod sessions;
pub mod shard;
pub mod sink;
pub mod transition;
