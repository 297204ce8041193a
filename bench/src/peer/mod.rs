//! The measured programs: each is started with a fresh data folder, asked over its own HTTP
//! interface, and ended by its process id.

pub(crate) mod child;
pub(crate) mod courant;
pub(crate) mod jasmin;
pub(crate) mod kannel;
