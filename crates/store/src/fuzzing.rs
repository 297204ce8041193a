//! What the fuzz targets do with octets on the disk, and what must hold of the outcome. Here,
//! because the journal is private; only with the feature `fuzzing`.

pub use crate::sqlite::fuzzing::{journal, records};
