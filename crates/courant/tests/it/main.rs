//! The whole program over real sockets: requests of callers in, simulated networks at the other
//! end, callbacks caught by the sandbox's webhook bin.

mod admin;
mod bad_days;
mod behaviours;
mod billing;
mod cli;
mod configuration;
mod console;
mod console_work;
mod crash;
mod durability;
mod faults;
mod harness;
mod logs;
mod media;
mod ops;
mod process;
mod readiness;
mod reference;
mod restore;
mod settings;
mod telesign;
mod tidy;
mod traces;
mod upgrade;
mod vendors;
