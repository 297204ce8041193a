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
mod media;
mod process;
mod reference;
mod restore;
mod telesign;
mod tidy;
mod upgrade;
mod vendors;
