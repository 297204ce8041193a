//! Micro benchmarks.
fn main() {}
