//! Courant: the gateway itself. The binary in `main.rs` is only its command line.
//!
//! Where to start: [`app`] builds and starts everything, [`assembly`] the core of it; [`server`] is the HTTP side, whose
//! `northbound` module takes a request through its dialect; [`desk`] stores what is asked and
//! carries events to messages; [`dispatch`] decides when attempts leave and [`outbound`] hands
//! them to networks; [`mediadesk`] sees to media before; [`callbacks`] tells callers; [`billing`]
//! knows what it costs. The decisions themselves are the `engine` crate's. [`views`] is what people
//! see of all of it and [`operate`] what they do to it: [`admin`] is the API for both, [`console`]
//! the pages, and [`people`] who they are.

pub mod accounts;
pub mod admin;
pub mod app;
pub mod assembly;
pub mod auth;
pub mod backup;
pub mod billing;
pub mod callbacks;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod core;
pub mod desk;
pub mod dispatch;
pub mod exchanges;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod health;
pub mod mediadesk;
pub mod metrics;
pub mod operate;
pub mod outbound;
pub mod people;
pub mod retention;
pub mod routes;
pub mod server;
pub mod stats;
pub mod timers;
pub mod traces;
pub mod views;
