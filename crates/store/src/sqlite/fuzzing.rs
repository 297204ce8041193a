//! What the fuzz targets do with octets of the journal.

pub use super::{journal::fuzzing::journal, record::fuzzing::records};
