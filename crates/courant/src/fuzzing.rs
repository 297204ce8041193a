//! What the fuzz targets do with requests of callers and operators, and what must hold of the
//! outcome. Here, because the parsers are private; only with the feature `fuzzing`.

pub use crate::{admin::fuzzing::operators, server::idempotency::fuzzing::keys};
