//! Connectors over real sockets on loopback.

mod whatsapp_cloud;
