//! The whole program over real sockets: requests of callers in, simulated networks at the other
//! end, callbacks caught by the sandbox's webhook bin.

mod abuse;
mod admin;
mod bad_days;
mod behaviours;
mod billing;
mod callback_guard;
mod cli;
mod configuration;
mod console;
mod console_work;
mod crash;
mod durability;
mod faults;
mod footprint;
mod harness;
mod isolation;
mod logs;
mod media;
mod ops;
mod privacy;
mod process;
mod reach;
mod readiness;
mod reference;
mod replay;
mod restore;
mod settings;
mod telesign;
mod tidy;
mod tls;
mod traces;
mod upgrade;
mod vendors;
