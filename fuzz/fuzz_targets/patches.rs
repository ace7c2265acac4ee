//! Changes that agents propose.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::patches::check(bytes));
