//! The simulated networks, asked over real sockets.

mod api;
mod bench;
mod durability;
mod esme;
mod sms;
mod whatsapp;
