//! placeholder while the parts are compiled
