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
mod harness;
mod isolation;
mod media;
mod privacy;
mod process;
mod reference;
mod replay;
mod restore;
mod telesign;
mod tidy;
mod tls;
mod upgrade;
mod vendors;
