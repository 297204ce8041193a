//! The networks, simulated as fast as possible: what is measured is the gateway.

pub(crate) mod graph;
pub(crate) mod origin;
pub(crate) mod pdu;
pub(crate) mod smsc;
