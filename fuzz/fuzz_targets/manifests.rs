//! Manifests of agents.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::manifests::check(bytes));
