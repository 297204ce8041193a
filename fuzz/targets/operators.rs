#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| courant::fuzzing::operators(data));
