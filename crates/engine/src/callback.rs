//! The back-off machine of pushed reports.
