//! The desk: takes calls and events, lets the engine decide, saves, and only then has things done.
//!
//! [`accept`] turns submissions into stored messages, [`shard`] carries events to messages,
//! [`plans`] makes plans, [`queries`] answers questions, [`logs`] lists, [`sink`] takes what networks
//! tell, [`orphans`] holds what they tell too early, [`lost`] finds hand-overs that a crash left open;
//! [`stored_plans`] knows the plans that accounts add, [`foresee`] what can be told of one before
//! anything is sent.

pub mod accept;
pub mod foresee;
pub mod logs;
pub mod lost;
pub mod orphans;
pub mod plans;
pub mod queries;
pub mod scenarios;
pub mod sessions;
pub mod shard;
pub mod sink;
pub mod stored_plans;
pub mod transition;
