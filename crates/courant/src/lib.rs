//! Courant: the gateway itself. The binary in `main.rs` is only its command line.
//!
//! Where to start: [`app`] builds and starts everything; [`server`] is the HTTP side, whose
//! `northbound` module takes a request through its dialect; [`desk`] stores what is asked and
//! carries events to messages; [`dispatch`] decides when attempts leave and [`outbound`] hands
//! them to networks; [`mediadesk`] sees to media before; [`callbacks`] tells callers. The decisions themselves are the `engine`
//! crate's.

pub mod accounts;
pub mod app;
pub mod auth;
pub mod callbacks;
pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
pub mod desk;
pub mod dispatch;
pub mod mediadesk;
pub mod metrics;
pub mod outbound;
pub mod retention;
pub mod routes;
pub mod server;
pub mod timers;
