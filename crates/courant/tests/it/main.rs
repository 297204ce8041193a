//! The whole program over real sockets: requests of callers in, simulated networks at the other
//! end, callbacks caught by the sandbox's webhook bin.

mod behaviours;
mod crash;
mod durability;
mod harness;
mod media;
mod process;
mod telesign;
